"""What the configuration holds, and the way to change it in an editor."""

import os
import shlex
import subprocess

from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult, SuspendNotSupported
from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.widgets import Static

from makemore_tui.core.errors import UserError
from makemore_tui.core.text import shown

from ..config import Config, allowed_values, config_path, read_config
from ..keymap import KEYS
from ..style import themes
from .asking import AskingScreen
from .view_state import USUAL


class ConfigScreen(AskingScreen):
    """Every entry of the configuration, its value and what it may be; `e` opens the file."""

    NEEDS_WORKER = False
    DEFAULT_CSS = """
    ConfigScreen > VerticalScroll { width: 100; max-height: 90%; padding: 1 2; }
    ConfigScreen #about { margin: 1 0 0 0; }
    """
    BINDINGS = [  # noqa: RUF012
        Binding("q", "dismiss", "close"),
        Binding("e", "edit", "edit the file"),
    ]

    def compose(self) -> ComposeResult:
        with VerticalScroll() as scroll:
            scroll.border_title = "Configuration"
            scroll.border_subtitle = "e edit the file · esc close"
            yield Static(Text(shown(str(config_path()))))
            yield Static(id="refused", markup=False)
            yield Static(id="entries")
            about = (
                "The explorer writes your choices when you quit, and reads this file at the start. "
                'Set keys in a table [keys], such as pause = "p".'
            )
            yield Static(about, id="about", markup=False)

    def on_mount(self) -> None:
        self._read()

    def _read(self) -> None:
        """Show what the file says now, or what is wrong with it."""
        config = Config()
        try:
            keys = {key.id: key.keys for key in KEYS}
            config = read_config(config_path(), themes.NAMES, keys)
            self.refuse("")
        except UserError as error:
            self.refuse(str(error))
        table = Table.grid(padding=(0, 2, 0, 0))
        table.add_column(style="bold", no_wrap=True)
        for name, allowed in allowed_values().items():
            value = config.get(name, USUAL.get(name, "not set"))
            table.add_row(name, _words(value), Text(allowed, style="dim"))
        for id, keys in config.keys.items():
            table.add_row(f"keys.{id}", keys)
        self.query_one("#entries", Static).update(table)

    def action_edit(self) -> None:
        """Open the file in the person's editor, and read it again."""
        editor = os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi"
        path = config_path()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with self.app.suspend():
                subprocess.run([*shlex.split(editor), str(path)])
        except SuspendNotSupported:
            self.refuse(f"Can't open an editor from here; edit {path}")
        except (OSError, ValueError) as error:
            self.refuse(f"Can't run {editor} ({error}); set EDITOR, or edit {path}")
        else:
            self._read()


def _words(value: object) -> Text:
    """A value as the file has it; a list by its parts."""
    if isinstance(value, list):
        return Text(", ".join(map(str, value)) or "none")
    return Text(str(value).lower() if isinstance(value, bool) else str(value))
