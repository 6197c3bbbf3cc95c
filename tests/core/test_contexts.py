from collections import Counter

import pytest
import torch

from makemore_tui.core.datasets.dataset import Dataset


def pairs(tables, characters):
    """How often each context and its target occur, and in seen items, over all blocks."""
    signs = "\n" + characters
    counts, seen_counts = Counter(), Counter()
    for table in tables:
        contexts = ["".join([signs[i] for i in context]) for context in table.contexts.tolist()]
        for row, target, count, seen in zip(
            table.rows.tolist(),
            table.targets.tolist(),
            table.counts.tolist(),
            table.seen_counts.tolist(),
            strict=True,
        ):
            counts[contexts[row] + signs[target]] += int(count)
            seen_counts[contexts[row] + signs[target]] += int(seen)
    return counts, +seen_counts


def plain_pairs(examples):
    return Counter([context + target for context, target in examples])


@pytest.mark.parametrize("context", [1, 3, 8, 16])
def test_pairs_of_the_real_names_are_counted_as_a_plain_loop_counts(
    names, name_splits, plain, context
):
    train = set(name_splits["train"])
    tables = names.context_tables("dev", context)
    counts, seen_counts = pairs(tables, names.vocabulary.characters)
    assert counts == plain_pairs(plain.examples(name_splits["dev"], context))
    seen = [item for item in name_splits["dev"] if item in train]
    assert seen_counts == plain_pairs(plain.examples(seen, context))


def test_each_context_stands_once_in_order_with_its_pairs_by_row(names):
    (table,) = names.context_tables("train", 3)
    contexts = table.contexts.tolist()
    assert contexts == sorted(contexts)
    assert len({tuple(context) for context in contexts}) == len(contexts)
    assert table.rows.unique_consecutive().tolist() == list(range(len(contexts)))
    assert table.num_examples == names.split("train").num_examples


def test_a_large_split_comes_in_blocks_that_together_hold_every_example(plain):
    words = Dataset.load("words")
    tables = list(words.context_tables("all", 16))
    assert len(tables) > 1
    counts, _ = pairs(tables, words.vocabulary.characters)
    items = plain.items(words.path.read_bytes())
    assert counts == plain_pairs(plain.examples(items, 16))


def test_long_contexts_that_differ_only_at_their_beginning_stay_apart(write, plain):
    characters = "abcdefghijklmnopqrstuvwxyz12345"  # with the boundary 32: 16 of them take 80 bits
    items = [sign + "a" * 15 + sign for sign in characters] * 2
    dataset = Dataset(write("\n".join(items)))
    assert dataset.vocabulary.size == 32
    counts, _ = pairs(dataset.context_tables("all", 16), dataset.vocabulary.characters)
    assert counts == plain_pairs(plain.examples(items, 16))


def test_of_a_larger_split_the_first_examples_are_taken(names, name_splits, plain):
    tables = names.context_tables("train", 3, max_examples=1000)
    counts, _ = pairs(tables, names.vocabulary.characters)
    assert counts == plain_pairs(plain.examples(name_splits["train"][:1000], 3)[:1000])


def test_a_table_is_kept_while_the_context_stays_the_same(small):
    (first,) = small.context_tables("dev", 3)
    assert next(small.context_tables("dev", 3)) is first
    next(small.context_tables("dev", 2))
    (again,) = small.context_tables("dev", 3)
    assert torch.equal(again.contexts, first.contexts)


def test_a_table_can_be_made_in_parts(write, small_items):
    dataset = Dataset(write("\n".join(small_items)))
    *parts, table = dataset.context_tables_in_parts("train", 3)
    assert parts == [None] * 3
    assert next(dataset.context_tables("train", 3)) is table


def test_the_table_of_all_examples_is_not_that_of_some(small):
    (some,) = small.context_tables("train", 3, max_examples=50)
    (all_,) = small.context_tables("train", 3)
    assert some.num_examples == 50 < all_.num_examples


def test_tables_of_two_contexts_do_not_mix_when_read_in_turn(small):
    of_two, of_four = small.context_tables("train", 2), small.context_tables("train", 4)
    assert next(of_two).contexts.shape[1] == 2
    assert next(of_four).contexts.shape[1] == 4
    assert next(small.context_tables("train", 2)).contexts.shape[1] == 2


def test_first_n_names_the_first_items_of_the_file(names, name_items, plain):
    split = names.split("first-5")
    tables = names.context_tables("first-5", 3)
    counts, seen_counts = pairs(tables, names.vocabulary.characters)
    assert split.num_items == 5
    assert counts == plain_pairs(plain.examples(name_items[:5], 3))
    assert not seen_counts
