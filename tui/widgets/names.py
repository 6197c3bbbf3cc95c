"""Names sampled from the model."""

from makemore_tui.core.results import Sample
from makemore_tui.core.text import shown
from makemore_tui.core.worker.protocol import NamesView, Snapshot

from ..keymap import bindings_of
from ..style.text_rows import Row, fitted, paragraph, row
from .panel import Panel, label_border

_MAX_NAMES = 200
_COLUMN_WIDTH = 24  # cells, at least
_MAX_MARK_WIDTH = len("in data")
_GAP = 2  # cells more between columns


class NamesPanel(Panel):
    """Sampled names, each marked as standing in the data or new."""

    BINDINGS = bindings_of("names")
    ID = FIELD = "names"
    drawn: tuple[Sample, ...] | None

    def view(self) -> NamesView:
        width, height = self.content_size
        return NamesView(max(1, min(_MAX_NAMES, height * max(1, width // _COLUMN_WIDTH))))

    def action_renew(self) -> None:
        """Ask for other names."""
        self.post_message(self.ViewChanged(self, is_anew=True))

    def action_copy(self) -> None:
        """Copy the names that are shown to the clipboard, one a line."""
        if self.drawn:
            self.app.copy_to_clipboard("\n".join(name.text for name in self.drawn))
            self.post_message(self.Said(f"copied {len(self.drawn)} names"))
        else:
            key = self.key_labels["names"]
            self.post_message(self.Said(f"there are no names yet; {key} makes some"))

    def rows(self, snapshot: Snapshot, width: int, height: int) -> list[Row]:
        names = self.drawn
        if not names:
            return paragraph("…", width, self.palette)
        columns = max(1, width // _COLUMN_WIDTH)
        gap = _GAP if columns > 1 else 0
        each = width // columns - gap
        new = sum(not name.seen for name in names)
        label_border(self, subtitle=f"{new} of {len(names)} new" if width > 13 else f"{new} new")
        return [
            [segment for name in names[i : i + columns] for segment in self._row(name, each, gap)]
            for i in range(0, len(names), columns)
        ]

    def _row(self, name: Sample, width: int, gap: int) -> Row:
        """A name and its mark, in `width` cells with `gap` more after them."""
        is_wide, palette = width >= 18, self.palette
        mark, sign = ("in data", "=") if name.seen else ("new", "+")
        room = width - (_MAX_MARK_WIDTH if is_wide else 1) - 2
        text = f"{fitted(shown(name.text) or '(empty)', room)} "
        return row(
            (text, palette.style("dim" if name.seen else "text")),
            (
                f"{mark if is_wide else sign:<{width - room - 1 + gap}}",
                palette.style("dim" if name.seen else "good"),
            ),
        )
