"""The dataset picker: what is built in, recent files, and any file by its path."""

import os
from itertools import islice

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal
from textual.events import DescendantFocus, Key, Resize
from textual.suggester import Suggester
from textual.widget import Widget
from textual.widgets import Checkbox, Input, OptionList, Static
from textual.widgets.option_list import Option

from makemore_tui.core.constants import BUILT_IN_DATASETS
from makemore_tui.core.paths import expanded
from makemore_tui.core.reading import Reading
from makemore_tui.core.results import DatasetStats
from makemore_tui.core.text import is_acted_on, shown
from makemore_tui.core.worker import protocol

from ..client.engine import WorkerDied
from ..client.session_actions import SessionActions
from ..keymap import key_labels
from ..notices import taking_data
from ..style.cells import cell_len, set_cell_size
from ..style.text_rows import end_of
from ..widgets.text_input import Line
from .asking import AskingScreen, Choices, box

_MAX_ENTRIES = 20_000  # of a folder that is looked through
_MAX_OFFERS = 11  # lines of them
_OTHER_LINES = 12  # that the rest of the picker has
_WIDTH = 76  # of a line, where there is room
_NOTHING = "No dataset read yet"


class PathSuggester(Suggester):
    """Completes a path by the first file or folder, by name, that it may go on to.

    Names that a terminal would act on are never offered.
    """

    def __init__(self):
        super().__init__(use_cache=False, case_sensitive=True)

    async def get_suggestion(self, value: str) -> str | None:
        folder, _, begun = value.rpartition("/")
        if not begun:
            return None
        try:
            with os.scandir(os.path.expanduser(f"{folder}/") if "/" in value else ".") as entries:
                found = [
                    entry.name + "/" * entry.is_dir()
                    for entry in islice(entries, _MAX_ENTRIES)
                    if entry.name.startswith(begun) and not any(map(is_acted_on, entry.name))
                ]
        except OSError:
            return None
        return value + min(found)[len(begun) :] if found else None


class PathLine(Line):
    """A line to type a path into; tab completes it where it can be."""

    BINDINGS = [Binding("tab", "complete", "complete", show=False)]  # noqa: RUF012

    def action_complete(self) -> None:
        """Take what is suggested, or go on to what is below."""
        if self.cursor_at_end and len(self._suggestion) > len(self.value):
            self.action_cursor_right()
        else:
            self.screen.focus_next()


class Offers(Choices):
    """The data to choose from. A path may be typed at once: what isn't a key of the list goes to
    the field."""

    def check_consume_key(self, key: str, character: str | None) -> bool:
        return character is not None and character.isprintable() and character != " "

    def on_key(self, event: Key) -> None:
        if self.check_consume_key(event.key, event.character):
            event.stop()
            field = self.screen.query_one(Input)
            self.screen.set_focus(field)
            field.insert_text_at_cursor(event.character or "")


class Tick(Checkbox):
    """A checkbox that says by a character, not by its colour alone, whether it is ticked."""

    BUTTON_INNER = " "

    def watch_value(self) -> None:
        self.BUTTON_INNER = "✓" if self.value else " "
        super().watch_value()


class DatasetScreen(AskingScreen):
    """Shows a dataset in numbers before it is taken, which begins a new run."""

    DEFAULT_CSS = """
    DatasetScreen Checkbox { border: none; padding: 0; height: 1; }
    DatasetScreen Checkbox > .toggle--button { color: $foreground; background: $panel-lighten-3; }
    DatasetScreen Horizontal { height: 1; }
    DatasetScreen Horizontal > * { width: 1fr; }
    DatasetScreen #numbers { height: auto; min-height: 5; max-height: 9; overflow-y: auto; }
    DatasetScreen #numbers.warning { color: $text-warning; text-style: bold; }
    DatasetScreen #taking { height: auto; min-height: 2; }
    """

    def __init__(self, session: SessionActions):
        super().__init__(session)
        self._asked: protocol.DescribeDataset | None = None  # and not answered yet
        self._is_taking = False  # a new run was asked for, of what is asked
        self._answer: tuple[protocol.DescribeDataset, DatasetStats | str] | None = None
        self._unique = Tick("drop repeated items", compact=True)
        self._skip_long = Tick("skip lines over 1,000 characters", compact=True)
        self._encoding = Line(placeholder="encoding, if not UTF-8")
        self._column = Line(placeholder="column of a CSV or TSV file")
        self._chooser: Widget | None = None  # the list or the path, whichever had the focus last
        self._numbers = Static(_NOTHING, id="numbers", markup=False)
        self._taking = Static(id="taking", markup=False)

    @classmethod
    def can_open(cls, session: SessionActions) -> bool:
        return super().can_open(session) and session.is_single()

    def compose(self) -> ComposeResult:
        recent = [file for file in getattr(self.app, "recent", []) if os.path.isfile(file)]
        with box("Dataset", "enter preview · enter again new run · esc cancel"):
            offers = {name: f"{name}  (built-in)" for name in BUILT_IN_DATASETS}
            offers |= {
                file: cropped(shown(file), self._width).replace("[", r"\[") for file in recent
            }
            options = [Option(text, id=name) for name, text in offers.items()]
            listed = Offers(*options, compact=True)
            listed.styles.max_height = _max_offers(self.app.size.height)
            yield listed
            text = "or a text file, one item per line; tab completes"
            yield PathLine(placeholder=text, suggester=PathSuggester())
            yield Horizontal(self._unique, self._skip_long)
            yield Horizontal(self._encoding, self._column)
            yield self._numbers
            yield self._taking

    def on_resize(self, event: Resize) -> None:
        for listed in self.query(Offers):
            listed.styles.max_height = _max_offers(event.size.height)
        self._show()

    @property
    def _width(self) -> int:  # of a line
        return max(1, min(_WIDTH, self.app.size.width - 4))

    @property
    def _chosen(self) -> protocol.DescribeDataset | None:
        """What enter would have shown, or take."""
        match self._chooser:
            case Offers(highlighted_option=Option(id=str(name))):
                pass
            case PathLine(value=text) if text.strip():
                name = _named(text)
            case _:
                return None
        encoding, column = self._encoding.value.strip(), self._column.value.strip()
        reading = Reading(encoding, column, self._skip_long.value)
        return protocol.DescribeDataset(name, self._unique.value, reading)

    def choose(self, name: str) -> None:
        self._look_or_take()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self._look_or_take()

    def take(self, reply: protocol.Reply | WorkerDied) -> bool:
        match reply:
            case DatasetStats() if self._asked is not None:
                self._hear(self._asked, reply)
            case protocol.Refused(why) if self._asked is not None:
                self._hear(self._asked, why)
                return True
            case protocol.Snapshot(is_refresh=False) if self._asked is not None and self._is_taking:
                if self._asked.name not in BUILT_IN_DATASETS:
                    self.app.add_recent(self._asked.name)  # type: ignore[attr-defined]
                self.dismiss()
            case protocol.Failed() | WorkerDied():
                self.dismiss()
        return False

    def _look_or_take(self) -> None:
        """Have a dataset's numbers shown, or take it where they are."""
        if self._asked is not None or (asked := self._chosen) is None:
            return
        self._asked = asked
        match self._answer:
            case (described, DatasetStats()):
                self._is_taking = described == asked
        self._show()
        taken = protocol.ChangeDataset(asked.name, asked.unique, asked.reading)
        self.session.ask(taken if self._is_taking else asked)

    def _hear(self, asked: protocol.DescribeDataset, said: DatasetStats | str) -> None:
        self._answer, self._asked, self._is_taking = (asked, said), None, False
        self._show()

    @on(DescendantFocus)
    def _choose(self, event: DescendantFocus) -> None:
        """Note what was chosen from last: the options below refer to it."""
        if isinstance(event.widget, (Offers, PathLine)):
            self._chooser = event.widget
        self._show()

    @on(OptionList.OptionHighlighted)
    @on(Input.Changed)
    @on(Checkbox.Changed)
    def _show(self) -> None:
        """Show what is known of the dataset that is chosen, and what enter does then."""
        words, taking, is_refused = _NOTHING, "", False
        if self._asked is not None:
            doing = "Loading" if self._is_taking else "Reading"
            words = f"{doing} {shown(self._asked.name)} … a large file takes a while"
        elif self._answer is not None and self._answer[0] == self._chosen:
            said = self._answer[1]
            if is_refused := isinstance(said, str):
                words = said
            else:
                words = _in_words(said, self._width)
                if (now := self.requests.latest) is not None:
                    taking = taking_data(now, key_labels(self.app))
        self._numbers.set_class(is_refused, "warning")
        self._numbers.update(words)
        self._taking.update(taking)


def _named(text: str) -> str:
    """The dataset that a typed text names: one that is built in, or a file by its whole path."""
    text = text.strip()
    return text if text in BUILT_IN_DATASETS else str(expanded(text).absolute())


def cropped(path: str, width: int) -> str:
    """A path in so many cells, with … for its middle where it has more."""
    if cell_len(path) <= width:
        return path
    end = end_of(path, width // 2 + 1)
    return f"{set_cell_size(path, width - cell_len(end)).rstrip()}{end}"


def _in_words(data: DatasetStats, width: int) -> str:
    train, dev, test = data.examples.values()
    is_built_in = data.name in BUILT_IN_DATASETS
    where = f"{data.name}, built-in" if is_built_in else cropped(shown(data.path), width)
    return (
        f"{where}\n"
        f"{data.items:,} items, {data.distinct:,} distinct, "
        f"{data.shortest:,} to {data.longest:,} characters long\n"
        f"{data.vocabulary:,} distinct characters, with the boundary\n"
        f"examples: {train:,} train, {dev:,} dev, {test:,} test\n"
        f"items also in train: {data.seen['dev']:,} of dev, {data.seen['test']:,} of test"
        + "".join(f"\n{note}" for note in data.notes)
    )


def _max_offers(lines: int) -> int:
    """How many datasets are listed at once on a screen of so many lines."""
    return max(1, min(_MAX_OFFERS, lines - _OTHER_LINES))
