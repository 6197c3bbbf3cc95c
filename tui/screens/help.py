"""All keys, and what they do; and the rules of the verdict on a run's health."""

from rich.table import Table
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from makemore_tui.core.verdict import RULES

from ..keys import KEYS


class HelpScreen(ModalScreen):
    """The keys and the rules, each made from its one declaration."""

    DEFAULT_CSS = """
    HelpScreen { align: center middle; }
    HelpScreen > VerticalScroll {
        width: 76; max-width: 100%; height: auto; max-height: 90%;
        border: round $primary; background: $surface; padding: 1 2;
    }
    HelpScreen .title { margin: 1 0; text-style: bold; color: $primary; }
    """
    BINDINGS = [("escape,question_mark,q", "dismiss", "close")]  # noqa: RUF012

    def compose(self) -> ComposeResult:
        with VerticalScroll() as scroll:
            scroll.border_title = "Keys"
            scroll.border_subtitle = "esc closes"
            yield Static(_table())
            yield Static("What the health panel says", classes="title")
            yield Static(_rules())


def _table() -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(justify="right", style="bold")
    table.add_column()
    for key in KEYS:
        table.add_row(key.shown, key.help)
    table.add_row("ctrl+p", "Every action by name, and the themes")
    return table


def _rules() -> Table:
    """The verdicts, in the order in which they are tried: the first that applies speaks."""
    table = Table.grid(padding=(0, 2, 1, 0))
    table.add_column(no_wrap=True, style="bold")
    table.add_column()
    for rule in RULES:
        advice = rule.sentence.removeprefix(f"{rule.name}: ")
        table.add_row(rule.name, f"{advice[0].upper()}{advice[1:]}. {rule.help}")
    return table
