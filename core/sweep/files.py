"""Where sweeps are: the files of a study, by which it is followed and steered. Torch-free."""

import contextlib
import os
from importlib.util import find_spec
from pathlib import Path

import msgspec
import platformdirs
from filelock import FileLock, Timeout

from ..atomic import cannot_write, write_atomically
from ..errors import UserError
from ..paths import expanded
from .messages import Command, Snapshot, to_line

_VARIABLE = "MAKEMORE_TUI_SWEEPS"
_SNAPSHOT = ".json"
_LOCK_SECONDS = 1.0
_NETWORK = ("nfs", "nfs4", "cifs", "smb3", "smbfs", "afs", "ceph", "glusterfs", "lustre",
            "fuse.sshfs", "fuse.glusterfs")  # fmt: skip
_POSTGRES = "postgresql+psycopg://"
_MOUNTS = Path("/proc/mounts")


def sweeps_directory() -> Path:
    """The directory of sweeps: MAKEMORE_TUI_SWEEPS, or beside the runs in the user's data."""
    default = Path(platformdirs.user_data_dir("makemore-tui")) / "sweeps"
    return expanded(os.environ.get(_VARIABLE) or default)


def study_names(directory: Path) -> list[str]:
    """The studies that have a snapshot in a directory, the newest first."""
    with contextlib.suppress(OSError):
        files = [path for path in directory.glob(f"*{_SNAPSHOT}") if path.name[0] != "."]
        files.sort(key=lambda path: path.stat().st_mtime, reverse=True)
        return [path.name.removesuffix(_SNAPSHOT) for path in files]
    return []


class StudyFiles:
    """The files of one study: its database, its newest snapshot, and the commands to it."""

    def __init__(self, directory: Path, study: str):
        """Nothing is read or written yet."""
        self.database: Path = directory / f"{study}.sqlite3"
        self.snapshot: Path = directory / f"{study}{_SNAPSHOT}"
        self.commands: Path = directory / f"{study}.commands"
        self.study: str = study
        self._lock = FileLock(directory / f".{study}.lock", blocking=False)
        self._taken = 0  # bytes of the commands

    def lock(self) -> None:
        """Make this process the one that runs the study here.

        Raises UserError if another does, or if nothing can be written, or not safely.
        """
        directory = self.database.parent
        check_is_local(directory)
        try:
            directory.mkdir(parents=True, exist_ok=True)
            self._lock.acquire(timeout=_LOCK_SECONDS)  # for a client may just have tried it
            self.commands.unlink(missing_ok=True)
        except Timeout:
            raise UserError(f"the sweep {self.study} is running already") from None
        except OSError as error:
            raise cannot_write(directory, error) from None

    def unlock(self) -> None:
        """Let another process run the study."""
        self._lock.release()

    @property
    def is_running(self) -> bool:
        """True if a process runs this study here."""
        if self._lock.is_locked:
            return True
        with contextlib.suppress(Timeout, OSError):
            self._lock.acquire()
            self._lock.release()
            return False
        return self.database.parent.exists()

    def read(self) -> Snapshot:
        """The newest snapshot. One that a killed sweep left says "stopped".

        Raises UserError if there is none.
        """
        try:
            snapshot = msgspec.json.decode(self.snapshot.read_bytes(), type=Snapshot)
        except FileNotFoundError:
            raise UserError(f"no sweep named {self.study} in {self.snapshot.parent}") from None
        except (OSError, msgspec.MsgspecError) as error:
            raise UserError(f"{self.snapshot} can't be read: {error}") from None
        if snapshot.state == "running" and not self.is_running:
            return snapshot.stopped()
        return snapshot

    def write(self, snapshot: Snapshot) -> None:
        """Replace the snapshot; raises UserError if it can't be written."""
        write_atomically(self.snapshot, to_line(snapshot))

    def command(self, command: Command) -> None:
        """Ask something of the sweep. Raises UserError if that can't be written."""
        try:
            with open(self.commands, "ab", buffering=0) as file:
                file.write(to_line(command))
        except OSError as error:
            raise cannot_write(self.commands, error) from None

    def new_commands(self) -> list[Command]:
        """What was asked for since the last call; lines that are no command are left out."""
        try:
            with open(self.commands, "rb") as file:
                file.seek(self._taken)
                lines = file.read().splitlines(keepends=True)
        except OSError:
            return []
        found = []
        for line in lines:
            if line.endswith(b"\n"):  # or it is still being written
                self._taken += len(line)
                with contextlib.suppress(msgspec.MsgspecError):
                    found.append(msgspec.json.decode(line, type=Command))
        return found


def check_installed(*packages: str) -> None:
    """Raises UserError unless some packages of the extra `sweep` are installed."""
    for package in packages:
        if find_spec(package) is None:
            raise UserError(f"sweeps need {package}: pip install 'makemore-tui[sweep]'")


def postgres_url(url: str) -> str:
    """The URL of a PostgreSQL database, with the driver that is used. Raises UserError for that of
    another database, or if the driver is not installed."""
    scheme, separator, rest = url.partition("://")
    if not separator or scheme not in ("postgresql", "postgres", "postgresql+psycopg"):
        right, wrong = f"{_POSTGRES}USER@HOST/DATABASE", url.split("@")[-1]  # no password
        raise UserError(f"--storage must be {right}, not {wrong}")
    check_installed("psycopg")
    return f"{_POSTGRES}{rest}"


def check_is_local(path: Path) -> None:
    """Raises UserError if a path is on a network file system, on which SQLite is not safe."""
    kind, mount = _file_system(path)
    if kind in _NETWORK:
        raise UserError(
            f"{path} is on a network file system ({kind} at {mount}), where SQLite can lose data; "
            f"{_VARIABLE} can name a local folder, and --storage a PostgreSQL database"
        )


def _file_system(path: Path) -> tuple[str, Path]:
    """The kind of file system that a path is on, and where it is mounted; "" if unknown."""
    real, found = Path(os.path.realpath(path)), ("", Path("/"))
    with contextlib.suppress(OSError):
        for line in _MOUNTS.read_text().splitlines():
            _, mount, kind, *_ = line.split()
            at = Path(mount.encode().decode("unicode_escape"))  # a space is \040
            if real.is_relative_to(at) and len(at.parts) >= len(found[1].parts):
                found = kind, at
    return found
