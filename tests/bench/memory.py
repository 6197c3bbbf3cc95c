"""The memory that reading a file takes, measured in a separate process."""

import re
import subprocess
import sys
from pathlib import Path

_ROOT = Path(__file__).parents[2]
_WORK = """
import sys, time
from pathlib import Path
from makemore_tui.core.datasets.dataset import Dataset
from tests.bench.memory import forget_peak, kilobytes
Dataset.load("names")  # so that modules loaded with a first dataset are not counted
forget_peak()
before = kilobytes("VmRSS")
dataset = Dataset(Path(sys.argv[1]))
peak = kilobytes("VmHWM") - before
begun = time.perf_counter()
dataset.split("train")
print(peak * 1024, time.perf_counter() - begun)
"""


def read_in_a_process(path: Path) -> tuple[float, float]:
    """Peak bytes per character while a file is read as a dataset, and the seconds to split it.

    Memory that torch takes is not counted. The bytes are NaN on a system without /proc.
    """
    command = [sys.executable, "-W", "ignore", "-c", _WORK, str(path.resolve())]
    done = subprocess.run(command, cwd=_ROOT, capture_output=True, text=True, check=True)
    peak, seconds = map(float, done.stdout.split())
    return peak / len(path.read_text(encoding="utf-8")), seconds


def forget_peak() -> None:
    """Reset this process's memory peak."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return


def kilobytes(what: str) -> float:
    """A line of /proc/self/status: VmRSS is the memory in use, VmHWM its peak."""
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        return float("nan")
    found = re.search(rf"{what}:\s+(\d+) kB", status)
    return float(found[1]) if found else float("nan")
