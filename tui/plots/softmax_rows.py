"""The softmax of typed logits: as it is written, and with the largest subtracted, side by side."""

from collections.abc import Sequence

from makemore_tui.core.results import SoftmaxDrawing

from ..style.colours import Palette
from ..style.text_rows import Row, paragraph, row

_WIDTHS = (9, 11, 11)  # cells of a table's columns
_GAP = 3  # between two tables
_WORDS = (
    "In float32 no number is larger than 3.4e+38, but exp(89) would be: it becomes inf, and "
    "inf / inf is nan, no number. With the largest subtracted no exponent is above 0, and p is the "
    "same, for exp(a - m) / sum exp(b - m) = exp(a) / sum exp(b)."
)


def softmax_rows(drawn: SoftmaxDrawing, width: int, height: int, palette: Palette) -> list[Row]:
    """The naive way beside the safe one, or above it where there is no room; below, what to see."""
    is_wide = width >= 2 * sum(_WIDTHS) + _GAP
    words = paragraph(_WORDS, width, palette)
    most = max(1, height - len(words) - 4 if is_wide else (height - 7) // 2)
    counts, total, p = (one.values for one in drawn.naive)
    naive = [(f"{one:g}", n, q) for one, n, q in zip(drawn.logits, counts, p, strict=True)]
    shifted, safe_counts, safe_total, safe_p = (one.values for one in drawn.safe)
    safe = [(f"{a:.4g}", n, q) for a, n, q in zip(shifted, safe_counts, safe_p, strict=True)]
    left = _table("as it is written", "logits", naive[:most], (total[0], sum(p)), palette)
    last = safe_total[0], sum(safe_p)
    right = _table("with the largest subtracted", "minus max", safe[:most], last, palette)
    if is_wide:
        gap = row((" " * _GAP, palette.style("dim")))
        rows = [a + gap + b for a, b in zip(left, right, strict=True)]
    else:
        rows = [*left, [], *right]
    return [*rows, [], *words] if len(rows) + len(words) < height else rows


def _table(
    title: str,
    first: str,
    values: list[tuple[str, float, float]],
    sums: tuple[float, float],
    palette: Palette,
) -> list[Row]:
    """Logits with their exp and p, one below the other, and the sums."""
    title = f"{title:>{sum(_WIDTHS)}}"
    lines = [(name, *(f"{number:.4g}" for number in numbers)) for name, *numbers in values]
    sum_line = "sum", *(f"{number:.4g}" for number in sums)
    return [
        row((title, palette.style("text", bold=True))),
        _line((first, "exp", "p"), palette, "dim"),
        *(_line(line, palette, "text") for line in lines),
        _line(sum_line, palette, "dim"),
    ]


def _line(texts: Sequence[str], palette: Palette, colour: str) -> Row:
    """A line of a table; what is no finite number stands out."""
    cells: Row = []
    for width, text, own in zip(_WIDTHS, texts, ("dim", colour, colour), strict=True):
        is_bad = text in ("inf", "nan")
        style = palette.style("warning", bold=True) if is_bad else palette.style(own)
        cells += row((f"{text:>{width}}", style))
    return cells
