"""Runs a study on this machine: trials to its workers, what they report into the study."""

import contextlib
import math
import time
from dataclasses import replace
from pathlib import Path

import msgspec

from ..errors import UserError
from .best_runs import BestRuns
from .board import Board, Result, finite
from .files import StudyFiles
from .messages import Command, Prune, Snapshot, Start, State, Stop
from .study import Study
from .trial_messages import Ended, Keep, Kept, Reached, Task, Verdict
from .workers import Report, Worker, Workers

_SECONDS_TO_WAIT = 0.2
_SECONDS_TO_ASK = 2.0  # for a trial again, where there was none
_MIN_SECONDS, _TIMES_COST = 0.5, 20  # between snapshots, or so many times the work of one
_MAX_DEATHS = 2  # of workers at the same trial; then it is the trial's fault


class Coordinator:
    """The one process that runs a study on this machine, and the only one that opens its file.

    is_stopping: set it to end the sweep.
    """

    def __init__(self, start: Start, study: Study, files: StudyFiles, workers: Workers):
        self._start, self._study, self._files, self._workers = start, study, files, workers
        self._board = Board(study)
        self._best_runs = BestRuns(study, start.study, start.runs, start.keep if start.runs else 0)
        self._most = int(min(start.trials or study.begun.trials, study.num_possible))
        self._reached: dict[int, Reached] = {}  # the newest report of each trial that runs here
        self._saving: dict[int, tuple[Ended, Path]] = {}
        self._deaths: dict[int, int] = {}
        self._ended = 0  # trials, here
        self._snapshot: Snapshot | None = None  # the last
        self._begun = time.monotonic()
        self._next_snapshot = self._next_ask = 0.0
        self.is_stopping: bool = False

    def run(self) -> None:
        """Go on until all trials have ended, the time is up, or someone says stop.

        Raises UserError if the study can't be read or written any more.
        """
        problem, state = "", "stopped"
        try:
            self._workers.start()
            while not (self.is_stopping or self._seconds > (self._start.seconds or math.inf)):
                if not self._hand_out():
                    state = "finished"
                    break
                for worker, report in self._workers.reports(_SECONDS_TO_WAIT):
                    self._take(worker, report)
                for command in self._files.new_commands():
                    self._obey(command)
                self._study.beat()
                if time.monotonic() >= self._next_snapshot:
                    self.publish("running")
        except UserError as error:
            problem = str(error)
            raise
        finally:
            self._workers.close()
            with contextlib.suppress(UserError):  # what can't be given back now is when it goes on
                self._study.give_back_all()
                self._reached.clear()
            with contextlib.suppress(UserError):
                self._publish_last(state, problem)

    def publish(self, state: State, problem: str = "") -> None:
        """Write a snapshot."""
        begun, is_running = time.process_time(), state == "running"
        left = (self._start.seconds or math.inf) - self._seconds
        if self._ended:
            ended = self._study.num_ended
            left = min(left, self._seconds / self._ended * max(0, self._most - ended))
        snapshot = self._board.snapshot(
            self._start.study,
            state,
            self._reached,
            trials=self._most,
            seconds=self._seconds,
            seconds_left=left if is_running and math.isfinite(left) else None,
            problem=problem,
        )
        self._files.write(snapshot)
        self._snapshot = snapshot
        cost = time.process_time() - begun
        self._next_snapshot = time.monotonic() + max(_MIN_SECONDS, _TIMES_COST * cost)

    def _publish_last(self, state: State, problem: str) -> None:
        """Write the last snapshot; the one before if the study can't be read any more."""
        try:
            self.publish(state, problem)
        except UserError:
            if self._snapshot is None:
                raise
            self._files.write(self._snapshot.stopped(problem))

    @property
    def _seconds(self) -> float:
        return time.monotonic() - self._begun

    def _hand_out(self) -> bool:
        """Give each idle worker a trial. False if none is left, and none runs on any machine."""
        if time.monotonic() < self._next_ask:
            return True
        for worker in self._workers.idle:
            asked = self._study.ask(self._most)
            if asked is None:
                self._next_ask = time.monotonic() + _SECONDS_TO_ASK
                return self._study.is_running
            worker.trial, spec = asked
            begun = self._study.begun
            worker.send(Task(worker.trial, spec, begun.seeds, self._study.most_steps, begun.prunes))
        return True

    def _take(self, worker: Worker, report: Report | None) -> None:
        """Note what a worker reports; None is its death."""
        match report:
            case Reached(trial):
                self._reached[trial] = report
                if report.at is not None:
                    worker.send(Verdict(trial, self._judged(report, report.at)))
            case Ended(trial, last, value):
                self._reached[trial] = last
                loss = finite(value)
                path = self._best_runs.path_for(trial, loss) if loss else None
                if path:
                    self._saving[trial] = report, path
                    worker.send(Keep(path))
                else:
                    self._end(worker, report)
            case Kept(problem) if worker.trial is not None:
                ended, path = self._saving.pop(worker.trial)
                if problem:
                    ended = replace(ended, why=f"not saved as a run: {problem}")
                self._end(worker, ended, "" if problem else str(path))
                self._best_runs.remove_beaten()
            case None if worker.trial is not None:
                self._take_death(worker.trial)

    def _judged(self, report: Reached, at: int) -> str:
        """Why a trial ends at a rung, or after a seed; "" if it goes on."""
        is_behind = self._study.report(report.trial, at, report.value)
        is_last_seed = self._study.begun.seeds - 1 == at > 0
        return "behind the others" if is_behind and not is_last_seed else ""

    def _end(self, worker: Worker, ended: Ended, run: str = "") -> None:
        """Note the end of a trial in the study; the worker is free."""
        last = ended.last
        result = msgspec.to_builtins(Result(last.steps, last.dev, last.losses, run, ended.why))
        self._study.end(ended.trial, result, finite(ended.value), ended.has_failed)
        self._reached.pop(ended.trial, None)
        self._ended += 1
        worker.trial, self._next_ask = None, 0.0

    def _take_death(self, trial: int) -> None:
        """Run the trial of a worker that has died again, unless it seems to be its fault."""
        self._reached.pop(trial, None)
        self._saving.pop(trial, None)
        self._deaths[trial] = self._deaths.get(trial, 0) + 1
        self._next_ask = 0.0
        if self._deaths[trial] <= _MAX_DEATHS:
            self._study.give_back(trial)
        else:
            result = Result(why=f"its process died {self._deaths[trial]} times")
            self._study.end(trial, msgspec.to_builtins(result), None, failed=True)

    def _obey(self, command: Command) -> None:
        match command:
            case Stop():
                self.is_stopping = True
            case Prune(trial):
                if worker := self._workers.at(trial):
                    worker.send(Verdict(trial, "ended by hand"))
