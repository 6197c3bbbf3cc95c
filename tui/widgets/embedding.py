"""The characters at their coordinates in the embedding."""

from makemore_tui.core.messages import Snapshot

from .panel import Panel, Row


class EmbeddingPanel(Panel):
    """The characters at their coordinates in the embedding."""

    def __init__(self, **kwargs):
        super().__init__("Embedding", **kwargs)

    def rows(self, snapshot: Snapshot, width: int, height: int) -> list[Row]:
        return []
