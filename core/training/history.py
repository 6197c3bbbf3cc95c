"""The losses of a run, in bounded memory."""

import math
from copy import copy

import torch
from torch import Tensor

from ..results import LossCurve


class LossHistory:
    """The minibatch losses of a run: lowest, mean and highest loss of equal buckets of steps.

    A bucket holds `width` steps. When all `capacity` (an even number) buckets are full, neighbours
    are merged and the width doubles, so that at least half of the buckets are always in use.

    steps: how many losses were added. rest: those of the bucket that is not full yet.
    """

    def __init__(self, capacity: int = 1 << 14):
        self.capacity = capacity
        self.width: int = 1
        self.steps: int = 0
        self._filled = 0
        self._buckets = torch.zeros(3, capacity)  # lowest, mean, highest
        self.rest: Tensor = torch.empty(0)

    def __repr__(self) -> str:
        return f"LossHistory({self.steps:,} steps)"

    @classmethod
    def of(cls, width: int, buckets: Tensor, rest: Tensor) -> "LossHistory":
        """A history from its full buckets (3, n), their width, and the losses of the last one."""
        history = cls()
        history.width, history._filled, history.rest = width, buckets.shape[1], rest
        history.steps = width * history._filled + len(rest)
        history._buckets[:, : history._filled] = buckets
        return history

    @property
    def filled(self) -> Tensor:
        """The full buckets, (3, n): the lowest, mean and highest loss of each."""
        return self._buckets[:, : self._filled]

    def append(self, losses: Tensor) -> None:
        """Add the losses of the next steps, (n,)."""
        self.steps += len(losses)
        waiting = torch.cat([self.rest, losses])
        while len(waiting) >= self.width:
            if self._filled == self.capacity:
                self._merge_neighbours()
                continue
            whole = min(len(waiting) // self.width, self.capacity - self._filled)
            self._fold(waiting[: whole * self.width].view(whole, self.width))
            waiting = waiting[whole * self.width :]
        self.rest = waiting.clone()

    def curve(self, first: int, max_points: int, last: int | None = None) -> LossCurve:
        """The losses of the steps from `first` to `last`, by default to the end.

        max_points: at most so many. A point is the merger of 1, 2, 4, … buckets, at multiples of
        that number, so that points stay the same as steps are added.
        """
        max_points = max(1, max_points)
        end = self._filled if last is None else min(-(-last // self.width), self._filled)
        begin = min(first // self.width, end)
        group = 1
        while (end - begin) > group * max_points:
            group *= 2
        begin -= begin % group
        whole = end - (end - begin) % group
        low, mean, high = self._buckets[:, begin:whole].view(3, -1, group)
        middle = self.width * group / 2
        return LossCurve(
            steps=[(begin + i * group) * self.width + middle for i in range(len(mean))],
            low=low.amin(1).tolist(),
            mean=mean.mean(1).tolist(),
            high=high.amax(1).tolist(),
            total_steps=self.steps,
        )

    def copy(self) -> "LossHistory":
        other = copy(self)
        other._buckets = self._buckets.clone()  # `rest` is replaced, never written to
        return other

    def equals(self, other: "LossHistory") -> bool:
        sizes = [(one.capacity, one.width, one.steps) for one in (self, other)]
        return sizes[0] == sizes[1] and all(map(torch.equal, self.tensors, other.tensors))

    @property
    def tensors(self) -> tuple[Tensor, Tensor]:
        return self._buckets, self.rest

    def _fold(self, losses: Tensor) -> None:
        """Add full buckets from the losses of their steps, (n, width)."""
        new = self._buckets[:, self._filled : self._filled + len(losses)]
        new[0], new[1], new[2] = losses.amin(1), losses.mean(1), losses.amax(1)
        self._filled += len(losses)

    def _merge_neighbours(self) -> None:
        low, mean, high = self._buckets.view(3, -1, 2)
        half = self.capacity // 2
        self._buckets[:, :half] = torch.stack([low.amin(1), mean.mean(1), high.amax(1)])
        self._filled, self.width = half, self.width * 2


class DevLosses:
    """The dev losses of a run, in nats.

    points: (step, loss), the newest last; beyond `capacity` every other one is dropped.
    best: the lowest loss ever added; None without a finite one.
    """

    def __init__(self, capacity: int = 1 << 11):
        self.capacity = capacity
        self.points: list[tuple[int, float]] = []
        self.best: float | None = None

    def __repr__(self) -> str:
        if not self.points:
            return "DevLosses(none)"
        best = "none finite" if self.best is None else f"{self.best:.3f}"
        return f"DevLosses({len(self.points):,} losses, last {self.last:.3f}, best {best})"

    @property
    def last(self) -> float | None:
        """The newest loss; None without any."""
        return self.points[-1][1] if self.points else None

    def append(self, step: int, loss: float) -> None:
        """Add the loss after a number of steps, which must not decrease."""
        self.points.append((step, loss))
        if math.isfinite(loss):
            self.best = loss if self.best is None else min(self.best, loss)
        if len(self.points) > self.capacity:
            del self.points[1::2]

    def copy(self) -> "DevLosses":
        other = copy(self)
        other.points = list(self.points)
        return other
