from collections import Counter

import pytest
from msgspec.structs import asdict

from makemore_tui.core.datasets.dataset import Dataset, built_in_path
from makemore_tui.core.datasets.stats import dataset_stats


@pytest.fixture(scope="module")
def facts(names):
    return dataset_stats(names)


def test_a_dataset_in_numbers_has_these_keys(facts):
    assert list(asdict(facts)) == [
        *("name", "path", "items", "distinct", "vocabulary"),
        *("shortest", "longest", "examples", "seen", "notes", "first", "bigrams", "rarest"),
    ]


def test_the_numbers_agree_with_plain_python(facts, name_items, name_splits):
    train = set(name_splits["train"])
    assert facts.name == "names"
    assert facts.path == str(built_in_path("names"))
    assert facts.items == len(name_items)
    assert facts.distinct == len(set(name_items))
    assert facts.vocabulary == len(set("".join(name_items))) + 1
    assert facts.shortest == min(map(len, name_items))
    assert facts.longest == max(map(len, name_items))
    assert facts.examples == {
        split: sum(len(item) + 1 for item in name_splits[split])
        for split in ("train", "dev", "test")
    }
    assert facts.seen == {
        split: sum(item in train for item in name_splits[split]) for split in ("dev", "test")
    }


def test_the_commonest_bigrams_are_those_of_a_plain_loop(facts, name_items):
    pairs = Counter(
        "".join(pair) for name in name_items for pair in zip("." + name, name + ".", strict=True)
    )
    found = [(bigram.pair, bigram.count) for bigram in facts.bigrams]
    assert found == pairs.most_common(12)


def test_the_rarest_bigrams_are_those_that_occur_least_often_in_the_order_of_the_alphabet(
    facts, name_items
):
    pairs = Counter(
        "".join(pair) for name in name_items for pair in zip("." + name, name + ".", strict=True)
    )
    found = [(bigram.pair, bigram.count) for bigram in facts.rarest]
    assert found == sorted(pairs.items(), key=lambda pair: (pair[1], pair[0]))[:12]


def test_the_first_items_are_those_of_the_file(names, small, name_items, facts):
    assert facts.first == name_items[:10]
    assert dataset_stats(small).first == [
        line.strip() for line in small.path.read_text().splitlines()[:10]
    ]


def test_only_the_built_in_names_say_that_they_are_not_the_lectures_file(facts, write):
    assert "32,033" in facts.notes[0]
    assert dataset_stats(Dataset(write("emma\n" * 20))).notes == []


def test_pairs_that_never_occur_are_not_among_the_commonest(write):
    facts = dataset_stats(Dataset(write("a.b\n" * 20)))
    assert sorted(bigram.pair for bigram in facts.bigrams) == [".b", "a.", "b·", "·a"]
    assert {bigram.count for bigram in facts.bigrams} == {20}
    assert facts.rarest == facts.bigrams
