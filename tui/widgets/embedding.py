"""The characters at their coordinates in the embedding."""

from textual.content import Content

from makemore_tui.core.results import EmbeddingMap, Unavailable
from makemore_tui.core.worker.protocol import EmbeddingView, Snapshot

from ..plots.embedding_map import Range, embedding_rows, next_range, range_of
from ..style.text_rows import Row, paragraph
from .panel import Panel
from .panel_title import label_border


class EmbeddingPanel(Panel):
    """Each character where the embedding has it; of more than two dimensions the main two.

    The range grows with the points at once, and shrinks slowly: so characters move and never jump.
    """

    ID = FIELD = "embedding"
    IS_OF_SIDE = True
    drawn: EmbeddingMap | Unavailable | None
    _range: Range | None = None

    def view(self) -> EmbeddingView:
        return EmbeddingView()

    def show(self, snapshot: Snapshot) -> None:
        if not self.snapshot or self.snapshot.runs != snapshot.runs:
            self._range = None
        if isinstance(snapshot.embedding, EmbeddingMap):
            self._range = next_range(self._range, range_of(snapshot.embedding.points))
        super().show(snapshot)

    def rows(self, snapshot: Snapshot, width: int, height: int) -> list[Row]:
        shown = self.drawn
        if not isinstance(shown, EmbeddingMap) or self._range is None:
            self.title.set("Embedding")
            label_border(self, subtitle="")
            why = shown.why if isinstance(shown, Unavailable) else "…"
            return paragraph(why, width, self.palette)
        rows, hidden = embedding_rows(shown, self._range, width, height, self.palette)
        dimensions = f"{shown.dimensions}-d"
        main = ", first two principal components" if shown.dimensions > 2 else ""
        legend = Content(_legend(shown, hidden, width))
        self.title.set(f"Embedding · {dimensions}{main}", f"Embedding · {dimensions}")
        label_border(self, subtitle=legend)
        return rows


def _legend(shown: EmbeddingMap, hidden: int, width: int) -> str:
    """What the map shows, as far as there is room; hidden: the characters that found no cell."""
    parts = [f"{hidden} labels hidden"] if hidden else []
    if shown.dimensions > 2:
        across, up = (f"{100 * share:.0f}%" for share in shown.shares)
        parts.append(f"→ {across} ↑ {up} of the variance")
    parts += [f"{shown.labels[shown.boundary]} the boundary", "vowels underlined"]
    while len(parts) > 1 and len(" · ".join(parts)) > width - 2:
        parts.pop()
    return " · ".join(parts)
