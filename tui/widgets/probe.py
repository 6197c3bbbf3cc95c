"""What may follow a text, and how the model reads it."""

from unicodedata import normalize

from textual import on
from textual.app import ComposeResult
from textual.events import DescendantBlur, DescendantFocus

from makemore_tui.core.results import Probe, Unavailable
from makemore_tui.core.worker.protocol import ProbeView, Snapshot

from ..keymap import bindings_of
from ..plots.probe_rows import COLUMN_WIDTH, probe_rows
from ..style.text_rows import Row, paragraph
from .panel import Panel
from .text_input import OwnLine


class ProbePanel(Panel):
    """A text of one's own: what may follow it, and as a word, the surprisal of each character.

    Of the character at the text's cursor, or of the most surprising one when that is at the end,
    the likeliest others are shown.
    """

    DEFAULT_CSS = "ProbePanel:focus-within { border: round $primary; }"
    BINDINGS = bindings_of("probe")
    ID = FIELD = "probe"
    drawn: Probe | Unavailable | None

    def __init__(self):
        super().__init__()
        self._line = OwnLine(placeholder="the empty text")

    def compose(self) -> ComposeResult:
        yield self._line

    def on_mount(self) -> None:
        self.watch(self._line, "selection", self.relayout, init=False)
        self.label_keys()

    @on(DescendantFocus)
    @on(DescendantBlur)
    def label_keys(self) -> None:
        """Say which key begins or ends typing."""
        is_typing = self._line.has_focus
        self.border_subtitle = "esc leaves" if is_typing else f"{self.key_labels['probe']} types"

    def view(self) -> ProbeView:
        width, height = self.content_size
        return ProbeView(self._line.value, most=max(1, height * max(1, width // COLUMN_WIDTH)))

    def reset(self) -> None:
        self._line.value = ""

    def action_type_text(self) -> None:
        """Let the keys type into the text."""
        self.screen.set_focus(self._line)  # at once, before the next key

    def on_input_changed(self) -> None:
        self.post_message(self.ViewChanged(self))

    def rows(self, snapshot: Snapshot, width: int, height: int) -> list[Row]:
        probe = self.drawn
        if isinstance(probe, Probe):
            chosen = self._chosen([one.surprisal for one in probe.characters])
            rows = probe_rows(probe, chosen, width, height - 1, self.palette)
        elif probe is None:
            rows = paragraph("…", width, self.palette)
        else:
            rows = paragraph(probe.why, width, self.palette, "warning")
        return [[], *rows]  # below the line that is typed into

    def _chosen(self, surprisals: list[float]) -> int:
        """The character at the text's cursor, or the most surprising one."""
        value, place = self._line.value, self._line.cursor_position
        is_inside = place < len(value)
        place = len(normalize("NFC", value[:place]))  # the model reads composed characters
        if self._line.has_focus and is_inside and place < len(surprisals):
            return place
        return surprisals.index(max(surprisals))
