"""What a session can go back to: the states before its edits, undone states, previous runs."""

from dataclasses import dataclass

from ..datasets.dataset import Dataset
from ..errors import UserError
from ..runs.state import RunState
from ..settings import ModelSettings, TrainSettings, short_label

BUDGET = 256_000_000  # bytes
MAX_PREVIOUS_RUNS = 8
_MAX_LEVELS = 500


@dataclass(frozen=True)
class Level:
    """A state to return to, the previous runs there were then, and what was done to it."""

    label: str
    state: RunState
    previous_runs: list[RunState]


class UndoStack:
    """Whole states to undo and redo to, the nearest last, and previous runs, the newest last.

    They share `budget` bytes; tensors that states share are counted once. When they need more, the
    farthest states go, then the oldest previous runs; the nearest state either way and the newest
    previous run stay, whatever their size.
    """

    def __init__(self, budget: int = BUDGET):
        self.budget = budget
        self.past: list[Level] = []
        self.future: list[Level] = []
        self.previous_runs: list[RunState] = []

    def __repr__(self) -> str:
        levels = f"{len(self.past)} to undo, {len(self.future)} to redo"
        return f"UndoStack({levels}, previous runs: {len(self.previous_runs)})"

    def nbytes(self, present: Dataset) -> int:
        """The memory of all states, and of their datasets except the present one."""
        states = [level.state for level in (*self.past, *self.future)] + self._all_previous_runs()
        tensors = {id(tensor): tensor.nbytes for state in states for tensor in state.tensors}
        datasets = {id(state.dataset): state.dataset.nbytes for state in states}
        datasets.pop(id(present), None)
        return sum(tensors.values()) + sum(datasets.values())

    def record(self, label: str, before: RunState, after: RunState) -> None:
        """Add the state before an edit or a change of the run; what was undone can't be redone.

        A run that is left becomes a previous run if it has taken a step, in the place of the run
        that is gone on with if that was one. Previous runs on other data are not kept.
        """
        self.past.append(Level(label, before, self.previous_runs))
        self.future.clear()
        if after.dataset is not before.dataset:
            self.previous_runs = []
        elif after.run is not before.run:
            runs = list(self.previous_runs)
            place = next((i for i, one in enumerate(runs) if one.run is after.run), len(runs))
            runs[place : place + 1] = [before] if before.step else []
            self.previous_runs = runs[-MAX_PREVIOUS_RUNS:]
        self._trim(after.dataset)

    def add_previous_run(self, run: RunState) -> None:
        """Add a run on the present data to the previous ones, if it has taken a step."""
        if run.step:
            self.previous_runs = [*self.previous_runs, run][-MAX_PREVIOUS_RUNS:]
            self._trim(run.dataset)

    def previous_run(self, index: int) -> RunState:
        """A previous run, the oldest being 0; raises UserError if there is none of that index."""
        if not 0 <= index < len(self.previous_runs):
            known = f"there are {len(self.previous_runs)}, from 0 on"
            raise UserError(f"there is no previous run {index}; {known}")
        return self.previous_runs[index]

    def next_undo(self, run: object, diverged_at: int | None) -> Level | None:
        """The level that `undo` returns to; None if there is nothing to undo.

        It is the last, or, of a diverged run, the last before that, if there is one.
        """
        last = self.past[-1] if self.past else None
        return last if diverged_at is None else self.before_divergence(run, diverged_at) or last

    def before_divergence(self, run: object, diverged_at: int | None) -> Level | None:
        """The last level to undo to that has not diverged; None if there is none.

        diverged_at: the step at which the present run did, or None.
        """
        for level in reversed(self.past):
            state = level.state
            is_late = state.run is run and diverged_at is not None and state.step >= diverged_at
            if state.diverged_at is None and not is_late:
                return level
        return None

    def undo(self, present: RunState) -> Level:
        """The level of `next_undo`; `redo` returns through those passed to `present`.

        Raises UserError if there is nothing to undo.
        """
        level = self.next_undo(present.run, present.diverged_at)
        if level is None:
            raise UserError("there is nothing to undo")
        return self._move(self.past, self.future, present, level)

    def redo(self, present: RunState) -> Level:
        """The state in which the last `undo` was called; raises UserError if there is none."""
        if not self.future:
            raise UserError("there is nothing to redo")
        return self._move(self.future, self.past, present, self.future[-1])

    def newest_finite(self, run: object) -> RunState | None:
        """The newest state of a run to undo to whose parameters are finite."""
        states = (level.state for level in reversed(self.past))
        return next((state for state in states if state.run is run and state.is_finite), None)

    def _move(
        self, source: list[Level], target: list[Level], present: RunState, goal: Level
    ) -> Level:
        level = None
        while level is not goal:
            level = source.pop()
            target.append(Level(level.label, present, self.previous_runs))
            present, self.previous_runs = level.state, level.previous_runs
        self._trim(present.dataset)
        return goal

    def _all_previous_runs(self) -> list[RunState]:
        """Those of all levels and the present ones, the newest last; some stand in it twice."""
        levels = (*self.past, *self.future)
        return [run for level in levels for run in level.previous_runs] + self.previous_runs

    def _trim(self, present: Dataset) -> None:
        """Drop what is over the budget."""
        del self.past[:-_MAX_LEVELS]
        while self.nbytes(present) > self.budget:
            longer = max(self.past, self.future, key=len)
            if len(longer) > 1:
                del longer[0]
                continue
            runs = self._all_previous_runs()
            oldest = next((run for run in runs if run is not runs[-1]), None)
            if oldest is None:
                return
            for level in (*self.past, *self.future, self):
                if oldest in level.previous_runs:  # levels may share a list
                    level.previous_runs.remove(oldest)


def previous_run_name(
    state: RunState, model: ModelSettings, train: TrainSettings, seed: int
) -> str:
    """A run's name: the settings in which it differs from a run with these, and its best dev loss
    in nats."""
    kind = state.model_settings.model_kind
    name = kind.label  # the many settings that go with another kind say less
    if kind is model.model_kind:
        settings = vars(state.model_settings) | vars(state.train_settings) | {"seed": state.seed}
        present = vars(model) | vars(train) | {"seed": seed}
        name = short_label(
            {one: settings[one] for one in settings if settings[one] != present[one]}
        )
    best = state.dev_losses.best
    return (name or f"{state.step:,} steps") + ("" if best is None else f" → {best:.2f}")
