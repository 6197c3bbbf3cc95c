"""Former runs, and the way back to them."""

from makemore_tui.core.messages import Snapshot

from .panel import Panel, Row


class RunsPanel(Panel):
    """Former runs, and the way back to them."""

    def __init__(self, **kwargs):
        super().__init__("Runs", **kwargs)

    def rows(self, snapshot: Snapshot, width: int, height: int) -> list[Row]:
        return []
