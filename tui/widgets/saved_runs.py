"""The runs on disk as the explorer lists them: read in a thread, deleted, and brought back."""

import contextlib
import os
import shutil
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from makemore_tui.core.errors import UserError
from makemore_tui.core.results import Saving

if TYPE_CHECKING:
    from makemore_tui.core.runs.catalog import RunList, SavedRun


class SavedRuns:
    """The saved runs of a directory.

    runs: the newest first. deleted: those deleted since the explorer began, by path, each with the
    folder in which it lies until `close`.
    """

    def __init__(self) -> None:
        self.runs: Sequence[SavedRun] = ()
        self.deleted: dict[str, tuple[SavedRun, Path]] = {}
        self._list: RunList | None = None
        self._last_read: object = None  # by which it is known whether anything may have changed
        self._reader: threading.Thread | None = None

    def read(self, saving: Saving, take: "Callable[[Sequence[SavedRun]], object]") -> None:
        """Read the runs in a thread, if they may have changed, and hand them to `take` there."""
        if self._reader is not None and self._reader.is_alive():
            return
        modified = 0  # when a run was last added, removed or renamed
        with contextlib.suppress(OSError):
            modified = os.stat(saving.directory).st_mtime_ns
        now = saving.directory, saving.folder, saving.step, modified
        if now != self._last_read:
            self._last_read = now
            words = Path(saving.directory), take
            self._reader = threading.Thread(target=self._read, args=words, daemon=True)
            self._reader.start()

    def _read(self, directory: Path, take: "Callable[[Sequence[SavedRun]], object]") -> None:
        from makemore_tui.core.runs.catalog import RunList

        self._list, runs = self._list or RunList(directory), []
        with contextlib.suppress(UserError):  # what can't be read can't be saved either, as is told
            runs = self._list.read()
        take(runs)

    def take(self, runs: "Sequence[SavedRun]") -> None:
        """Take the runs that were read, which may have been before one was deleted."""
        self.runs = [run for run in runs if str(run.path) not in self.deleted]

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

    def close(self) -> None:
        """Delete for good what was deleted."""
        for _, hidden in self.deleted.values():
            shutil.rmtree(hidden, ignore_errors=True)
