"""A bordered widget whose content is rows of coloured text, repainted row by row."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any, ClassVar, TypeVar

from rich.style import Style as RichStyle
from textual import on
from textual.events import Resize, Show
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from makemore_tui.core.worker.protocol import Request, Snapshot, View

from ..keymap import bindings_of
from ..style.colours import Palette, palette_of
from ..style.text_rows import Row
from .panel_title import PanelTitle

_T = TypeVar("_T")


class Panel(Widget, can_focus=True):
    """A panel of the main screen.

    `show` hands it a snapshot; it lays out rows, and only those that changed are painted again.

    ID: the panel's key in `PANELS`. IS_OF_SIDE: True where it shows the chosen run of a pair alone.
    drawn: what the newest snapshot with this panel's view has for it, in the field `FIELD`.
    ask: asks something of the session, at once, so before the next key does; set by the screen.
    palette: the colours that go with the theme, while rows are laid out.
    """

    ask: Callable[[Request], None]
    palette: Palette
    DEFAULT_CSS = """
    Panel {
        border: round $panel-lighten-2; padding: 0 1;
        border-title-color: $foreground; border-subtitle-color: $text-muted;
    }
    Panel:light { border: round $panel-darken-2; }
    Panel:focus { border: round $primary; }
    """
    BINDINGS = bindings_of("chosen")
    ID: ClassVar[str]
    FIELD: ClassVar[str] = ""
    IS_OF_SIDE: ClassVar[bool] = False

    @dataclass
    class Said(Message):
        """There is a sentence to show."""

        text: str
        is_warning: bool = False

    @dataclass
    class ViewChanged(Message):
        """The panel has another view to ask for; or it asks for the same one anew."""

        panel: "Panel"
        is_anew: bool = False

    @dataclass
    class Plotted(Message):
        """A run is to be on the loss plot, or no longer: a previous one by its id, or a saved one
        by its path."""

        run: int | str

    def __init__(self):
        super().__init__(id=self.ID)
        self.title: PanelTitle = PanelTitle(self, self.ID)
        self.snapshot: Snapshot | None = None
        self.drawn: Any = None
        self._rows: list[Row] = []
        self._strips: list[Strip] = []  # the rows as they are painted
        self._blank: Strip | None = None  # a line below the rows
        self._painted_with: tuple[int, RichStyle] | None = None  # width and style

    def view(self) -> View | None:
        """What this panel wants in the next snapshot, or None."""
        return None

    def cursor_facts(self) -> dict[str, Any]:
        """What a lesson's goal can be about, by its name, besides the fields of the view: what the
        cursor is on."""
        return {}

    def reset(self) -> None:
        """Show what the panel shows at the start, whatever a person has chosen since."""

    def action_move(self, down: int, right: int) -> None:
        """Move this panel's cursor, if it has one."""

    def show(self, snapshot: Snapshot) -> None:
        """Take a new snapshot and repaint what it changes.

        A snapshot of the same run that has nothing drawn for this panel changes nothing.
        """
        if self.FIELD:
            is_same_run = self.snapshot is not None and self.snapshot.runs == snapshot.runs
            drawn = getattr(snapshot, self.FIELD)
            if drawn is None and is_same_run:
                return
            self.drawn = drawn
        self.snapshot = snapshot
        self.relayout()

    def rows(self, snapshot: Snapshot, width: int, height: int) -> list[Row]:
        """The content, as rows of segments."""
        raise NotImplementedError

    def relayout(self) -> None:
        """Lay the rows out again, and repaint those that differ."""
        width, height = self.content_size
        if self.snapshot is None or not width or not height or not self.is_attached:
            return
        self.palette = palette_of(self.app)
        pair = self.snapshot.pair if self.IS_OF_SIDE else None
        self.title.side = pair.side.upper() if pair else ""
        self.title.write()
        base = self.rich_style
        if self._painted_with != (width, base):
            self._painted_with, self._rows, self._strips = (width, base), [], []
            self.refresh()
        rows = self.rows(self.snapshot, width, height)[:height]
        strips = [
            self._strips[i]
            if self._rows[i : i + 1] == [row]
            else Strip(row).adjust_cell_length(width).apply_style(base)
            for i, row in enumerate(rows)
        ]
        pairs = enumerate(zip_longest(strips, self._strips))
        changed = [Region(0, i, width, 1) for i, (now, before) in pairs if now is not before]
        self._rows, self._strips = rows, strips
        if changed:
            self.refresh(*changed)

    def render_line(self, y: int) -> Strip:
        if y < len(self._strips):
            return self._strips[y]
        if self._blank is None or self._blank.cell_length != self.content_size.width:
            self._blank = Strip.blank(self.content_size.width, self.rich_style)
        return self._blank

    @on(Resize)
    @on(Show)
    def fit(self) -> None:
        """Fill another size, or the same one after the panel was hidden."""
        self.relayout()
        self.post_message(self.ViewChanged(self))

    def notify_style_update(self) -> None:
        self._blank = None
        super().notify_style_update()
        self.relayout()


def next_of(one: _T, choices: Sequence[_T]) -> _T:
    """The next of some choices; the first after the last, and after what is none of them."""
    return choices[(choices.index(one) + 1) % len(choices)] if one in choices else choices[0]


def run_of(snapshot: Snapshot) -> tuple[int, str]:
    """A value that differs as soon as there is another run, or the other one of a pair."""
    return snapshot.runs, snapshot.pair.side if snapshot.pair else ""
