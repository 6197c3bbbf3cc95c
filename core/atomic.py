"""Files that are replaced whole: a reader finds the old content or the new, never a mixture."""

import contextlib
import os
import stat
from functools import partial
from pathlib import Path

from .errors import UserError, reason

UNFINISHED = ".unfinished."  # what the names of temporary files begin with


def write_atomically(path: Path, *content: bytes | memoryview) -> None:
    """Write a file, whole or not at all, and make the folders that lead to it.

    content: in one part or several, written behind one another.

    The content goes to a hidden file in the same folder, is synced to the disk, and is moved over
    `path` with `os.replace`. A file that is replaced keeps its permissions, a new one gets 0644 as
    far as the umask allows. A symbolic link is followed. Raises UserError if the file can't be
    written; the sentence names it, and nothing has changed.
    """
    try:
        target = Path(os.path.realpath(path))
        target.parent.mkdir(parents=True, exist_ok=True)
        unfinished = target.parent / f"{UNFINISHED}{os.urandom(8).hex()}"
        try:
            with open(unfinished, "xb", opener=partial(os.open, mode=0o644)) as file:
                file.writelines(content)
                file.flush()
                os.fsync(file.fileno())
            with contextlib.suppress(FileNotFoundError):
                os.chmod(unfinished, stat.S_IMODE(target.stat().st_mode))
            os.replace(unfinished, target)
        except BaseException:
            with contextlib.suppress(OSError):
                unfinished.unlink()
            raise
        with contextlib.suppress(OSError):  # some systems can't open a folder
            descriptor = os.open(target.parent, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
    except (OSError, ValueError) as error:
        raise cannot_write(path, error) from None


def check_can_create(path: Path) -> None:
    """See that a new file can be written, and make the folders that lead to it.

    Raises UserError if it can't, or if there is something of that name.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(exist_ok=False)
        path.unlink()
    except (OSError, ValueError) as error:
        raise cannot_write(path, error) from None


def cannot_write(path: Path, error: OSError | ValueError) -> UserError:
    """The sentence for a file or folder that can't be written."""
    return UserError(f"{path} can't be written: {reason(error)}")
