"""What analyses and sessions return and screens draw: frozen plain values. Torch-free."""

from pathlib import PurePath
from typing import Literal, NamedTuple

from msgspec import Struct

from .settings import ModelSettings, TrainSettings

BigramMode = Literal["model", "counted", "counts", "difference"]


BigramOrder = Literal["id", "frequency"]


class DatasetFacts(Struct, frozen=True):
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


class DatasetStats(Struct, frozen=True):
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


class SplitLosses(Struct, frozen=True):
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


class TestLoss(Struct, frozen=True):
    """The test loss at a step."""

    __test__ = False

    step: int
    loss: float


class Mark(NamedTuple):
    """The step from which edits took effect, and what they were in few signs: "hidden 300"."""

    step: int
    label: str


class Resizing(Struct, frozen=True):
    """A change of the model's size while it learns.

    before, after: the dev loss in nats; None where the model only grew, for that doesn't move it.
    dev_share: of what share of the dev split.
    """

    step: int
    label: str
    before: float | None = None
    after: float | None = None
    dev_share: float = 1.0


class Divergence(Struct, frozen=True):
    """The step whose loss was the first that wasn't finite, and the last edit before it.

    way_back: what undo takes back for the weights to be finite again; None where it can't do that.
    """

    step: int
    after: Mark | None
    way_back: str | None = None


class PreviousRun(Struct, frozen=True):
    """A previous run.

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


class Saving(Struct, frozen=True):
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
        """The run's name; "" before the run was first saved."""
        return PurePath(self.folder).name.removesuffix(".safetensors")


class LossCurve(Struct, frozen=True):
    """Minibatch losses: each point's middle step, and the lowest, mean and highest loss there.

    previous: of each previous run a few points, (step, mean loss), as far as this curve goes.
    """

    steps: list[float]
    low: list[float]
    mean: list[float]
    high: list[float]
    total_steps: int
    dev: list[tuple[int, float]] = []
    previous: list[list[tuple[float, float]]] = []


class Follower(Struct, frozen=True):
    """A character that may follow another, by its id, and P(it | the other) of model and counts."""

    character: int
    probability: float
    counted: float


class PairFacts(Struct, frozen=True):
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


class BigramTable(Struct, frozen=True):
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
    divergences: list[float] = []
    is_estimate: bool = False


class Name(Struct, frozen=True):
    """A sampled name, as text that is safe to show."""

    text: str
    seen: bool


class Unavailable(Struct, frozen=True):
    """What was asked for can't be had of this model, or of this text."""

    why: str


class Baseline(Struct, frozen=True):
    """The dev loss, in nats, of a model that only counts; k: what is added to every count."""

    name: str
    loss: float
    k: float | None = None


class EmbeddingMap(Struct, frozen=True):
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


class Candidate(Struct, frozen=True):
    """A character that may come next."""

    label: str
    probability: float


class ProbedCharacter(Struct, frozen=True):
    """One character of a text: its probability given those before it, -ln of it in nats, and the
    likeliest other characters."""

    label: str
    probability: float
    surprisal: float
    alternatives: tuple[Candidate, ...]


class Probe(Struct, frozen=True):
    """What the model makes of a text.

    following: what may come after the text, likeliest first.
    characters: those of the text as a whole item, so that the boundary is the last.
    mean: their mean surprisal in nats; dev: the loss of dev, which is that of its characters.
    """

    text: str
    following: tuple[Candidate, ...]
    characters: tuple[ProbedCharacter, ...]
    mean: float
    dev: float | None


class TensorHealth(Struct, frozen=True):
    """A parameter tensor: standard deviations of its gradient and of its weights, and log10 of
    the ratio of the update's to the weights'; None where either does not vary."""

    name: str
    gradient: float
    weight: float
    ratio: float | None


class Diagnosis(Struct, frozen=True):
    """The name of a rule, what it says of the run, and what that means."""

    name: str
    sentence: str
    help: str


class Health(Struct, frozen=True):
    """How the training fares, looked at on a fixed sample of train.

    first_loss: of the weights that the run began with; uniform: ln V.
    saturated: the share of activations beyond 0.97 either way; dead: the share of hidden units
    beyond 0.99 for every example looked at; histogram: activations from -1 to 1 in equal bins.
    All three are None without a hidden layer, the shares are NaN where activations are.
    usual_ratios: the range of ratios that the diagnosis takes for neither too small nor too large.
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
    diagnosis: Diagnosis


class RateSearch(Struct, frozen=True):
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


class BigramsView(Struct, frozen=True):
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
