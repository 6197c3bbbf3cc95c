"""What the explorer and its worker say to each other. Torch-free, frozen, plain values."""

from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from .settings import ModelSettings, TrainSettings

State = Literal["training", "paused", "finished", "diverged"]


@dataclass(frozen=True)
class Start:
    """Begin: read this dataset and make this session."""

    dataset: str
    unique: bool
    model: ModelSettings
    train: TrainSettings
    seed: int


@dataclass(frozen=True)
class LossView:
    """The loss curve from a share of the run on: 0 is all of it, 0.9 its last tenth."""

    from_share: float
    points: int


@dataclass(frozen=True)
class BigramsView:
    """A window of the bigram table, and the pair under the cursor."""

    top: int
    left: int
    rows: int
    columns: int
    cursor: tuple[int, int]


@dataclass(frozen=True)
class NamesView:
    """Some fresh samples."""

    count: int


View = LossView | BigramsView | NamesView


@dataclass(frozen=True)
class Refresh:
    """Send a snapshot with these views."""

    views: tuple[View, ...]


@dataclass(frozen=True)
class Edit:
    """Change settings by name."""

    changes: dict[str, Any]


@dataclass(frozen=True)
class Pause:
    """Stop training."""


@dataclass(frozen=True)
class Resume:
    """Train on."""


@dataclass(frozen=True)
class Step:
    """Take one step, and pause."""


@dataclass(frozen=True)
class Restart:
    """Begin again, with the same seed or another."""

    seed: int


@dataclass(frozen=True)
class EvaluateTest:
    """Evaluate the test split."""


@dataclass(frozen=True)
class Undo:
    """Take back the last edit, restart or return."""


@dataclass(frozen=True)
class Redo:
    """Do again what was undone."""


@dataclass(frozen=True)
class ReturnTo:
    """Go on with a former run, by its index in the snapshot; the present one takes its place."""

    index: int


Request = (
    Start | Refresh | Edit | Pause | Resume | Step | Restart | EvaluateTest | Undo | Redo | ReturnTo
)


@dataclass(frozen=True)
class DatasetFacts:
    """What the screen says of a dataset."""

    name: str
    items: int
    labels: tuple[str, ...]

    @property
    def characters(self) -> int:
        """The characters, the boundary counted."""
        return len(self.labels)


@dataclass(frozen=True)
class SplitLosses:
    """Train and dev loss at a step, in nats a character.

    train_share, dev_share: what share of the split was looked at.
    """

    step: int
    train: float
    dev: float
    dev_seen: float | None
    dev_unseen: float | None
    train_share: float
    dev_share: float = 1.0


@dataclass(frozen=True)
class TestLoss:
    """The test loss at a step."""

    __test__ = False

    step: int
    loss: float


class Mark(NamedTuple):
    """The step from which edits took effect, and what they were in few signs: "hidden 300"."""

    step: int
    label: str


@dataclass(frozen=True)
class Resizing:
    """A change of the model's size while it learns.

    before, after: the dev loss in nats; None where the model only grew, for that doesn't move it.
    dev_share: of what share of the dev split.
    """

    step: int
    label: str
    before: float | None = None
    after: float | None = None
    dev_share: float = 1.0


@dataclass(frozen=True)
class Divergence:
    """The step whose loss was the first that wasn't finite, and the last edit before it."""

    step: int
    after: Mark | None


@dataclass(frozen=True)
class FormerFacts:
    """A former run.

    name: the settings in which it differs from the run after it, and its best dev loss.
    best_dev, last_dev: in nats; None where none is known.
    """

    name: str
    model: ModelSettings
    train: TrainSettings
    seed: int
    steps: int
    best_dev: float | None
    last_dev: float | None


@dataclass(frozen=True)
class LossCurve:
    """Minibatch losses: each point's middle step, and the lowest, mean and highest loss there.

    former: of each former run a few points, (step, mean loss).
    """

    steps: list[float]
    low: list[float]
    mean: list[float]
    high: list[float]
    total_steps: int
    dev: list[tuple[int, float]] = field(default_factory=list)
    former: list[list[tuple[float, float]]] = field(default_factory=list)


@dataclass(frozen=True)
class PairFacts:
    """One pair of characters: how often it stands in the data, and what the model makes of it."""

    previous: int
    following: int
    count: int
    probability: float
    rank: int


@dataclass(frozen=True)
class BigramTable:
    """A window of P(next | previous): probabilities[i][j] for ids top+i and left+j."""

    top: int
    left: int
    probabilities: list[list[float]]
    pair: PairFacts


@dataclass(frozen=True)
class Name:
    """A sampled name, as text that is safe to show."""

    text: str
    seen: bool


@dataclass(frozen=True)
class Starting:
    """What the worker is busy with before its first snapshot."""

    what: str


@dataclass(frozen=True)
class Refused:
    """A request that could not be done; nothing has changed."""

    why: str


@dataclass(frozen=True)
class Failed:
    """The session could not be begun at all."""

    why: str


@dataclass(frozen=True)
class Snapshot:
    """The state of the session after a request, and the views that were asked for.

    runs: how many runs were begun; going back to a former one begins none.
    test_asked: how often the test loss was asked for, in all runs of this session.
    marks: a mark for each step at which settings were edited on the way here, the newest last.
    can_undo, can_redo: what would be undone or done again, in few signs; None for nothing.
    resized: the newest change of size on the way here.
    former: former runs, the newest last.
    """

    state: State
    step: int
    steps_per_second: float
    seed: int
    model: ModelSettings
    train: TrainSettings
    learning_rate: float
    parameters: int
    dataset: DatasetFacts
    splits: SplitLosses | None
    test: TestLoss | None
    runs: int
    test_asked: int = 0
    is_refresh: bool = False
    marks: tuple[Mark, ...] = ()
    can_undo: str | None = None
    can_redo: str | None = None
    resized: Resizing | None = None
    divergence: Divergence | None = None
    former: tuple[FormerFacts, ...] = ()
    loss: LossCurve | None = None
    bigrams: BigramTable | None = None
    names: tuple[Name, ...] | None = None


Reply = Starting | Refused | Failed | Snapshot
