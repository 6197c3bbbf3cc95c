"""The explorer's side of the worker: start it, ask it, notice its end."""

import contextlib
import pickle
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from typing import IO, Protocol

from msgspec import Struct
from msgspec.structs import replace

from makemore_tui.core.worker.protocol import (
    ENDED_LATE,
    Reply,
    Request,
    Saved,
    Snapshot,
    Start,
    Unsaved,
)

_SECONDS_TO_END = 1.8  # which is more than the worker allows itself
_SECONDS_TO_READ = 0.2  # what it has said last


class WorkerDied(Struct, frozen=True):
    """The worker ended by itself; `why` says in words what is known.

    was_killed: by a signal, which is no fault of its own.
    """

    why: str
    was_killed: bool = False


Deliver = Callable[[Reply | WorkerDied], None]


class Engine(Protocol):
    """What the explorer talks to: the worker, or a stand-in in a test."""

    def start(self, deliver: Deliver, after: Snapshot | None = None) -> None:
        """Begin, handing every reply to `deliver`, perhaps in another thread.

        after: the last snapshot of an engine that has ended, to go on from what it had saved.
        """

    def send(self, request: Request) -> None:
        """Send a request; it is lost if there is no worker."""

    def close(self) -> None:
        """End the worker, which saves its run; within two seconds."""


class WorkerEngine:
    """The worker process, spoken to over its standard input and output.

    It is a fresh Python process, not a fork, so it can be started from inside the running app:
    once the first screen is painted, which loading torch at the same time would delay. It ends when
    its input is closed, which happens whatever becomes of this process.

    saved: once it has been closed, the file in which its run is, or "".
    unsaved: once it has been closed, why its run could not be saved, if that was so.
    """

    def __init__(self, start: Start):
        self._start = start
        self._process: subprocess.Popen | None = None
        self._receiver: threading.Thread | None = None
        self._has_begun = False
        self._closing = threading.Lock()  # whoever closes second waits until all is known
        self.saved = ""
        self.unsaved: str | None = None

    def start(self, deliver: Deliver, after: Snapshot | None = None) -> None:
        self.close()
        self._has_begun, self.saved, self.unsaved = False, "", None
        errors = tempfile.TemporaryFile()  # noqa: SIM115  (closed by the thread)
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "makemore_tui.core.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
        )
        self._process = process
        passed = (process, errors, deliver)
        self._receiver = threading.Thread(target=self._receive, args=passed, daemon=True)
        self._receiver.start()
        self.send(_continued(self._start, after) if after else self._start)

    def send(self, request: Request) -> None:
        if self._process and self._process.stdin:
            with contextlib.suppress(OSError, ValueError):  # its end is noticed by _receive
                pickle.dump(request, self._process.stdin)
                self._process.stdin.flush()

    def close(self) -> None:
        with self._closing:
            process, self._process = self._process, None
            if process is None or process.stdin is None:
                return
            with contextlib.suppress(OSError):
                process.stdin.close()
            try:
                is_late = process.wait(_SECONDS_TO_END) == ENDED_LATE
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                is_late = True
            if is_late and self._has_begun:
                self.unsaved = "the worker did not end in time"
            if self._receiver is not None:
                self._receiver.join(_SECONDS_TO_READ)

    def _receive(self, process: subprocess.Popen, errors: IO[bytes], deliver: Deliver) -> None:
        """Pass replies on until the worker's output ends; then say why, unless it was closed."""
        assert process.stdout is not None
        with process.stdout, errors:
            with contextlib.suppress(EOFError, OSError, ValueError, pickle.UnpicklingError):
                while True:
                    reply = pickle.load(process.stdout)
                    self._has_begun |= isinstance(reply, Snapshot)
                    match reply:
                        case Unsaved(why):
                            self.unsaved = why
                        case Saved(path):
                            self.saved = path
                        case _:
                            deliver(reply)
            code = process.wait()
            if process is self._process:
                errors.seek(0)
                lines = errors.read().decode(errors="replace").strip().splitlines()
                why = f"stopped: {lines[-1]}" if lines else f"stopped with code {code}"
                if code < 0:
                    why = f"was ended by signal {-code}"
                deliver(WorkerDied(f"The worker {why}", was_killed=code < 0))


def _continued(start: Start, after: Snapshot) -> Start:
    """How to begin where another worker was: with the run that it saved, or that run's settings."""
    return replace(
        start,
        spec=after.spec,
        resume=after.saving.folder or None if after.saving else None,
        paused=after.state != "training",
        speed_limit=after.speed_limit,
    )
