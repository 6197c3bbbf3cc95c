"""One example of a word, followed through the model and back."""

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.events import DescendantBlur, DescendantFocus

from makemore_tui.core.results import Unavailable
from makemore_tui.core.trace_results import TraceDrawing
from makemore_tui.core.worker.protocol import Snapshot, TraceView

from ..keymap import bindings_of
from ..plots.trace_rows import trace_rows
from ..style.text_rows import Row, paragraph
from .panel import Panel, label_border
from .text_input import Line


class TracedWord(Line):
    """The word that is followed."""

    BINDINGS = [Binding("escape", "submit", "leave the word")]  # noqa: RUF012

    async def action_submit(self) -> None:
        """Let the keys be the explorer's again."""
        assert isinstance(self.parent, TracePanel)
        self.screen.set_focus(self.parent)


class TracePanel(Panel):
    """A word, one position in it, and each stage from ids to loss; with gradients, back again.

    Up and down choose a stage, left and right the position.
    """

    DEFAULT_CSS = """
    TracePanel:focus-within { border: round $primary; }
    TracePanel > Input, TracePanel > Input:focus { height: 1; padding: 0; background: transparent; }
    """
    BINDINGS = bindings_of("trace")
    ID = FIELD = "trace"
    drawn: TraceDrawing | Unavailable | None

    def __init__(self):
        super().__init__()
        self._line = TracedWord("emma", placeholder="a word", select_on_focus=True)
        self._stage = 0
        self._position: int | None = None
        self._is_backward = False

    def compose(self) -> ComposeResult:
        yield self._line

    def on_mount(self) -> None:
        self.label_keys()

    @on(DescendantFocus)
    @on(DescendantBlur)
    def label_keys(self) -> None:
        """Say which keys type another word, and show the gradients."""
        if self._line.has_focus:
            said = "enter to finish"
        else:
            keys = self.key_labels
            back = "no gradients" if self._is_backward else "gradients"
            said = (
                f"{keys['trace-word']} word · ↑↓ stage · ←→ position · {keys['trace-back']} {back}"
            )
        label_border(self, subtitle=said)

    def view(self) -> TraceView:
        most = max(64, self.content_size.width)
        return TraceView(self._line.value, self._position, self._is_backward, most)

    def action_type_word(self) -> None:
        """Let the keys type another word."""
        self.screen.set_focus(self._line)

    def action_switch_back(self) -> None:
        """Show the gradients, or hide them."""
        self._is_backward = not self._is_backward
        if not self._is_backward and isinstance(self.drawn, TraceDrawing):
            self._stage = min(self._stage, len(self.drawn.stages) - 1)
        self.label_keys()
        self.post_message(self.ViewChanged(self))

    def action_move(self, down: int, right: int) -> None:
        if not isinstance(self.drawn, TraceDrawing):
            return
        many = len(self.drawn.stages) + len(self.drawn.gradients)
        self._stage = max(0, min(self._stage + down, many - 1))
        if right:
            last = len(self.drawn.examples) - 1
            self._position = max(0, min(self.drawn.position + right, last))
            self.post_message(self.ViewChanged(self))
        self.relayout()

    def on_input_changed(self) -> None:
        self._position = None
        self.post_message(self.ViewChanged(self))

    def rows(self, snapshot: Snapshot, width: int, height: int) -> list[Row]:
        trace = self.drawn
        if isinstance(trace, TraceDrawing):
            stage = min(self._stage, len(trace.stages) + len(trace.gradients) - 1)
            labels = snapshot.dataset.labels
            return [[], *trace_rows(trace, stage, labels, width, height - 1, self.palette)]
        why, colour = ("…", "dim") if trace is None else (trace.why, "warning")
        return [[], *paragraph(why, width, self.palette, colour)]
