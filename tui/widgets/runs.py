"""Previous runs and saved ones, and the way to them."""

import contextlib
import os
import threading
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING, NamedTuple

from rich.cells import cell_len
from textual import on
from textual.binding import Binding
from textual.events import Click, Show

from makemore_tui.core.errors import UserError
from makemore_tui.core.settings import settings_label
from makemore_tui.core.text import shown
from makemore_tui.core.worker.protocol import OpenRun, ReturnTo, Snapshot

from ..plots.ticks import tick_label
from ..style.colours import Palette
from ..style.text_rows import Row, fitted, number, paragraph, row
from .panel import Panel, label_border

if TYPE_CHECKING:
    from makemore_tui.core.runs.catalog import RunList, SavedRun

_SECONDS_BETWEEN_POLLS = 5.0
_STEPS, _DEV = 6, 7  # cells of the steps and of the dev loss
_WIDE = 80  # cells from which the settings have room in a run's own line
_MIN_NAME_WIDTH = 28  # in such a line
_SIZES = "MLP: context, embedding, hidden"


class RunEntry(NamedTuple):
    """A run of the list.

    key: by which it is known again: the id of a previous run, the path of a saved one.
    settings: and what else there is to say of it. dev: the best dev loss, in nats.
    request: opens it. problem: why it can't be opened.
    """

    key: int | str
    name: str
    steps: int
    dev: float | None
    settings: str
    request: ReturnTo | OpenRun
    problem: str | None = None


class RunsPanel(Panel):
    """The runs that a restart or a return has replaced, and those on disk; enter opens one."""

    BINDINGS = [Binding("enter", "open", "go on with this run", show=False)]  # noqa: RUF012
    ID = "runs"

    def __init__(self):
        super().__init__()
        self.cursor = 0  # previous runs from the newest, then saved ones
        self._entries: list[RunEntry] = []
        self._saved: Sequence[SavedRun] = ()
        self._places: dict[int, int] = {}  # of a row of the panel, the run that is there
        self._list: RunList | None = None
        self._last_read: object = None  # by which it is known whether anything may have changed
        self._reader: threading.Thread | None = None

    def on_mount(self) -> None:
        self.set_interval(_SECONDS_BETWEEN_POLLS, self._poll)

    @on(Show)
    def _poll(self) -> None:
        """Read the saved runs in a thread, if they may have changed, while they are looked at."""
        saving = self.snapshot.saving if self.snapshot else None
        is_reading = self._reader is not None and self._reader.is_alive()
        if saving is None or not self.display or is_reading:
            return
        modified = 0  # when a run was last added, removed or renamed
        with contextlib.suppress(OSError):
            modified = os.stat(saving.directory).st_mtime_ns
        now = saving.directory, saving.folder, saving.step, modified
        if now != self._last_read:
            self._last_read = now
            directory = (Path(saving.directory),)
            self._reader = threading.Thread(target=self._read, args=directory, daemon=True)
            self._reader.start()

    def _read(self, directory: Path) -> None:
        from makemore_tui.core.runs.catalog import RunList

        self._list, runs = self._list or RunList(directory), []
        with contextlib.suppress(UserError):  # what can't be read can't be saved either, as is told
            runs = self._list.read()
        self.call_later(self.list_saved, runs)

    def list_saved(self, runs: "Sequence[SavedRun]") -> None:
        """Take the runs on disk, the newest first."""
        self._saved = runs
        self.relayout()

    def show(self, snapshot: Snapshot) -> None:
        before = self.snapshot
        known = {run.id for run in before.previous} if before else set()
        if any(run.id not in known for run in snapshot.previous):
            self._entries, self.cursor = [], 0
        super().show(snapshot)
        if before is None:
            self._poll()

    def action_move(self, down: int, right: int) -> None:
        """Move the cursor to an older run, or a newer one."""
        self.cursor = max(0, min(self.cursor + down, len(self._entries) - 1))
        self.relayout()

    def action_open(self) -> None:
        """Go on with the run under the cursor."""
        if self._entries:
            entry = self._entries[self.cursor]
            refusal = self.Said(entry.problem, is_warning=True) if entry.problem else None
            self.post_message(refusal or self.Asked(entry.request))

    def on_click(self, event: Click) -> None:
        """Choose the run under the mouse; on the one that is chosen, open it."""
        offset = event.get_content_offset(self)
        place = self._places.get(offset.y) if offset is not None else None
        if place == self.cursor:
            self.action_open()
        elif place is not None:
            self.action_move(place - self.cursor, 0)

    def rows(self, snapshot: Snapshot, width: int, height: int) -> list[Row]:
        before, self._entries = self._entries, _run_entries(snapshot, self._saved)
        entries = self._entries
        label_border(self, subtitle="↑ ↓ choose · enter opens" if entries else "")
        if not entries:
            labels = self.key_labels
            restarts = f"a restart ({labels['restart']}, {labels['new-seed']})"
            words = f"none yet; {restarts} or another model ({labels['model']}) leaves one"
            return paragraph(words, width, self.palette)
        keys, keys_before = ([entry.key for entry in some] for some in (entries, before))
        if keys != keys_before:  # the cursor stays on its run; if that is gone, on the newest
            key = keys_before[self.cursor] if self.cursor < len(keys_before) else None
            self.cursor = keys.index(key) if key in keys else 0
        rows, self._places = _runs_rows(entries, self.cursor, width, height, self.palette)
        return rows


def _run_entries(snapshot: Snapshot, saved: "Sequence[SavedRun]") -> list[RunEntry]:
    """The previous runs, the newest first, and the saved ones that are not among them."""
    entries = []
    for i, run in reversed(list(enumerate(snapshot.previous))):
        name = run.name.partition(" → ")[0]  # what follows is the dev loss
        settings = settings_label(run.model, run.train, run.seed)
        entries.append(RunEntry(run.id, name, run.steps, run.best_dev, settings, ReturnTo(i)))
    listed = {run.folder for run in snapshot.previous}
    if snapshot.saving:
        listed.add(snapshot.saving.folder)
    for run in saved:
        if (path := str(run.path)) in listed:
            continue
        about = run.problem or f"{run.dataset}, saved {_ago(run.saved)}, {run.settings}"
        name, dev, request = shown(run.name), run.best_dev, OpenRun(path)
        entries.append(RunEntry(path, name, run.steps, dev, shown(about), request, run.problem))
    return entries


def _ago(when: datetime) -> str:
    """How long ago something was, roughly, so that the words seldom change."""
    minutes = (datetime.now(UTC) - when).total_seconds() / 60
    for size, word in ((60 * 24, "d"), (60, "h"), (1, "min")):
        if minutes >= size:
            return f"{minutes // size:.0f} {word} ago"
    return "just now"


def _runs_rows(
    entries: Sequence[RunEntry], cursor: int, width: int, height: int, palette: Palette
) -> tuple[list[Row], dict[int, int]]:
    """The list in `height` rows of `width` cells around the cursor, which is an index of an entry;
    and of each row that shows an entry, which."""
    dim, is_wide = palette.style("dim"), width >= _WIDE
    name_width = max(_MIN_NAME_WIDTH, width // 3) if is_wide else max(1, width - _STEPS - _DEV - 2)
    below = [] if is_wide else _about(entries[cursor], name_width, width)[: max(0, height - 4)]
    lines: list[tuple[int | None, Row]] = []
    saved = (i for i, entry in enumerate(entries) if isinstance(entry.request, OpenRun))
    first_saved = next(saved, None)
    for i, entry in enumerate(entries):
        if i == first_saved:
            lines.append((None, row((fitted("  saved", width), dim))))
        lines.append((i, _line(entry, i == cursor, name_width, width, palette)))
    chosen = [i for i, _ in lines].index(cursor)
    room = max(1, height - 1 - len(below))
    top = max(0, min(chosen - room // 2, len(lines) - room))
    visible = lines[top : top + room]
    blank: list[Row] = [[]] * (room > len(visible) and bool(below))
    settings = f"  settings ({_SIZES})" if is_wide else ""
    header = f"  {fitted('what differed', name_width)}{'steps':>{_STEPS}}{'dev':>{_DEV}}{settings}"
    places = {line: i for line, (i, _) in enumerate(visible, start=1) if i is not None}
    rows = [line for _, line in visible]
    return [row((header, dim)), *rows, *blank, *(row((line, dim)) for line in below)], places


def _about(entry: RunEntry, name_width: int, width: int) -> list[str]:
    """An entry's settings in lines, and its name if that has no room in its own line."""
    name = f"{entry.name}: " if cell_len(entry.name) > name_width else ""
    sizes = f" ({_SIZES})" if "MLP" in name + entry.settings else ""
    return wrap(f"{name}{entry.settings}{sizes}", max(1, width))


def _line(entry: RunEntry, is_chosen: bool, name_width: int, width: int, palette: Palette) -> Row:
    name, dim = entry.name, palette.style("dim")
    if isinstance(entry.request, OpenRun) and cell_len(name) > name_width > 8:
        # What tells saved runs apart is mostly the time, which is at the end.
        name = f"{name[: name_width // 3]}…{name[-(name_width - name_width // 3 - 1) :]}"
    settings = fitted(entry.settings, width - name_width - _STEPS - _DEV - 4)
    return row(
        ("› " if is_chosen else "  ", palette.style("cursor", bold=True)),
        (fitted(name, name_width), palette.style("text", bold=is_chosen)),
        (f"{tick_label(entry.steps):>{_STEPS}}", dim),
        (f"{number(entry.dev):>{_DEV}}", palette.style("dev", is_chosen)),
        (f"  {settings}" if width >= _WIDE else "", dim),
    )
