"""The losses of a run, in bounded memory."""

import math
from collections.abc import Sequence
from copy import copy
from typing import NamedTuple

import torch
from torch import Tensor

from ..results import LossCurve

_NEWEST_WINDOW = 1000  # steps, of the smoothed loss at the newest step
_PARTS = 32  # of a smoothing window, in each of which all losses weigh the same
_MAX_SMOOTHED = 1e6  # larger losses are left out, as those that are not finite are
RECENT = 100  # steps
_MAX_NEW = 64  # slices of training, whose losses wait to be put into buckets


class _Buckets(NamedTuple):
    """Losses in buckets of `width` steps each: the full ones, (3, n), with the lowest, mean and
    highest loss of each; and the losses of the last one, which is not full yet."""

    width: int
    filled: Tensor
    rest: Tensor

    def with_losses(self, losses: Tensor, capacity: int) -> "_Buckets":
        """Those with the losses of the next steps, (n,)."""
        width, filled, _ = self
        waiting = torch.cat([self.rest, losses])
        while len(waiting) >= width:
            free = capacity - filled.shape[1]
            if not free:
                low, mean, high = filled.view(3, -1, 2)
                filled = torch.stack([low.amin(1), mean.mean(1), high.amax(1)])
                width *= 2
                continue
            whole = min(len(waiting) // width, free) * width
            buckets = waiting[:whole].view(-1, width)
            new = torch.stack([buckets.amin(1), buckets.mean(1), buckets.amax(1)])
            filled = torch.cat([filled, new], 1)
            waiting = waiting[whole:]
        return _Buckets(width, filled, waiting.clone())


class LossHistory:
    """The minibatch losses of a run: lowest, mean and highest loss of equal buckets of steps.

    A bucket holds `width` steps. When all `capacity` (an even number) buckets are full, neighbours
    are merged and the width doubles, so that at least half of the buckets are always in use.

    steps: how many losses were added. filled: the full buckets, (3, n), lowest, mean and highest.
    rest: the losses of the bucket that is not full yet. recent: the newest 100 losses.
    """

    def __init__(self, capacity: int = 1 << 14):
        self.capacity = capacity
        self.steps: int = 0
        self._buckets = _Buckets(1, torch.empty(3, 0), torch.empty(0))
        self._recent: Tensor = torch.empty(0)
        self._new: tuple[Tensor, ...] = ()  # losses that are in neither yet
        self._sums: tuple[Tensor, Tensor] | None = None  # see `_running_sums`

    def __repr__(self) -> str:
        return f"LossHistory({self.steps:,} steps)"

    @classmethod
    def of(cls, width: int, filled: Tensor, rest: Tensor) -> "LossHistory":
        """A history from its full buckets (3, n), their width, and the losses of the last one.

        Of a wide bucket, the mean stands for each of its recent losses.
        """
        history = cls()
        history._buckets = _Buckets(width, filled, rest)
        history.steps = width * filled.shape[1] + len(rest)
        means = filled[1, -1 - RECENT // width :].repeat_interleave(width)
        history._recent = torch.cat([means, rest])[-RECENT:].clone()
        return history

    @property
    def width(self) -> int:
        return self._all().width

    @property
    def filled(self) -> Tensor:
        return self._all().filled

    @property
    def rest(self) -> Tensor:
        return self._all().rest

    @property
    def recent(self) -> Tensor:
        self._all()
        return self._recent

    def append(self, losses: Tensor) -> None:
        """Add the losses of the next steps, (n,). They are put into buckets when those are looked
        at, or when there are many: a slice of training has no time for it."""
        self.steps += len(losses)
        self._new = (*self._new, losses)
        if len(self._new) == _MAX_NEW:
            self._all()

    def _all(self) -> _Buckets:
        """The buckets, with all losses."""
        if self._new:
            new, self._new, self._sums = torch.cat(self._new), (), None
            self._buckets = self._buckets.with_losses(new, self.capacity)
            self._recent = torch.cat([self._recent, new])[-RECENT:].clone()
        return self._buckets

    def curve(
        self,
        first: int,
        max_points: int,
        last: int | None = None,
        window: int = 0,
        edits: Sequence[int] = (),
    ) -> LossCurve:
        """The losses of the steps from `first` to `last`, by default to the end.

        max_points: at most so many. A point is the merger of 1, 2, 4, … buckets, at multiples of
        that number, so that points stay the same as steps are added. window, edits: of the smoothed
        loss, see `smoothed`; with a window of 0 it is the mean.
        """
        max_points = max(1, max_points)
        end = self.filled.shape[1]
        end = end if last is None else min(-(-last // self.width), end)
        begin = min(first // self.width, end)
        group = 1
        while end - begin > group * max_points:
            group *= 2
        begin -= begin % group
        whole = end - (end - begin) % group
        low, mean, high = self.filled[:, begin:whole].view(3, -1, group)
        middle, mean = self.width * group / 2, mean.mean(1)
        steps = [(begin + i * group) * self.width + middle for i in range(len(mean))]
        smooth = self.smoothed(steps, window, edits) if window else mean
        return LossCurve(
            steps=steps,
            low=low.amin(1).tolist(),
            mean=mean.tolist(),
            high=high.amax(1).tolist(),
            total_steps=self.steps,
            smooth=torch.where(smooth.isnan(), mean, smooth).tolist(),
        )

    def smoothed(self, steps: Sequence[float], window: int, edits: Sequence[int] = ()) -> Tensor:
        """The loss at some steps, each the mean of those around it weighted by a triangle.

        The triangle is `window` steps wide. It reaches as far back as ahead, but never past the
        newest step or across an edit: what it lacks ahead it has behind, so its width, and with it
        the noise of the mean, stays the same. In the first steps of a run, or after an edit, it
        is at most a third as wide as there are steps since, lest a steep start is dragged along.
        edits: the steps from which edits took effect, in ascending order.

        Returns float64 (len(steps),); NaN where no loss is finite.
        """
        width, filled = self.width, self.filled.shape[1]
        at = torch.tensor(steps, dtype=torch.float64) / width  # all places are in buckets
        starts = torch.tensor([0, *(-(-edit // width) for edit in edits)]).double()
        ends = torch.tensor([*(edit // width for edit in edits), filled]).double().clamp(max=filled)
        part = torch.bucketize(at, starts[1:], right=True)
        start, end = starts[part], ends[part]
        half = torch.clamp((at - start) / 6, 0, window / width / 2)
        ahead = torch.minimum(half, (end - at).clamp(min=0))
        behind = 2 * half - ahead
        edges = (at - behind)[:, None] + 2 * half[:, None] * torch.linspace(0, 1, _PARTS + 1)
        edges = torch.minimum(edges.round().long(), end.long()[:, None])  # (len(steps), parts + 1)
        distance = (edges[:, :-1] + edges[:, 1:]) / 2 - at[:, None]
        reach = torch.where(distance > 0, ahead[:, None], behind[:, None])
        weight = (1 - distance.abs() / reach.clamp(min=1e-9)).clamp(min=0)
        counts, totals = self._running_sums()
        total = (weight * totals[edges].diff()).sum(1)
        return total / (weight * counts[edges].diff()).sum(1)

    def newest(self, edits: Sequence[int] = ()) -> float | None:
        """The smoothed loss at the newest step, over a fixed window; None before the first. An edit
        after which no step was taken has not changed it."""
        if not self.filled.shape[1]:
            return None
        last = self.filled.shape[1] * self.width
        passed = [edit for edit in edits if edit < last]
        smooth = float(self.smoothed([last], _NEWEST_WINDOW, passed))
        return float(self.filled[1, -1]) if math.isnan(smooth) else smooth

    def _running_sums(self) -> tuple[Tensor, Tensor]:
        """How many of the first 0, 1, 2, … buckets can be smoothed, and the sum of their means."""
        filled = self.filled
        if self._sums is None:
            losses = torch.cat([torch.zeros(1), filled[1]]).double()
            is_usable = losses.abs() < _MAX_SMOOTHED  # which NaN is not
            self._sums = is_usable.double().cumsum(0) - 1, losses.where(is_usable, 0.0).cumsum(0)
        return self._sums

    def lowest_mean(self, steps: int) -> float:
        """The lowest mean loss of so many consecutive steps, or of a bucket if that is wider;
        infinite without any."""
        group = max(1, -(-steps // self.width))
        whole = self.filled.shape[1] // group * group
        means = self.filled[1, :whole].view(-1, group).mean(1)
        return float(means.nan_to_num(math.inf).amin()) if whole else math.inf

    def copy(self) -> "LossHistory":
        self._all()  # put into buckets once, for both
        return copy(self)  # its tensors are replaced, never written to


class DevLosses:
    """The dev losses of a run, in nats.

    points: (step, loss), the newest last; beyond `capacity` every other one is dropped.
    best: the lowest loss ever added; None without a finite one. is_outdated: True while the newest
    is that of counts before an edit, which makes another table of them at once.
    """

    def __init__(self, capacity: int = 1 << 11):
        self.capacity = capacity
        self.points: list[tuple[int, float]] = []
        self.best: float | None = None
        self.is_outdated: bool = False

    def __repr__(self) -> str:
        if not self.points:
            return "DevLosses(none)"
        best = "none finite" if self.best is None else f"{self.best:.3f}"
        return f"DevLosses({len(self.points):,} losses, last {self.last:.3f}, best {best})"

    @property
    def last(self) -> float | None:
        """The newest loss; None without any."""
        return self.points[-1][1] if self.points else None

    def first_below(self, target: float) -> int | None:
        """The first step at which the loss was at most `target`; None if it never was."""
        return next((step for step, loss in self.points if loss <= target), None)

    def append(self, step: int, loss: float) -> None:
        """Add the loss after a number of steps, which must not decrease."""
        self.points.append((step, loss))
        self.is_outdated = False
        if math.isfinite(loss):
            self.best = loss if self.best is None else min(self.best, loss)
        if len(self.points) > self.capacity:
            del self.points[1::2]

    def copy(self) -> "DevLosses":
        other = copy(self)
        other.points = list(self.points)
        return other
