"""The bigram table as a heat map with a cursor."""

from typing import Any

from textual.events import Click

from makemore_tui.core.results import BigramMode, BigramOrder, BigramsView, BigramTable
from makemore_tui.core.worker.protocol import Snapshot

from ..keymap import bindings_of
from ..plots.bigram_table import BigramDrawing, TableLayout, num_followers, table_layout
from ..style.cells import cell_len
from ..style.text_rows import Row, paragraph
from .panel import Panel, next_of
from .panel_title import label_border

_MODES: dict[BigramMode, tuple[str, str]] = {  # in a wide panel, and in a narrow one
    "model": ("the model's P(next | previous)", "the model's"),
    "counted": ("counted P(next | previous)", "counted"),
    "counts": ("how often it was counted", "counts"),
    "difference": ("the model's minus counted", "model - counted"),
    "columns": ("counts divided by columns, the wrong way", "wrong division"),
    "weights": ("W, the log-counts that it learns", "W"),
    "log-counts": ("ln N, the logarithm of the counts", "ln N"),
    "gradient": ("W.grad, of the training loss", "W.grad"),
}
_OF_WEIGHTS = ("weights", "log-counts", "gradient")  # of a neural bigram only
_ORDERS: dict[BigramOrder, str] = {"id": "by character", "frequency": "by frequency"}


class BigramPanel(Panel):
    """A row for each previous character, a column for each next one, and a pair in full.

    Two rows of the table share a line, as half blocks, where they must; not differences, each of
    which has a sign.
    """

    BINDINGS = bindings_of("bigrams")
    ID = FIELD = "bigrams"
    IS_OF_SIDE = True
    drawn: BigramTable | None
    cursor = (0, 1)
    mode: BigramMode = "model"
    order: BigramOrder = "id"

    def view(self) -> BigramsView:
        size, layout = self._characters, self._layout(self._mode)
        rows, columns = min(layout.lines * (1 + layout.is_halved), size), layout.columns
        top, left = (  # of a window with the cursor near its middle
            max(0, min(place - shown // 2, size - shown))
            for place, shown in zip(self.cursor, (rows, columns), strict=True)
        )
        followers = num_followers(layout)
        return BigramsView(top, left, rows, columns, self.cursor, self._mode, self.order, followers)

    def cursor_facts(self) -> dict[str, Any]:
        if self.snapshot is None or self.drawn is None or self.drawn.cursor != self.cursor:
            return {}
        labels, pair = self.snapshot.dataset.labels, self.drawn.pair
        row = labels[pair.previous]
        return {"bigrams.row": row, "bigrams.pair": row + labels[pair.following]}

    def reset(self) -> None:
        self.cursor = (0, 1)
        self.set_view("model", "id")

    def set_view(self, mode: BigramMode, order: BigramOrder) -> None:
        """Set what is shown, and in which order."""
        self.mode, self.order = mode, order
        self.title.set(*_titles(self._mode, self.order))
        self.post_message(self.ViewChanged(self))

    def action_move(self, down: int, right: int) -> None:
        """Move the cursor, within the table."""
        self._put_cursor(self.cursor[0] + down, self.cursor[1] + right)

    def action_next_mode(self) -> None:
        """Show the next of the tables that there are of this model."""
        self.set_view(next_of(self._mode, _modes_of(self.snapshot)), self.order)

    def action_next_order(self) -> None:
        """Sort by character, or by frequency; the cursor stays on its pair."""
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

    def show(self, snapshot: Snapshot) -> None:
        before, now = self.drawn, snapshot.bigrams
        if before and now and len(before.order) == len(now.order) and before.order != now.order:
            pair = before.pair  # on which the cursor stays
            self.cursor = now.order.index(pair.previous), now.order.index(pair.following)
        super().show(snapshot)
        last = self._characters - 1
        self.cursor = min(self.cursor[0], last), min(self.cursor[1], last)

    def rows(self, snapshot: Snapshot, width: int, height: int) -> list[Row]:
        table = self.drawn
        if table is None:
            return []
        if not table.values:
            return paragraph("the model's weights are not finite", width, self.palette, "warning")
        layout, labels = self._layout(table.mode), snapshot.dataset.labels
        drawing = BigramDrawing(table, labels, layout, width, height, self.palette)
        self.title.set(*_titles(self._mode, self.order))
        label_border(self, subtitle=drawing.legend())
        return drawing.rows()

    @property
    def _mode(self) -> BigramMode:
        """What is shown: what was chosen, where there is such a table."""
        return self.mode if self.mode in _modes_of(self.snapshot) else "model"

    @property
    def _characters(self) -> int:
        return self.snapshot.dataset.characters if self.snapshot else 27

    def _put_cursor(self, row: int, column: int) -> None:
        last = self._characters - 1
        self.cursor = max(0, min(row, last)), max(0, min(column, last))
        self.post_message(self.ViewChanged(self))

    def _layout(self, mode: BigramMode) -> TableLayout:
        labels = self.snapshot.dataset.labels if self.snapshot else ()
        widest = max(map(cell_len, ("a", *labels)))
        return table_layout(*self.content_size, self._characters, widest, mode)


def _modes_of(snapshot: Snapshot | None) -> list[BigramMode]:
    """The tables that there are of a model."""
    has_weights = bool(snapshot) and snapshot.model.model_kind.is_table
    return [mode for mode in _MODES if has_weights or mode not in _OF_WEIGHTS]


def _titles(mode: BigramMode, order: BigramOrder) -> list[str]:
    """What is shown, the widest words first."""
    words = _MODES[mode]
    return [*(f"Bigrams · {one} · {_ORDERS[order]}" for one in words), f"Bigrams · {words[1]}"]
