"""A line to type into."""

from textual.keys import REPLACED_KEYS
from textual.widgets import Input

from makemore_tui.core.text import shown


class Line(Input):
    """A line that takes every sign, so that none of them is offered as a key meanwhile."""

    def check_consume_key(self, key: str, character: str | None) -> bool:
        """Whether a key types something; signs that Textual has a name for do too."""
        return super().check_consume_key(key, character) or key in REPLACED_KEYS


class PlainLine(Line):
    """A line of signs that a terminal only shows, whatever is pasted into it."""

    def replace(self, text: str, start: int, end: int) -> None:
        super().replace(shown(text), start, end)
