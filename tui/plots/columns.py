"""Curves of losses, reduced to one value for each column of a plot."""

import math
from bisect import bisect_left
from collections.abc import Sequence
from typing import NamedTuple

from makemore_tui.core.results import LossCurve

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

    smooth: the smoothed loss. mixed: the dev loss of a mixture. previous: the lines of other runs.
    earliest: the first step whose loss is in the curve."""

    low: list[float | None]
    high: list[float | None]
    smooth: list[float | None]
    dev: Line
    mixed: Line
    axis: StepAxis
    previous: list[Line]
    earliest: float


def axis_of(curve: LossCurve, width: int, log: bool = False) -> StepAxis:
    """The steps from a curve's first point to its last, that of the dev loss counted."""
    first = curve.steps[0] if curve.steps else 0.0
    first = max(first, _EARLIEST) if log else first
    last = max([*curve.steps[-1:], *[step for step, _ in curve.dev[-1:]], first + 1.0])
    return StepAxis(first, last, width, log)


def curve_columns(curve: LossCurve, width: int, log: bool = False) -> CurveColumns:
    """Reduce a curve to `width` columns: the lowest, highest and mean smoothed loss of each.

    Where there are fewer points than columns, a point serves every column nearer to it than to
    its neighbours. Of the dev losses at a step, such as of counts before and after an edit, the
    newest is meant. A single step, such as that of counts, has its losses along the whole axis.
    log: of the steps' axis."""
    axis, steps = axis_of(curve, width, log), curve.steps
    places = [min(round(axis.column(step)), width - 1) for step in steps]
    dev, mixed = (
        [
            (axis.column(step), loss)
            for step, loss in dict(points).items()
            if math.isfinite(loss) and step >= axis.first
        ]
        for points in (curve.dev, curve.mixed)
    )
    first_half = (steps[1] - steps[0]) / 2 if len(steps) > 1 else math.inf  # of the first point
    smooth = _means(_by_column(places, curve.smooth, width))
    if len(steps) == 1:
        smooth, dev, mixed = _filled(smooth), _throughout(dev, width), _throughout(mixed, width)
    others = [*curve.previous, *(one.points for one in curve.overlays)]
    return CurveColumns(
        low=_filled([min(each, default=None) for each in _by_column(places, curve.low, width)]),
        high=_filled([max(each, default=None) for each in _by_column(places, curve.high, width)]),
        smooth=smooth,
        dev=dev,
        mixed=mixed,
        axis=axis,
        previous=[line_of_points(points, axis) for points in others],
        earliest=max(0.0, steps[0] - first_half) if steps else 0.0,
    )


def _throughout(line: Line, width: int) -> Line:
    """A line at the height of another's end, from the first column to the last."""
    return [(column, loss) for _, loss in line[-1:] for column in (0.0, width - 1.0)]


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


def line_of_points(points: Line, axis: StepAxis) -> Line:
    """The line of points (step, loss), such as of another run, as far as the axis goes."""
    placed = [(round(axis.column(step)), loss) for step, loss in points if step >= axis.first]
    near = [(place, loss) for place, loss in placed if place < axis.width]
    columns = _by_column([place for place, _ in near], [loss for _, loss in near], axis.width)
    return as_line(_means(columns))


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


def _means(columns: list[list[float]]) -> list[float | None]:
    """The mean loss of each column; None where there is none."""
    return [sum(losses) / len(losses) if losses else None for losses in columns]
