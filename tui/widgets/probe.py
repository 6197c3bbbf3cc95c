"""What may follow a text, and how the model reads it."""

from unicodedata import normalize

from msgspec.structs import replace
from textual import on
from textual.app import ComposeResult
from textual.events import DescendantBlur, DescendantFocus, Resize

from makemore_tui.core.results import Draw, Probe, Unavailable
from makemore_tui.core.worker.protocol import ProbeView, Snapshot

from ..keymap import bindings_of, key_labels
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
    IS_OF_SIDE = True
    drawn: Probe | Unavailable | None

    def __init__(self):
        super().__init__()
        self._draws: list[Draw] = []  # of the walk that leads to the text
        self._due = 0  # how often the next character was asked for
        self._prefix, self._index = "", 0  # what the walk began with, and the sample that it is
        self._walked = ""  # the text that the walk has come to

    def compose(self) -> ComposeResult:
        self._line = OwnLine(placeholder="the empty text")
        yield self._line

    def on_mount(self) -> None:
        self.watch(self._line, "selection", self.relayout, init=False)
        self.label_keys()

    @on(DescendantFocus)
    @on(DescendantBlur)
    @on(Resize)
    def label_keys(self) -> None:
        """Say which key begins or ends typing."""
        keys = key_labels(self.app)
        draw, types = keys["probe-draw"], keys["probe"]
        is_typing = self._line.has_focus
        both = f"{types} to type · {draw} to draw"
        hint = both if len(both) < self.content_size.width else f"{types} to type"
        self.border_subtitle = "esc to leave" if is_typing else hint

    def view(self) -> ProbeView:
        width, height = self.content_size
        most = max(1, height * max(1, width // COLUMN_WIDTH))
        return ProbeView(self._line.value, most, self._index)

    def reset(self) -> None:
        self._line.value = ""

    def action_type_text(self) -> None:
        """Let the keys type into the text."""
        self.screen.set_focus(self._line)  # at once, before the next key

    def action_draw(self) -> None:
        """Draw the next character from what may follow, as sampling does; after the end of one
        sample, the first of the next."""
        self._due += 1
        self._draw_due()

    def show(self, snapshot: Snapshot) -> None:
        super().show(snapshot)
        self._draw_due()

    def on_input_changed(self) -> None:
        if self._line.value != self._walked:
            self._draws, self._due, self._index = [], 0, 0
        self.post_message(self.ViewChanged(self))

    def _draw_due(self) -> None:
        """Draw what was asked for, once the distribution after the text is there."""
        if not self._due or not isinstance(self.drawn, Probe):
            return
        if self._draws and not self._draws[-1].text:  # the end of the last sample
            self._index += 1
            self._draws = []
            self._go_to(self._prefix)
            return
        draw = self.drawn.next
        if self.drawn.text == self._line.value and draw and draw.index == self._index:
            self._due -= 1
            if not self._draws:
                self._prefix = self.drawn.text
            self._draws.append(draw)
            self._go_to(self.drawn.text + draw.text)

    def _go_to(self, text: str) -> None:
        """Show another text, that of the walk."""
        self._walked = self._line.value = text
        self._line.cursor_position = len(text)
        self.relayout()
        self.post_message(self.ViewChanged(self))

    def rows(self, snapshot: Snapshot, width: int, height: int) -> list[Row]:
        probe = self.drawn
        if isinstance(probe, Probe):
            if self._draws and self._draws[-1].text and probe.text:
                probe = _without_end(probe)  # which is not drawn yet
            chosen = _chosen(self._line, [one.surprisal for one in probe.characters])
            rows = probe_rows(probe, chosen, self._draws, width, height - 1, self.palette)
        elif probe is None:
            rows = paragraph("…", width, self.palette)
        else:
            rows = paragraph(probe.why, width, self.palette, "warning")
        return [[], *rows]  # below the line that is typed into


def _chosen(line: OwnLine, surprisals: list[float]) -> int:
    """The character at a text's cursor, or the most surprising one."""
    is_inside = line.cursor_position < len(line.value)
    begun = line.value[: line.cursor_position]
    place = len(normalize("NFC", begun))  # the model reads composed characters
    if line.has_focus and is_inside and place < len(surprisals):
        return place
    return surprisals.index(max(surprisals))


def _without_end(probe: Probe) -> Probe:
    """The probe of a text that may go on: its characters without the boundary, and their mean."""
    *characters, _ = probe.characters
    mean = sum(one.surprisal for one in characters) / len(characters)
    return replace(probe, characters=tuple(characters), mean=mean)
