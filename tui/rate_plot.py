"""The learning-rate finder's plot: loss over a logarithmic axis of rates."""

import math

from rich.segment import Segment

from makemore_tui.core.messages import RateSearch

from .figure import AXIS_WIDTH, Axis, Figure
from .palette import RGB, Palette
from .ticks import loss_labels, nice_ticks

_LEAST_WIDTH, _LEAST_HEIGHT = 20, 5


def rate_plot(search: RateSearch, width: int, height: int, palette: Palette) -> list[list[Segment]]:
    """The losses at rising rates in `height` rows of `width` cells; empty where there is no room.

    Shown are the mean of the seeds as a line between their lowest and highest, and the suggested
    rate and that from which the loss explodes as dashed lines. Such a loss leaves the plot at the
    top.
    """
    points = [i for i, loss in enumerate(search.mean) if math.isfinite(loss)]
    if width < _LEAST_WIDTH or height < _LEAST_HEIGHT or not points:
        return []
    low, high = _limits(search, points)
    figure = Figure(width, height)
    for rate, colour in ((search.explodes, palette.warning), (search.suggested, palette.good)):
        if rate:
            figure.upright(math.log10(rate), colour)
    for losses, colour in (
        (search.lowest, palette.faint),
        (search.highest, palette.faint),
        (search.mean, palette.batch),
    ):
        _draw_line(figure, search.rates, losses, (low, high), colour)
    figure.axes(_rate_axis(search), _loss_axis(low, high), palette.dim)
    return figure.rows()


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
