"""What each request does to the session."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..datasets.dataset import Dataset
from ..datasets.stats import dataset_stats
from ..errors import UserError
from ..results import DatasetStats
from ..runs import checkpoint
from ..runs.header import run_name
from ..text import shown
from . import protocol
from .runner import SessionRunner


def handle(request: protocol.Request, runner: SessionRunner) -> DatasetStats | None:
    """Carry out a request. Returns its reply, or None if that is a snapshot.

    Raises:
        UserError: it can't be carried out; nothing has changed.
    """
    match request:
        case protocol.Edit(changes):
            _edit(runner, changes)
        case protocol.Pause():
            runner.training.pause()
        case protocol.Resume():
            runner.training.resume()
        case protocol.Step():
            runner.training.step()
        case protocol.Restart(seed):
            _restart(runner, seed=seed)
        case protocol.Undo():
            _return(runner, runner.session.undo)
        case protocol.Redo():
            _return(runner, runner.session.redo)
        case protocol.ReturnTo(index):
            previous = runner.session.undo_stack.previous_run(index)
            _return(runner, lambda: runner.session.switch_to(previous), must_pause=True)
        case protocol.EvaluateTest():
            runner.evaluate_test()
        case protocol.FindLearningRate(low, high):
            runner.find_learning_rate(low, high)
        case protocol.CancelFinder():
            runner.rate_search.cancel()
        case protocol.DescribeDataset(name, unique):
            return _describe(runner, name, unique)
        case protocol.ChangeDataset(name, unique):
            _change_dataset(runner, name, unique)
        case protocol.NameRun(name):
            runner.name_run(name)
        case protocol.OpenRun(folder):
            _open_run(runner, Path(folder))
    return None


def _edit(runner: SessionRunner, changes: dict[str, Any]) -> None:
    plan = runner.session.plan(**changes)
    if plan.effect == "restart":
        runner.save_before_leaving()
    runner.session.edit(plan)
    if plan.effect == "restart":
        runner.begin_run()
        return
    is_resized = plan.effect == "resized"
    if is_resized:
        runner.training.measure_anew()
    if "steps" in changes:
        runner.training.plan_applies()
    is_another_loss = not changes.keys().isdisjoint({"smoothing", "train_on"})
    runner.evals.edited(runner.session, is_resized, is_another_loss)


def _restart(runner: SessionRunner, **changes: Any) -> None:
    runner.save_before_leaving(is_last_chance="dataset" in changes)
    runner.session.restart(**changes)
    runner.begin_run()


def _return(runner: SessionRunner, action: Callable[[], Any], must_pause: bool = False) -> None:
    runner.save_before_leaving()
    action()
    if must_pause or runner.training.state == "diverged":
        runner.training.pause()  # what led to a divergence may be undone only in part
    runner.weights_replaced()


def _describe(runner: SessionRunner, name: str, unique: bool) -> DatasetStats:
    dataset = Dataset.load(name, unique)
    facts = dataset_stats(dataset)
    runner.described = (name, unique), dataset
    return DatasetStats(
        name=name,
        unique=unique,
        path=shown(facts["path"]),
        items=facts["items"],
        distinct=facts["distinct"],
        characters=facts["vocabulary"],
        shortest=facts["shortest"],
        longest=facts["longest"],
        examples=tuple(facts["examples"].values()),
        seen=tuple(facts["seen"].values()),
    )


def _change_dataset(runner: SessionRunner, name: str, unique: bool) -> None:
    """Begin a run on a dataset as it was described last, otherwise as its file is now."""
    described, runner.described = runner.described, None
    is_described = described is not None and described[0] == (name, unique)
    dataset = described[1] if described and is_described else Dataset.load(name, unique)
    _restart(runner, dataset=dataset)


def _open_run(runner: SessionRunner, path: Path) -> None:
    name, autosave = shown(run_name(path)), runner.autosave
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
