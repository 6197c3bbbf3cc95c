"""The bigram table as a heat map with a cursor."""

from rich.cells import cell_len
from textual import on
from textual.events import Click, MouseScrollDown, MouseScrollUp

from makemore_tui.core.results import BigramMode, BigramOrder, BigramsView, BigramTable
from makemore_tui.core.worker.protocol import Snapshot

from ..keymap import bindings_of
from ..plots.bigram_table import BigramDrawing, TableLayout, table_layout
from ..style.text_rows import Row, row
from .panel import Panel, label_border, next_of

_MODES: dict[BigramMode, str] = {
    "model": "the model's P(next | previous)",
    "counted": "counted P(next | previous)",
    "counts": "how often it was counted",
    "difference": "the model's minus counted",
}
_SHORT_MODES: dict[BigramMode, str] = {
    "model": "the model's",
    "counted": "counted",
    "counts": "counts",
    "difference": "model - counted",
}
_ORDERS: dict[BigramOrder, str] = {"id": "by character", "frequency": "by frequency"}


class BigramPanel(Panel):
    """A row for each previous character, a column for each next one, and a pair in full.

    Two rows of the table share a line, as half blocks, where they must; not differences, each of
    which has a sign.
    """

    BINDINGS = bindings_of("bigrams")
    FIELD = "bigrams"
    drawn: BigramTable | None

    def __init__(self):
        super().__init__("Bigrams", id="bigrams")
        self.cursor = (0, 1)
        self.mode: BigramMode = "model"
        self.order: BigramOrder = "id"
        self._pair_to_find: tuple[int, int] | None = None  # ids, after a change of order
        self._retitle()

    def view(self) -> BigramsView:
        size, layout = self._characters, self._layout(self.mode)
        rows = min(layout.lines * (1 + layout.is_halved), size)
        top, left = _start(self.cursor[0], rows, size), _start(self.cursor[1], layout.columns, size)
        return BigramsView(top, left, rows, layout.columns, self.cursor, self.mode, self.order)

    def set_view(self, mode: BigramMode, order: BigramOrder) -> None:
        """Set what is shown, and in which order."""
        self.mode, self.order = mode, order
        self._retitle()
        self.post_message(self.ViewChanged(self))

    def action_move(self, down: int, right: int) -> None:
        """Move the cursor, within the table."""
        self._put_cursor(self.cursor[0] + down, self.cursor[1] + right)

    def action_next_mode(self) -> None:
        """Show the next of the model's, the counted, the counts, the difference."""
        self.set_view(next_of(self.mode, tuple(_MODES)), self.order)

    def action_next_order(self) -> None:
        """Sort by character, or by frequency; the cursor stays on its pair."""
        if self.drawn is not None:
            self._pair_to_find = self.drawn.pair.previous, self.drawn.pair.following
        self.set_view(self.mode, next_of(self.order, tuple(_ORDERS)))

    def on_click(self, event: Click) -> None:
        """Put the cursor on the pair under the mouse."""
        offset, table = event.get_content_offset(self), self.drawn
        if offset is None or table is None or not table.values:
            return
        layout = self._layout(table.mode)
        row = (offset.y - 1) * (1 + layout.is_halved)
        column = (offset.x - layout.label_width) // layout.cell_width
        if 0 <= row < len(table.values) and 0 <= column < len(table.values[0]):
            self._put_cursor(table.top + row, table.left + column)

    @on(MouseScrollUp)
    @on(MouseScrollDown)
    def scroll_cursor(self, event: MouseScrollUp | MouseScrollDown) -> None:
        """Move the cursor by the wheel."""
        event.stop()
        self.action_move(1 if isinstance(event, MouseScrollDown) else -1, 0)

    def show(self, snapshot: Snapshot) -> None:
        wanted, table = self._pair_to_find, snapshot.bigrams
        if wanted and table:
            if max(wanted) < len(table.order):
                self.cursor = table.order.index(wanted[0]), table.order.index(wanted[1])
            self._pair_to_find = None
        super().show(snapshot)
        last = self._characters - 1
        self.cursor = min(self.cursor[0], last), min(self.cursor[1], last)

    def rows(self, snapshot: Snapshot, width: int, height: int) -> list[Row]:
        table = self.drawn
        if table is None:
            return []
        if not table.values:
            return [row(("the model's weights are not finite", self.palette.style("warning")))]
        layout, labels = self._layout(table.mode), snapshot.dataset.labels
        drawing = BigramDrawing(table, labels, layout, width, height, self.palette)
        self._retitle()
        label_border(self, subtitle=drawing.legend())
        return drawing.rows()

    @property
    def _characters(self) -> int:
        return self.snapshot.dataset.characters if self.snapshot else 27

    def _put_cursor(self, row: int, column: int) -> None:
        last = self._characters - 1
        self.cursor = max(0, min(row, last)), max(0, min(column, last))
        self.post_message(self.ViewChanged(self))

    def _retitle(self) -> None:
        """Say what is shown, in words that fit."""
        order, width = _ORDERS[self.order], self.content_size.width or 80
        titles = [f"Bigrams · {modes[self.mode]} · {order}" for modes in (_MODES, _SHORT_MODES)]
        label_border(self, title=next((one for one in titles if len(one) <= width), titles[-1]))

    def _layout(self, mode: BigramMode) -> TableLayout:
        labels = self.snapshot.dataset.labels if self.snapshot else ()
        widest = max(map(cell_len, labels), default=1)
        is_signed = mode == "difference"
        return table_layout(*self.content_size, self._characters, max(1, widest), is_signed)


def _start(cursor: int, shown: int, size: int) -> int:
    """Where a window of `shown` out of `size` begins so that the cursor is near its middle."""
    return max(0, min(cursor - shown // 2, size - shown))
