"""The splits evaluated between slices of training: never with other weights than it says."""

import pytest

from makemore_tui.core.session.session import Session
from makemore_tui.core.settings import ModelSettings, TrainSettings
from makemore_tui.core.worker.eval_scheduler import EvalScheduler


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
def watch():
    return EvalScheduler(Clock())


def finish(watch, session):
    while watch.has_work(session, is_training=True):
        watch.advance(session, is_training=True)


def test_it_evaluates_what_the_session_evaluates(session, watch):
    finish(watch, session)
    assert watch.splits.step == 300
    for split in ("train", "dev"):
        assert getattr(watch.splits, split) == pytest.approx(session.evaluate(split).loss)


def dev_loss(watch):
    assert watch.splits is not None
    return watch.splits.dev


def test_an_evaluation_under_way_while_the_size_changes_begins_anew(session, watch):
    watch.advance(session, is_training=True)
    assert watch.splits is None
    session.edit(hidden=2)
    watch.heed_edit(session, is_resized=True, is_another_loss=False)
    finish(watch, session)
    assert dev_loss(watch) == pytest.approx(session.evaluate("dev").loss)


def test_a_test_of_weights_that_are_gone_is_never_told(session, watch):
    session.edit(learning_rate=0.2)
    session.train(50)
    watch.ask_for_test(session)
    watch.advance(session, is_training=True)
    assert watch.test is None
    session.undo()
    watch.forget()
    finish(watch, session)
    assert (watch.test, watch.asked) == (None, 1)


def test_while_training_it_waits_from_one_evaluation_to_the_next(session, watch):
    finish(watch, session)
    session.train(1)
    assert not watch.has_work(session, is_training=True)
    assert watch.has_work(session, is_training=False)
    while watch.has_work(session, is_training=False):
        watch.advance(session, is_training=False)
    assert watch.splits.step == 301
