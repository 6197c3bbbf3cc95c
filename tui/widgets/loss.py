"""The loss plot."""

from typing import Any

from msgspec.structs import replace
from textual.events import Click

from makemore_tui.core.constants import BASELINES
from makemore_tui.core.results import LossCurve
from makemore_tui.core.worker.protocol import LossView, Snapshot, TwinsView

from .. import messages as say
from ..keymap import bindings_of, key_labels
from ..plots.columns import StepAxis, axis_of
from ..plots.figure import AXIS_WIDTH
from ..plots.loss_options import BASELINE_CHOICES, SMOOTHINGS, LossOptions, loss_legend
from ..plots.loss_plot import canvas_width, loss_plot
from ..plots.twins_plot import twins_curve, twins_rows
from ..style.text_rows import Row, paragraph
from .panel import Panel, next_of
from .panel_title import label_border

_LAST_PART = 0.9
_CHOICES = {"smoothing": tuple(SMOOTHINGS), "baselines": BASELINE_CHOICES}


class LossPanel(Panel):
    """Minibatch losses as a smoothed line before their spread, the dev loss, previous runs, edits,
    and the losses of baseline models; of a pair, the losses of both and their difference."""

    BINDINGS = bindings_of("loss")
    ID = FIELD = "loss"
    drawn: LossCurve | None
    options = LossOptions()
    _is_pair = False

    def reset(self) -> None:
        self.change(
            log_loss=False, log_steps=False, last_part=False, zoom=0, span=None, crosshair=None
        )

    def change(self, **options: Any) -> None:
        """Change options by name."""
        self.options = replace(self.options, **options)
        label_border(self, subtitle=self.options.label)
        self.relayout()
        self.post_message(self.ViewChanged(self))

    def action_toggle_part(self) -> None:
        """Show the last part of the steps, or all of them."""
        self.change(last_part=not self.options.last_part and not self.options.span, span=None)

    def action_next(self, option: str) -> None:
        """Smooth the minibatch loss more, or not at all; show all baselines, the n-grams, the
        uniform one, or none; or turn another option on or off."""
        choices = _CHOICES.get(option, (False, True))
        self.change(**{option: next_of(getattr(self.options, option), choices)})

    def action_toggle_baseline(self, name: str) -> None:
        """Show a baseline, or hide it."""
        shown = {*self.options.baselines} ^ {name}
        self.change(baselines=tuple(one for one in BASELINES if one in shown))

    def action_magnify(self, factor: float) -> None:
        """Show so many times as many steps."""
        if (axis := _axis_of(self)) and self.drawn:
            magnified = self.options.magnified(factor, axis, self.drawn.total_steps)
            self.change(last_part=magnified.last_part, span=magnified.span)

    def action_auto_range(self) -> None:
        """Show the range of losses that is found automatically."""
        self.change(zoom=0)

    def action_move(self, down: int, right: int) -> None:
        """Move the crosshair by columns; beyond the newest step it disappears. Up shows a smaller
        range of losses around the end of the curve, down a larger one."""
        if down:
            self.change(zoom=self.options.zoomed(-down).zoom)
        if right and (axis := _axis_of(self)):
            at = self.options.crosshair
            column = axis.width if at is None else round(axis.column(at))
            self.change(crosshair=_step_at(axis, column + right))

    def on_click(self, event: Click) -> None:
        offset = event.get_content_offset(self)
        if offset is not None and (axis := _axis_of(self)):
            self.change(crosshair=_step_at(axis, offset.x - AXIS_WIDTH))

    def toggle_run(self, run: int | str) -> None:
        """Hide a previous run, by its id, or show it again; draw a saved one, by its path, or no
        longer."""
        options = self.options
        if isinstance(run, int):
            if run in options.earlier:
                self.change(earlier=options.earlier - {run}, toggled=options.toggled - {run})
            else:
                self.change(toggled=options.toggled ^ {run})
            known = self.snapshot.previous if self.snapshot else ()
            is_shown = any(one.id == run and self.options.shows(one) for one in known)
        else:
            is_shown = run not in options.overlays
            others = tuple(path for path in options.overlays if path != run)
            self.change(overlays=(*others, run) if is_shown else others)
        self.post_message(self.Said(say.SHOWN_ON_PLOT if is_shown else say.HIDDEN_ON_PLOT))

    def view(self) -> LossView | TwinsView:
        share = _LAST_PART if self.options.last_part else 0.0
        detail = 8 if self.options.log_steps else 2  # points a column
        points = max(40, detail * self.content_size.width)
        options = self.options
        window, more = SMOOTHINGS[options.smoothing], (options.target, options.overlays)
        if self._is_pair:
            return TwinsView(share, points, options.span, window)
        return LossView(share, points, options.span, options.log_steps, window, *more)

    def show(self, snapshot: Snapshot) -> None:
        self._is_pair = snapshot.pair is not None
        if snapshot.twins is not None:
            curve = twins_curve(snapshot.twins, snapshot.step)
            snapshot = replace(snapshot, loss=curve)
        span, crosshair = self.options.span, self.options.crosshair
        if (
            not self.snapshot
            or self.snapshot.runs != snapshot.runs
            or (span and span[0] >= snapshot.step)
        ):
            span = crosshair = None
        if crosshair is not None and crosshair > snapshot.step:
            crosshair = None
        self.options = replace(self.options, span=span, crosshair=crosshair)
        label_border(self, subtitle=self.options.label)
        super().show(snapshot)
        shown = self.snapshot
        if shown is not None and shown.splits != snapshot.splits:  # which came without a curve
            self.snapshot = replace(shown, splits=snapshot.splits)
            self.relayout()

    def rows(self, snapshot: Snapshot, width: int, height: int) -> list[Row]:
        curve, options = self.drawn or LossCurve([], [], [], [], 0), self.options
        legend = loss_legend(curve, snapshot, options, width, self.palette)
        if not curve.steps:
            is_paused, key = snapshot.state == "paused", key_labels(self.app)["pause"]
            waiting = f"Press {key} to train" if is_paused else "No steps yet"
            return [legend, [], *paragraph(waiting, width, self.palette)]
        if snapshot.twins is not None:
            return twins_rows(snapshot, curve, width, height, options, self.palette)
        return [legend, *loss_plot(curve, width, height - 1, options.look(snapshot), self.palette)]


def _axis_of(panel: LossPanel) -> StepAxis | None:
    """The steps along the plot's columns; None while there are none."""
    if panel.snapshot is None or not panel.drawn or not panel.drawn.steps:
        return None
    width = canvas_width(panel.content_size.width, panel.options.look(panel.snapshot))
    return axis_of(panel.drawn, max(2, width), panel.options.log_steps)


def _step_at(axis: StepAxis, column: int) -> float | None:
    """The step of a column; None beyond the newest."""
    return axis.step(max(0, column)) if column < axis.width else None
