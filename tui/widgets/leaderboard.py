"""The boxes of the sweep screen: what is drawn in rows, and the leaderboard."""

from collections.abc import Callable
from dataclasses import dataclass

from rich.segment import Segments
from textual.events import Click
from textual.message import Message
from textual.widget import Widget

from makemore_tui.core.sweep.messages import Snapshot, Trial
from makemore_tui.core.text import shown

from ..keymap import bindings_of, key_labels
from ..plots.sweep_rows import Board, board_rows, matching, ordered, sort_names
from ..style.colours import Palette, palette_of
from ..style.text_rows import Row, lines_of, paragraph
from .panel import next_of
from .text_input import FilterLine

Draw = Callable[[int, int, Palette], list[Row]]


class Drawing(Widget):
    """A box with a title whose content is rows that a function draws for its size."""

    DEFAULT_CSS = """
    Drawing {
        border: round $panel-lighten-2; padding: 0 1; border-title-color: $foreground;
        border-subtitle-color: $text-muted;
    }
    Drawing:light { border: round $panel-darken-2; }
    Drawing:focus { border: round $primary; }
    """

    def __init__(self, draw: Draw, title: str, id: str, empty: str = ""):
        """empty: what it says where nothing is drawn."""
        super().__init__(id=id)
        self._draw = draw
        self.border_title, self.empty = title, empty

    def render(self) -> Segments:
        width, height = self.content_size
        palette = palette_of(self.app)
        rows = self._draw(width, height, palette) or paragraph(self.empty, width, palette)
        return lines_of(rows[:height])


class Leaderboard(Drawing, can_focus=True):
    """The trials of a study, sorted and filtered; the cursor stays on its trial.

    filter: the line for the words that a trial must have. chosen: the trial under the cursor.
    """

    BINDINGS = bindings_of("trials")

    @dataclass
    class Moved(Message):
        """Another trial is under the cursor."""

    def __init__(self):
        super().__init__(self._rows, "Trials", "trials")
        self.sort = "dev"
        self.filter = FilterLine(self, self._list, "pruned, or hidden=200")
        self.chosen: Trial | None = None
        self._snapshot: Snapshot | None = None
        self._trials: list[Trial] = []
        self._places: dict[int, int] = {}  # of a row, the trial that is there

    def show(self, snapshot: Snapshot | None) -> None:
        """Take a new state of the study, or of another study."""
        is_other = snapshot and self._snapshot and snapshot.study != self._snapshot.study
        self.chosen = None if is_other else self.chosen
        self._snapshot = snapshot
        if snapshot:
            self.border_title = f"Trials around {shown(snapshot.spec)}"
        self._list()

    def action_move(self, down: int) -> None:
        """Move the cursor to another trial."""
        self._choose(self._cursor() + down)

    def action_sort(self) -> None:
        """Sort by the next column."""
        if self._snapshot:
            self.sort = next_of(self.sort, sort_names(self._snapshot))
            self._list()

    def action_filter(self) -> None:
        """Let the keys type words that the trials must have."""
        self.filter.open()

    def on_click(self, event: Click) -> None:
        offset = event.get_content_offset(self)
        if offset is not None and offset.y in self._places:
            self._choose(self._places[offset.y])

    def _list(self) -> None:
        """Sort and filter anew; without its trial the cursor goes to the first."""
        now = self._snapshot
        if now and self.sort not in sort_names(now):
            self.sort = "dev"
        self._trials = ordered(matching(now.rows, self.filter.value), self.sort) if now else []
        self._choose(self._cursor())
        labels = key_labels(self.app)
        self.border_subtitle = (
            f"{labels['sweep-sort']} sort: {self.sort.replace('_', ' ')} · "
            f"{labels['sweep-filter']} filter"
        )

    def _cursor(self) -> int:
        number = self.chosen.number if self.chosen else None
        return next((i for i, one in enumerate(self._trials) if one.number == number), 0)

    def _choose(self, cursor: int) -> None:
        cursor = max(0, min(cursor, len(self._trials) - 1))
        self.chosen = self._trials[cursor] if self._trials else None
        self.refresh()
        self.post_message(self.Moved())

    def _rows(self, width: int, height: int, palette: Palette) -> list[Row]:
        if not self._snapshot or not self._trials:
            words = self.filter.value
            nothing = f"No trial matches {words!r}" if words else "No trial yet"
            return paragraph(nothing, width, palette) if self._snapshot else []
        over = [one.setting for one in self._snapshot.over]
        board = Board(over, self.sort, self._cursor(), width, height, palette)
        rows, self._places = board_rows(self._trials, board)
        return rows
