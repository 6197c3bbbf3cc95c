"""One example of some words, followed through the model and back."""

from typing import Any

from textual import on
from textual.app import ComposeResult
from textual.events import DescendantBlur, DescendantFocus, Mount, Resize
from textual.widgets import Input

from makemore_tui.core.results import SoftmaxDrawing, TraceDrawing, Unavailable
from makemore_tui.core.worker.protocol import Snapshot, TraceView

from ..keymap import bindings_of, key_labels
from ..plots.softmax_rows import softmax_rows
from ..plots.trace_rows import Drawn, trace_rows
from ..style.text_rows import Row, paragraph
from .panel import Panel, run_of
from .panel_title import label_border
from .text_input import OwnLine

_HINT = "words, first-3, or logits 100 2 -3"


class TracePanel(Panel):
    """Some words, a position in them, and each stage from ids to loss; with gradients, and back.

    Up and down choose the words or a stage; left and right the position in the words, or a value of
    the stage. While paused, what a step changes of the example's loss is shown.
    """

    DEFAULT_CSS = "TracePanel:focus-within { border: round $primary; }"
    BINDINGS = bindings_of("trace")
    ID = FIELD = "trace"
    IS_OF_SIDE = True
    drawn: TraceDrawing | SoftmaxDrawing | Unavailable | None

    def __init__(self):
        super().__init__()
        self._stage = -1  # on the words
        self._unit = 0
        self._is_awaited = False  # a drawing with gradients, to show the first of them
        self._before_gradients: tuple[int, int] | None = None  # stage and unit
        self._position: int | None = None
        self._item: int | None = None  # of the dataset, in place of what is typed
        self._num_taken = 0  # items so far
        self._is_backward = False
        self._paused: TraceDrawing | None = None  # the newest drawing, while paused
        self._before: TraceDrawing | None = None  # of the same example, before the last step

    def compose(self) -> ComposeResult:
        self._line = OwnLine("emma", placeholder=_HINT, select_on_focus=True)
        yield self._line

    @on(Mount)
    @on(DescendantFocus)
    @on(DescendantBlur)
    @on(Resize)
    def label_keys(self) -> None:
        """Say which keys type other words, and show the gradients: as many of them as fit."""
        ways = [f"{_HINT} · enter to finish", "enter to finish"]
        if not self._line.has_focus:
            keys, right = key_labels(self.app), "position" if self._stage < 0 else "value"
            parts = (
                f"{keys['trace-word']} type · {keys['trace-item']} word", "↑↓ stage", f"←→ {right}",
                f"{keys['trace-back']} gradients",
            )  # fmt: skip
            ways = [" · ".join(parts), " · ".join(parts[1:]), f"{parts[1]} · {parts[3]}", parts[3]]
        room = self.content_size.width - 2
        label_border(self, subtitle=next((one for one in ways if len(one) <= room), ways[-1]))

    def view(self) -> TraceView:
        most = max(64, self.content_size.width)
        typed = self._line.value, self._position, self._is_backward, most
        return TraceView(*typed, self._item)

    def show(self, snapshot: Snapshot) -> None:
        now = snapshot.trace
        if self.snapshot is not None and run_of(self.snapshot) != run_of(snapshot):
            self._paused = None
        if isinstance(now, TraceDrawing):
            self._compare(now, is_training=snapshot.state == "training")
            if now.gradients and self._is_awaited:
                self._is_awaited, self._before_gradients = False, (self._stage, self._unit)
                self._stage, self._unit = len(now.stages), now.example.ids[-1]
                self.label_keys()
            if self._item is not None and self._line.value != now.text:
                with self.prevent(Input.Changed):
                    self._line.value = now.text
        super().show(snapshot)

    def _compare(self, now: TraceDrawing, is_training: bool) -> None:
        """Note the same example from before the last step, if that was drawn while paused."""
        paused, example = self._paused, (now.text, now.position)
        if is_training or paused is None or (paused.text, paused.position) != example:
            self._before = None
        elif paused.step != now.step:
            self._before = paused if paused.step < now.step else None
        self._paused = None if is_training else now

    def cursor_facts(self) -> dict[str, Any]:
        trace, stage = self.drawn, self._stage
        if not isinstance(trace, TraceDrawing) or stage < 0:
            return {}
        stages = (*trace.stages, *trace.gradients)
        return {"trace.stage": stages[min(stage, len(stages) - 1)].name}

    def reset(self) -> None:
        self._stage, self._position, self._item = -1, None, None
        self._is_backward = self._is_awaited = False
        self._line.value = "emma"
        self.label_keys()
        self.post_message(self.ViewChanged(self))

    def action_type_word(self) -> None:
        """Let the keys type other words."""
        self.screen.set_focus(self._line)

    def action_take_item(self) -> None:
        """Follow the next item of the data."""
        self._item, self._position = self._num_taken, None
        self._num_taken += 1
        self.post_message(self.ViewChanged(self))

    def action_switch_back(self) -> None:
        """Show the gradients, from that of the logits on; or hide them, and go back to where the
        cursor was before."""
        self._is_backward = self._is_awaited = not self._is_backward
        if not self._is_backward and self._before_gradients is not None:
            self._stage, self._unit = self._before_gradients
            self._before_gradients = None
        self.label_keys()
        self.post_message(self.ViewChanged(self))

    def action_move(self, down: int, right: int) -> None:
        trace = self.drawn
        if not isinstance(trace, TraceDrawing):
            return
        stages = (*trace.stages, *trace.gradients)
        stage = self._stage = max(-1, min(self._stage, len(stages) - 1) + down)
        stage = self._stage = min(stage, len(stages) - 1)
        if down:
            self._unit = 0
            self.label_keys()
        elif stage < 0:
            begun = trace.position if self._position is None else self._position  # maybe not drawn
            self._position = max(0, min(begun + right, len(trace.examples) - 1))
        else:
            self._unit = max(0, min(self._unit + right, len(stages[stage].values) - 1))
        self.post_message(self.ViewChanged(self))
        self.relayout()

    def on_input_changed(self) -> None:
        self._position = self._item = None
        self.post_message(self.ViewChanged(self))

    def rows(self, snapshot: Snapshot, width: int, height: int) -> list[Row]:
        trace = self.drawn
        if isinstance(trace, TraceDrawing):
            drawn = self._with_cursor(trace, snapshot.dataset.labels)
            return [[], *trace_rows(drawn, width, height - 1)]
        if isinstance(trace, SoftmaxDrawing):
            is_zoomed = any(one.has_class("zoomed") for one in self.ancestors)
            way = "" if is_zoomed else key_labels(self.app)["zoom"]
            return [[], *softmax_rows(trace, width, height - 1, self.palette, way)]
        why, colour = ("…", "dim") if trace is None else (trace.why, "warning")
        return [[], *paragraph(why, width, self.palette, colour)]

    def _with_cursor(self, trace: TraceDrawing, labels: tuple[str, ...]) -> Drawn:
        """A trace with the cursor, within what there is: without gradients there is less."""
        stages = (*trace.stages, *trace.gradients)
        stage = min(self._stage, len(stages) - 1)
        unit = min(self._unit, len(stages[stage].values) - 1)
        chosen = stage if stage >= 0 else None
        return Drawn(trace, self._before, chosen, unit, labels, self.palette)
