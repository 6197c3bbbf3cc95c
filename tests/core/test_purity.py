"""What the library leaves alone: global random numbers, threads, output, the clock."""

import random
import time
from contextlib import contextmanager
from functools import partial
from itertools import count

import pytest
import torch

from makemore_tui.core import ModelSettings, Session, TrainSettings, UserError, replay
from makemore_tui.core.analysis.lr_finder import LearningRateFinder
from makemore_tui.core.training.time_slicer import TimeSlicer
from tests.support.sessions import return_to

MODEL = ModelSettings(context=2, embedding=3, hidden=6)
TRAIN = TrainSettings(batch_size=70, optimizer="adamw", learning_rate=0.01, dropout=0.2)
CLOCKS = ("time", "perf_counter", "monotonic", "process_time", "thread_time")


@pytest.fixture
def session(small):
    """A run of 20 steps with something to undo and to redo."""
    session = Session(small, MODEL, TRAIN, seed=3)
    session.train(10)
    session.edit(hidden=8)
    session.train(10)
    session.edit(learning_rate=0.02)
    session.edit(learning_rate=0.03)
    session.timeline.undo()
    return session


@pytest.fixture
def saved(session, tmp_path):
    session.save(tmp_path / "run")
    return tmp_path / "run"


def found(session):
    """What the finder says at the end."""
    return session.find_lr(steps=50, seeds=2)


def refuse(session):
    with pytest.raises(UserError):
        session.edit(hidden=0)


def explode(session):
    session.edit(optimizer="sgd", learning_rate=1000, weight_decay=1)
    session.train(30)
    assert session.diverged_at is not None
    session.timeline.undo()


def look(session):
    """All that the panels show."""
    session.health()
    session.embedding_map()
    session.bigrams()
    session.baselines()
    session.probe("abc")


ON_A_SESSION = {
    "train": lambda one: one.train(30),
    "edit": lambda one: one.edit(optimizer="sgd", batch_size=8),
    "refuse": refuse,
    "grow": lambda one: one.edit(hidden=12, context=4, embedding=5),
    "shrink": lambda one: one.edit(hidden=4, context=1, embedding=2),
    "restart": lambda one: (one.edit(steps=99), one.timeline.restart(seed=9), return_to(one, 0)),
    "count": lambda one: (one.edit(kind="ngram"), one.train(9)),
    "one-layer": lambda one: (one.edit(kind="neural-bigram", init="lecture"), one.train(9)),
    "change-dataset": lambda one: one.timeline.restart(dataset=one.dataset),
    "undo": lambda one: (one.timeline.undo(), one.timeline.redo()),
    "diverge": explode,
    "evaluate": lambda one: [one.evaluate(split) for split in ("train", "dev", "test", "first-9")],
    "sample": lambda one: (one.sample(20), one.sample(3, seed=1, temperature=0)),
    "probe": lambda one: one.probe("abc"),
    "look": look,
    "find-a-rate": found,
}
ON_A_RUN = {
    "load": Session.load,
    "replay": replay,
    "save-again": lambda run: Session.load(run).save(run.with_name("again")),
}


@contextmanager
def nothing_moves(capfd, threads=1):
    """See that what belongs to the whole process is afterwards as it was, and nothing is said."""
    torch.set_num_threads(threads)
    capfd.readouterr()
    before = torch.get_rng_state(), random.getstate(), torch.is_grad_enabled()
    try:
        yield
        assert torch.get_num_threads() == threads
        assert torch.equal(torch.get_rng_state(), before[0])
        assert (random.getstate(), torch.is_grad_enabled()) == before[1:]
        assert capfd.readouterr() == ("", "")
    finally:
        torch.set_num_threads(1)


@pytest.mark.parametrize("do", ON_A_SESSION.values(), ids=ON_A_SESSION.keys())
def test_a_session_moves_nothing_of_the_process(session, do, capfd):
    with nothing_moves(capfd):
        do(session)


@pytest.mark.parametrize("do", ON_A_RUN.values(), ids=ON_A_RUN.keys())
def test_neither_does_a_run_on_disk_whatever_its_threads_were(saved, do, capfd):
    with nothing_moves(capfd, threads=2):  # it was saved with one
        do(saved)


def test_saving_moves_nothing(session, tmp_path, capfd):
    with nothing_moves(capfd):
        session.save(tmp_path / "run", {"dev_loss": 1.0})


def test_the_same_come_what_may_of_the_global_random_numbers(small, state_hash):
    def trained():
        session = Session(small, MODEL, TRAIN, seed=3)
        session.train(20)
        session.edit(hidden=9)
        session.train(20)
        return state_hash(session), session.sample(9), session.evaluate("dev")

    with torch.random.fork_rng():
        first = trained()
        torch.manual_seed(99)
        random.seed(99)
        assert trained() == first


# The clock


@pytest.fixture
def no_clock(monkeypatch):
    """Whoever reads a clock is refused."""

    def refuse(*_):
        raise AssertionError("the clock was read")

    for name in CLOCKS:
        monkeypatch.setattr(time, name, refuse)
        monkeypatch.setattr(time, f"{name}_ns", refuse)


@pytest.mark.parametrize("name", [name for name in ON_A_SESSION if name != "find-a-rate"])
@pytest.mark.usefixtures("no_clock")
def test_a_session_reads_no_clock(session, name):
    ON_A_SESSION[name](session)


@pytest.mark.usefixtures("no_clock")
def test_saving_and_loading_read_no_clock_but_for_when_it_was_saved(session, tmp_path, state_hash):
    session.save(tmp_path / "run")
    assert state_hash(Session.load(tmp_path / "run")) == state_hash(session)


def clock(seconds):
    """A clock on which so many seconds pass from one look to the next."""
    ticks = count()
    return lambda: next(ticks) * seconds


@pytest.mark.parametrize("seconds", [1e-7, 1e3, -1.0])
def test_the_finder_finds_the_same_whatever_the_clock_says(session, seconds):
    finder = LearningRateFinder(session.trainer, steps=50, seeds=2, clock=clock(seconds))
    while finder.advance():
        pass
    assert finder.result() == found(session)


@pytest.mark.parametrize("seconds", [1e-7, 1e3, -1.0])
def test_a_replay_is_the_same_whatever_the_clock_says(saved, seconds, monkeypatch):
    paced = partial(TimeSlicer, clock=clock(seconds))
    monkeypatch.setattr("makemore_tui.core.session.replay.TimeSlicer", paced)
    done = replay(saved)
    assert (done.identical, done.steps) == (True, 20)
