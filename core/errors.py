"""The one error a person is meant to read, and what it may suggest."""

from collections.abc import Iterable

from .text import shown


class UserError(ValueError):
    """Bad input. The message is one sentence: what was wrong, where, and what would be right.

    What it tells of a file or of what was typed is made harmless to a terminal.
    """

    def __init__(self, message: str):
        super().__init__(shown(message))


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A question such as "did you mean hidden?"; "" where no known word is like it."""
    from difflib import get_close_matches  # loaded where something is wrong only

    close = get_close_matches(word.lower(), list(known), n=1)
    return f"did you mean {close[0]}?" if close else ""
