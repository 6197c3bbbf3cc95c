"""The loss plot, drawn with plotext: a curve comes in, rows of coloured text go out."""

from collections.abc import Sequence
from itertools import product
from typing import NamedTuple

from rich.style import Style

from makemore_tui.core.constants import FLOOR
from makemore_tui.core.results import Baseline, LossCurve, SavedCurve

from ..style.colours import RGB, Palette, rgb_style
from ..style.text_rows import Row, fitted, number
from .columns import CurveColumns, Line, as_line, curve_columns, interpolated
from .figure import AXIS_WIDTH, Axis, CellGrid, Figure, distinct_rows, rows_for_labels
from .loss_options import TARGET, PlotContent
from .loss_range import LossScale, loss_scale
from .ticks import loss_labels, step_labels, step_ticks

_GUTTERS = (96, 27), (58, 17), (0, 0)  # from which width on, cells for the baselines' names
_GUTTER_WITH_DETAILS = 27
_MAX_NAME = 40  # cells of the name of another run
_REACH, _ASIDE = 6, 24  # rows and columns that the name of a run may be from its line's end
_DEV_DASH = (4, 2)  # columns of the dev loss's line that are drawn and left out, by turns
_MIXED_DASH = (2, 2)
_DASHES = ((1, 0), (9, 3), (5, 5))  # of other runs' lines


class _OtherRun(NamedTuple):
    """The line of a previous or saved run, its name, its best dev loss in nats, and its looks."""

    line: Line
    name: str
    best_dev: float | None
    colour: RGB
    dash: tuple[int, int]


class _End(NamedTuple):
    """Where the line of another run ends, its loss in nats, its name, and the style of that."""

    row: int
    column: int
    loss: float
    name: str
    style: Style


def canvas_width(width: int, look: PlotContent) -> int:
    """The columns that a plot of so many cells has for the curve."""
    gutter = next(gutter for least, gutter in _GUTTERS if width >= least)
    return width - AXIS_WIDTH - gutter * bool(look.baselines)


def loss_plot(
    curve: LossCurve, width: int, height: int, look: PlotContent, palette: Palette
) -> list[Row]:
    """The loss plot in `height` rows of `width` cells. The smoothed mean of the minibatch losses is
    a line, the dev loss a dashed one, as is that of a mixture, and other runs have a colour and
    dashes each. Behind them stand the marks, the baselines, and, shaded, the range of minibatch
    losses of each column."""
    canvas = canvas_width(width, look)
    if canvas < 10 or height < 4 or not curve.steps:
        return []
    options = look.options
    columns = curve_columns(curve, canvas, options.log_steps)
    others = _other_runs(curve, columns, look, palette)
    scale, ticks = loss_scale(columns, [run.line for run in others], look, height - 2)
    rows = _lines_and_axes(columns, others, scale, ticks, palette)
    cells = CellGrid(rows[: scale.rows], width)
    if options.crosshair is not None:
        column = round(columns.axis.column(options.crosshair))
        if 0 <= column < canvas:
            cells.write_upright(AXIS_WIDTH + column, "│", palette.style("cursor"))
    _put_marks(cells, columns, look, palette)
    _put_names(cells, columns, others, scale)
    _put_baselines(cells, canvas, scale, look, palette)
    spread = zip(columns.low, columns.high, strict=True) if options.spread else ()
    for i, (low, high) in enumerate(spread, AXIS_WIDTH):
        if low is not None and high is not None:
            cells.shade(i, scale.place(high), scale.place(low), palette.style("faint"))
    return [*cells.rows(), *rows[scale.rows :]]


def _other_runs(
    curve: LossCurve, columns: CurveColumns, look: PlotContent, palette: Palette
) -> list[_OtherRun]:
    """The previous runs that are not hidden, and the saved ones, no two called alike."""
    shown, names = list[_OtherRun](), list[str]()
    known = [(run.name, run.best_dev, look.options.shows(run)) for run in look.previous]
    saved = [(_saved_name(run), run.best_dev, True) for run in curve.overlays]
    lines, many = columns.previous, len(curve.previous)
    pairs = [*zip(known, lines[:many], strict=False), *zip(saved, lines[many:], strict=True)]
    for i, ((name, best_dev, is_shown), line) in enumerate(pairs):
        names.append(name)
        number = f" ({names.count(name)})" if names.count(name) > 1 else ""
        looks = palette.runs[i % len(palette.runs)], _DASHES[i % len(_DASHES)]
        if is_shown:
            shown.append(_OtherRun(line, name + number, best_dev, *looks))
    return shown


def _saved_name(run: SavedCurve) -> str:
    return run.name + ("" if run.best_dev is None else f" → {number(run.best_dev, 2)}")


def _lines_and_axes(
    columns: CurveColumns,
    others: Sequence[_OtherRun],
    scale: LossScale,
    ticks: list[float],
    palette: Palette,
) -> list[Row]:
    """The plot as plotext draws it, with two rows more for the axis of steps."""
    axis = columns.axis
    figure = Figure(AXIS_WIDTH + axis.width, scale.rows + 2)
    for run in others:
        for part in _dashes(run.line, run.dash):
            _draw_line(figure, part, scale, run.colour)
    _draw_line(figure, as_line(columns.smooth), scale, palette.batch)
    for part in _dashes(columns.dev, _DEV_DASH):
        _draw_line(figure, part, scale, palette.dev)
    for part in _dashes(columns.mixed, _MIXED_DASH):
        _draw_line(figure, part, scale, palette.good)
    steps, step_words = step_labels(step_ticks(axis))
    losses, loss_words = loss_labels(ticks, AXIS_WIDTH - 1)
    figure.axes(
        Axis(0, axis.width - 1, [axis.column(step) for step in steps], step_words),
        Axis(scale.y(scale.low), scale.y(scale.high), [*map(scale.y, losses)], loss_words),
        palette.dim,
    )
    return figure.rows()


def _dashes(line: Line, dash: tuple[int, int]) -> list[Line]:
    """The parts of a line that are drawn, so many columns each with so many left out between."""
    drawn, left_out = dash
    if len(line) < 2 or not left_out:
        return [line]
    begin, end = int(line[0][0]), int(line[-1][0])
    starts = range(begin - begin % (drawn + left_out), end + 1, drawn + left_out)
    parts = ([interpolated(line, first + i) for i in range(drawn)] for first in starts)
    return [
        [(first + column, loss) for column, loss in as_line(part)]
        for first, part in zip(starts, parts, strict=True)
    ]


def _draw_line(figure: Figure, line: Line, scale: LossScale, colour: RGB) -> None:
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
    cells: CellGrid, columns: CurveColumns, others: Sequence[_OtherRun], scale: LossScale
) -> None:
    """The name of each other run near the end of its line, where there is room for it."""
    ends, room = [], min(_MAX_NAME, columns.axis.width // 2)
    for run in others:
        if run.name and run.line and scale.has(run.line[-1][1]):
            column, last = run.line[-1]
            loss = last if run.best_dev is None else run.best_dev
            end = scale.row(last), AXIS_WIDTH + round(column), loss
            ends.append(_End(*end, f" {_cut(run.name, room)} ", rgb_style(run.colour)))
    ends = _top_to_bottom(ends)
    places = [_places_near(end, cells, AXIS_WIDTH + columns.axis.width) for end in ends]
    rows = rows_for_labels([end.row for end in ends], places)
    for end, row, column_of in zip(ends, rows, places, strict=True):
        if row is not None:
            cells.write_label(row, column_of[row], end.name, end.style)


def _cut(name: str, room: int) -> str:
    """The name of a run in at most so many cells, with its loss."""
    settings, arrow, loss = name.rpartition(" → ")
    if len(name) <= room or not arrow:
        return name
    return fitted(settings, max(1, room - len(arrow + loss))) + arrow + loss


def _top_to_bottom(ends: list[_End]) -> list[_End]:
    """Ends of lines, the uppermost first; of those in rows next to each other, that of the highest
    loss, for there nobody sees which line is whose."""
    groups: list[list[_End]] = []
    for end in sorted(ends, key=lambda end: end[:4]):
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
    cells: CellGrid, canvas: int, scale: LossScale, look: PlotContent, palette: Palette
) -> None:
    """A dashed line for each baseline and the target, its name at the right, in a wide plot with
    what was chosen on dev, and a tick where dev has passed. One that is out of view has an arrow
    before its name."""
    baselines = sorted(look.baselines, key=lambda one: -one.loss)
    edge = AXIS_WIDTH + canvas
    if cells.width > edge:
        for row, one in _rows_of_names(baselines, scale, cells.height):
            side = "↑" if one.loss > scale.high else "↓" if one.loss < scale.low else " "
            name, detail = f"{one.name if one.order is None else f'KN {one.order}':<8}", ""
            if cells.width - edge >= _GUTTER_WITH_DETAILS:
                name, detail = f"{one.name:<11}", f" {one.detail}"
            label = f"{side}{name}{one.loss:.3f}{detail}"[: cells.width - edge - 2]
            cells.write(row, edge, label, palette.style("good" if one.name == TARGET else "dim"))
            if look.dev is not None and look.dev <= one.loss and one.name != FLOOR:
                cells.write(row, edge + len(label), " ✓", palette.style("good"))
    for one in baselines:
        if scale.has(one.loss):
            style = palette.style("good" if one.name == TARGET else "faint")
            cells.write(scale.row(one.loss), AXIS_WIDTH, "╌" * canvas, style)


def _rows_of_names(
    baselines: Sequence[Baseline], scale: LossScale, height: int
) -> list[tuple[int, Baseline]]:
    """The rows of the names of baselines, the highest first: each at its line; of those out of
    view, above and below, as many as there is room for, the nearest."""
    above = [one for one in baselines if one.loss > scale.high]
    below = [one for one in baselines if one.loss < scale.low]
    inside = baselines[len(above) : len(baselines) - len(below)]
    rows = distinct_rows([scale.row(one.loss) for one in inside], height)
    room_above = max(0, min(rows, default=height))
    above = above[max(0, len(above) - room_above) :]
    room_below = height - 1 - max(rows, default=len(above) - 1)
    below = below[:room_below]
    placed = zip(rows, inside, strict=True)
    return [*enumerate(above), *placed, *enumerate(below, height - len(below))]
