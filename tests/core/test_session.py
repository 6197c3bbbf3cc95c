import math

import pytest
import torch
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from makemore_tui.core.analysis.evaluation import evaluate
from makemore_tui.core.errors import UserError
from makemore_tui.core.runs.record import JournalEntry
from makemore_tui.core.session.replay import replay
from makemore_tui.core.session.session import Session
from makemore_tui.core.settings import ModelSettings, TrainSettings
from makemore_tui.core.training import trainer
from tests.support.sessions import can_redo, can_undo, previous_names

MODEL = ModelSettings(context=3, embedding=4, hidden=10)
TRAIN = TrainSettings(learning_rate=0.1, batch_size=8)


@pytest.fixture
def session(small):
    return Session(small, MODEL, TRAIN, seed=5)


def weights(session):
    return {name: tensor.clone() for name, tensor in session.model.tensors.items()}


def state(session):
    """All that a refusal must leave as it was."""
    return {
        "settings": (session.model_settings, session.train_settings, session.first_settings),
        "trainer": (session.trainer.settings, session.trainer.step, session.trainer.finished),
        "objects": (id(session.model), id(session.trainer), id(session.history)),
        "run": (session.seed, session.step, list(session.journal), session.history.steps),
        "ways": (can_undo(session), can_redo(session), previous_names(session), session.resized),
        "weights": {name: tensor.tolist() for name, tensor in session.model.tensors.items()},
    }


def assert_same_weights(one, other):
    for name, tensor in one.model.tensors.items():
        assert torch.equal(tensor, other.model.tensors[name]), name


# Training


def test_a_session_begins_at_step_zero_with_an_empty_journal(small):
    session = Session(small)
    assert (session.step, session.journal, session.history.steps) == (0, [], 0)
    assert (session.model_settings, session.train_settings) == (ModelSettings(), TrainSettings())


def test_training_returns_a_loss_a_step_and_keeps_it(session):
    losses = session.train(20)
    assert losses.shape == (20,)
    assert session.step == 20
    assert session.history.curve(0, 100).mean == losses.tolist()


def test_the_learning_rate_is_that_of_the_next_step(small):
    session = Session(small, MODEL, TrainSettings(learning_rate=0.4, schedule="linear", steps=10))
    session.train(3)
    assert session.train_settings.learning_rate_at(session.step) == pytest.approx(0.4 * 0.7)


def test_the_same_seed_gives_the_same_run_and_another_seed_another(small):
    first, same, other = (Session(small, MODEL, TRAIN, seed=seed) for seed in (1, 1, 2))
    assert not torch.equal(first.model.tensors["W1"], other.model.tensors["W1"])
    for session in (first, same):
        session.train(10)
    assert_same_weights(first, same)


def test_looking_never_changes_the_path(small):
    undisturbed, looked_at = (Session(small, MODEL, TRAIN, seed=1) for _ in range(2))
    undisturbed.train(30)
    for _ in range(3):
        looked_at.train(10)
        looked_at.sample(5)
        looked_at.sample(5, seed=1, temperature=0.5)
        looked_at.evaluate("test")
        looked_at.probe("abc")
    assert_same_weights(undisturbed, looked_at)


def test_a_session_does_not_draw_from_torchs_own_generator(small):
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    session = Session(small, MODEL, TRAIN)
    session.train(5)
    session.sample(5)
    assert torch.equal(torch.rand(3), expected)


# Looking


def test_evaluating_a_session_is_evaluating_its_model(session):
    session.train(5)
    assert session.evaluate("dev") == evaluate(session.model, session.dataset, "dev")
    assert session.evaluate("train", 10).num_examples == 10


def test_samples_differ_from_call_to_call_unless_a_seed_is_given(session):
    assert session.sample(20) != session.sample(20)
    assert session.sample(20, seed=3) == session.sample(20, seed=3)


def test_options_of_sampling_are_passed_on(session):
    samples = session.sample(9, temperature=0.3, prefix="ab", limit=4, new_only=True)
    assert all(one.text.startswith("ab") and len(one.text) <= 4 for one in samples)


# Editing


@pytest.mark.parametrize(
    ("changes", "effect"),
    [
        ({"learning_rate": 0.01}, "next step"),
        ({"batch_size": 0, "weight_decay": 1}, "next step"),
        ({"schedule": "cosine", "steps": 50}, "next step"),
        ({"optimizer": "adamw"}, "new optimizer"),
        ({"train_on": "all"}, "next step"),
    ],
)
def test_an_edit_of_training_keeps_the_weights_and_is_written_down(session, changes, effect):
    session.train(7)
    before = weights(session)
    assert session.edit(**changes) == effect
    assert session.step == 7
    assert session.journal == [JournalEntry(7, changes)]
    assert all(torch.equal(session.model.tensors[name], before[name]) for name in before)
    for name, value in changes.items():
        assert getattr(session.train_settings, name) == value
        assert getattr(session.trainer.settings, name) == value


def test_an_edited_learning_rate_scales_the_next_step(session):
    session.train(3)
    other = Session(session.dataset, MODEL, TRAIN, seed=5)
    other.train(3)
    before = weights(session)
    session.edit(learning_rate=0.2)
    session.train(1)
    other.train(1)
    for name, tensor in before.items():
        moved, moved_less = session.model.tensors[name] - tensor, other.model.tensors[name] - tensor
        torch.testing.assert_close(moved, 2 * moved_less, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize(
    "changes",
    [
        {"kind": "ngram"},
        {"init": "lecture"},
        {"order": 3},
        {"direct": True, "learning_rate": 1},
        {"direct": True, "hidden": 20},
    ],
)
def test_an_edit_of_the_model_begins_a_new_run_with_the_same_seed(session, changes):
    session.train(7)
    session.edit(weight_decay=0.5)
    assert session.edit(**changes) == "restart"
    fresh = Session(session.dataset, session.model_settings, session.train_settings, seed=5)
    assert (session.step, session.journal, session.history.steps) == (0, [], 0)
    assert session.train_settings.weight_decay == 0.5
    assert session.first_settings == (session.model_settings, session.train_settings)
    assert_same_weights(session, fresh)
    assert session.train(5).tolist() == fresh.train(5).tolist()


def test_smoothing_is_edited_live(small):
    session = Session(small, ModelSettings(kind="ngram", order=3), TrainSettings(batch_size=0))
    session.train(1)
    losses = []
    for smoothing in (0.1, 10):
        session.edit(smoothing=smoothing)
        losses.append(session.evaluate("train").loss)
    assert losses[0] < losses[1]


@pytest.mark.parametrize(
    "changes",
    [
        {"learning_rate": -1},
        {"hidden": 0},
        {"optimizer": "adam"},
        {"nonsense": 1},
        {"learning_rate": 0.5, "batch_size": -3},
        {"hidden": 20, "learning_rate": math.nan},
        {"train_on": "first-0"},
    ],
)
def test_a_refused_edit_leaves_everything_as_it_was(session, changes, undisturbed):
    session.edit(optimizer="adamw")
    session.train(4)
    before, untouched = state(session), undisturbed(session)
    with pytest.raises(UserError):
        session.edit(**changes)
    assert state(session) == before
    assert session.train(5).tolist() == untouched.train(5).tolist()


@pytest.mark.parametrize(
    "changes", [{}, {"hidden": 12}, {"optimizer": "adamw"}, {"init": "lecture"}]
)
def test_an_edit_refused_for_the_size_of_the_data_leaves_everything_as_it_was(
    session, changes, monkeypatch
):
    monkeypatch.setattr(trainer, "MAX_FULL_BATCH", 700)
    session.train(2)
    before = state(session)
    with pytest.raises(UserError, match="at most 100 are possible with 7 characters"):
        session.edit(batch_size=0, **changes)
    assert state(session) == before


@pytest.mark.parametrize("method", ["add-k", "kneser-ney"])
def test_the_order_of_counts_is_edited_in_place_and_counting_goes_on(small, method, tmp_path):
    train = TrainSettings(batch_size=30, smoothing_method=method)
    session = Session(small, ModelSettings(kind="ngram", order=4), train)
    session.train(3)
    for order in (2, 6):
        assert session.edit(order=order) == "resized"
        session.train(2)
    direct = Session(small, ModelSettings(kind="ngram", order=6), train)
    losses = direct.train(7)
    assert direct.evaluate("dev") == session.evaluate("dev")
    assert torch.equal(session.train(3), direct.train(3))
    session.timeline.undo()
    assert (session.step, session.model_settings.order) == (5, 2)
    session.edit(order=6)
    assert torch.equal(session.train(2), losses[5:])
    session.save(tmp_path / "run")
    assert Session.load(tmp_path / "run").evaluate("dev") == session.evaluate("dev")
    assert replay(tmp_path / "run").identical


def test_the_smoothing_method_is_edited_live(names):
    train = TrainSettings(batch_size=0)
    session = Session(names, ModelSettings(kind="ngram", order=6), train)
    (before,) = session.train(1).tolist()
    assert session.evaluate("train").loss == pytest.approx(before, abs=1e-6)
    assert session.evaluate("dev").loss > 2.5
    assert session.edit(smoothing_method="kneser-ney") == "next step"
    assert session.evaluate("dev").loss == pytest.approx(1.9685, abs=5e-4)
    again = Session(names, session.model_settings, session.train_settings)
    assert session.evaluate("train").loss == pytest.approx(again.train(1).item(), abs=1e-6)


# Restarting


def test_a_restart_is_a_new_run_with_the_settings_as_they_are(session):
    session.train(7)
    session.edit(learning_rate=0.3)
    session.train(2)
    session.timeline.restart()
    fresh = Session(session.dataset, MODEL, session.train_settings, seed=5)
    assert (session.step, session.journal, session.history.steps) == (0, [], 0)
    assert session.train_settings.learning_rate == 0.3
    assert session.train(5).tolist() == fresh.train(5).tolist()
    assert_same_weights(session, fresh)


def test_a_restart_may_have_another_seed(session):
    session.timeline.restart(seed=9)
    assert session.seed == 9
    assert_same_weights(session, Session(session.dataset, MODEL, TRAIN, seed=9))


def test_a_restart_with_seed_zero_is_not_a_restart_with_the_old_seed(session):
    session.timeline.restart(seed=0)
    assert session.seed == 0


# Divergence


def test_a_run_that_leaves_the_numbers_says_so(small):
    session = Session(small, MODEL, TrainSettings(learning_rate=1000, weight_decay=100))
    assert session.diverged_at is None
    session.train(30)
    assert session.diverged_at is not None
    session.timeline.restart()
    assert session.diverged_at is None


def test_a_table_of_counts_never_diverges(small):
    session = Session(small, ModelSettings(kind="ngram"), TrainSettings(smoothing=0, batch_size=0))
    session.train(1)
    assert session.diverged_at is None


# Replaying

edits = st.sampled_from(
    [
        {"learning_rate": 0.03},
        {"learning_rate": 0.3, "schedule": "linear", "steps": 40},
        {"batch_size": 3},
        {"batch_size": 0},
        {"optimizer": "adamw"},
        {"optimizer": "sgd"},
        {"weight_decay": 0.1},
        {"train_on": "first-6"},
        {"train_on": "all", "batch_size": 5},
        {"hidden": 6},
        {"hidden": 15},
        {"embedding": 2},
        {"embedding": 6, "context": 2},
        {"context": 5, "learning_rate": 0.2},
        {"dropout": 0.4},
        {"direct": True},
    ]
)


@hypothesis_settings(max_examples=25)
@given(st.lists(st.tuples(st.integers(0, 12), edits), max_size=6), st.integers(0, 12))
def test_re_applying_the_journal_gives_the_same_weights_bit_for_bit(small, undisturbed, plan, rest):
    session = Session(small, MODEL, TRAIN, seed=2)
    for steps, changes in plan:
        session.train(steps)
        session.edit(**changes)
    session.train(rest)
    again = undisturbed(session)
    assert again.step == session.step
    assert again.journal == session.journal
    assert_same_weights(again, session)


@pytest.mark.parametrize("kind", ["ngram", "neural-bigram"])
def test_every_kind_of_run_can_be_replayed(small, kind, undisturbed):
    session = Session(small, ModelSettings(kind=kind, init="lecture"), TRAIN)
    session.train(3)
    session.edit(batch_size=11, smoothing=0.5, weight_decay=0.2)
    session.train(2)
    session.edit(train_on="all")
    session.train(4)
    assert_same_weights(undisturbed(session), session)


@pytest.mark.parametrize("seed", [2**63, -(2**63) - 1, 10**30, 1.5])
def test_a_seed_that_no_saved_run_could_hold_is_refused(session, small, seed):
    for use in (
        lambda: Session(small, MODEL, TRAIN, seed=seed),
        lambda: session.timeline.restart(seed=seed),
        lambda: session.sample(1, seed=seed),
    ):
        with pytest.raises(UserError, match="a seed must be a whole number"):
            use()
    assert session.seed == 5
