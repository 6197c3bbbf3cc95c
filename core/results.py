"""The values that analyses and sessions return and screens draw: frozen and torch-free.

Losses and surprisals are in nats a character.
"""

from pathlib import PurePath
from typing import Literal, NamedTuple

from msgspec import Struct

from .reading import PLAIN, Reading
from .settings import ModelSettings, TrainSettings

BigramMode = Literal[
    "model",  # P(next | previous) by the model
    "counted",  # the same as counted
    "counts",  # N
    "difference",  # model minus counted
    "columns",  # N divided along the wrong dimension, so that columns sum to 1
    "weights",  # W of a neural bigram
    "log-counts",  # ln N
    "gradient",  # W.grad, of the loss of the training split
]
BigramOrder = Literal["id", "frequency"]


class DatasetFacts(Struct, frozen=True):
    """A dataset: its characters' labels by id; its source is a built-in name or a file's path.
    notes: what was changed in reading it, in sentences."""

    name: str
    items: int
    labels: tuple[str, ...]
    source: str = ""
    unique: bool = False
    reading: Reading = PLAIN
    notes: tuple[str, ...] = ()

    @property
    def characters(self) -> int:
        """The number of characters, with the boundary."""
        return len(self.labels)


class DatasetStats(Struct, frozen=True):
    """A dataset in numbers: its characters with the boundary, its shortest and longest item in
    characters, the examples of train, dev and test, and the items of dev and of test that also
    occur in train (`seen`). notes: what was changed in reading it, in sentences."""

    name: str
    unique: bool
    path: str
    items: int
    distinct: int
    characters: int
    shortest: int
    longest: int
    examples: tuple[int, int, int]
    seen: tuple[int, int]
    notes: tuple[str, ...] = ()


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


class Mark(NamedTuple):
    """The step from which edits took effect, and a short label of them: "hidden 300"."""

    step: int
    label: str


class Resizing(Struct, frozen=True):
    """A change of the model's size during training, and the dev loss before and after it on a share
    of dev (None if the model only grew, which does not change the loss)."""

    step: int
    label: str
    before: float | None = None
    after: float | None = None
    dev_share: float = 1.0


class Divergence(Struct, frozen=True):
    """The first step whose loss had exploded or was not finite, the last edit before it, and the
    edit that undo takes back to before that (None if it can't). is_finite: False if the weights
    are not, so that training can't go on."""

    step: int
    after: Mark | None
    way_back: str | None = None
    is_finite: bool = False


class PreviousRun(Struct, frozen=True):
    """A previous run, named by the settings in which it differs from the present run and its best
    dev loss. id: unique among the runs of a session. folder: where it is saved; "" if it is not.
    test_peeks: how often its test split was evaluated. is_pinned: kept whatever comes after it."""

    name: str
    model: ModelSettings
    train: TrainSettings
    seed: int
    steps: int
    best_dev: float | None
    id: int = 0
    folder: str = ""
    test_peeks: int = 0
    is_pinned: bool = False


class Saving(Struct, frozen=True):
    """How the present run is saved: the directory of all runs, its own folder ("" before it is
    first saved), the last step that is saved, what was just done in a sentence (`note`), and why
    the last attempt to save failed (`problem`)."""

    directory: str
    folder: str
    step: int
    named: bool = False
    note: str = ""
    problem: str | None = None

    @property
    def name(self) -> str:
        """The run's name; "" before it is first saved."""
        return PurePath(self.folder).name.removesuffix(".safetensors")


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


class Follower(Struct, frozen=True):
    """A character (id) that may follow another: P(it | other) by the model and by the counts, its
    count, and the weight of a neural bigram."""

    character: int
    probability: float
    counted: float
    count: int = 0
    weight: float | None = None


class PairFacts(Struct, frozen=True):
    """One pair of characters (ids): its count in the data, its probability by the model and by the
    counts, the rank of `following` among all that may follow by the model (1 is the likeliest), the
    likeliest followers by the model, and some items that contain the pair. weight, gradient: of a
    neural bigram."""

    previous: int
    following: int
    count: int
    probability: float
    rank: int
    counted: float = 0.0
    followers: tuple[Follower, ...] = ()
    words: tuple[str, ...] = ()
    weight: float | None = None
    gradient: float | None = None


class BigramTable(Struct, frozen=True):
    """A window of the bigram table: values[i][j] is of row top+i and column left+j.

    order: the character ids of rows and of columns; () is by id. divergences: KL(counted || model)
    of each row in the window, in nats; infinite if the model gives a counted pair probability 0.
    is_estimate: True if the model's row at the cursor is a mean over only some of its contexts.
    row_sums, column_sums: of the window's rows and columns along the whole table, where they say
    something: of counts, and of what is made of them by division."""

    top: int
    left: int
    values: list[list[float]]
    pair: PairFacts
    mode: BigramMode = "model"
    order: tuple[int, ...] = ()
    cursor: tuple[int, int] = (0, 0)
    divergences: list[float] = []
    is_estimate: bool = False
    row_sums: list[float] = []
    column_sums: list[float] = []


class Sample(Struct, frozen=True):
    """A name that a model made. seen: True if it also occurs in the data."""

    text: str
    seen: bool


class SampledNames(Struct, frozen=True):
    """Names that a model made (and those that the other of a pair made of the same random numbers,
    `other`), and of the last `remembered` ones the share that is not in the data
    (`new`), the share of different ones among them, and their mean length; data_length: the mean
    length of the data's items. Both are in characters."""

    samples: tuple[Sample, ...] = ()
    remembered: int = 0
    new: float = 0.0
    distinct: float = 0.0
    mean_length: float = 0.0
    data_length: float = 0.0
    other: tuple[Sample, ...] = ()


class Unavailable(Struct, frozen=True):
    """Why something can't be computed for this model or this text."""

    why: str


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


class EmbeddingMap(Struct, frozen=True):
    """The characters' embeddings, by id, as points of a plane: that of the first two principal
    components, if there are more dimensions. shares: of the variance, along each of its axes."""

    labels: tuple[str, ...]
    points: list[tuple[float, float]]
    vowels: list[bool]
    dimensions: int
    shares: tuple[float, float]
    boundary: int = 0


class Candidate(Struct, frozen=True):
    """A character that may come next, and its probability."""

    label: str
    probability: float


class ProbedCharacter(Struct, frozen=True):
    """A character of a text: P(it | those before it), -ln of that, the likeliest others; and
    itself (its label is for a screen)."""

    label: str
    probability: float
    surprisal: float
    alternatives: tuple[Candidate, ...]
    text: str = ""


class Draw(Struct, frozen=True):
    """The character that a random number from [0, 1) draws after a text: that in whose interval of
    cumulative probabilities, by id, the number is, from `low` on and below `high`.

    index: of the sample that it is a part of. label: for a screen. text: the character; "" for the
    boundary, which ends the item."""

    index: int
    number: float
    low: float
    high: float
    label: str
    text: str


class Probe(Struct, frozen=True):
    """How likely the model holds a text: the characters that may follow it, likeliest first; its
    own as a whole item, the last of them the boundary; their mean surprisal; and the dev loss.
    next: the character that would be drawn after it."""

    text: str
    following: tuple[Candidate, ...]
    characters: tuple[ProbedCharacter, ...]
    mean: float
    dev: float | None
    next: Draw | None = None


class TensorHealth(Struct, frozen=True):
    """A tensor's standard deviations, of gradient and weights; log10(update's / weights'), or None
    if either is 0."""

    name: str
    gradient: float
    weight: float
    ratio: float | None


class Diagnosis(Struct, frozen=True):
    """The name of the rule that applies to a run, and its sentence."""

    name: str
    sentence: str


class Health(Struct, frozen=True):
    """The health of a training run, measured on a fixed sample of the train split.

    first_loss: of the run's first weights. uniform: ln V. saturated: the share of activations with
    |a| > 0.97. dead: the share of hidden units with |a| > 0.99 for every example. histogram:
    activations from -1 to 1 in equal bins. All three are None without a hidden layer; the shares
    are NaN if an activation is. usual_ratios: the range of normal ratios. update: the step that
    they are of, in words. gap: the dev loss minus the train loss. unusual: what is not as it should
    be of "first loss", "gap", "saturated", "dead" and "ratio". train_on: what the examples are the
    first of. note: a sentence on how the model was made, if there is one to tell."""

    step: int
    examples: int
    first_loss: float
    uniform: float
    saturated: float | None
    dead: float | None
    histogram: list[int] | None
    tensors: tuple[TensorHealth, ...]
    usual_ratios: tuple[float, float]
    update: str
    train: float | None
    dev: float | None
    gap: float | None
    diagnosis: Diagnosis
    unusual: tuple[str, ...] = ()
    train_on: str = "train"
    note: str = ""


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


class BigramsView(Struct, frozen=True):
    """A window of the bigram table, and the pair at the cursor (row, column), with so many of its
    likeliest followers."""

    top: int
    left: int
    rows: int
    columns: int
    cursor: tuple[int, int]
    mode: BigramMode = "model"
    order: BigramOrder = "id"
    followers: int = 5
