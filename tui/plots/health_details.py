"""What a panel that fills the screen tells of a run's health besides: a tall histogram of the
activations, and every rule of the diagnosis."""

from makemore_tui.core.results import Health

from ..style.cells import cell_len
from ..style.colours import Palette
from ..style.text_rows import Row, column, fitted, row, wrapped

_LINES = 8  # of the histogram
_BIN = 2  # cells


def health_details(health: Health, width: int, height: int, palette: Palette) -> list[Row]:
    """Rows of `width` cells, at most `height` of them: what has no room as a whole is left out."""
    rows: list[Row] = []
    ways = [
        [_histogram(health, palette)],
        [_rules(health, width, palette, lines) for lines in (4, 1)],
    ]
    for blocks in ways:
        fitting = (one for one in blocks if one and len(rows) + 1 + len(one) <= height)
        if block := next(fitting, None):
            rows += [[], *block]
    return rows


def _histogram(health: Health, palette: Palette) -> list[Row]:
    """The shares of the activations in bins from -1 to 1, the largest as high as the figure."""
    if not health.histogram or not sum(health.histogram):
        return []
    most, total = max(health.histogram), sum(health.histogram)
    dim, colour = palette.style("dim"), palette.style("batch")
    rows = [row(("hidden activations (tanh)", dim))]
    for line in range(_LINES - 1, -1, -1):
        heights = [count / most * _LINES - line for count in health.histogram]
        text = "".join(_BIN * (column(one) if one > 0 else " ") for one in heights)
        label = f"{100 * most / total:.0f}%" if line == _LINES - 1 else ""
        rows.append(row((f"{label:>6} ", dim), (text, colour)))
    ends = "-1" + "0".center(_BIN * len(health.histogram) - 3) + "1"
    return [*rows, row((f"{'':7}{ends}", dim))]


def _rules(health: Health, width: int, palette: Palette, most: int) -> list[Row]:
    """The rules in the order in which they are tried, each in at most so many lines; the one that
    applies is marked, and whole."""
    from makemore_tui.core.analysis.diagnosis import RULES  # a start needs none

    dim, text = palette.style("dim"), palette.style("text", bold=True)
    rows = [row(("diagnoses, in the order in which they are checked", dim))]
    names = list(dict.fromkeys(rule.name for rule in RULES))
    widest = max(map(cell_len, names)) + 4
    for name in names:
        is_it = name == health.diagnosis.name
        meaning = next(rule.help for rule in RULES if rule.name == name)
        room = max(10, width - widest)
        lines = wrapped(meaning, room) if most > 1 or is_it else [fitted(meaning, room)]
        first, *others = lines[: max(most, _LINES * is_it)] or [""]
        style = text if is_it else dim
        rows.append(row((f"{'▶' if is_it else ' '} {name}".ljust(widest), style), (first, style)))
        rows += [row((f"{'':{widest}}{line}", style)) for line in others]
    return rows
