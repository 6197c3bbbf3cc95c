"""The open run, previous runs and saved ones: sorted, filtered, opened, deleted."""

import contextlib
import os
import shutil
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.events import Click, DescendantBlur, DescendantFocus, Show

from makemore_tui.core.errors import UserError
from makemore_tui.core.results import PreviousRun
from makemore_tui.core.text import shown
from makemore_tui.core.worker.protocol import OpenRun, ReturnTo, Snapshot

from ..keymap import bindings_of
from ..style.text_rows import Row, paragraph
from .panel import Panel, label_border, next_of
from .runs_rows import COLUMNS, ListLayout, RunEntry, matching, ordered, runs_rows, saved_entry
from .text_input import Line

if TYPE_CHECKING:
    from makemore_tui.core.runs.catalog import RunList, SavedRun

_SECONDS_BETWEEN_POLLS = 5.0


class RunsFilter(Line):
    """The words that a run must have to be listed."""

    BINDINGS = [Binding("escape", "leave", "leave the filter")]  # noqa: RUF012

    async def action_leave(self) -> None:
        """List all runs again, and let the keys be the explorer's."""
        self.value = ""
        await self.action_submit()

    async def action_submit(self) -> None:
        """List the runs that have the words, and let the keys be the explorer's."""
        assert isinstance(self.parent, RunsPanel)
        self.screen.set_focus(self.parent)


class RunsPanel(Panel):
    """The open run, those that a restart or a return has replaced, and those on disk."""

    DEFAULT_CSS = """
    RunsPanel:focus-within { border: round $primary; }
    RunsPanel > Input, RunsPanel > Input:focus {
        height: 1; padding: 0; background: transparent; display: none;
    }
    """
    BINDINGS = [  # noqa: RUF012
        *bindings_of("runs"),
        Binding("enter", "open", "open this run", show=False),
    ]
    ID = "runs"

    def __init__(self):
        super().__init__()
        self.cursor = 0
        self.sort = "when"
        self._filter = RunsFilter(placeholder="name, dataset or hidden=200")
        self._entries: list[RunEntry] = []
        self._saved: Sequence[SavedRun] = ()
        self._deleted: dict[str, tuple[SavedRun, Path]] = {}  # by path; and where they are now
        self._places: dict[int, int] = {}  # of a row of the panel, the run that is there
        self._list: RunList | None = None
        self._last_read: object = None  # by which it is known whether anything may have changed
        self._reader: threading.Thread | None = None

    def compose(self) -> ComposeResult:
        yield self._filter

    def on_mount(self) -> None:
        self.set_interval(_SECONDS_BETWEEN_POLLS, self._poll)

    def on_unmount(self) -> None:
        for _, hidden in self._deleted.values():
            shutil.rmtree(hidden, ignore_errors=True)

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
        # It may have been read before a run was deleted.
        self._saved = [run for run in runs if str(run.path) not in self._deleted]
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
        """Move the cursor to another run."""
        self.cursor = max(0, min(self.cursor + down, len(self._entries) - 1))
        self.relayout()

    def action_open(self) -> None:
        """Go on with the run under the cursor."""
        if (entry := self._chosen()) is None:
            return
        refusals = {
            "open": "this is the run that is open",
            "deleted": f"{entry.name} is deleted · {self.key_labels['runs-delete']} brings it back",
        }
        if refusal := entry.problem or refusals.get(entry.place):
            self.post_message(self.Said(refusal, is_warning=True))
        else:
            is_previous = entry.place == "previous"
            request = ReturnTo(entry.position) if is_previous else OpenRun(entry.path)
            self.post_message(self.Asked(request))

    def action_sort(self) -> None:
        """Sort by the next column."""
        self.sort = next_of(self.sort, list(COLUMNS))
        self.relayout()

    def action_filter(self) -> None:
        """Let the keys type words that the runs must have."""
        self._filter.display = True
        self.screen.set_focus(self._filter)  # at once, before the next key

    def action_delete(self) -> None:
        """Delete the run under the cursor; of a deleted one, bring it back."""
        entry = self._chosen()
        saved = next((run for run in self._saved if entry and str(run.path) == entry.path), None)
        try:
            if entry is not None and entry.place == "deleted":
                self._bring_back(entry)
            elif entry is None or saved is None:
                self.post_message(self.Said("This run is not saved, so there is no file to delete"))
            elif entry.place == "open":
                self.post_message(self.Said("This is the run that is open, so it was not deleted"))
            else:
                self._delete(entry, saved)
        except UserError as error:
            self.post_message(self.Said(str(error), is_warning=True))

    def action_plot(self) -> None:
        """Hide the previous run under the cursor on the loss plot, or show it again; draw the saved
        one there, or no longer."""
        entry = self._chosen()
        refusals = {"open": "the open run is always on the loss plot", "deleted": "it is deleted"}
        if entry is None:
            return
        if refusal := entry.problem or refusals.get(entry.place):
            self.post_message(self.Said(refusal[:1].upper() + refusal[1:], is_warning=True))
        else:
            self.post_message(self.Plotted(entry.key))

    def _delete(self, entry: RunEntry, saved: "SavedRun") -> None:
        from makemore_tui.core.runs.catalog import set_aside

        self._deleted[entry.path] = saved, set_aside(saved.path)
        self._saved = [run for run in self._saved if run is not saved]
        back = self.key_labels["runs-delete"]
        self.post_message(self.Said(f"Deleted {shown(saved.name)} · {back} again to bring it back"))
        self.relayout()

    def _bring_back(self, entry: RunEntry) -> None:
        from makemore_tui.core.runs.catalog import bring_back

        saved, hidden = self._deleted[entry.path]
        bring_back(hidden)
        del self._deleted[entry.path]
        self._saved = [saved, *self._saved]
        self.post_message(self.Said(f"Brought {shown(saved.name)} back"))
        self.relayout()

    def _chosen(self) -> RunEntry | None:
        return self._entries[self.cursor] if self._entries else None

    @on(DescendantFocus)
    @on(DescendantBlur)
    def fit_filter(self) -> None:
        """Show the line of the filter while it is typed into or has words."""
        self._filter.display = self._filter.has_focus or bool(self._filter.value)
        self.relayout()

    def on_input_changed(self) -> None:
        self.relayout()

    def on_click(self, event: Click) -> None:
        """Choose the run under the mouse; on the one that is chosen, open it."""
        offset = event.get_content_offset(self)
        place = self._places.get(offset.y) if offset is not None else None
        if place == self.cursor:
            self.action_open()
        elif place is not None:
            self.action_move(place - self.cursor, 0)

    def rows(self, snapshot: Snapshot, width: int, height: int) -> list[Row]:
        before = self._entries
        everything = _all_entries(snapshot, self._saved, [run for run, _ in self._deleted.values()])
        self._entries = entries = ordered(matching(everything, self._filter.value), self.sort)
        self._label_keys()
        above: list[Row] = [[]] if self._filter.display else []  # the line that is typed into
        if not entries:
            words = f"No run has {self._filter.value!r} · esc to list all"
            return [*above, *paragraph(words, width, self.palette)]
        keys, keys_before = ([entry.key for entry in some] for some in (entries, before))
        if keys != keys_before:  # the cursor stays on its run; if that is gone, on the newest
            key = keys_before[self.cursor] if self.cursor < len(keys_before) else None
            others = [i for i, entry in enumerate(entries) if entry.place != "open"] or [0]
            is_unmoved = len(keys_before) == 1 and key == "open"
            self.cursor = keys.index(key) if key in keys and not is_unmoved else others[0]
        layout = ListLayout(self.cursor, self.sort, width, height - len(above), self.palette)
        rows, places = runs_rows(entries, layout)
        self._places = {line + len(above): i for line, i in places.items()}
        return [*above, *rows, *(self._hint(width) if len(everything) == 1 else ())]

    def _label_keys(self) -> None:
        """Say which keys work here."""
        labels = self.key_labels
        sort, filters, delete = (labels[f"runs-{name}"] for name in ("sort", "filter", "delete"))
        keys = f"enter open · {sort} sort: {self.sort} · {filters} filter · {delete} delete"
        if self._filter.has_focus:
            keys = "enter keep · esc list all"
        while len(keys) > self.content_size.width and " · " in keys:
            keys = keys.rpartition(" · ")[0]
        label_border(self, subtitle=keys)

    def _hint(self, width: int) -> list[Row]:
        """What leaves a run to return to."""
        labels = self.key_labels
        restarts = f"a restart ({labels['restart']}, {labels['new-seed']})"
        words = f"no other yet; {restarts} or another model ({labels['model']}) leaves one"
        return paragraph(words, width, self.palette)


def _all_entries(
    snapshot: Snapshot, saved: "Sequence[SavedRun]", deleted: "Sequence[SavedRun]"
) -> list[RunEntry]:
    """The open run, the previous ones, and the saved ones that are not among them."""
    by_path = {str(run.path): run for run in saved}
    entries = [_open_entry(snapshot, by_path)]
    for i, run in enumerate(snapshot.previous):
        entries.append(_previous_entry(i, run, snapshot.dataset.name))
    listed = {entry.path for entry in entries}
    entries += [saved_entry(run) for run in saved if str(run.path) not in listed]
    return entries + [saved_entry(run, "deleted") for run in deleted]


def _open_entry(now: Snapshot, saved: "dict[str, SavedRun]") -> RunEntry:
    path = now.saving.folder if now.saving else ""
    found = (now.splits and now.splits.dev, saved[path].best_dev if path in saved else None)
    losses = [loss for loss in found if loss is not None]
    name = now.saving.name if now.saving and path else "this run"
    return RunEntry(
        "open", shown(name), "open", path, shown(now.dataset.name), now.model, now.train, now.seed,
        now.step, min(losses, default=None), now.test_peeks,
    )  # fmt: skip


def _previous_entry(index: int, run: PreviousRun, dataset: str) -> RunEntry:
    name = run.name.partition(" → ")[0]  # what follows is the dev loss
    return RunEntry(
        run.id, name, "previous", run.folder, shown(dataset), run.model, run.train, run.seed,
        run.steps, run.best_dev, run.test_peeks, position=index,
    )  # fmt: skip
