"""The files of a run's folder: read with suspicion, and replaced all at once. Torch-free.

A folder that holds a run already is written anew in four moves, so that a process that is killed
at any moment leaves a whole run, the old one or the new one:

1. All new files are written into the hidden folder `.next.partial-…`, and on to the disk.
2. That folder is renamed to `.next`. From now on the new run counts.
3. The files of `.next` are renamed one by one over those of the run's folder.
4. `.next` is removed.

A reader takes each file from `.next` if it is there, and from the folder if not. A writer first
finishes what another has left off.
"""

import contextlib
import os
import shutil
import stat
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from ..errors import UserError

RECORD, WEIGHTS, METRICS = "run.json", "weights.safetensors", "metrics.csv"
LOCK = "lock"
_NEXT, _PARTIAL = ".next", ".next.partial-"
UNFINISHED = (".unfinished.", ".removed.")  # what hidden folders beside a run begin with


def new_folder(folder: Path) -> Path:
    """A hidden folder beside where `folder` will be, to be written first and then renamed.

    Raises:
        UserError: something of that name exists, or nothing can be written there.
    """
    if os.path.lexists(folder):
        raise UserError(f"{folder} already exists; name a new folder, or remove it first")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        return Path(tempfile.mkdtemp(prefix=f"{UNFINISHED[0]}{folder.name}.", dir=folder.parent))
    except OSError as error:
        raise cannot_write(folder, error) from None


def create(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write a new folder with these files, whole or not at all.

    Raises:
        UserError: the folder exists, or can't be written.
    """
    partial = new_folder(folder)
    try:
        _write_all(partial, files)
        partial.chmod(0o755)
        partial.rename(folder)
        _sync(folder.parent)
    except BaseException as error:
        shutil.rmtree(partial, ignore_errors=True)
        if isinstance(error, OSError):
            raise cannot_write(folder, error) from None
        raise


def replace(folder: Path, files: Mapping[str, bytes]) -> None:
    """Put these files in the place of a run's, all or none of them.

    Raises:
        UserError: the folder holds something else than a run, or can't be written.
    """
    partial = None
    try:
        _check_is_a_run(folder)
        finish(folder)
        partial = Path(tempfile.mkdtemp(prefix=_PARTIAL, dir=folder))
        _write_all(partial, files)
        partial.rename(folder / _NEXT)
        _sync(folder)
        finish(folder)
    except OSError as error:
        raise cannot_write(folder, error) from None
    finally:
        if partial is not None:
            shutil.rmtree(partial, ignore_errors=True)


def finish(folder: Path) -> None:
    """Finish what a writer that was killed has left off."""
    following = folder / _NEXT
    if _is_folder(following):
        for name in os.listdir(following):
            (following / name).replace(folder / name)
        _sync(folder)
        following.rmdir()
    for name in os.listdir(folder):
        if name.startswith(_PARTIAL) and not os.path.islink(folder / name):
            shutil.rmtree(folder / name)


def read(folder: Path, name: str, most: int, least: int = 0) -> bytes:
    """One file of a run, from `least` to `most` bytes.

    Raises:
        FileNotFoundError: there is none.
        UserError: it is no plain file, has another size, or can't be read.
    """
    try:
        return _read(_place(folder, name), most, least)
    except FileNotFoundError:
        return _read(_place(folder, name), most, least)  # from `.next`, and moved in between


def stamp(folder: Path) -> tuple[int, ...]:
    """What differs as soon as the run in a folder is another; empty where there is none."""
    try:
        found = _place(folder, RECORD).lstat()
    except OSError:
        return ()
    return found.st_ino, found.st_mtime_ns, found.st_size


def missing(folder: Path, names: Sequence[str]) -> str | None:
    """The first of these files that a run hasn't, or has as something else than a plain file."""
    for name in names:
        try:
            if not stat.S_ISREG(_place(folder, name).lstat().st_mode):
                return name
        except OSError:
            return name
    return None


def size_of(folder: Path) -> int:
    """The bytes of all files of a run, as far as they can be told."""
    sizes = 0
    for where in (folder, folder / _NEXT):
        with contextlib.suppress(OSError), os.scandir(where) as entries:
            for one in entries:
                with contextlib.suppress(OSError):  # another process has just moved it
                    sizes += one.stat(follow_symlinks=False).st_size
    return sizes


def _place(folder: Path, name: str) -> Path:
    following = folder / _NEXT
    return following / name if _is_folder(following, name) else folder / name


def _is_folder(path: Path, name: str = ".") -> bool:
    """Whether a path is a folder, not by way of a link, and has an entry of that name."""
    try:
        return stat.S_ISDIR(path.lstat().st_mode) and os.path.lexists(path / name)
    except OSError:  # it isn't there, or nobody may look
        return False


def _read(path: Path, most: int, least: int) -> bytes:
    try:
        if not stat.S_ISREG(path.lstat().st_mode):
            raise UserError(f"{path} is damaged: it is not a plain file")
        # The flags are for a file that another has taken the place of meanwhile.
        flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
        with os.fdopen(os.open(path, flags | getattr(os, "O_BINARY", 0)), "rb") as file:
            size = os.fstat(file.fileno()).st_size
            if size > most:
                raise UserError(f"{path} is damaged: it is larger than it can be")
            if size < least:
                raise UserError(f"{path} is damaged: it is cut short, or another run's")
            return file.read(most + 1)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise UserError(f"{path} can't be read: {error.strerror}") from None


def _check_is_a_run(folder: Path) -> None:
    if not _is_folder(folder):
        raise UserError(f"{folder} is not the folder of a run, so nothing was written there")
    names = set(os.listdir(folder))
    others = {name for name in names - {LOCK} if not name.startswith(_PARTIAL)}
    if others and not names & {RECORD, _NEXT}:
        raise UserError(f"{folder} holds something else than a run, so nothing was written there")


def _write_all(folder: Path, files: Mapping[str, bytes]) -> None:
    for name, content in files.items():
        with (folder / name).open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    _sync(folder)


def _sync(folder: Path) -> None:
    """See to it that a folder's list of files is on the disk."""
    if os.name == "nt":
        return  # where a folder can't be opened
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def cannot_write(path: Path, error: OSError) -> UserError:
    """What to tell of a file or folder that the system won't have written."""
    return UserError(f"{path} can't be written: {error.strerror}")
