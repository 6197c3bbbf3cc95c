"""Whether two models differ, judged on the same items; and two settings, over several seeds.

The loss of a split is a ratio: the summed NLL of its items over their summed lengths. Its standard
error is that of a ratio (Cochran 1977, Sampling Techniques, section 6.4), with the items as the
sample: the characters of one item are not independent. The paired error takes the difference of
the two NLLs of each item. Hard items are hard for both models, so it is several times narrower.

A difference that is looked at again and again crosses two standard errors by luck. The k-th look
spends 0.025 / (zeta(1.4) k^1.4) of the chance of a false alarm, which over all looks, however many,
sums to 2.5%; so by the union bound the judgement holds at every look, whatever the models did in
between and however much the looks depend on each other. It is 2.5% so that it stays below 5% where
the mean of the items is not quite normal. (This spending function is that of the
stitched bounds of Howard, Ramdas, McAuliffe & Sekhon 2021, "Time-uniform, nonparametric,
nonasymptotic confidence sequences", section 3.1; the idea of a bound for every look is Robbins's,
1970. Their narrower mixtures don't apply: the sample of items is fixed and the models change.)
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist, fmean, stdev

from torch import Tensor

from ..results import DevDifference, SeedsDifference

_FALSE_ALARMS = 0.025
_POWER, _ZETA = 1.4, 3.105547  # and the sum of k**-1.4 over k = 1, 2, …
_MIN_ITEMS = 30  # for the difference to be about normal
MAX_SEEDS = 20
# Of Student's t, what is exceeded with 2.5%, for 1, 2, … degrees of freedom.
_STUDENT = (12.7062, 4.3027, 3.1824, 2.7764, 2.5706, 2.4469, 2.3646, 2.3060, 2.2622, 2.2281,
            2.2010, 2.1788, 2.1604, 2.1448, 2.1314, 2.1199, 2.1098, 2.1009, 2.0930)  # fmt: skip


@dataclass(frozen=True)
class ItemLosses:
    """The NLL of each item of a split, in nats, and its length with the boundary: (n,) float64."""

    nll: Tensor
    lengths: Tensor

    @property
    def mean(self) -> float:
        """The loss in nats a character."""
        return float(self.nll.sum() / self.lengths.sum())


def paired_difference(
    a: ItemLosses, b: ItemLosses, steps: tuple[int, int], looks: int = 1, noun: str = "items"
) -> DevDifference:
    """The difference of two models' losses on the same items.

    steps: how many each had taken.
    looks: how often the two were compared, with this time. noun: what the items are.
    """
    difference = ItemLosses(b.nll - a.nll, a.lengths)
    items = len(a.nll)
    return DevDifference(
        step=steps[0],
        b_step=steps[1],
        a=a.mean,
        b=b.mean,
        difference=difference.mean,
        standard_error=_error(difference),
        unpaired_error=math.hypot(_error(a), _error(b)),
        multiple=math.inf if items < _MIN_ITEMS else multiple_at(looks),
        looks=looks,
        items=items,
        noun=noun,
    )


def multiple_at(look: int) -> float:
    """How many standard errors a difference must exceed at a look, counted from 1, to be judged a
    difference: 2.65 at the first, 4.36 at the hundredth."""
    chance = _FALSE_ALARMS / (_ZETA * look**_POWER)
    return -NormalDist().inv_cdf(chance / 2)


def difference_over_seeds(a: Sequence[float], b: Sequence[float]) -> SeedsDifference:
    """The difference of two settings' losses, one of each for every seed, from 2 to 20 seeds."""
    differences = tuple(after - before for before, after in zip(a, b, strict=True))
    n, mean = len(differences), fmean(differences)
    if not math.isfinite(mean):
        return SeedsDifference(differences, mean, math.nan, math.nan, math.nan, math.nan)
    error = stdev(differences) / math.sqrt(n)
    half = _STUDENT[n - 2] * error
    unpaired = math.hypot(stdev(a), stdev(b)) / math.sqrt(n)
    return SeedsDifference(differences, mean, error, unpaired, mean - half, mean + half)


def _error(items: ItemLosses) -> float:
    """The standard error of the mean loss; infinite of a single item."""
    n = len(items.nll)
    if n == 1:
        return math.inf
    residuals = items.nll - items.mean * items.lengths
    return math.sqrt(float(residuals.square().sum()) * n / (n - 1)) / float(items.lengths.sum())
