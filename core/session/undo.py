"""What a session can go back to: the states before its edits, undone states, previous runs."""

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace

from ..datasets.dataset import Dataset
from ..runs.state import RunState
from ..settings import KIND_NAMES, ModelSettings, TrainSettings, short_label

BUDGET = 256_000_000  # bytes
MAX_PREVIOUS_RUNS = 8
_MAX_LEVELS = 500


@dataclass(frozen=True)
class Level:
    """A state to return to, the previous runs there were then, and what was done to it."""

    label: str
    state: RunState
    previous_runs: tuple[RunState, ...]


@dataclass(frozen=True)
class StashedRun:
    """A run that another has taken the place of, as it was then.

    name: the settings in which it differs from the present run, and its best dev loss in nats.
    """

    name: str
    state: RunState


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
        self.previous_runs: tuple[RunState, ...] = ()

    def __repr__(self) -> str:
        levels = f"{len(self.past)} to undo, {len(self.future)} to redo"
        return f"UndoStack({levels}, {len(self.previous_runs)} previous runs)"

    def nbytes(self, present: Dataset) -> int:
        """The memory of all states, and of their datasets except the present one."""
        states = list(self._states())
        tensors = {id(tensor): tensor.nbytes for state in states for tensor in state.tensors}
        datasets = {id(state.dataset): state.dataset.nbytes for state in states}
        datasets.pop(id(present), None)
        return sum(tensors.values()) + sum(datasets.values())

    def record(
        self, label: str, before: RunState, previous_runs: tuple[RunState, ...], present: Dataset
    ) -> None:
        """Add the state before an edit; what was undone can't be redone any more.

        previous_runs: those there are from now on. present: the dataset from now on.
        """
        self.past.append(Level(label, before, self.previous_runs))
        self.future.clear()
        self.previous_runs = previous_runs[-MAX_PREVIOUS_RUNS:]
        self._trim(present)

    def levels_back(self, diverged: bool) -> int:
        """How many levels `undo` goes back: to the last, or, of a diverged run, to the last with
        finite parameters, if there is one."""
        past = reversed(self.past) if diverged else []
        return next((i for i, level in enumerate(past, 1) if level.state.is_finite), 1)

    def undo(self, present: RunState, levels: int) -> Level:
        """The level that many levels back; `redo` returns through the others to `present`."""
        return self._move(self.past, self.future, present, levels)

    def redo(self, present: RunState) -> Level:
        """The state in which the last `undo` was called."""
        return self._move(self.future, self.past, present, 1)

    @property
    def newest_finite_label(self) -> str | None:
        """What `undo` would take back of a diverged run; None if no state has finite parameters."""
        return next((level.label for level in self.past[::-1] if level.state.is_finite), None)

    def newest_finite(self, run: object) -> RunState | None:
        """The newest state of a run to undo to whose parameters are finite."""
        states = (level.state for level in reversed(self.past))
        return next((state for state in states if state.run is run and state.is_finite), None)

    def _move(
        self, source: list[Level], target: list[Level], present: RunState, levels: int
    ) -> Level:
        passed = [source.pop() for _ in range(levels)]
        for level in passed:
            target.append(Level(level.label, present, self.previous_runs))
            present, self.previous_runs = level.state, level.previous_runs
        self._trim(present.dataset)
        return passed[-1]

    def _states(self) -> Iterator[RunState]:
        for level in (*self.past, *self.future):
            yield level.state
            yield from level.previous_runs
        yield from self.previous_runs

    def _trim(self, present: Dataset) -> None:
        """Drop what is over the budget."""
        del self.past[:-_MAX_LEVELS]
        while self.nbytes(present) > self.budget:
            longer = max(self.past, self.future, key=len)
            if len(longer) > 1:
                del longer[0]
            elif not self._drop_previous_run():
                return

    def _drop_previous_run(self) -> bool:
        """Drop the oldest previous run, but not the newest, from all levels. Returns False if there
        is none to drop."""
        levels = (*self.past, *self.future)
        runs = [run for level in levels for run in level.previous_runs] + [*self.previous_runs]
        oldest = next((run for run in runs if run is not runs[-1]), None)
        if oldest is None:
            return False

        def others(runs: tuple[RunState, ...]) -> tuple[RunState, ...]:
            return tuple(run for run in runs if run is not oldest)

        self.previous_runs = others(self.previous_runs)
        for some in (self.past, self.future):
            some[:] = [replace(one, previous_runs=others(one.previous_runs)) for one in some]
        return True


def stashed_run(
    state: RunState, model: ModelSettings, train: TrainSettings, seed: int
) -> StashedRun:
    """A previous run, named by what differs from a run with these settings."""
    best = state.dev_losses.best
    name = _difference(state, model, train, seed) or f"{state.step:,} steps"
    return StashedRun(name if best is None else f"{name} → {best:.2f}", state)


def _difference(state: RunState, model: ModelSettings, train: TrainSettings, seed: int) -> str:
    kind = state.model_settings.kind
    if kind != model.kind:
        return KIND_NAMES[kind]  # the many settings that go with it say less
    differing = {
        setting.name: getattr(previous, setting.name)
        for previous, present in ((state.model_settings, model), (state.train_settings, train))
        for setting in fields(previous)
        if getattr(previous, setting.name) != getattr(present, setting.name)
    }
    return short_label(differing | ({"seed": state.seed} if state.seed != seed else {}))
