"""Curves of losses, reduced to one value for each column of a plot."""

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from makemore_tui.core.results import LossCurve

NO_SMOOTHING, LIGHT, STRONG = 0.0, 0.03, 0.1  # of the plot's width, either side
_EARLIEST = 0.5  # the earliest step that a logarithmic axis shows

Line = list[tuple[float, float]]  # (column, loss)


@dataclass(frozen=True)
class StepAxis:
    """Steps along `width` columns, linear or logarithmic."""

    first: float
    last: float
    width: int
    log: bool = False

    def column(self, step: float) -> float:
        """The column of a step, which need not be whole: from 0 to width - 1."""
        begin, end = self._scaled(self.first), self._scaled(self.last)
        return (self._scaled(step) - begin) * ((self.width - 1) / (end - begin))

    def step(self, column: float) -> float:
        """The step of a column."""
        begin, end = self._scaled(self.first), self._scaled(self.last)
        scaled = begin + column / (self.width - 1) * (end - begin)
        return 10**scaled if self.log else scaled

    def _scaled(self, step: float) -> float:
        return math.log10(max(step, _EARLIEST)) if self.log else step


@dataclass(frozen=True)
class CurveColumns:
    """A curve with one value for each column: None where there is nothing to draw.

    previous: the smoothed lines of previous runs. earliest: the first step whose loss is in it.
    """

    low: list[float | None]
    high: list[float | None]
    mean: list[float | None]
    dev: Line
    axis: StepAxis
    previous: list[Line] = field(default_factory=list)
    earliest: float = 0.0

    @property
    def first_step(self) -> float:
        """The step of the first column."""
        return self.axis.first

    @property
    def last_step(self) -> float:
        """The step of the last column."""
        return self.axis.last


def axis_of(curve: LossCurve, width: int, log: bool = False) -> StepAxis:
    """The steps from a curve's first point to its last, that of the dev loss counted."""
    first = curve.steps[0] if curve.steps else 0.0
    first = max(first, _EARLIEST) if log else first
    last = max([*curve.steps[-1:], *[step for step, _ in curve.dev[-1:]], first + 1.0])
    return StepAxis(first, last, width, log)


def curve_columns(
    curve: LossCurve,
    width: int,
    smoothing: float = LIGHT,
    log: bool = False,
    edits: Sequence[int] = (),
) -> CurveColumns:
    """Reduce a curve to `width` columns: the lowest, highest and mean loss of each.

    Where there are fewer points than columns, a point serves every column nearer to it than to
    its neighbours. log: of the steps' axis. edits: steps across which nothing is smoothed, so that
    what an edit does never shows before it.
    """
    axis = axis_of(curve, width, log)
    breaks = [round(axis.column(step)) for step in edits if axis.first <= step <= axis.last]
    places = [min(round(axis.column(step)), width - 1) for step in curve.steps]
    low: list[float | None] = [None] * width
    high = list(low)
    for place, mean, lowest, highest in zip(places, curve.mean, curve.low, curve.high, strict=True):
        if math.isfinite(mean):
            previous_low, previous_high = low[place], high[place]
            low[place] = lowest if previous_low is None else min(previous_low, lowest)
            high[place] = highest if previous_high is None else max(previous_high, highest)
    return CurveColumns(
        low=_filled(low),
        high=_filled(high),
        mean=_smoothed(_means(places, curve.mean, width), smoothing, breaks),
        dev=[
            (axis.column(step), loss)
            for step, loss in curve.dev
            if math.isfinite(loss) and step >= axis.first
        ],
        axis=axis,
        previous=[_line(points, axis, smoothing) for points in curve.previous],
        earliest=_earliest(curve.steps),
    )


def _earliest(steps: Sequence[float]) -> float:
    """The first step that a point stands for which is the middle of as many as lie between two."""
    return max(0.0, steps[0] - (steps[1] - steps[0]) / 2) if len(steps) > 1 else 0.0


def interpolated(line: Line, column: float) -> float | None:
    """The height of a line at a column; None beyond its ends."""
    after = bisect_left(line, (column, -math.inf))
    if after == len(line) or (after == 0 and line[0][0] > column):
        return None
    if after == 0:
        return line[0][1]
    (x0, y0), (x1, y1) = line[after - 1], line[after]
    return y0 + (y1 - y0) * (column - x0) / (x1 - x0) if x1 > x0 else y1


def _line(points: Sequence[tuple[float, float]], axis: StepAxis, smoothing: float) -> Line:
    """The smoothed line of a previous run, as far as the axis goes."""
    near = [(round(axis.column(step)), loss) for step, loss in points if step >= axis.first]
    near = [(place, loss) for place, loss in near if place < axis.width]
    means = _means([place for place, _ in near], [loss for _, loss in near], axis.width)
    return [(float(i), y) for i, y in enumerate(_smoothed(means, smoothing)) if y is not None]


def _means(places: list[int], losses: Sequence[float], width: int) -> list[float | None]:
    """The mean of the finite losses of each column."""
    total, count = [0.0] * width, [0] * width
    for place, loss in zip(places, losses, strict=True):
        if math.isfinite(loss):
            total[place] += loss
            count[place] += 1
    return [t / n if n else None for t, n in zip(total, count, strict=True)]


def _filled(values: list[float | None]) -> list[float | None]:
    """Each gap filled with the value of the nearer neighbour."""
    known = [i for i, value in enumerate(values) if value is not None]
    if not known:
        return values
    filled, after = list(values), 0
    for i in range(len(values)):
        while after + 1 < len(known) and abs(known[after + 1] - i) <= abs(known[after] - i):
            after += 1
        filled[i] = values[known[after]]
    return filled


def _smoothed(
    values: list[float | None], smoothing: float, breaks: Sequence[int] = ()
) -> list[float | None]:
    """Each value averaged with its neighbours, weighted by a triangle; gaps stay gaps.

    As far to the left as to the right, so that the first values pull no others towards them, and
    not across a break, which is before the value of that index.
    """
    reach = round(len(values) * smoothing)
    edges = sorted({0, len(values), *(one for one in breaks if 0 < one < len(values))})
    smooth: list[float | None] = []
    for first, end in pairwise(edges):
        for i in range(first, end):
            room = min(reach, i - first, end - 1 - i)
            smooth.append(_weighted_mean(values[i - room : i + room + 1]))
    return smooth


def _weighted_mean(window: list[float | None]) -> float | None:
    """The mean of a window's values, weighted by a triangle; None where its middle is a gap."""
    middle = len(window) // 2
    if window[middle] is None:
        return None
    pairs = [(middle + 1 - abs(i - middle), value) for i, value in enumerate(window)]
    total = sum(weight for weight, value in pairs if value is not None)
    return sum(weight * value for weight, value in pairs if value is not None) / total
