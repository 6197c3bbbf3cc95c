import pytest
import torch

from makemore_tui.core.errors import UserError
from makemore_tui.core.run_spec import RunSpec
from makemore_tui.core.session.comparison import compare, pairs_of
from makemore_tui.core.session.replay import replay
from makemore_tui.core.session.session import Session
from makemore_tui.core.session.twins import Twins
from makemore_tui.core.settings import ModelSettings, TrainSettings
from tests.support.sessions import FAR_TOO_FAST, MODEL, TRAIN, assert_same_future, what_it_is

CHANGES = [
    {"learning_rate": 0.01},
    {"hidden": 14},
    {"optimizer": "adamw"},
    {"schedule": "linear"},
    {"dropout": 0.5},
    {"context": 5},
    {"batch_size": 16},
    {"kind": "neural-bigram"},
]


@pytest.fixture
def session(small):
    session = Session(small, MODEL, TRAIN)
    session.train(20)
    return session


@pytest.mark.parametrize("changes", CHANGES, ids=str)
def test_a_beside_b_is_a_alone_and_b_is_replayed_bit_for_bit(small, session, changes):
    alone = Session(small, MODEL, TRAIN)
    alone.train(70)
    alone.evaluate()
    twins = Twins(session)
    twins.edit(**changes)
    for steps in (1, 30, 200, 19):
        twins.train(min(steps, 70 - session.step))
    while twins.b.step < 70:  # a new run catches up
        twins.train(30)
    twins.evaluate()
    assert what_it_is(twins.a) == what_it_is(alone)
    assert replay(twins.b.state()).identical
    assert_same_future(twins.a, alone)


@pytest.mark.parametrize("dropout", [0.0, 0.3])
@pytest.mark.parametrize("slices", [[60], [1, 2, 40, 17]])
def test_an_unchanged_fork_differs_by_exactly_nothing(small, dropout, slices):
    session = Session(small, MODEL, TrainSettings(batch_size=8, dropout=dropout))
    session.train(13)
    twins = Twins(session)
    for steps in slices:
        a, b = twins.train(steps)
        assert torch.equal(a, b)
        found = twins.evaluate()
        assert (found.difference, found.standard_error, found.different) == (0, 0, False)
    assert twins.unpaired == ""
    assert set(twins.losses().difference) == {0.0}
    assert twins.looks == len(slices)


def test_each_is_undone_as_if_it_were_alone(session):
    twins = Twins(session)
    before = what_it_is(twins.b)
    twins.edit(hidden=14)
    twins.train(10)
    twins.b.timeline.undo()
    assert what_it_is(twins.b) == before
    with pytest.raises(UserError, match="nothing to undo"):
        twins.a.timeline.undo()
    assert twins.a.run is not twins.b.run


def test_one_that_is_behind_catches_up_alone(session):
    twins = Twins(session)
    twins.edit(learning_rate=0.01)
    twins.train(30)
    twins.b.timeline.undo()
    assert (twins.a.step, twins.b.step) == (50, 20)
    assert not twins.is_level
    a, b = twins.train(100)
    assert a.isnan().all()
    assert int(b.isfinite().sum()) == 30
    assert (twins.a.step, twins.b.step) == (50, 50)
    assert twins.evaluate().difference == 0


def test_b_alone_diverges_and_a_goes_on(session):
    twins = Twins(session)
    twins.edit(**FAR_TOO_FAST)
    twins.train(200)
    twins.train(50)
    assert twins.b.diverged_at is not None
    assert not twins.b.model.is_finite
    assert (twins.a.step, twins.a.diverged_at) == (270, None)
    assert not twins.is_level
    found = twins.evaluate()
    assert not found.different
    assert "loss of B is not finite" in found.sentence


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"learning_rate": 1}, ""),
        ({"hidden": 14}, ""),
        ({"batch_size": 16}, "A has batch size 8 and B 16, so"),
        ({"context": 5}, "A has context 3 and B 5, so"),
        ({"train_on": "all"}, "A has train on train and B all, so"),
    ],
)
def test_what_ends_the_pairing_of_minibatches_is_said(session, changes, says):
    twins = Twins(session)
    twins.edit(**changes)
    twins.train(50)
    assert twins.unpaired.startswith(says)
    assert bool(twins.unpaired) == bool(says)
    assert bool(twins.losses().difference) != bool(says)


def test_minibatches_that_have_parted_stay_parted(session):
    twins = Twins(session)
    twins.edit(batch_size=16)
    twins.train(5)
    twins.edit(batch_size=8)
    assert twins.unpaired.startswith("A and B have drawn different minibatches")


def test_another_dataset_is_refused(session, names):
    with pytest.raises(UserError, match=r"A is trained on items\.txt and B on names"):
        Twins(session, Session(names))
    twins = Twins(session)
    twins.b.timeline.restart(dataset=names)
    with pytest.raises(UserError, match="compared on the same data"):
        twins.train(1)


def test_a_wider_pair_keeps_the_tables_of_both_contexts(small):
    twins = Twins(Session(small, MODEL), Session(small, ModelSettings(context=5)))
    twins.evaluate()
    tables = [next(small.context_tables("dev", context)) for context in (3, 5)]
    again = [next(small.context_tables("dev", context)) for context in (3, 5)]
    assert tables[0] is again[0]
    assert tables[1] is again[1]


def test_pairs_of_several_seeds_are_compared(small):
    a = RunSpec(str(small.path), model=MODEL, train=TrainSettings(batch_size=8, steps=30))
    b = RunSpec(str(small.path), model=MODEL, train=TrainSettings(batch_size=8, steps=30), seed=7)
    found = compare(pairs_of(a, b, seeds=3))
    alone = Session(small, MODEL, b.train, seed=8)
    alone.train(30)
    assert found.pairs[1].b == pytest.approx(alone.evaluate().loss, rel=1e-12)
    assert found.over_seeds is not None
    assert len(found.over_seeds.differences) == 3
    same = compare(pairs_of(a, a, seeds=2))
    assert same.over_seeds is not None
    assert same.over_seeds.differences == (0, 0)
    assert not same.over_seeds.different
