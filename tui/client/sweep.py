"""The explorer's and the command line's side of a sweep: start its process, notice its end."""

import contextlib
import subprocess
import sys
import tempfile

import msgspec

from makemore_tui.core.errors import UserError
from makemore_tui.core.sweep.messages import Failed, Start, reply_of, to_line

_SECONDS_TO_END = 10.0  # to give trials back in


class SweepProcess:
    """A sweep that this process has started. What it finds is read, and asked of it, by
    `core.sweep.files.StudyFiles`.

    It ends when it has no trials left, when `stop` is called or, unless it is detached, when this
    process ends, whatever the reason.
    """

    def __init__(self, start: Start):
        """Start it; `wait_until_open` tells whether that went well."""
        self._is_detached = start.detached
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115  (closed with this object)
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "makemore_tui.core.sweep"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            start_new_session=True,  # so that ctrl+c is this process's alone
        )
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):  # its end is noticed by wait_until_open
            self._process.stdin.write(to_line(start))
            self._process.stdin.flush()

    def wait_until_open(self) -> None:
        """Wait until the study is open. Raises UserError if it can't be, or the process died."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        try:
            reply = reply_of(line)
        except msgspec.MsgspecError:
            self._process.wait()
            raise UserError(self.problem or "the sweep ended without a word") from None
        if isinstance(reply, Failed):
            self._process.wait()
            raise UserError(reply.why)

    @property
    def is_running(self) -> bool:
        """True until the process has ended."""
        return self._process.poll() is None

    @property
    def problem(self) -> str:
        """What a process that died said last; "" if it runs, or ended as it should."""
        if not self._process.poll():
            return ""
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").strip().splitlines()
        return f"the sweep stopped: {lines[-1] if lines else f'code {self._process.returncode}'}"

    def stop(self) -> None:
        """End it, unless it is detached; it gives back the trials that are running."""
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        if not self._is_detached:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(_SECONDS_TO_END)

    def close(self) -> None:
        """End it, unless it is detached, and forget it."""
        self.stop()
        assert self._process.stdout is not None
        self._process.stdout.close()
        self._errors.close()
