"""Previous runs and saved ones, and the way to them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from textwrap import wrap
from typing import TYPE_CHECKING

from rich.cells import cell_len, set_cell_size
from textual.binding import Binding
from textual.events import Click, MouseScrollDown, MouseScrollUp
from textual.message import Message

from makemore_tui.core.results import PreviousRun
from makemore_tui.core.settings import settings_label
from makemore_tui.core.text import shown
from makemore_tui.core.worker.protocol import Snapshot

from ..plots.ticks import tick_label
from ..style.text_rows import Row, number, row
from .panel import Panel

if TYPE_CHECKING:
    from makemore_tui.core.runs.catalog import SavedRun

_STEPS, _DEV = 6, 7  # cells of the steps and of the dev loss
_FIGURES = _STEPS + _DEV
_WIDE = 80  # cells from which the settings have room in a run's own line
_NAME_WIDTH = 28  # at least, in such a line
_SIZES = "MLP: context, embedding, hidden"


class RunsPanel(Panel):
    """The runs that a restart or a return has put away, and those on disk; enter opens one."""

    BINDINGS = [Binding("enter", "go_on", "go on with this run", show=False)]  # noqa: RUF012

    @dataclass
    class Chosen(Message):
        """Go on with the previous run of this index in the snapshot."""

        index: int

    @dataclass
    class Opened(Message):
        """Go on with the saved run in this folder; or it can't be read, for that problem."""

        folder: str
        problem: str | None

    def __init__(self, **kwargs):
        super().__init__("Runs", **kwargs)
        self.cursor = 0  # previous runs from the newest, then saved ones
        self._saved: list[SavedRun] = []
        self._shown: dict[int, int] = {}  # of a line of the panel, the run that is there

    def list_saved(self, runs: "Sequence[SavedRun]") -> None:
        """Take the runs on disk, the newest first."""
        on = self._under_cursor
        self._saved = list(runs)
        self._put_cursor_on(on)
        self.relayout()

    def move(self, down: int, right: int) -> None:
        """Move the cursor to an older run, or a newer one."""
        self.cursor = max(0, min(self.cursor + down, len(self._previous) + len(self._others) - 1))
        self.relayout()

    def action_go_on(self) -> None:
        place = self.cursor - len(self._previous)
        if place < 0:
            self.post_message(self.Chosen(len(self._previous) - 1 - self.cursor))
        elif place < len(self._others):
            run = self._others[place]
            self.post_message(self.Opened(str(run.path), run.problem))

    def show(self, snapshot: Snapshot) -> None:
        on, before = self._under_cursor, {run.id for run in self._previous}
        self.snapshot = snapshot
        self._put_cursor_on(None if {run.id for run in snapshot.previous} - before else on)
        self.relayout()

    def on_click(self, event: Click) -> None:
        """Choose the run under the mouse; on the one that is chosen, open it."""
        offset = event.get_content_offset(self)
        place = self._shown.get(offset.y) if offset is not None else None
        if place == self.cursor:
            self.action_go_on()
        elif place is not None:
            self.move(place - self.cursor, 0)

    def on_mouse_scroll_up(self, event: MouseScrollUp) -> None:
        event.stop()
        self.move(-1, 0)

    def on_mouse_scroll_down(self, event: MouseScrollDown) -> None:
        event.stop()
        self.move(1, 0)

    def rows(self, snapshot: Snapshot, width: int, height: int) -> list[Row]:
        dim = self.palette.style("dim")
        previous, others = snapshot.previous[::-1], self._others
        self.border_subtitle = "↑ ↓ choose · enter opens" if previous or others else ""
        if not previous and not others:
            signs = self.signs
            words = (
                f"none yet; a restart ({signs['restart']}, {signs['new-seed']}) or",
                f"another model ({signs['model']}) leaves one",
            )
            return [row((one, dim)) for one in words]
        self.cursor = min(self.cursor, len(previous) + len(others) - 1)
        brief = [] if width >= _WIDE else wrap(self._brief(previous), max(1, width))
        brief = brief[: max(0, height - 4)]
        lines = [
            self._previous_line(run, i == self.cursor, width) for i, run in enumerate(previous)
        ]
        chosen = self.cursor
        if others:
            chosen += self.cursor >= len(lines)
            lines.append(row((_fitted("  saved", width), dim)))
            first = len(previous)
            lines += [
                self._saved_line(run, first + i == self.cursor, width)
                for i, run in enumerate(others)
            ]
        room = max(1, height - 1 - len(brief))
        top = max(0, min(chosen - room // 2, len(lines) - room))
        places = [
            *range(len(previous)),
            *([None] if others else []),
            *range(len(previous), len(lines)),
        ]
        shown = enumerate(places[top : top + room], start=1)
        self._shown = {line: place for line, place in shown if place is not None}
        lines = lines[top : top + room]
        blank: list[Row] = [[]] * (room > len(lines) and bool(brief))
        return [self._header(width), *lines, *blank, *(row((line, dim)) for line in brief)]

    @property
    def _previous(self) -> tuple[PreviousRun, ...]:
        return self.snapshot.previous if self.snapshot else ()

    @property
    def _others(self) -> "list[SavedRun]":
        """The saved runs but for the present one, and those that are previous ones here."""
        saving = self.snapshot.saving if self.snapshot else None
        listed = {run.folder for run in self._previous} | {saving.folder if saving else ""}
        return [run for run in self._saved if str(run.path) not in listed]

    @property
    def _all(self) -> Sequence[object]:
        """What each run is known by, in the order of the list."""
        return [run.id for run in self._previous[::-1]] + [str(run.path) for run in self._others]

    @property
    def _under_cursor(self) -> object:
        """What the run under the cursor is known by."""
        known = self._all
        return known[self.cursor] if self.cursor < len(known) else None

    def _put_cursor_on(self, on: object) -> None:
        """Have the cursor on a run wherever it stands now; on the newest if it is gone."""
        known = self._all
        self.cursor = known.index(on) if on in known else 0

    def _brief(self, previous: Sequence[PreviousRun]) -> str:
        """The run under the cursor: its name, if it has no room above, and its settings."""
        if self.cursor < len(previous):
            name, brief = _name(previous[self.cursor]), _brief(previous[self.cursor])
        else:
            run = self._others[self.cursor - len(previous)]
            name, brief = shown(run.name), _saved_brief(run)
        if cell_len(name) > _name_width(self.content_size.width):
            brief = f"{name}: {brief}"
        return f"{brief} ({_SIZES})" if "MLP" in brief else brief

    def _header(self, width: int) -> Row:
        name = _fitted("what differed", _name_width(width))
        settings = f"  settings ({_SIZES})" if width >= _WIDE else ""
        text = f"  {name}{'steps':>{_STEPS}}{'dev':>{_DEV}}{settings}"
        return row((text, self.palette.style("dim")))

    def _previous_line(self, run: PreviousRun, is_chosen: bool, width: int) -> Row:
        return self._line(_name(run), run.steps, run.best_dev, _brief(run), is_chosen, width)

    def _saved_line(self, run: "SavedRun", is_chosen: bool, width: int) -> Row:
        brief = _saved_brief(run)
        name, room = shown(run.name), _name_width(width)
        if cell_len(name) > room > 8:  # what tells runs apart is mostly the time, at the end
            name = f"{name[: room // 3]}…{name[-(room - room // 3 - 1) :]}"
        return self._line(name, run.steps, run.best_dev, brief, is_chosen, width)

    def _line(
        self, name: str, steps: int, dev: float | None, brief: str, is_chosen: bool, width: int
    ) -> Row:
        text, dim = self.palette.style("text", bold=is_chosen), self.palette.style("dim")
        room = width - 2 - _name_width(width) - _FIGURES - 2
        return row(
            ("› " if is_chosen else "  ", self.palette.style("cursor", bold=True)),
            (_fitted(name, _name_width(width)), text),
            (f"{tick_label(steps):>{_STEPS}}", dim),
            (f"{number(dev):>{_DEV}}", self.palette.style("dev", is_chosen)),
            (f"  {_fitted(brief, room)}" if width >= _WIDE else "", dim),
        )


def _name_width(width: int) -> int:
    return max(_NAME_WIDTH, width // 3) if width >= _WIDE else max(1, width - 2 - _FIGURES)


def _name(run: PreviousRun) -> str:
    """In which settings a previous run differs; what follows in its name is the dev loss."""
    return run.name.partition(" → ")[0]


def _brief(run: PreviousRun) -> str:
    """The settings of a previous run."""
    return settings_label(run.model, run.train, run.seed)


def _saved_brief(run: "SavedRun") -> str:
    """What a saved run is, and when it was saved; or why it can't be read."""
    if run.problem:
        return shown(run.problem)
    return f"{shown(run.dataset)}, saved {_ago(run.saved)}, {run.settings}"


def _ago(when: datetime) -> str:
    """How long ago something was, roughly, so that the words seldom change."""
    minutes = (datetime.now(UTC) - when).total_seconds() / 60
    if minutes < 1:
        return "just now"
    for size, word in ((60 * 24, "d"), (60, "h"), (1, "min")):
        if minutes >= size:
            return f"{minutes // size:.0f} {word} ago"
    return ""


def _fitted(text: str, width: int) -> str:
    """A text in exactly so many cells."""
    return (
        set_cell_size(text, width)
        if cell_len(text) <= width
        else (set_cell_size(text, width - 1) + "…")
    )
