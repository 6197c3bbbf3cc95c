"""The worker's loop: requests in, replies out, and work in between."""

import contextlib
import time
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any

from ..errors import UserError
from ..results import Divergence, Mark, PreviousRun
from ..runs.state import RunState, journal_marks
from ..session.session import Session
from ..session.undo import previous_run_name
from ..text import shown
from .autosave import Autosave
from .handlers import handle
from .protocol import Refresh, Refused, Reply, Request, Snapshot, Unsaved, View
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
                    request = self._inbox.get()
                    if request is None:
                        return
                    self._send(self.answer(request))
                self.runner.advance()
        finally:
            self._save()

    def answer(self, request: Request) -> Reply:
        """Carry out a request; its reply."""
        try:
            reply = handle(request, self.runner)
        except (UserError, OSError) as error:
            return Refused(_sentence(error))
        if isinstance(request, Refresh):
            return make_snapshot(self.runner, request.views, is_refresh=True)
        return reply or make_snapshot(self.runner)

    def _save(self) -> None:
        """Save what is unsaved, and tell if that can't be done."""
        autosave = self.runner.autosave
        if autosave is None:
            return
        try:
            autosave.close(self.runner.session)
            problem = autosave.facts.problem
        except (UserError, OSError) as error:
            problem = _sentence(error)
        if problem is not None:
            self._send(Unsaved(problem))


def _sentence(error: UserError | OSError) -> str:
    """What can't be done, or what the system has refused."""
    if isinstance(error, UserError):
        return str(error)
    what = shown(str(error.filename)) if error.filename else "a file"
    return f"{what} can't be used: {error.strerror or error}"


def make_snapshot(
    runner: SessionRunner, views: tuple[View, ...] = (), is_refresh: bool = False
) -> Snapshot:
    """The session as it is now, with some views drawn; a view that can't be drawn is left out."""
    session, autosave = runner.session, runner.autosave
    marks = tuple(journal_marks(session.journal)[-_MAX_MARKS:])
    stack = session.undo_stack
    undo = stack.next_undo(session.diverged)
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
        can_undo=undo.label if undo else None,
        can_redo=stack.future[-1].label if stack.future else None,
        resized=session.resized,
        divergence=_divergence(runner, marks),
        previous=tuple(_previous_run(runner, run) for run in stack.previous_runs),
        baselines=runner.views.baselines,
        finder=runner.rate_search.result(),
        saving=autosave.facts if autosave is not None else None,
        is_resting=runner.is_resting,
        undo_levels=len(stack.past),
        **_drawn(runner, views),
    )


def _drawn(runner: SessionRunner, views: tuple[View, ...]) -> dict[str, Any]:
    """The views by the name of their field in a snapshot, such as "loss" for a `LossView`."""
    drawn = {}
    for view in views:
        with contextlib.suppress(UserError):
            found = runner.views.draw(view, runner.session, runner.evals.splits)
            drawn[type(view).__name__.removesuffix("View").lower()] = found
    return drawn


def _divergence(runner: SessionRunner, marks: tuple[Mark, ...]) -> Divergence | None:
    step = runner.session.diverged_at
    if step is None:
        return None
    before = [mark for mark in marks if mark.step < step]
    way_back = runner.session.undo_stack.newest_finite_label
    return Divergence(step, before[-1] if before else None, way_back)


def _previous_run(runner: SessionRunner, state: RunState) -> PreviousRun:
    session, autosave = runner.session, runner.autosave
    present = session.model_settings, session.train_settings, session.seed
    return PreviousRun(
        name=previous_run_name(state, *present),
        model=state.model_settings,
        train=state.train_settings,
        seed=state.seed,
        steps=state.step,
        best_dev=state.dev_losses.best,
        id=id(state.run),
        folder=autosave.folder_of(state.run) if autosave is not None else "",
    )
