"""Replays: a run trained again from its seed is the one that was saved, bit for bit."""

import random

import pytest
import torch

from makemore_tui.core.errors import UserError
from makemore_tui.core.runs.checkpoint import read
from makemore_tui.core.runs.state import RunState
from makemore_tui.core.session.replay import replay
from makemore_tui.core.session.session import Session
from makemore_tui.core.settings import ModelSettings, TrainSettings
from tests.support.run_damage import change_record
from tests.support.sessions import return_to

MLP = ModelSettings(context=3, embedding=4, hidden=10)
EDITS = [
    {"learning_rate": 0.03},
    {"batch_size": 70},
    {"optimizer": "adamw", "learning_rate": 0.004},
    {"dropout": 0.25},
    {"hidden": 16},
    {"context": 5},
    {"embedding": 7},
    {"schedule": "cosine", "steps": 250},
    {"hidden": 9},
    {"embedding": 3},
    {"train_on": "first-60"},
    {"context": 2, "hidden": 20},
    {"batch_size": 8},
    {"optimizer": "sgd", "learning_rate": 0.05},
    {"weight_decay": 0.01},
]


@pytest.fixture
def session(small):
    return Session(small, MLP, TrainSettings(batch_size=8), seed=7)


def assert_replays(session, folder):
    session.save(folder)
    done = replay(folder)
    assert (done.identical, done.largest_difference, done.loss_difference) == (True, 0.0, 0.0)
    assert (done.steps, done.same_build) == (session.step, True)
    assert done.session.journal == session.journal


def without_init_version(record):
    """The record as it was written before there were two ways to draw weights."""
    return {name: value for name, value in record.items() if name != "init_version"}


def test_a_run_that_drew_its_weights_the_old_way_replays(small, tmp_path):
    model = ModelSettings(context=3, embedding=4, hidden=10, init="lecture", direct=True)
    first = RunState.first(small, model, TrainSettings(batch_size=8), 7, init_version=1)
    session = Session.from_state(first)
    new = Session(small, model, TrainSettings(batch_size=8), seed=7)
    assert not torch.equal(session.model.tensors["W2"], new.model.tensors["W2"])
    for changes in ({"hidden": 16}, {"embedding": 6}, {"learning_rate": 0.02}):
        session.train(9)
        session.edit(**changes)
    session.train(5)
    session.save(tmp_path / "run")
    run = tmp_path / "run.safetensors"
    assert read(run).init_version == 1
    change_record(run, without_init_version)
    assert read(run).init_version == 1
    assert replay(run).identical
    again = Session.load(run)
    again.timeline.restart()
    begun = Session.from_state(again.state().beginning())
    assert torch.equal(again.model.tensors["W2"], begun.model.tensors["W2"])
    assert (again.init_version, again.timeline.undo(), again.init_version) == (2, "restart", 1)


@pytest.mark.parametrize(
    "model",
    [
        MLP,
        ModelSettings(kind="neural-bigram", init="lecture"),
        ModelSettings(kind="ngram", order=3),
    ],
    ids=lambda model: model.kind,
)
def test_a_run_replays(small, tmp_path, model):
    session = Session(small, model, TrainSettings(batch_size=9), seed=2)
    session.train(25)
    session.evaluate("dev")
    assert_replays(session, tmp_path / "run")


def test_thirty_edits_at_odd_moments_with_undo_redo_and_return_replay(session, tmp_path):
    rng = random.Random(3)
    for i in range(30):
        session.train(rng.choice([0, 1, 3, 11]))
        session.edit(**EDITS[i % len(EDITS)])
        session.train(rng.choice([0, 2, 5]))
        if i % 5 == 1:
            session.timeline.undo()
        if i % 10 == 6:
            session.timeline.redo()
        if i == 20:
            session.timeline.restart(seed=11)
            session.train(3)
            return_to(session, len(session.timeline.previous_runs) - 1)
    session.train(6)
    assert len(session.journal) > 20
    assert_replays(session, tmp_path / "run")


def test_a_session_saved_loaded_and_trained_on_replays(session, tmp_path):
    for i, changes in enumerate(EDITS[:6]):
        session.train(4)
        session.edit(**changes)
        session.save(tmp_path / f"{i}")
        session = Session.load(tmp_path / f"{i}")
    session.train(9)
    assert_replays(session, tmp_path / "run")


def test_a_session_that_began_anew_replays_from_there(session, tmp_path):
    session.train(5)
    session.edit(direct=True)
    session.train(4)
    session.edit(hidden=12)
    session.train(4)
    assert_replays(session, tmp_path / "run")


def test_a_replay_until_a_step_stops_there_and_can_be_gone_on_with(session, tmp_path):
    session.train(5)
    session.edit(hidden=14)
    session.train(10)
    session.save(tmp_path / "run")
    done = replay(tmp_path / "run", until=9)
    assert (done.identical, done.largest_difference, done.loss_difference) == (None, None, None)
    assert (done.steps, done.session.step) == (9, 9)
    done.session.train(6)
    for name, tensor in session.model.tensors.items():
        assert torch.equal(tensor, done.session.model.tensors[name])
    for step in (16, -1):
        with pytest.raises(UserError, match="can't be replayed until"):
            replay(tmp_path / "run", until=step)


def test_a_run_of_another_path_is_told_by_how_much_it_differs(session, tmp_path, monkeypatch):
    session.train(5)
    session.model.tensors["b2"][2] += 0.5  # as no training did
    session.save(tmp_path / "run")
    done = replay(tmp_path / "run")
    assert done.identical is False
    assert done.largest_difference == pytest.approx(0.5, abs=1e-5)
    assert done.loss_difference
    assert done.loss_difference > 0


def test_a_run_of_another_torch_says_so(session, tmp_path):
    session.train(5)
    session.save(tmp_path / "run")
    path = tmp_path / "run.safetensors"
    change_record(path, lambda record: record | {"versions": {"torch": "1.0"}})
    done = replay(tmp_path / "run")
    assert (done.identical, done.same_build, done.recorded_torch) == (True, False, "1.0")


def test_a_replay_tells_how_far_it_is(session, tmp_path):
    session.train(40)
    session.save(tmp_path / "run")
    seen = []
    replay(tmp_path / "run", advance=lambda step, losses: seen.append((step, len(losses))))
    assert seen[-1][0] == 40
    assert sum(taken for _, taken in seen) == 40


def test_a_saved_replay_is_a_run_like_any_other(session, tmp_path):
    session.train(12)
    session.save(tmp_path / "run")
    replay(tmp_path / "run", until=7).session.save(tmp_path / "seven")
    assert read(tmp_path / "seven").step == 7
    assert replay(tmp_path / "seven").identical


def test_a_state_replays_without_a_file(session):
    session.train(9)
    session.edit(hidden=14)
    session.train(9)
    assert replay(session.state()).identical
