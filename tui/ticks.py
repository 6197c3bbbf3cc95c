"""Where the ticks of an axis stand, and what they say."""

import math

from .columns import StepAxis


def tick_label(step: float) -> str:
    """A number of steps, short: 500, 20k, 1.5M, 2e15."""
    rounded = float(f"{step:.3g}")
    if rounded >= 1e10:
        return f"{rounded:.0e}".replace("e+", "e")
    for size, unit in ((1e6, "M"), (1e3, "k")):
        if rounded >= size:
            return f"{rounded / size:g}{unit}"
    return f"{step:.0f}"


def nice_ticks(low: float, high: float, most: int) -> list[float]:
    """Round numbers (1, 2 or 5 times a power of ten) within a range, at most `most`."""
    if not high > low or most < 1:
        return []
    size = 10 ** math.floor(math.log10((high - low) / most))
    for multiple in (1, 2, 5, 10, 20, 50):
        first, last = math.ceil(low / (multiple * size)), math.floor(high / (multiple * size))
        if last - first < most:
            return [i * multiple * size for i in range(first, last + 1)]
    return []


def step_ticks(axis: StepAxis) -> list[float]:
    """Round steps along an axis, not too near to each other."""
    most = max(2, axis.width // 12)
    if axis.log:
        for digits in ((1, 2, 5), (1, 3), (1,)):
            ticks = [digit * 10.0**power for power in range(16) for digit in digits]
            within = [tick for tick in ticks if axis.first <= tick <= axis.last]
            if 1 < len(within) <= most:
                return within
        if len(within) > most:
            return within[:: math.ceil(len(within) / most)]
    return nice_ticks(axis.first, axis.last, most)


def loss_labels(ticks: list[float], width: int) -> tuple[list[float], list[str]]:
    """Ticks and their labels, all `width` wide and no two alike, with two decimals or more.

    Ticks that no label of that width tells from another are left out.
    """
    for decimals in range(2, width - 1):
        labels = [f"{tick:.{decimals}f}" for tick in ticks]
        if len(set(labels)) == len(labels) and max(map(len, labels), default=0) <= width:
            return ticks, [label.rjust(width) for label in labels]
    told_apart = {tick_label(tick)[:width]: tick for tick in ticks}
    return list(told_apart.values()), [label.rjust(width) for label in told_apart]


def step_labels(ticks: list[float]) -> tuple[list[float], list[str]]:
    """Ticks and their labels, no two alike: short ones, or whole numbers where those are."""
    labels = [tick_label(tick) for tick in ticks]
    if len(set(labels)) == len(labels):
        return ticks, labels
    told_apart = {f"{tick:,.0f}": tick for tick in ticks}
    return list(told_apart.values()), list(told_apart)
