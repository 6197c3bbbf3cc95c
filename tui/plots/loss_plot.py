"""The loss plot, drawn with plotext: a curve comes in, rows of coloured text go out."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple

from rich.segment import Segment
from rich.style import Style

from makemore_tui.core.results import Baseline, LossCurve, Mark, PreviousRun

from ..style.colours import RGB, Palette
from .cells import CellGrid, distinct_rows, rows_for_labels
from .columns import LIGHT, CurveColumns, Line, StepAxis, curve_columns, interpolated
from .figure import AXIS_WIDTH, Axis, Figure
from .ticks import even_ticks, loss_labels, nice_ticks, step_labels, step_ticks

_GUTTER = 17  # cells for the names of the baselines
_MIN_WIDTH_WITH_GUTTER = 58
_MIN_HEIGHT = 1e-3  # nats, the lowest loss that a logarithmic axis shows
_FIRST_STEPS = 100  # that don't decide how high the plot reaches
_SETTLED = 0.93  # the share of the other losses that do
_TALLEST = 2.0  # times as high as those it may be, if all losses are in view then
_REACH, _ASIDE = 6, 24  # rows and columns that the name of a run may be from its line's end
_DASH, _GAP = 4, 2  # columns of the dev loss's line


@dataclass(frozen=True)
class PlotContent:
    """What a loss plot shows beside its curve, and on which axes.

    smoothing: over which share of the width, either side. previous: whose lines the curve has. dev:
    the newest dev loss, in nats; a baseline that it has passed has a tick. crosshair: a step.
    """

    log_loss: bool = False
    log_steps: bool = False
    smoothing: float = LIGHT
    baselines: tuple[Baseline, ...] = ()
    marks: tuple[Mark, ...] = ()
    previous: tuple[PreviousRun, ...] = ()
    dev: float | None = None
    crosshair: float | None = None


@dataclass(frozen=True)
class _Scale:
    """Losses along `rows` rows, the highest above, and those that have a tick."""

    low: float
    high: float
    rows: int
    y: Callable[[float], float]
    ticks: list[float]

    def place(self, loss: float) -> float:
        """How many rows below the upper edge a loss is."""
        top, bottom = self.y(self.high), self.y(self.low)
        return (top - self.y(loss)) / (top - bottom) * self.rows

    def row(self, loss: float) -> int:
        """The row of a loss, which is one of them."""
        return max(0, min(int(self.place(loss)), self.rows - 1))

    def has(self, loss: float) -> bool:
        """Whether a loss is shown."""
        return self.low <= loss <= self.high


class _End(NamedTuple):
    """Where the line of a previous run ends, its loss in nats, and its name."""

    row: int
    column: int
    loss: float
    name: str


def canvas_width(width: int, look: PlotContent) -> int:
    """The columns that a plot of so many cells has for the curve."""
    has_gutter = bool(look.baselines) and width >= _MIN_WIDTH_WITH_GUTTER
    return width - AXIS_WIDTH - _GUTTER * has_gutter


def loss_plot(
    curve: LossCurve, width: int, height: int, look: PlotContent, palette: Palette
) -> list[list[Segment]]:
    """The loss plot in `height` rows of `width` cells.

    The smoothed mean of the minibatch losses is a line, the dev loss a dashed one, and previous
    runs are pale ones. Behind them stand the marks, the baselines, and, shaded, the lowest and
    highest minibatch loss of each column.
    """
    canvas = canvas_width(width, look)
    if canvas < 10 or height < 4 or not curve.steps:
        return []
    edits = [mark.step for mark in look.marks]
    columns = curve_columns(curve, canvas, look.smoothing, look.log_steps, edits)
    scale = _scale(*_limits(columns, look), height - 2, look.log_loss)
    rows = _drawn(columns, scale, height, palette)
    cells = CellGrid(rows[: scale.rows], width)
    _put_crosshair(cells, columns, look, palette)
    _put_marks(cells, columns, look, palette)
    _put_names(cells, columns, scale, look, palette)
    _put_baselines(cells, columns, scale, look, palette)
    _put_spread(cells, columns, scale, palette.style("faint"))
    return [*cells.rows(), *rows[scale.rows :]]


def _drawn(
    columns: CurveColumns, scale: _Scale, height: int, palette: Palette
) -> list[list[Segment]]:
    """The lines and the axes, as plotext draws them."""
    canvas = columns.axis.width
    figure = Figure(canvas + AXIS_WIDTH, height)
    for line in columns.previous:
        _draw_line(figure, line, scale, palette.previous)
    mean = [(float(i), value) for i, value in enumerate(columns.mean) if value is not None]
    _draw_line(figure, mean, scale, palette.batch)
    for dash in _dashes(columns.dev, canvas):
        _draw_line(figure, dash, scale, palette.dev)
    figure.axes(_step_axis(columns.axis), _loss_axis(scale), palette.dim)
    return figure.rows()


def _scale(low: float, high: float, rows: int, is_log: bool) -> _Scale:
    if is_log:
        return _Scale(low, high, rows, _log, nice_ticks(low, high, 6))
    low, high, ticks = even_ticks(low, high, rows)
    return _Scale(low, high, rows, _same, ticks)


def _limits(columns: CurveColumns, look: PlotContent) -> tuple[float, float]:
    """The lowest and highest loss to show: of the lines, but for the highest losses of all where
    most are far below them; and, where the run is shown from its start, of the baselines."""
    mean = [(float(i), value) for i, value in enumerate(columns.mean) if value is not None]
    losses = [loss for line in (mean, columns.dev) for _, loss in line]
    lowest = losses[:]
    settled = [_usual_high(columns, mean), _usual_high(columns, columns.dev)]
    if columns.first_step < columns.last_step / 2:  # what is far from the curve would flatten it
        baselines = [one.loss for one in look.baselines if math.isfinite(one.loss)]
        lowest += [min(loss for _, loss in line) for line in columns.previous if line] + baselines
        settled += baselines
    low, high = min(lowest, default=0.0), max(settled)
    high = high if math.isfinite(high) else low + 1.0
    if max(losses, default=high) < low + _TALLEST * (high - low):
        high = max([high, *losses])
    margin = max(0.03 * (high - low), 0.02)
    return max(low - margin, _MIN_HEIGHT), max(high, _MIN_HEIGHT) + margin


def _usual_high(columns: CurveColumns, line: Line) -> float:
    """The loss below which most of a line is, its first steps left out if there are later ones."""
    later = [loss for column, loss in line if columns.axis.step(column) >= _FIRST_STEPS]
    losses = sorted(later or [loss for _, loss in line])
    return losses[math.ceil(_SETTLED * len(losses)) - 1] if losses else -math.inf


def _put_crosshair(
    cells: CellGrid, columns: CurveColumns, look: PlotContent, palette: Palette
) -> None:
    if look.crosshair is not None:
        column = round(columns.axis.column(look.crosshair))
        if 0 <= column < columns.axis.width:
            for row in range(cells.height):
                cells.write(row, AXIS_WIDTH + column, "│", palette.style("cursor"))


def _put_marks(cells: CellGrid, columns: CurveColumns, look: PlotContent, palette: Palette) -> None:
    """A thin line for each edit, and what the newest was."""
    axis, dim = columns.axis, palette.style("dim")
    shown = [mark for mark in look.marks if columns.earliest <= mark.step <= axis.last]
    places = [AXIS_WIDTH + max(0, round(axis.column(mark.step))) for mark in shown]
    for mark, place in zip(shown[-1:], places[-1:], strict=True):
        rows, edge = range(cells.height), AXIS_WIDTH + axis.width
        cells.write_label(rows, place, f"◂ {mark.label} ", f" {mark.label} ▸", dim, edge)
    for mark, place in zip(reversed(shown), reversed(places), strict=True):
        style = dim if mark is shown[-1] else palette.style("faint")
        for row in range(cells.height):
            cells.write(row, place, "┊", style)


def _put_names(
    cells: CellGrid, columns: CurveColumns, scale: _Scale, look: PlotContent, palette: Palette
) -> None:
    """The name of each previous run near the end of its line, where there is room for it."""
    edge, style = AXIS_WIDTH + columns.axis.width, palette.style("previous")
    ends = _top_to_bottom(
        _End(
            scale.row(line[-1][1]),
            AXIS_WIDTH + round(line[-1][0]),
            line[-1][1] if run.best_dev is None else run.best_dev,
            f" {run.name} ",
        )
        for run, line in zip(look.previous, columns.previous, strict=False)
        if line and scale.has(line[-1][1])
    )
    places = [
        cells.free_columns(_rows_near(end), _columns_near(end, edge), end.name) for end in ends
    ]
    rows = rows_for_labels([end.row for end in ends], places)
    for end, row, columns_of in zip(ends, rows, places, strict=True):
        if row is not None:
            cells.write_text(row, columns_of[row], end.name, style)


def _rows_near(end: _End) -> range:
    return range(end.row - _REACH, end.row + _REACH + 1)


def _columns_near(end: _End, edge: int) -> list[int]:
    """Where the name of a line may begin: right of it as near as can be, or just left of it."""
    last = edge - len(end.name)
    right = range(min(end.column + 1, last), min(end.column + 1 + _ASIDE, last + 1))
    return [*right, end.column - len(end.name)]


def _top_to_bottom(ends: Iterable[_End]) -> list[_End]:
    """Ends of lines, the uppermost first; of those in rows next to each other, that of the highest
    loss, for there nobody sees which line is whose."""
    groups: list[list[_End]] = []
    for end in sorted(ends):
        if groups and end.row - groups[-1][-1].row <= 1:
            groups[-1].append(end)
        else:
            groups.append([end])
    return [end for group in groups for end in sorted(group, key=lambda end: -end.loss)]


def _put_baselines(
    cells: CellGrid, columns: CurveColumns, scale: _Scale, look: PlotContent, palette: Palette
) -> None:
    """A dashed line for each baseline, its name at the right, and a tick where dev has passed."""
    shown = sorted((one for one in look.baselines if scale.has(one.loss)), key=_loss, reverse=True)
    canvas, dim = columns.axis.width, palette.style("dim")
    rows = [scale.row(one.loss) for one in shown]
    if cells.width > AXIS_WIDTH + canvas:
        for one, row in zip(shown, distinct_rows(rows, cells.height), strict=True):
            is_passed = look.dev is not None and look.dev < one.loss
            label = f" {one.name:<8}{one.loss:.3f}"[: _GUTTER - 2]
            cells.write(row, AXIS_WIDTH + canvas, label, dim)
            if is_passed:
                cells.write(row, AXIS_WIDTH + canvas + len(label), " ✓", palette.style("good"))
    for row in rows:
        cells.write(row, AXIS_WIDTH, "╌" * canvas, palette.style("faint"))


def _put_spread(cells: CellGrid, columns: CurveColumns, scale: _Scale, style: Style) -> None:
    """The spread of each column, shaded."""
    for i, (low, high) in enumerate(zip(columns.low, columns.high, strict=True)):
        if low is not None and high is not None:
            cells.shade(AXIS_WIDTH + i, scale.place(high), scale.place(low), style)


def _dashes(line: Line, width: int) -> list[Line]:
    """A line in pieces."""
    if len(line) == 1:
        return [line]
    pieces = []
    for first in range(0, width, _DASH + _GAP):
        columns = range(first, first + _DASH)
        heights = [(column, interpolated(line, column)) for column in columns]
        pieces.append([(float(column), loss) for column, loss in heights if loss is not None])
    return [piece for piece in pieces if piece]


def _draw_line(figure: Figure, line: Line, scale: _Scale, colour: RGB) -> None:
    """Draw what of a line is not too high or too low, and the way there."""
    inside = [scale.has(loss) for _, loss in line]
    near = [any(inside[max(0, i - 1) : i + 2]) for i in range(len(line))]
    shown = [point for point, is_near in zip(line, near, strict=True) if is_near]
    if shown:
        xs = [x for x, _ in shown]
        ys = [scale.y(min(max(loss, scale.low), scale.high)) for _, loss in shown]
        figure.line(xs, ys, colour)


def _step_axis(axis: StepAxis) -> Axis:
    steps, labels = step_labels(step_ticks(axis))
    return Axis(0, axis.width - 1, [axis.column(step) for step in steps], labels)


def _loss_axis(scale: _Scale) -> Axis:
    losses, labels = loss_labels(scale.ticks, AXIS_WIDTH - 1)
    return Axis(scale.y(scale.low), scale.y(scale.high), [scale.y(v) for v in losses], labels)


def _loss(baseline: Baseline) -> float:
    return baseline.loss


def _log(value: float) -> float:
    return math.log10(max(value, _MIN_HEIGHT))


def _same(value: float) -> float:
    return value
