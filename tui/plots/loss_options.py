"""What a person chooses of the loss plot, and the line of text above it."""

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from msgspec import Struct
from msgspec.structs import replace
from rich.style import Style

from makemore_tui.core.constants import BASELINES
from makemore_tui.core.results import Baseline, LossCurve, Mark, PreviousRun

from ..style.colours import Palette, rgb_style
from ..style.text_rows import Row, number, row
from .columns import StepAxis
from .ticks import range_label

if TYPE_CHECKING:
    from makemore_tui.core.worker.protocol import Snapshot

SMOOTHINGS = {"light": 1000, "strong": 5000, "off": 0}  # steps
BASELINE_CHOICES = (BASELINES, BASELINES[1:], BASELINES[:1], ())
TARGET = "target"  # what its line is called
MAX_TARGET = 100.0  # nats
_MIXED = "╍ mixed "
_MIN_STEPS = 16  # in a range
ZOOM = 1.5  # times as high for each step of the vertical zoom
_MAX_ZOOM = 12


def is_target(loss: float) -> bool:
    """Return whether a loss can be a target."""
    return 0 < loss <= MAX_TARGET


class LossOptions(Struct, frozen=True):
    """Which steps of a run the loss plot shows, on which axes, and what beside the curves.

    smoothing: a key of SMOOTHINGS. baselines: the names of those shown. spread: whether the lowest
    and highest minibatch losses are shown. zoom: how often the range of losses was made smaller; it
    is found automatically at 0. target: a dev loss, in nats. span: the first and last step, if it
    is not all steps or the last part of them. crosshair: a step. toggled: the ids of previous runs
    that are not shown. earlier: of those from before a lesson, which are not either, unless they
    are pinned. overlays: the paths of saved runs that are."""

    log_loss: bool = False
    log_steps: bool = False
    last_part: bool = False
    smoothing: str = "light"
    baselines: tuple[str, ...] = BASELINES
    spread: bool = True
    zoom: int = 0
    target: float | None = None
    toggled: frozenset[int] = frozenset()
    earlier: frozenset[int] = frozenset()
    overlays: tuple[str, ...] = ()
    span: tuple[int, int] | None = None
    crosshair: float | None = None

    @property
    def label(self) -> str:
        """The options in words."""
        part = "last tenth" if self.last_part else "all steps"
        part = f"steps {range_label(*self.span)}" if self.span else part
        axes = {(0, 0): "linear", (1, 0): "log loss", (0, 1): "log steps", (1, 1): "log-log"}
        smoothing = {"light": "", "strong": " · smooth", "off": " · unsmoothed"}[self.smoothing]
        zoom = f" · losses x {ZOOM**self.zoom:.2g}" if self.zoom else ""
        return f"{part} · {axes[self.log_loss, self.log_steps]}{smoothing}{zoom}"

    def shows(self, run: PreviousRun) -> bool:
        """Return whether a previous run is drawn."""
        return run.id not in self.toggled and (run.is_pinned or run.id not in self.earlier)

    def zoomed(self, by: int) -> "LossOptions":
        """Show a smaller range of losses, or a larger one."""
        return replace(self, zoom=max(-_MAX_ZOOM, min(self.zoom + by, _MAX_ZOOM)))

    def look(self, snapshot: "Snapshot") -> "PlotContent":
        """What the plot of a snapshot shows."""
        uniform = Baseline("uniform", math.log(snapshot.dataset.characters))
        baselines = uniform, *(one for one in snapshot.baselines if one.name != "uniform")
        shown = tuple(one for one in baselines if one.name in self.baselines)
        if self.target is not None:
            shown = Baseline(TARGET, self.target), *shown
        dev = snapshot.splits.predicted_dev if snapshot.splits else None
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
    curve: LossCurve, snapshot: "Snapshot", options: LossOptions, width: int, palette: Palette
) -> Row:
    """The minibatch and dev loss at the crosshair, or the newest ones."""
    crosshair = options.crosshair
    text = palette.style("text", bold=True)
    batch, where = None if _is_recounted(snapshot) else curve.newest, ""
    splits = snapshot.splits
    dev, mixed = splits and splits.dev, splits and splits.mixed and splits.mixed.dev
    if crosshair is not None and curve.steps:
        batch = nearest(zip(curve.steps, curve.smooth, strict=True), crosshair)
        dev = nearest(curve.dev, crosshair)
        mixed = nearest(curve.mixed, crosshair)
        where = f"│ step {crosshair:,.0f}   "
    parts = [
        (where, palette.style("cursor", bold=True)),
        ("━ minibatch ", palette.style("batch")),
        (f"{number(batch)}   ", text),
        ("╍ dev ", palette.style("dev")),
        (f"{number(dev)}   ", text),
    ]
    left = width - sum(len(words) for words, _ in parts)
    both = f"{number(mixed)}   "
    if mixed is not None and len(both) + len(_MIXED) <= left:
        parts += [(_MIXED, palette.style("good")), (both, text)]
        left -= len(both) + len(_MIXED)
    for words, style in _more_parts(curve, snapshot, options, palette):
        if len(words) <= left:
            parts.append((words, style))
            left -= len(words)
    return row(*parts)


def _is_recounted(snapshot: "Snapshot") -> bool:
    """True of counts that an edit has changed since the newest minibatch, at the same step."""
    is_network, marks = snapshot.model.model_kind.is_network, snapshot.marks
    return not is_network and bool(marks) and marks[-1].step >= snapshot.step


def _more_parts(
    curve: LossCurve, snapshot: "Snapshot", options: LossOptions, palette: Palette
) -> list[tuple[str, Style]]:
    """What the legend says where it has room: when dev passed the target, and how many runs."""
    parts = []
    if options.target is not None:
        passed = curve.target_step
        when = "not passed yet" if passed is None else f"passed at step {passed:,}"
        parts.append((f"╌ target {options.target:g} {when}   ", palette.style("good")))
    runs = sum(map(options.shows, snapshot.previous))
    if runs:
        word = "previous run" if runs == 1 else "previous runs"
        parts.append((f"─ {runs} {word}   ", rgb_style(palette.runs[0])))
    if saved := len(curve.overlays):
        parts.append((f"─ {saved} saved", rgb_style(palette.runs[0])))
    return parts


def nearest(points: Iterable[tuple[float, float]], step: float) -> float | None:
    """Of points (step, loss), the loss of the one nearest to a step; None of none."""
    return min(points, key=lambda point: abs(point[0] - step), default=(step, None))[1]
