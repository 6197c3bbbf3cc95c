"""The learning-rate finder's plot: loss over a logarithmic axis of rates."""

import math

from makemore_tui.core.results import RateSearch

from ..style.colours import Palette
from ..style.text_rows import Row
from .figure import AXIS_WIDTH, Axis, CellGrid, Figure
from .ticks import loss_labels, nice_ticks

_MIN_WIDTH, _MIN_HEIGHT = 20, 5
_AXIS_HEIGHT = 2


def rate_plot(search: RateSearch, width: int, height: int, palette: Palette) -> list[Row]:
    """The losses at rising rates in `height` rows of `width` cells; empty where there is no room.

    Shown are the mean of the seeds as a line, their lowest to highest as a band behind it, and the
    suggested rate and that from which the loss explodes as dashed lines. Such a loss leaves the
    plot at the top."""
    losses = [loss for loss in search.mean if math.isfinite(loss)]
    if width < _MIN_WIDTH or height < _MIN_HEIGHT or not losses:
        return []
    top = min(max(losses[0], 2 * min(losses)), max(losses))  # without an explosion
    margin = max(0.05 * (top - min(losses)), 0.02)
    low, high = max(0.0, min(losses) - margin), top + margin
    figure = Figure(width, height)
    for rate, colour in ((search.explodes, palette.warning), (search.suggested, palette.good)):
        if rate:
            figure.upright(math.log10(rate), colour)
    mean = zip(search.rates, search.mean, strict=True)
    figure.line(
        [(math.log10(x), min(max(y, low), high)) for x, y in mean if math.isfinite(y)],
        palette.batch,
    )
    ticks = rate_ticks(search.low, search.high)
    places, labels = [math.log10(rate) for rate in ticks], [f"{rate:g}" for rate in ticks]
    figure.axes(
        Axis(math.log10(search.low), math.log10(search.high), places, labels),
        Axis(low, high, *loss_labels(nice_ticks(low, high, 6), AXIS_WIDTH - 1)),
        palette.dim,
    )
    rows = figure.rows()
    cells = CellGrid(rows[:-_AXIS_HEIGHT], width)
    _put_band(cells, search, low, high, palette)
    return [*cells.rows(), *rows[-_AXIS_HEIGHT:]]


def rate_ticks(low: float, high: float) -> list[float]:
    """The powers of ten within a range of rates, or its two ends where there are fewer than two."""
    first, last = math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9)
    return [10.0**i for i in range(first, last + 1)] if last > first else [low, high]


def _put_band(
    cells: CellGrid, search: RateSearch, low: float, high: float, palette: Palette
) -> None:
    """Shade what lies between the lowest and the highest loss at each rate."""
    first, last, columns = math.log10(search.low), math.log10(search.high), cells.width - AXIS_WIDTH
    band: dict[int, tuple[float, float]] = {}  # by column, the rows from the upper edge
    for rate, lowest, highest in zip(search.rates, search.lowest, search.highest, strict=True):
        if math.isfinite(lowest):
            column = round((math.log10(rate) - first) / (last - first) * (columns - 1))
            top, bottom = (
                cells.height * (high - min(max(loss, low), high)) / (high - low)
                for loss in (highest if math.isfinite(highest) else high, lowest)
            )
            before = band.get(column, (top, bottom))
            band[column] = min(top, before[0]), max(bottom, before[1])
    for column, (top, bottom) in band.items():
        cells.shade(AXIS_WIDTH + column, top, bottom, palette.style("faint"))
