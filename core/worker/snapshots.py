"""Snapshots of a session for the explorer."""

import contextlib
from typing import Any

from ..errors import UserError
from ..results import Divergence, Mark, PreviousRun
from ..runs.state import journal_marks
from ..session.undo import StashedRun
from .protocol import Snapshot, View
from .runner import SessionRunner

_MAX_MARKS = 256


def make_snapshot(
    runner: SessionRunner, views: tuple[View, ...] = (), is_refresh: bool = False
) -> Snapshot:
    """The session as it is now, with some views drawn; a view that can't be drawn is left out."""
    session, autosave = runner.session, runner.autosave
    marks = tuple(journal_marks(session.journal)[-_MAX_MARKS:])
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
        can_undo=session.can_undo,
        can_redo=session.can_redo,
        resized=session.resized,
        divergence=_divergence(runner, marks),
        previous=tuple(_previous_run(runner, run) for run in session.previous_runs),
        baselines=runner.views.baselines,
        finder=runner.rate_search.result(),
        saving=autosave.facts if autosave is not None else None,
        is_resting=runner.is_resting,
        undo_levels=session.undo_levels,
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


def _previous_run(runner: SessionRunner, run: StashedRun) -> PreviousRun:
    state, autosave = run.state, runner.autosave
    return PreviousRun(
        name=run.name,
        model=state.model_settings,
        train=state.train_settings,
        seed=state.seed,
        steps=state.step,
        best_dev=state.dev_losses.best,
        last_dev=state.dev_losses.last,
        id=id(state.run),
        folder=autosave.folder_of(state.run) if autosave is not None else "",
    )
