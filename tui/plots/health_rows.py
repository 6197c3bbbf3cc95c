"""A run's health as rows of text: the diagnosis, and the numbers that it rests on."""

import math

from rich.style import Style

from makemore_tui.core.results import Health, TensorHealth

from ..style.cells import cell_len
from ..style.colours import Palette
from ..style.text_rows import Row, beside, column, fitted, number, paragraph, row, signed, wrapped

_SCALE = (-5.0, -1.0)  # log10 of update to weight, its ends
_USUAL = -3.0
_SCALE_WIDTH = 11
_NAMES, _VALUES = 11, 9  # cells
_WIDE = 68  # cells from which two blocks stand side by side
_HISTOGRAM_LINES, _BIN_WIDTH = 8, 2  # of a tall histogram: lines, and cells of a bin


def health_rows(health: Health, kind: str, width: int, height: int, palette: Palette) -> list[Row]:
    """The health of a run of a kind of model in rows of `width` cells, at most `height` of them if
    that can be."""
    signs = {"healthy": ("✓", "good"), "just begun": ("·", "dim")}
    sign, colour = signs.get(health.diagnosis.name, ("!", "warning"))
    sentence = "\n  ".join(wrapped(health.diagnosis.sentence, width - 2))
    style = palette.style(colour, bold=True)
    diagnosis = [row((line, style)) for line in f"{sign} {sentence}".split("\n")]
    if width >= _WIDE:
        half = width // 2 - 2
        left = _spaced([_losses(palette, health, half), _activations(palette, health, half)])
        right = _tensors(palette, health, half, True)
        rows = [*diagnosis, [], *beside(left, right, half + 4)]
        return [*rows, *_details(health, kind, width, height - len(rows), palette)]
    activations = _activations(palette, health, width)
    blocks = [diagnosis, _losses(palette, health, width), activations]
    room = height - sum(map(len, blocks)) - len(health.tensors)
    if room < 0:
        del blocks[1][1]  # of which examples the first loss is
    if room < -1:
        blocks[1].pop()  # the gap, which the split losses show too
    blocks.append(_tensors(palette, health, width, has_title=room > 0))
    return _spaced(blocks) if room >= len(blocks) else [line for one in blocks for line in one]


def _losses(palette: Palette, health: Health, width: int) -> list[Row]:
    """The first loss against ln V, of which examples it is, and the gap."""
    first = number(health.first_loss), "first loss" in health.unusual
    gap = _signed(health.gap), "gap" in health.unusual
    return [
        _fact(palette, width, "first loss", first, (f"ln V {health.uniform:.3f}", False)),
        row((_examples(health, width), palette.style("dim"))),
        _fact(palette, width, "gap", gap, ("dev - train", False)),
    ]


def _examples(health: Health, width: int) -> str:
    """What the first loss was measured on, in as many words as there is room for."""
    n = f"{health.examples:,}"
    words = (f"  on the first {n} examples of ", f"  of {n} examples of ", f"  of {n} of ")
    ways = [f"{one}{health.train_on}" for one in words]
    return next((one for one in ways if len(one) <= width), fitted(ways[-1], max(2, width)))


def _activations(palette: Palette, health: Health, width: int) -> list[Row]:
    """How many hidden units are saturated or dead, and a histogram of the activations."""
    dim = palette.style("dim")
    if health.saturated is None or health.dead is None or not health.histogram:
        return paragraph(health.note or "no hidden layer", width, palette)
    saturated = _percent(health.saturated), "saturated" in health.unusual
    dead = f"dead {_percent(health.dead)}", "dead" in health.unusual
    most = max(health.histogram) or 1
    columns = "".join(column(count / most) if count else " " for count in health.histogram)
    return [
        _fact(palette, width, "saturated", saturated, dead),
        row(("tanh  -1 ", dim), (columns, palette.style("batch")), (" 1", dim)),
    ]


def _fact(
    palette: Palette, width: int, name: str, first: tuple[str, bool], second: tuple[str, bool]
) -> Row:
    """A value with its name, and a second one beside it; ! marks one that is bad."""
    (value, is_bad), (other, is_other_bad) = first, second
    mark = " !" if is_other_bad else ""
    text = other + mark if _NAMES + _VALUES + len(other + mark) <= width else mark.strip()
    return row(
        (name.ljust(_NAMES), palette.style("dim")),
        (f"{value}{' !' if is_bad else ''}".ljust(_VALUES), _strong(palette, is_bad)),
        (text, _strong(palette, True) if is_other_bad else palette.style("dim")),
    )


def _strong(palette: Palette, is_bad: bool) -> Style:
    return palette.style("warning" if is_bad else "text", bold=True)


def _tensors(palette: Palette, health: Health, width: int, has_title: bool) -> list[Row]:
    """A row for each parameter tensor."""
    usual = health.usual_ratios if "ratio" in health.unusual else (-math.inf, math.inf)
    lines = [_tensor(palette, one, usual, width) for one in health.tensors]
    if has_title and lines:
        words = ("update/weight", "upd/weight", "upd/w")
        titles = (*(f"log₁₀ {word}, ┼ {_USUAL:g}" for word in words), "log₁₀")
        fitting = next((one for one in titles if len(one) + 12 <= width), "")
        lines.insert(0, row((f"{'':4}{'grad.':<8}{fitting}", palette.style("dim"))))
    return lines


def _tensor(palette: Palette, one: TensorHealth, usual: tuple[float, float], width: int) -> Row:
    """A tensor's gradient and update-to-weight ratio; ! marks one beyond the usual range. A dot
    stands where the ratio is, on a line with a mark at -3."""
    ratio, dim = one.ratio, palette.style("dim")
    is_bad = ratio is not None and not usual[0] <= ratio <= usual[1]
    text = "–" if ratio is None else f"{ratio:+.1f}"
    parts = [
        (f"{one.name:<4.3}", palette.style("text")),
        (f"{one.gradient:<8.1e}", dim),
        (f"{text:>5}{'!' if is_bad else ' '}", _strong(palette, is_bad)),
    ]
    if width >= 19 + _SCALE_WIDTH:
        line = ["·"] * _SCALE_WIDTH
        line[_scale_column(_USUAL)] = "┼"
        at = _SCALE_WIDTH if ratio is None else _scale_column(ratio)
        dot = palette.style("warning" if is_bad else "good", bold=True)
        parts += [(" ", Style.null()), ("".join(line[:at]), dim)]
        if ratio is not None:
            parts += [("●", dot), ("".join(line[at + 1 :]), dim)]
    return row(*parts)


def _scale_column(ratio: float) -> int:
    """The column of a ratio on its scale."""
    low, high = _SCALE
    return round((_SCALE_WIDTH - 1) * min(1.0, max(0.0, (ratio - low) / (high - low))))


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
    return signed(gap) if abs(gap) < 10 else f"{gap:+.3g}"


def _spaced(blocks: list[list[Row]]) -> list[Row]:
    """Blocks of rows with an empty row between them."""
    return [line for block in blocks for line in ([], *block)][1:]


def _details(health: Health, kind: str, width: int, height: int, palette: Palette) -> list[Row]:
    """What a large panel tells besides, a tall histogram of the activations and every rule of the
    diagnosis, in at most `height` rows: what has no room as a whole is left out."""
    rows: list[Row] = []
    ways = [
        [_tall_histogram(health, palette)],
        [_rules(health, kind, width, palette, lines) for lines in (4, 1)],
    ]
    for blocks in ways:
        fitting = (one for one in blocks if one and len(rows) + 1 + len(one) <= height)
        if block := next(fitting, None):
            rows += [[], *block]
    return rows


def _tall_histogram(health: Health, palette: Palette) -> list[Row]:
    """The shares of the activations in bins from -1 to 1, the largest as high as the figure."""
    if not health.histogram or not sum(health.histogram):
        return []
    most, total = max(health.histogram), sum(health.histogram)
    dim, colour = palette.style("dim"), palette.style("batch")
    rows = [row(("hidden activations (tanh)", dim))]
    for line in range(_HISTOGRAM_LINES - 1, -1, -1):
        heights = [count / most * _HISTOGRAM_LINES - line for count in health.histogram]
        text = "".join(_BIN_WIDTH * (column(one) if one > 0 else " ") for one in heights)
        label = f"{100 * most / total:.0f}%" if line == _HISTOGRAM_LINES - 1 else ""
        rows.append(row((f"{label:>6} ", dim), (text, colour)))
    ends = "-1" + "0".center(_BIN_WIDTH * len(health.histogram) - 3) + "1"
    return [*rows, row((f"{'':7}{ends}", dim))]


def _rules(health: Health, kind: str, width: int, palette: Palette, most: int) -> list[Row]:
    """The rules for a kind of model in the order in which they are tried, each in at most so many
    lines; the one that applies is marked, and whole."""
    from makemore_tui.core.analysis.diagnosis import RULES  # a start needs none

    dim, text = palette.style("dim"), palette.style("text", bold=True)
    rows = [row(("diagnoses, in the order in which they are checked", dim))]
    rules = [rule for rule in reversed(RULES) if kind in rule.kinds]  # of a name the first counts
    meanings = {rule.name: rule.help for rule in rules}
    meanings[health.diagnosis.name] = health.diagnosis.help
    widest = max(map(cell_len, meanings)) + 4
    for name, meaning in reversed(meanings.items()):
        is_it = name == health.diagnosis.name
        room = max(10, width - widest)
        lines = wrapped(meaning, room) if most > 1 or is_it else [fitted(meaning, room)]
        first, *others = lines[: max(most, _HISTOGRAM_LINES * is_it)] or [""]
        style = text if is_it else dim
        rows.append(row((f"{'▶' if is_it else ' '} {name}".ljust(widest), style), (first, style)))
        rows += [row((f"{'':{widest}}{line}", style)) for line in others]
    return rows
