"""Activations, gradients and updates, and what they amount to."""

from makemore_tui.core.results import Health
from makemore_tui.core.worker.protocol import HealthView, Snapshot

from ..plots.health_rows import health_rows
from ..style.text_rows import Row, paragraph
from .panel import Panel
from .panel_title import label_border


class HealthPanel(Panel):
    """A diagnosis first, and what it rests on: first loss, activations, gradients and updates."""

    ID = FIELD = "health"
    IS_OF_SIDE = True
    drawn: Health | None

    def view(self) -> HealthView:
        return HealthView()

    def rows(self, snapshot: Snapshot, width: int, height: int) -> list[Row]:
        if self.drawn is None:
            return paragraph("…", width, self.palette)
        label_border(self, subtitle=f"at step {self.drawn.step:,}")
        return health_rows(self.drawn, snapshot.model.kind, width, height, self.palette)
