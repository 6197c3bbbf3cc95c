"""A run as it is between two steps: what is put away, saved, and gone on from."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from ..datasets.dataset import Dataset
from ..results import Resizing
from ..settings import SIZES, ModelSettings, TrainSettings
from ..training.history import DevLosses, LossHistory

_RESIZING_SECONDS = 0.1


@dataclass(frozen=True)
class JournalEntry:
    """A change of settings, and the number of steps taken before it."""

    step: int
    changes: dict[str, Any]


@dataclass(eq=False)
class RunState:
    """All that a run is between two steps. Nobody writes to what it holds, so states share it.

    run: the same for all states of a run, from its first step on. first_settings: those that it
    began with. trainer: its state dict. resized: the newest change of size. diverged_at: the step
    whose loss was the first not to be finite. is_finite: whether the weights are.
    step_seconds: about how long a step takes.
    base: of an outline, the whole state of the same run from which training on through the
    journal leads to this one, bit for bit; that takes about replay_seconds. An outline has
    neither the trainer's tensors nor the losses.
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
    def is_first(self) -> bool:
        """Whether it is a run's beginning, which needs no tensors, for the seed gives them."""
        return self.base is None and len(self.trainer) == 1

    @property
    def tensors(self) -> Iterator[Tensor]:
        """All its tensors, and those that it is had again from."""
        if self.base is not None:
            yield from self.base.tensors
        yield from (value for value in self.trainer.values() if isinstance(value, Tensor))
        yield from self.history.tensors

    def become_outline(self, base: "RunState", seconds: float) -> None:
        """Let go of all that training on from a whole state gives again."""
        self.trainer, self.history = {"step": self.step}, LossHistory(2)
        self.base, self.replay_seconds = base, seconds


def beginning(state: RunState) -> RunState:
    """The state in which a state's run began."""
    model, train = state.first_settings
    return replace(
        state,
        model_settings=model,
        train_settings=train,
        journal=(),
        trainer={"step": 0},
        history=LossHistory(2),
        dev_losses=DevLosses(),
        resized=None,
        diverged_at=None,
        is_finite=True,
        base=None,
        replay_seconds=0.0,
    )


def replay_seconds(state: RunState, start: RunState) -> float:
    """About how long training on from an earlier state to this one takes; infinite where no way
    leads there."""
    is_on_the_way = start.run is state.run and start.step <= state.step
    if not is_on_the_way or state.journal[: len(start.journal)] != start.journal:
        return math.inf
    edits = state.journal[len(start.journal) :]
    if any(entry.step < start.step for entry in edits):
        return math.inf
    resizings = sum(bool(entry.changes.keys() & set(SIZES)) for entry in edits)
    steps = state.step - start.step
    return start.replay_seconds + steps * state.step_seconds + resizings * _RESIZING_SECONDS


def copied(state: Mapping[str, Any], like: Mapping[str, Any]) -> dict[str, Any]:
    """A state dict with tensors of its own; one that `like` has already is shared with it."""
    return {name: _copied(value, like.get(name)) for name, value in state.items()}


def _copied(value: Any, like: Any) -> Any:
    if not isinstance(value, Tensor):
        return value
    if isinstance(like, Tensor) and like.dtype == value.dtype and torch.equal(like, value):
        return like
    return value.clone()
