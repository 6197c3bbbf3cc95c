"""What a person chooses of the loss plot, and the line of text above it."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from makemore_tui.core.constants import BASELINES
from makemore_tui.core.results import Baseline, LossCurve, Mark, PreviousRun

from ..style.colours import Palette
from ..style.text_rows import Row, number, row
from .columns import LIGHT, NO_SMOOTHING, STRONG, StepAxis
from .ticks import range_label

if TYPE_CHECKING:
    from makemore_tui.core.worker.protocol import Snapshot

SMOOTHINGS = {"light": LIGHT, "strong": STRONG, "off": NO_SMOOTHING}
BASELINE_CHOICES = (BASELINES, BASELINES[1:], BASELINES[:1], ())
_MIN_STEPS = 16  # in a range
_NEWEST = 8  # points whose mean is the newest minibatch loss


@dataclass(frozen=True)
class LossOptions:
    """Which steps of a run the loss plot shows, on which axes, and what beside the curves.

    smoothing: a key of SMOOTHINGS. baselines: the names of those shown. span: the first and last
    step, if it is not all steps or the last part of them. crosshair: a step."""

    log_loss: bool = False
    log_steps: bool = False
    last_part: bool = False
    smoothing: str = "light"
    baselines: tuple[str, ...] = BASELINES
    span: tuple[int, int] | None = None
    crosshair: float | None = None

    @property
    def label(self) -> str:
        """The options in words."""
        part = "last tenth" if self.last_part else "all steps"
        part = f"steps {range_label(*self.span)}" if self.span else part
        axes = {(0, 0): "linear", (1, 0): "log loss", (0, 1): "log steps", (1, 1): "log-log"}
        smoothing = {"light": "", "strong": " · smooth", "off": " · unsmoothed"}[self.smoothing]
        return f"{part} · {axes[self.log_loss, self.log_steps]}{smoothing}"

    def look(self, snapshot: "Snapshot") -> "PlotContent":
        """What the plot of a snapshot shows."""
        uniform = Baseline("uniform", math.log(snapshot.dataset.characters))
        baselines = uniform, *(one for one in snapshot.baselines if one.name != "uniform")
        shown = tuple(one for one in baselines if one.name in self.baselines)
        dev = snapshot.splits.dev if snapshot.splits else None
        return PlotContent(self, shown, snapshot.marks, snapshot.previous, dev)

    def magnified(self, factor: float, axis: StepAxis, total: int) -> "LossOptions":
        """Show so many times as many steps, around the crosshair or up to the newest. axis: the
        steps that are shown now. total: how many the run has."""
        size = max(_MIN_STEPS, (axis.last - axis.first) * factor)
        middle = axis.last - size / 2 if self.crosshair is None else self.crosshair
        first = max(0, min(round(middle - size / 2), round(total - size)))
        span = (first, min(round(first + size), total)) if size < total else None
        return replace(self, last_part=False, span=span)


class PlotContent(NamedTuple):
    """What a loss plot shows beside its curve, and on which axes.

    previous: whose lines the curve has. dev: the newest dev loss, in nats; a baseline that it has
    passed has a tick."""

    options: LossOptions = LossOptions()
    baselines: tuple[Baseline, ...] = ()
    marks: tuple[Mark, ...] = ()
    previous: tuple[PreviousRun, ...] = ()
    dev: float | None = None


def loss_legend(
    curve: LossCurve, snapshot: "Snapshot", crosshair: float | None, width: int, palette: Palette
) -> Row:
    """The minibatch and dev loss at the crosshair, or the newest ones."""
    text = palette.style("text", bold=True)
    last, where = curve.mean[-_NEWEST:], ""
    batch = sum(last) / len(last) if last else None
    dev = snapshot.splits.dev if snapshot.splits else None
    if crosshair is not None and curve.steps:
        batch = _nearest(zip(curve.steps, curve.mean, strict=True), crosshair)
        dev = _nearest(curve.dev, crosshair)
        where = f"│ step {crosshair:,.0f}   "
    parts = [
        (where, palette.style("cursor", bold=True)),
        ("━ minibatch ", palette.style("batch")),
        (f"{number(batch)}   ", text),
        ("╍ dev ", palette.style("dev")),
        (f"{number(dev)}   ", text),
    ]
    if snapshot.previous and width >= 60:
        runs = "previous run" if len(snapshot.previous) == 1 else "previous runs"
        parts.append((f"─ {len(snapshot.previous)} {runs}", palette.style("previous")))
    return row(*parts)


def _nearest(points: Iterable[tuple[float, float]], step: float) -> float | None:
    """Of points (step, loss), the loss of the one nearest to a step; None of none."""
    return min(points, key=lambda point: abs(point[0] - step), default=(step, None))[1]
