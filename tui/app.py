"""The explorer's application."""

import asyncio
import contextlib
import os
import signal
import threading
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from textual.app import App, SystemCommand
from textual.await_complete import AwaitComplete
from textual.binding import Binding
from textual.command import CommandPalette
from textual.driver import Driver
from textual.events import Event, Paste
from textual.events import Key as KeyPress
from textual.screen import Screen
from textual.theme import ThemeProvider
from textual.widget import AwaitMount
from textual.widgets import Input

from .client.engine import Engine
from .config import MAX_RECENT, Config, with_recent
from .keymap import remapped
from .screens import view_state
from .screens.command_palette import Actions, Palette, commands
from .screens.main import MainScreen
from .style import themes
from .style.alignment import aligning

if TYPE_CHECKING:
    from .client.sweep import SweepProcess

_SECONDS_TO_LEAVE = 1.0


class ExplorerApp(App):
    """A terminal in which a person watches a model learn.

    changes: what the person has changed of the configuration, by name, once it is left.
    sweeps: those that were started from here. They end with this process, by the end of their
    input, unless they are detached."""

    TITLE = "makemore-tui"
    CSS_PATH = "screens/main.tcss"  # the main screen's, which would have all styles read twice
    ENABLE_COMMAND_PALETTE = True
    COMMANDS = {Actions}  # noqa: RUF012
    BINDINGS = [  # noqa: RUF012
        Binding("ctrl+c", "quit", "quit", show=False, priority=True),
        Binding("ctrl+z", "suspend_process", "suspend", show=False, priority=True),
    ]

    def __init__(self, engine: Engine, config: Config | None = None):
        super().__init__()
        self.engine = engine
        self.config = config or Config()
        self.recent = list(self.config.get("recent", [])[:MAX_RECENT])
        self.failure = ""
        self.changes: dict[str, Any] = {}
        self.sweeps: list[SweepProcess] = []
        for theme in themes.OWN:
            self.register_theme(theme)
        self.theme = self._first_theme = self.config.get("theme", themes.DARK.name)
        self.keys = remapped(self.config.keys)
        self.key_labels = {key.id: key.shown for key in self.keys}

    def get_driver_class(self) -> type[Driver]:
        return aligning(super().get_driver_class())

    def get_key_display(self, binding: Binding) -> str:
        return super().get_key_display(binding).replace("⏎", "enter")

    def get_default_screen(self) -> MainScreen:
        self.main = MainScreen(self.engine, self.config)
        return self.main

    def on_mount(self) -> None:
        self.set_keymap({key.id: key.keys for key in self.keys if key.id in self.config.keys})
        loop = asyncio.get_running_loop()
        for name in ("SIGTERM", "SIGHUP"):  # the system asks for it, or the terminal is closed
            with contextlib.suppress(AttributeError, NotImplementedError, RuntimeError, ValueError):
                number = getattr(signal, name)
                loop.add_signal_handler(number, self._end_with, 128 + number)

    async def on_event(self, event: Event) -> None:
        """Handle a key or a pasted text before the next is looked at, so that what is typed ahead
        reaches the panel, the line or the screen that it was typed for.

        (Textual hands a character to the widget that has the focus, runs a binding once the key has
        come back from there, and looks at the next key meanwhile.) A screen that is being
        opened, by a click perhaps, is waited for. Once the explorer is to be left, keys do
        nothing."""
        if isinstance(event, KeyPress | Paste) and not event.is_forwarded:
            if self._exit or not self.is_running:
                return
            self.app_focus = True
            await self.screen._mounted_event.wait()
            side = self.main.lessons
            if side.children and not side.step.lets_through(event):
                return
            if await self._handle_at_once(event):
                return
        await super().on_event(event)

    async def _on_key(self, event: KeyPress) -> None:
        """Do nothing with a key that comes back from where the focus is: it had nothing to do when
        it was pressed, and by now another screen may be open."""
        event.prevent_default()

    async def _handle_at_once(self, event: KeyPress | Paste) -> bool:
        """Type a character or a text where the focus is, or run what a key is bound to; return
        whether there was anything to do."""
        focused = self.focused
        if isinstance(event, Paste):
            is_typed, key = isinstance(focused, Input), None
        else:
            is_typed = focused and focused.check_consume_key(event.key, event.character)
            key = event.key
        if focused and is_typed:
            await focused._dispatch_message(event)
            return True
        for priority in (True, False) if key else ():
            if await self._check_bindings(key or "", priority):
                return True
        return False

    def _end_with(self, code: int) -> None:
        """Leave with this exit code; soon even if the terminal, to which it writes, is gone."""

        def end() -> None:
            self.engine.close()  # which saves the run
            time.sleep(_SECONDS_TO_LEAVE)
            os._exit(code)

        threading.Thread(target=end, daemon=True).start()
        self.exit(return_code=code)

    def exit(self, *args, **kwargs) -> None:
        """Leave; first note what has changed, for then the screen is still there."""
        with contextlib.suppress(Exception):  # of a screen that was never painted
            self.changes = dict(view_state.changes(self.main.grid, self.config))
            if self.main.card.was_closed and self.config.get("welcome", True):
                self.changes["welcome"] = False
            if self.theme != self._first_theme:
                self.changes["theme"] = self.theme
            if self.recent != list(self.config.get("recent", [])):
                self.changes["recent"] = self.recent
        super().exit(*args, **kwargs)

    def add_recent(self, file: str) -> None:
        """Note that a file was learnt from."""
        self.recent = with_recent(self.recent, file)

    async def on_main_screen_begun(self, message: MainScreen.Begun) -> None:
        if lesson := self.config.get("lesson"):
            self.config = Config({**self.config.values, "lesson": None}, self.config.keys)
            await self.main.lessons.open_at(lesson)
        if os.path.isabs(message.snapshot.dataset.source):
            self.add_recent(message.snapshot.dataset.source)
        if notes := message.snapshot.dataset.notes:
            self.main.notice.say("; ".join(notes))

    def on_main_screen_unusable(self, message: MainScreen.Unusable) -> None:
        self.failure = message.why
        self.exit()

    def pop_screen(self) -> AwaitComplete:
        """Leave the topmost screen, but never the main one: what closes a screen may be pressed
        once more before it is gone."""
        return AwaitComplete() if isinstance(self.screen, MainScreen) else super().pop_screen()

    def action_command_palette(self) -> AwaitMount | None:  # type: ignore[override]
        """Show every action and its key, to be searched; the next key waits until that is there."""
        is_open = CommandPalette.is_open(self)
        return None if is_open else self.push_screen(Palette(id="--command-palette"))

    def action_picture(self) -> None:
        """Save a screenshot, in this folder or where it may be written."""
        from .client.screenshot import take_screenshot

        said = take_screenshot(self)
        getattr(self.screen, "notice", self.main.notice).say(*said)

    def search_themes(self) -> None:
        """Show all themes, to be searched."""
        self.push_screen(Palette(providers=[ThemeProvider], placeholder="Search for themes…"))

    def get_system_commands(self, screen: Screen) -> Iterable[SystemCommand]:
        return commands(self, screen)
