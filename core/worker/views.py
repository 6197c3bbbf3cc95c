"""The views of a session that the explorer's panels ask for."""

from typing import Any

from msgspec.structs import replace
from torch import Tensor

from ..analysis.baselines import RunningBaselines
from ..analysis.bigrams import BigramAnalysis
from ..analysis.embedding import EmbeddingMapper
from ..analysis.health import health
from ..analysis.probe import probe
from ..analysis.trace import Tracer
from ..analysis.trace_drawing import drawing
from ..datasets.dataset import Dataset
from ..datasets.stats import bigram_counts
from ..errors import UserError
from ..results import BigramsView, DatasetFacts, LossCurve, SplitLosses, Unavailable
from ..runs.state import RunState
from ..session.session import Session
from ..trace_results import TraceDrawing
from .protocol import EmbeddingView, HealthView, LossView, NamesView, ProbeView, TraceView, View
from .recent_names import RecentNames

_PREVIOUS_RUN_POINTS = 64  # of each previous run's curve


class Views:
    """Draws views of a session on one dataset, and keeps what is expensive to make of the dataset.

    dataset_facts: what the screen says of the dataset. baselines: those found so far; they are
    counted a block at a time, by `advance`. has_work: True when `advance` should be called.
    """

    def __init__(self, dataset: Dataset):
        self.dataset_facts: DatasetFacts = DatasetFacts(
            name=dataset.name,
            items=dataset.num_items,
            labels=tuple(dataset.vocabulary.labels()),
            source=dataset.name if dataset.built_in else str(dataset.path.resolve()),
            unique=dataset.unique,
            reading=dataset.reading,
            notes=dataset.notes,
        )
        self.dataset: Dataset = dataset
        self.baselines: RunningBaselines = RunningBaselines(dataset)
        self.has_work: bool = True
        self._counts: Tensor | None = None
        self._bigrams: BigramAnalysis | None = None
        self._embedding = EmbeddingMapper(dataset.vocabulary)
        self._names = RecentNames()
        self._tracer: Tracer | None = None

    def advance(self) -> None:
        """Count another block for the baselines."""
        self.has_work = self.baselines.advance()

    def draw(self, view: View, session: Session, splits: SplitLosses | None) -> Any:
        """A view of the session.

        splits: the newest losses, None before the first; shown beside a probe and in the health.
        """
        train, dev = (splits.train, splits.dev) if splits else (None, None)
        match view:
            case LossView():
                return _loss_curve(view, session)
            case BigramsView():
                version = session.run, session.step, tuple(session.journal)
                analysis = self._bigram_analysis(session.model.context)
                return analysis.table(session.model, view, version)
            case NamesView():
                return self._names.draw(session, view)
            case EmbeddingView():
                return self._embedding.draw(session.model)
            case ProbeView(text, most):
                return probe(session.model, self.dataset.vocabulary, text, most, dev)
            case TraceView():
                return self._trace(view, session)
            case HealthView():
                last_edit = session.journal[-1].step if session.journal else 0
                begun = session.history, session.first_settings, last_edit
                known = train, dev, self.baselines.result()
                return health(session.trainer, *begun, *known, session.diverged)

    def _trace(self, view: TraceView, session: Session) -> TraceDrawing | Unavailable:
        split, step = session.train_settings.train_on, session.step
        if self._tracer is None or self._tracer.train_on != split:
            self._tracer = Tracer(self.dataset, split)
        rate = session.train_settings.learning_rate_at(step)
        where = view.word, view.position, rate
        has_gradient = session.model_settings.model_kind.is_network
        try:
            found = self._tracer.trace(session.model, *where, view.backward and has_gradient)
        except UserError as error:
            return Unavailable(str(error))
        return drawing(found, self.dataset.vocabulary, view.most, rate)

    def _bigram_analysis(self, context: int) -> BigramAnalysis:
        if self._bigrams is None or self._bigrams.context != context:
            if self._counts is None:
                self._counts = bigram_counts(self.dataset)
            self._bigrams = BigramAnalysis(self.dataset, context, self._counts)
        return self._bigrams


def _loss_curve(view: LossView, session: Session) -> LossCurve:
    steps = session.history.steps
    first, last = view.steps or (int(steps * view.from_share), steps)
    curve = session.history.curve(first, view.points, last)
    dev = [point for point in session.dev_losses.points if first <= point[0] <= last]
    every = max(1, len(dev) // max(1, view.points))
    thinned = dev[::-every][::-1]  # always with the newest
    previous = [_points(run, first, last, view) for run in session.undo_stack.previous_runs]
    return replace(curve, dev=thinned, previous=previous)


def _points(run: RunState, first: int, last: int, view: LossView) -> list[tuple[float, float]]:
    """(step, mean loss) of a previous run between two steps: up to 64, evenly along the axis."""
    many = max(view.points, _PREVIOUS_RUN_POINTS) if view.log_steps else _PREVIOUS_RUN_POINTS
    curve = run.history.curve(first, many, last)
    points = list(zip(curve.steps, curve.mean, strict=True))
    if not view.log_steps or not points:
        return points
    # Of the many points, those whose numbers are nearest to a geometric series from the first on.
    exponents = (i / (_PREVIOUS_RUN_POINTS - 1) for i in range(_PREVIOUS_RUN_POINTS))
    chosen = {round(len(points) ** exponent) for exponent in exponents}
    return [points[number - 1] for number in sorted(chosen)]
