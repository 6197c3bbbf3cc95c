"""The learning-rate finder's plot: loss over a logarithmic axis of rates."""

import math

from rich.segment import Segment

from makemore_tui.core.results import RateSearch

from ..style.colours import RGB, Palette
from .cells import CellGrid
from .figure import AXIS_WIDTH, Axis, Figure
from .ticks import loss_labels, nice_ticks

_MIN_WIDTH, _MIN_HEIGHT = 20, 5
_AXIS_HEIGHT = 2


def rate_plot(search: RateSearch, width: int, height: int, palette: Palette) -> list[list[Segment]]:
    """The losses at rising rates in `height` rows of `width` cells; empty where there is no room.

    Shown are the mean of the seeds as a line, their lowest to highest as a band behind it, and the
    suggested rate and that from which the loss explodes as dashed lines. Such a loss leaves the
    plot at the top.
    """
    points = [i for i, loss in enumerate(search.mean) if math.isfinite(loss)]
    if width < _MIN_WIDTH or height < _MIN_HEIGHT or not points:
        return []
    low, high = _limits(search, points)
    figure = Figure(width, height)
    for rate, colour in ((search.explodes, palette.warning), (search.suggested, palette.good)):
        if rate:
            figure.upright(math.log10(rate), colour)
    _draw_line(figure, search.rates, search.mean, (low, high), palette.batch)
    figure.axes(_rate_axis(search), _loss_axis(low, high), palette.dim)
    rows = figure.rows()
    cells = CellGrid(rows[:-_AXIS_HEIGHT], width)
    _put_band(cells, search, (low, high), palette)
    return [*cells.rows(), *rows[-_AXIS_HEIGHT:]]


def rate_ticks(low: float, high: float) -> list[float]:
    """The powers of ten within a range of rates, or its two ends where there are fewer than two."""
    first, last = math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9)
    return [10.0**i for i in range(first, last + 1)] if last > first else [low, high]


def _limits(search: RateSearch, points: list[int]) -> tuple[float, float]:
    """The losses at the bottom and the top: all of them, but for an explosion."""
    lowest = min(search.mean[i] for i in points)
    most = max(search.mean[points[0]], 2 * lowest)
    top = min(most, max(search.mean[i] for i in points))
    margin = max(0.05 * (top - lowest), 0.02)
    return max(0.0, lowest - margin), top + margin


def _put_band(
    cells: CellGrid, search: RateSearch, limits: tuple[float, float], palette: Palette
) -> None:
    """Shade what lies between the lowest and the highest loss at each rate."""
    low, high = limits
    first, last = math.log10(search.low), math.log10(search.high)
    band: dict[int, tuple[float, float]] = {}
    for rate, lowest, highest in zip(search.rates, search.lowest, search.highest, strict=True):
        if not math.isfinite(lowest):
            continue
        column = round((math.log10(rate) - first) / (last - first) * (cells.width - AXIS_WIDTH - 1))
        top, bottom = (
            cells.height * (high - min(max(loss, low), high)) / (high - low)
            for loss in (highest if math.isfinite(highest) else high, lowest)
        )
        before = band.get(column, (top, bottom))
        band[column] = min(top, before[0]), max(bottom, before[1])
    for column, (top, bottom) in band.items():
        cells.shade(AXIS_WIDTH + column, top, bottom, palette.style("faint"))


def _draw_line(
    figure: Figure,
    rates: list[float],
    losses: list[float],
    limits: tuple[float, float],
    colour: RGB,
) -> None:
    pairs = [
        (math.log10(rate), min(max(loss, limits[0]), limits[1]))
        for rate, loss in zip(rates, losses, strict=True)
        if math.isfinite(loss)
    ]
    if pairs:
        xs, ys = zip(*pairs, strict=True)
        figure.line(list(xs), list(ys), colour)


def _rate_axis(search: RateSearch) -> Axis:
    rates = rate_ticks(search.low, search.high)
    places = [math.log10(rate) for rate in rates]
    labels = [f"{rate:g}" for rate in rates]
    return Axis(math.log10(search.low), math.log10(search.high), places, labels)


def _loss_axis(low: float, high: float) -> Axis:
    return Axis(low, high, *loss_labels(nice_ticks(low, high, 6), AXIS_WIDTH - 1))
