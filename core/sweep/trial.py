"""One process that trains trials, as its coordinator says: a task in, losses out."""

import math
import time
from collections.abc import Iterator
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import torch

from ..datasets.dataset import Dataset
from ..errors import UserError
from ..run_spec import RunSpec
from ..runs import checkpoint
from ..runs.state import RunState
from ..session.session import Session
from ..training.time_slicer import TimeSlicer
from .halving import rungs
from .trial_messages import Ended, Keep, Kept, Reached, Task, Verdict

_SLICE_SECONDS = 0.2
_SECONDS_BETWEEN = 0.5  # reports of a trial that is between two rungs
_MIN_SECONDS = 2.0  # between dev losses that decide nothing
_CURVE_POINTS = 64


class _Pruned(Exception):
    """The coordinator has ended the trial."""


def work(connection: Connection) -> None:
    """Train what comes, until the connection is closed."""
    torch.set_num_threads(1)
    worker = _Worker(connection)
    try:
        while True:
            match connection.recv():
                case Task() as task:
                    worker.run(task)
                case Keep(path):
                    connection.send(worker.keep(path))
    except (EOFError, OSError, KeyboardInterrupt):
        pass  # the coordinator is gone


class _Worker:
    """Trains one trial after another, on datasets that are read once."""

    def __init__(self, connection: Connection):
        self._connection = connection
        self._datasets: dict[tuple[Any, ...], Dataset] = {}
        self._finished: RunState | None = None  # with the first seed, of the trial before
        self._slicer = TimeSlicer(_SLICE_SECONDS)  # one for all: it has to find out their speed

    def run(self, task: Task) -> None:
        """Train a trial, and send its end."""
        self._finished = None
        self._task, self._last = task, Reached(task.trial, 0, [], [])
        try:
            losses = [self._loss(seed) for seed in range(task.seeds)]
            ended = Ended(task.trial, self._last, sum(losses) / len(losses))
        except _Pruned as why:
            ended = Ended(task.trial, self._last, why=str(why))
        except UserError as error:
            ended = Ended(task.trial, self._last, why=str(error), has_failed=True)
        self._connection.send(ended)

    def keep(self, path: Path) -> Kept:
        """Save the run of the trial before."""
        assert self._finished is not None
        try:
            checkpoint.write(self._finished, path, named=True)
        except UserError as error:
            return Kept(str(error))
        return Kept()

    def _loss(self, seed: int) -> float:
        """The dev loss of the present trial with one of its seeds."""
        task = self._task
        spec = replace(task.spec, seed=task.spec.seed + seed)
        session = Session(self._dataset(spec), spec.model, spec.train, spec.seed)
        steps, is_network = session.trainer.last_step, spec.model.model_kind.is_network
        before, evaluated = self._last.steps, time.monotonic()
        for step in rungs(steps, max(steps, task.most_steps)):
            for _ in self._trained(session, step):
                self._report(session, before)
            is_last = step == steps or session.trainer.finished
            is_rung = task.is_judged and task.seeds == 1 and is_network  # counting is soon done
            if not is_last and not is_rung and time.monotonic() - evaluated < _MIN_SECONDS:
                continue
            loss, evaluated = session.evaluate("dev").loss, time.monotonic()
            if is_last:
                break
            self._report(session, before, step if is_rung else None, loss)
        else:
            raise AssertionError  # the last rung is the last step
        self._report(session, before, seed if task.seeds > 1 else None, loss)
        if not seed:
            self._finished = session.state()
        return loss

    def _trained(self, session: Session, end: int) -> Iterator[None]:
        """Train up to a step; yields now and then. Raises _Pruned if the training diverges."""
        told = time.monotonic()
        for _ in self._slicer.train_to(session, end):
            if session.diverged_at is not None:
                raise _Pruned(f"diverged at step {session.diverged_at:,}")
            if time.monotonic() - told > _SECONDS_BETWEEN:
                told = time.monotonic()
                yield

    def _report(
        self, session: Session, before: int, at: int | None = None, value: float = math.nan
    ) -> None:
        """Tell the coordinator of the trial; raises _Pruned if it says that the trial ends."""
        curve = session.history.curve(0, _CURVE_POINTS)
        losses = [
            (int(step), loss)
            for step, loss in zip(curve.steps, curve.mean, strict=True)
            if math.isfinite(loss)
        ]
        steps, dev = before + session.step, list(session.dev_losses.points)
        self._last = Reached(self._task.trial, steps, dev, losses, at, value)
        self._connection.send(self._last)
        is_asked = at is not None and self._task.is_judged
        while is_asked or self._connection.poll():
            match self._connection.recv():
                case Verdict(trial, why) if trial == self._task.trial:
                    if why:
                        raise _Pruned(why)
                    return

    def _dataset(self, spec: RunSpec) -> Dataset:
        if spec.data not in self._datasets:
            self._datasets[spec.data] = Dataset.load(*spec.data)
        return self._datasets[spec.data]
