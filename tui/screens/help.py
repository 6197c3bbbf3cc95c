"""All keys, and what they do."""

from collections.abc import Iterable

from rich.console import Group
from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from makemore_tui.core.settings import SETTINGS, effect_of

from ..keys import KEYS, Key


class HelpScreen(ModalScreen):
    """The keys, made from their one declaration."""

    DEFAULT_CSS = """
    HelpScreen { align: center middle; }
    HelpScreen > VerticalScroll {
        width: 76; max-width: 100%; height: auto; max-height: 90%;
        border: round $primary; background: $surface; padding: 1 2;
    }
    """
    BINDINGS = [("escape,question_mark,q", "dismiss", "close")]  # noqa: RUF012

    def compose(self) -> ComposeResult:
        with VerticalScroll() as scroll:
            scroll.border_title = "Keys"
            scroll.border_subtitle = "esc closes"
            keys = getattr(self.app, "keys", KEYS)
            yield Static(Group(_table(keys), "", Text("Settings", "bold"), "", _settings()))


_EFFECTS = {
    "next step": "from the next step",
    "new optimizer": "from the next step, with a new optimizer",
    "resized": "from the next step, in place",
    "restart": "begins a new run",
}


def _settings() -> Table:
    """Each setting, what it does, and when a change of it takes effect."""
    table = _grid()
    for name, setting in SETTINGS.items():
        effect = _EFFECTS[effect_of({name: None}, "mlp")]
        table.add_row(name.replace("_", " "), f"{setting.metadata['about']}; {effect}")
    table.add_row("seed", "of the weights and the minibatches; begins a new run")
    return table


def _grid() -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(justify="right", style="bold")
    table.add_column()
    return table


def _table(keys: Iterable[Key]) -> Table:
    table = _grid()
    for key in keys:
        table.add_row(key.shown, key.help)
    table.add_row("ctrl+p", "Every action by name, and the themes")
    return table
