"""The dataset picker: what is built in, recent files, and any file by its path."""

import os
from dataclasses import replace
from pathlib import Path

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.events import Key
from textual.suggester import Suggester
from textual.widgets import Checkbox, Input, OptionList, Static
from textual.widgets.option_list import Option

from makemore_tui.core.messages import (
    ChangeDataset,
    DatasetOverview,
    DescribeDataset,
    Failed,
    Refused,
    Reply,
    Snapshot,
)

from ..conversation import Conversation
from ..engine import WorkerDied
from ..widgets.line import Line
from .hands import AskingScreen

BUILT_IN = ("names", "surnames", "words")  # those of core.dataset, which would bring torch along
_MOST_ENTRIES = 20_000  # of a folder that is looked through


class PathSuggester(Suggester):
    """Completes a path by what lies in its folder."""

    def __init__(self):
        super().__init__(use_cache=False, case_sensitive=True)

    async def get_suggestion(self, value: str) -> str | None:
        return completed(value)


def completed(value: str) -> str | None:
    """The first file or folder, by name, that a path may go on to; None if there is none."""
    folder, _, begun = value.rpartition("/")
    if not begun:
        return None
    within = os.path.expanduser(f"{folder}/") if "/" in value else "."
    try:
        with os.scandir(within) as entries:
            found = [
                entry.name + "/" * entry.is_dir()
                for entry, _ in zip(entries, range(_MOST_ENTRIES), strict=False)
                if entry.name.startswith(begun)
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


class Offers(OptionList):
    """The data to choose from. A path may be typed at once: what isn't a key of the list goes to
    the field."""

    def on_key(self, event: Key) -> None:
        if event.is_printable and event.character != " ":
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
    DatasetScreen { align: center middle; }
    DatasetScreen > Vertical {
        width: 80; max-width: 100%; height: auto; max-height: 100%;
        border: round $primary; background: $surface; padding: 0 1; border-title-style: bold;
    }
    DatasetScreen Input { background: $panel; }
    DatasetScreen Input:focus { background: $panel-lighten-2; }
    DatasetScreen OptionList { height: auto; max-height: 11; border: none; padding: 0; }
    DatasetScreen Checkbox { border: none; padding: 0; height: 1; }
    DatasetScreen #numbers { height: 6; overflow-y: auto; }
    DatasetScreen #numbers.warning { color: $text-warning; text-style: bold; }
    """
    BINDINGS = [Binding("escape", "dismiss", "leave")]  # noqa: RUF012

    def __init__(self, conversation: Conversation):
        super().__init__()
        self._conversation = conversation
        self._wanted: DescribeDataset | ChangeDataset | None = None  # and not answered yet
        self._described: DescribeDataset | None = None

    def compose(self) -> ComposeResult:
        recent = [file for file in getattr(self.app, "recent", []) if os.path.isfile(file)]
        with Vertical() as box:
            box.border_title = "Dataset"
            box.border_subtitle = "enter shows its numbers, enter again takes it · esc leaves"
            yield Offers(
                *(Option(f"{name}  (built in)", id=name) for name in BUILT_IN),
                *(Option(file.replace("[", r"\["), id=file) for file in recent),
                compact=True,
            )
            yield PathLine(
                placeholder="or a file of one item a line; tab completes",
                suggester=PathSuggester(),
                select_on_focus=False,
                compact=True,
            )
            yield Tick("drop repeated items", compact=True)
            yield Static("nothing is read yet", id="numbers", markup=False)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self._look_or_take(event.option_id or "")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        text = event.value.strip()
        if text:
            path = Path(text).expanduser().absolute()
            self._look_or_take(text if text in BUILT_IN else str(path))

    def take(self, reply: Reply | WorkerDied) -> bool:
        match reply:
            case DatasetOverview() if isinstance(self._wanted, DescribeDataset):
                self._described, self._wanted = self._wanted, None
                self._say(_in_words(reply) + "\nenter takes it: a new run from step 0")
            case Refused(why) if self._wanted is not None:
                self._wanted = None
                self._say(why, warning=True)
                return True
            case Snapshot(is_refresh=False) if isinstance(self._wanted, ChangeDataset):
                if self._wanted.name not in BUILT_IN:
                    self.app.add_recent(self._wanted.name)  # type: ignore[attr-defined]
                self.dismiss()
            case Failed() | WorkerDied():
                self.dismiss()
        return False

    def _look_or_take(self, name: str) -> None:
        """Have a dataset's numbers shown, or take it where they are."""
        if self._wanted is not None:
            return
        unique = self.query_one(Checkbox).value
        described = DescribeDataset(name, unique)
        is_known = self._described == described
        self._wanted = ChangeDataset(name, unique) if is_known else described
        self._say(f"{'beginning' if is_known else 'reading'} {name} … a large file takes a while")
        if (now := self._conversation.latest) is not None:
            self._conversation.command(self._wanted, replace(now))

    def _say(self, text: str, warning: bool = False) -> None:
        numbers = self.query_one("#numbers", Static)
        numbers.set_class(warning, "warning")
        numbers.update(text)


def _in_words(data: DatasetOverview) -> str:
    train, dev, test = data.examples
    return (
        f"{data.path}\n"
        f"{data.items:,} items, {data.distinct:,} of them different · "
        f"{data.characters} characters, the boundary counted\n"
        f"items of {data.shortest} to {data.longest} characters · "
        f"{train:,} examples to train on, {dev:,} dev, {test:,} test\n"
        f"also in train: {data.seen[0]:,} items of dev, {data.seen[1]:,} of test"
    )
