"""The splits evaluated between slices of training: never with other weights than it says."""

from itertools import pairwise

import pytest

from makemore_tui.core.session.session import Session
from makemore_tui.core.settings import ModelSettings, TrainSettings
from makemore_tui.core.worker.eval_scheduler import EvalScheduler
from makemore_tui.core.worker.runner import SessionRunner


class Clock:
    """Stands still until it is moved."""

    now = 1.0

    def __call__(self):
        return self.now


@pytest.fixture
def session(names):
    session = Session(names, ModelSettings(hidden=30), TrainSettings(batch_size=8))
    session.train(300)
    return session


@pytest.fixture
def evals():
    return EvalScheduler(Clock())


def finish(evals, session):
    while evals.has_work(session, is_training=True):
        evals.advance(session, is_training=True)


def test_it_evaluates_what_the_session_evaluates(session, evals):
    finish(evals, session)
    assert evals.splits.step == 300
    for split in ("train", "dev"):
        assert getattr(evals.splits, split) == pytest.approx(session.evaluate(split).loss)


def dev_loss(evals):
    assert evals.splits is not None
    return evals.splits.dev


def test_an_evaluation_under_way_while_the_size_changes_begins_anew(session, evals):
    evals.advance(session, is_training=True)
    assert evals.splits is None
    session.edit(hidden=2)
    evals.edited(session, is_resized=True, is_another_loss=False)
    finish(evals, session)
    assert dev_loss(evals) == pytest.approx(session.evaluate("dev").loss)


def test_a_test_of_weights_that_are_gone_is_never_told(session, evals):
    session.edit(learning_rate=0.2)
    session.train(50)
    evals.request_test(session)
    evals.advance(session, is_training=True)
    assert evals.test is None
    session.timeline.undo()
    evals.reset()
    finish(evals, session)
    assert (evals.test, evals.tests_requested) == (None, 1)


def test_while_training_it_waits_from_one_evaluation_to_the_next(session, evals):
    finish(evals, session)
    session.train(1)
    assert not evals.has_work(session, is_training=True)
    assert evals.has_work(session, is_training=False)
    while evals.has_work(session, is_training=False):
        evals.advance(session, is_training=False)
    assert evals.splits.step == 301


def test_counts_that_begin_anew_are_evaluated_when_there_are_some(names):
    train = TrainSettings(batch_size=0, smoothing_method="kneser-ney")
    runner = SessionRunner(Session(names, ModelSettings(kind="ngram", order=3), train))
    while not runner.is_resting:
        runner.advance()
    runner.edit({"train_on": "all"})
    while not runner.is_resting:  # several turns go by before the next step
        runner.advance()
    losses = dict(runner.session.dev_losses.points)
    assert losses[2] <= losses[1] < 2.3


@pytest.mark.parametrize(("steps", "most"), [(200, 8), (2000, 40)])
def test_a_short_run_evaluates_dev_along_all_of_its_steps(names, steps, most):
    train = TrainSettings(batch_size=8, steps=steps)
    runner = SessionRunner(Session(names, ModelSettings(hidden=5), train), Clock())
    while runner.training.is_training:  # for no time at all, by its clock
        runner.advance()
    evaluated = [step for step, _ in runner.session.dev_losses.points]
    assert evaluated[0] == 1
    assert evaluated[1] <= 10  # a few steps later where tables of contexts are made first
    assert max(b - a for a, b in pairwise([*evaluated[1:], steps])) <= most


def test_a_long_run_does_not_evaluate_by_steps(session, evals):
    finish(evals, session)
    session.train(5000)
    assert not evals.has_work(session, is_training=True)
    assert evals.steps_until_due(session) > 10**9


def test_of_counts_the_plan_is_all_examples_whatever_steps_are_planned(names, evals):
    train = TrainSettings(batch_size=32, steps=1)
    session = Session(names, ModelSettings(kind="ngram"), train)
    session.train(300)
    finish(evals, session)
    session.train(20)
    assert not evals.has_work(session, is_training=True)
