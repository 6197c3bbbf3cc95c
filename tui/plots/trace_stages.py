"""The stages of a traced example: one on a line, or one closely with its values as numbers."""

import math
from collections.abc import Sequence
from functools import lru_cache

from rich.color import Color
from rich.segment import Segment
from rich.style import Style

from makemore_tui.core.results import TraceDrawing, TraceLine

from ..style.cells import cell_len
from ..style.colours import Palette, ink_on
from ..style.text_rows import Row, fitted, paragraph, row, width_of

_CODE_WIDTHS = (110, 43), (70, 25), (0, 0)  # from which width on, cells for each stage's code
_WITH_STRONGEST = 34  # cells for values from which on the strongest are named
_NUMBER_WIDTH = 10


def stage_row(
    one: TraceLine, labels: Sequence[str], unit: int | None, width: int, palette: Palette
) -> Row:
    """A stage on one line: name, shape, code, its values as coloured cells or as numbers.

    unit: which value is under the cursor; None if the stage is not chosen.
    """
    is_chosen = unit is not None
    style = palette.style("cursor" if is_chosen else "text", bold=is_chosen)
    for_code = next(cells for least, cells in _CODE_WIDTHS if width >= least)
    line = row(
        ("▸ " if is_chosen else "  ", style),
        (fitted(one.name, 9), style),
        (fitted(str(one.shape), 12), palette.style("dim")),
        (fitted(one.code, for_code) + " " if for_code else "", palette.style("dim")),
    )
    room = width - width_of(line)
    if len(one.values) == 1 or one.name == "ids":
        numbers = "  ".join(f"{value:.6g}" for value in one.values)
        return [*line, *row((fitted(numbers, room).rstrip(), palette.style("text")))]
    cells = max(len(labels), room // 2) if room >= _WITH_STRONGEST else room
    drawn = _cells(one, cells, unit, palette)
    named = _named(one, labels, room - width_of(drawn))
    return [*line, *drawn, *row((named, palette.style("dim")))]


def closely(
    one: TraceLine, trace: TraceDrawing, labels: Sequence[str], unit: int, width: int,
    palette: Palette,
) -> list[Row]:  # fmt: skip
    """What happens at a stage, the value under the cursor, and all values as numbers."""
    rows = paragraph(f"{one.name} = {one.code}: {one.about}", width, palette, "text")
    if len(one.values) == 1 or one.name == "ids":
        return rows
    places = _places(one)
    name = f"{one.name}[{_place(places[unit], one.shape, labels)}] = {one.values[unit]:.6g}"
    style, dim = palette.style("cursor", bold=True), palette.style("dim")
    norm, extremes = f"   norm {one.norm:.4g}", _extremes(one, trace, labels, width)
    if cell_len(name + norm + extremes) + 3 <= width:
        rows.append(row((name, style), (f"{norm}   {extremes}", dim)))
    else:
        fits = cell_len(name + norm) <= width
        rows += [row((name, style), (norm if fits else "", dim)), row((extremes, dim))]
    if not one.rows:
        return [*rows, *_vector(one, labels, unit, width, palette)]
    names = [labels[i] if one.shape[0] == len(labels) else str(i) for i in one.rows]
    if one.name.endswith("emb"):
        names = [labels[trace.example.ids[i]] for i in one.rows]
    return [*rows, *_matrix(one, names, unit, width, palette)]


def _extremes(one: TraceLine, trace: TraceDrawing, labels: Sequence[str], width: int) -> str:
    """The values farthest from 0; of a parameter's gradient, what a step changes most."""
    factor, words = 1.0, "farthest from 0:"
    if one.name[1:2].isupper() or one.name in ("db1", "db2"):
        factor = -trace.learning_rate
        words = f"{factor:g} x it, of this example:"
    return words + _named(one, labels, width - cell_len(words), factor)


def _named(one: TraceLine, labels: Sequence[str], room: int, factor: float = 1.0) -> str:
    """The values farthest from 0 by their places, as many as fit, each times a factor."""
    said = ""
    for place, value in one.strongest:
        name = f"  {_place(place, one.shape, labels)} {factor * value:+.2g}"
        if cell_len(said + name) > room:
            break
        said += name
    return said


def _place(place: tuple[int, ...], shape: tuple[int, ...], labels: Sequence[str]) -> str:
    """A place in a vector or matrix; along a side as long as the alphabet, by its character."""
    names = (
        labels[i] if side == len(labels) else str(i) for i, side in zip(place, shape, strict=True)
    )
    return ",".join(names)


def _places(one: TraceLine) -> list[tuple[int, ...]]:
    """The places of a stage's values in its vector or matrix."""
    columns = len(one.values) // max(1, len(one.rows))
    rows = [(i,) for i in one.rows] or [()]
    return [(*row, j) for row in rows for j in range(columns)]


def _cells(one: TraceLine, width: int, unit: int | None, palette: Palette) -> Row:
    """Values as cells from -most to most: a sign on the colour of its size; the cursor's stands
    out. Of more than fit, those up to the cursor's are drawn, and an ellipsis."""
    values = one.values
    most = max(map(abs, values), default=0.0) or 1.0
    more, less, cells = palette.more_colors, palette.less_colors, list[Segment]()
    is_cut = math.prod(one.shape) > width
    shown = max(0, width - is_cut)
    first = max(0, (unit or 0) - shown + 1)
    for i, value in enumerate(values[first : first + shown], first):
        share = min(15, int(abs(value) / most * 15))
        colour = (more if value >= 0 else less)[share]
        sign = " " if share < 4 else "+" if value > 0 else "-"
        cells.append(_cell(sign, colour, i == unit))
    return [*cells, *row(("…", palette.style("dim")))][:width] if is_cut else cells


@lru_cache(maxsize=256)
def _cell(sign: str, colour: Color, is_chosen: bool) -> Segment:
    style = Style(color=ink_on(colour), bgcolor=colour, reverse=is_chosen, bold=is_chosen)
    return Segment(sign, style)


def _vector(
    one: TraceLine, labels: Sequence[str], unit: int, width: int, palette: Palette
) -> list[Row]:
    """All values with their places, in columns."""
    names = [_place(place, one.shape, labels) for place in _places(one)]
    widest = max(map(cell_len, names))
    columns = max(1, width // (widest + 1 + _NUMBER_WIDTH))
    rows = []
    for first in range(0, len(names), columns):
        cells: Row = []
        for i in range(first, min(first + columns, len(names))):
            name, value = names[i], one.values[i]
            style = palette.style("cursor" if i == unit else "text", bold=i == unit)
            cells += row(
                (_right(name, widest), palette.style("dim")),
                (f"{value:<{_NUMBER_WIDTH}.4g}", style),
            )
        rows.append(cells)
    return rows


def _matrix(
    one: TraceLine, names: Sequence[str], unit: int, width: int, palette: Palette
) -> list[Row]:
    """Rows of a matrix, by their names, and its columns up to the cursor's."""
    columns = len(one.values) // len(names)
    shown = max(1, min(columns, (width - 6) // _NUMBER_WIDTH))
    first = max(0, unit % columns - shown + 1)
    rows = []
    for i, name in enumerate(names):
        values = one.values[i * columns : (i + 1) * columns]
        cells = row((_right(name, 3), palette.style("dim")))
        for j, value in enumerate(values[first : first + shown], first):
            is_unit = i * columns + j == unit
            style = palette.style("cursor" if is_unit else "text", bold=is_unit)
            cells += row((f"{value:>{_NUMBER_WIDTH}.4f}", style))
        more = " …" if first + shown < one.shape[1] else ""
        rows.append([*cells, *row((more, palette.style("dim")))])
    return rows


def _right(name: str, width: int) -> str:
    """A name at the right end of so many cells, and a space."""
    return " " * (width - cell_len(name)) + name + " "
