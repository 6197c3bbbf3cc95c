"""The split losses of a pair of runs side by side, and what can be said of their difference."""

import math
from collections.abc import Callable

from makemore_tui.core.results import JUDGED, DevDifference, Pair, SplitLosses

from ..style.colours import Palette
from ..style.text_rows import Row, number, paragraph, row, signed
from .ticks import tick_label

_NAMES, _A, _B = 15, 7, 8  # cells


def pair_losses(pair: Pair, trained_on: str, height: int, palette: Palette) -> list[Row]:
    """The losses of A and B in a column each, and on dev their difference; in fewer than that
    many rows, if that can be, by leaving out what the dev loss comes from."""

    def line(name: str, of: Callable[[SplitLosses], float | None], colour: str = "dim") -> Row:
        found = [one.splits and of(one.splits) for one in (pair.a, pair.b)]
        return _row(name, [number(loss) for loss in found], colour, palette)

    rows = [
        _heading(pair, palette),
        line(trained_on.replace("-", " "), lambda one: one.train, "batch"),
        line("dev", lambda one: one.dev, "dev"),
    ]
    if any(one.splits and one.splits.mixed for one in (pair.a, pair.b)):
        rows.append(line("dev, mixed", lambda one: one.mixed and one.mixed.dev, "dev"))
    rows += [_difference(pair.difference, palette), _steps(pair, palette)]
    details = [
        line("  new items", lambda one: one.dev_unseen),
        line("  also in train", lambda one: one.dev_seen),
        line("dev - train", lambda one: one.dev - one.train),
    ]
    return [*rows[:-1], *details[: max(0, height - len(rows))], rows[-1]]


def pair_sentence(pair: Pair, width: int, palette: Palette) -> list[Row]:
    """What can be said of the two, and why their minibatches are not the same, if so."""
    said = "Not compared on dev yet" if pair.difference is None else pair.difference.sentence
    rows = paragraph(said, width, palette, "text")
    return [*rows, *paragraph(pair.unpaired, width, palette)] if pair.unpaired else rows


def pair_notes(pair: Pair, width: int, palette: Palette) -> list[Row]:
    """How exact the difference is, how often it was looked at, and what it does not say."""
    found = pair.difference
    if found is None or not math.isfinite(found.difference * found.multiple):
        return []
    lines = [JUDGED]
    if found.standard_error:
        narrower = found.unpaired_error / found.standard_error
        lines.append(
            f"The error of ± {found.standard_error:.4f} is paired by item; unpaired it would be "
            f"± {found.unpaired_error:.4f}, {narrower:.1f} times as wide."
        )
    lines.append(
        f"At look {found.looks:,} a difference must exceed {found.multiple:.2f} standard errors, "
        "so that all looks together are right with 95% (bound: Howard et al. 2021)."
    )
    return [line for text in lines for line in paragraph(text, width, palette)]


def _heading(pair: Pair, palette: Palette) -> Row:
    """A and B above their columns, with a mark on the one that keys act on."""
    names = [f"▸{name}" if name.lower() == pair.side else name for name in "AB"]
    widths = _NAMES + _A, _B
    cells = zip(names, widths, strict=True)
    return row(*((f"{name:>{n}}", palette.style("text", name[0] == "▸")) for name, n in cells))


def _difference(found: DevDifference | None, palette: Palette) -> Row:
    """B - A with its standard error."""
    value = "…"
    if found is not None:
        value = f"{signed(found.difference, 4)} ± {found.standard_error:.4f}"
        value = value if math.isfinite(found.difference) else "–"
    is_told = found is not None and found.different
    style = palette.style("text" if is_told else "dim", bold=is_told)
    return row((f"{'B - A':<{_A}}", style), (f"{value:>{_NAMES + _B}}", style))


def _steps(pair: Pair, palette: Palette) -> Row:
    steps = [one.splits.step if one.splits else one.step for one in (pair.a, pair.b)]
    texts = [tick_label(step) for step in steps]
    if steps[0] == steps[1]:
        texts = ["", f"{steps[0]:,}"]
    return _row("at step", texts, "dim", palette)


def _row(name: str, values: list[str], colour: str, palette: Palette) -> Row:
    is_main = colour != "dim"
    a, b = (value.replace("not a number", "nan") for value in values)
    return row(
        (f"{name:<{_NAMES}}", palette.style(colour, bold=is_main)),
        (f"{a:>{_A}}{b:>{_B}}", palette.style("text" if is_main else "dim", bold=is_main)),
    )
