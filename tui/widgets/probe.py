"""What may follow a text, and how the model reads it."""

from textual.app import ComposeResult
from textual.binding import Binding
from textual.message import Message

from makemore_tui.core.results import Probe, Unavailable
from makemore_tui.core.worker.protocol import ProbeView, Snapshot

from ..keymap import bindings_of
from ..plots.probe_rows import COLUMN_WIDTH, probe_rows
from ..style.text_rows import Row, row, wrapped
from .panel import Panel
from .text_input import Line


class ProbePanel(Panel):
    """A text of one's own: what may follow it, and as a word, the surprisal of each character.

    Of the character at the text's cursor, or of the most surprising one when that is at the end,
    the likeliest others are shown.
    """

    DEFAULT_CSS = """
    ProbePanel:focus-within { border: round $primary; }
    ProbePanel > Input, ProbePanel > Input:focus { height: 1; padding: 0; background: transparent; }
    """
    BINDINGS = bindings_of("probe")
    FIELD = "probe"
    drawn: Probe | Unavailable | None

    def __init__(self):
        super().__init__("Probe", id="probe")
        self._line = ProbedText(placeholder="the empty text", compact=True, select_on_focus=False)

    def compose(self) -> ComposeResult:
        yield self._line

    def on_mount(self) -> None:
        self.on_descendant_blur()

    def view(self) -> ProbeView:
        width, height = self.content_size
        return ProbeView(self._line.value, most=max(1, height * max(1, width // COLUMN_WIDTH)))

    def action_type_text(self) -> None:
        """Let the keys type into the text."""
        self.screen.set_focus(self._line)  # at once, before the next key

    def on_input_submitted(self) -> None:
        self.focus()

    def on_input_changed(self) -> None:
        self.post_message(self.ViewChanged(self))

    def on_probed_text_cursor_moved(self) -> None:
        self.relayout()

    def on_descendant_focus(self) -> None:
        self.border_subtitle = "esc leaves"

    def on_descendant_blur(self) -> None:
        self.border_subtitle = f"{self.key_labels['probe']} types"

    def rows(self, snapshot: Snapshot, width: int, height: int) -> list[Row]:
        probe = self.drawn  # below the line that is typed into
        if probe is None:
            return [[], row(("…", self.palette.style("dim")))]
        if isinstance(probe, Unavailable):
            lines = wrapped(probe.why, width)
            return [[], *(row((line, self.palette.style("warning"))) for line in lines)]
        return [[], *probe_rows(probe, self._chosen(probe), width, height - 1, self.palette)]

    def _chosen(self, probe: Probe) -> int:
        """The character at the text's cursor, or the most surprising one."""
        surprisals = [one.surprisal for one in probe.characters]
        place = self._line.cursor_position
        is_within = self._line.has_focus and place < len(self._line.value)
        if is_within and place < len(surprisals):
            return place
        return surprisals.index(max(surprisals))


class ProbedText(Line):
    """The text; the arrows up and down do nothing, so that they move nothing else."""

    BINDINGS = [  # noqa: RUF012
        Binding("escape", "leave", "leave the text"),
        Binding("up,down", "stay", show=False),
    ]

    class CursorMoved(Message):
        """The cursor is at another character."""

    def action_leave(self) -> None:
        """Let the keys be the explorer's again."""
        if isinstance(self.parent, ProbePanel):
            self.parent.focus()

    def action_stay(self) -> None:
        """Do nothing."""

    def watch_cursor_position(self) -> None:
        self.post_message(self.CursorMoved())
