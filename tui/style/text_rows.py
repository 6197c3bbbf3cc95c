"""Rows of coloured text, and what is written into them: words, numbers, bars."""

from collections.abc import Iterable
from itertools import zip_longest

from rich.segment import Segment, Segments
from rich.style import Style

from .cells import beginning, cell_len, clusters, set_cell_size
from .colours import Palette

_EIGHTHS = " ▏▎▍▌▋▊▉█"
_HEIGHTS = "▁▂▃▄▅▆▇█"
_SMALL = 0.001  # what a probability of a few decimals says little below

Row = list[Segment]


def row(*parts: tuple[str, Style]) -> Row:
    """A row from texts with their styles."""
    return [Segment(text, style) for text, style in parts]


def lines_of(rows: Iterable[Row]) -> Segments:
    """Rows as a widget renders them, one line each."""
    return Segments(segment for row in rows for segment in (*row, Segment.line()))


def width_of(line: Row) -> int:
    """How many cells a row takes."""
    return sum(segment.cell_length for segment in line)


def beside(left: list[Row], right: list[Row], column: int) -> list[Row]:
    """Two blocks of rows next to each other, the right one from a column on."""
    lines = []
    for line, other in zip_longest(left, right):
        gap = Segment(" " * max(0, column - width_of(line or [])))
        lines.append([*(line or []), gap, *other] if other is not None else line)
    return lines


def wrapped(text: str, width: int) -> list[str]:
    """A text in lines of at most so many cells, broken between words where that is possible."""
    lines, line, width = [], "", max(2, width)
    for word in text.split():
        if line and cell_len(line) + 1 + cell_len(word) <= width:
            line += f" {word}"
            continue
        lines += [line] if line else []
        while cell_len(word) > width:
            lines.append(beginning(word, width) or word[0])
            word = word.removeprefix(lines[-1])
        line = word
    return [*lines, line] if line else lines


def paragraph(text: str, width: int, palette: Palette, colour: str = "dim") -> list[Row]:
    """A text as rows of at most so many cells, in one of the palette's colours."""
    return [row((line, palette.style(colour))) for line in wrapped(text, width)]


def fitted(text: str, width: int) -> str:
    """A text in exactly so many cells; "…" ends one that was cut."""
    is_whole = cell_len(text) <= width
    return set_cell_size(text, width) if is_whole else f"{set_cell_size(text, width - 1)}…"


def end_of(text: str, width: int) -> str:
    """A text, or as much of its end as fits behind an ellipsis; a letter keeps its marks."""
    if cell_len(text) <= width:
        return text
    first, room = len(text), width - 1
    for start, _, cells in reversed(clusters(text)):
        room -= cells
        if room < 0:
            break
        first = start
    return f"…{text[first:]}"


def number(value: float | None, digits: int = 3) -> str:
    """A loss for people: ∞ where it is infinite, – where there is none."""
    if value is None:
        return "–"
    if value != value:
        return "not a number"
    return f"{round(value, digits) + 0.0:.{digits}f}".replace("inf", "∞")  # and not -0


def signed(value: float, digits: int = 3) -> str:
    """A difference of losses for people: with its sign, and no minus before a zero."""
    return f"{round(value, digits) + 0.0:+.{digits}f}".replace("inf", "∞")


def scientific(value: float, form: str = ".3g") -> str:
    """A small number, with no zeros in the exponent: 0.0012, 6.99e-7."""
    mantissa, _, exponent = f"{value:{form}}".partition("e")
    return f"{mantissa}e{int(exponent)}" if exponent else mantissa


def probability(value: float, decimals: int = 4) -> str:
    """A probability for people: with so many decimals, or as 4.3e-5 where they say too little."""
    return scientific(value, ".1e" if 0 < value < _SMALL else f".{decimals}f")


def bar(share: float, width: int) -> str:
    """A bar to the right, `width` cells of which a share is filled, to an eighth of a cell."""
    eighths = round(min(max(share, 0.0), 1.0) * 8 * max(0, width))
    whole, rest = divmod(eighths, 8)
    return ("█" * whole + (_EIGHTHS[rest] if rest else "")).ljust(max(0, width))


def column(share: float) -> str:
    """A column one cell high, of which a share is filled; never quite empty."""
    return _HEIGHTS[min(7, int(min(max(share, 0.0), 1.0) * 8))]
