"""The plots of a sweep: its best dev loss so far, curves of losses, and a setting against dev."""

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

from makemore_tui.core.sweep.messages import Point, Snapshot, Trial
from makemore_tui.core.sweep.ranges import Range

from ..style.colours import RGB, Palette
from ..style.text_rows import Row
from .figure import AXIS_WIDTH, Axis, CellGrid, Figure, distinct_rows
from .sweep_rows import short_value
from .ticks import log_ticks, loss_labels, nice_ticks, step_labels

_MIN_WIDTH, _MIN_HEIGHT = 20, 5
_AXIS_HEIGHT = 2
_BEST = 5  # trials whose curves are drawn, besides those that run
_DOTS = "•●"  # of one trial, or more, in a cell
_BEST_DOT, _CHOSEN_DOT, _ABOVE = "◆", "○", "▴"
_TOP_SHARE = 0.9  # of the dev losses are within a slice plot; those above stand in its first row
_LABEL_WIDTH = 5
_RUNGS = 6  # times lower than the number of steps is the first that is drawn, as a power of two


def best_rows(snapshot: Snapshot, width: int, height: int, palette: Palette) -> list[Row]:
    """The lowest dev loss by the number of trials that have ended; empty without room or trials."""
    points = snapshot.best_so_far
    if not points or width < _MIN_WIDTH or height < _MIN_HEIGHT:
        return []
    last = max(snapshot.num_ended, points[-1][0], points[0][0] + 1)
    stairs = [(float(points[0][0]), points[0][1])]
    for count, value in points[1:]:
        stairs += [(count, stairs[-1][1]), (count, value)]
    stairs.append((last, stairs[-1][1]))
    low, high = _with_margin([value for _, value in points])
    figure = Figure(width, height)
    figure.line(stairs, palette.good)
    ticks = [tick for tick in nice_ticks(points[0][0], last, max(2, width // 12)) if tick % 1 == 0]
    places, labels = step_labels(ticks)
    figure.axes(Axis(points[0][0], last, places, labels), _losses(low, high, height), palette.dim)
    return figure.rows()


def curve_rows(
    snapshot: Snapshot, chosen: Trial | None, width: int, height: int, palette: Palette
) -> list[Row]:
    """The dev losses of the running and the best trials over a logarithmic axis of steps, each with
    its number; of the chosen one, the losses of its minibatches too."""
    running = [row for row in snapshot.rows if row.state == "running"]
    colours = [palette.dev, *(palette.runs[i % len(palette.runs)] for i in range(_BEST - 1))]
    trials = list(zip(snapshot.leaders[:_BEST], colours, strict=False))
    trials += [(row, palette.batch) for row in running]
    curves = [(row, row.dev or row.losses, colour) for row, colour in reversed(trials)]
    curves = [one for one in curves if one[1]]
    number = None if chosen is None else chosen.number
    curves.sort(key=lambda one: one[0].number == number)  # on top
    if not curves or width < _MIN_WIDTH + _LABEL_WIDTH or height < _MIN_HEIGHT:
        return []
    last = max(curve[-1][0] for _, curve, _ in curves)
    first = max(1.0, last / 2**_RUNGS)
    low, high = _range_of([curve for _, curve, _ in curves])
    place = lambda step: math.log10(max(step, first))  # noqa: E731
    figure = Figure(width - _LABEL_WIDTH, height)
    if chosen and chosen.dev and curves[-1][0].number == number:
        points = _inside(chosen.losses, first, low, high)
        figure.line([(place(x), y) for x, y in points], palette.faint)
    for row, curve, colour in curves:
        points = _inside(curve, first, low, high)
        colour = palette.cursor if row.number == number else colour
        figure.line([(place(x), y) for x, y in points], colour)
    places, labels = step_labels(log_ticks(first, max(last, 2 * first), max(2, width // 12)))
    axis = Axis(place(first), place(max(last, 2 * first)), [place(x) for x in places], labels)
    figure.axes(axis, _losses(low, high, height), palette.dim)
    cells = CellGrid(figure.rows(), width)
    _label_curves(cells, curves, number, (low, high), palette)
    return cells.rows()


def slice_rows(
    snapshot: Snapshot,
    over: Range,
    chosen: Trial | None,
    width: int,
    height: int,
    palette: Palette,
) -> list[Row]:
    """A setting's value against the dev loss of each trial that was trained to its end, as dots;
    the best one and the chosen one in colours of their own. A triangle in the first row is of
    losses above."""
    points = snapshot.slice(over.setting)
    if not points or width < _MIN_WIDTH or height < _MIN_HEIGHT:
        return []
    losses = sorted(loss for _, loss in points)
    low, high = _with_margin([losses[0], losses[round(_TOP_SHARE * (len(losses) - 1))]])
    place, axis = _values_axis(over, [value for value, _ in points], width)
    figure = Figure(width, height)
    figure.line([(axis.low, low - 1)], palette.faint)  # below what is shown: for the axes only
    figure.axes(axis, _losses(low, high, height), palette.dim)
    rows = figure.rows()
    cells = CellGrid(rows[:-_AXIS_HEIGHT], width)
    columns = width - AXIS_WIDTH - 1

    def cell(value: Any, loss: float) -> tuple[int, int]:
        share = (place(value) - axis.low) / ((axis.high - axis.low) or 1)
        down = (high - min(max(loss, low), high)) / (high - low)
        return round(down * (cells.height - 1)), AXIS_WIDTH + round(share * columns)

    if chosen is not None and chosen.state == "done" and chosen.value is not None:
        at = cell(chosen.settings[over.setting], chosen.value)
        cells.write(*at, _CHOSEN_DOT, palette.style("cursor", bold=True))
    best = cell(*min(points, key=lambda point: point[1]))
    cells.write(*best, _BEST_DOT, palette.style("good", bold=True))
    above = {cell(*point) for point in points if point[1] > high}
    for at, count in Counter(cell(*point) for point in points).items():
        dot = _ABOVE if at in above else _DOTS[min(count, len(_DOTS)) - 1]
        cells.write(*at, dot, palette.style("batch"))
    return [*cells.rows(), *rows[-_AXIS_HEIGHT:]]


def _values_axis(over: Range, values: Sequence[Any], width: int) -> tuple[Any, Axis]:
    """Where a value of a setting stands on an axis, and that axis with its ticks."""
    if over.choices:
        found = list(dict.fromkeys([*over.choices, *values]))
        if not any(isinstance(one, str) for one in found):
            found.sort()
        labels = [short_value(over.setting, one) for one in found]
        return found.index, Axis(-0.5, len(found) - 0.5, [*map(float, range(len(found)))], labels)
    low, high = min(over.low, *values), max(over.high, *values)
    most = max(2, width // 12)
    is_log = over.log and low > 0
    ticks = log_ticks(low, high, most) if is_log else nice_ticks(low, high, most)
    place = math.log10 if is_log else float
    return place, Axis(place(low), place(high), [*map(place, ticks)], [f"{x:g}" for x in ticks])


def _losses(low: float, high: float, height: int) -> Axis:
    most = max(2, min(6, height // 2))
    return Axis(low, high, *loss_labels(nice_ticks(low, high, most), AXIS_WIDTH - 1))


def _with_margin(losses: Sequence[float]) -> tuple[float, float]:
    low, high = min(losses), max(losses)
    margin = max(0.05 * (high - low), 0.002)
    return low - margin, high + margin


def _range_of(curves: Sequence[Sequence[Point]]) -> tuple[float, float]:
    """From where to where an axis of losses goes so that the ends of all curves are apart."""
    ends = [curve[-1][1] for curve in curves]
    losses = [loss for curve in curves for _, loss in curve if math.isfinite(loss)]
    low = min(losses, default=0.0)
    high = max([loss for loss in ends if math.isfinite(loss)], default=low)
    return _with_margin([low, min(max(losses, default=low), high + max(high - low, 0.3))])


def _inside(
    curve: Sequence[Point], first: float, low: float, high: float
) -> list[tuple[float, float]]:
    """A curve from a step on, with the losses beyond the axis at its ends."""
    return [
        (step, min(max(loss, low), high))
        for step, loss in curve
        if step >= first and math.isfinite(loss)
    ]


def _label_curves(
    cells: CellGrid,
    curves: Sequence[tuple[Trial, Sequence[Point], RGB]],
    chosen: int | None,
    axis: tuple[float, float],
    palette: Palette,
) -> None:
    """Write each trial's number at the right, as near as possible to the end of its curve."""
    low, high = axis
    height = cells.height - _AXIS_HEIGHT
    found = []
    for trial, curve, _ in curves:
        loss = min(max(curve[-1][1], low), high)
        found.append((round((high - loss) / (high - low) * (height - 1)), trial))
    found.sort(key=lambda one: (one[0], one[1].number))
    lines = distinct_rows([line for line, _ in found], height)
    for line, (_, trial) in zip(lines, found, strict=True):
        is_running = trial.state == "running"
        colour = "cursor" if trial.number == chosen else "batch" if is_running else "dim"
        cells.write(line, cells.width - _LABEL_WIDTH + 1, str(trial.number), palette.style(colour))
