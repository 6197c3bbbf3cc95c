"""What each request does to the session; one function a type of request.

A handler raises UserError, with nothing changed, if the request can't be carried out.
"""

from collections.abc import Callable
from functools import singledispatch
from pathlib import Path

from ..errors import UserError
from ..results import DatasetStats
from ..runs import checkpoint
from ..runs.header import run_name
from ..text import shown
from . import protocol
from .runner import SessionRunner


@singledispatch
def handle(request: protocol.Request, runner: SessionRunner) -> DatasetStats | None:
    """Carry out a request. Returns its reply, or None if that is a snapshot.

    Raises:
        UserError: it can't be carried out; nothing has changed.
    """
    raise TypeError(f"there is no handler for {type(request).__name__}")


@handle.register
def refresh(_request: protocol.Refresh, _runner: SessionRunner) -> None:
    pass


@handle.register
def edit(request: protocol.Edit, runner: SessionRunner) -> None:
    session, changes = runner.session, request.changes
    plan = session.plan(**changes)
    if plan.effect == "restart":
        runner.save_before_leaving()
    session.edit(plan)
    if plan.effect == "restart":
        runner.begin_run()
        return
    is_resized = plan.effect == "resized"
    if is_resized:
        runner.training.measure_anew()
    if "steps" in changes:
        runner.training.plan_applies()
    is_another_loss = not changes.keys().isdisjoint({"smoothing", "train_on"})
    runner.evals.edited(session, is_resized, is_another_loss)


@handle.register
def pause(_request: protocol.Pause, runner: SessionRunner) -> None:
    runner.training.pause()


@handle.register
def resume(_request: protocol.Resume, runner: SessionRunner) -> None:
    runner.training.resume()


@handle.register
def step(_request: protocol.Step, runner: SessionRunner) -> None:
    runner.training.step()


@handle.register
def restart(request: protocol.Restart, runner: SessionRunner) -> None:
    runner.save_before_leaving()
    runner.session.restart(request.seed)
    runner.begin_run()


@handle.register
def undo(_request: protocol.Undo, runner: SessionRunner) -> None:
    _undo_or_redo(runner, runner.session.undo)


@handle.register
def redo(_request: protocol.Redo, runner: SessionRunner) -> None:
    _undo_or_redo(runner, runner.session.redo)


def _undo_or_redo(runner: SessionRunner, action: Callable[[], str]) -> None:
    runner.save_before_leaving()
    action()
    if runner.training.state == "diverged":
        runner.training.pause()  # what led there may be undone only in part
    runner.weights_replaced()


@handle.register
def return_to(request: protocol.ReturnTo, runner: SessionRunner) -> None:
    runner.save_before_leaving()
    runner.session.return_to(request.index)
    runner.training.pause()
    runner.weights_replaced()


@handle.register
def evaluate_test(_request: protocol.EvaluateTest, runner: SessionRunner) -> None:
    runner.training.check_is_finite()
    runner.evals.request_test(runner.session)


@handle.register
def find_learning_rate(request: protocol.FindLearningRate, runner: SessionRunner) -> None:
    runner.rate_search.start(request.low, request.high)
    if runner.training.is_training:
        runner.training.pause()


@handle.register
def cancel_finder(_request: protocol.CancelFinder, runner: SessionRunner) -> None:
    runner.rate_search.cancel()


@handle.register
def describe_dataset(request: protocol.DescribeDataset, runner: SessionRunner) -> DatasetStats:
    return runner.datasets.describe(request.name, request.unique)


@handle.register
def change_dataset(request: protocol.ChangeDataset, runner: SessionRunner) -> None:
    dataset = runner.datasets.load(request.name, request.unique)
    runner.save_before_leaving(is_last_chance=True)
    runner.session.restart(dataset=dataset)
    runner.begin_run()


@handle.register
def name_run(request: protocol.NameRun, runner: SessionRunner) -> None:
    if runner.autosave is None:
        raise UserError("runs are not saved here, so this one can't have a name")
    runner.autosave.name(runner.session, request.name)


@handle.register
def open_run(request: protocol.OpenRun, runner: SessionRunner) -> None:
    path, autosave = Path(request.folder), runner.autosave
    name = shown(run_name(path))
    runner.save_before_leaving(is_last_chance=True)
    if autosave is not None:
        autosave.finish()
        if str(path) == autosave.facts.folder:
            raise UserError(f"{name} is the run that is open already")
    runner.session.switch_to(checkpoint.read(path), f"run {name}")
    runner.training.pause()
    if autosave is not None:
        autosave.resume(runner.session, path)
    runner.weights_replaced()
