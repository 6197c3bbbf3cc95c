"""A line to type into."""

from textual.keys import REPLACED_KEYS
from textual.reactive import reactive
from textual.widgets import Input

from makemore_tui.core.text import shown


class Line(Input):
    """A line that takes every character, so that none is offered as a key meanwhile.

    Its cursor does not blink, so that a screen at rest is not painted again and again.
    """

    cursor_blink = reactive(False, init=False)

    def check_consume_key(self, key: str, character: str | None) -> bool:
        """Return whether a key types something; characters that Textual has a name for do too."""
        return super().check_consume_key(key, character) or key in REPLACED_KEYS


class PlainLine(Line):
    """A line that shows what a terminal could act on as visible characters, even if pasted."""

    def replace(self, text: str, start: int, end: int) -> None:
        super().replace(shown(text), start, end)
