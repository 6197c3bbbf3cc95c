"""Where the ticks of an axis stand, and what they say."""

import math

from .columns import StepAxis

MAX_TICKS, _ENOUGH = 8, 3  # of an axis of losses
_MARGIN, _MAX_MARGIN = 0.03, 0.12  # at either end of a logarithmic axis, as a share of it
_MAX_LENGTH = 1.6  # times as long as what is shown may such an axis be for the sake of even ticks


def tick_label(step: float) -> str:
    """A number of steps, short: 500, 20k, 1.5M, 2e15."""
    rounded = float(f"{step:.3g}")
    if rounded >= 1e10:
        return f"{rounded:.0e}".replace("e+", "e")
    for size, unit in ((1e6, "M"), (1e3, "k")):
        if rounded >= size:
            return f"{rounded / size:g}{unit}"
    return f"{step:.0f}"


def range_label(first: int, last: int) -> str:
    """Two numbers of steps, short where that says well enough how far they are from each other."""
    if last - first < last / 10:
        return f"{first:,} to {last:,}"
    return f"{tick_label(first)} to {tick_label(last)}"


def nice_ticks(low: float, high: float, most: int, least: float = 0.0) -> list[float]:
    """Round numbers (1, 2 or 5 times a power of ten) within a range, at most `most`, and `least`
    or more apart."""
    if not high > low or most < 1:
        return []
    size = max(least, 10 ** math.floor(math.log10((high - low) / most)))
    for multiple in (1, 2, 5, 10, 20, 50):
        first, last = math.ceil(low / (multiple * size)), math.floor(high / (multiple * size))
        if last - first < most:
            return [i * multiple * size for i in range(first, last + 1)]
    return []


def even_ticks(low: float, high: float, rows: int) -> tuple[float, float, list[float]]:
    """A short axis of so many rows that has room for a range, and round numbers on it that are all
    as many rows apart: from where to where it goes, and these numbers. In few rows they may not be,
    lest what is shown becomes too small."""
    if not high > low:
        return low, high, []
    size = 10.0 ** math.floor(math.log10((high - low) / rows))
    fewest = max(2, math.ceil((rows - 1) / MAX_TICKS))
    best, axis = math.inf, (low, high, nice_ticks(low, high, MAX_TICKS))
    for step in (multiple * size for multiple in (1, 2, 5, 10, 20, 50, 100)):
        for apart in range(fewest, min(2 * fewest + 3, (rows + 1) // 2)):
            row = step / apart
            first = math.floor(low / row)
            last, length = first + rows - 1, (rows - 1) * row
            ticks = [i * step for i in range(math.ceil(first / apart), last // apart + 1)]
            badness = length / min(len(ticks), _ENOUGH)
            if last * row >= high and length <= _MAX_LENGTH * (high - low) and badness < best:
                best, axis = badness, (first * row, last * row, ticks)
    return axis


def log_ticks(low: float, high: float, most: int) -> list[float]:
    """1, 2 and 5 times the powers of ten within a range, or those powers alone where there are more
    than `most`; in a range too narrow for two of them, other round numbers."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for digits in ((1, 2, 5), (1,)):
        ticks = [digit * 10.0**power for power in powers for digit in digits]
        within = [tick for tick in ticks if low <= tick <= high]
        if 2 <= len(within) <= most:
            return within
    every = math.ceil(len(within) / most)
    return within[::every] if every > 1 else nice_ticks(low, high, most)


def log_axis(low: float, high: float, most: int) -> tuple[float, float, list[float]]:
    """A logarithmic axis that has room for a range, and its ticks: from where to where it goes, and
    these numbers. It begins and ends at ticks, unless they are far from the range."""
    decades = math.log10(high / low)
    margin, most_margin = 10 ** (_MARGIN * decades), 10 ** (_MAX_MARGIN * decades)
    ticks = log_ticks(low / most_margin, high * most_margin, most)
    below = [tick for tick in ticks if tick <= low]
    above = [tick for tick in ticks if tick >= high]
    first = below[-1] if below else low / margin
    last = above[0] if above else high * margin
    return first, last, [tick for tick in ticks if first <= tick <= last]


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
    return nice_ticks(axis.first, axis.last, most, least=1)


def loss_labels(ticks: list[float], width: int) -> tuple[list[float], list[str]]:
    """Ticks and their labels, all `width` wide and no two alike, with two decimals or more. Ticks
    that no label of that width tells from another are left out."""
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
