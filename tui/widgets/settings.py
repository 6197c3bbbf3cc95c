"""The settings: what they are, the keys that change them, and a line to type a value into."""

import textwrap
from collections.abc import Callable

from textual import on
from textual.events import Click, MouseScrollDown, MouseScrollUp

from makemore_tui.core.errors import UserError
from makemore_tui.core.worker.protocol import Snapshot

from .. import messages as say
from ..keymap import bindings_of, key_labels
from ..setting_steps import name_of, not_of_model, restarts, typed
from ..style.text_rows import Row, row
from .panel import Panel
from .panel_title import label_border
from .settings_rows import (
    command_line_words,
    settings_entries,
    settings_row,
    typed_value,
    value_place,
)
from .text_input import InPlaceLine


class ValueLine(InPlaceLine):
    """The line to type a value into.

    refusal: why the value that was submitted can't be taken, until another one is typed.
    """

    def __init__(self, panel: Panel):
        super().__init__(panel)
        self._setting = ""
        self.refusal = ""

    def open(self, setting: str, value: str) -> None:
        """Show the line, to type the value of a setting."""
        self._setting = setting
        self.open_with(value)

    def close(self) -> None:
        self.refusal = ""
        super().close()

    async def action_submit(self) -> None:
        """Ask for the value, or say why it can't be taken; the next key is the panel's again."""
        assert self._panel.snapshot is not None
        try:
            request = typed(self._panel.snapshot, self._setting, self.value)
        except UserError as error:
            self.refusal = str(error)
            self._panel.relayout()
            return
        if request is not None:
            self._panel.ask(request)
        self.action_leave()

    def on_input_changed(self) -> None:
        if self.refusal:
            self.refusal = ""
            self._panel.relayout()


class SettingsPanel(Panel):
    """What the engine says the settings are, and which key changes each.

    A cursor moves over the settings while the panel is chosen; sideways it changes the one it is
    at, and a value can be typed in place.

    change: changes a setting by some steps; set by the screen.
    """

    change: Callable[[str, int], None]
    BINDINGS = bindings_of("settings")
    ID = "settings"

    def __init__(self):
        super().__init__()
        self._cursor = "kind"
        self._top = 0  # lines that are scrolled out of sight
        self._line: ValueLine | None = None  # made when first needed, so that the start is fast
        self._is_cursor_shown = False  # a first click only chooses, even where the cursor is

    @property
    def cursor(self) -> str:
        """The setting under the cursor."""
        return self._cursor if self._cursor in _settings_of(self.snapshot) else "kind"

    @property
    def is_open(self) -> bool:
        """True while a value is being typed."""
        return self._line is not None and self._line.display

    def watch_has_focus(self, has_focus: bool) -> None:
        super().watch_has_focus(has_focus)
        self.relayout()

    def action_move(self, down: int, right: int) -> None:
        """Move the cursor to another setting, or change the one that it is at."""
        settings = [setting for setting in _settings_of(self.snapshot) if setting]
        if not settings or self.is_open:
            return
        if right:
            self.change(self.cursor, right)
        else:
            place = settings.index(self.cursor) + down
            self._cursor = settings[max(0, min(place, len(settings) - 1))]
            self.relayout()

    def action_copy(self) -> None:
        """Copy the settings to the clipboard."""
        if self.snapshot is not None:
            self.app.copy_to_clipboard(command_line_words(self.snapshot))
            self.post_message(self.Said(say.COPIED_SETTINGS))

    async def on_click(self, event: Click) -> None:
        setting = self._setting_at(event)
        if self.is_open or not setting:
            return
        is_second = setting == self.cursor and self._is_cursor_shown
        self._cursor, self._is_cursor_shown = setting, True
        self.relayout()
        if is_second:
            await self.action_type_value()

    @on(MouseScrollUp)
    @on(MouseScrollDown)
    def change_by_wheel(self, event: MouseScrollUp | MouseScrollDown) -> None:
        """Change the setting under the mouse, unless that would begin a new run."""
        event.stop()
        setting = self._setting_at(event)
        if self.is_open or not setting or self.snapshot is None:
            return
        if restarts(self.snapshot, setting):
            self.screen.set_focus(self)
            self._cursor = setting
            self.relayout()
            said = say.NOT_BY_WHEEL.format(setting=name_of(setting), key=key_labels(self.app))
            self.post_message(self.Said(said))
        else:
            self.change(setting, 1 if isinstance(event, MouseScrollUp) else -1)

    def _setting_at(self, event: Click | MouseScrollUp | MouseScrollDown) -> str:
        """The setting under the mouse, or ""."""
        offset, settings = event.get_content_offset(self), _settings_of(self.snapshot)
        place = len(settings) if offset is None else offset.y + self._top
        return settings[place] if place < len(settings) else ""

    async def action_type_value(self) -> None:
        """Open the line to type a value into."""
        if self.snapshot is None or self.is_open:
            return
        value = typed_value(self.snapshot, self.cursor)
        if value is None:
            said = not_of_model(self.snapshot, self.cursor, key_labels(self.app))
            self.post_message(self.Said(said))
            return
        if self._line is None:
            self._line = ValueLine(self)
            await self.mount(self._line)
        self._line.open(self.cursor, value)

    def rows(self, snapshot: Snapshot, width: int, height: int) -> list[Row]:
        entries, cursor = settings_entries(snapshot), self.cursor
        place = next((i for i, one in enumerate(entries) if one.setting == cursor), 0)
        labels, palette = key_labels(self.app), self.palette
        rows = [
            settings_row(entry, width, self.has_focus and i == place, labels, palette)
            for i, entry in enumerate(entries)
        ]
        warning, refusal = palette.style("warning", bold=True), self._line and self._line.refusal
        lines = textwrap.wrap(refusal or "", max(10, width - 1))
        rows[place + 1 : place + 1] = [row((f" {line}", warning)) for line in lines]
        if self.has_focus or self.is_open:  # scrolled so that the place and what is below are seen
            last = min(place + max(1, len(lines)), len(rows) - 1)
            top = max(self._top, last - height + 1)
            self._top = max(0, min(top, place - (place > 0), len(rows) - 1))
        else:
            self._top, self._is_cursor_shown = 0, False
        hidden = max(0, len(rows) - self._top - height)
        hint = f"{hidden} more" if hidden else ""
        if self._line is not None and self.is_open:
            first, cells = value_place(width, snapshot.pair and snapshot.pair.side)
            self._line.styles.offset = (first, place - self._top)
            self._line.styles.width = cells
            does = "new run" if restarts(snapshot, cursor) else "apply"
            hint = f"enter {does} · esc cancel"
        elif self.has_focus:
            hint = f"{key_labels(self.app)['value']} to edit" + (f" · {hint} ↓" if hint else "")
        label_border(self, subtitle=hint)
        heading = rows[:1] if snapshot.pair and self._top else []  # A and B, over their columns
        return heading + rows[self._top + len(heading) :]


def _settings_of(snapshot: Snapshot | None) -> list[str]:
    """Of each line the setting; "" where it only informs."""
    return [entry.setting for entry in settings_entries(snapshot)] if snapshot else []
