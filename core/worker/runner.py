"""A session and the work that is done on it between requests."""

import time
from collections.abc import Callable

from ..datasets.dataset import Dataset
from ..session.session import Session
from .autosave import Autosave
from .dataset_reader import DatasetReader
from .eval_scheduler import EvalScheduler
from .rate_search import RateSearchTask
from .training import TrainingControl
from .views import Views


class SessionRunner:
    """Trains a session, saves and evaluates it, and counts baselines, a slice of time at a time.

    session: the one it runs; requests change it, and call `begin_run` or `weights_replaced` then.
    training, evals, rate_search, autosave: the work between requests; autosave is None where runs
    are not saved. views: what is drawn, and the baselines, of the session's dataset.
    num_runs: how many runs were begun. datasets: reads others.
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
        self.datasets: DatasetReader = DatasetReader()
        self.num_runs: int = 0
        self._use_dataset(session.dataset)
        self.begin_run()

    def _use_dataset(self, dataset: Dataset) -> None:
        self._dataset = dataset
        self.views: Views = Views(dataset)
        self.rate_search.cancel()

    def begin_run(self) -> None:
        """Take up the run that the session has begun."""
        self.num_runs += 1
        self.weights_replaced()

    def weights_replaced(self) -> None:
        """Take up the session's weights after a new run, undo, redo, or an opened run."""
        if self.session.dataset is not self._dataset:
            self._use_dataset(self.session.dataset)
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

    @property
    def has_work(self) -> bool:
        """True when `advance` should be called."""
        is_training = self.training.is_training
        is_saving = self.autosave is not None and self.autosave.has_work(self.session, is_training)
        is_evaluating = self.evals.has_work(self.session, is_training)
        is_searching = self.rate_search.has_work
        return is_training or is_saving or is_evaluating or is_searching or self.views.has_work

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
