"""Activations, gradients and updates, and what they amount to."""

from makemore_tui.core.messages import Snapshot

from .panel import Panel, Row


class HealthPanel(Panel):
    """Activations, gradients and updates, and what they amount to."""

    def __init__(self, **kwargs):
        super().__init__("Health", **kwargs)

    def rows(self, snapshot: Snapshot, width: int, height: int) -> list[Row]:
        return []
