"""How much of a bigram table a panel shows, and where the details of its pair stand."""

from typing import NamedTuple

MAX_CELL_WIDTH = 4
MAX_SIDE_WIDTH = 44  # cells
_MIN_SIDE_WIDTH, _USUAL_SIDE = 17, 30
_BELOW = 6  # lines of what stands below, at the least, after an empty one
_WIDE, _HIGH = 70, 24  # from which a panel has a place for it, though the table be smaller
_GAP = 2


class TableLayout(NamedTuple):
    """The parts of a panel, in cells and lines; a part that isn't there is 0.

    label_width: of the labels of rows. cell_width: of a column. is_halved: whether two rows share a
    line. lines, columns: of the table that are shown. side_width: of the details beside the table.
    lines_below: of the details below it.
    """

    label_width: int
    cell_width: int
    is_halved: bool
    lines: int
    columns: int
    side_width: int
    lines_below: int


def table_layout(
    width: int, height: int, characters: int, widest: int, is_signed: bool
) -> TableLayout:
    """The parts of a panel of that size, for a table of so many characters.

    widest: the cells of the widest character. is_signed: whether each cell has a sign, so that no
    two can share a line. A table that doesn't fit leaves room for details beside or below it;
    one that does has narrower cells for that, in a wide panel.
    """
    lines = max(1, height - 2)  # without a header, and the facts of a pair
    is_halved = not is_signed and characters > lines
    label = (2 if is_halved else 1) * widest + 1
    needed = (characters + 1) // 2 if is_halved else characters
    room = max(1, width - label)
    scrolls = needed > lines or characters * widest > room
    if scrolls and height >= _HIGH and width < _WIDE:
        lines -= _BELOW + 1
        needed = min(needed, lines)
        below = _BELOW
    else:
        needed = min(needed, lines)
        below = lines - needed - 1
    if below < _BELOW and width >= _WIDE:
        room -= (_USUAL_SIDE if scrolls else _MIN_SIDE_WIDTH) + _GAP
    cell = max(widest, min(MAX_CELL_WIDTH, room // characters))
    columns = max(1, min(characters, room // cell))
    side = min(MAX_SIDE_WIDTH, width - label - columns * cell - _GAP)
    has_side = below < _BELOW and side >= _MIN_SIDE_WIDTH and needed >= 8
    return TableLayout(
        label_width=label,
        cell_width=cell,
        is_halved=is_halved,
        lines=needed,
        columns=columns,
        side_width=side if has_side else 0,
        lines_below=below if below >= _BELOW else 0,
    )
