"""The explorer's side of the worker: a real process, started, told and ended."""

import os
import signal
import time
from queue import SimpleQueue
from threading import Thread

import pytest

from makemore_tui.core.results import Saving
from makemore_tui.core.run_spec import RunSpec
from makemore_tui.core.settings import ModelSettings
from makemore_tui.core.worker.protocol import Pause, Snapshot, Start, Starting
from makemore_tui.tui.client.engine import WorkerDied, WorkerEngine, _continued

PATIENCE = 60  # seconds, after which a test gives up
START = Start(RunSpec("names", model=ModelSettings(hidden=10)))


class Running:
    """An engine, and the replies that it has delivered."""

    def __init__(self):
        self.engine = WorkerEngine(START)
        self.replies = SimpleQueue()
        self.engine.start(self.replies.put)

    @property
    def pid(self):
        process = self.engine._process
        assert process is not None
        return process.pid

    def until(self, kind):
        """The next reply of a kind."""
        while not isinstance(reply := self.replies.get(timeout=PATIENCE), kind):
            pass
        return reply


@pytest.fixture
def run():
    """Starts an engine; all are closed after the test."""
    engines = []

    def run():
        engines.append(Running())
        return engines[-1]

    yield run
    for running in engines:
        running.engine.close()


@pytest.fixture
def slow_torch(monkeypatch, tmp_path):
    """Workers that are started find a torch that never gets loaded."""
    (tmp_path / "torch.py").write_text("import time\ntime.sleep(1000)")
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}:{os.environ.get('PYTHONPATH', '')}")


@pytest.mark.usefixtures("slow_torch")
def test_it_says_what_it_waits_for_at_once_and_may_be_closed_killed_and_started_again(
    run, is_alive
):
    running = run()
    first = running.pid
    assert running.until(Starting) == Starting("loading torch")
    running.engine.close()
    assert not is_alive(first)
    running.engine.close()
    running.engine.send(Pause())  # is lost
    running.engine.start(running.replies.put)
    second = running.pid
    assert running.until((Starting, WorkerDied)) == Starting("loading torch")
    os.kill(second, signal.SIGKILL)
    assert running.until(WorkerDied) == WorkerDied(
        "The worker was ended by signal 9", was_killed=True
    )
    running.engine.send(Pause())  # is lost
    running.engine.start(running.replies.put)
    assert running.pid not in (first, second)
    assert running.until((Starting, WorkerDied)) == Starting("loading torch")


def test_a_worker_that_breaks_is_reported_with_its_last_words(run, monkeypatch, tmp_path):
    (tmp_path / "torch.py").write_text("raise RuntimeError('no torch today')")
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}:{os.environ.get('PYTHONPATH', '')}")
    died = run().until(WorkerDied)
    assert "worker" in died.why
    assert died.why.endswith("no torch today")


@pytest.mark.usefixtures("slow_torch")
def test_a_worker_that_does_not_listen_is_ended_all_the_same(run, is_alive):
    running = run()
    running.until(Starting)
    pid = running.pid
    os.kill(pid, signal.SIGSTOP)
    running.engine.close()
    assert not is_alive(pid)
    assert running.engine.unsaved is None  # there was nothing yet


def test_a_worker_that_has_no_time_to_save_its_run_is_told_of_to_all_who_close(run):
    """A signal closes the engine in a thread, while the program's own end closes it too."""
    running = run()
    running.until(Snapshot)
    os.kill(running.pid, signal.SIGSTOP)
    first = Thread(target=running.engine.close)
    first.start()
    while running.engine._process is not None:
        time.sleep(0.001)
    running.engine.close()
    assert running.engine.unsaved == "the worker did not end in time"
    first.join()
    running.engine.start(running.replies.put)
    assert running.engine.unsaved is None


@pytest.mark.parametrize(("state", "paused"), [("training", False), ("paused", True)])
def test_another_worker_goes_on_as_the_last_one_was(snapshot, state, paused):
    saving = Saving("/runs", "/runs/mine", 12)
    after = _continued(START, snapshot(state=state, seed=7, saving=saving))
    assert (after.spec.seed, after.resume, after.paused) == (7, "/runs/mine", paused)
    assert after.spec.model == snapshot().model
