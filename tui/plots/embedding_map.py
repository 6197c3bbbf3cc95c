"""The embedding map: characters at their coordinates, between faint axes."""

from dataclasses import dataclass

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style

from makemore_tui.core.results import EmbeddingMap

from ..style.colours import Palette
from ..style.text_rows import Row

_ASPECT = 2.0  # a cell is about twice as high as it is wide
_SHRINKING = 0.1  # of the way to what the points need, a frame
_NEIGHBOURS = sorted(
    ((down, right) for down in range(-2, 3) for right in range(-4, 5)),
    key=lambda place: (_ASPECT * place[0]) ** 2 + place[1] ** 2,
)


@dataclass(frozen=True)
class Range:
    """A rectangle of the plane."""

    left: float
    right: float
    bottom: float
    top: float

    def around(self, other: "Range") -> "Range":
        """The smallest rectangle around both."""
        return Range(
            min(self.left, other.left),
            max(self.right, other.right),
            min(self.bottom, other.bottom),
            max(self.top, other.top),
        )

    def towards(self, other: "Range", share: float) -> "Range":
        """A share of the way to another."""
        pairs = zip(vars(self).values(), vars(other).values(), strict=True)
        return Range(*(a + share * (b - a) for a, b in pairs))


def embedding_rows(
    shown: EmbeddingMap, range_: Range, width: int, height: int, palette: Palette
) -> tuple[list[Row], int]:
    """The map in `height` rows of `width` cells, and how many characters found no free cell."""
    scale = _Scale(range_, width, height)
    labels = _labels(palette, shown, scale, width, height)
    cells = _axes(palette, scale, width, height)
    farthest = _farthest(palette, scale, width, height)
    if not farthest.keys() & labels.keys():
        cells |= farthest  # whole, or not at all
    cells |= labels
    hidden = len(shown.labels) - sum(bool(one.text) for one in labels.values())
    return [_row_of(cells, y, width) for y in range(height)], hidden


class _Scale:
    """From the plane to cells: as large as fits, equally far in both directions, and centred."""

    def __init__(self, range_: Range, width: int, height: int):
        across = max(range_.right - range_.left, 1e-9)
        up = max(range_.top - range_.bottom, 1e-9)
        self._cells = min((width - 1) / across, (height - 1) * _ASPECT / up)  # to the right, a unit
        self._middle = (range_.left + range_.right) / 2, (range_.bottom + range_.top) / 2
        self._centre = (width - 1) / 2, (height - 1) / 2

    def cell(self, x: float, y: float) -> tuple[int, int]:
        """The row and the column of a point."""
        right = self._centre[0] + (x - self._middle[0]) * self._cells
        down = self._centre[1] - (y - self._middle[1]) * self._cells / _ASPECT
        return round(down), round(right)

    def right_end(self, width: int) -> float:
        """The x of the last column."""
        return self._middle[0] + (width - 1 - self._centre[0]) / max(self._cells, 1e-9)


def _axes(
    palette: Palette, scale: _Scale, width: int, height: int
) -> dict[tuple[int, int], Segment]:
    """Faint lines through 0."""
    faint = palette.style("faint")
    y, x = scale.cell(0.0, 0.0)
    cells = {(y, i): Segment("─", faint) for i in range(width)}
    cells |= {(i, x): Segment("│", faint) for i in range(height)}
    cells[y, x] = Segment("┼", faint)
    return cells


def _farthest(
    palette: Palette, scale: _Scale, width: int, height: int
) -> dict[tuple[int, int], Segment]:
    """The coordinate at the right end of the axis."""
    if width < 20 or height < 6:
        return {}
    farthest, dim = f"{scale.right_end(width):.1f}", palette.style("dim")
    y, first = scale.cell(0.0, 0.0)[0], width - len(farthest)
    return {(y, first + i): Segment(sign, dim) for i, sign in enumerate(farthest)}


def _labels(
    palette: Palette, shown: EmbeddingMap, scale: _Scale, width: int, height: int
) -> dict[tuple[int, int], Segment]:
    """The labels in their cells, or in the nearest free ones; one that finds none is left out."""
    taken: dict[tuple[int, int], Segment] = {}
    for i, (label, point) in enumerate(zip(shown.labels, shown.points, strict=True)):
        style, size = _style(palette, shown, i), max(1, cell_len(label))
        place = _free_place(scale.cell(*point), size, taken, width, height)
        if place is not None:
            taken[place] = Segment(label, style)
            if size == 2:
                taken[place[0], place[1] + 1] = Segment("", style)
    return taken


def _style(palette: Palette, shown: EmbeddingMap, i: int) -> Style:
    if i == shown.boundary:
        return palette.style("good", bold=True) + Style(reverse=True)
    if shown.vowels[i]:
        return palette.style("dev", bold=True) + Style(underline=True)
    return palette.style("text")


def range_of(points: list[tuple[float, float]]) -> Range:
    """The rectangle around points and the origin, with a small margin."""
    xs, ys = [0.0, *(x for x, _ in points)], [0.0, *(y for _, y in points)]
    margin = 0.02 * max(max(xs) - min(xs), max(ys) - min(ys), 1e-6)
    return Range(min(xs) - margin, max(xs) + margin, min(ys) - margin, max(ys) + margin)


def next_range(before: Range | None, needed: Range) -> Range:
    """The range to show after another: it grows at once to what is needed, and shrinks slowly."""
    return needed if before is None else before.towards(needed, _SHRINKING).around(needed)


def _free_place(
    place: tuple[int, int], size: int, taken: dict, width: int, height: int
) -> tuple[int, int] | None:
    """The free place nearest to one, for a label of so many cells."""
    for down, right in _NEIGHBOURS:
        y, x = place[0] + down, place[1] + right
        is_inside = 0 <= y < height and x >= 0 and x + size <= width
        if is_inside and not any((y, x + i) in taken for i in range(size)):
            return y, x
    return None


def _row_of(cells: dict[tuple[int, int], Segment], y: int, width: int) -> Row:
    blank = Segment(" ")
    return [cells.get((y, x), blank) for x in range(width)]
