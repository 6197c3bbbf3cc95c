"""A run's files: going on where it was put away, replacing them, and damage of all kinds."""

import json
import os

import pytest
import torch

from makemore_tui.core import run_files
from makemore_tui.core.errors import UserError
from makemore_tui.core.runs import load_run, load_session, run_snapshot, write_run
from makemore_tui.core.session import Session
from makemore_tui.core.settings import ModelSettings, TrainSettings

MLP = ModelSettings(context=3, embedding=4, hidden=10, direct=True)
RUNS = {
    "sgd": (MLP, TrainSettings(batch_size=8)),
    "adamw": (
        MLP,
        TrainSettings(batch_size=70, optimizer="adamw", learning_rate=0.01, dropout=0.2),
    ),
    "full batch": (MLP, TrainSettings(batch_size=0, schedule="cosine", steps=60)),
    "neural-bigram": (
        ModelSettings(kind="neural-bigram", init="lecture"),
        TrainSettings(batch_size=9, learning_rate=5.0, weight_decay=0.1),
    ),
    "ngram": (ModelSettings(kind="ngram", order=3), TrainSettings(batch_size=7, smoothing=0.5)),
}


def plain(session):
    """All that the next steps of a session depend on."""
    state = session.trainer.state_dict()
    return {k: v.tolist() if isinstance(v, torch.Tensor) else v for k, v in state.items()}


# Going on


@pytest.mark.parametrize("name", RUNS)
@pytest.mark.parametrize("steps", [0, 1, 21])
def test_a_loaded_session_goes_on_bit_for_bit(small, tmp_path, name, steps):
    session = Session(small, *RUNS[name], seed=3)
    session.train(steps)
    session.evaluate("dev")
    session.save(tmp_path / "run")
    loaded = Session.load(tmp_path / "run")
    assert plain(loaded) == plain(session)
    assert loaded.train(15).tolist() == session.train(15).tolist()
    assert plain(loaded) == plain(session)
    assert loaded.history.equals(session.history)
    assert loaded.dev_losses.points == session.dev_losses.points
    assert loaded.dev_losses.best == session.dev_losses.best
    assert loaded.first_settings == session.first_settings
    assert (loaded.seed, loaded.step) == (session.seed, session.step)


def test_a_session_with_edits_goes_on_with_its_journal_and_the_same_random_growth(small, tmp_path):
    session = Session(small, *RUNS["adamw"], seed=3)
    edits = [{"hidden": 14}, {"context": 5, "embedding": 3}, {"optimizer": "sgd"}, {"hidden": 8}]
    for changes in edits:
        session.train(5)
        session.edit(**changes)
    session.train(2)
    session.save(tmp_path / "run")
    loaded = load_session(tmp_path / "run")
    assert loaded.journal == session.journal
    assert loaded.resized == session.resized
    for one in (loaded, session):
        one.edit(hidden=30)
        one.train(20)
    assert plain(loaded) == plain(session)


def test_metrics_have_the_losses_the_rates_and_dev_where_it_was_evaluated(small, tmp_path):
    session = Session(small, MLP, TrainSettings(batch_size=8, schedule="linear", steps=10))
    losses = session.train(4)
    session.evaluate("dev")
    session.edit(learning_rate=0.02)
    losses = torch.cat([losses, session.train(2)])
    session.save(tmp_path / "run")
    lines = (tmp_path / "run/metrics.csv").read_text().splitlines()
    assert lines[0] == "step,loss,learning_rate,dev"
    rows = [line.split(",") for line in lines[1:]]
    assert [int(row[0]) for row in rows] == [1, 2, 3, 4, 5, 6]
    assert [float(row[1]) for row in rows] == pytest.approx(losses.tolist(), rel=1e-5)
    rates = [0.1, 0.09, 0.08, 0.07, 0.02 * 0.6, 0.02 * 0.5]
    assert [float(row[2]) for row in rows] == pytest.approx(rates)
    assert [row[3] for row in rows] == ["", "", "", rows[3][3], "", ""]
    assert float(rows[3][3]) == pytest.approx(session.dev_losses.points[0][1], rel=1e-5)


# Saving over a run


def test_saving_over_a_run_replaces_it_and_leaves_nothing_else(small, tmp_path):
    session, folder = Session(small, MLP), tmp_path / "run"
    for _ in range(3):
        session.train(4)
        write_run(run_snapshot(session, named=False), folder)
        assert load_run(folder).steps == session.step
    assert sorted(os.listdir(folder)) == ["metrics.csv", "run.json", "weights.safetensors"]
    assert json.loads((folder / "run.json").read_text())["named"] is False


def test_a_run_that_diverges_keeps_its_last_good_files_and_says_when(small, tmp_path):
    session, folder = Session(small, MLP), tmp_path / "run"
    session.train(4)
    write_run(run_snapshot(session), folder)
    weights = (folder / "weights.safetensors").read_bytes()
    session.edit(learning_rate=1000, weight_decay=100)
    session.train(60)
    assert session.diverged
    write_run(run_snapshot(session), folder)
    assert (folder / "weights.safetensors").read_bytes() == weights
    assert json.loads((folder / "run.json").read_text())["diverged_at"] == session.diverged_at
    loaded = load_session(folder)
    assert (loaded.step, loaded.diverged_at, loaded.diverged) == (4, None, False)
    with pytest.raises(UserError, match="not finite"):
        session.save(tmp_path / "other")
    assert os.listdir(tmp_path) == ["run"]


@pytest.mark.parametrize("moved", range(4))
def test_what_a_killed_writer_left_off_is_read_and_finished(small, tmp_path, moved):
    session, folder = Session(small, MLP), tmp_path / "run"
    session.save(folder)
    session.train(4)
    session.save(tmp_path / "new")
    (tmp_path / "new").rename(folder / ".next")
    for name in ("weights.safetensors", "metrics.csv", "run.json")[:moved]:
        (folder / ".next" / name).replace(folder / name)
    (folder / ".next.partial-x").mkdir()
    assert load_session(folder).step == 4
    run_files.finish(folder)
    assert load_session(folder).step == 4
    assert sorted(os.listdir(folder)) == ["metrics.csv", "run.json", "weights.safetensors"]


def test_a_folder_of_something_else_is_not_written_over(small, tmp_path):
    (tmp_path / "letters.txt").write_text("dear")
    with pytest.raises(UserError, match="holds something else than a run"):
        write_run(run_snapshot(Session(small, MLP)), tmp_path)
    assert os.listdir(tmp_path) == ["letters.txt"]
