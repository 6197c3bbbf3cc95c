"""All keys, and what they do; and the rules of the diagnosis on a run's health."""

from collections.abc import Iterable, Iterator

from rich.console import Group
from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.widgets import Static

from makemore_tui.core.analysis.diagnosis import RULES
from makemore_tui.core.constants import BASELINE_NOTES
from makemore_tui.core.results import JUDGED
from makemore_tui.core.settings import SETTINGS, effect_of

from ..keymap import KEYS, SECTIONS, key_labels, section_of
from ..widgets.text_input import Line
from .asking import AskingScreen
from .card import welcome

_EFFECTS = {
    "next step": "from the next step",
    "new optimizer": "from the next step, with a new optimizer",
    "resized": "from the next step, weights kept",
    "restart": "a new run",
}
_BAND = (
    "Of the difference on dev: standard errors, paired by item, so many that it holds at every "
    "look, however many there are (spending as in Howard, Ramdas, McAuliffe & Sekhon 2021). "
    "Unpaired: the error of two evaluations on items of their own"
)
_WORDS = (
    ("░", "From the lowest to the highest minibatch loss"),
    ("✓", "Beside a baseline: the dev loss has passed it"),
    ("≈", "Estimated from a part of the examples"),
    ("KL", "How far the model's row is from the counted one, in nats; 0 where they agree"),
    ("T, top-k", "Temperature and the number of likeliest characters that are sampled from"),
    ("in data", "Of a sampled name: the data has it; new: the data does not"),
    ("perplexity", "e to the loss: as hard as guessing among so many likely characters"),
    ("saturated", "Activations beyond 0.97; dead: units beyond 0.99 for every example"),
    ("upd/w", "Size of a step's update against the weights, log10; -3 is usual"),
    ("variance", "Of the embeddings: the share that an axis of the map shows"),
)
_WIDE = 154  # cells of a screen, from which on the help has two columns


class SearchLine(Line):
    """The words that a line of the help must have to be shown."""

    BINDINGS = [Binding("escape", "leave", "leave the search")]  # noqa: RUF012

    def action_leave(self) -> None:
        """Show everything again, and let the keys be the help's."""
        self.value = ""
        self.display = False
        self.screen.set_focus(self.screen.query_one(VerticalScroll))

    async def action_submit(self) -> None:
        """Let the keys be the help's, which shows what was found."""
        self.screen.set_focus(self.screen.query_one(VerticalScroll))


class HelpScreen(AskingScreen):
    """The keys, the settings and the rules, each made from its one declaration, to be searched."""

    NEEDS_WORKER = False
    DEFAULT_CSS = """
    HelpScreen > VerticalScroll { width: 76; max-height: 90%; padding: 1 2; }
    HelpScreen > VerticalScroll.wide { width: 150; }
    HelpScreen SearchLine, HelpScreen SearchLine:focus { display: none; height: 1; padding: 0; }
    """
    AUTO_FOCUS = "VerticalScroll"
    BINDINGS = [  # noqa: RUF012
        Binding("q", "dismiss", "close"),
        Binding("question_mark", "dismiss", "close", id="help"),  # or as the keymap has it
        Binding("slash", "search", "search"),
        Binding("j", "scroll(1)", "down"),
        Binding("k", "scroll(-1)", "up"),
    ]

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="wide" if self.app.size.width >= _WIDE else None) as scroll:
            scroll.border_title = "Help"
            scroll.border_subtitle = "/ to search · esc close"
            yield SearchLine(placeholder="search, such as learning rate")
            yield Static(self._found(""), id="found")

    def action_search(self) -> None:
        """Let the keys type words to look for."""
        line = self.query_one(SearchLine)
        line.display = True
        self.set_focus(line)

    def action_scroll(self, lines: int) -> None:
        self.query_one(VerticalScroll).scroll_relative(y=lines, animate=False)

    def on_input_changed(self, event: SearchLine.Changed) -> None:
        self.query_one("#found", Static).update(self._found(event.value))

    def _sections(self) -> dict[str, list[tuple[str, str]]]:
        rows: dict[str, list[tuple[str, str]]] = {name: [] for name in SECTIONS}
        for key in getattr(self.app, "keys", KEYS):
            rows[section_of(key)].append((key.shown, key.help))
        rows["Twins"] += [("A and B", JUDGED), ("band", _BAND)]
        rows["View"].append(("ctrl+p", "Command palette: every action by name, exports, themes"))
        return rows | {
            "Words and signs": list(_WORDS),
            "Settings": list(_settings()),
            "Lines of the loss plot": list(BASELINE_NOTES.items()),
            "Diagnoses of the health panel": list(_rules()),
        }

    def _found(self, query: str) -> Group:
        """The sections with the lines that have all words of a query."""
        words, blocks = query.lower().split(), []
        for title, lines in self._sections().items():
            text = [" ".join(line).lower() for line in lines]
            found = [
                line
                for line, said in zip(lines, text, strict=True)
                if all(word in said for word in words)
            ]
            if found:
                heading = Text().append(title, "bold underline")
                blocks.append((len(found), Group(heading, "", _grid(found), "")))
        intro = [] if words else [welcome(key_labels(self.app)), Text()]
        if not blocks:
            return Group(f"Nothing found for {query!r} · esc to show everything")
        return Group(*intro, _in_columns(blocks, 1 + (self.app.size.width >= _WIDE)))


def _in_columns(blocks: list[tuple[int, Group]], count: int) -> Table:
    """Blocks of so many lines, the first half of the lines in the first column of two."""
    table = Table.grid(padding=(0, 3, 0, 0), expand=True)
    total, so_far = sum(lines for lines, _ in blocks), 0
    columns: list[list[Group]] = [[] for _ in range(count)]
    for lines, block in blocks:
        columns[min(count - 1, (so_far + lines // 2) * count // total)].append(block)
        so_far += lines
    for _ in columns:
        table.add_column(ratio=1)
    table.add_row(*(Group(*column) for column in columns))
    return table


def _grid(rows: Iterable[tuple[str, str]]) -> Table:
    """Names, in bold, and beside each what it is or does."""
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(style="bold", justify="right", no_wrap=True)
    table.add_column()
    for row in rows:
        table.add_row(*row)
    return table


def _settings() -> Iterator[tuple[str, str]]:
    """Each setting, what it does, and when a change of it takes effect."""
    for name, setting in SETTINGS.items():
        effect = _EFFECTS[effect_of({name: None}, "mlp")]
        yield name.replace("_", " "), f"{setting.metadata['about']}; {effect}"
    yield "seed", "of the weights and the minibatches; a new run"


def _rules() -> Iterator[tuple[str, str]]:
    """The diagnoses, in the order in which they are tried: the first that applies speaks."""
    for rule in RULES:
        advice = rule.sentence.removeprefix(f"{rule.name}: ")
        yield rule.name, f"{advice[0].upper()}{advice[1:]}. {rule.help}"
