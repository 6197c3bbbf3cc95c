"""One example of a word, followed through the model and back."""

from textual import on
from textual.app import ComposeResult
from textual.events import DescendantBlur, DescendantFocus

from makemore_tui.core.results import Unavailable
from makemore_tui.core.trace_results import TraceDrawing
from makemore_tui.core.worker.protocol import Snapshot, TraceView

from ..keymap import bindings_of
from ..plots.trace_rows import trace_rows
from ..style.text_rows import Row, paragraph
from .panel import Panel, label_border
from .text_input import OwnLine


class TracePanel(Panel):
    """A word, one position in it, and each stage from ids to loss; with gradients, back again.

    Up and down choose a stage, left and right the position.
    """

    DEFAULT_CSS = "TracePanel:focus-within { border: round $primary; }"
    BINDINGS = bindings_of("trace")
    ID = FIELD = "trace"
    drawn: TraceDrawing | Unavailable | None

    def __init__(self):
        super().__init__()
        self._line = OwnLine("emma", placeholder="a word", select_on_focus=True)
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
        self.label_keys()
        self.post_message(self.ViewChanged(self))

    def action_move(self, down: int, right: int) -> None:
        trace = self.drawn
        if not isinstance(trace, TraceDrawing):
            return
        self._stage = max(0, _within(trace, self._stage + down))
        if right:
            self._position = max(0, min(trace.position + right, len(trace.examples) - 1))
            self.post_message(self.ViewChanged(self))
        self.relayout()

    def on_input_changed(self) -> None:
        self._position = None
        self.post_message(self.ViewChanged(self))

    def rows(self, snapshot: Snapshot, width: int, height: int) -> list[Row]:
        trace = self.drawn
        if isinstance(trace, TraceDrawing):
            stage, labels = _within(trace, self._stage), snapshot.dataset.labels
            return [[], *trace_rows(trace, stage, labels, width, height - 1, self.palette)]
        why, colour = ("…", "dim") if trace is None else (trace.why, "warning")
        return [[], *paragraph(why, width, self.palette, colour)]


def _within(trace: TraceDrawing, stage: int) -> int:
    """A stage, or the last that there is: without gradients there are fewer."""
    return min(stage, len(trace.stages) + len(trace.gradients) - 1)
