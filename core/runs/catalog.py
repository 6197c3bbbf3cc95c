"""The saved runs of a directory: listed, removed, pruned. Torch-free."""

import contextlib
import os
import re
import shutil
import stat
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from ..atomic import UNFINISHED
from ..constants import RUN_SUFFIX
from ..errors import UserError, reason
from ..paths import numbered
from ..settings import ModelSettings, TrainSettings, model_label
from ..text import is_acted_on
from .header import FOLDER_RECORD, existing_run, find, is_run_folder, read_record, run_name
from .locks import RunLock, is_locked

_MAX_NAME_LENGTH = 60  # characters
_MAX_STEM_LENGTH = 40  # of what an automatic name begins with
_STALE_SECONDS = 3600  # no writer takes so long
_Stamp = tuple[int, ...]


@dataclass(frozen=True)
class SavedRun:
    """A run of a directory, or what is left of one.

    path: of its file, or of its folder in format 2. saved: when. best_dev: in nats. test_peeks: how
    often its test split was evaluated. named: True when a person gave it its name. twin: of A of a
    pair, the name of B; "" of others. problem: why it can't be read, in a sentence; the other
    fields say nothing then, and the settings are None.
    """

    name: str
    path: Path
    saved: datetime
    dataset: str = ""
    model_settings: ModelSettings | None = None
    train_settings: TrainSettings | None = None
    seed: int = 1
    steps: int = 0
    best_dev: float | None = None
    test_peeks: int = 0
    named: bool = True
    twin: str = ""
    problem: str | None = None

    @property
    def model(self) -> str:
        """The model's kind and sizes, as a short label."""
        return model_label(self.model_settings) if self.model_settings else ""

    def __repr__(self) -> str:
        return f"SavedRun({self.name!r}, {self.problem or f'{self.model}, {self.steps:,} steps'})"


def find_run(run: Path, directory: Path) -> Path:
    """The run that a person names: by a path, or by its name among the runs of a directory.

    The suffix may be left out. A run in the current folder comes before one of the directory, and
    that before anything else here that has the name. Raises UserError if there is none; the
    sentence says where it was looked for.
    """
    here = existing_run(run)
    if run.name != str(run):  # a path
        return here or find(run)
    kept = existing_run(directory / run)
    is_run = here is not None and (here.name.endswith(RUN_SUFFIX) or is_run_folder(here))
    found = here if is_run else kept or here
    if found is None:
        raise UserError(
            f"no run named {run} in {directory} or in the current folder. See makemore-tui runs"
        )
    return found


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


def remove(directory: Path, names: Sequence[str]) -> list[Path]:
    """Remove runs by their names in a directory, or by path. Returns the files removed. Raises
    UserError if one is none, is open in an explorer (nothing is removed then), or can't be removed.
    """
    paths = [_removable(directory, name) for name in names]
    for path in paths:
        if reason := _remove(path):
            raise UserError(f"{path} can't be removed: {reason}")
    return paths


def set_aside(path: Path) -> Path:
    """Remove a run for the time being: into a hidden folder beside it, which is returned.

    `bring_back` undoes it. A folder that is left is deleted an hour later, when runs are pruned.
    Raises UserError if it is open in an explorer, or can't be moved.
    """
    if is_locked(path):
        raise UserError(f"{run_name(path)} is open in an explorer, so it was not deleted")
    try:
        hidden = Path(tempfile.mkdtemp(prefix=UNFINISHED, dir=path.parent))
        folder = path.with_name(run_name(path))  # of format 2, from which the run was resumed
        path.rename(hidden / path.name)
        if folder != path and is_run_folder(folder):
            folder.rename(hidden / folder.name)
    except OSError as error:
        raise UserError(f"{path} can't be removed: {error.strerror}") from None
    return hidden


def bring_back(hidden: Path) -> None:
    """Undo `set_aside`. Raises UserError if something has taken the run's place."""
    try:
        for path in sorted(hidden.iterdir()):
            if os.path.lexists(back := hidden.parent / path.name):
                raise UserError(f"{back} already exists")
            path.rename(back)
        hidden.rmdir()
    except OSError as error:
        raise UserError(f"{hidden} can't be moved: {error.strerror}") from None


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


def automatic_name(dataset: str) -> str:
    """The name of a run to which nobody has given one: its dataset, in which letters of all scripts
    stay, and the time."""
    stem = "".join("_" if is_acted_on(one) else one for one in Path(dataset).stem)
    stem = re.sub(r"[\x00-,./:-@\[-^`{-\x7f]+", "_", stem)[:_MAX_STEM_LENGTH]
    return f"{stem}-{datetime.now():%Y-%m-%d-%H%M%S}"


def lock_new(directory: Path, dataset: str) -> tuple[Path, RunLock]:
    """The file for a new run without a given name, and the lock that keeps it from others. Raises
    UserError if nothing can be written in the directory."""
    for path in numbered(directory, automatic_name(dataset), RUN_SUFFIX):
        try:
            lock = RunLock(path)
        except UserError:
            if is_locked(path):
                continue
            raise
        if not os.path.lexists(path):
            return path, lock
        lock.release()
    raise AssertionError  # there is always another number


def check_name(name: str) -> None:
    """Raises UserError if a run can't have this name."""
    if not name.strip() or len(name) > _MAX_NAME_LENGTH or any(map(is_acted_on, name)):
        raise UserError(
            f"a run's name has 1 to {_MAX_NAME_LENGTH} visible characters, not {name!r}"
        )
    if name.startswith((".", "-")) or Path(name).name != name or "\\" in name:
        raise UserError("Names may contain letters, digits, spaces, dots, - and _")


def _runs_in(directory: Path) -> list[Path]:
    """Files of runs, and folders for which there is no file of the same name."""
    try:
        with os.scandir(directory) as entries:
            visible = [one for one in entries if not one.name.startswith(".")]
            files = {one.name for one in visible if one.name.endswith(RUN_SUFFIX)}
            folders = {one.name for one in visible if one.is_dir(follow_symlinks=False)}
    except FileNotFoundError:
        return []
    except (OSError, ValueError) as error:
        raise UserError(f"{directory} can't be read: {reason(error)}") from None
    names = files | {name for name in folders if f"{name}{RUN_SUFFIX}" not in files}
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
        model_settings=record.model,
        train_settings=record.train,
        seed=record.seed,
        steps=record.steps,
        best_dev=record.best_dev,
        test_peeks=record.test_peeks,
        named=record.named,
        twin=run_name(Path(record.twin.file)) if record.twin else "",
    )


def _removable(directory: Path, name: str) -> Path:
    """The file or folder of a run that may be removed; errors as for `remove`."""
    if name in ("", ".", "..") or "\0" in name:
        raise UserError(f"{name!r} is not the name of a run. See makemore-tui runs")
    is_name = Path(name).name == name
    path = existing_run(directory / name if is_name else Path(name))
    if path is None or path.is_symlink():
        where = f"named {name} in {directory}" if is_name else f"at {name}"
        raise UserError(f"no run {where}, so nothing was removed. See makemore-tui runs")
    if path.is_dir() and not is_run_folder(path):
        raise UserError(f"{path} is not a run, so it was not removed")
    if not is_name:
        read_record(path)  # which refuses what is no run
    if is_locked(path):
        raise UserError(f"{path} is open in an explorer, so it was not removed")
    return path


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
        return reason(error)
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
