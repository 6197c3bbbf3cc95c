"""The views of a session that the explorer's panels ask for."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from msgspec.structs import replace

from .. import results
from ..analysis.baselines import RunningBaselines
from ..analysis.bigrams import BigramAnalysis
from ..analysis.coverage import MAX_FLOOR_EXAMPLES, CoverageAnalysis, loss_floor
from ..analysis.embedding import EmbeddingMapper
from ..analysis.evaluation import affordable_examples
from ..analysis.health import health
from ..analysis.probe import probe
from ..analysis.regularization import regularization
from ..analysis.softmax import parse_logits
from ..analysis.trace import Tracer
from ..analysis.trace_drawing import drawing, softmax_drawing
from ..constants import FLOOR
from ..datasets.dataset import Dataset
from ..errors import UserError
from ..models.mixture import Mixture
from ..runs import checkpoint
from ..runs.header import run_name
from ..runs.record import JournalEntry
from ..session.session import Session
from ..session.twins import Twins
from ..text import shown
from ..training.history import LossHistory
from . import protocol
from .recent_names import RecentNames

_LOGITS = "logits "  # begins a text of typed logits
_DETAILS_MULTIPLICATIONS = 1 << 28  # of an evaluation of dev: a few hundredths of a second
_PREVIOUS_RUN_POINTS = 64  # of each previous run's curve


class _Losses(NamedTuple):
    """The minibatch losses of a run, and the steps from which edits took effect."""

    history: LossHistory
    edits: list[int]


class Views:
    """Draws views of a session on one dataset, and keeps what is expensive to make of the dataset.

    dataset_facts: what the screen says of the dataset. baselines: those found so far; they are
    counted a block at a time, by `advance`. has_work: True when `advance` should be called.
    """

    def __init__(self, dataset: Dataset):
        self.dataset_facts: results.DatasetFacts = results.DatasetFacts(
            name=dataset.name,
            items=dataset.num_items,
            labels=tuple(dataset.vocabulary.labels()),
            source=dataset.source,
            unique=dataset.unique,
            reading=dataset.reading,
            notes=dataset.notes,
        )
        self.dataset: Dataset = dataset
        self.baselines: RunningBaselines = RunningBaselines(dataset)
        self.has_work: bool = True
        self._bigrams: BigramAnalysis | None = None
        self._embedding = EmbeddingMapper(dataset.vocabulary)
        self._saved: dict[str, tuple[_Losses, float | None]] = {}  # with the best dev loss, by path
        self._names = RecentNames()
        self._tracer: Tracer | None = None
        self._details = _SplitDetails()
        self._floor: dict[tuple[str, int], float] = {}  # the newest, by its split and context

    def advance(self) -> None:
        """Count another block for the baselines."""
        self.has_work = self.baselines.advance()

    def draw(
        self,
        view: protocol.View,
        session: Session,
        splits: results.SplitLosses | None,
        twins: Twins | None = None,
    ) -> Any:
        """A view of the session.

        splits: the newest losses, None before the first; shown beside a probe and in the health.
        twins: the pair that the session is of, if it is.
        """
        match view:
            case protocol.LossView():
                return _loss_curve(view, session, self._overlays(view, session))
            case results.BigramsView():
                model = session.mixing.model()
                weight = model.weight if isinstance(model, Mixture) else None
                version = session.run, session.step, tuple(session.journal), weight
                train_on = session.train_settings.train_on
                return self._bigram_analysis(model.context).table(model, view, version, train_on)
            case protocol.NamesView():
                return self._names.draw(session, view, twins and twins.other(session))
            case protocol.EmbeddingView():
                return self._embedding.draw(session.model)
            case protocol.ProbeView(text, most, index):
                model, of = session.mixing.model(), (session.seed, index)
                dev = splits and splits.predicted_dev
                return probe(model, self.dataset.vocabulary, text, most, dev, of)
            case protocol.TraceView():
                return self._trace(view, session)
            case protocol.TwinsView(share, points, steps, window):
                return twins and twins.losses(points, window, steps, share)
            case protocol.DetailsView():
                return self._details.draw(session, splits)
            case protocol.HealthView():
                return self._health(session, splits)

    def floor(self, session: Session) -> tuple[results.Baseline, ...]:
        """The lowest loss that is possible on a session's training split, if that is small."""
        of = session.train_settings.train_on, session.model_settings.context_length
        if self.dataset.split(of[0]).num_examples > MAX_FLOOR_EXAMPLES:
            return ()
        if of not in self._floor:
            self._floor = {of: loss_floor(self.dataset, *of)}
        return (results.Baseline(FLOOR, self._floor[of]),)

    def _overlays(self, view: protocol.LossView, session: Session) -> list[results.SavedCurve]:
        """The curves of saved runs, over the same steps as that of the session."""
        self._saved = {path: self._saved.get(path) or _read(path) for path in view.overlays}
        return [
            results.SavedCurve(
                shown(run_name(Path(path))), best, _points(losses, _range(view, session), view)
            )
            for path, (losses, best) in self._saved.items()
        ]

    def _health(self, session: Session, splits: results.SplitLosses | None) -> results.Health:
        train, dev = (splits.train, splits.dev) if splits else (None, None)
        last_edit = session.journal[-1].step if session.journal else 0
        begun = session.history, session.first_settings, last_edit
        known = train, dev, self.baselines.result()
        return health(session.trainer, *begun, *known, session.diverged_at is not None)

    def _trace(
        self, view: protocol.TraceView, session: Session
    ) -> results.TraceDrawing | results.SoftmaxDrawing | results.Unavailable:
        train = session.train_settings
        if self._tracer is None or self._tracer.train_on != train.train_on:
            self._tracer = Tracer(self.dataset, train.train_on)
        backward = view.backward and session.model_settings.model_kind.is_network
        text, item = view.text, view.item
        if item is not None:
            text = self.dataset.item(item % self.dataset.num_items)
        try:
            if text.startswith(_LOGITS):
                return softmax_drawing(parse_logits(text.removeprefix(_LOGITS)))
            found = self._tracer.trace_of(
                session.trainer, text, view.position, backward, session.mixing.mixture()
            )
        except UserError as error:
            return results.Unavailable(str(error))
        rate = train.learning_rate_at(session.step)
        return drawing(found, self.dataset.vocabulary, view.most, rate, session.step)

    def _bigram_analysis(self, context: int) -> BigramAnalysis:
        if self._bigrams is None or self._bigrams.context != context:
            counts = self._bigrams.counts if self._bigrams else None  # those of the dataset
            self._bigrams = BigramAnalysis(self.dataset, context, counts)
        return self._bigrams


def _loss_curve(
    view: protocol.LossView, session: Session, overlays: list[results.SavedCurve]
) -> results.LossCurve:
    first, last = steps = _range(view, session)
    edits = _edits(session.journal)
    curve = session.history.curve(first, view.points, last, view.window, edits)
    dev, mixed = (
        [point for point in losses.points if first <= point[0] <= last]
        for losses in (session.dev_losses, session.mixed_losses)
    )
    every = max(1, len(dev) // max(1, view.points))
    target = None if view.target is None else session.dev_losses.first_below(view.target)
    runs = [_Losses(run.history, _edits(run.journal)) for run in session.timeline.previous_runs]
    return replace(
        curve,
        dev=dev[::-every][::-1],  # always with the newest
        mixed=mixed[::-every][::-1],
        previous=[_points(run, steps, view) for run in runs],
        newest=session.history.newest(edits),
        overlays=overlays,
        target_step=target,
    )


def _range(view: protocol.LossView, session: Session) -> tuple[int, int]:
    """The first and the last step that a view shows."""
    steps = session.history.steps
    return view.steps or (int(steps * view.from_share), steps)


def _edits(journal: Sequence[JournalEntry]) -> list[int]:
    """The steps from which edits took effect."""
    return sorted({entry.step for entry in journal})


def _read(path: str) -> tuple[_Losses, float | None]:
    """The losses of a saved run, and its best dev loss; of one that can't be read, none."""
    try:
        run = checkpoint.read(path)
    except UserError:
        return _Losses(LossHistory(), []), None
    return _Losses(run.history, _edits(run.journal)), run.best_dev


def _points(
    run: _Losses, steps: tuple[int, int], view: protocol.LossView
) -> list[tuple[float, float]]:
    """(step, smoothed loss) of another run between two steps: up to 64, evenly along the axis."""
    many = max(view.points, _PREVIOUS_RUN_POINTS) if view.log_steps else _PREVIOUS_RUN_POINTS
    curve = run.history.curve(steps[0], many, steps[1], view.window, run.edits)
    points = list(zip(curve.steps, curve.smooth, strict=True))
    if not view.log_steps or not points:
        return points
    # Of the many points, those whose numbers are nearest to a geometric series from the first on.
    exponents = (i / (_PREVIOUS_RUN_POINTS - 1) for i in range(_PREVIOUS_RUN_POINTS))
    chosen = {round(len(points) ** exponent) for exponent in exponents}
    return [points[number - 1] for number in sorted(chosen)]


class _SplitDetails:
    """Makes the details of a session's losses, and keeps them until its losses are new."""

    def __init__(self):
        self._analysis: CoverageAnalysis | None = None
        self._analysis_of: object = None
        self._made: results.SplitDetails | None = None
        self._made_of: object = None

    def draw(
        self, session: Session, splits: results.SplitLosses | None
    ) -> results.SplitDetails | None:
        """The details at the newest losses; None before the first."""
        made_of = session.run, splits, tuple(session.journal)
        if splits is not None and made_of != self._made_of:
            self._made, self._made_of = self._make(session), made_of
        return self._made if splits is not None else None

    def _make(self, session: Session) -> results.SplitDetails:
        model, dataset, train = session.model, session.dataset, session.train_settings
        most = affordable_examples(model, dataset, "dev", _DETAILS_MULTIPLICATIONS)
        of = model.context, train.train_on, most
        if self._analysis is None or of != self._analysis_of:
            self._analysis = CoverageAnalysis(dataset, *of)
            self._analysis_of = of
        decay = train.weight_decay
        return results.SplitDetails(
            self._analysis.of(model), regularization(model, dataset, train.train_on, decay)
        )
