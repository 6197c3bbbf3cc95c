"""Files that are replaced whole: a reader finds the old content or the new, never a mixture."""

import contextlib
import os
import stat
import tempfile
from pathlib import Path

from .errors import UserError

UNFINISHED = ".unfinished."  # what the names of temporary files begin with


def write_atomically(path: Path, *content: bytes | memoryview) -> None:
    """Write a file, whole or not at all, and make the folders that lead to it.

    content: in one part or several, written behind one another.

    The content goes to a hidden file in the same folder, is synced to the disk, and is moved over
    `path` with `os.replace`. A file that is replaced keeps its permissions, a new one gets 0644 as
    far as the umask allows. A symbolic link is followed.

    Raises:
        UserError: the file can't be written; the sentence names it, and nothing has changed.
    """
    try:
        target = Path(os.path.realpath(path))
        target.parent.mkdir(parents=True, exist_ok=True)
        mode = _mode(target)
        descriptor, name = tempfile.mkstemp(prefix=UNFINISHED, dir=target.parent)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.writelines(content)
                file.flush()
                os.fsync(file.fileno())
            os.chmod(name, mode)
            os.replace(name, target)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(name)
            raise
        _sync(target.parent)
    except OSError as error:
        raise cannot_write(path, error) from None


def check_can_create(path: Path) -> None:
    """See that a new file can be written, and make the folders that lead to it.

    Raises:
        UserError: it can't, or there is something of that name.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(exist_ok=False)
        path.unlink()
    except OSError as error:
        raise cannot_write(path, error) from None


def cannot_write(path: Path, error: OSError) -> UserError:
    """The sentence for a file or folder that can't be written."""
    return UserError(f"{path} can't be written: {error.strerror or error}")


def _mode(path: Path) -> int:
    """The permissions of a file: those it has, or those a new one gets."""
    with contextlib.suppress(FileNotFoundError):
        return stat.S_IMODE(path.stat().st_mode)
    umask = os.umask(0o022)
    os.umask(umask)
    return 0o644 & ~umask


def _sync(folder: Path) -> None:
    """Write a folder's list of files to the disk, where the system allows to open a folder."""
    if os.name == "nt":
        return
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
