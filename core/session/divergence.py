"""Whether a training has diverged: its loss is not finite, or it has exploded.

It has exploded once three quarters of its last 100 minibatch losses (of those of a whole plan that
is shorter) were high: above five times ln V, the loss of a model that knows nothing, and above
twice the loss that the run began with, or has had since. So a bad beginning of 27 nats is none,
and neither is a short jump after an edit.

Measured on the names (ln V = 3.3, so high is above 16.5): the default MLP at a learning rate of 2
stays near 19 nats, at 30 near 400, at 1,000 near 12,000, and with AdamW far higher. What settles
again, such as a switch to AdamW at 0.03, stays below 16.5 but for a dozen steps.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from ..training.history import RECENT, LossHistory

_SHARE = 0.75  # of the last steps
_TIMES_UNIFORM, _TIMES_START = 5.0, 2.0


def diverged_since(
    since: int | None,
    history: LossHistory,
    losses: Tensor,
    planned: int,
    uniform: float,
    first_loss: Callable[[], float],
) -> int | None:
    """The first step, counted from 0, of the divergence that a run is in; None if it is in none.

    The answer does not depend on how the steps were divided into calls.

    since: the answer before the newest steps. history: all losses before them. losses: theirs.
    planned: the steps of the run's plan. uniform: ln V. first_loss: the loss that the run began
    with, asked for where it matters. All losses are in nats.
    """
    floor = _TIMES_UNIFORM * uniform
    if not len(losses) or (since is None and float(losses.amax()) <= floor):  # false of NaN
        return since
    size = min(RECENT, planned)
    window = torch.cat([history.recent, losses])
    first = history.steps - len(history.recent)  # the step of the window's first loss
    if not _is_bad(window, size, floor)[-1]:
        return None
    start = min(first_loss(), history.lowest_mean(RECENT))
    limit = max(floor, _TIMES_START * start)
    if not (is_bad := _is_bad(window, size, limit))[-1]:
        return None
    is_bad = is_bad[-len(losses) :]
    if since is not None and bool(is_bad.all()):
        return since
    begun = len(window) - int(is_bad.flip(0).long().cumprod(0).sum())  # of the last stretch
    if not math.isfinite(float(window[begun])):
        return first + begun
    earliest = max(0, begun + 1 - size)
    is_high = ~(window[earliest : begun + 1] <= limit)
    return first + earliest + int(is_high.long().argmax())


def _is_bad(window: Tensor, size: int, limit: float) -> Tensor:
    """For each loss, (n,) bool: it is not finite, or most of the `size` up to it are above a
    limit."""
    is_high = (~(window <= limit)).float()
    sums = torch.cat([is_high.new_zeros(size), is_high.cumsum(0)])
    return (sums[size:] - sums[:-size] >= _SHARE * size) | ~torch.isfinite(window)
