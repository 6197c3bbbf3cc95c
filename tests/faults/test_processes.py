"""The worker, or the explorer, killed at random moments while it trains."""

import os
import random
import re
import signal
import time

from makemore_tui.core.runs.checkpoint import read
from makemore_tui.core.runs.header import read_record
from tests.support.terminal import UNENDING


def saved_steps(terminal):
    """How far the run is that the program keeps."""
    return read_record(*terminal.saved).steps


def test_a_worker_killed_at_any_moment_is_followed_by_one_that_goes_on(
    open_terminal, is_alive, many
):
    rng = random.Random(3)
    terminal = open_terminal(*UNENDING)
    terminal.wait_for_training()
    terminal.save()
    trains_since = 0.0
    for _ in range(many(1, 50)):
        time.sleep(rng.uniform(0, 6))
        (killed,) = terminal.workers
        saved = saved_steps(terminal)
        lost = time.time() - max(terminal.saved[0].stat().st_mtime, trains_since)
        os.kill(killed, signal.SIGKILL)
        terminal.wait_for_text("The worker was ended by signal 9 · starting a new worker")
        terminal.wait_for_text("goes on from step")
        found = re.search(r"goes on from step ([\d,]+)", terminal.text)
        assert found
        begun = int(found[1].replace(",", ""))
        print(f"from step {begun:,}, which loses {lost:.1f} s of training")
        assert begun >= saved
        terminal.wait_for(lambda begun=begun: terminal.step > begun)
        trains_since = time.time()
        assert terminal.process.poll() is None
    worker = terminal.worker()
    terminal.send("q")
    assert terminal.exit_code() == 0
    assert not is_alive(worker)
    assert b"Traceback" not in terminal.written


def test_an_explorer_killed_at_any_moment_leaves_no_worker_and_its_run_opens(
    open_terminal, is_alive, many
):
    rng = random.Random(4)
    for _ in range(many(1, 50)):
        terminal = open_terminal(*UNENDING)
        terminal.wait_for_training()
        worker = terminal.worker()
        time.sleep(rng.uniform(0, 6))
        step = terminal.step
        terminal.process.kill()
        killed = time.monotonic()
        terminal.wait_for(lambda worker=worker: not is_alive(worker))
        print(f"the worker has ended after {time.monotonic() - killed:.2f} s")
        assert read(*terminal.saved).step >= step
        terminal.close()
