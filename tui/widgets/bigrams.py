"""The bigram table as a heat map with a cursor."""

from functools import lru_cache

from rich.cells import cell_len, set_cell_size
from rich.color import Color
from rich.segment import Segment
from rich.style import Style
from textual.content import Content
from textual.events import Click, MouseScrollDown, MouseScrollUp
from textual.message import Message

from makemore_tui.core.results import BigramMode, BigramOrder, BigramsView, BigramTable, Follower
from makemore_tui.core.worker.protocol import Snapshot

from ..plots.bigram_layout import MAX_CELL_WIDTH, MAX_SIDE_WIDTH, Places, places
from ..plots.ticks import tick_label
from ..style.bars import bar
from ..style.colours import Palette, ink_on
from ..style.text_rows import Row, beside, number, row, width_of, wrapped
from .panel import Panel, next_of

_FULL_HEAT = 0.5  # the probability at which the scale ends
_FULL_DIFFERENCE = 0.2
_MIN_VALUE = 0.005  # what rounds to one per cent
_MODES: dict[BigramMode, str] = {
    "model": "the model's P(next | previous)",
    "counted": "counted P(next | previous)",
    "counts": "how often it was counted",
    "difference": "the model's minus counted",
}
_ORDERS: dict[BigramOrder, str] = {"id": "by character", "frequency": "by frequency"}
_SHORT_MODES: dict[BigramMode, str] = {
    "model": "the model's",
    "counted": "counted",
    "counts": "counts",
    "difference": "model - counted",
}
_WORDS = (_MODES, _SHORT_MODES)


class BigramPanel(Panel):
    """A row for each previous character, a column for each next one, and a pair in full.

    `bigram_places.py` says how much of the table is shown, and where more of the cursor's row and
    pair stands. Two rows of the table share a line, as half blocks, where that has to be; not for
    differences, each of which has a sign.
    """

    class Moved(Message):
        """The cursor was moved by the mouse, so there is another pair to ask about."""

    def __init__(self, **kwargs):
        super().__init__("Bigrams", **kwargs)
        self.cursor = (0, 1)
        self.mode: BigramMode = "model"
        self.order: BigramOrder = "id"
        self._table: BigramTable | None = None
        self._pair_to_find: tuple[int, int] | None = None  # ids, after a change of order
        self._retitle()

    def view(self) -> BigramsView:
        size, places = self._characters, self._places(self.mode)
        rows = min(places.lines * (1 + places.is_halved), size)
        top, left = _start(self.cursor[0], rows, size), _start(self.cursor[1], places.columns, size)
        return BigramsView(top, left, rows, places.columns, self.cursor, self.mode, self.order)

    def move(self, down: int, right: int) -> None:
        """Move the cursor, within the table."""
        last = self._characters - 1
        previous, following = self.cursor
        self.cursor = (max(0, min(previous + down, last)), max(0, min(following + right, last)))

    def on_click(self, event: Click) -> None:
        """Put the cursor on the pair under the mouse."""
        offset, table = event.get_content_offset(self), self._table
        if offset is None or table is None or not table.values:
            return
        places = self._places(table.mode)
        row = (offset.y - 1) * (1 + places.is_halved)
        column = (offset.x - places.label) // places.cell
        if 0 <= row < len(table.values) and 0 <= column < len(table.values[0]):
            self.cursor = table.top + row, table.left + column
            self.post_message(self.Moved())

    def on_mouse_scroll_up(self, event: MouseScrollUp) -> None:
        self._scroll(event, -1)

    def on_mouse_scroll_down(self, event: MouseScrollDown) -> None:
        self._scroll(event, 1)

    def _scroll(self, event: MouseScrollUp | MouseScrollDown, down: int) -> None:
        event.stop()
        self.move(down, 0)
        self.post_message(self.Moved())

    def set_view(self, mode: BigramMode, order: BigramOrder) -> None:
        """Set what is shown, and in which order."""
        self.mode, self.order = mode, order
        self._retitle()

    def next_mode(self) -> None:
        """Ask for the next of the model's, the counted, the counts, the difference."""
        self.mode = next_of(self.mode, tuple(_MODES))
        self._retitle()

    def next_order(self) -> None:
        """Sort by character, or by frequency; the cursor stays on its pair."""
        self.order = next_of(self.order, tuple(_ORDERS))
        if self._table is not None:
            self._pair_to_find = self._table.pair.previous, self._table.pair.following
        self._retitle()

    def show(self, snapshot: Snapshot) -> None:
        if self.keeps(snapshot.bigrams, snapshot):
            return
        self._table = snapshot.bigrams
        self._find_pair()
        super().show(snapshot)
        self.move(0, 0)

    def rows(self, snapshot: Snapshot, width: int, height: int) -> list[Row]:
        table = self._table
        if table is None:
            return []
        if not table.values:
            return [row(("the model's weights are not finite", self.palette.style("warning")))]
        labels, places = snapshot.dataset.labels, self._places(table.mode)
        self._retitle()
        self.border_subtitle = self._legend(table, labels)
        lines = [self._header(table, labels, places)]
        step = 2 if places.is_halved else 1
        for first in range(0, len(table.values), step):
            if len(lines) <= places.lines:
                lines.append(self._line(table, labels, first, places))
        return self._with_details(table, labels, lines, places)

    @property
    def _characters(self) -> int:
        return self.snapshot.dataset.characters if self.snapshot else 27

    def _retitle(self) -> None:
        """What is shown, in words that fit."""
        titles = [f"Bigrams · {modes[self.mode]} · {_ORDERS[self.order]}" for modes in _WORDS]
        width = self.content_size.width or 80
        self.border_title = next((one for one in titles if len(one) <= width), titles[-1])

    def _find_pair(self) -> None:
        """Put the cursor where the new order has the pair that it was on."""
        wanted, table = self._pair_to_find, self._table
        if wanted and table and max(wanted) < len(table.order):
            self.cursor = (table.order.index(wanted[0]), table.order.index(wanted[1]))
        self._pair_to_find = None

    def _places(self, mode: BigramMode) -> Places:
        labels = self.snapshot.dataset.labels if self.snapshot else ()
        widest = max(map(cell_len, labels), default=1)
        return places(*self.content_size, self._characters, max(1, widest), mode == "difference")

    # The heat map

    def _header(self, table: BigramTable, labels: tuple[str, ...], places: Places) -> Row:
        parts = [(" " * places.label, Style.null())]
        for place in range(table.left, table.left + len(table.values[0])):
            style = self._label_style(place == table.cursor[1])
            parts.append((set_cell_size(labels[_id(table, place)], places.cell), style))
        return row(*parts)

    def _line(self, table: BigramTable, labels: tuple[str, ...], first: int, places: Places) -> Row:
        rows = range(first, min(first + 1 + places.is_halved, len(table.values)))
        each = places.label // 2 if places.is_halved else places.label
        line: Row = []
        for i in rows:
            label = set_cell_size(labels[_id(table, table.top + i)], each)
            line.append(Segment(label, self._label_style(table.top + i == table.cursor[0])))
        line.append(Segment(" " * (places.label - width_of(line))))
        most, width = self._end_of_scale(table), places.cell
        for column in range(len(table.values[0])):
            here = [self._heat(table, i, column, most) for i in rows]
            if places.is_halved:
                line.append(_two_cells(here[0], here[1] if len(here) == 2 else None, width))
            else:
                sign = _sign(table.values[first][column], table.mode, width)
                line.append(_cell(here[0], sign, width))
        return line

    def _heat(self, table: BigramTable, i: int, column: int, most: float) -> Color:
        """The colour of a cell; the cursor's is its own."""
        if (table.top + i, table.left + column) == table.cursor:
            return Color.from_rgb(*self.palette.cursor)
        return self._color(table.values[i][column] / most, table.mode)

    def _color(self, share: float, mode: BigramMode) -> Color:
        """The colour at a share of the scale; the root tells small ones apart."""
        colours = self.palette.heat_colors
        if mode == "difference":
            colours = self.palette.more_colors if share >= 0 else self.palette.less_colors
        return colours[int(min(1.0, abs(share)) ** 0.5 * (len(colours) - 1))]

    def _end_of_scale(self, table: BigramTable) -> float:
        if table.mode == "counts":
            return max(1.0, *map(max, table.values))
        return _FULL_DIFFERENCE if table.mode == "difference" else _FULL_HEAT

    def _label_style(self, chosen: bool) -> Style:
        palette = self.palette
        return _chosen_label(palette) if chosen else palette.style("dim")

    def _legend(self, table: BigramTable, labels: tuple[str, ...]) -> Content:
        """The divergence of the cursor's row, and what the colours stand for."""
        parts: list[str | tuple[str, str]] = []
        divergence, width = _divergence(table), self.content_size.width
        if divergence is not None and width >= 34:
            label = f"row {labels[table.pair.previous]}: " if width >= 44 else ""
            nats = " nats" if width >= 44 else ""
            about = "≈" if table.is_estimate else ""
            parts = [f"{label}KL {about}{number(divergence)}{nats}  ─  "]
        is_signed = table.mode == "difference"
        most = self._end_of_scale(table)
        parts.append(f"-{most:g} " if is_signed else "0 ")
        for i in range(8):
            share = (i / 7) ** 2 if not is_signed else (i / 3.5 - 1) * abs(i / 3.5 - 1)
            parts.append((" ", f"on {self._color(share, table.mode).get_truecolor().hex}"))
        parts.append(f" {most:,.0f}" if table.mode == "counts" else f" {most:{'+' * is_signed}g}")
        return Content.assemble(*parts)

    # The pair and its row

    def _with_details(
        self, table: BigramTable, labels: tuple[str, ...], lines: list[Row], places: Places
    ) -> list[Row]:
        """The table with the facts of the pair below it, and more below or beside, if it fits."""
        width, height = self.content_size
        facts = self._facts(table, labels, width)
        if places.below:
            half = (width - 3) // 2 if width >= 50 else width
            followers = self._followers(table, labels, min(half, MAX_SIDE_WIDTH))
            words = self._words(table, labels, half)
            details = beside(followers, words, half + 3) if half < width else [*followers, *words]
            return [*lines, facts, [], *details][:height]
        if places.side:
            details = [
                *self._followers(table, labels, places.side),
                [],
                *self._words(table, labels, places.side),
            ]
            lines = beside(lines, details[: len(lines)], width_of(lines[0]) + 2)
        return [*lines, facts]

    def _facts(self, table: BigramTable, labels: tuple[str, ...], width: int) -> Row:
        """The cursor's pair, in as many words as fit."""
        pair, dim, strong = table.pair, self.palette.style("dim"), self.palette.style("text", True)
        name = labels[pair.previous] + labels[pair.following]
        times, short_times = f"{pair.count:,} times", f"{pair.count:,}×"
        if pair.count == 1:
            times = short_times = "once"
        about = "≈" if table.is_estimate else ""
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
        form = next((one for one in forms if cell_len(name + "".join(one)) <= width), forms[-1])
        return row(
            (name, strong), *((text, strong if i % 2 else dim) for i, text in enumerate(form))
        )

    def _followers(self, table: BigramTable, labels: tuple[str, ...], width: int) -> list[Row]:
        """What the model holds likeliest after the cursor's row, with the counted as a mark."""
        dim, pair = self.palette.style("dim"), table.pair
        most = max([one.probability for one in pair.followers], default=0.0) or 1.0
        most = max([most, *(one.counted for one in pair.followers)])
        lines = [self._follower(one, labels, width - 14, most) for one in pair.followers]
        title = set_cell_size(f"after {labels[pair.previous]}", width - 12)
        return [row((f"{title} model  data", dim)), *lines]

    def _follower(self, one: Follower, labels: tuple[str, ...], width: int, most: float) -> Row:
        colours = self.palette
        filled = bar(one.probability / most, width)
        mark = round(one.counted / most * (width - 1))
        return row(
            (set_cell_size(labels[one.character], 2), colours.style("text", True)),
            (filled[:mark], colours.style("batch")),
            ("│", colours.style("dev")),
            (filled[mark + 1 :], colours.style("batch")),
            (f" {one.probability:.3f}", colours.style("text")),
            (f" {one.counted:.3f}", colours.style("dev")),
        )

    def _words(self, table: BigramTable, labels: tuple[str, ...], width: int) -> list[Row]:
        """Items of the data in which the pair stands."""
        pair, colours = table.pair, self.palette
        name = labels[pair.previous] + labels[pair.following]
        title = row((f"items with {name}", colours.style("dim")))
        text = ", ".join(pair.words) or "none in the data"
        return [title, *(row((line, colours.style("text"))) for line in wrapped(text, width))]


def _start(cursor: int, shown: int, size: int) -> int:
    """Where a window of `shown` out of `size` begins so that the cursor is near its middle."""
    return max(0, min(cursor - shown // 2, size - shown))


def _id(table: BigramTable, place: int) -> int:
    """The id of the character at a place."""
    return table.order[place] if table.order else place


def _divergence(table: BigramTable) -> float | None:
    """KL(counted || model) of the cursor's row, if that is in the window."""
    i = table.cursor[0] - table.top
    return table.divergences[i] if 0 <= i < len(table.divergences) else None


def _sign(value: float, mode: BigramMode, width: int) -> str:
    """What stands in a cell: in wide ones a number (per cent, or a count), in others a sign."""
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
def _cell(heat: Color, sign: str, width: int) -> Segment:
    """A cell with a sign on it, dark on light and light on dark."""
    if not sign:
        return Segment(" " * width, Style(bgcolor=heat))
    text = f"{sign[:width]:>{min(width, 3)}}".ljust(width)
    return Segment(text, Style(color=ink_on(heat), bgcolor=heat))
