"""The runs on disk as the explorer lists them: read in a thread, deleted, and brought back."""

import contextlib
import os
import shutil
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from textual.widget import Widget

from makemore_tui.core.errors import UserError
from makemore_tui.core.results import Saving

if TYPE_CHECKING:
    from makemore_tui.core.runs.catalog import RunList, SavedRun

_SECONDS_BETWEEN_POLLS = 5.0


class SavedRuns(Widget):
    """The saved runs of a directory; they are read while the panel that lists them is shown.

    runs: the newest first. deleted: those deleted since the explorer began, by path, each with the
    folder in which it lies until this is left.
    """

    def __init__(self, list_anew: Callable[[], object]) -> None:
        """list_anew: called when other runs were read."""
        super().__init__()
        self.display = False
        self.saving: Saving | None = None  # where the open run is saved
        self.runs: Sequence[SavedRun] = ()
        self.deleted: dict[str, tuple[SavedRun, Path]] = {}
        self._list_anew = list_anew
        self._list: RunList | None = None
        self._last_read: object = None  # by which it is known whether anything may have changed
        self._reader: threading.Thread | None = None

    def on_mount(self) -> None:
        self.set_interval(_SECONDS_BETWEEN_POLLS, self.read)

    def read(self) -> None:
        """Read the runs in a thread, if they are looked at and may have changed; then take them."""
        is_reading = self._reader is not None and self._reader.is_alive()
        is_shown = isinstance(self.parent, Widget) and self.parent.display
        if (saving := self.saving) is None or is_reading or not is_shown:
            return
        modified = 0  # when a run was last added, removed or renamed
        with contextlib.suppress(OSError):
            modified = os.stat(saving.directory).st_mtime_ns
        now = saving.directory, saving.folder, saving.step, modified
        if now != self._last_read:
            self._last_read = now
            directory = Path(saving.directory)
            self._reader = threading.Thread(target=self._read, args=(directory,), daemon=True)
            self._reader.start()

    def _read(self, directory: Path) -> None:
        from makemore_tui.core.runs.catalog import RunList

        self._list, runs = self._list or RunList(directory), []
        with contextlib.suppress(UserError):  # what can't be read can't be saved either, as is told
            runs = self._list.read()
        self.call_later(self.take, runs)

    def take(self, runs: "Sequence[SavedRun]") -> None:
        """Take the runs that were read, which may have been before one was deleted."""
        self.runs = [run for run in runs if str(run.path) not in self.deleted]
        self._list_anew()

    def delete(self, path: str) -> bool:
        """Delete a run; False if there is none. Raises UserError if it can't be deleted."""
        from makemore_tui.core.runs.catalog import set_aside

        for run in self.runs:
            if str(run.path) == path:
                self.deleted[path] = run, set_aside(run.path)
                self.runs = [one for one in self.runs if one is not run]
                return True
        return False

    def bring_back(self, path: str) -> None:
        """Undo `delete`. Raises UserError if that can't be done."""
        from makemore_tui.core.runs.catalog import bring_back

        run, hidden = self.deleted[path]
        bring_back(hidden)
        del self.deleted[path]
        self.runs = [run, *self.runs]

    def on_unmount(self) -> None:
        """Delete for good what was deleted."""
        for _, hidden in self.deleted.values():
            shutil.rmtree(hidden, ignore_errors=True)
