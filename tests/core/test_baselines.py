import math
import random
from collections import Counter

import pytest

from makemore_tui.core.analysis import baselines as of_baselines
from makemore_tui.core.analysis.baselines import SMOOTHINGS, RunningBaselines, baseline_losses
from makemore_tui.core.datasets.dataset import Dataset


def plain_loss(train, dev, characters, k):
    """The dev loss of counted n-grams: train and dev are lists of (context, character)."""
    pairs, contexts = Counter(train), Counter(context for context, _ in train)
    nll = [-math.log((pairs[c, x] + k) / (contexts[c] + k * characters)) for c, x in dev]
    return sum(nll) / len(nll)


@pytest.fixture(scope="module")
def found(small):
    return {baseline.name: baseline for baseline in baseline_losses(small)}


def test_uniform_is_the_logarithm_of_the_vocabulary(small, found):
    assert found["uniform"].loss == math.log(small.vocabulary.size)
    assert found["uniform"].k is None


@pytest.mark.parametrize(
    ("order", "name"), [(1, "unigram"), (2, "bigram"), (3, "trigram"), (4, "4-gram")]
)
def test_each_order_has_the_loss_of_a_plain_loop_with_the_best_k(
    small, small_splits, plain, found, order, name
):
    train, dev = (
        [(context[len(context) - order + 1 :], c) for context, c in plain.examples(items, 3)]
        for items in (small_splits["train"], small_splits["dev"])
    )
    losses = {k: plain_loss(train, dev, small.vocabulary.size, k) for k in SMOOTHINGS}
    best = min(losses, key=losses.__getitem__)
    assert found[name].k == best
    assert found[name].loss == pytest.approx(losses[best], rel=1e-12)


def test_of_the_real_names_longer_contexts_tell_more(names):
    found = baseline_losses(names)
    assert [one.name for one in found] == [
        "uniform", "unigram", "bigram", "trigram", "4-gram", "Kneser-Ney",
    ]  # fmt: skip
    assert (found[-1].order, found[-1].detail) == (6, "order 6")
    assert found[-1].loss == pytest.approx(1.9685, abs=5e-4)
    losses = [one.loss for one in found]
    assert losses == sorted(losses, reverse=True)
    assert losses[2] == pytest.approx(2.46, abs=0.01)
    assert {one.k for one in found[1:5]} <= {*SMOOTHINGS[1:-1]}  # the grid reaches far enough


def test_blocks_add_up_to_the_whole(small, found, monkeypatch):
    monkeypatch.setattr(of_baselines, "_EXAMPLES_PER_BLOCK", 7)
    running, blocks, known = RunningBaselines(small), 0, []
    while running.advance():
        blocks += 1
        known.append(len(running.result()))
    assert blocks > 100
    assert known == sorted(known)
    for one in running.result():
        assert (one.k, one.loss) == (found[one.name].k, pytest.approx(found[one.name].loss))


def test_of_large_splits_only_a_part_is_looked_at(small, found, monkeypatch):
    monkeypatch.setattr(of_baselines, "_MAX_TRAIN_EXAMPLES", 20)
    monkeypatch.setattr(of_baselines, "_MAX_DEV_EXAMPLES", 10)
    assert baseline_losses(small)[2].loss != found["bigram"].loss


def test_a_large_alphabet_has_every_baseline(write, plain):
    rng = random.Random(2)
    characters = [chr(0x4E00 + i) for i in range(400)]
    items = ["".join(rng.choices(characters, k=3)) for _ in range(2000)]
    dataset = Dataset(write("\n".join(items)))
    found = baseline_losses(dataset)
    assert [one.name for one in found] == ["uniform", *of_baselines.NAMES, "Kneser-Ney"]
    shuffled = [dataset.item(i) for i in range(dataset.num_items)]
    train, dev = shuffled[:1600], shuffled[1600:1800]
    counted, asked = (plain.examples(part, 3) for part in (train, dev))
    loss = plain_loss(counted, asked, dataset.vocabulary.size, found[4].k)
    assert found[4].loss == pytest.approx(loss, rel=1e-6)
