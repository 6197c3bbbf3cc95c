"""Modified Kneser-Ney: the published figures, a plain reference, and sums of 1."""

import math
from collections import Counter, defaultdict

import pytest
import torch

from makemore_tui.core.datasets.dataset import Dataset
from makemore_tui.core.datasets.grams import GramIndex, gram_index
from makemore_tui.core.models.kneser_ney import Discounts, KneserNey
from makemore_tui.core.session.session import Session
from makemore_tui.core.settings import ModelSettings, TrainSettings


@pytest.mark.parametrize(
    ("order", "dev", "test"), [(3, 2.2242, 2.2220), (6, 1.9685, 1.9773), (7, 1.9748, 1.9837)]
)
def test_losses_on_the_built_in_names(names, order, dev, test):
    estimate = KneserNey.of(names, order)
    for split, loss in (("dev", dev), ("test", test)):
        contexts, targets = examples(names, split, order - 1)
        found = -float(estimate.log_prob(contexts, targets).mean())
        assert found == pytest.approx(loss, abs=5e-4)


@pytest.mark.parametrize("order", [1, 2, 3, 5])
def test_probabilities_are_those_of_a_plain_loop(small, order):
    estimate = KneserNey.of(small, order)
    contexts, targets = examples(small, "dev", max(1, order - 1))
    contexts, targets = contexts[:60], targets[:60]
    counted, V = examples(small, "train", order - 1), small.vocabulary.size
    plain = PlainKneserNey(counted[0], counted[1], V)
    expected = [
        [plain.p(context[len(context) - (order - 1) :], c, order) for c in range(V)]
        for context in contexts.tolist()
    ]
    expected = torch.tensor(expected, dtype=torch.float64)
    torch.testing.assert_close(estimate.probabilities(contexts), expected)
    of_target = expected[torch.arange(len(targets)), targets].log()
    torch.testing.assert_close(estimate.log_prob(contexts, targets), of_target)


@pytest.mark.parametrize("order", [2, 3, 8])
def test_probabilities_sum_to_1_after_every_context(names, order):
    estimate = KneserNey.of(names, order)
    random = torch.randint(27, (500, order - 1), generator=torch.Generator().manual_seed(1))
    seen, _ = examples(names, "train", order - 1)
    sums = estimate.probabilities(torch.cat([random, seen.unique(dim=0)[:5000]])).sum(1)
    torch.testing.assert_close(sums, torch.ones_like(sums), rtol=0, atol=1e-12)


def test_an_alphabet_of_thousands_has_every_order(write):
    items = ["".join(chr(0x4E00 + (i * 7 + j * j) % 3000) for j in range(5)) for i in range(3000)]
    dataset = Dataset(write("\n".join(items)))
    estimate = KneserNey.of(dataset, 8)
    contexts, targets = examples(dataset, "dev", 7)
    rows = estimate.probabilities(contexts[:50])
    torch.testing.assert_close(rows.sum(1), torch.ones(50, dtype=torch.float64))
    assert float(-estimate.log_prob(contexts, targets).mean()) < math.log(dataset.vocabulary.size)


def test_a_prefix_of_the_examples_counts_as_if_there_were_no_more(small):
    split, V = small.split("train"), small.vocabulary.size
    part = GramIndex(split, 100, V)
    part.deepen(3)
    whole = KneserNey(gram_index(small, "train", split.num_examples, 5), 100, 3)
    part = KneserNey(part, 100, 3)
    contexts, _ = examples(small, "dev", 2)
    assert torch.equal(whole.probabilities(contexts), part.probabilities(contexts))


@pytest.mark.parametrize("method", ["add-k", "kneser-ney"])
def test_counting_prepared_in_parts_gives_the_same(write, small_items, method):
    model = ModelSettings(kind="ngram", order=6)
    settings = TrainSettings(batch_size=0, steps=1, smoothing_method=method)
    at_once, in_parts = (
        Session(Dataset(write("\n".join(small_items))), model, settings) for _ in range(2)
    )
    orders = []
    while in_parts.trainer.prepare():
        orders.append(gram_index(in_parts.dataset, "train", 1, 1).order)
    assert orders == [2, 3, 4, 5, 6, 6]  # each in a part of its own, then the model's counts
    assert in_parts.step == 0
    assert at_once.train(1) == in_parts.train(1)
    for name, counted in at_once.model.tensors.items():  # counts, totals
        assert torch.equal(counted, in_parts.model.tensors[name])
    assert at_once.evaluate("dev") == in_parts.evaluate("dev")
    assert not in_parts.trainer.prepare()


def test_the_loss_of_a_step_of_counting_is_that_of_its_examples(small):
    settings = TrainSettings(batch_size=0, steps=1, smoothing_method="kneser-ney")
    session = Session(small, ModelSettings(kind="ngram", order=3), settings)
    (loss,) = session.train(1).tolist()
    contexts, targets = examples(small, "train", 2)
    expected = -float(KneserNey.of(small, 3).log_prob(contexts, targets).mean())
    assert loss == pytest.approx(expected, rel=1e-6)


def test_discounts_that_cannot_be_estimated_are_above_0_and_said_so():
    good = torch.repeat_interleave(torch.arange(1, 5), torch.tensor([40, 20, 10, 5]))
    assert not Discounts.estimated(good).is_clamped
    for counts in ([], [1, 1], [7, 9], [1] * 10 + [2] + [3] * 5):
        found = Discounts.estimated(torch.tensor(counts, dtype=torch.int64))
        assert found.is_clamped
        assert min(found.values) == 0.01


def examples(dataset, split, context):
    part = dataset.split(split)
    return part.examples_at(torch.arange(1, part.num_examples + 1), context)


class PlainKneserNey:
    """The same in dictionaries, as Chen & Goodman write it."""

    def __init__(self, contexts, targets, size):
        self.size, self.orders = size, {}
        grams = Counter(
            (*context, target)
            for context, target in zip(contexts.tolist(), targets.tolist(), strict=True)
        )
        for n in range(contexts.shape[1] + 1, 0, -1):
            by_context = defaultdict(dict)
            for gram, count in grams.items():
                by_context[gram[:-1]][gram[-1]] = count
            self.orders[n] = by_context, self.discounts(list(grams.values()))
            grams = Counter(gram[1:] for gram in grams)

    @staticmethod
    def discounts(counts):
        n1, n2, n3, n4 = (counts.count(i) for i in (1, 2, 3, 4))
        y = n1 / (n1 + 2 * n2) if n1 else 0.5
        one = 1 - 2 * y * n2 / n1 if n1 else 0
        two = 2 - 3 * y * n3 / n2 if n2 else 0
        more = 3 - 4 * y * n4 / n3 if n3 else 0
        return [0, *(max(0.01, each) for each in (one, two, more))]

    def p(self, context, character, n):
        if n == 0:
            return 1 / self.size
        context = tuple(context)
        lower = self.p(context[1:], character, n - 1)
        by_context, discount = self.orders[n]
        followers = by_context.get(context)
        if not followers:
            return lower
        count, total = followers.get(character, 0), sum(followers.values())
        left = sum(discount[min(3, each)] for each in followers.values())
        return (count - discount[min(3, count)] + left * lower) / total
