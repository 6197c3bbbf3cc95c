"""The bigram table as a heat map, with the details of the pair under its cursor."""

from dataclasses import dataclass
from functools import lru_cache

from rich.cells import cell_len, set_cell_size
from rich.color import Color
from rich.segment import Segment
from rich.style import Style
from textual.content import Content

from makemore_tui.core.results import BigramMode, BigramTable, Follower

from ..style.colours import Palette, ink_on
from ..style.text_rows import Row, bar, beside, number, row, width_of, wrapped
from .bigram_layout import MAX_CELL_WIDTH, MAX_SIDE_WIDTH, TableLayout
from .ticks import tick_label

_MAX_PROBABILITY = 0.5  # at which the colour scale ends
_MAX_DIFFERENCE = 0.2
_MIN_VALUE = 0.005  # what rounds to one per cent


@dataclass(frozen=True)
class BigramDrawing:
    """A window of the table in a panel of `width` cells and `height` lines.

    labels: of all characters, by id.
    """

    table: BigramTable
    labels: tuple[str, ...]
    layout: TableLayout
    width: int
    height: int
    palette: Palette

    def rows(self) -> list[Row]:
        """The table with the facts of the pair below it, and details below or beside, if they
        fit."""
        lines = self._table()
        width, layout = self.width, self.layout
        if layout.lines_below:
            half = (width - 3) // 2 if width >= 50 else width
            followers = self._followers(min(half, MAX_SIDE_WIDTH))
            words = self._words(half)
            details = beside(followers, words, half + 3) if half < width else [*followers, *words]
            return [*lines, self._facts(), [], *details][: self.height]
        if layout.side_width:
            side = layout.side_width
            details = [*self._followers(side), [], *self._words(side)]
            lines = beside(lines, details[: len(lines)], width_of(lines[0]) + 2)
        return [*lines, self._facts()]

    def legend(self) -> Content:
        """The divergence of the cursor's row, and what the colours stand for."""
        table, width = self.table, self.width
        parts: list[str | tuple[str, str]] = []
        divergence = _divergence(table)
        if divergence is not None and width >= 34:
            label = f"row {self.labels[table.pair.previous]}: " if width >= 44 else ""
            nats = " nats" if width >= 44 else ""
            about = "≈" if table.is_estimate else ""
            parts = [f"{label}KL {about}{number(divergence)}{nats}  ─  "]
        is_signed = table.mode == "difference"
        most = self._end_of_scale()
        parts.append(f"-{most:g} " if is_signed else "0 ")
        for i in range(8):
            share = (i / 7) ** 2 if not is_signed else (i / 3.5 - 1) * abs(i / 3.5 - 1)
            parts.append((" ", f"on {self._color(share).get_truecolor().hex}"))
        parts.append(f" {most:,.0f}" if table.mode == "counts" else f" {most:{'+' * is_signed}g}")
        return Content.assemble(*parts)

    # The heat map

    def _table(self) -> list[Row]:
        step = 2 if self.layout.is_halved else 1
        firsts = range(0, len(self.table.values), step)[: self.layout.lines]
        return [self._header(), *map(self._line, firsts)]

    def _header(self) -> Row:
        table, layout = self.table, self.layout
        parts = [(" " * layout.label_width, Style.null())]
        for place in range(table.left, table.left + len(table.values[0])):
            style = self._label_style(place == table.cursor[1])
            parts.append((set_cell_size(self.labels[_id(table, place)], layout.cell_width), style))
        return row(*parts)

    def _line(self, first: int) -> Row:
        """A line of one row of the table, or of two as half blocks."""
        table, layout = self.table, self.layout
        rows = range(first, min(first + 1 + layout.is_halved, len(table.values)))
        each = layout.label_width // 2 if layout.is_halved else layout.label_width
        line: Row = []
        for i in rows:
            label = set_cell_size(self.labels[_id(table, table.top + i)], each)
            line.append(Segment(label, self._label_style(table.top + i == table.cursor[0])))
        line.append(Segment(" " * (layout.label_width - width_of(line))))
        most, width = self._end_of_scale(), layout.cell_width
        for column in range(len(table.values[0])):
            here = [self._heat(i, column, most) for i in rows]
            if layout.is_halved:
                line.append(_two_cells(here[0], here[1] if len(here) == 2 else None, width))
            else:
                text = _cell_text(table.values[first][column], table.mode, width)
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
        if self.table.mode == "difference":
            colours = self.palette.more_colors if share >= 0 else self.palette.less_colors
        return colours[int(min(1.0, abs(share)) ** 0.5 * (len(colours) - 1))]

    def _end_of_scale(self) -> float:
        if self.table.mode == "counts":
            return max(1.0, *map(max, self.table.values))
        return _MAX_DIFFERENCE if self.table.mode == "difference" else _MAX_PROBABILITY

    def _label_style(self, chosen: bool) -> Style:
        return _chosen_label(self.palette) if chosen else self.palette.style("dim")

    # The pair and its row

    def _facts(self) -> Row:
        """The cursor's pair, in as many words as fit."""
        pair, labels = self.table.pair, self.labels
        dim, strong = self.palette.style("dim"), self.palette.style("text", True)
        name = labels[pair.previous] + labels[pair.following]
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
        parts = ((text, strong if i % 2 else dim) for i, text in enumerate(form))
        return row((name, strong), *parts)

    def _followers(self, width: int) -> list[Row]:
        """The likeliest characters after the cursor's row, with the counted as a mark."""
        dim, pair = self.palette.style("dim"), self.table.pair
        most = max([one.probability for one in pair.followers], default=0.0) or 1.0
        most = max([most, *(one.counted for one in pair.followers)])
        lines = [self._follower(one, width - 14, most) for one in pair.followers]
        title = set_cell_size(f"after {self.labels[pair.previous]}", width - 12)
        return [row((f"{title} model  data", dim)), *lines]

    def _follower(self, one: Follower, width: int, most: float) -> Row:
        colours = self.palette
        filled = bar(one.probability / most, width)
        mark = round(one.counted / most * (width - 1))
        return row(
            (set_cell_size(self.labels[one.character], 2), colours.style("text", True)),
            (filled[:mark], colours.style("batch")),
            ("│", colours.style("dev")),
            (filled[mark + 1 :], colours.style("batch")),
            (f" {one.probability:.3f}", colours.style("text")),
            (f" {one.counted:.3f}", colours.style("dev")),
        )

    def _words(self, width: int) -> list[Row]:
        """Items of the data in which the pair stands."""
        pair, colours = self.table.pair, self.palette
        name = self.labels[pair.previous] + self.labels[pair.following]
        title = row((f"items with {name}", colours.style("dim")))
        text = ", ".join(pair.words) or "none in the data"
        return [title, *(row((line, colours.style("text"))) for line in wrapped(text, width))]


def _id(table: BigramTable, place: int) -> int:
    """The id of the character at a place."""
    return table.order[place] if table.order else place


def _divergence(table: BigramTable) -> float | None:
    """KL(counted || model) of the cursor's row, if that is in the window."""
    i = table.cursor[0] - table.top
    return table.divergences[i] if 0 <= i < len(table.divergences) else None


def _cell_text(value: float, mode: BigramMode, width: int) -> str:
    """The text of a cell: a number (per cent, or a count) in a wide one, else a plus or minus."""
    if mode == "counts":
        short = tick_label(value) if value < 1000 else f"{value / 1000:.0f}k"
        short = short if value < 999_500 else f"{value / 1e6:.0f}M"
        return short if width >= MAX_CELL_WIDTH and value else ""
    if abs(value) < _MIN_VALUE:
        return ""
    is_signed = mode == "difference"
    if width >= MAX_CELL_WIDTH:
        return f"{100 * value:{'+' * is_signed}.0f}"
    return ("+" if value > 0 else "-") if is_signed else ""


@lru_cache(maxsize=4)
def _chosen_label(palette: Palette) -> Style:
    return palette.style("cursor", bold=True) + Style(reverse=True)


@lru_cache(maxsize=4096)
def _two_cells(upper: Color, lower: Color | None, width: int) -> Segment:
    return Segment("▀" * width, Style(color=upper, bgcolor=lower))


@lru_cache(maxsize=8192)
def _cell(heat: Color, text: str, width: int) -> Segment:
    """A cell with a text on it, dark on light and light on dark."""
    if not text:
        return Segment(" " * width, Style(bgcolor=heat))
    text = f"{text[:width]:>{min(width, 3)}}".ljust(width)
    return Segment(text, Style(color=ink_on(heat), bgcolor=heat))
