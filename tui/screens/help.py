"""All keys, and what they do; and the rules of the diagnosis on a run's health."""

from collections.abc import Iterable

from rich.console import Group
from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.widgets import Static

from makemore_tui.core.analysis.diagnosis import RULES
from makemore_tui.core.settings import SETTINGS, effect_of

from ..client.session_actions import SessionActions
from ..keymap import KEYS, Key
from .asking import AskingScreen


class HelpScreen(AskingScreen):
    """The keys and the rules, each made from its one declaration."""

    DEFAULT_CSS = """
    HelpScreen { align: center middle; }
    HelpScreen > VerticalScroll {
        width: 76; max-width: 100%; height: auto; max-height: 90%;
        border: round $primary; background: $surface; padding: 1 2;
    }
    HelpScreen .title { margin: 1 0; text-style: bold; color: $primary; }
    """
    BINDINGS = [  # noqa: RUF012
        Binding("escape,q", "dismiss", "close"),
        Binding("question_mark", "dismiss", "close", id="help"),  # or as the keymap has it
    ]

    @classmethod
    def can_open(cls, session: SessionActions) -> bool:
        return True

    def compose(self) -> ComposeResult:
        with VerticalScroll() as scroll:
            scroll.border_title = "Keys"
            scroll.border_subtitle = "esc closes"
            keys = getattr(self.app, "keys", KEYS)
            yield Static(Group(_table(keys), "", Text("Settings", "bold"), "", _settings()))
            yield Static("What the health panel says", classes="title")
            yield Static(_rules())


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


def _rules() -> Table:
    """The diagnoses, in the order in which they are tried: the first that applies speaks."""
    table = Table.grid(padding=(0, 2, 1, 0))
    table.add_column(no_wrap=True, style="bold")
    table.add_column()
    for rule in RULES:
        advice = rule.sentence.removeprefix(f"{rule.name}: ")
        table.add_row(rule.name, f"{advice[0].upper()}{advice[1:]}. {rule.help}")
    return table
