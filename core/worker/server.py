"""The worker's loop: requests in, replies out, and work in between."""

import contextlib
import time
from collections.abc import Callable
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

from ..errors import UserError, reason
from ..results import Divergence, Mark, PreviousRun
from ..runs.state import RunState, journal_marks
from ..session.session import Session
from ..session.timeline import previous_run_name
from ..text import shown
from . import protocol
from .autosave import Autosave
from .protocol import Reply, Request, Snapshot, View
from .runner import SessionRunner

_MAX_MARKS = 256


class Server:
    """Serves one session until None is in the inbox, and saves its run then."""

    def __init__(
        self,
        session: Session,
        inbox: "SimpleQueue[Request | None]",
        send: Callable[[Reply], None],
        clock: Callable[[], float] = time.perf_counter,
        autosave: Autosave | None = None,
        paused: bool = False,
    ):
        """send: takes each reply. clock: in seconds. autosave: None saves nothing. paused: don't
        train before that is asked for."""
        self.runner: SessionRunner = SessionRunner(session, clock, autosave, paused)
        self._inbox = inbox
        self._send = send

    def run(self) -> None:
        """Answer requests and work in between, until None comes."""
        try:
            self._send(make_snapshot(self.runner))
            while True:
                while not (self.runner.has_work and self._inbox.empty()):
                    try:
                        request = self._inbox.get(timeout=self.runner.training.seconds_to_wait)
                    except Empty:  # a step is due
                        break
                    if request is None:
                        return
                    self._send(self.answer(request))
                self.runner.advance()
        finally:
            self._save()

    def answer(self, request: Request) -> Reply:
        """Carry out a request; its reply."""
        try:
            return handle(request, self.runner)
        except (UserError, OSError) as error:
            return protocol.Refused(_sentence(error))

    def _save(self) -> None:
        """Save what is unsaved, and tell where, or why that can't be done."""
        savers, problem = self.runner.pair.savers(), None
        for autosave, session in savers[::-1]:  # B first, since A's file names B's
            try:
                autosave.close(session, is_last=session is savers[0][1])
                problem = autosave.facts.problem or problem
            except (UserError, OSError) as error:
                problem = _sentence(error)
        if problem is not None:
            self._send(protocol.Unsaved(problem))
        elif savers and (path := savers[0][0].folder_of(savers[0][1].run)):
            self._send(protocol.Saved(path))


def _sentence(error: UserError | OSError) -> str:
    """What can't be done, or what the system has refused."""
    if isinstance(error, UserError):
        return str(error)
    what = shown(str(error.filename)) if error.filename else "a file"
    return f"{what} can't be used: {reason(error)}"


def handle(request: Request, runner: SessionRunner) -> Reply:
    """Carry out a request; its reply. Raises UserError if that can't be done."""
    training = runner.training
    match request:
        case protocol.Refresh(views):
            return make_snapshot(runner, views, is_refresh=True)
        case protocol.DescribeDataset(name, unique, reading):
            return runner.describe_dataset(name, unique, reading)
        case protocol.Edit(changes):
            runner.edit(changes)
        case protocol.Pause():
            training.pause()
        case protocol.Resume():
            runner.resume()
        case protocol.Step(count):
            runner.step(count)
        case protocol.LimitSpeed(limit):
            training.pace.change(limit)
        case protocol.EvaluateTest():
            training.check_is_finite()
            runner.session.test_peeks += 1
            runner.evals.request_test(runner.session)
        case protocol.FindLearningRate(low, high):
            runner.find_learning_rate(low, high)
        case protocol.CancelFinder():
            runner.cancel_finder()
        case _:
            _switch_run(request, runner)
    return make_snapshot(runner)


def _switch_run(request: Request, runner: SessionRunner) -> None:
    """Carry out a request after which another run, or another state of it, may be the present."""
    session, stack = runner.session, runner.session.timeline
    match request:
        case protocol.Restart(seed):
            runner.restart(seed=seed)
        case protocol.Begin(spec, label):
            runner.begin(spec, label)
        case protocol.ChangeDataset(name, unique, reading):
            runner.change_dataset(name, unique, reading)
        case protocol.Undo():
            runner.pair.undo()
        case protocol.Redo():
            runner.go_back(stack.redo)
        case protocol.ReturnTo(index):
            runner.go_back(lambda: stack.switch_to(stack.previous_run(index)), must_pause=True)
        case protocol.PinRun(index):
            stack.pin(index)
        case protocol.Fork(previous, folder, from_start):
            runner.pair.fork(previous, folder, from_start)
        case protocol.ChooseSide(side):
            runner.pair.choose(side)
        case protocol.Keep(side):
            runner.pair.keep(side)
        case protocol.NameRun(name):
            if runner.autosave is None:
                raise UserError("runs are not saved here, so this one can't be named")
            runner.autosave.name(session, name)
        case protocol.OpenRun(folder):
            runner.open_run(Path(folder))


def make_snapshot(
    runner: SessionRunner, views: tuple[View, ...] = (), is_refresh: bool = False
) -> Snapshot:
    """The session as it is now, with some views drawn; a view that can't be drawn is left out."""
    session, autosave = runner.session, runner.autosave
    marks = tuple(journal_marks(session.journal)[-_MAX_MARKS:])
    stack, undo = session.timeline, session.timeline.next_undo()
    return Snapshot(
        state=runner.training.state,
        step=session.step,
        steps_per_second=runner.training.steps_per_second,
        seed=session.seed,
        model=session.model_settings,
        train=session.train_settings,
        learning_rate=session.train_settings.learning_rate_at(session.step),
        parameters=session.model.num_parameters,
        dataset=runner.views.dataset_facts,
        splits=runner.evals.splits,
        test=runner.evals.test,
        test_asked=runner.evals.tests_requested,
        runs=runner.num_runs,
        is_refresh=is_refresh,
        marks=marks,
        can_undo=undo.label if undo else runner.pair.can_unfork,
        can_redo=stack.future[-1].label if stack.future else None,
        resized=session.resized,
        divergence=_divergence(session, marks),
        previous=tuple(_previous_run(run, session, autosave) for run in stack.previous_runs),
        baselines=(*runner.views.baselines.result(), *runner.views.floor(session)),
        finder=runner.finder and runner.finder.result(),
        saving=runner.pair.saving(),
        is_resting=runner.is_resting,
        speed_limit=runner.training.pace.limit,
        undo_levels=len(stack.past) or bool(runner.pair.can_unfork),
        pair=runner.pair.facts(),
        test_peeks=session.test_peeks,
        **_drawn(runner, views),
    )


def _drawn(runner: SessionRunner, views: tuple[View, ...]) -> dict[str, Any]:
    """The views that can be drawn, by name."""
    drawn: dict[str, Any] = {}
    for view in views:
        with contextlib.suppress(UserError):
            drawn[protocol.view_name(view)] = runner.views.draw(
                view, runner.session, runner.evals.splits, runner.pair.twins
            )
    return drawn


def _divergence(session: Session, marks: tuple[Mark, ...]) -> Divergence | None:
    if session.diverged_at is None:
        return None
    before = [mark for mark in marks if mark.step < session.diverged_at]
    way_back = session.timeline.before_divergence()
    return Divergence(
        step=session.diverged_at,
        after=before[-1] if before else None,
        way_back=way_back and way_back.label,
        is_finite=session.model.is_finite,
    )


def _previous_run(state: RunState, session: Session, autosave: Autosave | None) -> PreviousRun:
    present = session.model_settings, session.train_settings, session.seed
    model, train = state.trained_settings
    return PreviousRun(
        name=previous_run_name(state, *present),
        model=model,
        train=train,
        seed=state.seed,
        steps=state.step,
        best_dev=state.best_dev,
        id=id(state.run),
        test_peeks=state.test_peeks,
        folder=autosave.folder_of(state.run) if autosave is not None else "",
        is_pinned=session.timeline.is_pinned(state),
    )
