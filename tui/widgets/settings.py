"""The settings: what they are, the keys that change them, and a line to type a value into."""

import textwrap
from dataclasses import dataclass
from typing import NamedTuple

from rich.style import Style
from textual.binding import Binding
from textual.events import Click, MouseScrollDown, MouseScrollUp
from textual.message import Message
from textual.widgets import Input

from makemore_tui.core.errors import UserError
from makemore_tui.core.worker.protocol import Edit, Restart, Snapshot

from ..plots.ticks import tick_label
from ..setting_steps import in_words, name_of, restarts, typed
from ..style.text_rows import Row, row
from .panel import Panel
from .text_input import Line


class Entry(NamedTuple):
    """A line of the panel; `setting` is the one it shows, "" where it only tells."""

    name: str
    value: str
    keys: tuple[str, ...] = ()  # their ids
    setting: str = ""


class ControlsPanel(Panel):
    """What the engine says the settings are, and which key changes each.

    A cursor moves over the settings while the panel is chosen; sideways it turns the one it is at,
    and a value can be typed in place.
    """

    DEFAULT_CSS = """
    ControlsPanel > Input { position: absolute; display: none; background: $panel-lighten-1; }
    """

    @dataclass
    class Asked(Message):
        """A value was typed."""

        request: Edit | Restart

    @dataclass
    class Turned(Message):
        """A setting was turned."""

        setting: str
        by: int
        by_wheel: bool = False

    @dataclass
    class Told(Message):
        """There is a sentence to say."""

        sentence: str

    def __init__(self, **kwargs):
        super().__init__("Settings", **kwargs)
        self._cursor = "kind"
        self._top = 0  # lines that are scrolled out of sight
        self._refusal = ""
        self._input: Input | None = None  # made when first needed, so that the start is fast
        self._cursor_shows = False  # a first click only chooses, where the cursor stood already too

    @property
    def cursor(self) -> str:
        """The setting under the cursor."""
        settings = self._settings
        return self._cursor if self._cursor in settings or not settings else settings[0]

    @property
    def is_open(self) -> bool:
        """Whether a value is being typed."""
        return self._input is not None and self._input.display

    def rows(self, snapshot: Snapshot, width: int, height: int) -> list[Row]:
        lines = settings_lines(snapshot)
        rows = [self._row(line, width) for line in lines]
        place = self._place(lines)
        refusal = textwrap.wrap(self._refusal, max(10, width - 1)) if self._refusal else []
        warning = self.palette.style("warning", bold=True)
        rows[place + 1 : place + 1] = [row((f" {line}", warning)) for line in refusal]
        self._keep_in_view(place, len(refusal), len(rows), height)
        self._hint(len(rows), height)
        if self._input is not None and self.is_open:
            name_width = self._name_width(width)
            self._input.styles.offset = (name_width, place - self._top)
            self._input.styles.width = max(4, width - name_width)
        return rows[self._top :]

    def on_focus(self) -> None:
        self.relayout()

    def on_blur(self) -> None:
        self.relayout()

    # Moving and turning

    def move(self, down: int, right: int) -> None:
        """Move the cursor to another setting, or turn the one that it is at."""
        settings = self._settings
        if not settings or self.is_open:
            return
        if right:
            self.post_message(self.Turned(self.cursor, right))
        else:
            place = settings.index(self.cursor) + down
            self._cursor = settings[max(0, min(place, len(settings) - 1))]
            self.relayout()

    def go_to(self, setting: str) -> None:
        """Put the cursor on a setting."""
        if not self.is_open:
            self._cursor = setting
            self.relayout()

    async def on_click(self, event: Click) -> None:
        setting = self._setting_at(event)
        if self.is_open or not setting:
            return
        is_second = setting == self.cursor and self._cursor_shows
        self._cursor, self._cursor_shows = setting, True
        self.relayout()
        if is_second:
            await self.action_open()

    def on_mouse_scroll_up(self, event: MouseScrollUp) -> None:
        self._turn_by_wheel(event, 1)

    def on_mouse_scroll_down(self, event: MouseScrollDown) -> None:
        self._turn_by_wheel(event, -1)

    def _turn_by_wheel(self, event: MouseScrollUp | MouseScrollDown, by: int) -> None:
        event.stop()
        setting = self._setting_at(event)
        if setting and not self.is_open:
            self.post_message(self.Turned(setting, by, by_wheel=True))

    def _setting_at(self, event) -> str:
        """The setting under the mouse, or ""."""
        offset = event.get_content_offset(self)
        if offset is None or self.snapshot is None:
            return ""
        lines = settings_lines(self.snapshot)
        place = offset.y + self._top
        return lines[place].setting if place < len(lines) else ""

    # Typing

    async def action_open(self) -> None:
        """Open the line to type a value into."""
        if self.snapshot is None or self.is_open:
            return
        value = typed_value(self.snapshot, self.cursor)
        if value is None:
            model = self.signs["model"]
            sentence = f"{name_of(self.cursor)} is no setting of this model; {model} changes it"
            self.post_message(self.Told(sentence))
            return
        if self._input is None:
            self._input = _Value(compact=True, select_on_focus=True)
            await self.mount(self._input)
        self._input.value = value
        self._input.display = True
        self.relayout()
        self._input.focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        if self.snapshot is None:
            return
        try:
            request = typed(self.snapshot, self.cursor, event.value)
        except UserError as error:
            self._refusal = str(error)
            self.relayout()
            return
        if request is not None:
            self.post_message(self.Asked(request))
        self.action_leave()

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        if self._refusal:
            self._refusal = ""
            self.relayout()

    def on_input_blurred(self, event: Input.Blurred) -> None:
        event.stop()
        if self.app.app_focus:  # not when another window is looked at meanwhile
            self._close()

    def action_leave(self) -> None:
        """Close the line without taking what is in it."""
        if self.is_open:
            self.screen.set_focus(self)
            self._close()

    def _close(self) -> None:
        if self._input is not None:
            self._input.display = False
        self._refusal = ""
        self.relayout()

    # Drawing

    @property
    def _settings(self) -> list[str]:
        """The settings in the order of their lines."""
        lines = settings_lines(self.snapshot) if self.snapshot else []
        return [line.setting for line in lines if line.setting]

    def _place(self, lines: list[Entry]) -> int:
        """The line of the setting under the cursor."""
        settings = [line.setting for line in lines]
        return settings.index(self._cursor) if self._cursor in settings else 0

    def _keep_in_view(self, place: int, below: int, total: int, height: int) -> None:
        """See to it that the cursor's line, and what is said below it, are in view."""
        if not self.has_focus and not self.is_open:
            self._top, self._cursor_shows = 0, False
            return
        last = min(place + max(1, below), total - 1)
        top = max(self._top, last - height + 1)
        self._top = max(0, min(top, place - (place > 0), total - 1))

    def _hint(self, total: int, height: int) -> None:
        """Say at the lower edge what enter does, and how much is out of sight."""
        hidden = max(0, total - self._top - height)
        more = f"{hidden} more" if hidden else ""
        if self.is_open and self.snapshot:
            does = ": a new run" if restarts(self.snapshot, self.cursor) else " takes it"
            self.border_subtitle = f"enter{does} · esc leaves"
        elif self.has_focus:
            self.border_subtitle = f"{self.signs['value']} types" + (f" · {more} ↓" if more else "")
        else:
            self.border_subtitle = more

    def _name_width(self, width: int) -> int:
        return 15 if width >= 32 else 14

    def _row(self, line: Entry, width: int) -> Row:
        colours = self.palette
        name, value = line.name, line.value
        keys = " ".join(self.signs[id] for id in line.keys)
        name_width = self._name_width(width)
        unused = value == "–"
        keys = f" {keys}" if keys and not unused else ""
        if len(value) > width - name_width - len(keys):
            name_width = len(name) + 1  # a long value may begin further to the left
        room = max(1, width - name_width - len(keys))
        if len(value) > room:
            value = value[: room - 1] + "…"
        shows_cursor = self.has_focus and line.setting == self.cursor and line.setting != ""
        chosen = Style(reverse=shows_cursor)
        return row(
            (f"{name:<{name_width}}", colours.style("dim") + chosen),
            (
                f"{value:<{room}.{room}}",
                colours.style("dim" if unused else "text", bold=not unused) + chosen,
            ),
            (keys, colours.style("batch") + chosen),
        )


class _Value(Line):
    """The line to type a value into."""

    BINDINGS = [  # noqa: RUF012
        Binding("enter", "submit", "take it", key_display="enter"),
        Binding("escape", "leave", "leave"),
    ]

    def action_leave(self) -> None:
        """Close it without taking what is in it."""
        if isinstance(self.parent, ControlsPanel):
            self.parent.action_leave()


def typed_value(snapshot: Snapshot, setting: str) -> str | None:
    """A setting as one would type it; None where the model has no such setting."""
    line = next((one for one in settings_lines(snapshot) if one.setting == setting), None)
    if line is None or line.value == "–":
        return None
    if setting == "seed":
        return str(snapshot.seed)
    settings = vars(snapshot.model) | vars(snapshot.train)
    value = settings[setting]
    return f"{value}" if isinstance(value, float) else in_words(setting, value).replace(",", "")


def _both(knob: str) -> tuple[str, str]:
    """The ids of the keys that turn a knob."""
    return f"{knob}-down", f"{knob}-up"


def settings_lines(snapshot: Snapshot) -> list[Entry]:
    """All settings of the model at hand, and what there is to know of it, line by line."""
    model, train = snapshot.model, snapshot.train
    is_mlp, is_counts = model.kind == "mlp", model.kind == "ngram"
    is_bigram = model.kind == "neural-bigram"
    kind = in_words("kind", model.kind) + (f", order {model.order}" if is_counts else "")
    rate = in_words("learning_rate", train.learning_rate)
    now = in_words("learning_rate", float(f"{snapshot.learning_rate:.3g}"))
    schedule = train.schedule + (f" → {now}" if train.schedule != "constant" else "")
    batch = in_words("batch_size", train.batch_size)
    context = "order" if is_counts else "" if is_bigram else "context"
    lines = [
        Entry("model", kind, ("model",), "kind"),
        Entry("learning rate", "–" if is_counts else rate, _both("rate"), "learning_rate"),
        Entry("schedule", "–" if is_counts else schedule, ("schedule",), "schedule"),
        Entry("batch size", batch, _both("batch"), "batch_size"),
        Entry("context", f"{model.context_length}", () if is_bigram else _both("context"), context),
        Entry(
            "embedding", f"{model.embedding}" if is_mlp else "–", _both("embedding"), "embedding"
        ),
        Entry("hidden", f"{model.hidden:,}" if is_mlp else "–", _both("hidden"), "hidden"),
        Entry("optimizer", "–" if is_counts else train.optimizer, ("optimizer",), "optimizer"),
    ]
    if is_counts:
        lines.append(Entry("smoothing", f"{train.smoothing:,g}", _both("decay"), "smoothing"))
    else:
        lines.append(
            Entry("weight decay", f"{train.weight_decay:g}", _both("decay"), "weight_decay")
        )
        lines.append(
            Entry("dropout", f"{train.dropout:g}" if is_mlp else "–", _both("dropout"), "dropout")
        )
    planned = "" if is_counts else f" of {tick_label(train.steps)}"
    speed = f"{snapshot.steps_per_second:,.0f}" if snapshot.steps_per_second else "–"
    return [
        *lines,
        Entry("counts" if is_counts else "parameters", f"{snapshot.parameters:,}"),
        Entry("step", f"{snapshot.step:,}{planned}", (), "" if is_counts else "steps"),
        Entry("steps/s", speed),
        Entry("train on", train.train_on, (), "train_on"),
        Entry("init", "–" if is_counts else model.init, (), "init"),
        Entry("direct", str(model.direct).lower() if is_mlp else "–", (), "direct"),
        Entry("seed", f"{snapshot.seed}", ("restart", "new-seed"), "seed"),
    ]
