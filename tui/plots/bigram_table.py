"""The bigram table as a heat map, with the details of the pair under its cursor."""

import math
from functools import lru_cache
from typing import NamedTuple

from msgspec import Struct
from rich.color import Color
from rich.segment import Segment
from rich.style import Style
from textual.content import Content

from makemore_tui.core.results import BigramMode, BigramTable
from makemore_tui.core.text import shown

from ..style.cells import cell_len, set_cell_size
from ..style.colours import Palette, ink_on
from ..style.text_rows import Row, bar, beside, number, row, width_of, wrapped
from .ticks import tick_label

_MAX_PROBABILITY = 0.5  # at which the colour scale ends
_MAX_DIFFERENCE = 0.2
_MIN_VALUE = 0.005  # what rounds to one per cent
_MAX_CELL_WIDTH = 4
_COUNT_WIDTH = 5  # of a cell in which a count stands exactly, or a weight, a gap included
_SUM_WIDTH = 8  # of the column of row sums, a gap included
_SUMMED = ("counts", "columns")  # the modes whose sums say something
_SIGNED = ("difference", "weights", "gradient")
_OF_WEIGHTS = ("weights", "log-counts", "gradient")
_WORD_LINES = 5  # that the items with a pair take, below an empty one
_MIN_SIDE_WIDTH, _USUAL_SIDE, _MAX_SIDE_WIDTH = 17, 30, 44  # cells
_BELOW = 6  # lines of what stands below, at the least, after an empty one
_WIDE, _HIGH = 70, 24  # from which a panel has a place for it, though the table be smaller
_GAP = 2
_REVERSED = Style(reverse=True)


class TableLayout(NamedTuple):
    """The parts of a panel, in cells and lines; a part that isn't there is 0.

    label_width: of the labels of rows. cell_width: of a column. is_halved: whether two rows share a
    line. lines, columns: of the table that are shown. side_width: of the details beside the table.
    lines_below: of the details below it. sum_width: of the sums of rows, right of the table.
    has_sum_line: whether the sums of columns stand below it."""

    label_width: int
    cell_width: int
    is_halved: bool
    lines: int
    columns: int
    side_width: int
    lines_below: int
    sum_width: int = 0
    has_sum_line: bool = False


def table_layout(
    width: int, height: int, characters: int, widest: int, mode: BigramMode
) -> TableLayout:
    """The parts of a panel of that size, for a table of so many characters.

    widest: the cells of the widest character. No two signed values share a line.
    A table that doesn't fit leaves room for details beside or below it; one that does has narrower
    cells for that, in a wide panel, where counts stand exactly though columns be left out."""
    free = max(1, height - 2)  # without a header, and the facts of a pair
    is_halved = mode not in _SIGNED and characters > free
    label = (2 if is_halved else 1) * widest + 1
    needed = (characters + 1) // 2 if is_halved else characters
    sums = _SUM_WIDTH if mode in _SUMMED and not is_halved and width >= _WIDE else 0
    room = max(1, width - label - sums)
    scrolls = needed > free or characters * widest > room
    leaves_lines = scrolls and height >= _HIGH and width < _WIDE
    lines = min(needed, free - (_BELOW + 1) * leaves_lines)
    has_sum_line = bool(sums) and not leaves_lines and free > lines
    below = _BELOW if leaves_lines else free - lines - 1 - has_sum_line
    has_counts = mode == "counts" and not is_halved and width >= _WIDE
    if below < _BELOW and width >= _WIDE and not has_counts:
        room -= (_USUAL_SIDE if scrolls else _MIN_SIDE_WIDTH) + _GAP
    widest_cell = _COUNT_WIDTH if mode in _OF_WEIGHTS else _MAX_CELL_WIDTH
    cell = _COUNT_WIDTH if has_counts else min(widest_cell, room // characters)
    cell = max(widest, cell)
    columns = max(1, min(characters, room // cell))
    side = min(_MAX_SIDE_WIDTH, width - label - columns * cell - sums - _GAP)
    side = side if below < _BELOW and side >= _MIN_SIDE_WIDTH and lines >= 8 else 0
    below = below if below >= _BELOW else 0
    return TableLayout(label, cell, is_halved, lines, columns, side, below, sums, has_sum_line)


def num_followers(layout: TableLayout) -> int:
    """How many of a pair's likeliest followers there is room for."""
    if layout.lines_below:
        return max(1, layout.lines_below - 2)
    return max(5, layout.lines - 2 - _WORD_LINES)


class BigramDrawing(Struct, frozen=True):
    """A window of the table in a panel of `width` cells and `height` lines.

    labels: of all characters, by id."""

    table: BigramTable
    labels: tuple[str, ...]
    layout: TableLayout
    width: int
    height: int
    palette: Palette

    def rows(self) -> list[Row]:
        """The table with the facts of the pair below it, and details below or beside, if they
        fit."""
        table, layout, width = self.table, self.layout, self.width
        places = range(table.left, table.left + len(table.values[0]))
        widest = max(map(cell_len, self.labels))
        gap = max(0, layout.cell_width - 1 - widest) if layout.cell_width >= _MAX_CELL_WIDTH else 0
        header = [self._label(i, i == table.cursor[1], layout.cell_width, gap) for i in places]
        firsts = range(0, len(table.values), 1 + layout.is_halved)[: layout.lines]
        is_cut = table.top + len(table.values) < len(self.labels)  # there are rows below
        corner = Segment(f"{'↓' * is_cut:<{layout.label_width}}", self.palette.style("dim"))
        lines = [[corner, *header], *map(self._line, firsts)]
        edge = width_of(lines[0])
        if places.stop < len(self.labels) and edge < width:  # there are columns to the right
            lines[0] += row(("…", self.palette.style("dim")))
        if layout.sum_width and table.row_sums:
            edge += layout.sum_width
            for line, text in zip(lines, ["Σ", *map(self._sum, table.row_sums)], strict=False):
                line += row((text.rjust(edge - width_of(line)), self.palette.style("text")))
        if layout.lines_below:
            half = (width - 3) // 2 if width >= 50 else width
            followers = self._followers(min(half, _MAX_SIDE_WIDTH))
            words = self._words(half)
            details = beside(followers, words, half + 3) if half < width else [*followers, *words]
            return [*lines, *self._column_sums(), self._facts(), [], *details][: self.height]
        if layout.side_width:
            side = layout.side_width
            details = [*self._followers(side), [], *self._words(side)]
            lines = beside(lines, details[: len(lines)], edge + 2)
        return [*lines, *self._column_sums(), self._facts()]

    def _column_sums(self) -> list[Row]:
        """The sums of the columns below the table, if there is a line for them."""
        layout, cell = self.layout, self.layout.cell_width
        if not layout.has_sum_line:
            return []
        texts = (_cell_text(total, "counts", _MAX_CELL_WIDTH) for total in self.table.column_sums)
        cells = "".join(text.rjust(max(1, cell - 1)).ljust(cell) for text in texts)
        return [row(("Σ".ljust(layout.label_width) + cells, self.palette.style("text")))]

    def _sum(self, total: float) -> str:
        return f"{total:,.0f}" if self.table.mode == "counts" else f"{total:.2f}"

    def legend(self) -> Content:
        """The divergence of the cursor's row, or its sum and that of the cursor's column; and what
        the colours stand for."""
        table, width, most = self.table, self.width, self._end_of_scale
        parts: list[str | tuple[str, str]] = []
        i, j = table.cursor[0] - table.top, table.cursor[1] - table.left
        if 0 <= i < len(table.row_sums) and 0 <= j < len(table.column_sums) and width >= 34:
            names = self.labels[table.pair.previous], self.labels[table.pair.following]
            sums = self._sum(table.row_sums[i]), self._sum(table.column_sums[j])
            words = ("row ", "column ") if width >= 60 else ("", "")
            parts = [f"{words[0]}{names[0]}: Σ {sums[0]}  {words[1]}{names[1]}: Σ {sums[1]}  ─  "]
            parts = parts if width >= 44 else [f"{names[0]}: Σ {sums[0]}  ─  "]
        elif 0 <= i < len(table.divergences) and width >= 34:
            label = f"row {self.labels[table.pair.previous]}: " if width >= 44 else ""
            nats = " nats" if width >= 44 else ""
            about = "≈" if table.is_estimate else ""
            parts = [f"{label}KL {about}{number(table.divergences[i])}{nats}  ─  "]
        is_signed = table.mode in _SIGNED
        parts.append(f"-{most:.2g} " if is_signed else "0 ")
        for i in range(8):
            share = (i / 7) ** 2 if not is_signed else (i / 3.5 - 1) * abs(i / 3.5 - 1)
            parts.append((" ", f"on {self._color(share).get_truecolor().hex}"))
        is_count = table.mode == "counts"
        parts.append(f" {most:,.0f}" if is_count else f" {most:{'+' * is_signed}.2g}")
        return Content.assemble(*parts)

    def _label(self, place: int, is_chosen: bool, width: int, gap: int = 0) -> Segment:
        """The character at a place, as the label of its row or its column, after a gap: above
        numbers it stands where they end."""
        id = self.table.order[place] if self.table.order else place
        style = self.palette.style("cursor" if is_chosen else "dim", bold=is_chosen)
        style = style + _REVERSED if is_chosen else style
        return Segment(set_cell_size(" " * gap + self.labels[id], width), style)

    def _line(self, first: int) -> Row:
        """A line of one row of the table, or of two as half blocks."""
        table, layout, width = self.table, self.layout, self.layout.cell_width
        rows = range(first, min(first + 1 + layout.is_halved, len(table.values)))
        each, top = layout.label_width // (1 + layout.is_halved), table.top
        most = self._end_of_scale
        line = [self._label(top + i, top + i == table.cursor[0], each) for i in rows]
        line.append(Segment(" " * (layout.label_width - width_of(line))))
        for column in range(len(table.values[0])):
            here = [self._heat(i, column, most) for i in rows]
            if layout.is_halved:
                line.append(_two_cells(here[0], here[1] if len(here) == 2 else None, width))
            else:
                text = _cell_text(table.values[first][column], table.mode, width, most)
                line.append(_cell(here[0], text, width))
        return line

    def _heat(self, i: int, column: int, most: float) -> Color:
        """The colour of a cell; the cursor's is its own."""
        table = self.table
        if (table.top + i, table.left + column) == table.cursor:
            return Color.from_rgb(*self.palette.cursor)
        return self._color(table.values[i][column] / most)

    def _color(self, share: float) -> Color:
        """The colour at a share of the scale; the root tells small ones apart."""
        colours = self.palette.heat_colors
        if self.table.mode in _SIGNED:
            colours = self.palette.more_colors if share >= 0 else self.palette.less_colors
        else:
            share = max(0.0, share)  # the logarithm of 0 is none
        return colours[int(min(1.0, abs(share)) ** 0.5 * (len(colours) - 1))]

    @property
    def _end_of_scale(self) -> float:
        mode = self.table.mode
        if mode in ("counts", "log-counts"):
            return max(1.0, *map(max, self.table.values))
        if mode in _OF_WEIGHTS:
            return max(abs(value) for line in self.table.values for value in line) or 1.0
        return _MAX_DIFFERENCE if mode == "difference" else _MAX_PROBABILITY

    def _facts(self) -> Row:
        """The cursor's pair, in as many words as fit."""
        pair, labels = self.table.pair, self.labels
        dim, strong = self.palette.style("dim"), self.palette.style("text", True)
        name = labels[pair.previous] + labels[pair.following]
        if self.table.mode in _OF_WEIGHTS and pair.weight is not None:
            weight, log_count = _weight(pair.weight, pair.count)
            form = f"  {pair.count:,}×  W ", weight.strip(), "  ln N ", log_count.strip()
            if pair.gradient is not None:
                form = (*form, "  W.grad ", f"{pair.gradient:+.1e}")
            return row((name, strong), *zip(form, (dim, strong) * 3, strict=False))
        times, short_times = f"{pair.count:,} times", f"{pair.count:,}×"
        if pair.count == 1:
            times = short_times = "once"
        about = "≈" if self.table.is_estimate else ""
        model, counted = f"{about}{pair.probability:.3f}", f"{pair.counted:.3f}"
        full, short = f"  rank {pair.rank} of {len(labels)}", f"  rank {pair.rank}"
        forms = [
            (f"  {times} in the data  counted ", counted, "  model ", model, full),
            (f"  {times}  counted ", counted, "  model ", model, full),
            (f"  {times}  counted ", counted, "  model ", model, short),
            (f"  {short_times}  counted ", counted, "  model ", model, ""),
            (f"  {short_times}  data ", counted, "  model ", model, ""),
            (f"  {short_times}  p ", model, short),
        ]
        fitting = (one for one in forms if cell_len(name + "".join(one)) <= self.width)
        form = next(fitting, forms[-1])
        return row((name, strong), *zip(form, (dim, strong) * 3, strict=False))

    def _followers(self, width: int) -> list[Row]:
        """The likeliest characters after the cursor's row, with the counted as a mark."""
        colours, pair = self.palette, self.table.pair
        most = max([max(one.probability, one.counted) for one in pair.followers], default=0.0)
        title = set_cell_size(f"after {self.labels[pair.previous]}", width - 12)
        is_of_weights = self.table.mode in _OF_WEIGHTS
        titles = "     W  ln N" if is_of_weights else " model  data"
        lines = [row((title + titles, colours.style("dim")))]
        for one in pair.followers:
            numbers = f" {one.probability:.3f}", f" {one.counted:.3f}"
            if is_of_weights and one.weight is not None:
                numbers = _weight(one.weight, one.count)
            filled = bar(one.probability / (most or 1.0), width - 14)
            mark = round(one.counted / (most or 1.0) * (width - 15))
            line = row(
                (set_cell_size(self.labels[one.character], 2), colours.style("text", True)),
                (filled[:mark], colours.style("batch")),
                ("│", colours.style("dev")),
                (filled[mark + 1 :], colours.style("batch")),
                (numbers[0], colours.style("text")),
                (numbers[1], colours.style("dev")),
            )
            lines.append(line)
        return lines

    def _words(self, width: int) -> list[Row]:
        """Items of the data in which the pair stands."""
        pair, text = self.table.pair, self.palette.style("text")
        name = self.labels[pair.previous] + self.labels[pair.following]
        lines = wrapped(", ".join(map(shown, pair.words)) or "none in the data", width)
        title = row((f"items with {name}", self.palette.style("dim")))
        return [title, *(row((line, text)) for line in lines)]


def _weight(weight: float, count: int) -> tuple[str, str]:
    """A weight, and the logarithm of a count that it has learnt, in six cells each."""
    return f"{weight:+6.2f}", f"{math.log(count):6.2f}" if count else "    -∞"


def _cell_text(value: float, mode: BigramMode, width: int, most: float = 1.0) -> str:
    """The text of a cell: a number (per cent, or a count) in a wide one, else a plus or minus.

    most: the end of the scale, of which what is small is left out.
    """
    is_wide, is_signed = width >= _MAX_CELL_WIDTH, mode in _SIGNED
    if mode in _OF_WEIGHTS:
        if abs(value) < most / 20 or value == -math.inf:
            return ""
        if width >= _COUNT_WIDTH and mode != "gradient":
            return f"{value:{'+' * is_signed}.1f}"
        return ("+" if value > 0 else "-") if is_signed else ""
    if mode == "counts":
        if len(exact := f"{value:.0f}") <= max(3, width - 1):
            return exact if is_wide and value else ""
        short = tick_label(value) if value < 1000 else f"{value / 1000:.0f}k"
        short = short if value < 999_500 else f"{value / 1e6:.0f}M"
        return short if is_wide and value else ""
    if abs(value) < _MIN_VALUE:
        return ""
    if is_wide:
        return f"{100 * value:{'+' * is_signed}.0f}"
    return ("+" if value > 0 else "-") if is_signed else ""


@lru_cache(maxsize=4096)
def _two_cells(upper: Color, lower: Color | None, width: int) -> Segment:
    return Segment("▀" * width, Style(color=upper, bgcolor=lower))


@lru_cache(maxsize=8192)
def _cell(heat: Color, text: str, width: int) -> Segment:
    """A cell with a text on it, dark on light and light on dark."""
    if not text:
        return Segment(" " * width, Style(bgcolor=heat))
    text = text[:width].rjust(max(min(width, 3), width - 1)).ljust(width)
    return Segment(text, Style(color=ink_on(heat), bgcolor=heat))
