"""Successive halving with rungs at fixed steps: at each, the worse half of the trials ends.

After Li et al. 2020 (asynchronous successive halving): a trial is compared with those that reached
the rung before it, so none waits for another.
"""

from collections.abc import Sequence

_RUNGS = 7  # of a trial; the last is its end
_MIN_STEPS = 10  # no trial is judged before
_FACTOR = 2
_MIN_OTHERS = 3


def rungs(steps: int, most: int) -> list[int]:
    """The steps at which a trial is evaluated, in ascending order; the last is its end.

    steps: that are planned for it. most: for any trial of the study, so that rungs are shared.
    """
    found = [most // _FACTOR**i for i in range(_RUNGS - 1, 0, -1)]
    return [*(step for step in found if _MIN_STEPS <= step < steps), steps]


def is_behind(value: float, others: Sequence[float]) -> bool:
    """True if a trial's dev loss at a rung is not among the better half of what was reached there.

    others: the losses of those that reached it before. The first few are never behind.
    """
    if len(others) < _MIN_OTHERS:
        return value != value
    better = sum(other < value for other in others)
    return value != value or better >= (len(others) + _FACTOR) // _FACTOR
