"""Losses, in nats a character: of minibatches, of the splits, of n-gram baselines."""

from msgspec import Struct


class MixedLosses(Struct, frozen=True):
    """Train and dev loss of counts alone, and of a network mixed with them; weight: of the
    counts."""

    weight: float
    train_counts: float
    dev_counts: float
    train: float
    dev: float


class SplitLosses(Struct, frozen=True):
    """Train and dev loss of the model at a step, on a share of each split; the dev loss also of the
    items that occur in train (`seen`) and of those that do not. mixed: None without a mixture."""

    step: int
    train: float
    dev: float
    dev_seen: float | None
    dev_unseen: float | None
    train_share: float
    dev_share: float = 1.0
    mixed: MixedLosses | None = None

    @property
    def predicted_dev(self) -> float:
        """The dev loss of what predicts: the mixture, or the model alone."""
        return self.mixed.dev if self.mixed else self.dev


class TestLoss(Struct, frozen=True):
    """The test loss of the model at a step, and of counts and a mixture with them, if there are."""

    __test__ = False

    step: int
    loss: float
    counts: float | None = None
    mixed: float | None = None


class SavedCurve(Struct, frozen=True):
    """A few points (step, smoothed minibatch loss) of a saved run; none if it can't be read."""

    name: str
    best_dev: float | None
    points: list[tuple[float, float]]


class LossCurve(Struct, frozen=True):
    """Minibatch losses: each point's middle step, and its lowest, mean, highest and smoothed loss;
    the dev losses by step; and for each previous run a few points (step, smoothed loss).

    newest: the smoothed loss at the newest step, over a fixed number of steps. overlays: the saved
    runs asked for. target_step: when the dev loss first was at most the target, if it was. mixed:
    the dev losses of the network mixed with counts, where it was."""

    steps: list[float]
    low: list[float]
    mean: list[float]
    high: list[float]
    total_steps: int
    dev: list[tuple[int, float]] = []
    previous: list[list[tuple[float, float]]] = []
    smooth: list[float] = []
    newest: float | None = None
    overlays: list[SavedCurve] = []
    target_step: int | None = None
    mixed: list[tuple[int, float]] = []


class Baseline(Struct, frozen=True):
    """The dev loss of an n-gram model, or the floor under the training loss; k: what is added to
    every count, of add-k smoothing; order: of Kneser-Ney, the one with the lowest loss."""

    name: str
    loss: float
    k: float | None = None
    order: int | None = None

    @property
    def detail(self) -> str:
        """What was chosen on dev: "k 0.1", "order 6", or nothing."""
        if self.order is not None:
            return f"order {self.order}"
        return "" if self.k is None else f"k {self.k:.2g}"


class RateSearch(Struct, frozen=True):
    """Losses at rising learning rates: the lowest, mean and highest over some seeds.

    steps, done: planned and taken, for each seed. turns: the rate from which the loss rises;
    explodes: from which it is many times the lowest. suggested: a rate to use. All three are None
    if the loss does not rise. why: the reason for the suggestion, in words."""

    low: float
    high: float
    steps: int
    done: int
    seeds: int
    finished: bool
    rates: list[float]
    lowest: list[float]
    mean: list[float]
    highest: list[float]
    turns: float | None
    explodes: float | None
    suggested: float | None
    why: str
