"""Locks, so that a run is open in one explorer at a time. Torch-free."""

import contextlib
import os
from pathlib import Path

from filelock import FileLock, Timeout

from ..atomic import cannot_write
from ..errors import UserError
from .header import run_name


class RunLock:
    """Holds a run until it is released or the process ends: a hidden file beside the run."""

    def __init__(self, path: Path):
        """Lock the run of this file or folder, which need not exist yet. Raises UserError if
        another explorer has it open, or nothing can be written there."""
        self._path = _lock_path(path)
        self._lock = FileLock(self._path, blocking=False)
        try:
            if os.path.islink(self._path):
                raise UserError(f"{self._path} is a link, so the run can't be opened")
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._lock.acquire()
        except Timeout:
            raise UserError(f"{path} is open in another explorer") from None
        except OSError as error:
            raise cannot_write(path, error) from None

    def release(self) -> None:
        """Let others open the run."""
        if self._lock.is_locked:
            with contextlib.suppress(OSError):
                self._path.unlink()  # while it is held: who has it open sees that it is gone
            self._lock.release()


def is_locked(path: Path) -> bool:
    """True when an explorer has a run open, or its lock can't be taken for another reason. The lock
    of a process that was killed is removed."""
    if os.path.lexists(_lock_path(path)):
        try:
            RunLock(path).release()
        except UserError:
            return True
    return False


def _lock_path(path: Path) -> Path:
    return path.with_name(f".{run_name(path)}.lock")
