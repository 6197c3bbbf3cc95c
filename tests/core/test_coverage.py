"""Contexts that training has or lacks, the losses on dev with either, and the floor."""

import math
from collections import Counter

import pytest
import torch

from makemore_tui.core.analysis.baselines import SMOOTHINGS
from makemore_tui.core.analysis.coverage import CoverageAnalysis, context_coverage, loss_floor
from makemore_tui.core.datasets.dataset import Dataset
from makemore_tui.core.models.mlp import MLP
from makemore_tui.core.session.session import Session
from makemore_tui.core.settings import ModelSettings, TrainSettings

LECTURE = ["emma", "olivia", "ava", "isabella", "sophia"]


def plain_floor(examples):
    """The mean of -ln of each example's share among those with its context."""
    pairs, contexts = Counter(examples), Counter(context for context, _ in examples)
    return sum(-math.log(pairs[c, x] / contexts[c]) for c, x in examples) / len(examples)


def mean(losses, rel=None):
    losses = list(losses)
    return pytest.approx(sum(losses) / len(losses), rel=rel) if losses else None


@pytest.mark.parametrize("context", [1, 2, 3, 8, 16])
@pytest.mark.parametrize("train_on", ["train", "first-6"])
def test_contexts_and_losses_are_those_of_a_plain_loop(
    small, small_items, small_splits, plain, context, train_on
):
    V, generator = small.vocabulary.size, torch.Generator().manual_seed(1)
    model = MLP(ModelSettings(context=context, embedding=3, hidden=8), V, generator)
    items = small_splits["train"] if train_on == "train" else small_items[:6]
    train, dev = plain.examples(items, context), plain.examples(small_splits["dev"], context)
    known, pairs = Counter(c for c, _ in train), Counter(train)
    unseen = {c for c, _ in dev} - set(known)
    found = context_coverage(model, small, train_on)
    assert found.possible == V**context
    assert (found.train_contexts, found.unseen_contexts) == (len(known), len(unseen))
    assert (found.dev_contexts, found.examples) == (len({c for c, _ in dev}), len(dev))
    assert found.unseen_examples == sum(c in unseen for c, _ in dev)
    contexts, targets = plain.tensors(small_splits["dev"], context, small.vocabulary.characters)
    nll = torch.nn.functional.cross_entropy(model.logits(contexts), targets, reduction="none")
    apart = [
        mean((a for a, (c, _) in zip(nll.tolist(), dev, strict=True) if (c in unseen) == i), 1e-5)
        for i in (False, True)
    ]
    assert [found.model_seen, found.model_unseen] == apart

    def by_counts(k, some):
        return [-math.log((pairs[c, x] + k) / (known[c] + k * V)) for c, x in some]

    best = min(SMOOTHINGS, key=lambda k: sum(by_counts(k, dev)))
    assert found.k == best
    apart = [mean(by_counts(best, [p for p in dev if (p[0] in unseen) == i])) for i in (0, 1)]
    assert [found.counts_seen, found.counts_unseen] == apart
    assert found.counts_unseen in (None, pytest.approx(math.log(V)))


def test_of_the_real_names_few_of_all_contexts_occur_and_counts_know_nothing_of_the_others(
    names, name_splits, plain
):
    session = Session(names, ModelSettings(hidden=20), TrainSettings(learning_rate=0.3), seed=1)
    session.train(400)
    found = context_coverage(session.model, names)
    train = {context for context, _ in plain.examples(name_splits["train"], 3)}
    dev = {context for context, _ in plain.examples(name_splits["dev"], 3)}
    assert (found.possible, found.train_contexts) == (19683, len(train))
    assert found.unseen_contexts == len(dev - train)
    loss = session.evaluate("dev").loss
    shares = found.examples - found.unseen_examples, found.unseen_examples
    assert found.model_seen is not None
    assert found.model_unseen is not None
    assert found.counts_unseen is not None
    assert found.model_seen * shares[0] + found.model_unseen * shares[1] == pytest.approx(
        loss * found.examples, rel=1e-6
    )
    assert found.model_unseen < found.counts_unseen == pytest.approx(math.log(27))


def test_a_part_of_dev_has_its_share(small, small_splits, plain):
    model = MLP(ModelSettings(context=2), small.vocabulary.size)
    found = CoverageAnalysis(small, 2, max_dev=20).of(model)
    assert found.examples == 20
    assert found.dev_share == 20 / len(plain.examples(small_splits["dev"], 2))


# The floor


def test_the_floor_of_the_lectures_five_names(write, names, plain):
    five = Dataset(write("\n".join(LECTURE * 2)))
    assert loss_floor(five, "first-5", 3) == pytest.approx(0.2515, abs=5e-5)
    assert loss_floor(five, "first-5", 3) == pytest.approx(plain_floor(plain.examples(LECTURE, 3)))


@pytest.mark.parametrize("context", [0, 1, 3, 8])
def test_the_floor_is_that_of_a_plain_loop(names, name_items, plain, context):
    wanted = plain_floor([(c[8 - context :], x) for c, x in plain.examples(name_items[:5], 8)])
    assert loss_floor(names, "first-5", context) == pytest.approx(wanted, abs=1e-12)


def test_no_model_gets_below_the_floor_and_counts_reach_it(names):
    settings = TrainSettings(batch_size=0, train_on="first-5", smoothing=0.0)
    session = Session(names, ModelSettings(kind="ngram", order=4), settings)
    session.train(1)
    loss = session.evaluate("first-5").loss
    assert loss == pytest.approx(loss_floor(names, "first-5", 3), rel=1e-6)
