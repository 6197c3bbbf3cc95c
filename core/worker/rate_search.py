"""The learning-rate finder, run between requests."""

from collections.abc import Callable

from ..analysis.lr_finder import LearningRateFinder
from ..results import RateSearch
from ..session.session import Session


class RateSearchTask:
    """A search for a learning rate, on copies of the session's model; none until it is started."""

    def __init__(self, session: Session, clock: Callable[[], float]):
        self._session = session
        self._clock = clock
        self.cancel()

    def start(self, low: float | None, high: float | None) -> None:
        """Begin a search from `low` to `high`; None is the optimizer's usual range.

        Raises:
            UserError: the range is not allowed, the model has no learning rate, or its weights are
                not finite.
        """
        self._finder = LearningRateFinder(self._session.trainer, low, high, clock=self._clock)
        self._found = None

    def cancel(self) -> None:
        """Stop, and forget what was found."""
        self._finder: LearningRateFinder | None = None
        self._found: RateSearch | None = None

    @property
    def has_work(self) -> bool:
        """True when `advance` should be called."""
        return self._finder is not None and self._found is None

    def advance(self) -> None:
        """Try learning rates for a few milliseconds; stop if the session has another model now."""
        if self._finder is None or self._found is not None:
            return
        if self._finder.model is not self._session.model:
            self.cancel()
        elif not self._finder.advance():
            self._found = self._finder.result()

    def result(self) -> RateSearch | None:
        """The losses so far; None if no search was started for the session's present model."""
        if self._finder is None or self._finder.model is not self._session.model:
            return None
        return self._found or self._finder.result()
