"""What ctrl+c does to a command."""

import io
import os
import re
import signal
import subprocess
import sys

import pytest
from rich.console import Console

from makemore_tui.core.runs.header import read_record
from tests.support.command_line import (
    COMMANDS,
    SMALL,
    TRAIN_KEYS,
    strict,
)

# ctrl+c


TELLING = """
import sys
from makemore_tui.core.runs.header import read_record
from makemore_tui.core.training import time_slicer as slicer
train = slicer.TimeSlicer.train
def tell(*words):
    print("training", file=sys.stderr, flush=True)
    return train(*words)
slicer.TimeSlicer.train = tell
from makemore_tui.tui.cli.main import main
try:
    main()
finally:
    print([name for name in ("textual",) if name in sys.modules], file=sys.stderr)
"""


def test_ctrl_c_saves_the_run_and_reports_it(items, tmp_path, run_json):
    folder = tmp_path / "run"
    words = ["train", "--data", items, "--steps", 10**9, *SMALL, "--out", folder, "--json"]
    program = subprocess.Popen(
        [sys.executable, "-c", TELLING, *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert program.stderr
    assert program.stderr.readline() == "training\n"
    program.send_signal(signal.SIGINT)
    out, err = program.communicate(timeout=60)
    assert program.returncode == 130
    assert err.replace("training\n", "") == "[]\n"  # nor any screen loaded
    report = strict(out)
    assert set(report) == TRAIN_KEYS
    assert 0 < report["steps"] < 10**9
    assert report["run"] == f"{folder}.safetensors"
    assert read_record(folder).steps == report["steps"]
    assert len(run_json("sample", folder)["samples"]) == 20


def test_on_a_terminal_a_bar_shows_the_loss_until_ctrl_c(run, items, monkeypatch):
    from makemore_tui.core.training.time_slicer import TimeSlicer

    bar = io.StringIO()
    terminal = Console(file=bar, force_terminal=True, width=100)
    monkeypatch.setattr(
        "makemore_tui.tui.cli.reports.Console",
        lambda **options: terminal if "stderr" in options else Console(**options),
    )
    train, slices = TimeSlicer.train, []

    def interrupted(*words):
        slices.append(train(*words))
        if len(slices) == 3:
            signal.raise_signal(signal.SIGINT)
        return slices[-1]

    monkeypatch.setattr(TimeSlicer, "train", interrupted)
    before = signal.getsignal(signal.SIGINT)
    done = run("train", "--data", items, "--steps", 10**9, *SMALL)
    assert (done.code, done.err) == (130, "")
    assert len(slices) == 3
    assert re.search(r"training .*/1000000000.*loss.* \d\.\d{3}", bar.getvalue())
    assert "before training" in done.out
    assert "Minibatch loss" in done.out
    assert signal.getsignal(signal.SIGINT) is before


INTERRUPTED = {
    "explore": "tui.cli.start.preset_named",
    "train": "core.datasets.dataset.Dataset.load",
    "sample x": "core.runs.checkpoint.read",
    "evaluate x": "core.runs.checkpoint.read",
    "trace x": "core.runs.checkpoint.read",
    "compare": "core.datasets.dataset.Dataset.load",
    "find-lr": "core.datasets.dataset.Dataset.load",
    "sweep --over hidden": "tui.client.sweep.parse_ranges",
    "data": "core.datasets.dataset.Dataset.load",
    "presets": "tui.cli.data.print_presets",
    "settings": "tui.cli.data.print_settings",
    "replay x": "tui.cli.saved_run.load_torch",
    "export x": "core.runs.checkpoint.read_with_record",
    "runs": "tui.cli.runs.saved_runs",
    "runs remove x": "tui.cli.runs.remove",
}


@pytest.fixture
def run_named_x(tmp_path, monkeypatch):
    """A file in the current folder that passes for the run x, until it is read."""
    (tmp_path / "x.safetensors").touch()
    monkeypatch.chdir(tmp_path)


@pytest.mark.usefixtures("run_named_x")
@pytest.mark.parametrize("words", INTERRUPTED)
def test_ctrl_c_ends_every_command_without_a_traceback(run, words, monkeypatch):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(f"makemore_tui.{INTERRUPTED[words]}", interrupt)
    done = run(*words.split())
    assert (done.code, done.out, done.err) == (130, "", "")


def test_no_command_was_forgotten():
    assert {words.split()[0] for words in INTERRUPTED} == {*COMMANDS, "runs"}


_WITHOUT_TORCH = ("explore", "presets", "settings", "runs", "sweep")
LOADING = """
import os, signal, sys
wanted = "nothing"
class PressesCtrlC:
    def find_spec(name, path=None, target=None):
        if name == wanted:
            try:
                signal.raise_signal(signal.SIGINT)
            except BaseException:
                os._exit(134)  # as torch's C++ code aborts
sys.meta_path.insert(0, PressesCtrlC)
from makemore_tui.tui.__main__ import main
wanted = "typer"
def ended(words):
    if os.fork() == 0:
        sys.argv[1:] = words
        main()
    return os.waitstatus_to_exitcode(os.wait()[1])
codes = [ended(["presets"])]
wanted = "torch"
from makemore_tui.tui.cli import main as cli
codes += [ended(words.split()) for words in sys.argv[1:]]
print(codes)
"""


@pytest.mark.usefixtures("run_named_x")
@pytest.mark.skipif(not hasattr(os, "fork"), reason="it forks")
def test_ctrl_c_while_things_are_loaded_ends_it_at_once():
    loading = [one for one in INTERRUPTED if one.split()[0] not in _WITHOUT_TORCH]
    command = [sys.executable, "-c", LOADING, *loading]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"{[130] * (1 + len(loading))}\n"
