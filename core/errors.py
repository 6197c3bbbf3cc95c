"""The one error a person is meant to read, and what it may suggest."""

import re
from collections.abc import Iterable

from .text import shown

_LONG_WORD = re.compile(r"(\S{400})\S{200,}(\S{400})")


class UserError(ValueError):
    """Bad input. The message is one sentence: what was wrong, where, and what would be right.

    What it tells of a file or of what was typed is made harmless to a terminal, and of a word of
    a thousand characters or more the middle is left out.
    """

    def __init__(self, message: str):
        super().__init__(shown(_LONG_WORD.sub(r"\1…\2", message)))


def reason(error: OSError | ValueError) -> str:
    """Why a file can't be used, in the system's words, without its path. A ValueError comes from a
    path with a NUL."""
    return getattr(error, "strerror", None) or str(error)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A question such as "did you mean hidden?"; "" where no known word is like it."""
    from difflib import get_close_matches  # loaded where something is wrong only

    close = get_close_matches(word.lower(), list(known), n=1)
    return f"did you mean {close[0]}?" if close else ""
