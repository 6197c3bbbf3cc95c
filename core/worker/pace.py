"""A limit of steps a second."""

import time
from collections.abc import Callable

_MAX_LAG = 0.25  # seconds behind the limit that are made up for


class Pace:
    """Says when steps may be taken so that there are at most `limit` of them a second.

    limit: None for as many as the machine can do.
    """

    def __init__(self, clock: Callable[[], float] = time.perf_counter):
        self.limit: int | None = None
        self._clock = clock
        self._next = 0.0  # when the next step is due

    @property
    def seconds_to_wait(self) -> float:
        """How long until a step may be taken; 0 if one may be taken now."""
        return 0.0 if self.limit is None else max(0.0, self._next - self._clock())

    def num_due(self, most: int) -> int:
        """How many of at most `most` steps may be taken now."""
        if self.limit is None:
            return most
        late = self._clock() - self._next
        return 0 if late < 0 else min(most, 1 + int(min(late, _MAX_LAG) * self.limit))

    def took(self, steps: int) -> None:
        """Note that so many steps were taken."""
        if self.limit is not None:
            self._next = max(self._next, self._clock() - _MAX_LAG) + steps / self.limit

    def change(self, limit: int | None) -> None:
        """Take another limit, from now on."""
        self.limit, self._next = limit, 0.0
