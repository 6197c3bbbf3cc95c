"""The softmax of typed logits: as it is written, and with the largest subtracted, side by side."""

from collections.abc import Sequence

from makemore_tui.core.results import SoftmaxDrawing

from ..style.colours import Palette
from ..style.text_rows import Row, paragraph, row

_NUMBER_WIDTH = 11
_WORDS = (
    "In float32 no number is larger than 3.4e+38, but exp(89) would be: it becomes inf, and "
    "inf / inf is nan, no number. With the largest subtracted no exponent is above 0, and p is the "
    "same, for exp(a - m) / sum exp(b - m) = exp(a) / sum exp(b)."
)


def softmax_rows(drawn: SoftmaxDrawing, width: int, height: int, palette: Palette) -> list[Row]:
    """The logits one below the other, the naive way beside the safe one, and the sums below."""
    text = palette.style("text", bold=True)
    counts, total, p = (one.values for one in drawn.naive)
    shifted, safe_counts, safe_total, safe_p = (one.values for one in drawn.safe)
    words = paragraph(_WORDS, width, palette)
    most = max(1, height - len(words) - 4)
    rows = [
        row((f"{'as it is written':>31}{'':3}{'with the largest subtracted':>33}", text)),
        _line(("logits", "exp", "p"), ("minus max", "exp", "p"), palette, "dim"),
    ]
    columns = drawn.logits, counts, p, shifted, safe_counts, safe_p
    for logit, *numbers in list(zip(*columns, strict=True))[:most]:
        left, right = _texts(numbers[:2]), _texts(numbers[2:])
        rows.append(_line((f"{logit:g}", *left), right, palette, "text"))
    sums = _texts((total[0], sum(p))), _texts((safe_total[0], sum(safe_p)))
    rows.append(_line(("sum", *sums[0]), ("", *sums[1]), palette, "dim"))
    return [*rows, [], *words]


def _texts(numbers: Sequence[float]) -> list[str]:
    return [f"{number:.4g}" for number in numbers]


def _line(left: Sequence[str], right: Sequence[str], palette: Palette, colour: str) -> Row:
    """A logit with both ways; what is no finite number stands out."""
    cells = row((f"{left[0]:>9}", palette.style("dim")))
    for group in (left[1:], right):
        for text in group:
            is_bad = text in ("inf", "nan")
            style = palette.style("warning", bold=True) if is_bad else palette.style(colour)
            cells += row((f"{text:>{_NUMBER_WIDTH}}", style))
        cells += row(("   ", palette.style("dim")))
    return cells
