"""The losses of a run, in bounded memory: buckets of steps with their lowest, mean and highest."""

import torch
from torch import Tensor

from .messages import LossCurve


class LossHistory:
    """The loss of every step so far, folded into at most `capacity` buckets.

    A bucket holds `width` steps. When the buckets run out, neighbours are merged and the width
    doubles, so a run of any length keeps between half and all of the buckets.
    """

    def __init__(self, capacity: int = 1 << 14):
        self.capacity = capacity
        self.width = 1
        self.steps = 0
        self._filled = 0
        self._buckets = torch.zeros(3, capacity)  # lowest, mean, highest
        self._rest = torch.empty(0)  # losses of a bucket that isn't full yet

    def append(self, losses: Tensor) -> None:
        """Add the losses of the next steps, (n,)."""
        self.steps += len(losses)
        for some in losses.split(self.capacity):
            self._append(some)

    def curve(self, first: int, most: int) -> LossCurve:
        """The losses from step `first` on, as at most `most` points.

        A point stands for a power of two of buckets, so that it does not change as steps are added.
        """
        begin = min(first // self.width, self._filled)
        group = 1
        while (self._filled - begin) > group * most:
            group *= 2
        begin -= begin % group
        whole = self._filled - (self._filled - begin) % group
        low, mean, high = self._buckets[:, begin:whole].view(3, -1, group)
        middle = self.width * group / 2
        return LossCurve(
            steps=[(begin + i * group) * self.width + middle for i in range(len(mean))],
            low=low.amin(1).tolist(),
            mean=mean.mean(1).tolist(),
            high=high.amax(1).tolist(),
            total_steps=self.steps,
        )

    def _append(self, losses: Tensor) -> None:
        losses = torch.cat([self._rest, losses])
        while self._filled + len(losses) // self.width > self.capacity:
            self._halve()
        whole = len(losses) // self.width
        buckets = losses[: whole * self.width].view(whole, self.width)
        self._rest = losses[whole * self.width :].clone()
        if whole:
            place = self._buckets[:, self._filled : self._filled + whole]
            place[0], place[1], place[2] = buckets.amin(1), buckets.mean(1), buckets.amax(1)
        self._filled += whole

    def _halve(self) -> None:
        """Merge neighbouring buckets; an odd one at the end goes with its mean repeated."""
        odd = self._filled % 2
        if odd:
            low, mean, high = self._buckets[:, self._filled - 1]
            rest = mean.repeat(self.width)
            rest[0], rest[-1] = low, high
            self._rest = torch.cat([rest, self._rest])
        pairs = self._buckets[:, : self._filled - odd].view(3, -1, 2)
        half = self._filled // 2
        merged = torch.stack([pairs[0].amin(1), pairs[1].mean(1), pairs[2].amax(1)])
        self._buckets[:, :half] = merged
        self._filled, self.width = half, self.width * 2
