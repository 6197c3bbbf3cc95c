"""Columns that stand in line in any terminal, though terminals differ in the cells of a text.

"க்ஷி" takes three cells of some terminals, two of others and one of kitty; emoji of several
characters take two to eight. What follows such a text is therefore written at its column.
"""

import re

from textual.driver import Driver

from .cells import cell_len

_TOKEN = re.compile(r"\x1b\[\d+;(?P<column>\d+)H|\x1b\[[\d;?]*[A-Za-z]|[^\x1b]+|\x1b")
# A text of which terminals may differ: not of Latin letters, signs and boxes. (As a set of what is
# right it would take ten times as long to compile.)
_UNSURE = re.compile("\\S?[^\0-\u02ff\u2010-\u2bff]+")


def aligned(written: str) -> str:
    """What is written to the terminal, with the column set after each text of unsure width."""
    if not _UNSURE.search(written):
        return written
    parts, column = [], 0
    for token in _TOKEN.finditer(written):
        if token["column"]:
            column = int(token["column"])
            parts.append(token[0])
        elif token[0].startswith("\x1b") or not column:
            parts.append(token[0])
        else:
            parts.append(_with_columns(token[0], column))
            column += cell_len(token[0])
    return "".join(parts)


def _with_columns(text: str, first: int) -> str:
    """A text that begins in a column, each unsure part on blank cells and followed by a move."""

    def placed(part: re.Match) -> str:
        begin, end = (first + cell_len(text[:i]) for i in part.span())
        return f"{' ' * (end - begin)}\x1b[{begin}G{part[0]}\x1b[{end}G"

    return _UNSURE.sub(placed, text)


def aligning(driver: type[Driver]) -> type[Driver]:
    """A driver that writes what another does, aligned."""

    class AligningDriver(driver):
        def write(self, data: str) -> None:
            super().write(aligned(data))

    return AligningDriver
