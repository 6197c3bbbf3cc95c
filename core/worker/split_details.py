"""What the losses of the splits come from, worked out again only after another evaluation."""

from ..analysis.coverage import CoverageAnalysis
from ..analysis.evaluation import affordable_examples
from ..analysis.regularization import regularization
from ..results import SplitDetails, SplitLosses
from ..session.session import Session

_MULTIPLICATIONS = 1 << 28  # of an evaluation of dev: a few hundredths of a second


class SplitDetailsMaker:
    """Makes the details of a session's losses, and keeps them until its losses are new."""

    def __init__(self):
        self._analysis: CoverageAnalysis | None = None
        self._analysis_of: object = None
        self._made: SplitDetails | None = None
        self._made_of: object = None

    def draw(self, session: Session, splits: SplitLosses | None) -> SplitDetails | None:
        """The details at the newest losses; None before the first."""
        made_of = session.run, splits, tuple(session.journal)
        if splits is not None and made_of != self._made_of:
            self._made, self._made_of = self._make(session), made_of
        return self._made if splits is not None else None

    def _make(self, session: Session) -> SplitDetails:
        model, dataset, train = session.model, session.dataset, session.train_settings
        most = affordable_examples(model, dataset, "dev", _MULTIPLICATIONS)
        of = model.context, train.train_on, most
        if self._analysis is None or of != self._analysis_of:
            self._analysis = CoverageAnalysis(dataset, *of)
            self._analysis_of = of
        decay = train.weight_decay
        return SplitDetails(
            self._analysis.of(model), regularization(model, dataset, train.train_on, decay)
        )
