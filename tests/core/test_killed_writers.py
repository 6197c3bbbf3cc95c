"""A writer that is killed leaves the run that was there, or the new one."""

import random
import shutil
import subprocess
import sys
import time

import pytest

from makemore_tui.core.runs.checkpoint import read
from makemore_tui.core.session.session import Session
from makemore_tui.core.settings import ModelSettings, TrainSettings

MODEL = ModelSettings(context=3, embedding=4, hidden=10, direct=True)
TRAIN = TrainSettings(batch_size=70, optimizer="adamw", learning_rate=0.01, dropout=0.2)
SAVING = """
import sys
from pathlib import Path
from makemore_tui.core.runs.checkpoint import read, write
path, *sources = map(Path, sys.argv[1:])
states = [read(source) for source in sources]
print("saving", flush=True)
while True:
    for state in states:
        write(state, path)
"""


@pytest.fixture
def writer(small, tmp_path):
    """Starts a process that saves two runs in turn to a file, and waits until it does."""
    session = Session(small, MODEL, TRAIN)
    for name, steps in (("one", 5), ("two", 7)):
        session.train(steps)
        session.save(tmp_path / "sources" / name)
    shutil.copy(tmp_path / "sources/one.safetensors", tmp_path / "run.safetensors")
    started = []

    def start():
        sources = [tmp_path / "run.safetensors", tmp_path / "sources/one", tmp_path / "sources/two"]
        words = [sys.executable, "-c", SAVING, *map(str, sources)]
        process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
        started.append(process)
        assert process.stdout
        assert process.stdout.readline() == "saving\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def test_a_run_opens_whatever_moment_its_writer_is_killed_at(tmp_path, writer):
    rng, steps = random.Random(8), set()
    for _ in range(6):
        process = writer()
        time.sleep(rng.uniform(0, 0.03))
        process.kill()
        process.wait()
        steps.add(read(tmp_path / "run").step)
    assert steps <= {5, 12}


def test_a_run_opens_while_another_process_saves_it(tmp_path, writer):
    writer()
    assert {read(tmp_path / "run").step for _ in range(40)} <= {5, 12}
