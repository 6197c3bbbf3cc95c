"""The bigram table as a heat map with a cursor."""

from functools import lru_cache

from rich.cells import set_cell_size
from rich.color import Color
from rich.segment import Segment
from rich.style import Style

from makemore_tui.core.messages import BigramsView, BigramTable, Snapshot

from ..palette import Palette
from .panel import Panel, Row, row

_FULL_HEAT = 0.5  # the probability at which the scale ends


class BigramPanel(Panel):
    """P(next | previous): a row for each previous character, a column for each next one.

    Where the height does not suffice for a line a row, a line holds two, as half blocks; where that
    does not suffice either, the table follows the cursor.
    """

    def __init__(self, **kwargs):
        super().__init__("Bigrams · P(next | previous)", **kwargs)
        self.cursor = (0, 1)
        self._table: BigramTable | None = None

    def view(self) -> BigramsView:
        top, left, rows, columns = self._window(self._characters)
        return BigramsView(top, left, rows, columns, self.cursor)

    def move(self, down: int, right: int) -> None:
        """Move the cursor, within the table."""
        last = self._characters - 1
        previous, following = self.cursor
        self.cursor = (max(0, min(previous + down, last)), max(0, min(following + right, last)))

    def show(self, snapshot: Snapshot) -> None:
        if snapshot.bigrams is None and self.snapshot and self.snapshot.runs == snapshot.runs:
            return
        self._table = snapshot.bigrams
        super().show(snapshot)
        self.move(0, 0)

    def rows(self, snapshot: Snapshot, width: int, height: int) -> list[Row]:
        table = self._table
        if table is None or not table.probabilities:
            return []
        labels = snapshot.dataset.labels
        lines = [self._header(table, labels)]
        step = 2 if self._halves else 1
        for first in range(0, len(table.probabilities), step):
            if len(lines) < height - 1:
                lines.append(self._line(table, labels, first, step))
        return [*lines, self._facts(table, labels)]

    @property
    def _characters(self) -> int:
        return self.snapshot.dataset.characters if self.snapshot else 27

    @property
    def _halves(self) -> bool:
        return self._characters > self.content_size.height - 2

    @property
    def _label_width(self) -> int:
        return 3 if self._halves else 2

    @property
    def _cell_width(self) -> int:
        room = self.content_size.width - self._label_width
        return max(1, min(4, room // self._characters))

    def _window(self, size: int) -> tuple[int, int, int, int]:
        """The part of a table of `size` characters that is in view: top, left, rows, columns."""
        lines = max(1, self.content_size.height - 2)
        rows = lines * 2 if self._halves else lines
        columns = max(1, (self.content_size.width - self._label_width) // max(1, self._cell_width))
        return (
            _start(self.cursor[0], rows, size),
            _start(self.cursor[1], columns, size),
            min(rows, size),
            min(columns, size),
        )

    def _header(self, table: BigramTable, labels: tuple[str, ...]) -> Row:
        columns = len(table.probabilities[0])
        parts = [(" " * self._label_width, Style.null())]
        for column in range(table.left, table.left + columns):
            style = self._label_style(column == table.pair.following)
            parts.append((set_cell_size(labels[column], self._cell_width), style))
        return row(*parts)

    def _line(self, table: BigramTable, labels: tuple[str, ...], first: int, step: int) -> Row:
        rows = range(first, min(first + step, len(table.probabilities)))
        line: Row = []
        cell_width = self._cell_width
        for i in rows:
            chosen = table.top + i == table.pair.previous
            label = set_cell_size(labels[table.top + i], 1 if step == 2 else 2)
            line.append(Segment(label, self._label_style(chosen)))
        line.append(Segment(" " * (3 - len(rows) if step == 2 else 0)))
        for column in range(len(table.probabilities[0])):
            here = [self._heat(table, i, column) for i in rows]
            upper, lower = (here[0], here[1]) if len(here) == 2 else (here[0], None)
            line.append(_cell(upper, lower, step == 2, cell_width))
        return line

    def _heat(self, table: BigramTable, i: int, column: int) -> Color:
        """The colour of a cell; the cursor's is its own."""
        palette = self.palette
        if (table.top + i, table.left + column) == (table.pair.previous, table.pair.following):
            return Color.from_rgb(*palette.cursor)
        share = min(1.0, table.probabilities[i][column] / _FULL_HEAT) ** 0.5
        return palette.heat_colors[int(share * 31)]

    def _label_style(self, chosen: bool) -> Style:
        palette = self.palette
        return _chosen_label(palette) if chosen else palette.style("dim")

    def _facts(self, table: BigramTable, labels: tuple[str, ...]) -> Row:
        pair, colours = table.pair, self.palette
        times = f"{pair.count:,} times" if pair.count != 1 else "once"
        roomy = self.content_size.width >= 54
        return row(
            (f"{labels[pair.previous]}{labels[pair.following]}", colours.style("text", bold=True)),
            (f"  {times}{' in the data ' if roomy else ''}  p ", colours.style("dim")),
            (f"{pair.probability:.3f}", colours.style("text", bold=True)),
            (f"   rank {pair.rank}{f' of {len(labels)}' if roomy else ''}", colours.style("dim")),
        )


def _start(cursor: int, shown: int, size: int) -> int:
    """Where a window of `shown` out of `size` begins so that the cursor is near its middle."""
    return max(0, min(cursor - shown // 2, size - shown))


@lru_cache(maxsize=4)
def _chosen_label(palette: Palette) -> Style:
    return palette.style("cursor", bold=True) + Style(reverse=True)


@lru_cache(maxsize=4096)
def _cell(upper: Color, lower: Color | None, is_halved: bool, width: int) -> Segment:
    if is_halved:
        return Segment("▀" * width, Style(color=upper, bgcolor=lower))
    return Segment(" " * width, Style(bgcolor=upper))
