"""Fresh names from the model."""

from rich.cells import cell_len, set_cell_size

from makemore_tui.core.results import Sample
from makemore_tui.core.worker.protocol import NamesView, Snapshot

from ..style.text_rows import Row, row
from .panel import Panel

_MARKS = {True: "in data", False: "new"}
_MAX_MARK_WIDTH = 7
_GAP = 2  # cells more between columns


class NamesPanel(Panel):
    """Sampled names, each marked as standing in the data or new."""

    def __init__(self, **kwargs):
        super().__init__("Names", **kwargs)
        self._names: tuple[Sample, ...] = ()

    @property
    def texts(self) -> list[str]:
        """The names that are shown."""
        return [name.text for name in self._names]

    def view(self) -> NamesView:
        width, height = self.content_size
        return NamesView(max(1, min(200, height * max(1, width // 24))))

    def show(self, snapshot: Snapshot) -> None:
        if self.keeps(snapshot.names, snapshot):
            return
        self._names = snapshot.names or ()
        super().show(snapshot)

    def rows(self, snapshot: Snapshot, width: int, height: int) -> list[Row]:
        if not self._names:
            return [row(("…", self.palette.style("dim")))]
        columns = max(1, width // 24)
        gap = _GAP if columns > 1 else 0
        each = width // columns - gap
        lines = [self._names[i : i + columns] for i in range(0, len(self._names), columns)]
        new = sum(not name.seen for name in self._names)
        self.border_subtitle = f"{new} of {len(self._names)} new" if width > 13 else f"{new} new"
        return [
            [segment for name in line for segment in self._name_row(name, each, gap)]
            for line in lines
        ]

    def _name_row(self, name: Sample, width: int, gap: int) -> Row:
        colours = self.palette
        mark = _MARKS[name.seen] if width >= 18 else ("=" if name.seen else "+")
        room = width - (_MAX_MARK_WIDTH if width >= 18 else 1) - 2
        text = name.text or "(empty)"
        if cell_len(text) > room:
            text = set_cell_size(text, room - 1) + "…"
        return row(
            (set_cell_size(text, room) + " ", colours.style("text" if not name.seen else "dim")),
            (f"{mark:<{width - room - 1 + gap}}", colours.style("dim" if name.seen else "good")),
        )
