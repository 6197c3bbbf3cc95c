"""Rows of coloured text, and what is written into them."""

from rich.cells import cell_len, chop_cells, set_cell_size
from rich.segment import Segment
from rich.style import Style

Row = list[Segment]


def row(*parts: tuple[str, Style]) -> Row:
    """A row from texts with their styles."""
    return [Segment(text, style) for text, style in parts]


def width_of(line: Row) -> int:
    """How many cells a row takes."""
    return sum(segment.cell_length for segment in line)


def beside(left: list[Row], right: list[Row], column: int) -> list[Row]:
    """Two blocks of rows next to each other, the right one from a column on."""
    lines = []
    for i in range(max(len(left), len(right))):
        line = left[i] if i < len(left) else []
        gap = Segment(" " * max(0, column - width_of(line)))
        lines.append([*line, gap, *right[i]] if i < len(right) else line)
    return lines


def wrapped(text: str, width: int) -> list[str]:
    """A text in lines of at most so many cells, broken between words where that is possible."""
    lines, line = [], ""
    for word in text.split():
        if line and cell_len(line) + 1 + cell_len(word) <= width:
            line += f" {word}"
            continue
        lines += [line] if line else []
        *whole, line = chop_cells(word, max(2, width)) if cell_len(word) > width else [word]
        lines += whole
    return [*lines, line] if line else lines


def fitted(text: str, width: int) -> str:
    """A text in exactly so many cells; "…" ends one that was cut."""
    is_whole = cell_len(text) <= width
    return set_cell_size(text, width) if is_whole else f"{set_cell_size(text, width - 1)}…"


def number(value: float | None, digits: int = 3) -> str:
    """A loss for people: ∞ where it is infinite, – where there is none."""
    if value is None:
        return "–"
    if value != value:
        return "not a number"
    return "∞" if value == float("inf") else f"{value:.{digits}f}"
