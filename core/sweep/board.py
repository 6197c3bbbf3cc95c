"""A study as a `Snapshot`: leaderboard, curves, and what matters."""

import math
import time
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from optuna.trial import FrozenTrial, TrialState

from . import messages
from .messages import Point, Snapshot, State, Trial
from .study import RESULT, Study
from .trial_messages import Reached

_STATES: dict[TrialState, messages.TrialState] = {
    TrialState.WAITING: "waiting",
    TrialState.RUNNING: "running",
    TrialState.COMPLETE: "done",
    TrialState.PRUNED: "pruned",
    TrialState.FAIL: "failed",
}
_CURVES = 5  # of the best trials, that are in a snapshot
_TIMES_COST = 100  # the share of time that importances may take is the inverse


class Result(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is kept of a trial in the study, but for its settings and its dev loss; see `Trial`."""

    steps: int = 0
    dev: list[Point] = []
    losses: list[Point] = []
    run: str = ""
    why: str = ""


class Board:
    """Makes snapshots of a study; what has not changed is not worked out again."""

    def __init__(self, study: Study):
        self._study = study
        self._rows: dict[int, Trial] = {}  # of trials that have ended, without curves
        self._importances: dict[str, float] = {}
        self._ended, self._next = 0, 0.0  # trials when they were worked out; not again before

    def snapshot(
        self, name: str, state: State, running: Mapping[int, Reached], **facts: Any
    ) -> Snapshot:
        """The study now. running: the newest report of each trial that runs here."""
        found = self._study.trials()
        rows = [self._row(trial, running.get(trial.number)) for trial in found]
        leaders = {trial.number for trial in best_of(found, _CURVES)}
        begun = self._study.begun
        ended = sum(trial.state.is_finished() for trial in found)
        self._weigh(ended, state == "running")
        return Snapshot(
            study=name,
            state=state,
            spec=begun.spec,
            over=begun.over,
            steps=sum(row.steps for row in rows),
            seeds=begun.seeds,
            rows=tuple(
                _with_curves(row, result_of(trial)) if trial.number in leaders else row
                for row, trial in zip(rows, found, strict=True)
            ),
            best_so_far=_best_so_far(found),
            importances=self._importances,
            storage=self._study.url,
            **facts,
        )

    def _row(self, trial: FrozenTrial, reached: Reached | None) -> Trial:
        if row := self._rows.get(trial.number):
            return row
        values = trial.intermediate_values
        is_waiting = trial.state == TrialState.WAITING  # to be run from its beginning
        newest = values[max(values)] if values and not is_waiting else None
        spec = self._study.spec_of(trial)
        result = result_of(trial)
        settings = vars(spec.model) | vars(spec.train)
        row = Trial(
            number=trial.number,
            state=_STATES[trial.state],
            settings={one.setting: settings[one.setting] for one in self._study.begun.over},
            spec=str(spec),
            value=finite(trial.value if trial.value is not None else newest),
            steps=reached.steps if reached else result.steps,
            planned=spec.train.steps * self._study.begun.seeds,
            run=result.run,
            seconds=_seconds(trial),
            why=result.why,
        )
        if trial.state.is_finished():
            self._rows[trial.number] = row
        elif reached:
            value = reached.dev[-1][1] if reached.dev else row.value
            row = _with_curves(msgspec.structs.replace(row, value=finite(value)), reached)
        return row

    def _weigh(self, ended: int, is_running: bool) -> None:
        """Work out the importances if trials have ended since, but while it runs not too often."""
        begun = time.monotonic()
        if ended != self._ended and (begun >= self._next or not is_running):
            self._importances, self._ended = self._study.importances(), ended
            now = time.monotonic()
            self._next = now + _TIMES_COST * (now - begun)


def best_of(trials: Sequence[FrozenTrial], count: int) -> list[FrozenTrial]:
    """The trials of the lowest dev losses, of those that were trained to their end."""
    done = [trial for trial in trials if trial.state == TrialState.COMPLETE]
    return sorted(done, key=_value)[:count]


def result_of(trial: FrozenTrial) -> Result:
    """What is kept of a trial; of one that has not ended, nothing."""
    return msgspec.convert(trial.user_attrs.get(RESULT, {}), Result)


def _with_curves(row: Trial, of: Result | Reached) -> Trial:
    return msgspec.structs.replace(row, dev=tuple(of.dev), losses=tuple(of.losses))


def _value(trial: FrozenTrial) -> float:
    return math.inf if trial.value is None else trial.value


def finite(value: float | None) -> float | None:
    """A loss, or None where it is not finite."""
    return value if value is not None and math.isfinite(value) else None


def _seconds(trial: FrozenTrial) -> float:
    begun, ended = trial.datetime_start, trial.datetime_complete
    return (ended - begun).total_seconds() if begun and ended else 0.0


def _best_so_far(trials: Sequence[FrozenTrial]) -> tuple[Point, ...]:
    ended = [trial for trial in trials if trial.state.is_finished() and trial.datetime_complete]
    ended.sort(key=lambda trial: trial.datetime_complete)  # type: ignore[arg-type,return-value]
    points: list[Point] = []
    for count, trial in enumerate(ended, 1):
        is_done = trial.state == TrialState.COMPLETE
        if is_done and (not points or _value(trial) < points[-1][1]):
            points.append((count, _value(trial)))
    return tuple(points)
