"""The messages between the explorer and its worker: requests and replies. Torch-free.

Each request has one reply: a `Snapshot`, unless its docstring says otherwise, or `Refused`.
"""

from typing import Any, Literal

from msgspec import Struct

from .. import results
from ..reading import PLAIN, Reading
from ..run_spec import RunSpec
from ..settings import ModelSettings, TrainSettings

State = Literal["training", "paused", "finished", "diverged"]


class Request(Struct, frozen=True):
    """What the explorer asks of the worker."""


class Start(Request, frozen=True):
    """The first message: make a session as `spec` says, or open a saved run."""

    spec: RunSpec
    runs: str | None = None  # the directory in which runs are saved automatically, if they are
    most_bytes: int = 500_000_000  # for all runs without a name there
    resume: str | None = None  # the saved run to open instead
    paused: bool = False  # don't train before `Resume`
    speed_limit: int | None = None  # as in `LimitSpeed`


class LossView(Struct, frozen=True):
    """The loss curve, in at most `points` points; answered by a `LossCurve`."""

    from_share: float  # where it starts: 0 is all of the run, 0.9 its last tenth
    points: int
    steps: tuple[int, int] | None = None  # the first and last step, in place of the share
    log_steps: bool = False  # previous runs in points that are even on a logarithmic axis
    window: int = 0  # steps over which the minibatch loss is smoothed
    target: float | None = None  # a dev loss, in nats
    overlays: tuple[str, ...] = ()  # the paths of saved runs whose curves are wanted too


class TwinsView(Struct, frozen=True):
    """The losses of a pair of runs; answered by a `TwinLosses`. The fields are as in `LossView`."""

    from_share: float
    points: int
    steps: tuple[int, int] | None = None
    window: int = 1000


class Sampling(Struct, frozen=True):
    """How names are sampled: the temperature, and from how many of the likeliest characters."""

    temperature: float = 1.0
    top_k: int | None = None  # all of them


class NamesView(Struct, frozen=True):
    """So many new samples; answered by a `SampledNames`."""

    count: int
    sampling: Sampling = Sampling()


class EmbeddingView(Struct, frozen=True):
    """The characters in the embedding; answered by an `EmbeddingMap` or `Unavailable`."""


class ProbeView(Struct, frozen=True):
    """A text's surprisal by character, and the `most` likeliest characters to follow it; the next
    one as drawn for the run's sample `index`; answered by a `Probe` or `Unavailable`."""

    text: str
    most: int = 100
    index: int = 0


class TraceView(Struct, frozen=True):
    """An example of some words followed through the model, and back; answered by a `TraceDrawing`,
    or `Unavailable`. "logits 100 2 -3" is answered by a `SoftmaxDrawing`.

    position: None for the last before the first word's end. most: values of each stage. item: of
    the dataset, in place of the text.
    """

    text: str
    position: int | None = None
    backward: bool = False
    most: int = 64
    item: int | None = None


class DetailsView(Struct, frozen=True):
    """What the losses of the splits come from; answered by a `SplitDetails`."""


class HealthView(Struct, frozen=True):
    """Activations, gradients, updates and a diagnosis; answered by a `Health`."""


View = (
    LossView | results.BigramsView | NamesView | EmbeddingView | ProbeView | TraceView | DetailsView
    | HealthView | TwinsView
)  # fmt: skip


def view_name(view: View) -> str:
    """The name of a view, and of its field in a `Snapshot`: "loss" of a `LossView`."""
    return type(view).__name__.removesuffix("View").lower()


class Refresh(Request, frozen=True):
    """Send a snapshot with these views; of each type, one at most."""

    views: tuple[View, ...]


class Edit(Request, frozen=True):
    """Change settings by name."""

    changes: dict[str, Any]


class Pause(Request, frozen=True):
    """Stop training."""


class Resume(Request, frozen=True):
    """Train, past the last planned step if that has been taken."""


class Step(Request, frozen=True):
    """Take so many steps, the planned end permitting, and pause."""

    count: int = 1


class LimitSpeed(Request, frozen=True):
    """Train at most so many steps a second; None for no limit. It changes nothing of a run."""

    steps_per_second: int | None


class Restart(Request, frozen=True):
    """Begin a new run with the same settings and this seed."""

    seed: int


class Begin(Request, frozen=True):
    """Begin a new run as `spec` says. label: of what `Undo` would undo: "preset fast"."""

    spec: RunSpec
    label: str


class EvaluateTest(Request, frozen=True):
    """Evaluate the test split; later snapshots carry the loss as `test`."""


class Undo(Request, frozen=True):
    """Undo the last edit, restart, opened run or change of dataset."""


class Redo(Request, frozen=True):
    """Redo what was undone."""


class ReturnTo(Request, frozen=True):
    """Continue a previous run, by its index in `Snapshot.previous`; the present one takes its
    place there."""

    index: int


class Fork(Request, frozen=True):
    """Train another run, B, beside this one, A; edits act on B from now on. It is a fork of A, or
    else a previous run by its index in `Snapshot.previous`, or a saved run.

    from_start: begin both anew, each with the settings and the seed that it has.
    """

    previous: int | None = None
    folder: str = ""
    from_start: bool = False


class ChooseSide(Request, frozen=True):
    """Have requests and views be about this run of the pair."""

    side: results.Side


class Keep(Request, frozen=True):
    """End the pair: go on with this run; the other becomes a previous run. `Undo` brings the pair
    back."""

    side: results.Side


class PinRun(Request, frozen=True):
    """Keep a previous run, by its index in `Snapshot.previous`, whatever comes after it; or let a
    pinned one go with the others again."""

    index: int


class FindLearningRate(Request, frozen=True):
    """Pause, and try rising learning rates on copies of the model; None is the usual end of their
    range. Snapshots carry the losses as `finder`, until `CancelFinder` or another model."""

    low: float | None = None
    high: float | None = None


class CancelFinder(Request, frozen=True):
    """Stop the learning-rate finder, and drop what it found."""


class DescribeDataset(Request, frozen=True):
    """Read a dataset and describe it; answered by a `DatasetStats`."""

    name: str
    unique: bool = False
    reading: Reading = PLAIN


class ChangeDataset(Request, frozen=True):
    """Begin a new run on another dataset, with the same settings and seed; on it as it was when it
    was described, if that was the last one described."""

    name: str
    unique: bool = False
    reading: Reading = PLAIN


class NameRun(Request, frozen=True):
    """Save the present run under this name."""

    name: str


class OpenRun(Request, frozen=True):
    """Open a saved run, paused; `Undo` returns to the present one."""

    folder: str


class Starting(Struct, frozen=True):
    """What the worker is doing before its first snapshot."""

    what: str


class Refused(Struct, frozen=True):
    """A request that was not carried out; nothing has changed."""

    why: str


class Failed(Struct, frozen=True):
    """There is no session, because the dataset or the saved run can't be read; the worker ends."""

    why: str


ENDED_LATE = 4  # the exit code of a worker that had no time to save its run


class Unsaved(Struct, frozen=True):
    """The worker ends, and its run could not be saved."""

    why: str


class Saved(Struct, frozen=True):
    """The worker ends, and its run is in this file."""

    path: str


class Snapshot(Struct, frozen=True):
    """The session after a request, and the views that were asked for."""

    state: State
    step: int
    steps_per_second: float
    seed: int
    model: ModelSettings
    train: TrainSettings
    learning_rate: float  # of the next step, after the schedule
    parameters: int  # the number of them
    dataset: results.DatasetFacts
    splits: results.SplitLosses | None  # the newest losses; None before the first
    test: results.TestLoss | None
    runs: int  # how many were begun; returning to a previous one begins none
    test_asked: int = 0  # how often the test loss was requested, over all runs of the session
    is_refresh: bool = False  # True if it answers a `Refresh`
    marks: tuple[results.Mark, ...] = ()  # the edits of this run, one mark a step, the newest last
    can_undo: str | None = None  # a short label of what would be undone; None for nothing
    can_redo: str | None = None
    resized: results.Resizing | None = None  # the newest change of size in this run
    divergence: results.Divergence | None = None
    previous: tuple[results.PreviousRun, ...] = ()  # the newest last
    # The views; None for one that was not asked for, or can't be drawn.
    loss: results.LossCurve | None = None
    bigrams: results.BigramTable | None = None
    names: results.SampledNames | None = None
    embedding: results.EmbeddingMap | results.Unavailable | None = None
    probe: results.Probe | results.Unavailable | None = None
    trace: results.TraceDrawing | results.SoftmaxDrawing | results.Unavailable | None = None
    details: results.SplitDetails | None = None
    health: results.Health | None = None
    baselines: tuple[results.Baseline, ...] = ()  # those known so far
    finder: results.RateSearch | None = None  # None if the learning-rate finder was not started
    saving: results.Saving | None = None  # None where runs are not saved automatically
    is_resting: bool = False  # True when nothing is left to do until the next request
    test_peeks: int = 0  # how often the test split was evaluated in this run
    speed_limit: int | None = None  # in steps a second
    undo_levels: int = 0  # how many times `Undo` can be asked for in a row
    pair: results.Pair | None = None  # None of a single run
    twins: results.TwinLosses | None = None  # the view

    @property
    def spec(self) -> RunSpec:
        """How a run would begin that has the dataset, settings and seed of this one."""
        data = self.dataset
        return RunSpec(data.source, data.unique, self.model, self.train, self.seed, data.reading)


Reply = Starting | Refused | Failed | results.DatasetStats | Unsaved | Saved | Snapshot
