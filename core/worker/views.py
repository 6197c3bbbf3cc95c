"""What the explorer's panels draw of a session, view by view."""

from collections.abc import Sequence

from msgspec.structs import replace
from torch import Tensor

from ..analysis.bigrams import BigramInsight
from ..analysis.embedding import EmbeddingMapper
from ..analysis.health import HealthCheck
from ..analysis.probe import probe
from ..datasets.dataset import Dataset
from ..datasets.stats import bigram_counts
from ..errors import UserError
from ..results import (
    Baseline,
    BigramsView,
    BigramTable,
    EmbeddingMap,
    Health,
    LossCurve,
    Name,
    Probe,
    SplitLosses,
    Unavailable,
)
from ..session.session import Session
from ..session.undo import StashedRun
from ..text import shown
from .protocol import EmbeddingView, HealthView, LossView, NamesView, ProbeView, View

_FORMER_POINTS = 64  # of each previous run's curve
_MAX_NAME_LENGTH = 60  # characters

Drawn = LossCurve | BigramTable | tuple[Name, ...] | EmbeddingMap | Probe | Health | Unavailable


class Views:
    """Draws the views of sessions on one dataset, and keeps what takes long to make."""

    def __init__(self, dataset: Dataset):
        self._dataset = dataset
        self._counts: Tensor | None = None
        self._insight: BigramInsight | None = None
        self._embedding = EmbeddingMapper(dataset.vocabulary)
        self._health = HealthCheck()

    def draw(
        self,
        view: View,
        session: Session,
        splits: SplitLosses | None,
        baselines: Sequence[Baseline],
    ) -> Drawn:
        """What a view asks for; splits: the newest losses, where they are known; baselines: what
        counting alone reaches, as far as that is known."""
        train, dev = (splits.train, splits.dev) if splits else (None, None)
        match view:
            case LossView():
                return _loss_curve(view, session)
            case BigramsView():
                moment = session.run, session.step, tuple(session.journal)
                return self._bigrams(session.model.context).table(session.model, view, moment)
            case NamesView(count):
                return _names(session, count)
            case EmbeddingView():
                return self._embedding.draw(session.model)
            case ProbeView(text, most):
                return probe(session.model, self._dataset.vocabulary, text, most, dev)
            case HealthView():
                return self._health.look(session, train, dev, baselines)

    def _bigrams(self, context: int) -> BigramInsight:
        if self._insight is None or self._insight.context != context:
            if self._counts is None:
                self._counts = bigram_counts(self._dataset)
            self._insight = BigramInsight(self._dataset, context, self._counts)
        return self._insight


def _loss_curve(view: LossView, session: Session) -> LossCurve:
    steps = session.history.steps
    first, last = view.steps or (int(steps * view.from_share), steps)
    curve = session.history.curve(first, view.points, last)
    dev = [point for point in session.dev_losses.points if first <= point[0] <= last]
    every = max(1, len(dev) // max(1, view.points))
    kept = dev[::-every][::-1]  # the newest is always there
    previous = [_points(run, first, last, view) for run in session.previous_runs]
    return replace(curve, dev=kept, previous=previous)


def _points(run: StashedRun, first: int, last: int, view: LossView) -> list[tuple[float, float]]:
    """The mean losses of a previous run between two steps, in few points, even on the axis."""
    fine = max(view.points, _FORMER_POINTS) if view.log_steps else _FORMER_POINTS
    curve = run.state.history.curve(first, fine, last)
    points = list(zip(curve.steps, curve.mean, strict=True))
    if not view.log_steps:
        return points
    # Point 1, 2, 4, … of the fine ones, with as many between as make up the number.
    places = {round(len(points) ** (i / (_FORMER_POINTS - 1))) for i in range(_FORMER_POINTS)}
    return [points[place - 1] for place in sorted(places)] if points else []


def _names(session: Session, count: int) -> tuple[Name, ...]:
    if session.diverged:
        return ()
    limit = min(2 * session.dataset.longest, _MAX_NAME_LENGTH)
    try:
        samples = session.sample(count, limit=limit)
    except UserError:  # the probabilities are not finite
        return ()
    return tuple(Name(shown(sample.text), sample.seen) for sample in samples)
