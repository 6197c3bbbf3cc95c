"""Two runs that are trained side by side: their loss curves, and under them the difference."""

import math

from msgspec.structs import replace

from makemore_tui.core.results import DevDifference, LossCurve, Mark, Pair, SavedCurve, TwinLosses
from makemore_tui.core.worker.protocol import Snapshot

from ..style.colours import Palette
from ..style.text_rows import Row, fitted, number, row, wrapped
from .columns import StepAxis, axis_of, interpolated, line_of_points
from .figure import AXIS_WIDTH, Axis, CellGrid, Figure
from .loss_options import LossOptions, nearest
from .loss_plot import canvas_width, loss_plot
from .loss_range import LossScale
from .ticks import step_labels, step_ticks

_MIN_ROWS = 12  # below the legend, from which on there is room for two plots
_MIN_BELOW = 6  # rows of the lower one, with its axis of steps
_MIN_CANVAS = 10  # cells
_AXIS_ROWS = 2
_USUAL = 0.05  # the share of minibatch differences at either end that may be out of view
_SMALLEST = 1e-4  # nats that are in view at least
_MULTIPLES = (1, 1.5, 2, 2.5, 3, 4, 5, 7.5, 10, 15, 20, 30)  # of a power of ten, for a row
_MAX_LABEL = AXIS_WIDTH - 1


def twins_curve(twins: TwinLosses, total_steps: int) -> LossCurve:
    """The losses of a pair as one curve: that of A, with B's minibatch and dev losses over it."""
    none = [math.nan] * len(twins.steps)
    finite = [loss for loss in twins.a if math.isfinite(loss)]
    b_dev = [(float(one.b_step), one.b) for one in twins.dev]
    return LossCurve(
        twins.steps, none, none, none, total_steps,
        dev=[(one.step, one.a) for one in twins.dev],
        smooth=twins.a,
        newest=finite[-1] if finite else None,
        overlays=[
            SavedCurve("B", None, list(zip(twins.steps, twins.b, strict=True))),
            SavedCurve("", None, b_dev),
        ],
    )  # fmt: skip


def side_palette(palette: Palette) -> Palette:
    """The colours of a pair's losses: A's are as those of minibatches, B's as those of dev."""
    return replace(palette, dev=palette.batch, runs=(palette.dev,))


def short_sentence(found: DevDifference) -> str:
    """What can be said of two runs, in few words."""
    if not math.isfinite(found.difference * found.multiple):
        return found.sentence
    size = f"{abs(found.difference):.4f} ± {found.standard_error:.4f}"
    if not found.different:
        return f"No difference: {size}"
    return f"B {'better' if found.difference < 0 else 'worse'} by {size}"


def twins_rows(
    snapshot: Snapshot, curve: LossCurve, width: int, height: int, options: LossOptions,
    palette: Palette,
) -> list[Row]:  # fmt: skip
    """The losses of a pair in `height` rows of `width` cells: a legend, the curves, what can be
    said, and the difference, where there is room for that.

    snapshot: with a pair and its losses. curve: these losses, by `twins_curve`.
    """
    pair, twins = snapshot.pair, snapshot.twins
    assert pair is not None
    assert twins is not None
    look = options.look(snapshot)
    fork = Mark(pair.forked_at, "fork")
    marks = sorted((*look.marks, *([fork] if fork.step else ())), key=lambda mark: mark.step)
    look, colours = look._replace(marks=tuple(marks)), side_palette(palette)
    legend, said = _legend(pair, curve, options, width, palette), _said(pair, width, palette)
    rest, canvas = height - 1 - len(said), canvas_width(width, look)
    if rest < _MIN_ROWS or canvas < _MIN_CANVAS:
        return [legend, said[0], *loss_plot(curve, width, height - 2, look, colours)]
    below = max(_MIN_BELOW, 2 * rest // 5)
    above = loss_plot(curve, width, rest - below + _AXIS_ROWS, look, colours)[:-_AXIS_ROWS]
    axis = axis_of(curve, canvas, options.log_steps)
    difference = _difference_plot(
        twins, axis, width, below, pair.forked_at, options.crosshair, palette
    )
    return [legend, *above, *said, *difference]


def _legend(
    pair: Pair, curve: LossCurve, options: LossOptions, width: int, palette: Palette
) -> Row:
    """The losses of both at the crosshair, or the newest ones; a sign before the chosen run."""
    text, crosshair, parts = palette.style("text", bold=True), options.crosshair, []
    if crosshair is not None:
        parts.append((f"│ step {crosshair:,.0f}   ", palette.style("cursor", bold=True)))
    b, b_dev = (one.points for one in curve.overlays)
    a = list(zip(curve.steps, curve.smooth, strict=True))
    sides = ("a", pair.a, a, curve.dev, "batch"), ("b", pair.b, b, b_dev, "dev")
    for side, facts, batch, dev, colour in sides:
        finite = [(step, loss) for step, loss in batch if math.isfinite(loss)]
        at = crosshair if crosshair is not None else max(curve.steps)
        newest_dev = facts.splits.dev if facts.splits else None
        sign = "▸" if side == pair.side else " "
        parts += [
            (f"{sign}━ {side.upper()} ", palette.style(colour, bold=side == pair.side)),
            (number(nearest(finite, at)), text),
            (" ╍ dev ", palette.style(colour)),
            (f"{number(newest_dev if crosshair is None else nearest(dev, at))}   ", text),
        ]
    return row(*parts)


def _said(pair: Pair, width: int, palette: Palette) -> list[Row]:
    """What can be said of the difference, with its two errors where there is room; and why only dev
    is compared, if that is so."""
    found = pair.difference
    if found is None:
        lines = [row((fitted("B − A on dev: not compared yet", width), palette.style("dim")))]
    else:
        better = "good" if found.difference < 0 else "warning"
        style = palette.style(better if found.different else "text", bold=True)
        said = next(
            (one for one in (found.sentence, short_sentence(found)) if len(one) <= width), ""
        )
        detail = f" · unpaired ± {found.unpaired_error:.4f}"
        detail += f" · band ± {found.multiple:.1f} errors, for {found.looks:,} looks"
        detail = detail if len(said + detail) <= width else ""
        lines = [row((fitted(said, width - len(detail)), style), (detail, palette.style("dim")))]
    return [
        *lines,
        *(row((line, palette.style("dim"))) for line in wrapped(pair.unpaired, width)[:2]),
    ]


def _difference_plot(
    twins: TwinLosses, axis: StepAxis, width: int, height: int, forked_at: int,
    crosshair: float | None, palette: Palette,
) -> list[Row]:  # fmt: skip
    """B - A along the steps of the plot above: of the minibatches, and of dev with its band, that
    holds at every look, before a line at zero."""
    rows = height - _AXIS_ROWS
    points = list(zip(twins.steps, twins.difference, strict=False))
    batch = line_of_points([point for point in points if point[0] >= forked_at], axis)
    known = [
        (axis.column(one.step), one.difference, one.multiple * one.standard_error)
        for one in twins.dev
        if math.isfinite(one.difference) and one.step >= axis.first
    ]
    dev = [(column, difference) for column, difference, _ in known]
    edges = [
        [(column, difference + sign * bound) for column, difference, bound in known
         if math.isfinite(bound)]
        for sign in (-1, 1)
    ]  # fmt: skip
    usual = sorted(value for _, value in batch)
    out = int(_USUAL * len(usual))
    values = usual[out : len(usual) - out] + [value for line in (dev, *edges) for _, value in line]
    low, high, ticks = _axis_around_zero(min([0.0, *values]), max([0.0, *values]), rows)
    scale = LossScale(low, high, rows, log=False)
    figure = Figure(AXIS_WIDTH + axis.width, height)
    faint = ((edge, palette.faint) for edge in edges)
    for line, colour in (*faint, (batch, palette.dim), (dev, palette.text)):
        figure.line([(x, min(max(y, low), high)) for x, y in line], colour)
    steps, step_words = step_labels(step_ticks(axis))
    figure.axes(
        Axis(0, axis.width - 1, [axis.column(step) for step in steps], step_words),
        Axis(low, high, *_difference_labels(ticks)),
        palette.dim,
    )
    cells = CellGrid((drawn := figure.rows())[:rows], width)
    if crosshair is not None and 0 <= (column := round(axis.column(crosshair))) < axis.width:
        cells.write_upright(AXIS_WIDTH + column, "│", palette.style("cursor"))
    _put_zero_and_band(cells, edges, scale, axis, palette)
    return [*cells.rows(), *drawn[rows:]]


def _put_zero_and_band(
    cells: CellGrid, edges: list[list[tuple[float, float]]], scale: LossScale, axis: StepAxis,
    palette: Palette,
) -> None:  # fmt: skip
    """A line at zero, which side of it is better, and what lies within the band, shaded."""
    zero, edge = scale.row(0.0), AXIS_WIDTH + axis.width + 1
    style = palette.style("dim")
    if cells.width > edge:
        cells.write(zero - 1, edge, "↑ B worse", style)
        cells.write(zero + 1, edge, "↓ B better", style)
        last = cells.height - 1 if zero < cells.height / 2 else 0
        cells.write(last, edge, "━ dev", palette.style("text"))
        cells.write(last, edge + 7, "━ batches", style)
    for i in range(axis.width):
        low, high = (interpolated(line, i) for line in edges)
        if low is not None and high is not None:
            cells.shade(AXIS_WIDTH + i, scale.place(high), scale.place(low), palette.style("faint"))
    cells.write(zero, AXIS_WIDTH, "─" * axis.width, style)


def _axis_around_zero(low: float, high: float, rows: int) -> tuple[float, float, list[float]]:
    """An axis of so many rows that has room for a range, with zero in the middle of a row, and the
    ticks on it: from where to where it goes, and these numbers."""
    size = 10.0 ** math.floor(math.log10(max(high - low, _SMALLEST) / rows))
    ways = [
        (multiple * size, math.ceil(high / (multiple * size)), math.ceil(-low / (multiple * size)))
        for multiple in _MULTIPLES
    ]
    apart, above, below = next(way for way in ways if way[1] + way[2] < rows)
    above += (rows - 1 - above - below) // 2
    every = max(2, rows // 4)
    ticks = [i * apart for i in range(above - rows + 1, above + 1) if i % every == 0]
    return (above - rows + 1) * apart, above * apart, ticks


def _difference_labels(ticks: list[float]) -> tuple[list[float], list[str]]:
    """Ticks and what they say, such as -.012; those that say it in too many signs are left out."""
    labels = {}
    for tick in ticks:
        plain = f"{tick:+.3g}".replace("0.", ".", 1) if tick else "0"
        short = f"{tick:+.0e}".replace("e-0", "e-")
        shortest = plain if len(plain) <= _MAX_LABEL or float(short) != tick else short
        if len(shortest) <= _MAX_LABEL:
            labels[tick] = shortest.rjust(_MAX_LABEL)
    return list(labels), list(labels.values())
