"""What a session has put away: the states before its edits, those undone, and its previous runs."""

import math
from dataclasses import dataclass, fields, replace
from itertools import pairwise

from ..datasets.dataset import Dataset
from ..runs.state import RunState, beginning, replay_seconds
from ..settings import KIND_NAMES, ModelSettings, TrainSettings, short_label
from ..training.history import LossHistory

MAX_FORMER_RUNS = 8
_BUDGET = 48_000_000  # bytes
_MAX_LEVELS = 500
_MIN_LEVELS = 3  # kept whatever they weigh, of either kind
_MIN_FORMER_RUNS = 2
_SHORT_REPLAY = 0.3  # seconds, about, to have a state again that is kept as an outline
_LONG_REPLAY = 10.0  # of one that is far back, which would be dropped otherwise
_MAX_REPLAY = 60.0  # as long as there are no more than so many levels:
_WANTED_LEVELS = 100
_NEAREST = 8  # levels either way that never take that long


@dataclass(frozen=True)
class StashedRun:
    """A run that another has taken the place of, as it was then.

    history: its losses, which an outline hasn't. name: the settings in which it differs from the
    present run, and its best dev loss in nats; a session gives it.
    """

    state: RunState
    history: LossHistory
    name: str = ""

    def named(self, model: ModelSettings, train: TrainSettings, seed: int) -> "StashedRun":
        """The same, named by what differs from a run with these settings."""
        state, best = self.state, self.state.dev_losses.best
        name = _difference(state, model, train, seed) or f"{state.step:,} steps"
        return replace(self, name=name if best is None else f"{name} → {best:.2f}")


def _difference(state: RunState, model: ModelSettings, train: TrainSettings, seed: int) -> str:
    kind = state.model_settings.kind
    if kind != model.kind:
        return KIND_NAMES[kind]  # which says more than the many settings that go with it
    differing = {
        setting.name: getattr(previous, setting.name)
        for previous, present in ((state.model_settings, model), (state.train_settings, train))
        for setting in fields(previous)
        if getattr(previous, setting.name) != getattr(present, setting.name)
    }
    return short_label(differing | ({"seed": state.seed} if state.seed != seed else {}))


@dataclass(frozen=True)
class Level:
    """A state to go back to or forth to, the previous runs there were, and the edit in between."""

    label: str
    state: RunState
    previous_runs: tuple[StashedRun, ...]


class Archive:
    """Levels of undo and redo, the nearest last, and previous runs, the newest last.

    Together they weigh no more than the budget of 48 MB, as long as a few of each are left. When
    it is spent, the states that soon can be had again become outlines; then those that take up to
    ten seconds and are not near; then, of no more than 100 levels, those that take up to a minute.
    When that isn't enough, what is farthest goes. 500 levels are the most.
    """

    def __init__(self, dataset: Dataset, budget: int = _BUDGET):
        """dataset: the session's, which weighs nothing here. budget: in bytes."""
        self.dataset: Dataset = dataset
        self.budget: int = budget
        self.past: list[Level] = []
        self.future: list[Level] = []
        self.previous_runs: tuple[StashedRun, ...] = ()

    @property
    def nbytes(self) -> int:
        """What all of it weighs, other datasets included; what is shared is counted once."""
        previous, states = self._all_previous_runs, self._states
        tensors = {id(t): t.nbytes for state in states for t in state.tensors}
        tensors |= {id(t): t.nbytes for run in previous for t in run.history.tensors}
        datasets = {id(state.dataset): state.dataset.nbytes for state in states}
        datasets.pop(id(self.dataset), None)
        return sum(tensors.values()) + sum(datasets.values())

    def add(self, label: str, state: RunState) -> None:
        """Put away the state before an edit; what was undone before can't be done again."""
        self.past.append(Level(label, state, self.previous_runs))
        self.future.clear()
        self._trim(self.past, self.future)

    def keep(self, previous_runs: tuple[StashedRun, ...]) -> None:
        """Keep these previous runs, or the newest of them."""
        self.previous_runs = previous_runs[-MAX_FORMER_RUNS:]
        self._trim(self.past, self.future)

    def back(self, present: RunState, levels: int = 1) -> RunState:
        """The state before the last so many edits; the others can be had back by `forth`."""
        return self._move(self.past, self.future, present, levels)

    def forth(self, present: RunState) -> RunState:
        """The state in which the last `back` was asked for."""
        return self._move(self.future, self.past, present, 1)

    def _move(
        self, source: list[Level], target: list[Level], present: RunState, levels: int
    ) -> RunState:
        for _ in range(levels):
            level = source.pop()
            target.append(Level(level.label, present, self.previous_runs))
            present, self.previous_runs = level.state, level.previous_runs
        self.dataset = present.dataset
        self._trim(target, source)
        return present

    @property
    def _levels(self) -> list[Level]:
        """From the farthest back to the farthest forth."""
        return [*self.past, *reversed(self.future)]

    @property
    def _all_previous_runs(self) -> list[StashedRun]:
        """Those of now and of all levels, each once."""
        runs = [run for level in self._levels for run in level.previous_runs]
        return list({id(run): run for run in (*runs, *self.previous_runs)}.values())

    @property
    def _states(self) -> list[RunState]:
        """Every state, once."""
        states = [level.state for level in self._levels]
        states += [run.state for run in self._all_previous_runs]
        return list({id(state): state for state in states}.values())

    def _trim(self, grown: list[Level], other: list[Level]) -> None:
        """Spend no more than the budget; what is farthest in the list that has grown goes first."""
        del self.past[:-_MAX_LEVELS]
        while self.nbytes > self.budget:
            if self._make_outline():
                continue
            if len(grown) > _MIN_LEVELS:
                del grown[0]
            elif len(other) > _MIN_LEVELS:
                del other[0]
            elif len(self.previous_runs) > _MIN_FORMER_RUNS:
                self.previous_runs = self.previous_runs[1:]
            else:
                return

    def _make_outline(self) -> bool:
        """Have one state less whole, where that costs least; False if none may be."""
        are_few = len(self.past) + len(self.future) <= _WANTED_LEVELS
        return (
            self._thin_out(_SHORT_REPLAY, 0)
            or self._thin_out(_LONG_REPLAY, _NEAREST)
            or (are_few and self._thin_out(_MAX_REPLAY, _NEAREST))
        )

    def _thin_out(self, longest: float, spared: int) -> bool:
        """Make the oldest whole state that can be an outline into one; False if there is none.

        longest: that having it again may take, in seconds. spared: so many levels back and forth.
        """
        levels, states, present = self._levels, self._states, len(self.past)
        before = {id(level.state): one.state for one, level in pairwise(levels)}
        nearest = {id(one.state) for one in levels[max(0, present - spared) : present + spared]}
        for state in states:
            if state.base is not None or state.is_first:
                continue
            built_on_it = [one for one in states if one.base is state]
            if nearest & {id(one) for one in (state, *built_on_it)}:
                continue
            for start in (before.get(id(state)), beginning(state)):
                seconds = replay_seconds(state, start) if start is not None else math.inf
                if max([seconds, *(seconds + one.replay_seconds for one in built_on_it)]) > longest:
                    continue
                assert start is not None
                base = start.base or start
                state.become_outline(base, seconds)
                for one in built_on_it:
                    one.become_outline(base, seconds + one.replay_seconds)
                return True
        return False
