import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from makemore_tui.core.errors import UserError
from makemore_tui.core.session.session import Session
from makemore_tui.core.settings import ModelSettings, TrainSettings
from makemore_tui.core.training.dropout import Dropout

LIKE = torch.empty(0, dtype=torch.float64)
SHARES = [0.1, 0.25, 0.5, 0.9]


def dropout(share=0.5, hidden=16, seed=1, like=LIKE, version=2):
    return Dropout(share, hidden, seed, like, version)


# Masks


@pytest.mark.parametrize("share", SHARES)
def test_a_unit_is_left_out_or_scaled_up(share):
    mask = dropout(share).mask(3, 100)
    assert mask.shape == (100, 16)
    assert mask.unique().tolist() == pytest.approx([0, 1 / (1 - share)], rel=1e-12)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_masks_have_the_parameters_dtype(dtype):
    assert dropout(like=torch.empty(0, dtype=dtype)).mask(0, 5).dtype == dtype


@pytest.mark.parametrize("share", SHARES)
def test_about_the_share_is_left_out_of_every_unit_and_every_row(share):
    mask = dropout(share, hidden=500).mask(0, 1000)
    deviation = (share * (1 - share)) ** 0.5
    left_out = (mask == 0).double()
    assert abs(left_out.mean() - share) < 5 * deviation / 500_000**0.5
    assert bool(((left_out.mean(0) - share).abs() < 5 * deviation / 1000**0.5).all())
    assert bool(((left_out.mean(1) - share).abs() < 5 * deviation / 500**0.5).all())


def test_units_are_left_out_independently_of_one_another():
    mask = dropout(hidden=40).mask(0, 4000)
    correlations = torch.corrcoef(mask.T) - torch.eye(40)
    assert correlations.abs().max() < 6 / 4000**0.5


@given(
    st.lists(st.tuples(st.integers(0, 10**9), st.integers(1, 9000)), min_size=1, max_size=5),
    st.sampled_from(SHARES),
)
def test_a_mask_depends_on_the_step_alone_and_not_on_what_was_asked_before(asked, share):
    used = dropout(share)
    for step, rows in asked:
        assert torch.equal(used.mask(step, rows), dropout(share).mask(step, rows))


def test_a_fork_and_a_slightly_larger_batch_need_no_other_table():
    used = dropout(hidden=3)
    first = used.mask(0, 300).data_ptr()
    assert used.mask(0, 500).data_ptr() == dropout(hidden=3).mask(0, 500).data_ptr() == first
    assert used.mask(0, 513).data_ptr() != first


@given(st.integers(0, 10**9), st.integers(1, 9000), st.integers(1, 9000))
def test_more_rows_begin_with_the_same_rows(step, few, many):
    few, many = sorted((few, many))
    assert torch.equal(dropout().mask(step, few), dropout().mask(step, many)[:few])


def test_other_steps_and_other_seeds_have_other_masks():
    one = dropout(hidden=64)
    first_rows = torch.cat([one.mask(step, 1) for step in range(1000)])
    assert len(first_rows.unique(dim=0)) == 1000
    assert not torch.equal(one.mask(5, 32), dropout(hidden=64, seed=2).mask(5, 32))


def test_neighbouring_steps_share_no_row():
    one = dropout(hidden=64)
    for step in range(200):
        both = torch.cat([one.mask(step, 512), one.mask(step + 1, 512)])
        assert len(both.unique(dim=0)) == 1024


def shortest_distance(version, steps_apart):
    """Rows between the masks of steps so far apart, around the table: the fewest of many pairs."""
    one = dropout(version=version)
    starts = [(one.first_row(step), one.first_row(step + steps_apart)) for step in range(5000)]
    return min(min((a - b) % 4096, (b - a) % 4096) for a, b in starts)


def test_masks_of_near_steps_start_far_apart():
    # No multiple of the golden ratio is nearer to a whole number than 0.38 / d (Hurwitz 1891).
    for steps_apart in range(1, 60):
        assert shortest_distance(2, steps_apart) >= 0.38 * 4096 / steps_apart - 2


def test_masks_of_old_runs_overlap_five_steps_later():
    assert shortest_distance(1, 5) == 117


def test_masks_of_old_runs_start_where_they_did():
    old, new = dropout(version=1), dropout()
    assert [old.first_row(step) for step in (0, 1, 2, 3, 1000)] == [0, 2481, 866, 3347, 2920]
    assert [new.first_row(step) for step in (0, 1, 2, 3, 1000)] == [0, 2531, 966, 3498, 139]
    assert torch.equal(old.mask(1, 5), dropout().mask(0, 3000)[2481:2486])


def test_the_starts_are_spread_evenly():
    one = dropout()
    counts = torch.bincount(torch.tensor([one.first_row(step) for step in range(8192)]) // 256)
    assert counts.tolist() == pytest.approx([512] * 16, abs=4)


def test_without_a_share_nothing_is_left_out():
    assert bool((dropout(share=0.0).mask(7, 200) == 1).all())


# Looking


def looked_at(session):
    return (
        session.evaluate("train"),
        session.evaluate("dev"),
        session.sample(30, seed=4),
        session.probe("abc"),
    )


@pytest.mark.parametrize("share", SHARES)
def test_dropout_never_touches_what_is_looked_at(small, share):
    model = ModelSettings(context=3, embedding=4, hidden=10)
    session = Session(small, model, TrainSettings(dropout=share, batch_size=70))
    session.train(30)
    with_dropout = looked_at(session)
    assert looked_at(session) == with_dropout
    session.edit(dropout=0)
    assert looked_at(session) == with_dropout
    undisturbed = Session(small, model, TrainSettings(dropout=share, batch_size=70))
    undisturbed.train(30)
    session.edit(dropout=share)
    assert session.train(10).tolist() == undisturbed.train(10).tolist()


def test_the_evaluation_is_that_of_all_units(small, small_splits, plain):
    session = Session(small, ModelSettings(hidden=10), TrainSettings(dropout=0.5))
    session.train(30)
    contexts, targets = plain.tensors(small_splits["dev"], 3, small.vocabulary.characters)
    p = session.model.tensors
    h = torch.tanh(p["C"][contexts].flatten(1) @ p["W1"] + p["b1"])
    expected = torch.nn.functional.cross_entropy(h @ p["W2"] + p["b2"], targets)
    assert session.evaluate("dev").loss == pytest.approx(expected.item(), rel=1e-5)


@pytest.mark.parametrize("kind", ["ngram", "neural-bigram"])
def test_models_without_hidden_units_train_as_ever(small, kind):
    losses = []
    for share in (0.0, 0.5):
        session = Session(small, ModelSettings(kind=kind), TrainSettings(dropout=share))
        losses.append(session.train(10).tolist())
    assert losses[0] == losses[1]


def test_an_mlp_trains_otherwise_with_dropout(small):
    losses = []
    for share in (0.0, 0.1, 0.5):
        session = Session(small, ModelSettings(hidden=10), TrainSettings(dropout=share))
        losses.append(tuple(session.train(10).tolist()))
    assert len(set(losses)) == 3


# The setting


@pytest.mark.parametrize("share", [-0.1, 0.95, 1, "half", None])
def test_a_share_beyond_its_limits_is_refused(share):
    with pytest.raises(UserError, match=r"dropout must be a number from 0 to 0\.9, not"):
        TrainSettings(dropout=share)
