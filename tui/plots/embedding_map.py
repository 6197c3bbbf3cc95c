"""The embedding map: characters at their coordinates, between faint axes."""

from typing import NamedTuple

from rich.segment import Segment
from rich.style import Style

from makemore_tui.core.results import EmbeddingMap

from ..style.cells import cell_len
from ..style.colours import Palette
from ..style.text_rows import Row

_ASPECT = 2.0  # a cell is about twice as high as it is wide
_SHRINKING = 0.1  # of the way to what the points need, a frame
_NEIGHBOURS = sorted(
    ((down, right) for down in range(-2, 3) for right in range(-4, 5)),
    key=lambda place: (_ASPECT * place[0]) ** 2 + place[1] ** 2,
)

Cells = dict[tuple[int, int], Segment]  # by row and column


class Range(NamedTuple):
    """A rectangle of the plane."""

    left: float
    right: float
    bottom: float
    top: float


def range_of(points: list[tuple[float, float]]) -> Range:
    """The rectangle around points and the origin, with a small margin."""
    xs, ys = [0.0, *(x for x, _ in points)], [0.0, *(y for _, y in points)]
    margin = 0.02 * max(max(xs) - min(xs), max(ys) - min(ys), 1e-6)
    return Range(min(xs) - margin, max(xs) + margin, min(ys) - margin, max(ys) + margin)


def next_range(before: Range | None, needed: Range) -> Range:
    """The range to show after another: it grows at once to what is needed, and shrinks slowly."""
    pairs = zip(before or needed, needed, strict=True)
    left, right, bottom, top = (old + _SHRINKING * (new - old) for old, new in pairs)
    return Range(
        min(left, needed.left),
        max(right, needed.right),
        min(bottom, needed.bottom),
        max(top, needed.top),
    )


def embedding_rows(
    shown: EmbeddingMap, range_: Range, width: int, height: int, palette: Palette
) -> tuple[list[Row], int]:
    """The map in `height` rows of `width` cells, and how many characters found no free cell. It is
    as large as fits, equally far in both directions, and centred."""
    across, up = max(range_.right - range_.left, 1e-9), max(range_.top - range_.bottom, 1e-9)
    unit = min((width - 1) / across, (height - 1) * _ASPECT / up)  # cells to the right
    middle = (range_.left + range_.right) / 2, (range_.bottom + range_.top) / 2

    def place(x: float, y: float) -> tuple[int, int]:
        right = (width - 1) / 2 + (x - middle[0]) * unit
        return round((height - 1) / 2 - (y - middle[1]) * unit / _ASPECT), round(right)

    labels = _labels(shown, [place(*point) for point in shown.points], width, height, palette)
    faint, (row, column) = palette.style("faint"), place(0.0, 0.0)
    cells: Cells = {(row, x): Segment("─", faint) for x in range(width)}
    cells |= {(y, column): Segment("│", faint) for y in range(height)}
    cells[row, column] = Segment("┼", faint)
    if width >= 20 and height >= 6:
        farthest = f"{middle[0] + (width - 1) / 2 / max(unit, 1e-9):.1f}"  # to the right
        end = {(row, width - len(farthest) + i): one for i, one in enumerate(farthest)}
        if not end.keys() & labels.keys():  # whole, or not at all
            cells |= {place: Segment(one, palette.style("dim")) for place, one in end.items()}
    cells |= labels
    hidden = len(shown.labels) - sum(bool(one.text) for one in labels.values())
    blank = Segment(" ")
    return [[cells.get((y, x), blank) for x in range(width)] for y in range(height)], hidden


def _labels(
    shown: EmbeddingMap, wanted: list[tuple[int, int]], width: int, height: int, palette: Palette
) -> Cells:
    """The labels in their cells, or in the nearest free ones; one that finds none is left out."""
    boundary = palette.style("good", bold=True) + Style(reverse=True)
    vowel = palette.style("dev", bold=True) + Style(underline=True)
    taken: Cells = {}
    for i, (label, (row, column)) in enumerate(zip(shown.labels, wanted, strict=True)):
        style = vowel if shown.vowels[i] else palette.style("text")
        style = boundary if i == shown.boundary else style
        size = max(1, cell_len(label))
        for down, right in _NEIGHBOURS:
            y, first = row + down, column + right
            places = [(y, first + j) for j in range(size)]
            is_inside = 0 <= y < height and 0 <= first <= width - size
            if is_inside and not any(place in taken for place in places):
                texts = [label, *[""] * (size - 1)]
                taken |= {place: Segment(x, style) for place, x in zip(places, texts, strict=True)}
                break
    return taken
