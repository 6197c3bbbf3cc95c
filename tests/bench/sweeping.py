"""The figures of sweeps: what they cost beside the training, and the explorer beside them."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from msgspec.structs import replace

from makemore_tui.core.datasets.dataset import Dataset
from makemore_tui.core.presets import PRESETS
from makemore_tui.core.run_spec import RunSpec
from makemore_tui.core.session.session import Session
from makemore_tui.core.settings import TrainSettings
from makemore_tui.core.sweep.files import StudyFiles
from makemore_tui.core.sweep.messages import Snapshot, Start, Trial
from makemore_tui.core.sweep.ranges import parse_ranges
from makemore_tui.tui.client.sweep import SweepProcess

from .explorer import Explorer, percentiles
from .measure import Row, paired_row, seconds_of

_OVER = ("learning_rate=0.003..0.1:log", "dropout=0..0.4")
_TRIALS = 100
_MANY = 1000  # trials of a large study
_LOOP = "from tests.bench.sweeping import plain_loop; plain_loop()"
_PACKAGES = Path(__file__).parents[2]


def sweep_rows(rounds: int, keys: int, refreshes: int) -> Iterator[Row]:
    """100 trials of `fast` on two workers against one loop, whole processes both, alternately; key
    to screen while a sweep runs on one core; a study of 1,000 trials on the sweep screen.

    rounds: of sweep and loop. keys: how many are pressed. refreshes: of the large study.
    """
    with tempfile.TemporaryDirectory() as place:
        os.environ["MAKEMORE_TUI_SWEEPS"] = place
        pairs = [_sweep_and_loop(Path(place), f"bench{i}") for i in range(rounds)]
        ours, theirs = zip(*pairs, strict=True)
        yield paired_row(f"sweep/{_TRIALS}-trials", "s", list(ours), list(theirs))
        yield from percentiles("sweep/beside/key", _latencies_beside(keys))
        yield from _large_study(Path(place), refreshes)


def plain_loop() -> None:
    """Train the runs whose specs are the lines of standard input, and print their dev losses."""
    import torch

    torch.set_num_threads(1)
    dataset, losses = Dataset.load("names"), []
    for line in sys.stdin:
        spec = RunSpec.parse(line.strip())
        session = Session(dataset, spec.model, spec.train, spec.seed)
        session.train(spec.train.steps)
        losses.append(session.evaluate("dev").loss)
    print(json.dumps(losses))


def _sweep_and_loop(directory: Path, name: str) -> tuple[float, float]:
    """Seconds of the command, and of the loop that trains the same; the losses are equal."""
    words = ["sweep", "--preset", "fast", "--no-prune", "--name", name, "--run-dir", directory]
    words += ["--trials", _TRIALS, "--workers", 2, "--over", _OVER[0], "--over", _OVER[1]]
    command = [sys.executable, "-m", "makemore_tui.tui", *map(str, words)]
    ours = seconds_of(lambda: subprocess.run(command, check=True, stdout=subprocess.DEVNULL))
    rows = StudyFiles(directory, name).read().rows
    specs, printed = "\n".join(row.spec for row in rows), []

    def loop() -> None:
        command = [sys.executable, "-c", _LOOP]
        done = subprocess.run(
            command, check=True, input=specs, capture_output=True, text=True, cwd=_PACKAGES
        )
        printed.append(json.loads(done.stdout))

    theirs = seconds_of(loop)
    assert printed == [[row.value for row in rows]]
    return ours, theirs


def _latencies_beside(keys: int) -> list[float]:
    """Seconds from key to screen while a sweep with one worker runs."""
    preset = PRESETS["scaled"]
    spec = RunSpec("names", False, preset.model, TrainSettings(steps=10**8))
    start = Start("beside", str(spec), parse_ranges(_OVER, spec), prunes=False)
    with closing(SweepProcess(start)) as process, Explorer(120, 40) as explorer:
        process.wait_until_open()
        time.sleep(2)  # while its worker loads torch
        return explorer.latencies(keys)


def _large_study(directory: Path, refreshes: int) -> Iterator[Row]:
    """Seconds from `S` to a large study's leaderboard; processor time of showing it anew."""
    preset = PRESETS["fast"]
    spec = RunSpec("names", False, preset.model, preset.train)
    rows = tuple(
        Trial(i, "done", {"learning_rate": 0.003 + i / 1e4, "dropout": i % 40 / 100}, str(spec),
              2.1 + (i * 7 % _MANY) / _MANY, 400, 400, "", 0.2)
        for i in range(_MANY)
    )  # fmt: skip
    snapshot = Snapshot("large", "running", str(spec), parse_ranges(_OVER, spec), 2 * _MANY)
    files = StudyFiles(directory, "large")
    files.lock()
    files.write(replace(snapshot, rows=rows))
    with Explorer(120, 40) as explorer:
        explorer.press(" ", b"paused")
        yield Row("sweep/1,000-trials/opens", explorer.press("S", b"1,000 of 2,000"), "s")
        begun = explorer.cpu_seconds
        for i in range(1, refreshes + 1):
            files.write(replace(snapshot, rows=rows[:-i]))
            explorer.wait_for(f"{_MANY - i} of 2,000".encode())
        cost = 1000 * (explorer.cpu_seconds - begun) / refreshes
        yield Row("sweep/1,000-trials/refresh", cost, "ms")
    files.unlock()
