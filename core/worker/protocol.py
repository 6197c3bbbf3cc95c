"""What the explorer and its worker say to each other. Torch-free, frozen, plain values."""

from typing import Any, Literal

from msgspec import Struct

from ..results import (
    Baseline,
    BigramsView,
    BigramTable,
    DatasetFacts,
    DatasetStats,
    Divergence,
    EmbeddingMap,
    Health,
    LossCurve,
    Mark,
    Name,
    PreviousRun,
    Probe,
    RateSearch,
    Resizing,
    Saving,
    SplitLosses,
    TestLoss,
    Unavailable,
)
from ..settings import ModelSettings, TrainSettings

State = Literal["training", "paused", "finished", "diverged"]


class Start(Struct, frozen=True):
    """Begin: read this dataset and make this session, or go on with a saved run.

    runs: the directory that runs are kept in, where they are saved by themselves; None saves none.
    most_bytes: what all those without a name may weigh there.
    resume: the folder of a saved run to go on with, instead of the dataset and the settings.
    paused: don't train before that is asked for.
    """

    dataset: str
    unique: bool
    model: ModelSettings
    train: TrainSettings
    seed: int
    runs: str | None = None
    most_bytes: int = 500_000_000
    resume: str | None = None
    paused: bool = False


class LossView(Struct, frozen=True):
    """The loss curve from a share of the run on: 0 is all of it, 0.9 its last tenth.

    steps: the first and the last to show, instead of a share.
    log_steps: whether the axis of steps is logarithmic, on which previous runs are even then.
    """

    from_share: float
    points: int
    steps: tuple[int, int] | None = None
    log_steps: bool = False


class NamesView(Struct, frozen=True):
    """Some fresh samples."""

    count: int


class EmbeddingView(Struct, frozen=True):
    """Where the characters lie in the embedding."""


class ProbeView(Struct, frozen=True):
    """What the model makes of a text: of each of its characters, and of what follows it.

    most: the likeliest next characters, at most so many.
    """

    text: str
    most: int = 100


class HealthView(Struct, frozen=True):
    """Activations, gradients and updates, and a diagnosis."""


View = LossView | BigramsView | NamesView | EmbeddingView | ProbeView | HealthView


class Refresh(Struct, frozen=True):
    """Send a snapshot with these views."""

    views: tuple[View, ...]


class Edit(Struct, frozen=True):
    """Change settings by name."""

    changes: dict[str, Any]


class Pause(Struct, frozen=True):
    """Stop training."""


class Resume(Struct, frozen=True):
    """Train on."""


class Step(Struct, frozen=True):
    """Take one step, and pause."""


class Restart(Struct, frozen=True):
    """Begin again, with the same seed or another."""

    seed: int


class EvaluateTest(Struct, frozen=True):
    """Evaluate the test split."""


class Undo(Struct, frozen=True):
    """Take back the last edit, restart or return."""


class Redo(Struct, frozen=True):
    """Do again what was undone."""


class ReturnTo(Struct, frozen=True):
    """Go on with a previous run, by its index in the snapshot; the present one takes its place."""

    index: int


class FindLearningRate(Struct, frozen=True):
    """Pause, and try rising learning rates on a copy; without a range, the optimizer's usual one.

    Snapshots carry its progress as `finder`, until `CancelFinder` or another model.
    """

    low: float | None = None
    high: float | None = None


class CancelFinder(Struct, frozen=True):
    """Stop the learning-rate finder, or forget what it found."""


class DescribeDataset(Struct, frozen=True):
    """Read a dataset, and say what it is in numbers; answered by a `DatasetStats`."""

    name: str
    unique: bool = False


class ChangeDataset(Struct, frozen=True):
    """Begin a new run on another dataset, with the same settings and seed."""

    name: str
    unique: bool = False


class NameRun(Struct, frozen=True):
    """Save the present run by this name."""

    name: str


class OpenRun(Struct, frozen=True):
    """Go on with the saved run in a folder, paused; `Undo` goes back."""

    folder: str


Request = (
    Start
    | Refresh
    | Edit
    | Pause
    | Resume
    | Step
    | Restart
    | EvaluateTest
    | Undo
    | Redo
    | ReturnTo
    | FindLearningRate
    | CancelFinder
    | DescribeDataset
    | ChangeDataset
    | NameRun
    | OpenRun
)


class Starting(Struct, frozen=True):
    """What the worker is busy with before its first snapshot."""

    what: str


class Refused(Struct, frozen=True):
    """A request that could not be done; nothing has changed."""

    why: str


class Failed(Struct, frozen=True):
    """The session could not be begun at all."""

    why: str


ENDED_LATE = 4  # the exit code of a worker that had no time to save its run


class Unsaved(Struct, frozen=True):
    """The worker ends, and the run could not be saved."""

    why: str


class Snapshot(Struct, frozen=True):
    """The state of the session after a request, and the views that were asked for.

    runs: how many runs were begun; going back to a previous one begins none.
    test_asked: how often the test loss was asked for, in all runs of this session.
    marks: a mark for each step at which settings were edited on the way here, the newest last.
    can_undo, can_redo: what would be undone or done again, in few signs; None for nothing.
    resized: the newest change of size on the way here.
    previous: previous runs, the newest last.
    baselines: those that are known so far.
    finder: of the learning-rate finder, if it was asked for.
    saving: None where runs aren't saved by themselves.
    is_resting: True when the worker has nothing left to do until the next request: nothing trains,
    is evaluated, counted, searched or saved.
    undo_levels: how many times `Undo` can be asked for in a row.
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
    previous: tuple[PreviousRun, ...] = ()
    loss: LossCurve | None = None
    bigrams: BigramTable | None = None
    names: tuple[Name, ...] | None = None
    embedding: EmbeddingMap | Unavailable | None = None
    probe: Probe | Unavailable | None = None
    health: Health | None = None
    baselines: tuple[Baseline, ...] = ()
    finder: RateSearch | None = None
    saving: Saving | None = None
    is_resting: bool = False
    undo_levels: int = 0


Reply = Starting | Refused | Failed | DatasetStats | Unsaved | Snapshot
