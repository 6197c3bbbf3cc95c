"""A run's folder whose writer is killed, and one with bits flipped in its files."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time

import pytest

from makemore_tui.core.dataset import Dataset
from makemore_tui.core.errors import UserError
from makemore_tui.core.runs import load_session
from makemore_tui.core.session import Session
from makemore_tui.core.settings import ModelSettings

SAVING = """
import os
import sys
from pathlib import Path
from makemore_tui.core.runs import load_session, run_snapshot, write_run
folder, *sources = map(Path, sys.argv[1:])
runs = [run_snapshot(load_session(source)) for source in sources]
for _ in sys.stdin:
    print("saving", flush=True)
    if os.fork() == 0:
        print(os.getpid(), flush=True)
        while True:
            for run in runs:
                write_run(run, folder)
    os.wait()
    print("killed", flush=True)
"""


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Two states of one run, `one` and `two`, and `run`, which begins as a copy of `one`."""
    folder = tmp_path_factory.mktemp("runs")
    words = folder / "words.txt"
    words.write_text("\n".join(["emma", "olivia", "ava", "isabella", "mia", "zoe"] * 5))
    session = Session(Dataset.load(words), ModelSettings(context=3, embedding=4, hidden=10))
    for name in ("one", "two"):
        session.train(5)
        session.save(folder / name)
    shutil.copytree(folder / "one", folder / "run")
    return folder


def weights(folder):
    session = load_session(folder)
    return session.step, [
        one.tolist() for one in session.model.views(session.state().trainer["parameters"]).values()
    ]


def test_a_run_is_the_old_or_the_new_one_whenever_its_writer_is_killed(runs, many):
    whole = [weights(runs / name) for name in ("one", "two")]
    rng = random.Random(1)
    words = [sys.executable, "-c", SAVING, *(str(runs / name) for name in ("run", "one", "two"))]
    with subprocess.Popen(
        words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as writer:
        for _ in range(many(10, 200)):
            writer.stdin.write("again\n")
            writer.stdin.flush()
            assert writer.stdout.readline() == "saving\n"
            child = int(writer.stdout.readline())
            time.sleep(rng.uniform(0, 0.03))
            os.kill(child, signal.SIGKILL)
            assert writer.stdout.readline() == "killed\n"
            assert weights(runs / "run") in whole
        writer.stdin.close()


def test_flipped_bits_are_refused_in_a_sentence_or_harmless(runs, many, tmp_path):
    rng = random.Random(2)
    for number in range(many(40, 500)):
        folder = tmp_path / str(number)
        shutil.copytree(runs / "two", folder)
        path = rng.choice(sorted(folder.iterdir()))
        content = bytearray(path.read_bytes())
        content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
        path.write_bytes(content)
        try:
            assert load_session(folder).step == 10
        except UserError as error:
            assert len(str(error).splitlines()) == 1  # noqa: PT017
