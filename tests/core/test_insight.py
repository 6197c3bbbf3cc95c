import random
from collections import Counter

import pytest
import torch

from makemore_tui.core.dataset import Dataset
from makemore_tui.core.insight import BigramInsight, bigram_counts
from makemore_tui.core.models import MLP
from makemore_tui.core.session import Session
from makemore_tui.core.settings import ModelSettings, TrainSettings


def pair_counts(items):
    return Counter(pair for item in items for pair in zip("\n" + item, item + "\n", strict=True))


def counted(dataset, order=2):
    session = Session(
        dataset, ModelSettings(kind="ngram", order=order), TrainSettings(batch_size=0)
    )
    session.train(1)
    return session.model


@pytest.fixture(scope="module")
def rare_items():
    """Few items of many characters, so that no character is frequent; one is not in train."""
    rng = random.Random(8)
    items = ["".join(rng.choices("abcdefghijklmnopqrst", k=rng.randint(1, 6))) for _ in range(40)]
    order = list(range(40))
    random.Random(42).shuffle(order)
    items[order[-1]] = "zz"
    return items


@pytest.fixture(scope="module")
def rare(write, rare_items):
    return Dataset(write("\n".join(rare_items)))


# Counts


def test_pairs_of_the_real_names_are_counted_as_a_plain_loop_counts(names, name_items):
    pairs = pair_counts(name_items)
    signs = "\n" + names.vocabulary.characters
    assert bigram_counts(names).tolist() == [[pairs[a, b] for b in signs] for a in signs]


def test_pairs_beyond_the_ascii_are_counted_too(write):
    items = [chr(0x4E00 + i % 300) + chr(0x4E00 + i * i % 300) for i in range(900)]
    dataset = Dataset(write("\n".join(items)))
    signs, pairs = "\n" + dataset.vocabulary.characters, pair_counts(items)
    assert bigram_counts(dataset).tolist() == [[pairs[a, b] for b in signs] for a in signs]


# The table as a model sees it


def test_a_bigram_models_table_is_its_own(names):
    model = counted(names)
    table = BigramInsight(names, 1).probabilities(model, 0, 27)
    own = torch.softmax(model.logits(torch.arange(27)[:, None]), 1).float()
    torch.testing.assert_close(table, own)


def test_a_longer_contexts_predictions_are_averaged_over_the_training_contexts(
    rare, rare_items, plain
):
    size = rare.vocabulary.size
    settings = ModelSettings(context=3, embedding=4, hidden=6, init="lecture")
    model = MLP(settings, size, torch.Generator().manual_seed(3))
    contexts, _ = plain.tensors(plain.splits(rare_items)["train"], 3, rare.vocabulary.characters)
    table = BigramInsight(rare, 3).probabilities(model, 0, size)
    for character in range(size):
        ending = contexts[contexts[:, -1] == character]
        assert len(ending) <= 40  # all of them are looked at
        if len(ending):
            mean = torch.softmax(model.logits(ending), 1).mean(0)
            torch.testing.assert_close(table[character], mean)


def test_a_character_that_train_lacks_is_taken_to_begin_an_item(rare):
    unseen = rare.vocabulary.encode("z")[0]
    model = counted(rare)
    table = BigramInsight(rare, 1).probabilities(model, 0, rare.vocabulary.size)
    alone = torch.softmax(model.logits(torch.tensor([[unseen]])), 1)[0].float()
    torch.testing.assert_close(table[unseen], alone)
    assert table.sum(1).tolist() == pytest.approx([1.0] * len(table))


def test_every_row_of_a_trained_mlp_adds_up_to_one(names):
    session = Session(names, ModelSettings(context=8, hidden=20))
    session.train(5)
    table = BigramInsight(names, 8).probabilities(session.model, 0, 27)
    assert table.sum(1).tolist() == pytest.approx([1] * 27, rel=1e-5)


@pytest.mark.parametrize("order", [1, 2, 4])
def test_any_order_of_counts_has_a_table(small, order):
    model = counted(small, order)
    table = BigramInsight(small, model.context).probabilities(model, 0, small.vocabulary.size)
    assert table.sum(1).tolist() == pytest.approx([1] * small.vocabulary.size, rel=1e-5)


def test_rows_in_part_are_rows_of_the_whole(names):
    model, insight = counted(names, 3), BigramInsight(names, 2)
    whole = insight.probabilities(model, 0, 27)
    parts = [insight.probabilities(model, first, first + 9) for first in (0, 9, 18)]
    torch.testing.assert_close(torch.cat(parts), whole)


# Windows


def test_a_window_is_cut_out_of_the_table(names):
    model, insight = counted(names), BigramInsight(names, 1)
    table = insight.table(model, top=3, left=20, rows=4, columns=5, cursor=(0, 0))
    whole = insight.probabilities(model, 0, 27).tolist()
    assert (table.top, table.left) == (3, 20)
    assert table.probabilities == [pytest.approx(row[20:25]) for row in whole[3:7]]


@pytest.mark.parametrize(
    ("top", "left", "rows", "columns", "shape"),
    [
        (0, 0, 100, 100, (27, 27)),
        (25, 26, 9, 9, (2, 1)),
        (99, 99, 3, 3, (1, 1)),
        (-4, -4, 2, 3, (2, 3)),
    ],
)
def test_a_window_never_leaves_the_table(names, top, left, rows, columns, shape):
    table = BigramInsight(names, 1).table(counted(names), top, left, rows, columns, (0, 0))
    assert (len(table.probabilities), len(table.probabilities[0])) == shape


@pytest.mark.parametrize("pair", [".a", "an", "qu", "z.", "qz"])
def test_the_pair_under_the_cursor_is_described(names, name_items, pair):
    model, signs = counted(names), "." + names.vocabulary.characters
    cursor = signs.index(pair[0]), signs.index(pair[1])
    facts = BigramInsight(names, 1).table(model, 0, 0, 1, 1, cursor).pair
    row = torch.softmax(model.logits(torch.tensor([[cursor[0]]])), 1)[0].tolist()
    assert (facts.previous, facts.following) == cursor
    assert facts.count == pair_counts(name_items)[tuple(pair.replace(".", "\n"))]
    assert facts.probability == pytest.approx(row[cursor[1]])
    assert facts.rank == 1 + sorted(row, reverse=True).index(row[cursor[1]])


def test_a_cursor_beyond_the_table_stands_at_its_edge(names):
    facts = BigramInsight(names, 1).table(counted(names), 0, 0, 1, 1, (-3, 99)).pair
    assert (facts.previous, facts.following) == (0, 26)
