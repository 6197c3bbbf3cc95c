"""Reading the saved runs of a directory while a person looks at them."""

import contextlib
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from makemore_tui.core.errors import UserError
from makemore_tui.core.results import Saving

if TYPE_CHECKING:
    from makemore_tui.core.runs.catalog import SavedRun


class SavedRunsPoller:
    """Reads the saved runs in a thread, when something in their directory has changed."""

    def __init__(self, deliver: "Callable[[list[SavedRun]], object]"):
        """deliver: takes the runs, the newest first, in the thread that has read them."""
        self._deliver = deliver
        self._list: Any = None
        self._seen: object = None  # by which it is known whether something has changed
        self._reader: threading.Thread | None = None

    def poll(self, saving: Saving) -> None:
        """Read the runs if they may differ from those delivered last."""
        if self._reader is not None and self._reader.is_alive():
            return
        modified = 0  # when an entry of the directory was last added, removed or renamed
        with contextlib.suppress(OSError):
            modified = os.stat(saving.directory).st_mtime_ns
        seen = saving.directory, saving.folder, saving.step, modified
        if seen != self._seen:
            self._seen = seen
            directory = (saving.directory,)
            self._reader = threading.Thread(target=self._read, args=directory, daemon=True)
            self._reader.start()

    def _read(self, directory: str) -> None:
        from makemore_tui.core.runs.catalog import RunList

        self._list = self._list or RunList(Path(directory))
        try:
            runs = self._list.read()
        except UserError:
            runs = []  # where they can't be read they can't be saved either, which is told
        self._deliver(runs)
