"""A session and the work that is done on it between requests."""

import time
from collections.abc import Callable

from ..analysis.lr_finder import LearningRateFinder
from ..datasets.dataset import Dataset
from ..errors import UserError
from ..results import RateSearch
from ..session.session import Session
from .autosave import Autosave
from .eval_scheduler import EvalScheduler
from .training import TrainingControl
from .views import Views


class RateSearchTask:
    """A search for a learning rate, on copies of the session's model; none until it is started."""

    def __init__(self, session: Session, clock: Callable[[], float]):
        self._session = session
        self._clock = clock
        self.cancel()

    def start(self, low: float | None, high: float | None) -> None:
        """Begin a search from `low` to `high`; errors as for `LearningRateFinder`."""
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
        if self._finder is None or self._finder.model is not self._session.model:
            self.cancel()
        elif not self._finder.advance():
            self._found = self._finder.result()

    def result(self) -> RateSearch | None:
        """The losses so far; None if no search was started for the session's present model."""
        if self._finder is None or self._finder.model is not self._session.model:
            return None
        return self._found or self._finder.result()


class SessionRunner:
    """Trains a session, saves and evaluates it, and counts baselines, a slice of time at a time.

    session: the one it runs; requests change it, and call `begin_run` or `weights_replaced` then.
    training, evals, rate_search, autosave: the work between requests; autosave is None where runs
    are not saved. views: what is drawn, and the baselines, of the session's dataset.
    num_runs: how many runs were begun. described: the dataset described last, by name and `unique`.
    """

    def __init__(
        self,
        session: Session,
        clock: Callable[[], float] = time.perf_counter,
        autosave: Autosave | None = None,
        paused: bool = False,
    ):
        self.session: Session = session
        self.autosave: Autosave | None = autosave
        self.training: TrainingControl = TrainingControl(session, clock, paused)
        self.evals: EvalScheduler = EvalScheduler(clock)
        self.rate_search: RateSearchTask = RateSearchTask(session, clock)
        self.described: tuple[tuple[str, bool], Dataset] | None = None
        self.num_runs: int = 0
        self._dataset: Dataset | None = None  # that of the views
        self.begin_run()

    def begin_run(self) -> None:
        """Take up the run that the session has begun."""
        self.num_runs += 1
        self.weights_replaced()

    def weights_replaced(self) -> None:
        """Take up the session's weights after a new run, undo, redo, or an opened run."""
        if self.session.dataset is not self._dataset:
            self._dataset = self.session.dataset
            self.views: Views = Views(self._dataset)
            self.rate_search.cancel()
        self.training.reset()
        self.evals.reset()
        if self.autosave is not None:
            self.autosave.begin(self.session)

    def save_before_leaving(self, is_last_chance: bool = False) -> None:
        """Have the present run saved before another takes its place.

        is_last_chance: True where the session may not be able to return to it.
        """
        if self.autosave is not None:
            self.autosave.leave(self.session, is_last_chance)

    def evaluate_test(self) -> None:
        """Evaluate the test split, if the weights are finite."""
        self.training.check_is_finite()
        self.evals.request_test(self.session)

    def find_learning_rate(self, low: float | None, high: float | None) -> None:
        """Start the learning-rate finder, and pause."""
        self.rate_search.start(low, high)
        if self.training.is_training:
            self.training.pause()

    def name_run(self, name: str) -> None:
        """Save the present run by a name."""
        if self.autosave is None:
            raise UserError("runs are not saved here, so this one can't have a name")
        self.autosave.name(self.session, name)

    @property
    def has_work(self) -> bool:
        """True when `advance` should be called."""
        is_training = self.training.is_training
        is_saving = self.autosave is not None and self.autosave.has_work(self.session, is_training)
        is_evaluating = self.evals.has_work(self.session, is_training)
        return (
            is_training
            or is_saving
            or is_evaluating
            or self.rate_search.has_work
            or self.views.has_work
        )

    @property
    def is_resting(self) -> bool:
        """True when there is nothing left to do until the next request."""
        will_retry = self.autosave is not None and self.autosave.facts.problem is not None
        return not self.has_work and not will_retry

    def advance(self) -> None:
        """Train for a slice of time, then do a few milliseconds of what else there is to do."""
        if self.training.is_training:
            self.training.advance()
        if self.autosave is not None and self.autosave.advance(self.session):
            return
        if self.evals.advance(self.session, self.training.is_training):
            return
        if self.rate_search.has_work:
            self.rate_search.advance()
        elif self.views.has_work:
            self.views.advance()
