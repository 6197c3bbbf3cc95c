"""Two settings compared: pairs of runs, one or several seeds, trained to their planned ends."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from torch import Tensor

from ..analysis.paired import MAX_SEEDS, difference_over_seeds
from ..datasets.dataset import Dataset
from ..errors import UserError
from ..results import DevDifference, SeedsDifference
from ..run_spec import RunSpec
from ..training.time_slicer import TimeSlicer
from .session import Session
from .twins import Twins, another_dataset, can_train

_SLICE_SECONDS = 0.05


@dataclass(frozen=True, repr=False)
class Comparison:
    """What came of some pairs of runs.

    pairs: how the dev losses of each pair differ. train: of each pair, the train losses of A and B.
    last: the last pair. over_seeds: the difference over the pairs; None of a single one.
    """

    pairs: tuple[DevDifference, ...]
    train: tuple[tuple[float, float], ...]
    last: Twins
    over_seeds: SeedsDifference | None

    @property
    def difference(self) -> DevDifference | SeedsDifference:
        """How B's dev loss differs from A's: over the seeds, or of the only pair."""
        return self.over_seeds or self.pairs[0]

    def __repr__(self) -> str:
        return f"Comparison({self.difference.sentence!r})"


def pairs_of(a: RunSpec, b: RunSpec, seeds: int = 1) -> Iterator[Twins]:
    """New pairs of runs as two specs say, with their seeds and those that follow; one at a time.

    Raises UserError if there are too many seeds or too few, the datasets differ or can't be read,
    or the settings are too large.
    """
    if not 1 <= seeds <= MAX_SEEDS:
        raise UserError(f"seeds must be a whole number from 1 to {MAX_SEEDS}, not {seeds}")
    if a.data != b.data:
        raise another_dataset(a.dataset, b.dataset)
    dataset = Dataset.load(*a.data)
    for i in range(seeds):
        yield Twins(*(Session(dataset, spec.model, spec.train, spec.seed + i) for spec in (a, b)))


def compare(
    pairs: Iterable[Twins],
    advance: Callable[[int, Tensor], None] = lambda steps, losses: None,
    train_loss: Callable[[Session], float] = lambda session: session.evaluate("train").loss,
) -> Comparison:
    """Train pairs of runs to their planned ends, and compare the dev losses.

    pairs: such as those of `pairs_of`. advance: called after each slice of training with how many
    steps of all pairs were taken, and the newest losses. train_loss: of a run at its end.
    """
    found, train, steps, twins = [], [], 0, None
    for twins in pairs:
        for losses in _train(twins):
            steps += losses.shape[-1]
            advance(steps, losses)
        found.append(twins.evaluate())
        train.append((train_loss(twins.a), train_loss(twins.b)))
    if twins is None:
        raise UserError("there is nothing to compare")
    over_seeds = None
    if len(found) > 1:
        over_seeds = difference_over_seeds([one.a for one in found], [one.b for one in found])
    return Comparison(tuple(found), tuple(train), twins, over_seeds)


def _train(twins: Twins) -> Iterator[Tensor]:
    """Train both to their planned ends; the losses of A, or of B where A has stopped, of each
    slice."""
    slicer = TimeSlicer(_SLICE_SECONDS)
    while left := [one for one in (twins.a, twins.b) if _steps_left(one)]:
        one = twins if len(left) == 2 else left[0]
        losses = slicer.train(one, min(map(_steps_left, left)))
        yield losses if losses.dim() == 1 else losses[0]


def _steps_left(session: Session) -> int:
    """How many steps of its plan a session can take."""
    return max(0, session.trainer.last_step - session.step) if can_train(session) else 0
