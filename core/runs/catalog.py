"""The saved runs of a directory: listed, removed, pruned. Torch-free."""

import contextlib
import os
import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import platformdirs
from filelock import FileLock, Timeout

from ..errors import UserError
from ..settings import model_label, settings_label
from ..text import shown
from . import files as run_files
from .files import LOCK, METRICS, RECORD, WEIGHTS
from .record import RunRecord, check_whole, read_record

_VARIABLE = "MAKEMORE_TUI_RUNS"
_MAX_NAME_LENGTH = 60  # characters
_LONG_AGO = 3600  # seconds; nobody writes at a run for so long


@dataclass(frozen=True)
class SavedRun:
    """A run of a directory, or what is left of one.

    saved: when. model: its kind and sizes. settings: these and more, in few signs. best_dev: in
    nats. named: whether a person gave it its name. problem: a sentence, if it can't be read; the
    other fields say nothing then.
    """

    name: str
    folder: Path
    saved: datetime
    dataset: str = ""
    model: str = ""
    settings: str = ""
    steps: int = 0
    best_dev: float | None = None
    named: bool = True
    problem: str | None = None


def runs_directory(given: Path | str | None = None) -> Path:
    """Where runs are kept: what is given, or MAKEMORE_TUI_RUNS, or the user's data directory."""
    default = Path(platformdirs.user_data_dir("makemore-tui")) / "runs"
    return Path(given or os.environ.get(_VARIABLE) or default).expanduser()


def run_folder(run: Path, directory: Path) -> Path:
    """The folder of a run that is given as such, or by its name in the directory."""
    is_name = run.name == str(run) and not os.path.lexists(run)
    return directory / run if is_name and os.path.lexists(directory / run) else run


class RunList:
    """The saved runs of a directory, read again and again: only what has changed is opened."""

    def __init__(self, directory: Path):
        self._directory = directory
        self._known: dict[Path, tuple[tuple[int, ...], SavedRun]] = {}

    def read(self) -> list[SavedRun]:
        """The runs now, the newest first.

        Raises:
            UserError: the directory can't be read.
        """
        before, self._known = self._known, {}
        for folder in _folders(self._directory):
            stamp = run_files.stamp(folder)
            known = before.get(folder)
            if known is None or not stamp or known[0] != stamp:
                known = stamp, _saved_run(folder)
            self._known[folder] = known
        return _newest_first(run for _, run in self._known.values())


def saved_runs(directory: Path) -> list[SavedRun]:
    """The runs of a directory, the newest first.

    Raises:
        UserError: the directory can't be read.
    """
    return _newest_first(_saved_run(folder) for folder in _folders(directory))


def remove(directory: Path, names: Sequence[str]) -> None:
    """Remove runs by name: all of them or, if one is none or open in an explorer, none.

    Raises:
        UserError: there is no such run, or an explorer has it open, or it can't be removed.
    """
    for name in names:
        folder = directory / name
        if name in ("", ".", "..") or Path(name).name != name or "\0" in name:
            raise UserError(f"{name!r} is not the name of a run; `makemore-tui runs` lists them")
        if folder.is_symlink() or not folder.is_dir():
            raise UserError(f"there is no run {name!r} in {directory}")
        if not (os.path.lexists(folder / RECORD) or os.path.lexists(folder / WEIGHTS)):
            raise UserError(f"{folder} is not a run, so it was not removed")
        if is_locked(folder):
            raise UserError(f"{folder} is open in an explorer, so it was not removed")
    left = [name for name in names if not _remove(directory / name)]
    if left:
        raise UserError(f"{directory / left[0]} can't be removed: {_why_not(directory)}")


def prune(directory: Path, most_bytes: int, keep: int = 1) -> list[str]:
    """Remove the oldest runs that were saved by themselves, until the rest of those weigh no more
    than `most_bytes`; the names of what was removed.

    keep: so many of the newest of them stay, whatever they weigh. Named runs, damaged ones, and
    those that an explorer has open always stay.
    """
    return [name for name in pruning(directory, most_bytes, keep) if name is not None]


def pruning(directory: Path, most_bytes: int, keep: int = 1) -> Iterator[str | None]:
    """The same, a run at a time: its name, if it was removed."""
    _remove_unfinished(directory)
    runs = []
    for folder in _folders(directory):
        run = _saved_run(folder)
        if not run.named and run.problem is None:
            runs.append(run)
        yield None
    runs = _newest_first(runs)
    sizes = [run_files.size_of(run.folder) for run in runs]
    total = sum(sizes)
    for run, size in list(zip(runs, sizes, strict=True))[keep:][::-1]:
        if total <= most_bytes:
            break
        if not is_locked(run.folder) and _remove(run.folder):
            total -= size
            yield run.name


def _remove_unfinished(directory: Path) -> None:
    """Remove the hidden folders that a killed process has left beside the runs, long ago."""
    with contextlib.suppress(OSError), os.scandir(directory) as entries:
        for entry in entries:
            is_ours = entry.name.startswith(run_files.UNFINISHED)
            if is_ours and entry.is_dir(follow_symlinks=False):
                age = time.time() - entry.stat(follow_symlinks=False).st_mtime
                if age > _LONG_AGO:
                    shutil.rmtree(entry.path, ignore_errors=True)


def check_name(name: str) -> None:
    """See that a run can be called so.

    Raises:
        UserError: it can't.
    """
    if not name.strip() or len(name) > _MAX_NAME_LENGTH or name != shown(name):
        raise UserError(
            f"a run's name has 1 to {_MAX_NAME_LENGTH} characters that can be seen, not {name!r}"
        )
    if name.startswith((".", "-")) or Path(name).name != name or "\\" in name:
        raise UserError(f"{name!r} can't be a run's name; letters, digits, spaces, - and _ can")


def lock(folder: Path) -> FileLock:
    """Hold a run's folder, which exists, until the lock is released or the process ends.

    Raises:
        UserError: another holds it, or it can't be written.
    """
    held = FileLock(folder / LOCK, blocking=False)
    try:
        if os.path.islink(folder / LOCK):
            raise UserError(f"{folder / LOCK} is a link, so the run can't be opened")
        held.acquire()
    except Timeout:
        raise UserError(f"{folder} is open in another explorer") from None
    except OSError as error:
        raise run_files.cannot_write(folder, error) from None
    return held


def is_locked(folder: Path) -> bool:
    """Whether another holds the lock of a run, as far as can be told."""
    if not os.path.lexists(folder / LOCK) or os.path.islink(folder / LOCK):
        return os.path.islink(folder / LOCK)  # which nobody can hold, nor should anyone touch
    try:
        FileLock(folder / LOCK, blocking=False).acquire().lock.release()
    except Timeout:
        return True
    except OSError:  # a lock that may not be opened says nothing
        return False
    return False


def _newest_first(runs: Iterable[SavedRun]) -> list[SavedRun]:
    return sorted(runs, key=lambda run: run.saved, reverse=True)


def _folders(directory: Path) -> list[Path]:
    try:
        with os.scandir(directory) as entries:
            names = [one.name for one in entries if one.is_dir(follow_symlinks=False)]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise UserError(f"{directory} can't be read: {error.strerror}") from None
    return [directory / name for name in sorted(names) if not name.startswith(".")]


def _saved_run(folder: Path) -> SavedRun:
    try:
        record = read_record(folder)
        check_whole(folder, record)
        names = (WEIGHTS, METRICS) if record.format > 1 else (WEIGHTS,)
        missing = run_files.missing(folder, names)
        if missing:
            raise UserError(f"{folder} is damaged: {missing} is missing or no plain file")
        return _listed(folder, record)
    except UserError as error:
        return SavedRun(folder.name, folder, _modified(folder), problem=str(error))


def _listed(folder: Path, record: RunRecord) -> SavedRun:
    return SavedRun(
        name=folder.name,
        folder=folder,
        dataset=Path(record.dataset).name,
        model=model_label(record.model),
        settings=settings_label(record.model, record.train, record.seed),
        steps=record.steps,
        best_dev=record.best_dev,
        saved=_when(folder, record),
        named=record.named,
    )


def _when(folder: Path, record: RunRecord) -> datetime:
    try:
        return datetime.fromisoformat(record.raw["saved"]).astimezone(UTC)
    except (KeyError, TypeError, ValueError, OverflowError):
        return _modified(folder)


def _modified(folder: Path) -> datetime:
    try:
        return datetime.fromtimestamp(folder.lstat().st_mtime, UTC)
    except OSError:
        return datetime.fromtimestamp(0, UTC)


def _why_not(directory: Path) -> str:
    """Why nothing can be removed from a directory."""
    try:
        Path(tempfile.mkdtemp(prefix=run_files.UNFINISHED[1], dir=directory)).rmdir()
    except OSError as error:
        return error.strerror or str(error)
    return "the system refuses it"


def _remove(folder: Path) -> bool:
    """Remove a folder, which nobody sees half removed; whether it could be."""
    try:
        hidden = Path(tempfile.mkdtemp(prefix=run_files.UNFINISHED[1], dir=folder.parent))
        folder.rename(hidden / folder.name)
        shutil.rmtree(hidden, ignore_errors=True)
    except OSError:
        return False
    return True
