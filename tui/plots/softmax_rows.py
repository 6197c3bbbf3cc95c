"""The softmax of typed logits: as it is written, and with the largest subtracted, side by side."""

import math
from collections.abc import Sequence
from itertools import product

from makemore_tui.core.results import SoftmaxDrawing, TraceLine

from ..style.colours import Palette
from ..style.text_rows import Row, paragraph, row

_TITLES = "as it is written", "with the largest subtracted"
_GAP = 3  # between two tables
_WORDS = (
    "In float32 no number is larger than 3.4e+38, but exp(89) would be: it becomes inf, and "
    "inf / inf is nan, no number. With the largest subtracted no exponent is above 0, and p is the "
    "same, for exp(a - m) / sum exp(b - m) = exp(a) / sum exp(b)."
)
_Table = list[list[str]]  # the titles of the columns, a row for each logit, and the sums


def softmax_rows(
    drawn: SoftmaxDrawing, width: int, height: int, palette: Palette, how_to_see: str = ""
) -> list[Row]:
    """The naive way beside the safe one, or above it, whichever shows more of the logits; below,
    what to see, if that leaves room for all of them.

    how_to_see: what to press for more room, said where there are rows without any.
    """
    logits, shifted = drawn.logits, drawn.safe[0].values
    naive = _table("logits", logits, drawn.naive)
    safe = _table("shifted", shifted, drawn.safe[1:])
    log_total = math.log(drawn.safe[2].values[0])  # of cross-entropy, which never takes ln 0
    for line, one in zip(safe[1:-1], shifted, strict=True):
        line[-1] = f"{log_total - one:.4g}"
    ways = [_Way(naive, safe, *way, width, height) for way in product((4, 3), (True, False))]
    way = max((one for one in ways if one.fits), key=lambda one: one.most, default=ways[-1])
    left, right = (
        _rows(i, table, way, palette, how_to_see) for i, table in enumerate((naive, safe))
    )
    rows = [*left, *right]
    if way.is_beside:
        gap = row((" " * _GAP, palette.style("dim")))
        rows = [a + gap + b for a, b in zip(left, right, strict=True)]
    words = [[], *paragraph(_WORDS, width, palette)]
    return [*rows, *words] if len(rows) + len(words) <= height else rows


class _Way:
    """A way to draw two tables: with so many of their columns, beside each other or not; and of the
    logits, how many have a row."""

    def __init__(
        self, naive: _Table, safe: _Table, columns: int, is_beside: bool, width: int, height: int
    ):
        self.is_beside = is_beside
        for gap in (2, 1):
            self.widths = [_widths(i, one, columns, gap) for i, one in enumerate((naive, safe))]
            both = [sum(widths) for widths in self.widths]
            self.fits = (sum(both) + _GAP if is_beside else max(both)) <= width
            if self.fits:
                break
        room, many = height if is_beside else height // 2, len(naive) - 2
        self.most = many if room >= many + 3 else max(1, room - 4)


def _widths(i: int, table: _Table, columns: int, gap: int) -> list[int]:
    """How wide the first columns of the first or second table are; its title fits above them."""
    first, *others = [max(len(line[j]) for line in table) for j in range(columns)]
    widths = [gap + one for one in others]
    return [max(first, len(_TITLES[i]) - sum(widths)), *widths]


def _table(name: str, first: Sequence[float], stages: Sequence[TraceLine]) -> _Table:
    counts, (total,), p = (one.values for one in stages)
    lines = [
        [f"{one:.4g}", f"{n:.4g}", f"{q:.4g}", f"{_minus_log(q):.4g}"]
        for one, n, q in zip(first, counts, p, strict=True)
    ]
    sums = ["sum", f"{total:.4g}", f"{sum(p):.4g}", ""]
    return [[name, "exp", "p", "-ln p"], *lines, sums]


def _minus_log(p: float) -> float:
    return 0.0 - math.log(p) if p > 0 else math.inf if p == 0 else p


def _rows(i: int, table: _Table, way: _Way, palette: Palette, how_to_see: str) -> list[Row]:
    """The first or second table as rows of one width; what has no room is counted."""
    widths, (titles, *lines, sums) = way.widths[i], table
    width, left = sum(widths), len(lines) - way.most
    shown = [_line(line, widths, palette, "text") for line in lines[: way.most]]
    if left > 0:
        said = " · ".join(filter(None, (f"… {left} more", how_to_see)))
        shown.append(row((f"{said:>{width}}", palette.style("dim"))))
    return [
        row((f"{_TITLES[i]:>{width}}", palette.style("text", bold=True))),
        _line(titles, widths, palette, "dim"),
        *shown,
        _line(sums, widths, palette, "dim"),
    ]


def _line(texts: Sequence[str], widths: list[int], palette: Palette, colour: str) -> Row:
    """A line of a table; what is no finite number stands out."""
    cells: Row = []
    for width, text, own in zip(widths, texts, ("dim", *[colour] * 3), strict=False):
        is_bad = text in ("inf", "nan")
        style = palette.style("warning", bold=True) if is_bad else palette.style(own)
        cells += row((f"{text:>{width}}", style))
    return cells
