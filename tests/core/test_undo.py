"""Undo, redo and previous runs: every state that comes back is compared with what it was, and with
a run that took the same path and was never disturbed."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from makemore_tui.core.datasets.dataset import Dataset
from makemore_tui.core.errors import UserError
from makemore_tui.core.presets import PRESETS
from makemore_tui.core.runs.record import JournalEntry
from makemore_tui.core.runs.state import journal_marks
from makemore_tui.core.session.session import Session
from makemore_tui.core.session.timeline import BUDGET
from makemore_tui.core.settings import ModelSettings, TrainSettings
from makemore_tui.core.training.trainer import GradientTrainer
from tests.support.sessions import (
    FAR_TOO_FAST,
    MODEL,
    TRAIN,
    assert_same_future,
    can_redo,
    can_undo,
    return_to,
    what_it_is,
)


@pytest.fixture
def session(small):
    return Session(small, MODEL, TRAIN, seed=5)


# One level

EDITS = [
    {"learning_rate": 0.01},
    {"batch_size": 70},
    {"batch_size": 0, "train_on": "first-9"},
    {"optimizer": "adamw", "learning_rate": 0.003},
    {"weight_decay": 0.2, "dropout": 0.3},
    {"hidden": 17},
    {"hidden": 4, "embedding": 2},
    {"context": 5, "embedding": 7},
    {"context": 2},
    {"direct": True},
    {"kind": "ngram", "order": 3, "smoothing": 0.5},
    {"kind": "neural-bigram", "init": "lecture"},
]


@pytest.mark.parametrize("changes", EDITS, ids=str)
@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
def test_undo_goes_back_to_just_before_the_edit_and_redo_to_where_one_was(
    small, optimizer, changes, undisturbed
):
    session = Session(small, MODEL, TrainSettings(optimizer=optimizer, batch_size=8, dropout=0.2))
    session.train(13)
    session.evaluate("dev")
    before, untouched = what_it_is(session), undisturbed(session)
    session.edit(**changes)
    session.train(9)
    session.evaluate("dev")
    after, edited = what_it_is(session), undisturbed(session)
    for _ in range(2):
        session.timeline.undo()
        assert what_it_is(session) == before
        session.timeline.redo()
        assert what_it_is(session) == after
    assert_same_future(session, edited)
    session.timeline.undo()
    assert_same_future(session, untouched)


@pytest.mark.parametrize("kind", ["ngram", "neural-bigram"])
def test_every_kind_of_run_can_go_back(small, kind, undisturbed):
    session = Session(small, ModelSettings(kind=kind, init="lecture"), TRAIN)
    session.train(5)
    before, untouched = what_it_is(session), undisturbed(session)
    session.edit(smoothing=0.1, learning_rate=3)
    session.train(5)
    session.edit(train_on="all")
    session.train(5)
    session.timeline.undo()
    session.timeline.undo()
    assert what_it_is(session) == before
    assert_same_future(session, untouched, 5)


def test_a_restart_can_be_undone(session):
    session.train(20)
    before = what_it_is(session)
    session.timeline.restart(seed=8)
    session.train(3)
    after = what_it_is(session)
    assert session.timeline.undo() == "seed 8"
    assert what_it_is(session) == before
    assert session.timeline.redo() == "seed 8"
    assert what_it_is(session) == after


def test_what_was_trained_between_undo_and_redo_is_not_lost(session):
    session.train(5)
    session.edit(hidden=12)
    session.train(5)
    after = what_it_is(session)
    session.timeline.undo()
    session.train(7)
    between = what_it_is(session)
    session.timeline.redo()
    assert what_it_is(session) == after
    session.timeline.undo()
    assert what_it_is(session) == between


def test_training_on_does_not_reach_what_was_put_away_at_the_same_step(small):
    session = Session(small, MODEL, TrainSettings(optimizer="adamw", batch_size=8))
    session.train(9)
    states = []
    for changes in ({"learning_rate": 0.01}, {"batch_size": 4}, {"weight_decay": 0.1}):
        states.append(what_it_is(session))
        session.edit(**changes)
    session.train(9)
    last = what_it_is(session)
    while states:
        session.timeline.undo()
        assert what_it_is(session) == states.pop()
        session.train(9)
    for _ in range(3):
        session.timeline.redo()
    assert what_it_is(session) == last


def test_looking_does_not_change_what_undo_goes_back_to(session):
    session.train(5)
    before = what_it_is(session)
    session.edit(hidden=12)
    session.sample(5)
    session.evaluate("dev")
    session.probe("abc")
    session.timeline.undo()
    session.sample(5)
    assert what_it_is(session) == before


def test_with_nothing_to_undo_or_redo_it_says_so_and_changes_nothing(session):
    session.train(3)
    before = what_it_is(session)
    assert (can_undo(session), can_redo(session)) == (None, None)
    with pytest.raises(UserError, match="nothing to undo"):
        session.timeline.undo()
    with pytest.raises(UserError, match="nothing to redo"):
        session.timeline.redo()
    session.edit(hidden=12)
    with pytest.raises(UserError, match="nothing to redo"):
        session.timeline.redo()
    session.timeline.undo()
    with pytest.raises(UserError, match="nothing to undo"):
        session.timeline.undo()
    assert what_it_is(session) == before


def test_a_refused_edit_leaves_nothing_to_undo_and_keeps_what_can_be_redone(session):
    session.edit(hidden=12)
    session.timeline.undo()
    with pytest.raises(UserError):
        session.edit(hidden=0)
    assert (can_undo(session), can_redo(session)) == (None, "hidden 12")


def test_a_new_edit_ends_what_can_be_redone(session):
    session.edit(hidden=12)
    session.timeline.undo()
    session.edit(learning_rate=0.2)
    assert (can_undo(session), can_redo(session)) == ("lr 0.2", None)


def test_it_says_what_would_be_undone_and_redone(session):
    session.edit(learning_rate=0.2, batch_size=4)
    session.edit(hidden=12)
    session.timeline.restart()
    assert can_undo(session) == "restart"
    assert [session.timeline.undo() for _ in range(3)] == [
        "restart",
        "hidden 12",
        "lr 0.2, batch 4",
    ]
    assert [session.timeline.redo() for _ in range(3)] == [
        "lr 0.2, batch 4",
        "hidden 12",
        "restart",
    ]


def test_an_undone_edit_is_not_in_the_journal_nor_among_the_marks(session):
    session.edit(learning_rate=0.2)
    session.train(4)
    session.edit(hidden=12)
    session.edit(batch_size=4)
    assert journal_marks(session.journal) == [(0, "lr 0.2"), (4, "hidden 12, batch 4")]
    session.timeline.undo()
    assert session.journal == [
        JournalEntry(0, {"learning_rate": 0.2}),
        JournalEntry(4, {"hidden": 12}),
    ]
    assert journal_marks(session.journal) == [(0, "lr 0.2"), (4, "hidden 12")]
    session.timeline.redo()
    assert journal_marks(session.journal) == [(0, "lr 0.2"), (4, "hidden 12, batch 4")]


# Many levels

acts = st.one_of(
    st.tuples(st.just("train"), st.integers(1, 9)),
    st.tuples(st.just("edit"), st.sampled_from(EDITS)),
    st.tuples(st.just("restart"), st.sampled_from([None, 7])),
    st.tuples(st.just("undo"), st.none()),
    st.tuples(st.just("redo"), st.none()),
    st.tuples(st.just("return_to"), st.integers(0, 2)),
)


@hypothesis_settings(max_examples=60)
@given(st.lists(acts, max_size=14))
def test_however_one_goes_back_and_forth_every_state_is_as_it_was_left(small, undisturbed, plan):
    """A plain pair of lists of what a person saw is the baseline."""
    session = Session(small, MODEL, TRAIN, seed=2)
    past, future = [], []
    for act, how in plan:
        now = what_it_is(session)
        if act == "train":
            session.train(how)
        elif act == "undo" and past:
            session.timeline.undo()
            assert what_it_is(session) == past.pop()
            future.append(now)
        elif act == "redo" and future:
            session.timeline.redo()
            assert what_it_is(session) == future.pop()
            past.append(now)
        elif (
            act == "edit" or act == "restart" or (act == "return_to" and how < len(now["previous"]))
        ):
            if act == "edit":
                session.edit(**how)
            elif act == "restart":
                session.timeline.restart(how)
            else:
                return_to(session, how)
            past.append(now)
            future.clear()
    assert_same_future(session, undisturbed(session), 10)


def trained_between_edits(session, edits):
    for i in range(edits):
        session.train(3)
        session.edit(learning_rate=0.001 + 1e-5 * i)
    session.train(3)


# Other data


def test_a_change_of_dataset_can_be_undone(session, names, small, undisturbed):
    session.train(20)
    session.timeline.restart(6)
    session.train(7)
    before, untouched = what_it_is(session), undisturbed(session)
    session.timeline.restart(dataset=names)
    session.train(3)
    assert (session.dataset, can_undo(session)) == (names, "data names")
    assert session.timeline.previous_runs == []
    after = what_it_is(session)
    assert session.timeline.undo() == "data names"
    assert session.dataset is small
    assert what_it_is(session) == before
    assert session.timeline.redo() == "data names"
    assert session.dataset is names
    assert what_it_is(session) == after
    session.timeline.undo()
    assert_same_future(session, untouched)


def test_undo_goes_back_over_many_changes_of_data(session, names, small, many_characters):
    session.train(4)
    session.timeline.restart(8)
    session.train(5)
    before = what_it_is(session)
    session.timeline.restart(dataset=names)
    session.edit(hidden=12)
    session.timeline.restart(dataset=many_characters)
    assert session.timeline.previous_runs == []
    labels = [session.timeline.undo() for _ in range(3)]
    assert labels == ["data items.txt", "hidden 12", "data names"]
    assert session.dataset is small
    assert what_it_is(session) == before
    assert [session.timeline.redo() for _ in range(3)] == labels[::-1]
    assert session.dataset is many_characters


def test_a_dataset_with_which_the_settings_cannot_be_had_changes_nothing(small, many_characters):
    session = Session(small, MODEL, replace(TRAIN, batch_size=0))
    session.train(5)
    before = what_it_is(session)
    with pytest.raises(UserError):
        session.timeline.restart(dataset=many_characters)
    assert session.dataset is small
    assert what_it_is(session) == before
    assert (can_undo(session), session.diverged_at) == (None, None)


def held_bytes(stack):
    """What the stack holds, counted by the memory behind its tensors."""
    levels = stack.past + stack.future
    states = [level.state for level in levels] + list(stack.previous_runs)
    states += [state for level in levels for state in level.previous_runs]
    tensors = [tensor for state in states for tensor in state.tensors]
    storages = {t.untyped_storage().data_ptr(): t.untyped_storage().nbytes() for t in tensors}
    return sum(storages.values())


def test_a_hundred_levels_of_the_preset_tuned_fit_into_the_budget(names):
    tuned = PRESETS["tuned"]
    session = Session(names, tuned.model, replace(tuned.train, batch_size=4))
    session.train(1)
    session.history.append(torch.full((16_400,), 3.0))  # the losses fill their memory
    trained_between_edits(session, 110)
    assert len(session.timeline.past) >= 100
    assert held_bytes(session.timeline) <= BUDGET
    assert session.timeline.nbytes(names) == held_bytes(session.timeline)
    levels = len(session.timeline.past)
    labels = [session.timeline.undo() for _ in range(levels)]
    assert labels == [f"lr {0.001 + 1e-5 * i:g}" for i in range(109, 109 - levels, -1)]
    assert held_bytes(session.timeline) <= BUDGET


def test_every_level_is_a_whole_state_so_that_undo_trains_nothing(names, monkeypatch):
    session = Session(names, MODEL, TRAIN)
    trained_between_edits(session, 30)
    monkeypatch.setattr(GradientTrainer, "train", None)
    for i in range(30, 0, -1):
        session.timeline.undo()
        assert session.step == 3 * i


def test_states_at_one_step_share_what_they_have_in_common(names):
    session = Session(names, ModelSettings(), TrainSettings(optimizer="adamw"))
    session.train(10)
    session.edit(learning_rate=0.5)
    one = held_bytes(session.timeline)
    for i in range(50):
        session.edit(learning_rate=0.01 + i / 100)
    assert held_bytes(session.timeline) == one
    for _ in range(20):
        session.timeline.undo()
    assert held_bytes(session.timeline) == one
    assert len(session.timeline.past) == 31


def test_beyond_the_budget_the_oldest_levels_go(session):
    session.train(3)
    session.edit(learning_rate=0.5)
    one = session.timeline.nbytes(session.dataset)
    session.timeline.budget = 5 * one
    trained_between_edits(session, 40)
    kept = len(session.timeline.past)
    assert 4 <= kept <= 6
    assert held_bytes(session.timeline) <= 5 * one
    labels = [session.timeline.undo() for _ in range(kept)]
    assert labels == [f"lr {0.001 + 1e-5 * i:g}" for i in range(39, 39 - kept, -1)]


def test_the_nearest_level_and_previous_run_stay_whatever_their_size(session):
    session.timeline.budget = 1
    trained_between_edits(session, 9)
    for seed in range(1, 7):
        session.timeline.restart(seed)
        session.train(1)
    assert len(session.timeline.past) == 1
    assert [run.seed for run in session.timeline.previous_runs] == [5]
    session.timeline.undo()
    assert (session.seed, session.step) == (5, 1)
    session.timeline.redo()
    assert (session.seed, session.step) == (6, 1)


def test_other_data_weighs_what_its_tokens_do(session, names, many_characters):
    trained_between_edits(session, 2)
    session.timeline.restart(dataset=names)
    trained_between_edits(session, 2)
    assert len(session.timeline.past) == 5
    session.timeline.budget = names.nbytes
    session.timeline.restart(dataset=many_characters)
    assert len(session.timeline.past) == 1
    session.timeline.undo()
    assert session.dataset is names


def test_there_is_an_end_to_levels_that_weigh_nothing(session):
    for i in range(600):
        session.edit(learning_rate=1 + i)
    assert 100 <= len(session.timeline.past) <= 500


# Divergence


def way_back(session):
    """What undo takes back of a diverged run."""
    level = session.timeline.before_divergence()
    return level and level.label


@pytest.mark.parametrize("slices", [[200], [1] * 200, [7] * 20])
def test_the_step_is_known_whose_loss_was_the_first_not_to_be_finite(small, slices):
    session = Session(small, MODEL, TRAIN)
    losses = session.train(11).tolist()
    session.edit(**FAR_TOO_FAST)
    for steps in slices:
        losses += session.train(steps).tolist()
    first = next(i for i, loss in enumerate(losses) if not abs(loss) < float("inf"))
    assert session.diverged_at == first > 11


def test_undo_brings_back_finite_weights(session):
    session.train(11)
    before = what_it_is(session)
    session.edit(**FAR_TOO_FAST)
    session.train(60)
    assert session.diverged_at is not None
    session.timeline.undo()
    assert what_it_is(session) == before
    assert session.diverged_at is None


def test_undo_passes_over_edits_that_came_too_late(session):
    session.train(11)
    before = what_it_is(session)
    session.edit(**FAR_TOO_FAST)
    session.train(60)
    session.edit(learning_rate=0.1)
    session.edit(weight_decay=0)
    session.train(5)
    after = repr(what_it_is(session))
    assert can_undo(session) == "lr 1,000, decay 100"
    assert session.timeline.undo() == "lr 1,000, decay 100"
    assert what_it_is(session) == before
    assert [session.timeline.redo() for _ in range(3)] == [
        "lr 1,000, decay 100",
        "lr 0.1",
        "decay 0",
    ]
    assert repr(what_it_is(session)) == after


def test_weights_that_are_not_finite_cannot_change_size(session):
    session.edit(**FAR_TOO_FAST)
    session.train(60)
    before = repr(what_it_is(session))
    for changes in ({"hidden": 5}, {"hidden": 50, "learning_rate": 0.1}):
        with pytest.raises(UserError, match="not finite"):
            session.edit(**changes)
    assert repr(what_it_is(session)) == before


def test_a_restart_after_a_divergence_is_not_diverged(session):
    session.edit(**FAR_TOO_FAST)
    session.train(60)
    session.timeline.restart()
    assert session.diverged_at is None


# Where there is no room for what is moved


def test_undo_from_a_divergence_reaches_the_finite_weights_whatever_room_is_left(
    names,
):
    session = Session(names, ModelSettings(), TrainSettings(batch_size=8))
    session.train(30)
    session.edit(learning_rate=1000, weight_decay=100)
    session.train(80)
    for i in range(4):
        session.edit(learning_rate=0.1 + i / 100)
        session.train(1)
    session.edit(optimizer="adamw")
    session.train(1)
    session.timeline.budget = session.timeline.nbytes(names)
    assert way_back(session) == "lr 1,000, decay 100"
    assert session.timeline.undo() == "lr 1,000, decay 100"
    assert (session.step, session.diverged_at) == (30, None)


def test_a_run_that_is_returned_to_gives_its_place_whatever_room_is_left(names):
    session = Session(names, ModelSettings(), TrainSettings(batch_size=8, steps=100))
    for seed in (2, 3, 4, 5):
        session.train(5)
        session.timeline.restart(seed)
    session.train(7)
    session.timeline.budget = session.timeline.nbytes(names)
    return_to(session, 1)
    assert session.seed == 2
    previous = {run.seed for run in session.timeline.previous_runs}
    assert previous >= {3, 4}
    assert 2 not in previous


def test_the_same_file_without_its_repeated_items_is_other_data(session, small):
    unique = Dataset(small.path, unique=True)
    session.train(5)
    session.timeline.switch_to(Session(unique, MODEL, TRAIN).state(), "run run")
    assert session.dataset is unique
    assert session.timeline.previous_runs == []


def test_without_finite_weights_to_go_back_to_there_is_no_way_back(small):
    settings = TrainSettings(learning_rate=1000, weight_decay=100)
    session = Session(small, ModelSettings(hidden=4), settings)
    assert way_back(session) is None
    session.train(200)
    session.edit(learning_rate=0.1)
    assert session.diverged_at is not None
    assert (can_undo(session), way_back(session)) == ("lr 0.1", None)
