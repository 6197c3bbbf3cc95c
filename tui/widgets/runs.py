"""Previous runs and saved ones, and the way to them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual import on
from textual.binding import Binding
from textual.events import Click, MouseScrollDown, MouseScrollUp, Show
from textual.message import Message

from makemore_tui.core.worker.protocol import Snapshot

from ..client.saved_runs import SavedRunsPoller
from ..style.text_rows import Row, row
from .panel import Panel, label_border
from .runs_rows import RunEntry, run_entries, runs_rows

if TYPE_CHECKING:
    from makemore_tui.core.runs.catalog import SavedRun

_SECONDS_BETWEEN_POLLS = 5.0


class RunsPanel(Panel):
    """The runs that a restart or a return has replaced, and those on disk; enter opens one."""

    BINDINGS = [Binding("enter", "open", "go on with this run", show=False)]  # noqa: RUF012

    @dataclass
    class RunsRead(Message):
        """The saved runs were read, in a thread."""

        runs: "list[SavedRun]"

    def __init__(self):
        super().__init__("Runs", id="runs")
        self.cursor = 0  # previous runs from the newest, then saved ones
        self._saved: Sequence[SavedRun] = ()
        self._places: dict[int, int] = {}  # of a row of the panel, the run that is there
        self._poller = SavedRunsPoller(lambda runs: self.post_message(self.RunsRead(runs)))

    def on_mount(self) -> None:
        self.set_interval(_SECONDS_BETWEEN_POLLS, self._poll)

    @on(Show)
    def _poll(self) -> None:
        """Have the saved runs read again, while they are looked at."""
        saving = self.snapshot.saving if self.snapshot else None
        if saving is not None and self.display:
            self._poller.poll(saving)

    def on_runs_panel_runs_read(self, message: RunsRead) -> None:
        self.list_saved(message.runs)

    def list_saved(self, runs: "Sequence[SavedRun]") -> None:
        """Take the runs on disk, the newest first."""
        before, self._saved = self._entries, runs
        self._keep_cursor(before)
        self.relayout()

    def show(self, snapshot: Snapshot) -> None:
        before = self._entries
        known = {run.id for run in self.snapshot.previous} if self.snapshot else set()
        is_first = self.snapshot is None
        self.snapshot = snapshot
        has_new = any(run.id not in known for run in snapshot.previous)
        self._keep_cursor([] if has_new else before)
        self.relayout()
        if is_first:
            self._poll()

    def action_move(self, down: int, right: int) -> None:
        """Move the cursor to an older run, or a newer one."""
        self.cursor = max(0, min(self.cursor + down, len(self._entries) - 1))
        self.relayout()

    def action_open(self) -> None:
        """Go on with the run under the cursor."""
        entries = self._entries
        if self.cursor < len(entries):
            entry = entries[self.cursor]
            if entry.problem:
                self.post_message(self.Said(entry.problem, is_warning=True))
            else:
                self.post_message(self.Asked(entry.request))

    def on_click(self, event: Click) -> None:
        """Choose the run under the mouse; on the one that is chosen, open it."""
        offset = event.get_content_offset(self)
        place = self._places.get(offset.y) if offset is not None else None
        if place == self.cursor:
            self.action_open()
        elif place is not None:
            self.action_move(place - self.cursor, 0)

    @on(MouseScrollUp)
    @on(MouseScrollDown)
    def scroll_cursor(self, event: MouseScrollUp | MouseScrollDown) -> None:
        """Move the cursor by the wheel."""
        event.stop()
        self.action_move(1 if isinstance(event, MouseScrollDown) else -1, 0)

    def rows(self, snapshot: Snapshot, width: int, height: int) -> list[Row]:
        entries = self._entries
        label_border(self, subtitle="↑ ↓ choose · enter opens" if entries else "")
        if not entries:
            labels, dim = self.key_labels, self.palette.style("dim")
            words = (
                f"none yet; a restart ({labels['restart']}, {labels['new-seed']}) or",
                f"another model ({labels['model']}) leaves one",
            )
            return [row((one, dim)) for one in words]
        self.cursor = min(self.cursor, len(entries) - 1)
        rows, self._places = runs_rows(entries, self.cursor, width, height, self.palette)
        return rows

    @property
    def _entries(self) -> list[RunEntry]:
        return run_entries(self.snapshot, self._saved) if self.snapshot else []

    def _keep_cursor(self, before: Sequence[RunEntry]) -> None:
        """Put the cursor on the run that it was on, wherever that is now; on the newest if it is
        gone."""
        key = before[self.cursor].key if self.cursor < len(before) else None
        keys = [entry.key for entry in self._entries]
        self.cursor = keys.index(key) if key in keys else 0
