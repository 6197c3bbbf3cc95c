"""A process that saves runs to one file, over and over, until it is killed."""

import os
import signal
import subprocess
import sys
from pathlib import Path

_SAVING = """
import os
import sys
from pathlib import Path
from makemore_tui.core.runs.checkpoint import read, write
path, *sources = map(Path, sys.argv[1:])
states = [read(source) for source in sources]
for _ in sys.stdin:
    print("saving", flush=True)
    if os.fork() == 0:
        print(os.getpid(), flush=True)
        while True:
            for state in states:
                write(state, path)
    os.wait()
    print("killed", flush=True)
"""


class KilledWriter:
    """Saves the states of some runs in turn to a file; each `start` is a process to be killed.

    The processes are forks of one that has loaded torch and read the runs.
    """

    def __init__(self, path: Path, sources: list[Path]):
        words = [sys.executable, "-c", _SAVING, str(path), *map(str, sources)]
        self._parent = subprocess.Popen(
            words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._child: int | None = None

    def __enter__(self) -> "KilledWriter":
        return self

    def __exit__(self, *_: object) -> None:
        if self._child is not None:
            self.kill()
        self._parent.communicate()

    def start(self) -> None:
        """Start to save, and return as soon as that is under way."""
        assert self._parent.stdin
        self._parent.stdin.write("again\n")
        self._parent.stdin.flush()
        assert self._said() == "saving\n"
        self._child = int(self._said())

    def kill(self) -> None:
        """Kill what saves, and wait until it has ended."""
        assert self._child is not None
        os.kill(self._child, signal.SIGKILL)
        self._child = None
        assert self._said() == "killed\n"

    def _said(self) -> str:
        assert self._parent.stdout
        return self._parent.stdout.readline()
