"""Where a session has been and can go: states before its edits, undone states, other runs."""

import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from ..datasets.dataset import Dataset
from ..errors import UserError
from ..reading import Reading
from ..runs.state import RunState
from ..settings import ModelSettings, TrainSettings, short_label
from ..text import shown

BUDGET = 256_000_000  # bytes
MAX_PREVIOUS_RUNS = 8
_MAX_LEVELS = 500


@dataclass(frozen=True)
class Level:
    """A state to return to, the previous runs there were then, and what was done to it."""

    label: str
    state: RunState
    previous_runs: list[RunState]


class Restorable(Protocol):
    """What a timeline takes a session for."""

    run: object
    diverged_at: int | None

    def state(self) -> RunState: ...
    def restore(self, state: RunState) -> None: ...


class Timeline:
    """Undoes, redoes, restarts and switches to other runs.

    past, future: whole states to undo and redo to, the nearest last. previous_runs: the newest
    last.

    They share `budget` bytes; tensors that states share are counted once. When they need more, the
    farthest states go, then the oldest previous runs; the nearest state either way, the newest
    previous run and pinned ones stay, whatever their size.
    """

    def __init__(self, session: Restorable, budget: int = BUDGET):
        self._session = session
        self.budget = budget
        self.past: list[Level] = []
        self.future: list[Level] = []
        self.previous_runs: list[RunState] = []
        self._pinned: set[object] = set()  # the runs that stay whatever comes after them

    def __repr__(self) -> str:
        levels = f"{len(self.past)} to undo, {len(self.future)} to redo"
        return f"Timeline({levels}, previous runs: {len(self.previous_runs)})"

    def nbytes(self, present: Dataset) -> int:
        """The memory of all states, and of their datasets except the present one."""
        states = [level.state for level in (*self.past, *self.future)] + self._all_previous_runs()
        tensors = {id(tensor): tensor.nbytes for state in states for tensor in state.tensors}
        datasets = {id(state.dataset): state.dataset.nbytes for state in states}
        datasets.pop(id(present), None)
        return sum(tensors.values()) + sum(datasets.values())

    def record(self, label: str, before: RunState, after: RunState) -> None:
        """Add the state before an edit or a change of the run; what was undone can't be redone.

        A run that is left becomes a previous run if it has got somewhere, in the place of the run
        that is gone on with if that was one. Previous runs on other data are not kept.
        """
        self.past.append(Level(label, before, self.previous_runs))
        self.future.clear()
        if after.dataset is not before.dataset:
            self.previous_runs = []
        elif after.run is not before.run:
            runs = list(self.previous_runs)
            place = next((i for i, one in enumerate(runs) if one.run is after.run), len(runs))
            runs[place : place + 1] = [before] if _is_worth_keeping(before) else []
            self._set_previous_runs(runs)
        self._trim(after.dataset)

    def add_previous_run(self, run: RunState) -> None:
        """Add a run on the present data to the previous ones, if it has taken a step."""
        if run.step:
            self._set_previous_runs([*self.previous_runs, run])
            self._trim(run.dataset)

    def pin(self, index: int) -> None:
        """Keep a previous run whatever comes after it, or no longer; errors as `previous_run`."""
        self._pinned ^= {self.previous_run(index).run}

    def is_pinned(self, state: RunState) -> bool:
        """True for a previous run that is kept whatever comes after it."""
        return state.run in self._pinned

    def previous_run(self, index: int) -> RunState:
        """A previous run, the oldest being 0; raises UserError if there is none of that index."""
        if not 0 <= index < len(self.previous_runs):
            known = f"there are {len(self.previous_runs)}, from 0 on"
            raise UserError(f"there is no previous run {index}; {known}")
        return self.previous_runs[index]

    def next_undo(self) -> Level | None:
        """The level that `undo` returns to; None if there is nothing to undo.

        It is the last, or, of a diverged run, the last before that, if there is one.
        """
        last = self.past[-1] if self.past else None
        return last if self._session.diverged_at is None else self.before_divergence() or last

    def before_divergence(self) -> Level | None:
        """The last level to undo to that has not diverged, nor is later than where the present run
        did; None if there is none."""
        run, diverged_at = self._session.run, self._session.diverged_at
        for level in reversed(self.past):
            state = level.state
            is_late = state.run is run and diverged_at is not None and state.step >= diverged_at
            if state.diverged_at is None and not is_late:
                return level
        return None

    def undo(self) -> str:
        """Return to just before the last edit, restart or switch, and say which it was.

        Everything is as it was then. A run that has diverged returns to the newest state before
        that, if there is one. Raises UserError if there is nothing to undo.
        """
        if (level := self.next_undo()) is None:
            raise UserError("there is nothing to undo")
        return self._move(self.past, self.future, self._session.state(), level)

    def redo(self) -> str:
        """Return to where `undo` was called, and say which edit that does again.

        Training in between doesn't matter; `undo` returns to here. Raises UserError if nothing has
        been undone since the last edit.
        """
        if not self.future:
            raise UserError("there is nothing to redo")
        return self._move(self.future, self.past, self._session.state(), self.future[-1])

    def restart(self, seed: int | None = None, dataset: Dataset | None = None) -> None:
        """Start a new run with the present settings, and the same seed and dataset or others.

        Raises UserError if the settings are too large for the dataset; nothing has changed then.
        """
        present = self._session.state()
        label = "restart" if seed in (None, present.seed) else f"seed {seed}"
        label = label if dataset is None else f"data {shown(dataset.name)}"
        seed = present.seed if seed is None else seed
        settings = present.model_settings, present.train_settings
        self.switch_to(RunState.first(dataset or present.dataset, *settings, seed), label)

    def switch_to(self, state: RunState, label: str | None = None) -> None:
        """Go on with another run, such as a previous run or a saved one; `undo` returns to this.

        This run becomes a previous run if it is on the same data and has taken a step.

        label: what was done, for `undo`; by default how that run differs from this one.
        """
        before = self._session.state()
        if label is None:
            present = before.model_settings, before.train_settings, before.seed
            label = f"return to {previous_run_name(state, *present)}"
        if _identity(state.dataset) == _identity(before.dataset):
            state = replace(state, dataset=before.dataset)
        self._session.restore(state)
        self.record(label, before, state)

    def newest_finite(self, run: object) -> RunState | None:
        """The newest state of a run to undo to whose parameters are finite."""
        states = (level.state for level in reversed(self.past))
        return next((state for state in states if state.run is run and state.is_finite), None)

    def _move(
        self, source: list[Level], target: list[Level], present: RunState, goal: Level
    ) -> str:
        """Go through levels to one of them, and say what it is."""
        level = None
        while level is not goal:
            level = source.pop()
            target.append(Level(level.label, present, self.previous_runs))
            present, self.previous_runs = level.state, level.previous_runs
        self._trim(present.dataset)
        self._session.restore(goal.state)
        return goal.label

    def _all_previous_runs(self) -> list[RunState]:
        """Those of all levels and the present ones, the newest last; some stand in it twice."""
        levels = (*self.past, *self.future)
        return [run for level in levels for run in level.previous_runs] + self.previous_runs

    def _set_previous_runs(self, runs: list[RunState]) -> None:
        """Have these as previous runs, but for the oldest of too many."""
        while len(runs) > MAX_PREVIOUS_RUNS:
            runs.remove(self._first_to_go(runs) or runs[0])
        self.previous_runs = runs

    def _first_to_go(self, runs: list[RunState]) -> RunState | None:
        """The oldest of some previous runs that isn't pinned, but never the newest."""
        old = (run for run in runs if run is not runs[-1])
        return next((run for run in old if not self.is_pinned(run)), None)

    def _trim(self, present: Dataset) -> None:
        """Drop what is over the budget."""
        del self.past[:-_MAX_LEVELS]
        while self.nbytes(present) > self.budget:
            longer = max(self.past, self.future, key=len)
            if len(longer) > 1:
                del longer[0]
                continue
            if (oldest := self._first_to_go(self._all_previous_runs())) is None:
                return
            for level in (*self.past, *self.future, self):
                if oldest in level.previous_runs:  # levels may share a list
                    level.previous_runs.remove(oldest)


def _identity(dataset: Dataset) -> tuple[Path, str, bool, Reading]:
    return dataset.path, dataset.fingerprint, dataset.unique, dataset.reading


def _is_worth_keeping(state: RunState) -> bool:
    """True if a run has taken a hundredth of its planned steps, or counted anything."""
    is_network = state.model_settings.model_kind.is_network
    return state.step > 0 and (not is_network or 100 * state.step >= state.train_settings.steps)


def previous_run_name(
    state: RunState, model: ModelSettings, train: TrainSettings, seed: int
) -> str:
    """A run's name: the settings in which it differs from a run with these, and its best dev loss
    in nats, of counts the newest."""
    kind = state.model_settings.model_kind
    name = kind.label  # the many settings that go with another kind say less
    if kind is model.model_kind:
        of_model, of_train = state.trained_settings
        settings = vars(of_model) | vars(of_train) | {"seed": state.seed}
        present = vars(model) | vars(train) | {"seed": seed}
        name = short_label(
            {one: settings[one] for one in settings if settings[one] != present[one]}
        )
    best = state.best_dev
    dev = "" if best is None else " → ∞" if best == math.inf else f" → {best:.2f}"
    return (name or f"{state.step:,} steps") + dev
