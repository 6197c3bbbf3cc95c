"""A pair of runs whose worker, then whose explorer, is killed: both runs go on, as a pair."""

import os
import random
import signal
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from makemore_tui.core.errors import UserError
from makemore_tui.core.runs.header import read_record
from makemore_tui.core.session.session import Session
from makemore_tui.core.session.twins import saved_twins
from tests.support.terminal import UNENDING

pytestmark = pytest.mark.skipif(
    os.environ.get("MAKEMORE_TUI_FAULTS") != "long", reason="takes long"
)


def saved_pair(terminal) -> Sequence[Path]:
    """The files of A and of B, once both are there."""
    for path in terminal.saved:
        try:
            if twin := read_record(path).twin:
                return [path, path.with_name(twin.file)]
        except UserError:  # removed meanwhile
            continue
    return []


def fork(terminal):
    """Fork the run, change B, and wait until both are saved."""
    terminal.send("T[")
    terminal.wait_for_text("▸B")
    terminal.wait_for(lambda: saved_pair(terminal))


def test_a_killed_worker_loses_at_most_five_seconds_of_either_run(open_terminal):
    rng = random.Random(5)
    terminal = open_terminal(*UNENDING)
    terminal.wait_for_training()
    fork(terminal)
    for _ in range(20):
        time.sleep(rng.uniform(0, 6))
        begun = time.time()
        files = saved_pair(terminal)
        lost = [begun - path.stat().st_mtime for path in files]
        saved = [read_record(path).steps for path in files]
        os.kill(terminal.worker(), signal.SIGKILL)
        terminal.wait_for_text("starting a new worker")
        terminal.wait_for_text("goes on from step", "▸B")
        terminal.wait_for(lambda saved=saved: terminal.step > max(saved))
        print(f"killed at {saved}, saved {max(lost):.1f} s before")
        assert max(lost) < 5
        terminal.wait_for(
            lambda files=files, begun=begun: all(path.stat().st_mtime > begun for path in files)
        )
    terminal.send("q")
    assert terminal.exit_code() == 0
    assert b"Traceback" not in terminal.written


def test_the_pair_of_a_killed_explorer_opens_as_a_pair(open_terminal, is_alive):
    rng = random.Random(6)
    for _ in range(10):
        terminal = open_terminal(*UNENDING)
        terminal.wait_for_training()
        fork(terminal)
        worker = terminal.worker()
        time.sleep(rng.uniform(0, 6))
        step = terminal.step
        terminal.process.kill()
        terminal.wait_for(lambda worker=worker: not is_alive(worker))
        path = saved_pair(terminal)[0]
        found = saved_twins(Session.load(path), path, read_record(path).twin)
        assert found
        twins = found.twins
        assert min(twins.a.step, twins.b.step) >= step
        assert twins.a.train_settings.learning_rate == 0.1
        assert twins.b.train_settings.learning_rate < 0.1
        terminal.close()
