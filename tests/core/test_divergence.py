"""When a loss has exploded though it is finite, and what is a healthy run all the same."""

import itertools
import math
from dataclasses import replace

import pytest

from makemore_tui.core.presets import PRESETS
from makemore_tui.core.session.replay import replay
from makemore_tui.core.session.session import Session
from makemore_tui.core.settings import ModelSettings, TrainSettings

MODEL, TRAIN = ModelSettings(hidden=50), TrainSettings(batch_size=16)
EXPLODING = {"learning_rate": 30.0}
NETWORKS = [name for name, preset in PRESETS.items() if preset.model.model_kind.is_network]


@pytest.fixture
def exploded(names):
    """A session that was healthy for 30 steps, and has then exploded, with finite weights."""
    session = Session(names, MODEL, TRAIN)
    session.train(30)
    session.edit(**EXPLODING)
    session.train(120)
    assert session.model.is_finite
    return session


@pytest.mark.parametrize(
    ("rate", "optimizer", "decay"),
    list(itertools.product((30, 300, 1000), ("sgd", "adamw"), (0.0, 0.1))),
)
def test_a_loss_that_explodes_has_diverged_finite_or_not(names, rate, optimizer, decay):
    training = {"learning_rate": rate, "optimizer": optimizer, "weight_decay": decay}
    session = Session(names, MODEL, replace(TRAIN, **training))
    losses = session.train(100)
    assert session.diverged_at is not None
    assert 1 <= session.diverged_at <= 30 or not losses.isfinite().all()


@pytest.mark.parametrize("preset", NETWORKS)
def test_no_preset_diverges_not_even_from_a_bad_start(names, preset):
    model, train = PRESETS[preset].model, PRESETS[preset].train
    session = Session(names, model, train)
    for _ in range(3 if preset in ("tuned", "best") else 20):
        session.train(10)
        assert session.diverged_at is None


def test_a_loss_that_begins_far_too_high_is_none(names):
    model = ModelSettings(hidden=600, init="lecture")
    session = Session(names, model, replace(TRAIN, learning_rate=1e-4))
    assert session.train(150).mean() > 5 * math.log(27) * 2
    assert session.diverged_at is None
    session.edit(learning_rate=300.0)
    session.train(100)
    assert session.diverged_at == 151


@pytest.mark.parametrize("slices", [[120], [1] * 120, [7] * 17 + [1]])
def test_the_step_does_not_depend_on_how_training_is_divided(names, slices):
    session = Session(names, MODEL, TRAIN)
    session.train(30)
    session.edit(**EXPLODING)
    for steps in slices:
        session.train(steps)
    assert session.diverged_at == 31


def test_of_a_short_plan_most_steps_are_enough(names):
    session = Session(names, MODEL, replace(TRAIN, learning_rate=1000.0, steps=20))
    session.train(20)
    assert session.diverged_at == 1


def test_undo_brings_back_what_was_before_the_explosion(exploded):
    exploded.edit(batch_size=32)
    exploded.train(5)
    assert exploded.timeline.undo() == "lr 30"
    assert (exploded.step, exploded.diverged_at) == (30, None)
    assert [exploded.timeline.redo(), exploded.timeline.redo()] == ["lr 30", "batch 32"]
    assert (exploded.step, exploded.diverged_at) == (155, 31)


def test_an_exploded_run_is_saved_and_replays_bit_for_bit(exploded, tmp_path):
    exploded.save(tmp_path / "run")
    loaded = Session.load(tmp_path / "run")
    assert (loaded.diverged_at, loaded.model.is_finite) == (31, True)
    loaded.train(1)
    assert loaded.diverged_at == 31
    again = replay(tmp_path / "run")
    assert (again.identical, again.session.diverged_at) == (True, 31)


def test_a_run_that_comes_back_is_no_longer_diverged(exploded):
    exploded.edit(learning_rate=0.1)
    exploded.train(10)
    assert exploded.diverged_at is not None
    for name, weights in Session(exploded.dataset, MODEL).model.tensors.items():
        exploded.model.tensors[name].copy_(weights)
    exploded.train(100)
    assert exploded.diverged_at is None
