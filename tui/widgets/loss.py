"""The loss plot, and what of it is shown."""

import math
from bisect import bisect_left

from textual.events import Click

from makemore_tui.core.results import Baseline, LossCurve
from makemore_tui.core.worker.protocol import LossView, Snapshot

from ..config import BASELINES
from ..plots.columns import LIGHT, NO_SMOOTHING, STRONG, StepAxis, axis_of
from ..plots.figure import AXIS_WIDTH
from ..plots.loss_plot import Look, canvas_width, loss_plot
from ..plots.ticks import range_label
from ..style.text_rows import Row, number, row
from .panel import Panel, next_of

_LAST_PART = 0.9
_MIN_STEPS = 16  # in a range
_SMOOTHINGS = {"light": LIGHT, "strong": STRONG, "off": NO_SMOOTHING}
_CHOICES = (BASELINES, BASELINES[1:], BASELINES[:1], ())


class LossPanel(Panel):
    """Minibatch losses as a smoothed line before their spread, the dev loss, previous runs, edits,
    and what a model reaches that only counts.

    span: the steps to show, if it is not all or the last part. crosshair: a step, or None.
    baselines: the names of those that are shown.
    """

    def __init__(self, **kwargs):
        super().__init__("Loss", **kwargs)
        self.log_loss = self.log_steps = False
        self.last_part = False
        self.span: tuple[int, int] | None = None
        self.crosshair: float | None = None
        self.smoothing = "light"
        self.baselines = BASELINES
        self._curve: LossCurve | None = None
        self._name_axes()

    def set_view(
        self,
        log_loss: bool,
        log_steps: bool,
        last_part: bool,
        smoothing: str,
        baselines: tuple[str, ...],
    ) -> None:
        """Set what is shown, and how."""
        self.log_loss, self.log_steps, self.last_part = log_loss, log_steps, last_part
        self.smoothing, self.baselines = smoothing, baselines
        self._look_anew()

    def toggle_log(self) -> None:
        """Change between a linear and a logarithmic loss axis."""
        self.log_loss = not self.log_loss
        self._look_anew()

    def toggle_log_steps(self) -> None:
        """Change between a linear and a logarithmic axis of steps."""
        self.log_steps = not self.log_steps
        self._look_anew()

    def toggle_part(self) -> None:
        """Change between all steps and the last part of them."""
        self.last_part = not self.last_part and self.span is None
        self.span = None
        self._look_anew()

    def smooth(self) -> None:
        """Smooth the minibatch loss more, or not at all."""
        self.smoothing = next_of(self.smoothing, tuple(_SMOOTHINGS))
        self._look_anew()

    def next_baselines(self) -> None:
        """Show other baselines: all, those that count, the uniform one, none."""
        is_choice = self.baselines in _CHOICES
        self.baselines = next_of(self.baselines, _CHOICES) if is_choice else BASELINES
        self._look_anew()

    def toggle_baseline(self, name: str) -> None:
        """Show a baseline, or hide it."""
        shown = {*self.baselines} ^ {name}
        self.baselines = tuple(one for one in BASELINES if one in shown)
        self._look_anew()

    def magnify(self, factor: float) -> None:
        """Show so many times as many steps, around the crosshair or up to the newest."""
        if not self._curve or not self._curve.steps:
            return
        axis, total = self._axis, self._curve.total_steps
        size = max(_MIN_STEPS, (axis.last - axis.first) * factor)
        middle = axis.last - size / 2 if self.crosshair is None else self.crosshair
        first = max(0, min(round(middle - size / 2), round(total - size)))
        self.last_part = False
        self.span = (first, min(round(first + size), total)) if size < total else None
        self._look_anew()

    def move(self, down: int, right: int) -> None:
        """Move the crosshair by columns; beyond the newest step it is put away."""
        if not right or not self._curve or not self._curve.steps:
            return
        axis = self._axis
        at = axis.width if self.crosshair is None else round(axis.column(self.crosshair))
        self._place_crosshair(at + right)

    def on_click(self, event: Click) -> None:
        offset = event.get_content_offset(self)
        if offset is not None and self._curve and self._curve.steps:
            self._place_crosshair(offset.x - AXIS_WIDTH)

    def view(self) -> LossView:
        share = _LAST_PART if self.last_part else 0.0
        detail = 8 if self.log_steps else 2  # points a column
        points = max(40, detail * self.content_size.width)
        return LossView(share, points, self.span, self.log_steps)

    def show(self, snapshot: Snapshot) -> None:
        is_same = self.snapshot is not None and self.snapshot.runs == snapshot.runs
        if not is_same or (self.span and self.span[0] >= snapshot.step):
            self.span = self.crosshair = None
            self._name_axes()
        if self.crosshair is not None and self.crosshair > snapshot.step:
            self.crosshair = None
        if snapshot.loss is None and is_same:
            return
        self._curve = snapshot.loss or LossCurve([], [], [], [], 0)
        super().show(snapshot)

    def rows(self, snapshot: Snapshot, width: int, height: int) -> list[Row]:
        curve, look = self._curve, self._look(snapshot)
        legend = self._legend(snapshot, width)
        if curve is None or not curve.steps:
            is_paused, key = snapshot.state == "paused", self.signs["pause"]
            waiting = f"press {key} to train" if is_paused else "no steps yet"
            return [legend, [], row((waiting, self.palette.style("dim")))]
        return [legend, *loss_plot(curve, width, height - 1, look, self.palette)]

    def _look(self, snapshot: Snapshot) -> Look:
        return Look(
            log_loss=self.log_loss,
            log_steps=self.log_steps,
            smoothing=_SMOOTHINGS[self.smoothing],
            baselines=self._shown_baselines(snapshot),
            marks=snapshot.marks,
            previous=snapshot.previous,
            dev=snapshot.splits.dev if snapshot.splits else None,
            crosshair=self.crosshair,
        )

    def _shown_baselines(self, snapshot: Snapshot) -> tuple[Baseline, ...]:
        uniform = Baseline("uniform", math.log(snapshot.dataset.characters))
        counts = (one for one in snapshot.baselines if one.name != "uniform")
        return tuple(one for one in (uniform, *counts) if one.name in self.baselines)

    def _legend(self, snapshot: Snapshot, width: int) -> Row:
        colours, splits = self.palette, snapshot.splits
        text = colours.style("text", bold=True)
        batch, dev = self._newest(), splits.dev if splits else None
        where = ""
        if self.crosshair is not None and self._curve and self._curve.steps:
            batch, dev = self._at(self.crosshair)
            where = f"│ step {self.crosshair:,.0f}   "
        parts = [
            (where, colours.style("cursor", bold=True)),
            ("━ minibatch ", colours.style("batch")),
            (f"{number(batch)}   ", text),
            ("╍ dev ", colours.style("dev")),
            (f"{number(dev)}   ", text),
        ]
        if snapshot.previous and width >= 60:
            runs = "previous run" if len(snapshot.previous) == 1 else "previous runs"
            parts.append((f"─ {len(snapshot.previous)} {runs}", colours.style("previous")))
        return row(*parts)

    def _newest(self) -> float | None:
        last = self._curve.mean[-8:] if self._curve else []
        return sum(last) / len(last) if last else None

    def _at(self, step: float) -> tuple[float | None, float | None]:
        """Minibatch and dev loss where they are known nearest to a step."""
        curve = self._curve
        assert curve is not None
        dev = dict(curve.dev)
        near = _nearest(list(dev), step)
        batch = dict(zip(curve.steps, curve.mean, strict=True))
        nearest = _nearest(curve.steps, step)
        return (
            batch.get(nearest) if nearest is not None else None,
            dev.get(near) if near is not None else None,
        )

    @property
    def _axis(self) -> StepAxis:
        """The steps along the plot's columns."""
        assert self._curve is not None
        assert self.snapshot is not None
        width = canvas_width(self.content_size.width, self._look(self.snapshot))
        return axis_of(self._curve, max(2, width), self.log_steps)

    def _place_crosshair(self, column: int) -> None:
        axis = self._axis
        self.crosshair = axis.step(max(0, column)) if column < axis.width else None
        self.relayout()

    def _look_anew(self) -> None:
        self._name_axes()
        self.relayout()

    def _name_axes(self) -> None:
        part = "last tenth" if self.last_part else "all steps"
        if self.span:
            part = f"steps {range_label(*self.span)}"
        axes = {(0, 0): "linear", (1, 0): "log loss", (0, 1): "log steps", (1, 1): "log-log"}
        smoothing = {"light": "", "strong": " · smooth", "off": " · unsmoothed"}[self.smoothing]
        self.border_subtitle = f"{part} · {axes[self.log_loss, self.log_steps]}{smoothing}"


def _nearest(rising: list, value: float):
    """Of numbers that rise the one nearest to a value; None of none."""
    place = bisect_left(rising, value)
    near = rising[max(0, place - 1) : place + 1]
    return min(near, key=lambda one: abs(one - value), default=None)
