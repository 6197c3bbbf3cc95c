"""The real program in a real pseudo-terminal: keys are sent, the screen is read back."""

import fcntl
import os
import pty
import re
import select
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pyte

PATIENCE = 30  # seconds, after which a test gives up
# It never finishes, and trains at a pace that leaves the processor to other tests.
UNENDING = ("--set", "steps=1000000000", "--speed", "300")
_TAKE_TERMINAL = (
    "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); "
    "os.execv(sys.executable, [sys.executable, '-m', *sys.argv[1:]])"
)


class Terminal:
    """A terminal in which the program runs. runs: where it keeps its runs.

    has_worker: False for a made engine in place of the worker, where only the screen matters.
    """

    def __init__(
        self,
        *words: str,
        size: tuple[int, int] = (120, 40),
        cwd: Path | None = None,
        has_worker: bool = True,
        **env: str,
    ):
        program = "makemore_tui.tui" if has_worker else "tests.support.without_worker"
        self._screen = pyte.Screen(*size)
        self._stream = pyte.ByteStream(self._screen)
        self.written = bytearray()
        self._fed, self._text = 0, ""
        self.runs = Path(tempfile.mkdtemp())
        self._master, self._terminal = pty.openpty()
        self.resize(*size)
        self.process = subprocess.Popen(
            [sys.executable, "-c", _TAKE_TERMINAL, program, *words],
            stdin=self._terminal,
            stdout=self._terminal,
            stderr=self._terminal,
            start_new_session=True,
            cwd=cwd,
            env={**_environment(), "MAKEMORE_TUI_RUNS": str(self.runs), **env},
        )
        self._ended = threading.Event()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def text(self) -> str:
        """What is on the screen."""
        unread, self._fed = self.written[self._fed :], len(self.written)
        if unread or not self._text:
            self._stream.feed(bytes(unread))
            self._text = "\n".join(self._screen.display)
        return self._text

    @property
    def step(self) -> int:
        """The step that the first line shows."""
        found = re.search(r"step ([\d,]+)", self.text)
        return int(found[1].replace(",", "")) if found else -1

    def value(self, name: str) -> str:
        """What the controls show of a setting."""
        found = re.search(rf"│ {name}\s+(\S.*?)\s+│", self.text)
        return found[1] if found else ""

    @property
    def is_restored(self) -> bool:
        """Whether the cursor, the first screen and the line editing are back."""
        modes = termios.tcgetattr(self._terminal)[3]
        return (
            self.written.rfind(b"\x1b[?25h") > self.written.rfind(b"\x1b[?25l")
            and self.written.rfind(b"\x1b[?1049l") >= self.written.rfind(b"\x1b[?1049h")
            and self.written.rfind(b"\x1b[?1000l") >= self.written.rfind(b"\x1b[?1000h")
            and modes & termios.ECHO != 0
            and modes & termios.ICANON != 0
        )

    @property
    def workers(self) -> list[int]:
        """The processes that the program has started."""
        return [pid for pid, parent in living_processes() if parent == self.pid]

    def worker(self) -> int:
        """The one worker, once it runs."""
        self.wait_for(lambda: len(self.workers) == 1)
        return self.workers[0]

    @property
    def saved(self) -> list[Path]:
        """The files of the runs that it has saved."""
        return list(self.runs.glob("[!.]*.safetensors"))

    def send(self, keys: str) -> None:
        os.write(self._master, keys.encode())

    def resize(self, width: int, height: int) -> None:
        size = struct.pack("HHHH", height, width, 0, 0)
        fcntl.ioctl(self._terminal, termios.TIOCSWINSZ, size)
        self._screen.resize(height, width)
        self._text = ""

    def wait_for(self, condition: Callable[[], object], patience: float = PATIENCE) -> None:
        """Wait for a state."""
        give_up = time.monotonic() + patience
        while not condition():
            assert time.monotonic() < give_up, f"never came about; the screen:\n{self.text}"
            time.sleep(0.03)

    def wait_for_text(self, *texts: str) -> None:
        self.wait_for(lambda: all(text in self.text for text in texts))

    def wait_for_training(self) -> None:
        self.wait_for(lambda: self.step > 0 and "training" in self.text)

    def save(self) -> None:
        """Let it save its run, which it does as soon as it is paused, and train on."""
        self.send(" ")
        self.wait_for_text("paused")
        self.wait_for(lambda: self.saved)
        self.send(" ")
        self.wait_for_training()

    def exit_code(self) -> int:
        """The program's exit code, once it has ended and all that it wrote is read."""
        code = self.process.wait(PATIENCE)
        self._hang_up_reader()
        return code

    def hang_up(self) -> None:
        """Close the terminal, as a person closes a window."""
        self._hang_up_reader()
        if self._master >= 0:
            os.close(self._master)
            os.close(self._terminal)
            self._master = -1

    def close(self) -> None:
        """End everything that is left."""
        left = [*self.workers, *([self.pid] if self.process.poll() is None else [])]
        for pid in left:
            os.kill(pid, signal.SIGKILL)
        self.process.wait(PATIENCE)
        self.hang_up()
        shutil.rmtree(self.runs, ignore_errors=True)

    def _hang_up_reader(self) -> None:
        self._ended.set()
        self._reader.join()

    def _read(self) -> None:
        """Read what the program writes, so that it never waits; to the end of it."""
        while True:
            is_last = self._ended.is_set()
            while select.select([self._master], [], [], 0 if is_last else 0.05)[0]:
                self.written += os.read(self._master, 1 << 16)
            if is_last:
                return


def _environment() -> dict[str, str]:
    """This process's environment, as a person's terminal has it."""
    unwanted = ("NO_COLOR", "COLUMNS", "LINES", "TEXTUAL", "FORCE_COLOR")
    kept = {k: v for k, v in os.environ.items() if not k.startswith(unwanted)}
    return {**kept, "TERM": "xterm-256color", "COLORTERM": "truecolor"}


def living_processes() -> list[tuple[int, int]]:
    """Every living process with its parent."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, parent = path.read_text().rsplit(") ", 1)[1].split()[:2]
        except OSError:  # it has just ended
            continue
        if state != "Z":
            found.append((int(path.parent.name), int(parent)))
    return found
