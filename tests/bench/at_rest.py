"""What an explorer at rest costs: the share of a core that its two processes take.

`python -m tests.bench.at_rest [--seconds 20]` runs the program at 200x60, paused and then finished,
and shows every panel in turn. A share of more than 1 % ends it with exit code 1.
"""

import argparse
import os
import sys
import time
from pathlib import Path

from tests.support.terminal import Terminal

SIZE = (200, 60)
VIEWS = {"1": "loss", "2": "settings", "3": "bigrams", "4": "names", "5": "splits",
         "6": "embedding", "7": "probe", "8": "health", "9": "runs", "0": "trace"}  # fmt: skip
STATES = {"paused": "steps=1000000000", "finished": "steps=3000"}
MAX_SHARE = 0.01
_SETTLING = 4.0  # seconds, in which what is drawn and saved once is drawn and saved


def cpu_seconds(pid: int) -> float:
    """The processor time of a process so far, its own and the system's for it."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def share_at_rest(terminal: Terminal, seconds: float) -> tuple[float, float]:
    """The shares of a core that the explorer's process and its worker take."""
    pids = (terminal.pid, terminal.worker())
    before = [cpu_seconds(pid) for pid in pids]
    time.sleep(seconds)
    explorer, worker = (
        (cpu_seconds(pid) - then) / seconds for pid, then in zip(pids, before, strict=True)
    )
    return explorer, worker


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=20.0)
    seconds, highest = parser.parse_args().seconds, 0.0
    for state, steps in STATES.items():
        terminal = Terminal("--set", steps, size=SIZE)
        try:
            terminal.wait_for_training()
            if state == "paused":
                terminal.send(" ")
            terminal.wait_for_text(state)
            for key, name in VIEWS.items():
                terminal.send(key)
                time.sleep(_SETTLING)
                explorer, worker = share_at_rest(terminal, seconds)
                highest = max(highest, explorer + worker)
                print(f"{state:9} {name:10} {explorer:6.2%} and {worker:6.2%}", flush=True)
        finally:
            terminal.close()
    print(f"the highest together: {highest:.2%}")
    return int(highest > MAX_SHARE)


if __name__ == "__main__":
    sys.exit(main())
