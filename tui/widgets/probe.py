"""What may follow a text, and how the model reads it."""

from makemore_tui.core.messages import Snapshot

from .panel import Panel, Row


class ProbePanel(Panel):
    """What may follow a text, and how the model reads it."""

    def __init__(self, **kwargs):
        super().__init__("Probe", **kwargs)

    def rows(self, snapshot: Snapshot, width: int, height: int) -> list[Row]:
        return []
