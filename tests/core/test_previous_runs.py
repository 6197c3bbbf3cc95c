"""Previous runs: which are kept, how they are named, and what returning to one does."""

import pytest

from makemore_tui.core.errors import UserError
from makemore_tui.core.runs.checkpoint import read
from makemore_tui.core.session.session import Session
from makemore_tui.core.settings import ModelSettings, TrainSettings
from tests.support.sessions import (
    MODEL,
    TRAIN,
    assert_same_future,
    can_undo,
    previous_names,
    return_to,
    what_it_is,
)


@pytest.fixture
def session(small):
    return Session(small, MODEL, TRAIN, seed=5)


# Previous runs


def test_a_restart_keeps_the_run_before(session):
    session.train(30)
    session.evaluate("dev")
    session.edit(learning_rate=0.2)
    session.train(10)
    dev = [loss for _, loss in [*session.dev_losses.points]] + [session.evaluate("dev").loss]
    curve = session.history.curve(0, 100)
    before = what_it_is(session)
    session.edit(direct=True, batch_size=4)
    (run,) = session.timeline.previous_runs
    assert previous_names(session)[0] == f"direct off, batch 8 → {min(dev):.2f}"
    assert (run.model_settings, run.train_settings) == before["settings"][:2]
    assert (run.seed, run.step) == (5, 40)
    assert (run.dev_losses.best, run.dev_losses.last) == (min(dev), dev[-1])
    assert run.history.curve(0, 100) == curve
    session.train(5)
    assert run.history.curve(0, 100) == curve


@pytest.mark.parametrize(
    ("begin_another", "name"),
    [
        (lambda s: s.timeline.restart(), "4 steps"),
        (lambda s: s.timeline.restart(9), "seed 5"),
        (lambda s: s.edit(kind="ngram", batch_size=1), "MLP"),
        (lambda s: s.edit(init="lecture", learning_rate=0.7), "init scaled, lr 0.1"),
        (
            lambda s: s.edit(direct=True, hidden=20, embedding=7),
            "embedding 4, hidden 10, direct off",
        ),
    ],
)
def test_a_previous_run_is_named_by_what_differs_from_the_present_one(session, begin_another, name):
    session.train(4)
    begin_another(session)
    assert previous_names(session)[0] == name


def test_counts_are_named_with_the_loss_of_the_table_that_they_ended_as(small):
    session = Session(small, ModelSettings(kind="ngram"), TrainSettings(batch_size=0), seed=5)
    session.evaluate("dev")  # of the table before anything is counted
    session.train(1)
    session.edit(smoothing=1000)
    low = session.evaluate("dev").loss
    session.edit(smoothing=0.1)
    assert session.state().best_dev is None  # until it is evaluated
    high = session.evaluate("dev").loss
    session.timeline.restart(6)
    assert f"{high:.2f}" > f"{low:.2f}"
    assert previous_names(session) == [f"seed 5 → {high:.2f}"]
    session.edit(order=5, smoothing=0)
    session.train(1)
    assert session.evaluate("dev").loss == float("inf")
    session.timeline.restart(7)
    assert previous_names(session)[-1] == "seed 6 → ∞"


def test_its_name_follows_the_present_runs_edits(session):
    session.train(4)
    session.timeline.restart()
    session.edit(learning_rate=0.2)
    session.edit(hidden=20)
    assert previous_names(session)[0] == "hidden 10, lr 0.1"
    session.edit(hidden=10)
    assert previous_names(session)[0] == "lr 0.1"


def test_it_is_named_by_what_it_was_trained_with_and_not_by_edits_after_its_last_step(session):
    session.edit(learning_rate=0.2)
    session.train(4)
    session.edit(hidden=20)
    session.timeline.restart()
    session.train(4)
    session.edit(hidden=30)
    session.timeline.restart()
    assert previous_names(session) == ["hidden 10", "hidden 20"]
    assert session.timeline.previous_runs[0].model_settings.hidden == 20  # where it stands


def test_a_change_of_size_leaves_no_previous_run(session):
    session.train(4)
    session.edit(hidden=20)
    session.edit(context=2)
    assert session.timeline.previous_runs == []


def test_a_run_that_took_no_step_is_not_kept(session):
    session.timeline.restart(7)
    assert session.timeline.previous_runs == []
    session.timeline.undo()
    assert session.seed == 5


@pytest.mark.parametrize(("steps", "is_kept"), [(1, False), (2, True)])
def test_a_run_left_within_a_hundredth_of_its_plan_is_not_kept_but_undo_brings_it_back(
    session, steps, is_kept
):
    session.edit(steps=200)
    session.train(steps)
    before = what_it_is(session)
    session.timeline.restart(7)
    assert bool(session.timeline.previous_runs) == is_kept
    session.timeline.undo()
    assert what_it_is(session) == before


def test_a_pinned_run_stays_whatever_comes_after_it(session):
    session.train(1)
    session.timeline.restart(0)
    session.timeline.pin(0)
    for seed in range(1, 12):
        session.train(1)
        session.timeline.restart(seed)
    runs = session.timeline.previous_runs
    assert [run.seed for run in runs] == [5, *range(4, 11)]
    assert [session.timeline.is_pinned(run) for run in runs] == [True, *[False] * 7]
    session.timeline.budget = 0
    session.train(1)
    session.timeline.restart(20)
    assert [run.seed for run in session.timeline.previous_runs] == [5, 11]
    session.timeline.pin(0)
    session.train(1)
    session.timeline.restart(21)
    assert [run.seed for run in session.timeline.previous_runs] == [20]


def test_eight_previous_runs_are_kept(session):
    for seed in range(12):
        session.train(1)
        session.timeline.restart(seed)
    assert [run.seed for run in session.timeline.previous_runs] == list(range(3, 11))


def test_returning_to_a_previous_run_swaps_it_with_the_present_one(session, undisturbed):
    session.train(20)
    session.edit(hidden=14)
    session.train(5)
    first, untouched = what_it_is(session), undisturbed(session)
    session.edit(init="lecture")
    session.train(9)
    second = what_it_is(session)
    return_to(session, 0)
    assert what_it_is(session) | {"previous": []} == first
    (run,) = session.timeline.previous_runs
    assert (previous_names(session), run.step) == (["init lecture"], 9)
    return_to(session, 0)
    assert what_it_is(session) == second
    return_to(session, 0)
    assert_same_future(session, untouched)


def test_a_return_can_be_undone(session):
    session.train(20)
    session.timeline.restart(7)
    session.train(6)
    session.timeline.restart(8)
    session.train(3)
    before = what_it_is(session)
    name = previous_names(session)[0]
    return_to(session, 0)
    returned = what_it_is(session)
    assert session.timeline.undo() == f"return to {name}"
    assert what_it_is(session) == before
    session.timeline.redo()
    assert what_it_is(session) == returned


def test_the_run_that_an_undone_restart_had_put_away_is_no_previous_run(session):
    session.train(4)
    session.timeline.restart()
    assert len(session.timeline.previous_runs) == 1
    session.timeline.undo()
    assert session.timeline.previous_runs == []
    session.timeline.redo()
    assert len(session.timeline.previous_runs) == 1


@pytest.mark.parametrize("index", [-1, 1, 8])
def test_a_previous_run_that_is_not_there_is_refused(session, index):
    session.train(1)
    session.timeline.restart()
    before = what_it_is(session)
    with pytest.raises(UserError, match=f"no previous run {index}; there are 1"):
        return_to(session, index)
    assert what_it_is(session) == before


# Going on with another session's run


def test_another_sessions_run_is_gone_on_with_and_undo_leads_back(session, small):
    other = Session(small, MODEL, TRAIN, seed=6)
    other.train(30)
    other.edit(hidden=12)
    other.train(5)
    session.train(20)
    before, there, run = what_it_is(session), what_it_is(other), session.run
    session.timeline.switch_to(other.state(), "run first")
    assert can_undo(session) == "run first"
    assert [one.step for one in session.timeline.previous_runs] == [20]
    assert what_it_is(session) | {"previous": []} == there
    assert session.run is other.run
    session.train(10)
    other.train(10)
    assert what_it_is(session) | {"previous": []} == what_it_is(other)
    session.timeline.undo()
    assert what_it_is(session) == before
    assert session.run is run
    session.timeline.redo()
    assert session.step == 45


def test_a_run_on_other_data_is_gone_on_with_and_undo_leads_back(session, names, small):
    other = Session(names, MODEL, TRAIN, seed=6)
    other.train(30)
    session.train(20)
    session.timeline.switch_to(other.state(), "run first")
    assert session.dataset is names
    assert session.timeline.previous_runs == []
    session.timeline.undo()
    assert (session.dataset, session.step) == (small, 20)


def test_the_same_data_read_again_keeps_previous_runs(session, small, tmp_path):
    session.train(5)
    session.timeline.restart(7)
    session.train(20)
    session.save(tmp_path / "run")
    session.timeline.switch_to(read(tmp_path / "run"), "run run")
    assert session.dataset is small
    assert len(session.timeline.previous_runs) == 2
