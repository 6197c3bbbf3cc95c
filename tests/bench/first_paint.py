"""The time from starting the explorer to its first frame, against a Textual app of one line.

Run alone: `python -m tests.bench.first_paint`.
"""

import fcntl
import os
import pty
import select
import signal
import struct
import sys
import tempfile
import termios
import time
from collections.abc import Iterator

from .measure import Row, paired_row

_SIZE = struct.pack("HHHH", 40, 120, 0, 0)
_TEXT = "a line of text"
_BARE_APP = f"""
from textual.app import App
from textual.widgets import Static

class Bare(App):
    def compose(self):
        yield Static("{_TEXT}")

Bare().run()
"""
_BARE = ["-W", "ignore", "-c", _BARE_APP], _TEXT.encode()
_EXPLORER = ["-W", "ignore", "-m", "makemore_tui.tui"], "╯".encode()  # a panel, to its last corner
_PATIENCE = 30.0  # seconds


def first_paint_rows(rounds: int = 7) -> Iterator[Row]:
    """The two started in turn, `rounds` times each after one that warms the disk's cache."""
    _first_paint(*_EXPLORER)
    _first_paint(*_BARE)
    pairs = [(_first_paint(*_EXPLORER), _first_paint(*_BARE)) for _ in range(rounds)]
    ours, theirs = ([1000 * seconds for seconds in one] for one in zip(*pairs, strict=True))
    yield paired_row("explorer/first-paint", "ms", ours, theirs)


def _first_paint(arguments: list[str], mark: bytes) -> float:
    """Seconds from the start of a program, in a terminal of its own, to a mark in its output."""
    with tempfile.TemporaryDirectory() as place:
        begun = time.perf_counter()
        pid, terminal = pty.fork()
        if pid == 0:
            fcntl.ioctl(0, termios.TIOCSWINSZ, _SIZE)
            os.environ.update(TERM="xterm-256color", COLORTERM="truecolor")
            os.environ["MAKEMORE_TUI_RUNS"] = place
            os.environ["MAKEMORE_TUI_CONFIG"] = f"{place}/none.toml"
            for name in ("COLUMNS", "LINES", "PYTHONDONTWRITEBYTECODE"):
                os.environ.pop(name, None)  # so that the bytecode is compiled, as pip does it
            os.execv(sys.executable, [sys.executable, *arguments])
        try:
            _read_until(terminal, mark)
            return time.perf_counter() - begun
        finally:
            _end(pid, terminal)


def _read_until(terminal: int, mark: bytes) -> None:
    written = b""
    while mark not in written:
        if not select.select([terminal], [], [], _PATIENCE)[0]:
            raise TimeoutError(f"{mark.decode()!r} never came: {written.decode(errors='replace')}")
        written += os.read(terminal, 1 << 16)


def _end(pid: int, terminal: int) -> None:
    os.kill(pid, signal.SIGTERM)
    try:
        while os.read(terminal, 1 << 16):
            pass
    except OSError:  # it has ended
        pass
    os.close(terminal)
    os.waitpid(pid, 0)


if __name__ == "__main__":
    from .__main__ import line_of

    for row in first_paint_rows():
        print(line_of(row))
