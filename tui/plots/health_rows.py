"""A run's health as rows of text: the diagnosis, and the numbers that it rests on."""

import math

from rich.style import Style

from makemore_tui.core.analysis.diagnosis import FAR_OFF, LARGE_GAP, MAX_DEAD, MAX_SATURATED
from makemore_tui.core.results import Health, TensorHealth

from ..style.bars import column
from ..style.colours import Palette
from ..style.text_rows import Row, beside, number, row, wrapped

_SCALE = (-5.0, -1.0)  # log10 of update to weight, its ends
_USUAL = -3.0
_SCALE_WIDTH = 11
_NAMES, _VALUES = 11, 9  # cells
_WIDE = 68  # cells from which two blocks stand side by side


def health_rows(health: Health, width: int, height: int, palette: Palette) -> list[Row]:
    """The health of a run in rows of `width` cells, at most `height` of them if that can be."""
    diagnosis = _diagnosis(palette, health, width)
    if width >= _WIDE:
        half = width // 2 - 2
        left = _spaced([_losses(palette, health, half), _activations(palette, health, half)])
        return [*diagnosis, [], *beside(left, _tensors(palette, health, half, True), half + 4)]
    activations = _activations(palette, health, width)
    blocks = [diagnosis, _losses(palette, health, width), activations]
    room = height - sum(map(len, blocks)) - len(health.tensors)
    if room < 0:
        blocks[1].pop()  # the gap, which the split losses show too
    blocks.append(_tensors(palette, health, width, has_title=room > 0))
    return _spaced(blocks) if room >= len(blocks) else [line for one in blocks for line in one]


def _diagnosis(palette: Palette, health: Health, width: int) -> list[Row]:
    name = health.diagnosis.name
    is_good = name == "healthy"
    colour = "good" if is_good else "dim" if name == "just begun" else "warning"
    sign = "✓" if is_good else "·" if name == "just begun" else "!"
    lines = wrapped(health.diagnosis.sentence, width - 2)
    return [
        row((f"{sign if i == 0 else ' '} {line}", palette.style(colour, bold=True)))
        for i, line in enumerate(lines)
    ]


def _losses(palette: Palette, health: Health, width: int) -> list[Row]:
    """The first loss against ln V, and the gap."""
    is_far = health.first_loss > health.uniform + FAR_OFF
    is_large = health.gap is not None and health.gap > LARGE_GAP
    uniform = f"ln V {health.uniform:.3f}"
    return [
        _fact(palette, "first loss", number(health.first_loss), is_far, width, uniform),
        _fact(palette, "gap", _signed(health.gap), is_large, width, "dev - train"),
    ]


def _activations(palette: Palette, health: Health, width: int) -> list[Row]:
    """How many hidden units are saturated or dead, and a histogram of the activations."""
    if health.saturated is None or health.dead is None or not health.histogram:
        return [row(("no hidden layer", palette.style("dim")))]
    saturated, dead = _percent(health.saturated), f"dead {_percent(health.dead)}"
    is_much, are_many = health.saturated > MAX_SATURATED, health.dead > MAX_DEAD
    return [
        _fact(palette, "saturated", saturated, is_much, width, dead, are_many),
        _histogram(palette, health.histogram),
    ]


def _histogram(palette: Palette, counts: list[int]) -> Row:
    dim, most = palette.style("dim"), max(counts) or 1
    columns = "".join(column(count / most) if count else " " for count in counts)
    return row(("tanh  -1 ", dim), (columns, palette.style("batch")), (" 1", dim))


def _fact(
    palette: Palette,
    name: str,
    value: str,
    is_bad: bool,
    width: int,
    second: str = "",
    is_second_bad: bool = False,
) -> Row:
    """A value with its name, and a second one beside it; ! marks one that is bad."""
    second = f"{second}{' !' if is_second_bad else ''}"
    if _NAMES + _VALUES + len(second) > width:
        second = "!" if is_second_bad else ""
    return row(
        (name.ljust(_NAMES), palette.style("dim")),
        (f"{value}{' !' if is_bad else ''}".ljust(_VALUES), _strong(palette, is_bad)),
        (second, _strong(palette, True) if is_second_bad else palette.style("dim")),
    )


def _strong(palette: Palette, is_bad: bool) -> Style:
    return palette.style("warning" if is_bad else "text", bold=True)


def _tensors(palette: Palette, health: Health, width: int, has_title: bool) -> list[Row]:
    """A row for each parameter tensor."""
    lines = [_tensor(palette, one, health.usual_ratios, width) for one in health.tensors]
    if not has_title or not lines:
        return lines
    words = ("update/weight", "upd/weight", "upd/w")
    titles = (*(f"log₁₀ {word}, ┼ {_USUAL:g}" for word in words), "log₁₀")
    fitting = next((one for one in titles if len(one) + 12 <= width), "")
    title = f"{'':4}{'grad.':<8}{fitting}"
    return [row((title, palette.style("dim"))), *lines]


def _tensor(palette: Palette, one: TensorHealth, usual: tuple[float, float], width: int) -> Row:
    """A tensor's gradient and update-to-weight ratio; ! marks one beyond the usual range."""
    ratio = one.ratio
    is_bad = ratio is not None and not usual[0] <= ratio <= usual[1]
    text = "–" if ratio is None else f"{ratio:+.1f}"
    parts = [
        (f"{one.name:<4.3}", palette.style("text")),
        (f"{one.gradient:<8.1e}", palette.style("dim")),
        (f"{text:>5}{'!' if is_bad else ' '}", _strong(palette, is_bad)),
    ]
    if width >= 19 + _SCALE_WIDTH:
        parts += [(" ", Style.null()), *_on_scale(palette, ratio, is_bad)]
    return row(*parts)


def _on_scale(palette: Palette, ratio: float | None, is_bad: bool) -> list[tuple[str, Style]]:
    """A dot where the ratio is, on a line with a mark at -3."""
    faint, last = palette.style("dim"), _SCALE_WIDTH - 1
    line = ["·"] * _SCALE_WIDTH
    line[_scale_column(_USUAL, last)] = "┼"
    if ratio is None:
        return [("".join(line), faint)]
    at = _scale_column(ratio, last)
    dot = palette.style("warning" if is_bad else "good", bold=True)
    return [("".join(line[:at]), faint), ("●", dot), ("".join(line[at + 1 :]), faint)]


def _percent(share: float) -> str:
    """A share in hundredths, in at most five characters; – where there is none."""
    if math.isnan(share):
        return "–"
    return f"{100 * share:.1f}%" if share < 0.9995 else "100%"


def _signed(gap: float | None) -> str:
    """A difference of losses, in at most seven characters."""
    if gap is None or math.isnan(gap):
        return "–"
    if math.isinf(gap):
        return "∞" if gap > 0 else "-∞"
    return f"{gap:+.3f}" if abs(gap) < 10 else f"{gap:+.3g}"


def _scale_column(ratio: float, last: int) -> int:
    """The column of a ratio on the scale, from 0 to `last`."""
    low, high = _SCALE
    return round(last * min(1.0, max(0.0, (ratio - low) / (high - low))))


def _spaced(blocks: list[list[Row]]) -> list[Row]:
    """Blocks of rows with an empty row between them."""
    return [line for i, block in enumerate(blocks) for line in ([[]] if i else []) + block]
