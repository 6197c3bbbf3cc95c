"""Curves of losses, reduced to one value for each column of a plot."""

import math
from bisect import bisect_left
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from makemore_tui.core.results import LossCurve

NO_SMOOTHING, LIGHT, STRONG = 0.0, 0.03, 0.1  # of the plot's width, either side
_EARLIEST = 0.5  # the earliest step that a logarithmic axis shows

Line = list[tuple[float, float]]  # (column, loss)


class StepAxis(NamedTuple):
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


class CurveColumns(NamedTuple):
    """A curve with one value for each column: None where there is nothing to draw.

    mean, previous: smoothed, as are the lines of previous runs. earliest: the first step whose loss
    is in the curve."""

    low: list[float | None]
    high: list[float | None]
    mean: list[float | None]
    dev: Line
    axis: StepAxis
    previous: list[Line]
    earliest: float


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
    what an edit does never shows before it."""
    axis, steps = axis_of(curve, width, log), curve.steps
    breaks = [round(axis.column(step)) for step in edits if axis.first <= step <= axis.last]
    places = [min(round(axis.column(step)), width - 1) for step in steps]
    dev = [(step, loss) for step, loss in curve.dev if math.isfinite(loss) and step >= axis.first]
    first_half = (steps[1] - steps[0]) / 2 if len(steps) > 1 else math.inf  # of the first point
    return CurveColumns(
        low=_filled([min(each, default=None) for each in _by_column(places, curve.low, width)]),
        high=_filled([max(each, default=None) for each in _by_column(places, curve.high, width)]),
        mean=_smoothed(_by_column(places, curve.mean, width), smoothing, breaks),
        dev=[(axis.column(step), loss) for step, loss in dev],
        axis=axis,
        previous=[_previous_line(points, axis, smoothing) for points in curve.previous],
        earliest=max(0.0, steps[0] - first_half) if steps else 0.0,
    )


def as_line(values: Sequence[float | None]) -> Line:
    """The values of columns as a line through those that have one."""
    return [(float(i), value) for i, value in enumerate(values) if value is not None]


def interpolated(line: Line, column: float) -> float | None:
    """The height of a line at a column; None beyond its ends."""
    after = bisect_left(line, (column, -math.inf))
    if after == len(line) or (after == 0 and line[0][0] > column):
        return None
    (x0, y0), (x1, y1) = line[max(0, after - 1)], line[after]
    return y0 + (y1 - y0) * (column - x0) / (x1 - x0) if x1 > x0 else y1


def _previous_line(points: Line, axis: StepAxis, smoothing: float) -> Line:
    """The smoothed line of a previous run, as far as the axis goes."""
    placed = [(round(axis.column(step)), loss) for step, loss in points if step >= axis.first]
    near = [(place, loss) for place, loss in placed if place < axis.width]
    columns = _by_column([place for place, _ in near], [loss for _, loss in near], axis.width)
    return as_line(_smoothed(columns, smoothing))


def _by_column(places: list[int], losses: Sequence[float], width: int) -> list[list[float]]:
    """The finite losses of each column."""
    columns: list[list[float]] = [[] for _ in range(width)]
    for place, loss in zip(places, losses, strict=True):
        if math.isfinite(loss):
            columns[place].append(loss)
    return columns


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
    columns: list[list[float]], smoothing: float, breaks: Sequence[int] = ()
) -> list[float | None]:
    """The mean loss of each column, averaged with its neighbours by a triangle; gaps stay gaps. As
    far to the left as to the right, so that the first values pull no others towards them, and not
    across a break, which is before the value of that index."""
    means = [sum(losses) / len(losses) if losses else None for losses in columns]
    reach, smooth = round(len(means) * smoothing), list(means)
    edges = sorted({0, len(means), *(one for one in breaks if 0 < one < len(means))})
    for first, end in pairwise(edges):
        for i in range(first, end):
            room = min(reach, i - first, end - 1 - i)
            window = enumerate(means[i - room : i + room + 1], -room)
            pairs = [(room + 1 - abs(j), mean) for j, mean in window if mean is not None]
            if means[i] is not None:
                total = sum(weight for weight, _ in pairs)
                smooth[i] = sum(weight * mean for weight, mean in pairs) / total
    return smooth
