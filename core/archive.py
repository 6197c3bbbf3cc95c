"""What a session has put away: the states before its edits, those undone, and its former runs."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from .dataset import Dataset
from .history import DevLosses, LossHistory
from .messages import Resizing
from .settings import SIZES, ModelSettings, TrainSettings, short_label

MOST_FORMER_RUNS = 8
_BUDGET = 48_000_000  # bytes
_MOST_LEVELS = 500
_FEWEST_LEVELS = 3  # kept whatever they weigh, of either kind
_FEWEST_FORMER_RUNS = 2
_RESIZING_SECONDS = 0.1
_SHORT_REPLAY = 0.3  # seconds, about, to have a state again that isn't kept
_LONG_REPLAY = 10.0  # of one that is far back, which would be dropped otherwise
_LONGEST_REPLAY = 60.0  # as long as there are no more than so many levels:
_WANTED_LEVELS = 100
_NEAREST = 8  # levels either way that never take that long


@dataclass(frozen=True)
class JournalEntry:
    """A change of settings, and the number of steps taken before it."""

    step: int
    changes: dict[str, Any]


@dataclass(frozen=True)
class RunState:
    """All that a run is between two steps. Nothing in it is ever written to, so states share.

    run: the same for all states of a run, from its first step on. first_settings: those that it
    began with. trainer: its state dict. resized: the newest change of size. diverged_at: the step
    whose loss was the first not to be finite. is_finite: whether the weights are.
    step_seconds: about how long a step takes.
    base: an earlier state of the run, whole, from which training on through the journal leads to
    this one, bit for bit; it takes about replay_seconds. This state has neither the trainer's
    tensors nor the losses then. Of a whole state it is None.
    """

    dataset: Dataset
    run: object
    model_settings: ModelSettings
    train_settings: TrainSettings
    first_settings: tuple[ModelSettings, TrainSettings]
    seed: int
    journal: tuple[JournalEntry, ...]
    trainer: dict[str, Any]
    history: LossHistory
    dev_losses: DevLosses
    resized: Resizing | None
    diverged_at: int | None
    is_finite: bool
    step_seconds: float
    base: "RunState | None" = None
    replay_seconds: float = 0.0

    @property
    def step(self) -> int:
        """How many steps had been taken."""
        return self.trainer["step"]

    @property
    def tensors(self) -> Iterator[Tensor]:
        """All its tensors, and those that it is had again from."""
        if self.base is not None:
            yield from self.base.tensors
        yield from (value for value in self.trainer.values() if isinstance(value, Tensor))
        yield from self.history.tensors


def outlined(state: RunState, before: RunState, longest: float) -> RunState | None:
    """The state without what training on from `before`, or from its base, gives again.

    before: the state with one edit less. longest: in seconds. None where the way
    there is not known, or takes longer.
    """
    base = before.base or before
    is_on_the_way = before.run is state.run and before.step <= state.step
    if not is_on_the_way or state.journal[: len(before.journal)] != before.journal:
        return None
    edits = state.journal[len(before.journal) :]
    if any(entry.step < before.step for entry in edits):
        return None
    seconds = before.replay_seconds + (state.step - before.step) * state.step_seconds
    seconds += sum(_RESIZING_SECONDS for entry in edits if entry.changes.keys() & set(SIZES))
    if seconds > longest:
        return None
    trainer = {"step": state.step}
    return replace(
        state, trainer=trainer, history=LossHistory(2), base=base, replay_seconds=seconds
    )


def _outlined_anew(state: RunState, base: RunState) -> RunState:
    """The outline of a state whose base has itself become this outline."""
    seconds = base.replay_seconds + state.replay_seconds
    return replace(state, base=base.base, replay_seconds=seconds)


@dataclass(frozen=True)
class FormerRun:
    """A run that another has taken the place of, as it was then.

    name: the settings in which it differs from its successor, and its best dev loss in nats.
    """

    name: str
    state: RunState


def former_run(state: RunState, model: ModelSettings, train: TrainSettings, seed: int) -> FormerRun:
    """A former run, named by what differs from its successor, which has these settings."""
    best = state.dev_losses.best
    name = _difference(state, model, train, seed) or f"{state.step:,} steps"
    return FormerRun(name if best is None else f"{name} → {best:.2f}", state)


def _difference(state: RunState, model: ModelSettings, train: TrainSettings, seed: int) -> str:
    if state.model_settings.kind != model.kind:
        return state.model_settings.kind  # which says more than the many settings that go with it
    differing = {
        setting.name: getattr(former, setting.name)
        for former, present in ((state.model_settings, model), (state.train_settings, train))
        for setting in fields(former)
        if getattr(former, setting.name) != getattr(present, setting.name)
    }
    return short_label(differing | ({"seed": state.seed} if state.seed != seed else {}))


@dataclass(frozen=True)
class Level:
    """A state to go back to or forth to, the former runs there were, and the edit in between."""

    label: str
    state: RunState
    former_runs: tuple[FormerRun, ...]


class Archive:
    """Levels of undo and redo, the nearest last, and former runs, the newest last.

    Together they weigh no more than the budget of 48 MB, as long as a few of each are left. When
    it is spent, the states that soon can be had again from an earlier one become outlines; then
    those that take up to ten seconds and are not near; then, of no more than 100 levels, those
    that take up to a minute. When that isn't enough, what is farthest goes. 500 levels are the
    most.
    """

    def __init__(self, budget: int = _BUDGET):
        """budget: in bytes."""
        self.budget = budget
        self.past: list[Level] = []
        self.future: list[Level] = []
        self.former_runs: tuple[FormerRun, ...] = ()

    @property
    def nbytes(self) -> int:
        """What all of it weighs; a tensor that is shared is counted once."""
        levels = [*self.past, *self.future]
        former = {id(run): run for level in levels for run in level.former_runs}
        former |= {id(run): run for run in self.former_runs}
        states = [level.state for level in levels] + [run.state for run in former.values()]
        return sum({id(t): t.nbytes for state in states for t in state.tensors}.values())

    def add(self, label: str, state: RunState) -> None:
        """Put away the state before an edit; what was undone before can't be done again."""
        self.past.append(Level(label, state, self.former_runs))
        self.future.clear()
        self._trim(self.past, self.future)

    def forget_other_data(self, *datasets: Dataset) -> None:
        """Drop the levels of all but these datasets."""
        kept = {id(dataset) for dataset in datasets}
        self.past = [level for level in self.past if id(level.state.dataset) in kept]
        self.former_runs = ()

    def keep(self, former_runs: tuple[FormerRun, ...]) -> None:
        """Keep these former runs, or the newest of them."""
        self.former_runs = former_runs[-MOST_FORMER_RUNS:]
        self._trim(self.past, self.future)

    def back(self, present: RunState) -> RunState:
        """The state before the last edit; the present one can be had back by `forth`."""
        return self._move(self.past, self.future, present)

    def forth(self, present: RunState) -> RunState:
        """The state in which the last `back` was asked for."""
        return self._move(self.future, self.past, present)

    def _move(self, source: list[Level], target: list[Level], present: RunState) -> RunState:
        level = source.pop()
        target.append(Level(level.label, present, self.former_runs))
        self.former_runs = level.former_runs
        self._trim(target, source)
        return level.state

    def _trim(self, grown: list[Level], other: list[Level]) -> None:
        """Spend no more than the budget; what is farthest in the list that has grown goes first."""
        del self.past[:-_MOST_LEVELS]
        while self.nbytes > self.budget:
            if self._make_outline():
                continue
            if len(grown) > _FEWEST_LEVELS:
                del grown[0]
            elif len(other) > _FEWEST_LEVELS:
                del other[0]
            elif len(self.former_runs) > _FEWEST_FORMER_RUNS:
                self.former_runs = self.former_runs[1:]
            else:
                return

    def _make_outline(self) -> bool:
        """Have one state less whole, where that costs least; False if none may be."""
        are_few = len(self.past) + len(self.future) <= _WANTED_LEVELS
        return (
            self._thin_out(_SHORT_REPLAY, 0)
            or self._thin_out(_LONG_REPLAY, _NEAREST)
            or (are_few and self._thin_out(_LONGEST_REPLAY, _NEAREST))
        )

    def _thin_out(self, longest: float, spared: int) -> bool:
        """Make the oldest state that can be an outline into one; False if there is none.

        longest: that having it again may take, in seconds. spared: so many levels back and forth.
        """
        levels = [*self.past, *reversed(self.future)]
        present = len(self.past)
        nearest = {id(level) for level in levels[max(0, present - spared) : present + spared]}
        for before, level in pairwise(levels):
            if level.state.base is not None:
                continue
            outline = outlined(level.state, before.state, longest)
            if outline is None:
                continue
            built_on_it = [one for one in levels if one.state.base is level.state]
            if nearest & {id(one) for one in (level, *built_on_it)}:
                continue
            thinner = {id(one): _outlined_anew(one.state, outline) for one in built_on_it}
            if all(state.replay_seconds <= longest for state in thinner.values()):
                self._exchange(thinner | {id(level): outline})
                return True
        return False

    def _exchange(self, states: Mapping[int, RunState]) -> None:
        """Give levels other states, by the levels' ids."""
        for levels in (self.past, self.future):
            levels[:] = [
                replace(one, state=states[id(one)]) if id(one) in states else one for one in levels
            ]


def copied(state: Mapping[str, Any], like: Mapping[str, Any]) -> dict[str, Any]:
    """A state dict with tensors of its own; one that `like` has already is shared with it."""
    return {name: _copied(value, like.get(name)) for name, value in state.items()}


def _copied(value: Any, like: Any) -> Any:
    if not isinstance(value, Tensor):
        return value
    if isinstance(like, Tensor) and like.dtype == value.dtype and torch.equal(like, value):
        return like
    return value.clone()
