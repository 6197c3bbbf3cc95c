"""Thousands of random keys, clicks and changes of the terminal's size, with a fixed seed."""

import contextlib
import random
import subprocess
import time
from pathlib import Path

import pytest

from tests.support.terminal import UNENDING

KEYS = [
    *"[]{}-=,.;'bBwWxXmokrRstglLazuUefvyOdcCYi/()123456789?? \t\x13",  # \x13 is ctrl+s
    *(f"\x1b[{letter}" for letter in "ABCDHFZ"),  # arrows, home, end, shift+tab
    *("\r", "\x1b", "\x1b", "\x7f", "\x1b[5~", "\x1b[6~", "\x1b[15~", "é", "漢"),
]
SIZES = [(120, 40), (200, 60), (80, 24), (100, 30), (20, 5), (61, 17), (1, 1), (140, 50)]
SHORT, LONG, SETTLED = 1200, 5000, 600  # acts
MAX_GROWTH = 20  # MB
UNDO = 256  # MB that the states before edits may take in the worker
COMMANDS = ["zoom", "baseline", "smoothing", "theme", "bigram", "x"]


def mouse(rng, size):
    """A press and release, or a turn of the wheel, somewhere."""
    x, y = rng.randint(1, size[0]), rng.randint(1, size[1])
    if y == size[1]:  # the footer, which has "quit" at its end
        x, y = (min(x, 60), y) if size[0] >= 100 else (x, max(1, y - 1))
    if rng.random() < 0.3:
        return f"\x1b[<{rng.choice([64, 65])};{x};{y}M"
    return f"\x1b[<0;{x};{y}M\x1b[<0;{x};{y}m"


def palette(terminal, rng):
    """Search the commands, run one or none, and out of there."""
    terminal.send("\x10" + rng.choice(COMMANDS))
    time.sleep(0.1)
    for key in rng.choice(["\r", ""]) + "\x1b":
        terminal.send(key)
        time.sleep(0.1)


def megabytes(pid):
    """The memory that a process holds."""
    status = Path(f"/proc/{pid}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


def leave(terminal):
    """Out of whatever is open, one key at a time, as a person would: what is behind `escape` in one
    piece is read as alt with a key, and there may be keys that are not read yet."""
    for key in "\x1bq" * 30:
        if terminal.process.poll() is not None:
            return
        terminal.send(key)
        with contextlib.suppress(subprocess.TimeoutExpired):
            terminal.process.wait(0.5)


@pytest.mark.parametrize("seed", [1])
def test_nothing_that_is_pressed_does_harm(open_terminal, is_alive, many, tmp_path, seed):
    rng = random.Random(seed)
    terminal = open_terminal(
        *UNENDING,
        cwd=tmp_path,  # where pictures go
        MAKEMORE_TUI_CONFIG=str(tmp_path / "config.toml"),
    )
    terminal.wait_for_training()
    worker, size, settled = terminal.worker(), SIZES[0], (0.0, 0.0)
    for act in range(many(SHORT, LONG)):
        kind = rng.random()
        if kind < 0.01:
            size = rng.choice(SIZES)
            terminal.resize(*size)
        elif kind < 0.08:
            terminal.send(mouse(rng, size))
        elif kind < 0.082:
            palette(terminal, rng)
        else:
            terminal.send(rng.choice(KEYS))
        if act % 10 == 0:
            time.sleep(0.02)  # a person's pace, nearly; the program answers in between
            assert terminal.process.poll() is None, terminal.written[-4000:].decode(
                errors="replace"
            )
        if act == SETTLED:
            settled = megabytes(terminal.pid), megabytes(worker)
    terminal.resize(120, 40)
    terminal.wait_for(lambda: terminal.workers == [worker])
    terminal.wait_for_text("makemore-tui")
    assert megabytes(terminal.pid) < settled[0] + MAX_GROWTH
    # Between steps, that is: one of a batch of all examples takes some hundred for a moment.
    terminal.wait_for(lambda: megabytes(worker) < settled[1] + MAX_GROWTH + UNDO)
    leave(terminal)
    assert terminal.exit_code() == 0
    assert terminal.is_restored
    assert not is_alive(worker)
