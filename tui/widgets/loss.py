"""The loss plot."""

import math

from makemore_tui.core.messages import LossCurve, LossView, Snapshot

from ..plot import loss_plot
from .panel import Panel, Row, number, row

_LAST_PART = 0.8


class LossPanel(Panel):
    """Minibatch losses as a smoothed line before their spread, dev loss, and ln V for reference."""

    def __init__(self, **kwargs):
        super().__init__("Loss", **kwargs)
        self.logarithmic = False
        self.last_part = False
        self._curve: LossCurve | None = None
        self._name_axes()

    def toggle_log(self) -> None:
        """Change between a linear and a logarithmic loss axis."""
        self.logarithmic = not self.logarithmic
        self._name_axes()
        self.relayout()

    def toggle_part(self) -> None:
        """Change between all steps and the last part of them."""
        self.last_part = not self.last_part
        self._name_axes()

    def view(self) -> LossView:
        return LossView(_LAST_PART if self.last_part else 0.0, max(40, 2 * self.content_size.width))

    def show(self, snapshot: Snapshot) -> None:
        if snapshot.loss is None and self.snapshot and self.snapshot.runs == snapshot.runs:
            return
        self._curve = snapshot.loss or LossCurve([], [], [], [], 0)
        super().show(snapshot)

    def rows(self, snapshot: Snapshot, width: int, height: int) -> list[Row]:
        curve = self._curve
        uniform = math.log(snapshot.dataset.characters)
        legend = self._legend(snapshot, uniform, width)
        if curve is None or not curve.steps:
            waiting = "press space to train" if snapshot.state == "paused" else "no steps yet"
            return [legend, [], row((waiting, self.palette.style("dim")))]
        plot = loss_plot(curve, width, height - 1, uniform, self.logarithmic, self.palette)
        return [legend, *plot]

    def _legend(self, snapshot: Snapshot, uniform: float, width: int) -> Row:
        colours, curve, splits = self.palette, self._curve, snapshot.splits
        dim = colours.style("dim")
        last = curve.mean[-8:] if curve else []
        batch = number(sum(last) / len(last)) if last else "–"
        parts = [
            ("━ minibatch ", colours.style("batch")),
            (f"{batch}   ", colours.style("text", bold=True)),
            ("━ dev ", colours.style("dev")),
            (f"{number(splits.dev) if splits else '–'}   ", colours.style("text", bold=True)),
        ]
        if width >= 60:
            parts += [("╌ uniform, ln V ", dim), (f"{uniform:.3f}", dim)]
        return row(*parts)

    def _name_axes(self) -> None:
        part = "last fifth" if self.last_part else "all steps"
        self.border_subtitle = f"{part} · {'logarithmic' if self.logarithmic else 'linear'}"
