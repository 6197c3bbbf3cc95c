"""Training in slices of time."""

import time
from collections.abc import Callable, Iterator
from typing import Any, Protocol

from torch import Tensor


class Trainable(Protocol):
    """A session, or a trainer."""

    def train(self, steps: int) -> Tensor: ...


class _Run(Trainable, Protocol):
    """A session."""

    step: int
    trainer: Any


class TimeSlicer:
    """Trains for about so many seconds at a time, by measuring how long steps take.

    How a run is sliced doesn't change its weights.
    """

    def __init__(self, seconds: float, clock: Callable[[], float] = time.perf_counter):
        self._seconds = seconds
        self._clock = clock
        self._steps = 1

    def train(self, session: Trainable, max_steps: int) -> Tensor:
        """Take a slice of at most `max_steps` steps and return their losses."""
        begun = self._clock()
        steps = min(self._steps, max_steps)
        losses = session.train(steps)
        factor = self._seconds / max(self._clock() - begun, 1e-9)
        self._steps = max(1, int(steps * min(factor, 2.0)))
        return losses

    def train_to(self, session: _Run, step: int) -> Iterator[Tensor]:
        """Train up to a step, or as far as there is anything to train on; the losses of each
        slice."""
        while session.step < step and not session.trainer.finished:
            yield self.train(session, step - session.step)
