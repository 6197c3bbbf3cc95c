"""Previous runs and saved ones, and the way to them."""

import contextlib
import os
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from textual import on
from textual.binding import Binding
from textual.events import Click, Show

from makemore_tui.core.errors import UserError
from makemore_tui.core.worker.protocol import Snapshot

from ..style.text_rows import Row
from .panel import Panel
from .runs_rows import RunEntry, run_entries, runs_rows

if TYPE_CHECKING:
    from makemore_tui.core.runs.catalog import RunList, SavedRun

_SECONDS_BETWEEN_POLLS = 5.0


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
        self._last_read: object = None  # by which it is known whether they may have changed
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
        before, entries = self._entries, run_entries(snapshot, self._saved)
        self.label(border_subtitle="↑ ↓ choose · enter opens" if entries else "")
        if not entries:
            labels = self.key_labels
            restarts = f"a restart ({labels['restart']}, {labels['new-seed']})"
            return self.paragraph(
                f"none yet; {restarts} or another model ({labels['model']}) leaves one", width
            )
        keys, keys_before = ([entry.key for entry in some] for some in (entries, before))
        if keys != keys_before:  # the cursor stays on its run; if that is gone, on the newest
            key = keys_before[self.cursor] if self.cursor < len(keys_before) else None
            self.cursor = keys.index(key) if key in keys else 0
        self._entries = entries
        rows, self._places = runs_rows(entries, self.cursor, width, height, self.palette)
        return rows
