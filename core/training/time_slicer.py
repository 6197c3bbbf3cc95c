"""Training in slices of time."""

import time
from collections.abc import Callable
from typing import Protocol

from torch import Tensor


class Trainable(Protocol):
    """A session, or a trainer."""

    def train(self, steps: int) -> Tensor:
        """Take some steps; the loss of each."""
        ...


class TimeSlicer:
    """Trains about so many seconds at a time, learning how many steps that is.

    How a run is sliced never shows in its weights.
    """

    def __init__(self, seconds: float, clock: Callable[[], float] = time.perf_counter):
        self._seconds = seconds
        self._clock = clock
        self._steps = 1

    def train(self, session: Trainable, most: int) -> Tensor:
        """Take a slice of at most `most` steps; the losses of those taken."""
        begun = self._clock()
        steps = min(self._steps, most)
        losses = session.train(steps)
        factor = self._seconds / max(self._clock() - begun, 1e-9)
        self._steps = max(1, int(steps * min(factor, 2.0)))
        return losses
