"""A bordered widget whose content is rows of coloured text, repainted row by row."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any, ClassVar, TypeVar

from rich.cells import cell_len
from rich.style import Style as RichStyle
from textual import on
from textual.content import Content
from textual.events import MouseScrollDown, MouseScrollUp, Resize, Show
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.style import Style
from textual.widget import Widget

from makemore_tui.core.worker.protocol import Request, Snapshot, View

from ..keymap import PANELS, bindings_of, key_labels
from ..style.colours import Palette, palette_of
from ..style.text_rows import Row

_T = TypeVar("_T")


class Panel(Widget, can_focus=True):
    """A panel of the main screen.

    `show` hands it a snapshot; it lays out rows, and only those that changed are painted again.

    ID: the panel's key in `PANELS`.
    place: the panels that share its place, itself included: its title shows them as tabs.
    drawn: what the newest snapshot with this panel's view has for it, in the field `FIELD`.
    """

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

    @dataclass
    class Asked(Message):
        """A person asks something of the session."""

        request: Request

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
        self.place: tuple[str, ...] = (self.ID,)
        self._titles: tuple[str, ...] = (PANELS[self.ID],)
        self._titled_with: tuple[Any, ...] | None = None  # the titles, place, width and theme
        self.snapshot: Snapshot | None = None
        self.drawn: Any = None
        self._rows: list[Row] = []
        self._strips: list[Strip] = []  # the rows as they are painted
        self._painted_with: tuple[int, RichStyle] | None = None  # width and style

    @property
    def palette(self) -> Palette:
        """The colours that go with the theme."""
        return palette_of(self.app)

    @property
    def key_labels(self) -> Mapping[str, str]:
        """How each key is shown, by its id."""
        return key_labels(self.app)

    def view(self) -> View | None:
        """What this panel wants in the next snapshot, or None."""
        return None

    def reset(self) -> None:
        """Show what the panel shows at the start, whatever a person has chosen since."""

    def action_move(self, down: int, right: int) -> None:
        """Move this panel's cursor, if it has one."""

    @on(MouseScrollUp)
    @on(MouseScrollDown)
    def scroll_cursor(self, event: MouseScrollUp | MouseScrollDown) -> None:
        """Move the cursor by the wheel."""
        event.stop()
        self.action_move(1 if isinstance(event, MouseScrollDown) else -1, 0)

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

    def set_place(self, place: tuple[str, ...]) -> None:
        """Set the panels that share its place."""
        if place != self.place:
            self.place = place
            if self.snapshot is not None:
                self.set_title(*self._titles)

    def set_title(self, *titles: str) -> None:
        """Set the first of some titles that fits the border, its number before it, among the tabs
        of the panels that share the place; a click on one chooses its panel."""
        titled_with = titles, self.place, self.content_size.width, self.app.theme
        if titled_with == self._titled_with:
            return
        self._titles, self._titled_with = titles, titled_with
        tabs = {name: f"{self.key_labels[f'{name}-panel']} {PANELS[name]}" for name in self.place}
        number = self.key_labels[f"{self.ID}-panel"]
        for title in (*titles, PANELS[self.ID]) if len(tabs) > 1 else titles:
            tabs[self.ID] = f"{number} {title}"
            if cell_len(" │ ".join(tabs.values())) <= self.content_size.width - 2:
                break
        parts = [self._tab(name, title) for name, title in tabs.items()]
        label_border(self, title=Content(" │ ").join(parts))

    def _tab(self, name: str, title: str) -> Content:
        if name == self.ID:
            return Content.styled(title, "bold")
        choosing = f"choose({name!r})"
        click = Style.from_meta({"@click": f"screen.run('panels', {choosing!r})"})
        dim = self.palette.style("dim").color
        colour = dim.get_truecolor().hex if dim else ""
        return Content.styled(title, f"{colour} not bold").stylize(click)

    def rows(self, snapshot: Snapshot, width: int, height: int) -> list[Row]:
        """The content, as rows of segments."""
        raise NotImplementedError

    def relayout(self) -> None:
        """Lay the rows out again, and repaint those that differ."""
        width, height = self.content_size
        if self.snapshot is None or not width or not height or not self.is_attached:
            return
        self.set_title(*self._titles)
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
        return Strip.blank(self.content_size.width, self.rich_style)

    @on(Resize)
    @on(Show)
    def fit(self) -> None:
        """Fill another size, or the same one after the panel was hidden."""
        self.relayout()
        self.post_message(self.ViewChanged(self))

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self.relayout()


def label_border(
    panel: Panel, title: str | Content | None = None, subtitle: str | Content | None = None
) -> None:
    """Set a panel's border titles if they differ, for setting them has all of it painted again."""
    shown = vars(panel).setdefault("_border_labels", {})
    for name, label in (("border_title", title), ("border_subtitle", subtitle)):
        key = label.markup if isinstance(label, Content) else label  # colours and all
        if key is not None and shown.get(name) != key:
            shown[name] = key
            setattr(panel, name, label)


def next_of(one: _T, choices: Sequence[_T]) -> _T:
    """The next of some choices; the first after the last, and after what is none of them."""
    return choices[(choices.index(one) + 1) % len(choices)] if one in choices else choices[0]
