"""A plot's lines and axes as plotext draws them, and the cells beside them to write into."""

import math
import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import accumulate, chain, groupby
from operator import itemgetter
from typing import Any, NamedTuple

from rich.segment import Segment
from rich.style import Style

from ..style.cells import cell_len
from ..style.colours import RGB
from ..style.text_rows import Row

AXIS_WIDTH = 6  # cells for the numbers at the left
_ESCAPE = re.compile(r"\x1b\[([0-9;]*)m")
_TAKEN = "\N{NO-BREAK SPACE}"  # a space that is not free


class Axis(NamedTuple):
    """From where to where an axis goes, and its ticks: their places, and what they say."""

    low: float
    high: float
    places: list[float]
    labels: list[str]


class Figure:
    """A figure of `height` rows of `width` cells. There is one at a time: plotext has but one."""

    def __init__(self, width: int, height: int):
        import plotext  # not before the first plot: the first screen is there sooner

        self._plotext: Any = plotext
        self._figure, self._height = plotext.figure, height
        plotext.terminal.limit(False, False)
        self._figure.clear.all()
        self._figure.plot_size(width, height)
        self._figure.canvas("default")

    def upright(self, x: float, colour: RGB) -> None:
        """Draw a dotted line from bottom to top."""
        pixel = self._plotext.pixel(colour)
        self._figure.line(x, orientation=1, pixel=pixel, style="dotted")

    def line(self, points: Iterable[tuple[float, float]], colour: RGB) -> None:
        """Draw a line through some points (x, y), if there are any."""
        if coordinates := [list(values) for values in zip(*points, strict=True)]:
            marker = self._plotext.marker("braille", self._plotext.pixel(colour))
            self._figure.draw(self._figure.signal(*coordinates, marker=marker).lines())

    def axes(self, x: Axis, y: Axis, colour: RGB) -> None:
        """Draw the axes, one below and one at the left."""
        pixel = self._plotext.pixel(colour)
        for name, side, opposite, axis in (("x", "lower", "upper", x), ("y", "left", "right", y)):
            self._figure.axes(False, axis=name, side=opposite)
            self._figure.axes(True, axis=name, side=side, pixel=pixel)
            ruler = self._figure.ruler(name, side)
            ruler.lim(axis.low, axis.high).ticks(axis.places, labels=axis.labels)
            self._figure.ruler(name).pixel(pixel)

    def rows(self) -> list[Row]:
        """What it looks like."""
        return parse_ansi(self._figure.build().string())[: self._height]


def parse_ansi(text: str) -> list[Row]:
    """Rows of segments from plotext's text, keeping foreground colours only."""
    rows = []
    for line in text.split("\n"):
        segments, style = [], Style.null()
        pieces = _ESCAPE.split(line)  # text, codes, text, codes, …, text
        for codes, piece in zip(["", *pieces[1::2]], pieces[::2], strict=True):
            style = _style_after(style, codes)
            if piece:
                segments.append(Segment(piece, style))
        rows.append(segments)
    return rows


@lru_cache(maxsize=64)
def _style_after(style: Style, codes: str) -> Style:
    if codes in ("", "0"):
        return Style.null()
    if codes.startswith("38;2;"):
        red, green, blue = codes.split(";")[2:5]
        return Style.parse(f"rgb({red},{green},{blue})")
    return style


class CellGrid:
    """A grid of cells, one character each. Only free cells can be written; the rest stays."""

    def __init__(self, rows: list[Row], width: int):
        """Rows of segments, each cut or filled up to so many cells."""
        self.width, self.height = width, len(rows)
        self._characters, self._styles = list[list[str]](), list[list[Style]]()
        for row in rows:
            parts = [*row, Segment(" " * width)]
            self._characters.append([*"".join([part.text for part in parts])][:width])
            styles = [[part.style or Style.null()] * len(part.text) for part in parts]
            self._styles.append([*chain.from_iterable(styles)][:width])

    def write(self, row: int, column: int, text: str, style: Style) -> None:
        """Write a text's characters into those of its cells that are free."""
        if 0 <= row < self.height:
            characters, styles = self._characters[row], self._styles[row]
            for i, character in enumerate(text, column):
                if 0 <= i < self.width and characters[i] == " ":
                    characters[i], styles[i] = character, style

    def write_upright(self, column: int, character: str, style: Style) -> None:
        """Write a character into all free cells of a column."""
        for row in range(self.height):
            self.write(row, column, character, style)

    def write_label(self, row: int, column: int, text: str, style: Style) -> None:
        """Write a text whose spaces, too, are not free afterwards."""
        self.write(row, column, text.replace(" ", _TAKEN), style)

    def is_free(self, row: int, column: int, text: str) -> bool:
        """Return whether the cells of a text exist and are free. It must have no wide character."""
        end = column + len(text)
        if not (0 <= row < self.height and column >= 0 and end <= self.width):
            return False
        is_narrow = cell_len(text) == len(text)
        return is_narrow and all(one == " " for one in self._characters[row][column:end])

    def shade(self, column: int, top: float, bottom: float, style: Style) -> None:
        """Shade the free cells of a column that are mostly between two heights, which are counted
        in rows from the upper edge."""
        first, last = max(0, math.ceil(top - 0.7)), min(self.height, math.ceil(bottom - 0.3))
        for row in range(first, last):
            self.write(row, column, "░", style)

    def rows(self) -> list[Row]:
        """The rows as segments, one for each run of cells of one style."""
        return [*map(_segments, self._characters, self._styles)]


def _segments(characters: list[str], styles: list[Style]) -> Row:
    text, first, row = "".join(characters).replace(_TAKEN, " "), 0, list[Segment]()
    for style, run in groupby(styles):
        last = first + len(list(run))
        row.append(Segment(text[first:last], style))
        first = last
    return row


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
                distance, rows = min(below, key=itemgetter(0))
                longer[choice] = distance + abs(choice - row), (choice, *rows)
        ways = longer or {upper: (cost, (None, *rows)) for upper, (cost, rows) in ways.items()}
    return list(min(ways.values(), key=itemgetter(0))[1])


def distinct_rows(wanted: list[int], size: int) -> list[int]:
    """Rows as near as possible to those wanted, which are in order, so that no two are the same.
    Where there are more than `size`, the first ones have rows before 0."""
    apart = list(accumulate(wanted, lambda above, row: max(row, above + 1)))
    upwards = accumulate(reversed(apart), lambda below, row: min(row, below - 1), initial=size)
    return list(upwards)[:0:-1]
