"""The explorer's application."""

import asyncio
import contextlib
import os
import signal
import threading
import time
from collections.abc import Iterable
from typing import Any

from textual.app import App, SystemCommand
from textual.await_complete import AwaitComplete
from textual.binding import Binding
from textual.command import CommandPalette
from textual.events import Event
from textual.events import Key as KeyPress
from textual.screen import Screen
from textual.theme import ThemeProvider
from textual.widgets import Input

from .client.engine import Engine
from .config import MAX_RECENT, Config, with_recent
from .keymap import remapped
from .screens import view_state
from .screens.command_palette import Actions, Palette, commands
from .screens.main import MainScreen
from .style import themes

_SECONDS_TO_LEAVE = 1.0


class ExplorerApp(App):
    """A terminal in which a person watches a model learn.

    remembered: what the person has changed of the configuration, by name, once it is left."""

    TITLE = "makemore-tui"
    ENABLE_COMMAND_PALETTE = True
    COMMANDS = {Actions}  # noqa: RUF012
    BINDINGS = [  # noqa: RUF012
        Binding("ctrl+c", "quit", "leave", show=False, priority=True),
        Binding("ctrl+z", "suspend_process", "suspend", show=False, priority=True),
    ]

    def __init__(self, engine: Engine, config: Config | None = None):
        super().__init__()
        self.engine = engine
        self.config = config or Config()
        self.recent = list(self.config.get("recent", [])[:MAX_RECENT])
        self.failure = ""
        self.remembered: dict[str, Any] = {}
        for theme in themes.OWN:
            self.register_theme(theme)
        self.theme = self._first_theme = self.config.get("theme", themes.DARK.name)
        self.keys = remapped(self.config.keys)
        self.key_labels = {key.id: key.shown for key in self.keys}

    def on_mount(self) -> None:
        self.set_keymap({key.id: key.keys for key in self.keys if key.id in self.config.keys})
        self.main = MainScreen(self.engine, self.config)
        self.push_screen(self.main)
        loop = asyncio.get_running_loop()
        for name in ("SIGTERM", "SIGHUP"):  # the system asks for it, or the terminal is closed
            with contextlib.suppress(AttributeError, NotImplementedError, RuntimeError, ValueError):
                number = getattr(signal, name)
                loop.add_signal_handler(number, self._end_with, 128 + number)

    async def on_event(self, event: Event) -> None:
        """Handle a key before the next one is looked at, so that keys that are typed ahead reach
        the panel or the line that they were typed for.

        (Textual hands a key to the widget that has the focus, and goes on to the next one.) Once
        the screen is being taken down, keys do nothing."""
        if isinstance(event, KeyPress):
            if not self.is_running:
                return
            is_typing = isinstance(self.focused, Input) or not isinstance(self.screen, MainScreen)
            for priority in (True, False) if not (event.is_forwarded or is_typing) else ():
                if await self._check_bindings(event.key, priority):
                    return
        await super().on_event(event)

    def _end_with(self, code: int) -> None:
        """Leave with this exit code; soon even if the terminal, to which it writes, is gone."""

        def end() -> None:
            self.engine.close()  # which saves the run
            time.sleep(_SECONDS_TO_LEAVE)
            os._exit(code)

        threading.Thread(target=end, daemon=True).start()
        self.exit(return_code=code)

    def exit(self, *args, **kwargs) -> None:
        """Leave; first note what is to be remembered, for then the screen is still there."""
        with contextlib.suppress(Exception):  # of a screen that was never painted
            self.remembered = dict(view_state.changes(self.main.grid, self.config))
            if self.main.card.was_closed and self.config.get("welcome", True):
                self.remembered["welcome"] = False
            if self.theme != self._first_theme:
                self.remembered["theme"] = self.theme
            if self.recent != list(self.config.get("recent", [])):
                self.remembered["recent"] = self.recent
        super().exit(*args, **kwargs)

    def add_recent(self, file: str) -> None:
        """Note that a file was learnt from."""
        self.recent = with_recent(self.recent, file)

    def on_main_screen_begun(self, message: MainScreen.Begun) -> None:
        if os.path.isabs(message.snapshot.dataset.source):
            self.add_recent(message.snapshot.dataset.source)

    def on_main_screen_unusable(self, message: MainScreen.Unusable) -> None:
        self.failure = message.why
        self.exit()

    def pop_screen(self) -> AwaitComplete:
        """Leave the topmost screen, but never the main one: what closes a screen may be pressed
        once more before it is gone."""
        return AwaitComplete() if isinstance(self.screen, MainScreen) else super().pop_screen()

    def action_command_palette(self) -> None:
        """Show every action and its key, to be searched."""
        if not CommandPalette.is_open(self):
            self.push_screen(Palette(id="--command-palette"))

    def search_themes(self) -> None:
        """Show all themes, to be searched."""
        self.push_screen(Palette(providers=[ThemeProvider], placeholder="Search for themes…"))

    def get_system_commands(self, screen: Screen) -> Iterable[SystemCommand]:
        return commands(self, screen)
