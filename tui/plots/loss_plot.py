"""The loss plot, drawn with plotext: a curve comes in, rows of coloured text go out."""

import math
from itertools import product
from typing import NamedTuple

from makemore_tui.core.results import LossCurve

from ..style.colours import RGB, Palette
from ..style.text_rows import Row
from .columns import CurveColumns, Line, as_line, curve_columns, interpolated
from .figure import AXIS_WIDTH, Axis, CellGrid, Figure, distinct_rows, rows_for_labels
from .loss_options import SMOOTHINGS, PlotContent
from .ticks import even_ticks, loss_labels, nice_ticks, step_labels, step_ticks

_GUTTER = 17  # cells for the names of the baselines
_MIN_WIDTH_WITH_GUTTER = 58
_MIN_HEIGHT = 1e-3  # nats, the lowest loss that a logarithmic axis shows
_FIRST_STEPS = 100  # that don't decide how high the plot reaches
_SETTLED = 0.93  # the share of the other losses that do
_TALLEST = 2.0  # times as high as those it may be, if all losses are in view then
_REACH, _ASIDE = 6, 24  # rows and columns that the name of a run may be from its line's end
_DASH, _GAP = 4, 2  # columns of the dev loss's line


class _Scale(NamedTuple):
    """Losses along `rows` rows, the highest above, linear or logarithmic."""

    low: float
    high: float
    rows: int
    log: bool

    def y(self, loss: float) -> float:
        """The height of a loss on plotext's axis, which is linear."""
        return math.log10(max(loss, _MIN_HEIGHT)) if self.log else loss

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
) -> list[Row]:
    """The loss plot in `height` rows of `width` cells. The smoothed mean of the minibatch losses is
    a line, the dev loss a dashed one, and previous runs are pale ones. Behind them stand the marks,
    the baselines, and, shaded, the lowest and highest minibatch loss of each column."""
    canvas = canvas_width(width, look)
    if canvas < 10 or height < 4 or not curve.steps:
        return []
    options, edits = look.options, [mark.step for mark in look.marks]
    smoothing = SMOOTHINGS[options.smoothing]
    columns = curve_columns(curve, canvas, smoothing, options.log_steps, edits)
    low, high = _limits(columns, look)
    ticks = nice_ticks(low, high, 6)
    if not options.log_loss:
        low, high, ticks = even_ticks(low, high, height - 2)
    scale = _Scale(low, high, height - 2, options.log_loss)
    rows = _lines_and_axes(columns, scale, ticks, palette)
    cells = CellGrid(rows[: scale.rows], width)
    if options.crosshair is not None:
        column = round(columns.axis.column(options.crosshair))
        if 0 <= column < canvas:
            cells.write_upright(AXIS_WIDTH + column, "│", palette.style("cursor"))
    _put_marks(cells, columns, look, palette)
    _put_names(cells, columns, scale, look, palette)
    _put_baselines(cells, canvas, scale, look, palette)
    for i, (low, high) in enumerate(zip(columns.low, columns.high, strict=True), AXIS_WIDTH):
        if low is not None and high is not None:
            cells.shade(i, scale.place(high), scale.place(low), palette.style("faint"))
    return [*cells.rows(), *rows[scale.rows :]]


def _limits(columns: CurveColumns, look: PlotContent) -> tuple[float, float]:
    """The lowest and highest loss to show: of the lines, but for the highest losses of all where
    most are far below them; and, where the run is shown from its start, of the baselines."""
    lines = as_line(columns.mean), columns.dev
    losses = [loss for line in lines for _, loss in line]
    lowest, settled = losses[:], [_usual_high(columns, line) for line in lines]
    if columns.axis.first < columns.axis.last / 2:  # what is far from the curve would flatten it
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


def _lines_and_axes(
    columns: CurveColumns, scale: _Scale, ticks: list[float], palette: Palette
) -> list[Row]:
    """The plot as plotext draws it, with two rows more for the axis of steps."""
    axis = columns.axis
    figure = Figure(AXIS_WIDTH + axis.width, scale.rows + 2)
    for line in columns.previous:
        _draw_line(figure, line, scale, palette.previous)
    _draw_line(figure, as_line(columns.mean), scale, palette.batch)
    dev = columns.dev
    for first in range(0, axis.width if len(dev) > 1 else 0, _DASH + _GAP):
        dash = as_line([interpolated(dev, first + i) for i in range(_DASH)])
        _draw_line(figure, [(first + i, loss) for i, loss in dash], scale, palette.dev)
    if len(dev) == 1:
        _draw_line(figure, dev, scale, palette.dev)
    steps, step_words = step_labels(step_ticks(axis))
    losses, loss_words = loss_labels(ticks, AXIS_WIDTH - 1)
    figure.axes(
        Axis(0, axis.width - 1, [axis.column(step) for step in steps], step_words),
        Axis(scale.y(scale.low), scale.y(scale.high), [*map(scale.y, losses)], loss_words),
        palette.dim,
    )
    return figure.rows()


def _draw_line(figure: Figure, line: Line, scale: _Scale, colour: RGB) -> None:
    """Draw what of a line is not too high or too low, and the way there."""
    inside = [scale.has(loss) for _, loss in line]
    near = [any(inside[max(0, i - 1) : i + 2]) for i in range(len(line))]
    shown = [point for point, is_near in zip(line, near, strict=True) if is_near]
    points = [(x, scale.y(min(max(loss, scale.low), scale.high))) for x, loss in shown]
    figure.line(points, colour)


def _put_marks(cells: CellGrid, columns: CurveColumns, look: PlotContent, palette: Palette) -> None:
    """A thin line for each edit, and what the newest was in the first row with room for that."""
    axis, edge = columns.axis, AXIS_WIDTH + columns.axis.width
    shown = [mark for mark in look.marks if columns.earliest <= mark.step <= axis.last]
    for mark in reversed(shown):
        place = AXIS_WIDTH + max(0, round(axis.column(mark.step)))
        style = palette.style("dim" if mark is shown[-1] else "faint")
        right, left = f"◂ {mark.label} ", f" {mark.label} ▸"
        sides = (right, place + 1), (left, place - len(left))
        for row, (text, first) in product(range(cells.height if mark is shown[-1] else 0), sides):
            if first + len(text) <= edge and cells.is_free(row, first, text):
                cells.write_label(row, first, text, style)
                break
        cells.write_upright(place, "┊", style)


def _put_names(
    cells: CellGrid, columns: CurveColumns, scale: _Scale, look: PlotContent, palette: Palette
) -> None:
    """The name of each previous run near the end of its line, where there is room for it."""
    ends = []
    for run, line in zip(look.previous, columns.previous, strict=False):
        if line and scale.has(line[-1][1]):
            column, last = line[-1]
            loss = last if run.best_dev is None else run.best_dev
            ends.append(_End(scale.row(last), AXIS_WIDTH + round(column), loss, f" {run.name} "))
    ends = _top_to_bottom(ends)
    places = [_places_near(end, cells, AXIS_WIDTH + columns.axis.width) for end in ends]
    rows = rows_for_labels([end.row for end in ends], places)
    for end, row, column_of in zip(ends, rows, places, strict=True):
        if row is not None:
            cells.write_label(row, column_of[row], end.name, palette.style("previous"))


def _top_to_bottom(ends: list[_End]) -> list[_End]:
    """Ends of lines, the uppermost first; of those in rows next to each other, that of the highest
    loss, for there nobody sees which line is whose."""
    groups: list[list[_End]] = []
    for end in sorted(ends):
        if groups and end.row - groups[-1][-1].row <= 1:
            groups[-1].append(end)
        else:
            groups.append([end])
    return [end for group in groups for end in sorted(group, key=lambda end: -end.loss)]


def _places_near(end: _End, cells: CellGrid, edge: int) -> dict[int, int]:
    """The rows that have room for the name of a line, each with the column where it then begins:
    right of the line's end, as near as can be, or just left of it."""
    last, places = edge - len(end.name), dict[int, int]()
    right = range(min(end.column + 1, last), min(end.column + 1 + _ASIDE, last + 1))
    columns = [*right, end.column - len(end.name)]
    for row, column in product(range(end.row - _REACH, end.row + _REACH + 1), columns):
        if row not in places and cells.is_free(row, column, end.name):
            places[row] = column
    return places


def _put_baselines(
    cells: CellGrid, canvas: int, scale: _Scale, look: PlotContent, palette: Palette
) -> None:
    """A dashed line for each baseline, its name at the right, and a tick where dev has passed."""
    shown = (one for one in look.baselines if scale.has(one.loss))
    baselines = sorted(shown, key=lambda one: -one.loss)
    rows, edge = [scale.row(one.loss) for one in baselines], AXIS_WIDTH + canvas
    if cells.width > edge:
        for one, row in zip(baselines, distinct_rows(rows, cells.height), strict=True):
            label = f" {one.name:<8}{one.loss:.3f}"[: _GUTTER - 2]
            cells.write(row, edge, label, palette.style("dim"))
            if look.dev is not None and look.dev < one.loss:
                cells.write(row, edge + len(label), " ✓", palette.style("good"))
    for row in rows:
        cells.write(row, AXIS_WIDTH, "╌" * canvas, palette.style("faint"))
