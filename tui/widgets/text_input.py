"""A line to type into."""

from collections.abc import Callable
from typing import Any

from rich.text import Text
from textual import on
from textual.binding import Binding
from textual.events import Blur, Focus, Key
from textual.keys import REPLACED_KEYS
from textual.reactive import reactive
from textual.widget import Widget
from textual.widgets import Input
from textual.widgets.input import Selection

from makemore_tui.core.text import harmless, is_acted_on

from ..style.cells import cell_len
from .panel import Panel


class Line(Input):
    """A line that takes every character, so that none is offered as a key meanwhile.

    Its value is what was typed or pasted; what a terminal could act on is shown as visible signs.
    Its cursor does not blink, so that a screen at rest is not painted again and again.

    select_on_focus: whether the first character that is typed replaces what is there. (Textual
    selects when the line hears of the focus, which is after the first keys.)
    """

    BINDINGS = [  # noqa: RUF012
        Binding("shift+up", "home(True)", "select to the start", show=False),
        Binding("shift+down", "end(True)", "select to the end", show=False),
    ]
    cursor_blink = reactive(False, init=False)

    def __init__(
        self,
        value: str = "",
        placeholder: str = "",
        compact: bool = True,
        select_on_focus: bool = False,
        **others: Any,
    ):
        super().__init__(value, placeholder, compact=compact, select_on_focus=False, **others)
        self._selects_all, self._has_begun = select_on_focus, False

    def on_mount(self) -> None:
        self.watch(self.screen, "focused", self._follow_focus)

    def _follow_focus(self, focused: Widget | None) -> None:
        """Select all when the focus comes, though not when it comes back with the window's."""
        if focused is self and not self._has_begun and self._selects_all:
            self.selection = Selection(0, len(self.value))
        self._has_begun = focused is self or (focused is None and self._has_begun)

    def check_consume_key(self, key: str, character: str | None) -> bool:
        """Return whether a key types something; characters that Textual has a name for do too."""
        is_typed = super().check_consume_key(key, character) or key in REPLACED_KEYS
        return is_typed or _is_unprinted(character)

    async def _on_key(self, event: Key) -> None:
        if _is_unprinted(event.character):
            event.stop()
            event.prevent_default()
            self.replace(event.character or "", *self.selection)
        else:
            await super()._on_key(event)

    @property
    def _value(self) -> Text:
        return Text(harmless(self.value), no_wrap=True, overflow="ignore", end="")

    def _position_to_cell(self, position: int) -> int:
        return cell_len(harmless(self.value)[:position])


class OwnLine(Line):
    """The line at the top of a panel; enter and escape give the keys back to the panel, with the
    text kept."""

    DEFAULT_CSS = "OwnLine, OwnLine:focus { height: 1; padding: 0; background: transparent; }"
    BINDINGS = [Binding("escape,enter", "leave", "leave the text")]  # noqa: RUF012

    def action_leave(self) -> None:
        """Let the keys be the explorer's again."""
        assert isinstance(self.parent, Widget)
        self.screen.set_focus(self.parent)


class FilterLine(OwnLine):
    """The words that what is listed must have; shown while it is typed into or has some."""

    DEFAULT_CSS = "FilterLine { display: none; }"
    BINDINGS = [  # noqa: RUF012
        Binding("enter", "leave", "apply"),
        Binding("escape", "leave(True)", "show all"),
    ]

    def __init__(self, listing: Widget, list_anew: Callable[[], object], placeholder: str):
        """listing: what has the keys otherwise. list_anew: called when the words or the room that
        this line takes have changed."""
        super().__init__(placeholder=placeholder)
        self._listing, self._list_anew = listing, list_anew

    def open(self) -> None:
        """Let the keys type into the line, at once, before the next key."""
        self.display = True
        self.screen.set_focus(self)

    def action_leave(self, is_cleared: bool = False) -> None:
        """Let the keys be those of what is listed again."""
        if is_cleared:
            self.value = ""
        self.screen.set_focus(self._listing)

    @on(Focus)
    @on(Blur)
    @on(Input.Changed)
    def fit(self) -> None:
        """Take a line, or give it back."""
        self.display = self.screen.focused is self or bool(self.value)
        self._list_anew()


class InPlaceLine(Line):
    """A line over a row of its panel, shown while it is typed into. Enter submits what is in it;
    escape closes it, and so does a focus elsewhere."""

    DEFAULT_CSS = "InPlaceLine { position: absolute; display: none; background: $panel-lighten-1; }"
    BINDINGS = [  # noqa: RUF012
        Binding("enter", "submit", "apply"),
        Binding("escape", "leave", "cancel"),
    ]

    def __init__(self, panel: Panel):
        super().__init__(select_on_focus=True)
        self._panel = panel

    def open_with(self, value: str) -> None:
        """Show the line with a value to begin with."""
        self.value, self.display = value, True
        self._panel.relayout()
        self.screen.set_focus(self)  # at once, before the next key

    def close(self) -> None:
        """Hide the line."""
        self.display = False
        self._panel.relayout()

    def action_leave(self) -> None:
        """Close the line without taking what is in it."""
        self.screen.set_focus(self._panel)
        self.close()

    def on_input_blurred(self) -> None:
        is_elsewhere = self.app.app_focus and self.screen.focused is not self
        if is_elsewhere:  # and not in another window, which is looked at meanwhile
            self.close()


def _is_unprinted(character: str | None) -> bool:
    """True for a character that Python counts as unprintable but that belongs to text: a joiner
    within a word or an emoji, a space that doesn't break."""
    return bool(character) and not character.isprintable() and not is_acted_on(character)
