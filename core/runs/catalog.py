"""The saved runs of a directory: listed, removed, pruned. Torch-free."""

import contextlib
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from ..atomic import UNFINISHED
from ..errors import UserError
from ..settings import model_label, settings_label
from ..text import is_acted_on
from .header import FOLDER_RECORD, SUFFIX, existing_run, is_run_folder, read_record, run_name
from .locks import is_locked

_MAX_NAME_LENGTH = 60  # characters
_STALE_SECONDS = 3600  # no writer takes so long
_Stamp = tuple[int, ...]


@dataclass(frozen=True)
class SavedRun:
    """A run of a directory, or what is left of one.

    path: of its file, or of its folder in format 2. saved: when. model: its kind and sizes.
    settings: these and the main settings, as a short label. best_dev: in nats. named: True when a
    person gave it its name. problem: why it can't be read, in a sentence; the other fields say
    nothing then.
    """

    name: str
    path: Path
    saved: datetime
    dataset: str = ""
    model: str = ""
    settings: str = ""
    steps: int = 0
    best_dev: float | None = None
    named: bool = True
    problem: str | None = None

    def __repr__(self) -> str:
        return f"SavedRun({self.name!r}, {self.problem or f'{self.model}, {self.steps:,} steps'})"


def find_run(run: Path, directory: Path) -> Path:
    """The run that a person names: by a path, or by its name among the runs of a directory. The
    suffix may be left out. If there is no such run, this is `run` itself."""
    is_name = run.name == str(run)
    return existing_run(run) or (existing_run(directory / run) if is_name else None) or run


class RunList:
    """The saved runs of a directory, read again and again: only what has changed is opened."""

    def __init__(self, directory: Path):
        self._directory = directory
        self._known: dict[Path, tuple[_Stamp, SavedRun]] = {}

    def read(self) -> list[SavedRun]:
        """The runs now, the newest first. Raises UserError if the directory can't be read."""
        before, self._known = self._known, {}
        for path in _runs_in(self._directory):
            now = stamp(path)
            known = before.get(path)
            if known is None or not now or known[0] != now:
                known = now, _saved_run(path)
            self._known[path] = known
        runs = (run for _, run in self._known.values())
        return sorted(runs, key=lambda run: run.saved, reverse=True)


def saved_runs(directory: Path) -> list[SavedRun]:
    """The runs of a directory, the newest first; errors as for `RunList.read`."""
    return RunList(directory).read()


def stamp(path: Path) -> _Stamp:
    """A value that differs as soon as the run at a path is another; empty where there is none."""
    try:
        if stat.S_ISDIR(path.lstat().st_mode):
            path = path / FOLDER_RECORD
        found = path.lstat()
    except OSError:
        return ()
    return found.st_ino, found.st_mtime_ns, found.st_size


def remove(directory: Path, names: Sequence[str]) -> None:
    """Remove runs by name. Raises UserError if one is none, is open in an explorer (nothing is
    removed then), or can't be removed."""
    paths = []
    for name in names:
        if name in ("", ".", "..") or Path(name).name != name or "\0" in name:
            raise UserError(f"{name!r} is not the name of a run; `makemore-tui runs` lists them")
        path = existing_run(directory / name)
        if path is None or path.is_symlink():
            raise UserError(f"there is no run {name!r} in {directory}")
        if path.is_dir() and not is_run_folder(path):
            raise UserError(f"{path} is not a run, so it was not removed")
        if is_locked(path):
            raise UserError(f"{path} is open in an explorer, so it was not removed")
        paths.append(path)
    reasons = {path: reason for path in paths if (reason := _remove(path))}
    for path, reason in reasons.items():
        raise UserError(f"{path} can't be removed: {reason}")


def prune(directory: Path, most_bytes: int, keep: int = 1) -> list[str]:
    """Remove the oldest runs without a given name, until the rest of them fit into `most_bytes`.
    Returns the names of the runs removed. The newest `keep` of them stay, whatever their size;
    named runs, damaged runs, and those open in an explorer always stay."""
    _remove_unfinished(directory)
    runs = [run for run in saved_runs(directory) if not run.named and run.problem is None]
    sizes = [_size(run.path) for run in runs]
    total, removed = sum(sizes), []
    for run, size in list(zip(runs, sizes, strict=True))[keep:][::-1]:
        if total <= most_bytes:
            break
        if not is_locked(run.path) and _remove(run.path) is None:
            total -= size
            removed.append(run.name)
    return removed


def check_name(name: str) -> None:
    """Raises UserError if a run can't have this name."""
    if not name.strip() or len(name) > _MAX_NAME_LENGTH or any(map(is_acted_on, name)):
        raise UserError(
            f"a run's name has 1 to {_MAX_NAME_LENGTH} characters that can be seen, not {name!r}"
        )
    if name.startswith((".", "-")) or Path(name).name != name or "\\" in name:
        raise UserError("Names may contain letters, digits, spaces, dots, - and _")


def _runs_in(directory: Path) -> list[Path]:
    """Files of runs, and folders for which there is no file of the same name."""
    try:
        with os.scandir(directory) as entries:
            visible = [one for one in entries if not one.name.startswith(".")]
            files = {one.name for one in visible if one.name.endswith(SUFFIX)}
            folders = {one.name for one in visible if one.is_dir(follow_symlinks=False)}
    except FileNotFoundError:
        return []
    except OSError as error:
        raise UserError(f"{directory} can't be read: {error.strerror}") from None
    names = files | {name for name in folders if f"{name}{SUFFIX}" not in files}
    return [directory / name for name in sorted(names)]


def _saved_run(path: Path) -> SavedRun:
    name = run_name(path)
    try:
        record = read_record(path)
    except UserError as error:
        modified = 0.0
        with contextlib.suppress(OSError):
            modified = path.lstat().st_mtime
        return SavedRun(name, path, datetime.fromtimestamp(modified, UTC), problem=str(error))
    return SavedRun(
        name=name,
        path=path,
        saved=record.saved.astimezone(UTC),
        dataset=Path(record.dataset_name).name,
        model=model_label(record.model),
        settings=settings_label(record.model, record.train, record.seed),
        steps=record.steps,
        best_dev=record.dev_losses.best,
        named=record.named,
    )


def _size(path: Path) -> int:
    with contextlib.suppress(OSError):  # another process may just have removed it
        return sum(one.lstat().st_size for one in (path, *path.rglob("*")))
    return 0


def _remove(path: Path) -> str | None:
    """Remove a run, which nobody sees half removed, and a folder of format 2 of the same name, from
    which it was resumed. Returns why that was not possible, if so."""
    folder = path.with_name(run_name(path))
    try:
        if path != folder:
            path.unlink()
        if not folder.is_symlink() and folder.is_dir() and is_run_folder(folder):
            hidden = Path(tempfile.mkdtemp(prefix=UNFINISHED, dir=folder.parent))
            folder.rename(hidden / folder.name)
            shutil.rmtree(hidden, ignore_errors=True)
    except OSError as error:
        return error.strerror or str(error)
    return None


def _remove_unfinished(directory: Path) -> None:
    """Remove the temporary files and folders that a killed process left here long ago."""
    with contextlib.suppress(OSError), os.scandir(directory) as entries:
        for entry in entries:
            age = time.time() - entry.stat(follow_symlinks=False).st_mtime
            if not entry.name.startswith(UNFINISHED) or age < _STALE_SECONDS:
                continue
            if entry.is_dir(follow_symlinks=False):
                shutil.rmtree(entry.path, ignore_errors=True)
            else:
                os.unlink(entry.path)
