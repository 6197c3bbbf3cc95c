"""A writer that is killed leaves the run that was there, or the new one."""

import random
import shutil
import time

import pytest

from makemore_tui.core.runs.checkpoint import read
from makemore_tui.core.session.session import Session
from makemore_tui.core.settings import ModelSettings, TrainSettings
from tests.support.killed_writer import KilledWriter

MODEL = ModelSettings(context=3, embedding=4, hidden=10, direct=True)
TRAIN = TrainSettings(batch_size=70, optimizer="adamw", learning_rate=0.01, dropout=0.2)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return tmp_path_factory.mktemp("runs") / "run"


@pytest.fixture(scope="module")
def writer(small, run):
    """What saves two states of a run in turn to a file."""
    session = Session(small, MODEL, TRAIN)
    sources = []
    for name, steps in (("one", 5), ("two", 7)):
        session.train(steps)
        sources.append(run.parent / "sources" / name)
        session.save(sources[-1])
    path = run.with_name("run.safetensors")
    shutil.copy(run.parent / "sources/one.safetensors", path)
    with KilledWriter(path, sources) as writer:
        yield writer


def test_a_run_opens_whatever_moment_its_writer_is_killed_at(run, writer):
    rng, steps = random.Random(8), set()
    for _ in range(6):
        writer.start()
        time.sleep(rng.uniform(0, 0.03))
        writer.kill()
        steps.add(read(run).step)
    assert steps <= {5, 12}


def test_a_run_opens_while_another_process_saves_it(run, writer):
    writer.start()
    assert {read(run).step for _ in range(40)} <= {5, 12}
    writer.kill()
