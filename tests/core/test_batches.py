from collections import Counter

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from makemore_tui.core.datasets.dataset import Dataset
from makemore_tui.core.training.batches import (
    Batches,
    ContextSampler,
    RandomStream,
    full_batch,
    minibatches,
)
from tests.support.streams import take

SEED = 7
DOUBLE = torch.empty(0, dtype=torch.float64)

seeds = st.integers(0, 2**32)
small_sizes = st.integers(1, 63)
large_sizes = st.integers(64, 700)


def draw(dataset, split, n, size, context, random=None, like=DOUBLE):
    random = random or RandomStream(SEED)
    V = dataset.vocabulary.size
    drawn = take(random, n * size).view(n, size)
    return minibatches(dataset.split(split), drawn, context, like, V)


def texts(dataset, batch):
    """The examples of a batch: context and character behind one another, as text."""
    contexts, rows, targets = batch
    signs = "\n" + dataset.vocabulary.characters
    ids = torch.cat([contexts[rows], targets[:, None]], 1).tolist()
    return ["".join([signs[i] for i in example]) for example in ids]


def plain_texts(plain, items, n, size, context, seed=SEED):
    """Of each of n batches, the examples that a plain loop takes, in order."""
    examples = plain.examples(items, context)
    stream = iter(RandomStream(seed).peek(n * size).tolist())
    batches = []
    for _ in range(n):
        positions = [next(stream) % len(examples) + 1 for _ in range(size)]
        batches.append(["".join(examples[position - 1]) for position in positions])
    return batches


def assert_the_examples_are(plain, dataset, batches, expected):
    found = [texts(dataset, batch) for batch in plain.batches(batches, dataset.vocabulary.size)]
    assert list(map(Counter, found)) == list(map(Counter, expected))


def assert_rows_are_few(plain, dataset, batches, each_once):
    """The contexts stand first, then fewer than 16 that no target belongs to."""
    for contexts, rows, _ in plain.batches(batches, dataset.vocabulary.size):
        used = int(rows.max()) + 1
        assert len(contexts) % 16 == 0
        assert used <= len(contexts) < used + 16
        assert rows.unique().tolist() == list(range(used))
        if each_once:
            assert len({tuple(context) for context in contexts[:used].tolist()}) == used
        else:
            assert rows.tolist() == list(range(used))


# Drawing


@given(st.integers(1, 5), st.one_of(small_sizes, large_sizes), st.integers(1, 16), seeds)
def test_the_examples_are_those_of_a_plain_loop(small, small_splits, plain, n, size, context, seed):
    batches = draw(small, "train", n, size, context, RandomStream(seed))
    expected = plain_texts(plain, small_splits["train"], n, size, context, seed)
    assert_the_examples_are(plain, small, batches, expected)
    assert_rows_are_few(plain, small, batches, each_once=size >= 64)


# Contexts of 27 characters at 13 places are fewer than 2**62, at 14 places more.
@pytest.mark.parametrize("context", [1, 8, 13, 14, 16])
@pytest.mark.parametrize("size", [32, 64, 301, 512])
def test_the_examples_of_the_names_are_those_of_a_plain_loop(
    names, name_splits, plain, size, context
):
    batches = draw(names, "dev", 4, size, context)
    expected = plain_texts(plain, name_splits["dev"], 4, size, context)
    assert_the_examples_are(plain, names, batches, expected)
    assert_rows_are_few(plain, names, batches, each_once=size >= 64)


# With 32 characters, what stands 13 places from the end counts for 32**13 = 2**65.
@pytest.mark.parametrize("V", [32, 4096])
def test_contexts_that_differ_in_their_first_characters_stay_apart(write, plain, V):
    characters = "abcdefghijklmnopqrstuvwxyzäöüéè"
    items = [a + b + c + "n" * 13 for a in characters for b in "xyz" for c in "uvw"]
    dataset, train = Dataset(write("\n".join(items))), plain.splits(items)["train"]
    assert dataset.vocabulary.size == 32
    batches = minibatches(
        dataset.split("train"), RandomStream(SEED).peek(1000).view(2, 500), 16, DOUBLE, V
    )
    found = [texts(dataset, batch) for batch in plain.batches(batches, V)]
    expected = plain_texts(plain, train, 2, 500, 16)
    assert list(map(Counter, found)) == list(map(Counter, expected))
    for contexts, rows, _ in plain.batches(batches, V):
        assert len(contexts[: rows.max() + 1].unique(dim=0)) == rows.max() + 1


def test_small_batches_keep_the_order_in_which_they_were_drawn(small, small_splits, plain):
    batches = draw(small, "train", 3, 20, 4)
    found = [texts(small, batch) for batch in plain.batches(batches, small.vocabulary.size)]
    assert found == plain_texts(plain, small_splits["train"], 3, 20, 4)


def test_a_large_batch_has_fewer_rows_than_examples(names):
    batches = draw(names, "train", 20, 512, 3)
    assert max(batches.rows) < 400
    assert len(set(batches.rows)) > 1


@pytest.mark.parametrize("context", [3, 16])
@pytest.mark.parametrize("size", [1, 16, 17, 32, 64, 65, 300, 512])
def test_the_same_batches_are_drawn_however_many_at_once(names, plain, size, context):
    whole = draw(names, "train", 10, size, context)
    random = RandomStream(SEED)
    divided = [draw(names, "train", n, size, context, random) for n in (3, 7)]
    assert [M for batches in divided for M in batches.rows] == whole.rows
    parts = [batch for batches in divided for batch in plain.batches(batches, 27)]
    for part, batch in zip(parts, plain.batches(whole, 27), strict=True):
        assert all(map(torch.equal, part, batch))


@pytest.mark.parametrize("like", [DOUBLE, torch.empty(0)], ids=["float64", "float32"])
def test_all_examples_drawn_have_the_same_share(small, like):
    for size in (5, 100):
        weights = draw(small, "train", 2, size, 3, like=like).weights
        assert weights.dtype == like.dtype
        assert weights.tolist() == pytest.approx([1 / size] * size)


# Targets


def made_up():
    """Two batches, of 2 and 3 contexts; in the first a target occurs twice. 4 characters."""
    return Batches(
        rows=[2, 3],
        contexts=torch.zeros(5, 1, dtype=torch.int64),
        places=torch.tensor([[0 * 2 + 1, 3 * 2 + 0, 3 * 2 + 0], [8 + 0, 8 + 2 * 3 + 1, 8 + 11]]),
        weights=torch.tensor([0.5, 0.375, 0.125]),
    )


def test_minus_targets_are_the_weights_at_their_places():
    first, second = made_up().minus_targets(4).split([8, 12])
    assert first.view(4, 2).tolist() == [[0, -0.5], [0, 0], [0, 0], [-0.5, 0]]
    assert second.view(4, 3).tolist() == [[-0.5, 0, 0], [0, 0, 0], [0, -0.375, 0], [0, 0, -0.125]]


def test_losses_are_weighted_means():
    log_probabilities = -torch.arange(1.0, 21.0)
    expected = [0.5 * 2 + 0.5 * 7, 0.5 * 9 + 0.375 * 16 + 0.125 * 20]
    assert made_up().losses(log_probabilities).tolist() == expected


@pytest.mark.parametrize("size", [20, 200])
def test_the_targets_of_every_batch_add_up_to_minus_one(small, size):
    V = small.vocabulary.size
    batches = draw(small, "train", 6, size, 3)
    parts = batches.minus_targets(V).split([V * M for M in batches.rows])
    assert [part.sum().item() for part in parts] == pytest.approx([-1] * 6)


# All examples at once


@pytest.mark.parametrize("context", [1, 3, 16])
@pytest.mark.parametrize("splits", [["train"], ["dev", "test"], ["test", "train", "dev"]], ids=str)
def test_a_full_batch_has_every_example_with_its_share(small, small_splits, plain, splits, context):
    parts = [table for split in splits for table in small.context_tables(split, context)]
    batches = full_batch(parts, DOUBLE)
    assert len(parts) == len(splits)
    items = [item for split in splits for item in small_splits[split]]
    examples = plain.examples(items, context)
    (batch,) = plain.batches(batches, small.vocabulary.size)
    shares = Counter()
    for text, weight in zip(texts(small, batch), batches.weights.tolist(), strict=True):
        shares[text] += weight * len(examples)
    assert shares == pytest.approx(Counter("".join(example) for example in examples))


def test_a_full_batch_has_each_context_once(names):
    (table,) = names.context_tables("train", 3)
    batches = full_batch([table], torch.empty(0))
    assert batches.rows == [len(batches.contexts)] == [len(table.contexts)]
    assert len(batches.contexts.unique(dim=0)) == len(batches.contexts)
    assert batches.weights.dtype == torch.float32
    assert batches.weights.sum().item() == pytest.approx(1, rel=1e-5)


# Distinct contexts


@pytest.mark.parametrize("size", [1, 9, 64])
def test_distinct_contexts_come_with_all_that_follows_each(small, small_splits, plain, size):
    following = Counter(map("".join, plain.examples(small_splits["train"], 3)))
    sampler = ContextSampler(list(small.context_tables("train", 3)), size, DOUBLE)
    batches = sampler.batches(
        RandomStream(SEED).peek(5 * size).view(5, size), small.vocabulary.size
    )
    assert batches.rows == [size] * 5
    for matrix, contexts in zip(
        batches.minus_targets(small.vocabulary.size).view(5, -1, size),
        batches.contexts.split(size),
        strict=True,
    ):
        for column, context in zip(matrix.unbind(1), contexts, strict=True):
            rows = torch.arange(len(column))
            every = context.expand(len(rows), -1)
            counts = [following[text] for text in texts(small, (every, rows, rows))]
            shares = torch.tensor(counts, dtype=torch.float64)
            torch.testing.assert_close(column / column.sum(), shares / shares.sum())


@pytest.mark.parametrize("context", [1, 3])
def test_the_expected_loss_of_distinct_contexts_is_that_of_all_examples(small, context):
    tables, V = list(small.context_tables("train", context)), small.vocabulary.size
    whole = full_batch(tables, DOUBLE)
    log_p = torch.randn(V, len(whole.contexts), dtype=torch.float64).log_softmax(0)
    batches = ContextSampler(tables, 64, DOUBLE).batches(
        RandomStream(SEED).peek(2000 * 64).view(2000, 64), V
    )
    at = (batches.contexts[:, None] == whole.contexts).all(2).int().argmax(1)  # of each row
    drawn = log_p[:, at].view(V, 2000, 64).transpose(0, 1).reshape(-1)
    losses, (expected,) = batches.losses(drawn), whole.losses(log_p.view(-1))
    error = losses.std() / 2000**0.5
    assert error < 0.01 * expected
    assert abs(losses.mean() - expected) < 4 * error + 1e-12


def test_the_commonest_contexts_are_in_every_batch(names):
    (table,) = names.context_tables("train", 8)
    counts = torch.zeros(len(table.contexts), dtype=torch.float64)
    counts.index_add_(0, table.rows, table.counts)
    commonest = {tuple(row) for row in table.contexts[counts.topk(8).indices].tolist()}
    drawn = RandomStream(SEED).peek(3 * 64).view(3, 64)
    for part in ContextSampler([table], 64, DOUBLE).batches(drawn, 27).contexts.split(64):
        assert commonest < {tuple(row) for row in part.tolist()}
        assert len(part.unique(dim=0)) > 60


# Random integers


@given(st.lists(st.integers(0, 20_000), max_size=8))
def test_a_random_stream_is_the_same_however_it_is_taken(sizes):
    divided, whole = RandomStream(9), RandomStream(9)
    parts = [take(divided, n) for n in sizes]
    assert [len(part) for part in parts] == sizes
    assert torch.equal(
        torch.cat([torch.empty(0, dtype=torch.int64), *parts]), take(whole, sum(sizes))
    )


@given(st.lists(st.tuples(st.integers(0, 20_000), st.floats(0, 1)), min_size=1, max_size=6))
def test_integers_that_were_looked_at_are_still_to_come(looks):
    looking, plain = RandomStream(9), RandomStream(9)
    for n, share in looks:
        ahead, taken = looking.peek(n), int(share * n)
        looking.skip(taken)
        assert torch.equal(ahead[:taken], take(plain, taken))
        states = looking.state_dict(), plain.state_dict()
        assert all(torch.equal(states[0][name], states[1][name]) for name in states[1])


def test_a_random_stream_is_uniform():
    drawn = RandomStream(2).peek(50_000)
    assert bool((drawn >= 0).all())
    assert bool((drawn < 2**62).all())
    counts = torch.bincount(drawn % 10, minlength=10)
    assert ((counts - 5000) ** 2 / 5000).sum() < 40  # chi-squared, 9 degrees of freedom


def test_a_random_stream_depends_on_its_seed():
    assert torch.equal(RandomStream(1).peek(50), take(RandomStream(1), 50))
    assert not torch.equal(RandomStream(1).peek(50), take(RandomStream(2), 50))
