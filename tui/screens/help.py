"""All keys, and what they do; and the rules of the diagnosis on a run's health."""

from collections.abc import Iterable, Iterator
from typing import Any

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
from ..keymap import KEYS, key_labels
from .asking import AskingScreen
from .card import welcome

_EFFECTS = {
    "next step": "from the next step",
    "new optimizer": "from the next step, with a new optimizer",
    "resized": "from the next step, in place",
    "restart": "begins a new run",
}


class HelpScreen(AskingScreen):
    """The keys and the rules, each made from its one declaration."""

    DEFAULT_CSS = """
    HelpScreen > VerticalScroll { width: 76; max-height: 90%; padding: 1 2; }
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
        keys = [(key.shown, key.help) for key in getattr(self.app, "keys", KEYS)]
        keys.append(("ctrl+p", "Every action by name, and the themes"))
        tables = _grid(keys, justify="right"), _grid(_settings(), justify="right")
        with VerticalScroll() as scroll:
            scroll.border_title = "Keys"
            scroll.border_subtitle = "esc closes"
            yield Static(Group(welcome(key_labels(self.app)), ""))
            yield Static(Group(tables[0], "", Text("Settings", "bold"), "", tables[1]))
            yield Static("What the health panel says", classes="title")
            yield Static(_grid(_rules(), lines_between=1, no_wrap=True))


def _grid(rows: Iterable[tuple[str, str]], lines_between: int = 0, **of_names: Any) -> Table:
    """Names, in bold, and beside each what it is or does."""
    table = Table.grid(padding=(0, 2, lines_between, 0))
    table.add_column(style="bold", **of_names)
    table.add_column()
    for row in rows:
        table.add_row(*row)
    return table


def _settings() -> Iterator[tuple[str, str]]:
    """Each setting, what it does, and when a change of it takes effect."""
    for name, setting in SETTINGS.items():
        effect = _EFFECTS[effect_of({name: None}, "mlp")]
        yield name.replace("_", " "), f"{setting.metadata['about']}; {effect}"
    yield "seed", "of the weights and the minibatches; begins a new run"


def _rules() -> Iterator[tuple[str, str]]:
    """The diagnoses, in the order in which they are tried: the first that applies speaks."""
    for rule in RULES:
        advice = rule.sentence.removeprefix(f"{rule.name}: ")
        yield rule.name, f"{advice[0].upper()}{advice[1:]}. {rule.help}"
