"""The one error a person is meant to read."""

from .text import shown


class UserError(ValueError):
    """Bad input. The message is one sentence: what was wrong, where, and what would be right.

    What it tells of a file or of what was typed is made harmless to a terminal.
    """

    def __init__(self, message: str):
        super().__init__(shown(message))
