"""A loop around a session: takes requests, and between them trains and evaluates in slices."""

import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from queue import SimpleQueue

from ..analysis.baselines import RunningBaselines
from ..analysis.lr_finder import LearningRateFinder
from ..datasets.dataset import Dataset
from ..datasets.stats import dataset_stats
from ..errors import UserError
from ..results import (
    BigramsView,
    DatasetFacts,
    DatasetStats,
    Divergence,
    Mark,
    PreviousRun,
    RateSearch,
)
from ..runs import checkpoint
from ..runs.header import run_name
from ..runs.state import journal_marks
from ..session.session import Session
from ..session.undo import StashedRun
from ..text import shown
from ..training.time_slicer import TimeSlicer
from .autosave import Autosave
from .eval_scheduler import EvalScheduler
from .protocol import (
    CancelFinder,
    ChangeDataset,
    DescribeDataset,
    Edit,
    EmbeddingView,
    EvaluateTest,
    FindLearningRate,
    HealthView,
    LossView,
    NameRun,
    NamesView,
    OpenRun,
    Pause,
    ProbeView,
    Redo,
    Refresh,
    Refused,
    Reply,
    Request,
    Restart,
    Resume,
    ReturnTo,
    Snapshot,
    State,
    Step,
    Undo,
    View,
)
from .views import Views

_SLICE_SECONDS = 0.016
_MAX_MARKS = 256
_RATE_SECONDS = 1.5
_UNLIMITED = 10**18


class Server:
    """Serves one session until it is told to stop (by None in the inbox)."""

    def __init__(
        self,
        session: Session,
        inbox: "SimpleQueue[Request | None]",
        send: Callable[[Reply], None],
        clock: Callable[[], float] = time.perf_counter,
        autosave: Autosave | None = None,
        paused: bool = False,
    ):
        self._inbox = inbox
        self._send = send
        self._clock = clock
        self._autosave = autosave
        self._state: State = "paused" if paused else "training"
        self._evals = EvalScheduler(clock)
        self._runs = 0
        self._described: tuple[DescribeDataset, Dataset] | None = None
        self._beyond_plan: set[object] = set()  # runs of which more was asked for than was planned
        self.session = session
        if session.step >= session.train_settings.steps and not paused:
            self._beyond_plan.add(session.run)
        self._take_dataset()
        self._begin_run()

    def _take_dataset(self) -> None:
        """Go on with the dataset that the session has now."""
        dataset = self._dataset = self.session.dataset
        self._facts = DatasetFacts(
            name=shown(dataset.name),
            items=dataset.items,
            labels=tuple(dataset.vocabulary.labels()),
            source=dataset.name if dataset.built_in else str(dataset.path.resolve()),
            unique=dataset.unique,
        )
        self._views = Views(dataset)
        self._baselines = RunningBaselines(dataset)
        self._are_baselines_known = False
        self._finder: LearningRateFinder | None = None
        self._found: RateSearch | None = None

    def run(self) -> None:
        """Answer requests and work in between, until None comes; save the run then."""
        try:
            self._serve()
        finally:
            if self._autosave is not None:
                self._autosave.close(self.session)

    def _serve(self) -> None:
        self._send(self._snapshot(()))
        while True:
            while not (self._busy and self._inbox.empty()):
                request = self._inbox.get()
                if request is None:
                    return
                self._send(self._answer(request))
            self._work()

    @property
    def _busy(self) -> bool:
        is_training = self._state == "training"
        is_evaluating = self._evals.has_work(self.session, is_training)
        is_finding = self._finder is not None and self._found is None
        is_counting = not self._are_baselines_known
        is_saving = self._autosave is not None and self._autosave.has_work(
            self.session, is_training
        )
        return is_training or is_evaluating or is_finding or is_counting or is_saving

    @property
    def _is_resting(self) -> bool:
        """True when nothing is left to do until the next request."""
        will_retry = self._autosave is not None and self._autosave.facts.problem is not None
        return not self._busy and not will_retry

    def _begin_run(self) -> None:
        """Go on with a run at step 0."""
        self._runs += 1
        self._change_path()

    def _change_path(self) -> None:
        """Forget what belonged to other weights than the session has now, and go on from there."""
        if self.session.dataset is not self._dataset:
            self._take_dataset()
        if self._autosave is not None:
            self._autosave.begin(self.session)
        self._slicer = TimeSlicer(_SLICE_SECONDS, self._clock)
        self._recent: deque[tuple[float, int]] = deque()
        self._evals.forget()
        if self.session.diverged:
            self._state = "diverged"
        elif self._state != "paused":
            self._state = "finished" if self._is_finished else "training"

    # Requests

    def _answer(self, request: Request) -> Reply:
        try:
            if isinstance(request, DescribeDataset):
                return self._describe(request)
            if self._autosave is not None and self._may_leave(request):
                self._autosave.leave(self.session, isinstance(request, ChangeDataset | OpenRun))
            self._obey(request)
        except UserError as error:
            return Refused(str(error))
        views = request.views if isinstance(request, Refresh) else ()
        return self._snapshot(views, isinstance(request, Refresh))

    def _may_leave(self, request: Request) -> bool:
        """Whether another run may take the place of the present one."""
        if isinstance(request, Edit):
            return self.session.plan(**request.changes).effect == "restart"
        return isinstance(request, Restart | Undo | Redo | ReturnTo | ChangeDataset | OpenRun)

    def _obey(self, request: Request) -> None:
        """Do what is asked."""
        match request:
            case Edit(changes):
                effect = self.session.edit(**changes)
                if effect == "restart":
                    self._begin_run()
                    return
                if effect == "resized":
                    self._slicer = TimeSlicer(
                        _SLICE_SECONDS, self._clock
                    )  # a step takes another time
                if "steps" in changes:
                    self._beyond_plan.discard(self.session.run)
                is_another_loss = bool(changes.keys() & {"smoothing", "train_on"})
                self._evals.heed_edit(self.session, effect == "resized", is_another_loss)
            case Pause():
                self._pause("paused")
            case Resume():
                self._resume()
            case Step():
                if self.session.diverged_at is not None:
                    self._check_is_finite()
                self._pause("paused")
                self._train(1)
            case Restart(seed):
                self.session.restart(seed)
                self._begin_run()
            case Undo() | Redo():
                (self.session.undo if isinstance(request, Undo) else self.session.redo)()
                if self._state == "diverged":
                    self._pause("paused")  # what led there may be but half undone
                self._change_path()
            case ReturnTo(index):
                self.session.return_to(index)
                self._pause("paused")
                self._change_path()
            case EvaluateTest():
                self._check_is_finite()
                self._evals.ask_for_test(self.session)
            case FindLearningRate(low, high):
                self._finder = LearningRateFinder(self.session, low, high, clock=self._clock)
                self._found = None
                if self._state == "training":
                    self._pause("paused")
            case CancelFinder():
                self._finder = self._found = None
            case ChangeDataset(name, unique):
                self._change_dataset(DescribeDataset(name, unique))
            case NameRun(name):
                if self._autosave is None:
                    raise UserError("runs are not saved here, so this one can't have a name")
                self._autosave.name(self.session, name)
            case OpenRun(folder):
                self._open_run(Path(folder))

    def _describe(self, request: DescribeDataset) -> DatasetStats:
        dataset = Dataset.load(request.name, request.unique)
        facts = dataset_stats(dataset)
        self._described = request, dataset  # so that what was shown is what is taken
        return DatasetStats(
            name=request.name,
            unique=request.unique,
            path=shown(facts["path"]),
            items=facts["items"],
            distinct=facts["distinct"],
            characters=facts["vocabulary"],
            shortest=facts["shortest"],
            longest=facts["longest"],
            examples=tuple(facts["examples"].values()),
            seen=tuple(facts["seen"].values()),
        )

    def _change_dataset(self, wanted: DescribeDataset) -> None:
        """Begin a run on other data; if that can't be had, nothing has changed."""
        if self._described is not None and self._described[0] == wanted:
            dataset = self._described[1]
        else:
            dataset = Dataset.load(wanted.name, wanted.unique)
        self.session.restart(dataset=dataset)
        self._described = None
        self._begin_run()

    def _open_run(self, folder: Path) -> None:
        """Go on with a saved run, paused; if it can't be read, nothing has changed."""
        if self._autosave is not None:
            self._autosave.finish()
            if str(folder) == self._autosave.facts.folder:
                raise UserError(f"{shown(run_name(folder))} is the run that is open already")
        self.session.switch_to(checkpoint.read(folder), f"run {shown(run_name(folder))}")
        self._pause("paused")
        if self._autosave is not None:
            self._autosave.resume(self.session, folder)
        self._change_path()

    @property
    def _planned_end(self) -> int:
        """Where this run ends by itself; counting ends when every example is counted."""
        is_counting = self.session.model_settings.kind == "ngram"
        is_unlimited = is_counting or self.session.run in self._beyond_plan
        return _UNLIMITED if is_unlimited else self.session.train_settings.steps

    @property
    def _is_finished(self) -> bool:
        return self.session.trainer.finished or self.session.step >= self._planned_end

    def _pause(self, state: State) -> None:
        self._state = state
        self._recent.clear()

    def _resume(self) -> None:
        if self.session.trainer.finished:
            raise UserError("every example has been counted; a restart counts again")
        self._check_is_finite()
        if self.session.step >= self._planned_end:
            self._beyond_plan.add(self.session.run)
        self._state = "training"

    def _check_is_finite(self) -> None:
        if self.session.diverged:
            raise UserError(f"the weights are not finite; {self._way_back}")

    @property
    def _way_back(self) -> str:
        """From weights that are not finite."""
        way_back = self.session.undo_stack.newest_finite_label
        if way_back is not None:
            return f"undo takes back {way_back}"
        return "lower the learning rate, then restart"

    # Work between requests

    def _work(self) -> None:
        if self._state == "training":
            left = self._planned_end - self.session.step
            if left > 0:
                self._train(left)
            if self._state == "training" and self._is_finished:
                self._pause("finished")
        if self._autosave is not None and self._autosave.advance(self.session):
            return
        if self._evals.advance(self.session, self._state == "training"):
            return
        if self._finder is not None and self._found is None:
            self._search(self._finder)
        elif not self._are_baselines_known:
            self._are_baselines_known = not self._baselines.advance()

    def _train(self, most: int) -> None:
        self._slicer.train(self.session, most)
        now = self._clock()
        self._recent.append((now, self.session.step))
        while self._recent[0][0] < now - _RATE_SECONDS:
            self._recent.popleft()
        if self.session.diverged_at is not None:
            self._pause("diverged")

    def _search(self, finder: LearningRateFinder) -> None:
        """Try some more learning rates, unless the model has become another."""
        if not finder.is_of(self.session):
            self._finder = None
        elif not finder.advance():
            self._found = finder.result()

    # Snapshots

    def _snapshot(self, views: tuple[View, ...], is_refresh: bool = False) -> Snapshot:
        session = self.session
        marks = tuple(journal_marks(session.journal)[-_MAX_MARKS:])
        splits = self._evals.splits
        baselines = self._baselines.result()
        drawn = {type(one): self._views.draw(one, session, splits, baselines) for one in views}
        return Snapshot(
            state=self._state,
            step=session.step,
            steps_per_second=self._steps_per_second(),
            seed=session.seed,
            model=session.model_settings,
            train=session.train_settings,
            learning_rate=session.train_settings.learning_rate_at(session.step),
            parameters=session.model.parameters,
            dataset=self._facts,
            splits=splits,
            test=self._evals.test,
            test_asked=self._evals.asked,
            runs=self._runs,
            is_refresh=is_refresh,
            marks=marks,
            can_undo=session.can_undo,
            can_redo=session.can_redo,
            resized=session.resized,
            divergence=self._divergence(marks),
            previous=tuple(self._previous_facts(run) for run in session.previous_runs),
            loss=drawn.get(LossView),  # type: ignore[arg-type]
            bigrams=drawn.get(BigramsView),  # type: ignore[arg-type]
            names=drawn.get(NamesView),  # type: ignore[arg-type]
            embedding=drawn.get(EmbeddingView),  # type: ignore[arg-type]
            probe=drawn.get(ProbeView),  # type: ignore[arg-type]
            health=drawn.get(HealthView),  # type: ignore[arg-type]
            baselines=baselines,
            finder=self._rate_search(),
            saving=self._autosave.facts if self._autosave is not None else None,
            is_resting=self._is_resting,
            undo_levels=session.undo_levels,
        )

    def _divergence(self, marks: tuple[Mark, ...]) -> Divergence | None:
        step = self.session.diverged_at
        if step is None:
            return None
        before = [mark for mark in marks if mark.step < step]
        return Divergence(
            step, before[-1] if before else None, self.session.undo_stack.newest_finite_label
        )

    def _previous_facts(self, run: StashedRun) -> PreviousRun:
        state = run.state
        return PreviousRun(
            name=run.name,
            model=state.model_settings,
            train=state.train_settings,
            seed=state.seed,
            steps=state.step,
            best_dev=state.dev_losses.best,
            last_dev=state.dev_losses.last,
            id=id(state.run),
            folder=self._autosave.folder_of(state.run) if self._autosave is not None else "",
        )

    def _rate_search(self) -> RateSearch | None:
        """What the learning-rate finder has found, of the model that the session still has."""
        if self._finder is None or not self._finder.is_of(self.session):
            return None
        return self._found or self._finder.result()

    def _steps_per_second(self) -> float:
        if len(self._recent) < 2:
            return 0.0
        (first_time, first_step), (_, last_step) = self._recent[0], self._recent[-1]
        return (last_step - first_step) / max(self._clock() - first_time, 1e-9)
