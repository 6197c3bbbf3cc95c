"""The explorer's figures: the whole program in a pseudo-terminal, its bytes read as they come.

There is no terminal emulator in the loop, so what is measured is the explorer alone.
"""

import fcntl
import os
import pty
import random
import re
import select
import signal
import struct
import sys
import tempfile
import termios
import time
from collections.abc import Callable, Iterator
from itertools import cycle, islice

from makemore_tui.core.datasets.dataset import Dataset
from makemore_tui.core.session.session import Session
from makemore_tui.core.settings import TrainSettings
from makemore_tui.core.training.time_slicer import TimeSlicer

from .measure import Row, paired_row

_FIRST_VIEW = "1"
_TRACE = "0"
_EVERY_VIEW = "36475891"  # the keys of the panels, so that each takes the place of another
_SCREENS = (
    (120, 40, _FIRST_VIEW),
    (120, 40, _TRACE),
    (200, 60, _FIRST_VIEW),
    (200, 60, _TRACE),
    (200, 60, _EVERY_VIEW),
)
_NAMES = {_FIRST_VIEW: "", _TRACE: "/trace", _EVERY_VIEW: "/every-view"}
_COMMAND = [sys.executable, "-W", "ignore", "-m", "makemore_tui.tui"]
_STEP = re.compile(rb"step ([\d,]+) ")
_RATES = ["0.1", "0.0562", "0.0316", "0.0178", "0.01", "0.00562", "0.00316", "0.00178", "0.001"]
_HIDDEN = rb"hidden(?:\x1b\[[\d;]*m|\s)+"  # whatever the colour of what follows
_SIZES = (("=", _HIDDEN + b"250"), ("-", _HIDDEN + b"200"))
_LARGE = ("--preset", "tuned")  # 132,675 parameters
_KEEP_A, _KEEP_B = "\x1bOR", "\x1bOS"  # F3 and F4
_PAIRS = (
    ("T", b"Forked"), (_KEEP_B, b"Kept B"), ("u", b"A and B again"), (_KEEP_A, b"Kept A"),
    ("u", b"A and B again"), ("u", b"Undid fork"),
)  # fmt: skip
_PATIENCE = 20.0  # seconds
_WARM_UP = 2.0  # seconds before anything is measured
_SETTLING = 0.5  # seconds
_SLICE_SECONDS = 0.05
_MANY = 10**9  # steps: a run that never finishes
_BURST_GAP = 0.003  # seconds without a byte: the next byte belongs to another frame


def explorer_rows(turns: int, seconds: float, keys: int) -> Iterator[Row]:
    """The explorer at two sizes, with the trace open, and with every view open in turn.

    Steps per second against training without a screen; the time from a key to its effect on the
    screen, to another size of the model, and to the finder's result; processor time of a frame. And
    of a large model, the time from the keys that fork, keep a run and undo to what they say.

    turns: how often explorer and headless training alternate, at least once for each view.
    seconds: of each turn. keys: how many are pressed.
    """
    session = Session(Dataset.load("names"), train=TrainSettings(steps=_MANY))
    for columns, lines, views in _SCREENS:
        name = f"explorer/{columns}x{lines}{_NAMES[views]}"
        explored, headless, latencies = [], [], []
        with Explorer(columns, lines) as explorer:
            for _, view in zip(range(max(turns, len(views))), cycle(views), strict=False):
                explorer.choose(view)
                explored.append(explorer.steps_per_second(seconds))
                explorer.press(" ", b"paused")
                headless.append(_headless_steps_per_second(session, seconds))
                explorer.press(" ", b"training")
            for view in views:
                explorer.choose(view)
                latencies += explorer.latencies(-(-keys // len(views)))
            frame = explorer.frame_milliseconds(10 * seconds)
            resizes = explorer.resizes(keys // 4)
            found = explorer.find_rate()
        yield paired_row(f"{name}/steps", "steps/s", explored, headless, more_is_better=True)
        yield from percentiles(f"{name}/key", latencies)
        yield from percentiles(f"{name}/resize", resizes)
        yield Row(f"{name}/finder", found, "s")
        yield Row(f"{name}/frame", frame, "ms")
    with Explorer(120, 40, *_LARGE) as explorer:
        pairs = explorer.pairs(keys)
    yield from percentiles("explorer/120x40/pair", pairs)


def percentiles(name: str, seconds: list[float]) -> Iterator[Row]:
    """Rows of the 50th, 95th and 99th percentile, in milliseconds."""
    for percent in (50, 95, 99):
        at = min(len(seconds) - 1, len(seconds) * percent // 100)
        yield Row(f"{name}-p{percent}", 1000 * sorted(seconds)[at], "ms")


def _headless_steps_per_second(session: Session, seconds: float) -> float:
    """Training as the command `train` does it, in this process."""
    slicer, first, begun = TimeSlicer(_SLICE_SECONDS), session.step, time.perf_counter()
    while time.perf_counter() < begun + seconds:
        slicer.train(session, _MANY)
    return (session.step - first) / (time.perf_counter() - begun)


class Explorer:
    """The explorer, running in a pseudo-terminal of its own."""

    def __init__(self, columns: int, lines: int, *words: str):
        self._words = words
        self._size = struct.pack("HHHH", lines, columns, 0, 0)
        self._screen = b""
        down = [("[", _number(rate)) for rate in _RATES[1:]]
        up = [("]", _number(rate)) for rate in _RATES[-2::-1]]
        self._turns = cycle(down + up)
        self._place = tempfile.TemporaryDirectory()  # not the person's own runs and settings

    def __enter__(self) -> "Explorer":
        self._pid, self._fd = pty.fork()
        if self._pid == 0:
            fcntl.ioctl(0, termios.TIOCSWINSZ, self._size)
            os.environ.update(TERM="xterm-256color", COLORTERM="truecolor")
            os.environ["MAKEMORE_TUI_RUNS"] = self._place.name
            os.environ["MAKEMORE_TUI_CONFIG"] = f"{self._place.name}/none.toml"
            os.environ.pop("COLUMNS", None)
            os.environ.pop("LINES", None)
            os.execv(_COMMAND[0], [*_COMMAND, *self._words, "--set", f"steps={_MANY}"])
        self._wait(lambda screen: len(_STEP.findall(screen)) > 2)
        self._read_for(_WARM_UP)
        return self

    def __exit__(self, *_: object) -> None:
        os.kill(self._pid, signal.SIGTERM)
        try:
            while os.read(self._fd, 1 << 16):
                pass
        except OSError:
            pass  # the terminal is closed
        os.waitpid(self._pid, 0)
        os.close(self._fd)
        self._place.cleanup()

    def choose(self, view: str) -> None:
        """Show the panel of this key, and wait until it is drawn."""
        os.write(self._fd, view.encode())
        self._read_for(_SETTLING)

    def steps_per_second(self, seconds: float) -> float:
        """From the step that the screen shows, over so many seconds."""
        first, begun = self._next_step()
        self._read_for(seconds)
        last, ended = self._next_step()
        return (last - first) / (ended - begun)

    def latencies(self, keys: int) -> list[float]:
        """Seconds from a key that changes the learning rate to the new rate on the screen."""
        return [self._turn(*one) for one in islice(self._turns, keys)]

    def resizes(self, keys: int) -> list[float]:
        """Seconds from a key that grows or shrinks the model to the new size on the screen."""
        return [self._turn(*one) for one in islice(cycle(_SIZES), keys)]

    def pairs(self, keys: int) -> list[float]:
        """Seconds from a key that forks, keeps a run or undoes to what is said of that."""
        return [self._turn(*one) for one in islice(cycle(_PAIRS), keys)]

    def find_rate(self) -> float:
        """Seconds from the key of the learning-rate finder to its suggestion."""
        seconds = self.press("f", rb"Suggested [\d.]+")
        self.press("\x1b", b"training")
        return seconds

    @property
    def cpu_seconds(self) -> float:
        """Processor time of the explorer's process so far."""
        return _cpu_seconds(self._pid)

    def frame_milliseconds(self, seconds: float) -> float:
        """Processor time of the explorer's process for each burst of output."""
        begun = _cpu_seconds(self._pid)
        bursts = self._read_for(seconds)
        return 1000 * (_cpu_seconds(self._pid) - begun) / max(1, bursts)

    def press(self, key: str, shows: bytes) -> float:
        """Press a key, and wait until the screen shows what matches a pattern; the seconds."""
        self._screen = b""
        begun = time.perf_counter()
        os.write(self._fd, key.encode())
        self.wait_for(shows)
        return time.perf_counter() - begun

    def wait_for(self, shows: bytes) -> None:
        """Wait until what the screen has shown since the last key matches a pattern."""
        self._wait(lambda screen: re.search(shows, screen) is not None)

    def _turn(self, key: str, shows: bytes) -> float:
        self._read_for(random.uniform(0.1, 0.3))
        return self.press(key, shows)

    def _next_step(self) -> tuple[int, float]:
        """The step that the screen shows next, and when."""
        self._screen = b""
        self._wait(lambda screen: _STEP.search(screen) is not None)
        return int(_STEP.findall(self._screen)[-1].replace(b",", b"")), time.perf_counter()

    def _wait(self, shows: Callable[[bytes], bool]) -> None:
        deadline = time.perf_counter() + _PATIENCE
        while not shows(self._screen):
            if not self._read(deadline - time.perf_counter()):
                raise TimeoutError(f"the explorer's screen stood still: {self._screen[-300:]!r}")

    def _read_for(self, seconds: float) -> int:
        """Read what comes; how many bursts it came in."""
        deadline, last, bursts = time.perf_counter() + seconds, 0.0, 0
        while (left := deadline - time.perf_counter()) > 0:
            if self._read(left):
                now = time.perf_counter()
                bursts += now - last > _BURST_GAP
                last = now
        return bursts

    def _read(self, timeout: float) -> bool:
        """Read what is there, or the first to come within the time; whether anything came."""
        if not select.select([self._fd], [], [], max(0.0, timeout))[0]:
            return False
        self._screen = (self._screen + os.read(self._fd, 1 << 16))[-(1 << 18) :]
        return True


def _number(rate: str) -> bytes:
    """What a rate on the screen matches, and no other number."""
    return rb"(?<![\d.])" + re.escape(rate.encode()) + rb"(?!\d)"


def _cpu_seconds(pid: int) -> float:
    """Processor time of a process so far; NaN where there is no /proc to ask."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            fields = file.read().rpartition(")")[2].split()
    except OSError:
        return float("nan")
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
