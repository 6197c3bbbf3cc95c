"""How many cells of a terminal a text takes; all that measures or cuts text asks here.

Terminals give a spacing vowel sign, as the second of "கி", a cell of its own, as wcwidth of the C
library does. Rich counts none, so its table is replaced, by which Textual measures as well.
"""

from collections.abc import Iterator
from functools import cache
from itertools import groupby
from unicodedata import category

from rich import cells
from rich.cells import CellTable
from rich.cells import cell_len as cell_len

_FLAG_LETTERS = range(0x1F1E6, 0x1F200)
_table_of_rich = cells.load_cell_table  # pyright: ignore[reportPrivateImportUsage]

Span = tuple[int, int, int]


@cache
def _cell_table(unicode_version: str = "auto") -> CellTable:
    table = _table_of_rich(unicode_version)
    return table._replace(widths=[part for span in table.widths for part in _parts(*span)])


def _parts(first: int, last: int, width: int) -> Iterator[Span]:
    """A range of characters of one width in rich's table, as (first, last, width) of its parts."""
    codes_of_all = range(first, last + 1)
    if width or "Mc" not in map(category, map(chr, codes_of_all)):
        yield first, last, width
        return
    for is_spacing, codes in groupby(codes_of_all, lambda code: _is_spacing(chr(code))):
        part = list(codes)
        yield part[0], part[-1], int(is_spacing)


def _is_spacing(character: str) -> bool:
    return category(character) == "Mc"


cells.load_cell_table = _cell_table  # pyright: ignore[reportPrivateImportUsage]


def clusters(text: str) -> list[Span]:
    """What is not to be cut, as (begin, end, cells): a letter with its marks, an emoji, a flag."""
    spans: list[Span] = []
    is_half_flag = False
    for begin, end, width in cells.split_graphemes(text)[0]:
        is_letter = ord(text[begin]) in _FLAG_LETTERS
        if spans and ((is_half_flag and is_letter) or _is_spacing(text[begin])):
            first, _, others = spans.pop()
            begin, width = first, others + width
        spans.append((begin, end, width))
        is_half_flag = is_letter and not is_half_flag
    return spans


def beginning(text: str, width: int) -> str:
    """As much of a text's beginning as fits into so many cells, by whole clusters."""
    if cell_len(text) <= width:
        return text
    for begin, _, taken in clusters(text):
        width -= taken
        if width < 0:
            return text[:begin]
    return text


def set_cell_size(text: str, width: int) -> str:
    """A text in exactly so many cells: cut between clusters, or filled with spaces."""
    text = beginning(text, width)
    return text + " " * (width - cell_len(text))
