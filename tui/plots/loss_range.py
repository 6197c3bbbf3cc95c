"""How high and how low the loss plot reaches."""

import math
from collections.abc import Iterable
from typing import NamedTuple

from .columns import CurveColumns, Line, as_line
from .loss_options import ZOOM, PlotContent
from .ticks import even_ticks, log_axis

_MIN_HEIGHT = 1e-3  # nats, the lowest loss that a logarithmic axis shows
_FIRST_STEPS = 100  # that don't decide how high the plot reaches
_SETTLED = 0.85  # the share of the other losses that do
_USUAL = 0.15  # nats that are in view at least, where a run is shown from its start and has them
_TALLEST = 1.2  # times as high as those it may be, if all losses are in view then;
_TALLEST_OF_MANY, _MANY = 2.5, 0.15  # more, if a larger share of them would not be in view
_MIN_MARGIN = 0.005  # nats above and below the lines; a linear axis ends at whole rows besides
_WIDER = 1.15  # times the lines' range it may be for a baseline that is near,
_WIDER_FOR_RUNS = 2.0  # and for the target and the ends of other runs
_NEAR = 1.5  # nats above the lowest loss, within which the newest ones are always in view
_MAX_LOG_TICKS = 8


class LossScale(NamedTuple):
    """Losses along `rows` rows, the highest above, linear or logarithmic."""

    low: float
    high: float
    rows: int
    log: bool

    def y(self, loss: float) -> float:
        """The height of a loss on plotext's axis, which is linear."""
        return _height(loss, self.log)

    def place(self, loss: float) -> float:
        """How many rows below the upper edge a loss is."""
        top, bottom = self.y(self.high), self.y(self.low)
        return (top - self.y(loss)) / (top - bottom) * self.rows

    def row(self, loss: float) -> int:
        """The row of a loss, which is one of them."""
        return max(0, min(int(self.place(loss)), self.rows - 1))

    def has(self, loss: float) -> bool:
        """Whether a loss is shown."""
        return self.low <= loss <= self.high


def loss_scale(
    columns: CurveColumns, others: Iterable[Line], look: PlotContent, rows: int
) -> tuple[LossScale, list[float]]:
    """The scale of a plot, and the losses at which it has ticks.

    others: the lines of other runs that are shown.
    """
    log = look.options.log_loss
    low, high = _lines_range(columns, others, look, log)
    low, high = _zoomed(low, high, columns, look.options.zoom, log)
    if log:
        low, high, ticks = log_axis(10**low, 10**high, min(_MAX_LOG_TICKS, rows))
    else:
        low, high, ticks = even_ticks(max(low, _MIN_HEIGHT), max(high, 2 * _MIN_HEIGHT), rows)
    return LossScale(low, high, rows, log), ticks


def _height(loss: float, log: bool) -> float:
    return math.log10(max(loss, _MIN_HEIGHT)) if log else loss


def _lines_range(
    columns: CurveColumns, others: Iterable[Line], look: PlotContent, log: bool
) -> tuple[float, float]:
    """The lowest and highest place to show: of the lines, but for their highest losses where most
    are far below them; and of what else is near."""
    lines = [line for line in (as_line(columns.smooth), columns.dev, columns.mixed) if line]
    losses = [loss for line in lines for _, loss in line]
    lowest, highest = min(losses, default=0.0), max(losses, default=1.0)
    usual = max((_usual_high(columns, line) for line in lines), default=highest)
    is_from_start = columns.axis.first < columns.axis.last / 2
    least = lowest + _USUAL if is_from_start else lowest
    usual = max(usual, min(least, highest))
    low, high, top = (_height(loss, log) for loss in (lowest, usual, highest))
    is_many = sum(loss > usual for loss in losses) > _MANY * len(losses)
    if top <= low + (_TALLEST_OF_MANY if is_many else _TALLEST) * (high - low):
        high = top
    if is_from_start:
        low = min([low, *(_height(loss, log) for line in others for _, loss in line)])
    newest = [line[-1][1] for line in lines if line[-1][1] <= lowest + _NEAR]
    high = max([high, *(_height(loss, log) for loss in newest)])
    size = max(high, _height(least, log)) - low
    ends = [line[-1][1] for line in others if line]
    ends += [] if look.options.target is None else [look.options.target]
    is_one_step = columns.axis.last - columns.axis.first <= 1  # of which there is little to see
    wider = math.inf if is_one_step else _WIDER
    wanted = [(wider, one.loss) for one in look.baselines if math.isfinite(one.loss)]
    wanted += [(_WIDER_FOR_RUNS, loss) for loss in ends]
    for wider, loss in sorted(wanted, key=lambda one: abs(one[1] - lowest)):
        reach = min(low, _height(loss, log)), max(high, _height(loss, log))
        if reach[1] - reach[0] <= wider * size:
            low, high = reach
    return low - _MIN_MARGIN, high + _MIN_MARGIN


def _usual_high(columns: CurveColumns, line: Line) -> float:
    """The loss below which most of a line is, its first steps left out if there are later ones."""
    later = [loss for column, loss in line if columns.axis.step(column) >= _FIRST_STEPS]
    losses = sorted(later or [loss for _, loss in line])
    return losses[math.ceil(_SETTLED * len(losses)) - 1]


def _zoomed(
    low: float, high: float, columns: CurveColumns, zoom: int, log: bool
) -> tuple[float, float]:
    """A range made smaller around the end of the curve, or larger."""
    lines = as_line(columns.smooth) or columns.dev
    newest = _height(lines[-1][1], log) if lines else low
    factor = ZOOM**-zoom
    return newest - (newest - low) * factor, newest + (high - newest) * factor
