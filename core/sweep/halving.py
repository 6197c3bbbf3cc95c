"""Successive halving with rungs at fixed steps: at each, the worst of the trials end.

After Li et al. 2020 (asynchronous successive halving): a trial is compared with those that reached
the rung before it, so none waits for another. It differs in where it judges. Before the learning
rate falls, a high one and a large model look worse than they will be, so rungs are evenly spaced,
and few trials end at the first, nearly half of them at the last.
"""

from collections.abc import Sequence

_RUNGS = 8  # of a trial; the last is its end
_MIN_STEPS = 10  # no trial is judged before
_MIN_OTHERS = 3


def rungs(steps: int, most: int) -> list[int]:
    """The steps at which a trial is evaluated, in ascending order; the last is its end.

    steps: that are planned for it. most: for any trial of the study, so that rungs are shared.
    """
    found = [most * i // _RUNGS for i in range(1, _RUNGS)]
    return [*(step for step in found if _MIN_STEPS <= step < steps), steps]


def is_behind(value: float, others: Sequence[float], share: float) -> bool:
    """True if a trial's dev loss at a rung is among the worst that were reached there, as many as
    half the share of the steps that this rung is.

    others: the losses of those that reached it before. The first few are never behind.
    """
    if len(others) < _MIN_OTHERS:
        return value != value
    better = sum(other < value for other in others)
    return value != value or better > len(others) * (1 - share / 2)
