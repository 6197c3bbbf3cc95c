"""What the explorer and its worker say to each other. Torch-free, frozen, plain values."""

from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any, Literal, NamedTuple

from ..settings import ModelSettings, TrainSettings

State = Literal["training", "paused", "finished", "diverged"]
BigramMode = Literal["model", "counted", "counts", "difference"]
BigramOrder = Literal["id", "frequency"]


@dataclass(frozen=True)
class Start:
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


@dataclass(frozen=True)
class LossView:
    """The loss curve from a share of the run on: 0 is all of it, 0.9 its last tenth.

    steps: the first and the last to show, instead of a share.
    log_steps: whether the axis of steps is logarithmic, on which former runs are even then.
    """

    from_share: float
    points: int
    steps: tuple[int, int] | None = None
    log_steps: bool = False


@dataclass(frozen=True)
class BigramsView:
    """A window of the bigram table, and the pair under the cursor.

    top, left and cursor are places in the order asked for, which is of rows and columns alike:
    by character id, or by how often the characters occur, the commonest first.
    mode: the model's P(next | previous), that of the counts, the counts, or model minus counted.
    """

    top: int
    left: int
    rows: int
    columns: int
    cursor: tuple[int, int]
    mode: BigramMode = "model"
    order: BigramOrder = "id"


@dataclass(frozen=True)
class NamesView:
    """Some fresh samples."""

    count: int


@dataclass(frozen=True)
class EmbeddingView:
    """Where the characters lie in the embedding."""


@dataclass(frozen=True)
class ProbeView:
    """What the model makes of a text: of each of its characters, and of what follows it.

    most: the likeliest next characters, at most so many.
    """

    text: str
    most: int = 100


@dataclass(frozen=True)
class HealthView:
    """Activations, gradients and updates, and a verdict."""


View = LossView | BigramsView | NamesView | EmbeddingView | ProbeView | HealthView


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


@dataclass(frozen=True)
class FindLearningRate:
    """Pause, and try rising learning rates on a copy; without a range, the optimizer's usual one.

    Snapshots carry its progress as `finder`, until `CancelFinder` or another model.
    """

    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class CancelFinder:
    """Stop the learning-rate finder, or forget what it found."""


@dataclass(frozen=True)
class DescribeDataset:
    """Read a dataset, and say what it is in numbers; answered by a `DatasetOverview`."""

    name: str
    unique: bool = False


@dataclass(frozen=True)
class ChangeDataset:
    """Begin a new run on another dataset, with the same settings and seed."""

    name: str
    unique: bool = False


@dataclass(frozen=True)
class NameRun:
    """Save the present run by this name."""

    name: str


@dataclass(frozen=True)
class OpenRun:
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


@dataclass(frozen=True)
class DatasetFacts:
    """What the screen says of a dataset.

    source: the name of a built-in one, or the absolute path of a file.
    """

    name: str
    items: int
    labels: tuple[str, ...]
    source: str = ""
    unique: bool = False

    @property
    def characters(self) -> int:
        """The characters, the boundary counted."""
        return len(self.labels)


@dataclass(frozen=True)
class DatasetOverview:
    """A dataset in numbers: of items, of different ones, of characters (the boundary counted).

    name: as it was asked for. path: where it lies. shortest, longest: characters of an item.
    examples: of train, dev and test. seen: items of dev and test that also stand in train.
    """

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
    """The step whose loss was the first that wasn't finite, and the last edit before it.

    way_back: what undo takes back for the weights to be finite again; None where it can't do that.
    """

    step: int
    after: Mark | None
    way_back: str | None = None


@dataclass(frozen=True)
class FormerFacts:
    """A former run.

    name: the settings in which it differs from the present run, and its best dev loss.
    best_dev, last_dev: in nats; None where none is known. id: of the run, as long as it is kept.
    folder: where it is saved; "" where it isn't.
    """

    name: str
    model: ModelSettings
    train: TrainSettings
    seed: int
    steps: int
    best_dev: float | None
    last_dev: float | None
    id: int = 0
    folder: str = ""


@dataclass(frozen=True)
class Saving:
    """How the present run is kept on disk.

    directory: where runs are. folder: that of the present one; "" before it was first saved.
    step: how many steps of it are there. named: whether a person gave it its name.
    note: something that has just happened to it, in a sentence. problem: why it couldn't be saved
    the last time that was tried.
    """

    directory: str
    folder: str
    step: int
    named: bool = False
    note: str = ""
    problem: str | None = None

    @property
    def name(self) -> str:
        """That of the folder; "" before the run was first saved."""
        return PurePath(self.folder).name


@dataclass(frozen=True)
class LossCurve:
    """Minibatch losses: each point's middle step, and the lowest, mean and highest loss there.

    former: of each former run a few points, (step, mean loss), as far as this curve goes.
    """

    steps: list[float]
    low: list[float]
    mean: list[float]
    high: list[float]
    total_steps: int
    dev: list[tuple[int, float]] = field(default_factory=list)
    former: list[list[tuple[float, float]]] = field(default_factory=list)


@dataclass(frozen=True)
class Follower:
    """A character that may follow another, by its id, and P(it | the other) of model and counts."""

    character: int
    probability: float
    counted: float


@dataclass(frozen=True)
class PairFacts:
    """One pair of characters: how often it stands in the data, and what the model makes of it.

    previous, following: ids. rank: the pair's among all that may follow, by the model.
    counted: P(following | previous) of the counts. followers: those likeliest by the model.
    words: some items of the data in which the pair stands.
    """

    previous: int
    following: int
    count: int
    probability: float
    rank: int
    counted: float = 0.0
    followers: tuple[Follower, ...] = ()
    words: tuple[str, ...] = ()


@dataclass(frozen=True)
class BigramTable:
    """A window of the bigram table: values[i][j] at the places top+i and left+j.

    order: the ids of all characters by place, the same for rows and columns; () is by id.
    cursor: the pair's places. divergences: of each row of the window, KL(counted || model) in nats;
    infinite where the model holds impossible what was counted. is_estimate: whether what the model
    makes of the cursor's row is the mean over some of its contexts only.
    """

    top: int
    left: int
    values: list[list[float]]
    pair: PairFacts
    mode: BigramMode = "model"
    order: tuple[int, ...] = ()
    cursor: tuple[int, int] = (0, 0)
    divergences: list[float] = field(default_factory=list)
    is_estimate: bool = False


@dataclass(frozen=True)
class Name:
    """A sampled name, as text that is safe to show."""

    text: str
    seen: bool


@dataclass(frozen=True)
class Unavailable:
    """What was asked for can't be had of this model, or of this text."""

    why: str


@dataclass(frozen=True)
class Reference:
    """The dev loss, in nats, of a model that only counts; k: what is added to every count."""

    name: str
    loss: float
    k: float | None = None


@dataclass(frozen=True)
class EmbeddingMap:
    """Characters as points of a plane, in the order of their ids; the boundary is the first.

    dimensions: how many numbers the model has for a character; with more than two the plane is
    that of the two main directions.
    shares: of the variance of all dimensions, what lies along each axis of the plane.
    """

    labels: tuple[str, ...]
    points: list[tuple[float, float]]
    vowels: list[bool]
    dimensions: int
    shares: tuple[float, float]
    boundary: int = 0


@dataclass(frozen=True)
class Candidate:
    """A character that may come next."""

    label: str
    probability: float


@dataclass(frozen=True)
class ProbedCharacter:
    """One character of a text: its probability given those before it, -ln of it in nats, and the
    likeliest other characters."""

    label: str
    probability: float
    surprise: float
    alternatives: tuple[Candidate, ...]


@dataclass(frozen=True)
class Probe:
    """What the model makes of a text.

    following: what may come after the text, likeliest first.
    characters: those of the text as a whole item, so that the boundary is the last.
    mean: their mean surprise in nats; dev: the loss of dev, which is that of its characters.
    """

    text: str
    following: tuple[Candidate, ...]
    characters: tuple[ProbedCharacter, ...]
    mean: float
    dev: float | None


@dataclass(frozen=True)
class TensorHealth:
    """A parameter tensor: standard deviations of its gradient and of its weights, and log10 of
    the ratio of the update's to the weights'; None where either does not vary."""

    name: str
    gradient: float
    weight: float
    ratio: float | None


@dataclass(frozen=True)
class Verdict:
    """The name of a rule, what it says of the run, and what that means."""

    name: str
    sentence: str
    help: str


@dataclass(frozen=True)
class Health:
    """How the training fares, looked at on a fixed sample of train.

    first_loss: of the weights that the run began with; uniform: ln V.
    saturated: the share of activations beyond 0.97 either way; dead: the share of hidden units
    beyond 0.99 for every example looked at; histogram: activations from -1 to 1 in equal bins.
    All three are None without a hidden layer, the shares are NaN where activations are.
    usual_ratios: from where to where the verdict takes a ratio for neither too small nor too large.
    update: what the tensors' ratio is of: the last step, or one to come. gap: the dev loss minus
    the train loss.
    """

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
    verdict: Verdict


@dataclass(frozen=True)
class RateSearch:
    """Losses at rising learning rates, each with the lowest, mean and highest of some seeds.

    turns: the rate from which the loss rises; explodes: from which it is many times the lowest;
    None where it does not. suggested: None as long as the loss does not turn; why: in words.
    """

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


ENDED_LATE = 4  # the exit code of a worker that had no time to save its run


@dataclass(frozen=True)
class Unsaved:
    """The worker ends, and the run could not be saved."""

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
    references: those that are known so far.
    finder: of the learning-rate finder, if it was asked for.
    saving: None where runs aren't saved by themselves.
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
    embedding: EmbeddingMap | Unavailable | None = None
    probe: Probe | Unavailable | None = None
    health: Health | None = None
    references: tuple[Reference, ...] = ()
    finder: RateSearch | None = None
    saving: Saving | None = None


Reply = Starting | Refused | Failed | DatasetOverview | Unsaved | Snapshot
