"""The plain ways that the benchmark compares with must do the same work as the engine."""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
import torch

from makemore_tui.core.models.mlp import MLP
from makemore_tui.core.models.ngram import NgramCounts
from makemore_tui.core.session.session import Session
from makemore_tui.core.settings import ModelSettings, TrainSettings
from makemore_tui.core.training.batches import RandomStream
from tests.bench import __main__ as bench
from tests.bench import engine
from tests.bench.measure import Row, in_turn, paired_row, quartiles
from tests.bench.memory import read_in_a_process
from tests.bench.plain import PlainMLP, count_bigrams, read_items
from tests.support.streams import take

SEED = 3


def mlp_of(session):
    assert isinstance(session.model, MLP)
    return session.model


@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
def test_the_plain_loop_trains_as_the_engine_does(small, plain, small_splits, optimizer):
    settings = TrainSettings(batch_size=32, learning_rate=0.01, optimizer=optimizer)
    if optimizer == "adamw":
        settings = TrainSettings(
            batch_size=32, learning_rate=0.01, optimizer=optimizer, weight_decay=0.01
        )  # the default of torch.optim.AdamW
    session = Session(small, ModelSettings(hidden=30), settings, seed=SEED)
    contexts, targets = plain.tensors(small_splits["train"], 3, small.vocabulary.characters)
    loop = PlainMLP(mlp_of(session), contexts, targets, optimizer)
    random = RandomStream(SEED)
    for _ in range(5):
        loop.step(take(random, 32) % len(targets), 0.01)
    losses = session.train(5)
    assert losses.tolist() == pytest.approx([10**log for log in loop.losses], rel=1e-5)
    torch.testing.assert_close(session.model.tensors["C"], loop.C.detach(), rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(session.model.tensors["W2"], loop.W2.detach(), rtol=1e-4, atol=1e-6)


def test_the_plain_loss_of_a_split_is_the_engines(names, plain, name_splits):
    session = Session(names, ModelSettings(hidden=30))
    examples = plain.tensors(name_splits["dev"], 3, names.vocabulary.characters)
    loss = PlainMLP(mlp_of(session), *examples).loss(*examples)
    assert session.evaluate("dev").loss == pytest.approx(loss, rel=1e-5)


def test_plain_samples_are_names(names, plain, name_splits):
    session = Session(names, ModelSettings(hidden=30))
    examples = plain.tensors(name_splits["dev"], 3, names.vocabulary.characters)
    sampled = PlainMLP(mlp_of(session), *examples).sample(5, torch.Generator().manual_seed(1))
    assert len(sampled) == 5
    assert all(0 < i < 27 for name in sampled for i in name)


def test_plain_counts_are_the_engines(small, small_items):
    session = Session(
        small, ModelSettings(kind="ngram"), TrainSettings(batch_size=0, train_on="all")
    )
    session.train(1)
    assert isinstance(session.model, NgramCounts)
    V = small.vocabulary.size
    counts = session.model.counts_after(torch.arange(V)[:, None])
    assert torch.equal(count_bigrams(small_items, V), counts.int())


def test_plain_reading_finds_the_same_items(names, name_items, write):
    ids = read_items(str(write("\n".join(name_items) + "\n")))
    assert ["".join(names.vocabulary.characters[i - 1] for i in item) for item in ids] == name_items


def test_the_two_are_called_in_turn():
    called = []
    timings = in_turn(lambda: called.append("a"), lambda: called.append("b"), 3)
    assert called == ["a", "b"] * 4
    assert len(timings.ours) == len(timings.theirs) == 3
    assert all(seconds >= 0 for seconds in timings.ours + timings.theirs)


def test_a_ratio_is_how_many_times_better():
    times = paired_row("x", "s", [1, 2, 1], [10, 10, 8])
    assert (times.value, times.baseline, times.ratio) == (1, 10, 8)
    speeds = paired_row("x", "1/s", [10, 20, 12], [5, 5, 4], more_is_better=True)
    assert (speeds.value, speeds.baseline, speeds.ratio) == (12, 5, 3)
    assert speeds.low is not None
    assert speeds.high is not None
    assert speeds.low < 3 < speeds.high


def test_quartiles():
    assert quartiles([4.0]) == (4.0, 4.0, 4.0)
    assert quartiles([1.0, 2.0, 3.0, 4.0, 5.0]) == (2.0, 3.0, 4.0)


@pytest.mark.parametrize("power", [0, 0.5, 1, 2])
def test_the_slope_of_a_power_law_is_its_exponent(power):
    assert engine._slope([3e-6 * 2 ** (power * i) for i in range(5)]) == pytest.approx(power)


def test_a_random_file_has_so_many_characters_and_items(tmp_path):
    path = engine._random_file(tmp_path, 500, 40)
    items = path.read_text().splitlines()
    assert len(items) == 500
    assert len(Counter("".join(items))) == 40


def test_reading_is_measured_in_a_process_of_its_own(tmp_path):
    path = engine._random_file(tmp_path, 50_000, 26)
    per_character, seconds = read_in_a_process(path)
    assert 1 < per_character < 60
    assert seconds > 0


# The command


@pytest.mark.alone
def test_the_command_writes_its_rows(tmp_path, capsys):
    bench.main(["--quick", "--only", "step", "--json", str(tmp_path / "rows.json")])
    rows = json.loads((tmp_path / "rows.json").read_text())["rows"]
    by_name = {row["name"]: row for row in rows}
    assert {"step/3-10-200-32/sgd", "step/8-24-300-512/adamw", "limit/3-10-200-32"} <= set(by_name)
    printed = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in printed[1:]] == list(by_name)
    for row in rows:
        assert {"name", "value", "unit", "baseline", "ratio"} <= set(row)
        assert row["low"] <= row["ratio"] <= row["high"]
    # Far below what is reached, so that a busy machine doesn't matter.
    assert all(row["ratio"] > 2 for row in rows if row["name"].startswith("step/"))


def test_an_unknown_section_is_refused(capsys):
    with pytest.raises(SystemExit) as ended:
        bench.main(["--only", "stairs"])
    assert ended.value.code == 2
    error = capsys.readouterr().err
    assert "'stairs'" in error
    assert "explorer" in error


def test_names_in_the_table_are_never_wrapped():
    name = "explorer/200x60/every-view/resize-p95-and-a-longer-name"
    assert bench.line_of(Row(name, 1.0, "ms")).startswith(f"{name} ")


def test_it_runs_from_the_root_of_the_repository():
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench", "--help"],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "--only" in done.stdout
