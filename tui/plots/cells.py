"""The rows of a plot as a grid of cells, so that more can be written where nothing is hidden."""

import math
from collections.abc import Iterable, Sequence
from itertools import groupby

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style

_TAKEN = "\N{NO-BREAK SPACE}"  # a space that is not free

Rows = list[list[Segment]]


class CellGrid:
    """A grid of cells, one character each. Only free cells can be written; the rest stays."""

    def __init__(self, rows: Rows, width: int):
        """Rows of segments, each cut or filled up to so many cells."""
        self.width, self.height = width, len(rows)
        self._cells = [
            [(one, style or Style.null()) for text, style, _ in row for one in text][:width]
            for row in rows
        ]
        for cells in self._cells:
            cells += [(" ", Style.null())] * (width - len(cells))

    def write(self, row: int, column: int, text: str, style: Style) -> None:
        """Write a text's characters into those of its cells that are free."""
        if not 0 <= row < self.height:
            return
        cells = self._cells[row]
        for i, character in enumerate(text, column):
            if 0 <= i < self.width and cells[i][0] == " ":
                cells[i] = character, style

    def is_free(self, row: int, column: int, length: int = 1) -> bool:
        """Return whether so many cells of a row exist and are free."""
        if not (0 <= row < self.height and 0 <= column <= self.width - length):
            return False
        return all(character == " " for character, _ in self._cells[row][column : column + length])

    def write_label(
        self, rows: Iterable[int], column: int, right: str, left: str, style: Style, edge: int
    ) -> None:
        """Write one text right of a column, or the other left of it, in the first row that has room
        for it.

        edge: the column at which the text must end.
        """
        for row in rows:
            for text, first in ((right, column + 1), (left, column - len(left))):
                is_narrow = cell_len(text) == len(text)
                if is_narrow and first + len(text) <= edge and self.is_free(row, first, len(text)):
                    self.write_text(row, first, text, style)
                    return

    def write_text(self, row: int, column: int, text: str, style: Style) -> None:
        """Write a text whose spaces, too, are not free afterwards."""
        self.write(row, column, text.replace(" ", _TAKEN), style)

    def free_columns(
        self, rows: Iterable[int], columns: Sequence[int], text: str
    ) -> dict[int, int]:
        """The rows that have room for a text, each with the first of the columns where it fits."""
        length = len(text) if cell_len(text) == len(text) else self.width + 1
        found = {
            row: next((one for one in columns if self.is_free(row, one, length)), None)
            for row in rows
        }
        return {row: column for row, column in found.items() if column is not None}

    def shade(self, column: int, top: float, bottom: float, style: Style) -> None:
        """Shade the free cells of a column that are mostly between two heights, which are counted
        in rows from the upper edge."""
        first, last = max(0, math.ceil(top - 0.7)), min(self.height, math.ceil(bottom - 0.3))
        for row in range(first, last):
            self.write(row, column, "░", style)

    def rows(self) -> Rows:
        """The rows as segments, one for each run of cells of one style."""
        return [
            [_segment(list(run)) for _, run in groupby(cells, key=lambda cell: id(cell[1]))]
            for cells in self._cells
        ]


def _segment(run: list[tuple[str, Style]]) -> Segment:
    """A segment of cells that have one style."""
    return Segment("".join([character for character, _ in run]).replace(_TAKEN, " "), run[0][1])


def rows_for_labels(wanted: Sequence[int], free: Sequence[Iterable[int]]) -> list[int | None]:
    """For each label, top to bottom, one of the rows that are free for it: as near as possible to
    the row it wants, and below the label before it; None where there is none. If some must go
    without, they are the first."""
    ways: dict[int, tuple[int, tuple[int | None, ...]]] = {1 << 30: (0, ())}  # by the upper row
    for row, choices in zip(reversed(wanted), reversed(free), strict=True):
        longer = {}
        for choice in choices:
            below = [way for upper, way in ways.items() if choice < upper]
            if below:
                distance, rows = min(below, key=lambda way: way[0])
                longer[choice] = distance + abs(choice - row), (choice, *rows)
        ways = longer or {upper: (cost, (None, *rows)) for upper, (cost, rows) in ways.items()}
    return list(min(ways.values(), key=lambda way: way[0])[1])


def distinct_rows(wanted: list[int], size: int) -> list[int]:
    """Rows as near as possible to those wanted, which are in order, so that no two are the same.

    Where there are more than `size`, the first ones have rows before 0.
    """
    rows: list[int] = []
    for row in wanted:
        rows.append(max(row, rows[-1] + 1) if rows else row)
    last = size - 1
    for i in reversed(range(len(rows))):
        rows[i] = last = min(rows[i], last)
        last -= 1
    return rows
