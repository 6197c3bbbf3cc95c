"""Successive halving with rungs at fixed steps: at each, the worse half of the trials ends.

After Li et al. 2020 (asynchronous successive halving): a trial is compared with those that reached
the rung before it, so none waits for another. It differs in where it judges. Before the learning
rate falls, a high one and a large model look worse than they will be, so that the best would end
first; all rungs are in the second half of the steps, where every schedule that falls is low.
"""

from collections.abc import Sequence

_RUNGS = 8  # of a trial; the last is its end
_MIN_STEPS = 10  # no trial is judged before
_MIN_OTHERS = 3


def rungs(steps: int, most: int) -> list[int]:
    """The steps at which a trial is evaluated, in ascending order; the last is its end.

    steps: that are planned for it. most: for any trial of the study, so that rungs are shared.
    """
    found = [most * i // (2 * _RUNGS) for i in range(_RUNGS + 1, 2 * _RUNGS)]
    return [*(step for step in found if _MIN_STEPS <= step < steps), steps]


def is_behind(value: float, others: Sequence[float]) -> bool:
    """True if a trial's dev loss at a rung is worse than that of half of those which reached it.

    others: the losses of those that reached it before. The first few are never behind, unless the
    loss is not a number.
    """
    if len(others) < _MIN_OTHERS:
        return value != value
    return value != value or sum(other < value for other in others) > len(others) / 2
