"""A session, what requests do to it, and the work that is done on it between them."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from ..analysis.lr_finder import LearningRateFinder
from ..datasets.dataset import Dataset
from ..datasets.stats import dataset_stats
from ..errors import UserError
from ..reading import Reading
from ..results import DatasetStats
from ..run_spec import RunSpec
from ..runs import checkpoint
from ..runs.header import run_name
from ..runs.state import RunState
from ..session.session import Session
from ..settings import extended_plan
from ..text import shown
from .autosave import Autosave
from .eval_scheduler import EvalScheduler
from .pair import PairControl
from .training import TrainingControl
from .views import Views


class SessionRunner:
    """Trains a session, saves and evaluates it, and counts baselines, a slice of time at a time.

    session: the one it runs, which is changed by the methods here only; of a pair, the one that
    requests are about. pair: forks the session, and ends the pair.
    training, evals, autosave: the work between requests; autosave is None where runs are not saved.
    finder: the learning-rate finder; None if it was not started for the session's present model.
    views: what is drawn, and the baselines, of the session's dataset.
    num_runs: how many runs were begun.
    """

    def __init__(
        self,
        session: Session,
        clock: Callable[[], float] = time.perf_counter,
        autosave: Autosave | None = None,
        paused: bool = False,
    ):
        self.session: Session = session
        session.mixing.in_background = True
        self.autosave: Autosave | None = autosave
        self.training: TrainingControl = TrainingControl(session, clock, paused)
        self.evals: EvalScheduler = EvalScheduler(clock)
        self.views: Views = Views(session.dataset)
        self.num_runs: int = 1
        self._described: dict[object, Dataset] = {}  # the last, by how it was asked for
        self._has_trained = False  # when it was advanced last
        self._clock = clock
        self.pair: PairControl = PairControl(self)
        self.weights_replaced()

    def edit(self, changes: dict[str, Any]) -> None:
        """Change settings by name; errors as for `Session.edit`."""
        plan = self.session.plan(**changes)
        if plan.effect == "restart":
            self.save_before_leaving()
            self.session.edit(plan)
            self.num_runs += 1
            self.weights_replaced()
            return
        self.session.edit(plan)
        is_resized = plan.effect == "resized"
        if is_resized:
            self.cancel_finder()
        self.training.edited(is_resized)
        of_loss = {"smoothing", "smoothing_method", "train_on", "mix", "mix_order"}
        is_another_loss = not changes.keys().isdisjoint(of_loss)
        is_recounted = self.training.is_training and not self.session.model.num_parameters
        self.evals.edited(self.session, is_resized, is_another_loss, is_recounted)

    def resume(self) -> None:
        """Train; a finished run gets a longer plan, which stretches its schedule. Errors as for
        `TrainingControl.resume`."""
        self._extend_plan()
        self.training.resume()

    def step(self, count: int) -> None:
        """Take so many steps and pause; of a finished run as `resume` does."""
        self._extend_plan()
        self.training.step(count)

    def restart(self, **changes: Any) -> None:
        """Begin a new run; arguments and errors as for `Timeline.restart`."""
        self.save_before_leaving(is_last_chance="dataset" in changes)
        self.session.timeline.restart(**changes)
        self.num_runs += 1
        self.weights_replaced()

    def begin(self, spec: RunSpec, label: str) -> None:
        """Begin a new run as a spec says; errors as for `Session.from_spec`."""
        facts, dataset = self.views.dataset_facts, self.session.dataset
        is_same = spec.data == (facts.source, facts.unique, facts.reading)
        if not is_same:
            self.pair.check_single()
            dataset = Dataset.load(*spec.data)
        state = RunState.first(dataset, spec.model, spec.train, spec.seed)
        self.save_before_leaving(is_last_chance=not is_same)
        self.session.timeline.switch_to(state, label)
        self.num_runs += 1
        self.weights_replaced()

    def describe_dataset(self, name: str, unique: bool, reading: Reading) -> DatasetStats:
        """Read a dataset and describe it; errors as for `Dataset.load`."""
        dataset = Dataset.load(name, unique, reading)
        self._described = {(name, unique, reading): dataset}
        return replace(dataset_stats(dataset), name=name)

    def change_dataset(self, name: str, unique: bool, reading: Reading) -> None:
        """Begin a run on a dataset: as it was described, if it was the last, else as it is now."""
        self.pair.check_single()
        asked = name, unique, reading
        dataset = self._described.get(asked) or Dataset.load(*asked)
        self._described = {}
        self.restart(dataset=dataset)

    def go_back(self, action: Callable[[], Any], must_pause: bool = False) -> None:
        """Return to an earlier state or another run. action: a timeline's `undo` or such."""
        self.save_before_leaving()
        action()
        if must_pause or self.training.state == "diverged":
            self.training.pause()  # what led to a divergence may be undone only in part
        self.weights_replaced()

    def open_run(self, path: Path) -> None:
        """Go on with a saved run, paused. Raises UserError if it is open here, or can't be read."""
        self.pair.check_single()
        name = shown(run_name(path))
        self.save_before_leaving(is_last_chance=True)
        if self.autosave is not None:
            self.autosave.finish()
            if str(path) == self.autosave.facts.folder:
                raise UserError(f"{name} is open already")
        state, record = checkpoint.read_with_record(path)
        self.session.timeline.switch_to(state, f"run {name}")
        self.training.pause()
        if self.autosave is not None:
            self.autosave.resume(self.session, path, record.named)
        self.weights_replaced()
        self.pair.open(path, record.twin)

    def find_learning_rate(self, low: float | None, high: float | None) -> None:
        """Start the learning-rate finder, and pause; errors as for `LearningRateFinder`."""
        self.finder = LearningRateFinder(self.session.trainer, low, high, clock=self._clock)
        self._is_searching = True
        if self.training.is_training:
            self.training.pause()

    def cancel_finder(self) -> None:
        """Stop the learning-rate finder, and forget what it found."""
        self.finder: LearningRateFinder | None = None
        self._is_searching = False

    @property
    def has_work(self) -> bool:
        """True when `advance` should be called."""
        is_training = self.training.is_training
        return (
            self.training.seconds_to_wait == 0
            or any(one.has_work(session, is_training) for one, session in self.pair.savers())
            or self.evals.has_work(self.session, is_training)
            or any(one.mixing.is_counting for one in self.pair.sessions())
            or self._is_searching
            or self.views.has_work
        )

    @property
    def is_resting(self) -> bool:
        """True when there is nothing left to do until the next request."""
        will_retry = any(one.facts.problem is not None for one, _ in self.pair.savers())
        return not self.has_work and not self.training.is_training and not will_retry

    def advance(self) -> None:
        """Train for a slice of time, or, by turns, do a few milliseconds of what else there is to
        do; in between a request can be answered."""
        self._has_trained = self.training.is_training and not self._has_trained
        if self._has_trained:
            self.training.advance(self.evals.steps_until_due(self.session))
            return
        for autosave, session in self.pair.savers():
            if autosave.advance(session, self.training.is_training):
                return
        for session in self.pair.sessions():
            if session.mixing.advance(self.training.is_training):
                self.evals.counts_have_come(self.session)
        if self.evals.advance(self.session, self.training.is_training):
            return
        if self.finder is not None and self._is_searching:
            self._is_searching = self.finder.advance()
        elif self.views.has_work:
            self.views.advance()

    def _extend_plan(self) -> None:
        self.training.check_is_finite()
        if self.training.is_finished and not self.session.trainer.finished:
            longer = {"steps": extended_plan(self.session.step)}
            self.edit(longer)
            self.pair.extend(longer)

    def save_before_leaving(self, is_last_chance: bool = False) -> None:
        """Have the present run saved before another takes its place.

        is_last_chance: True where the session may not be able to return to it.
        """
        if self.autosave is not None:
            self.autosave.leave(self.session, is_last_chance)

    def weights_replaced(self) -> None:
        """Take up the session's weights after a new run, undo, redo, or an opened run."""
        if self.session.dataset is not self.views.dataset:
            self.views = Views(self.session.dataset)
        self.cancel_finder()
        self.training.reset()
        self.evals.reset()
        if self.autosave is not None:
            self.autosave.begin(self.session)
