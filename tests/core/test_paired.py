import math
from statistics import NormalDist

import pytest
import torch

from makemore_tui.core.analysis.evaluation import RunningEvaluation
from makemore_tui.core.analysis.paired import (
    ItemLosses,
    difference_over_seeds,
    multiple_at,
    paired_difference,
)
from makemore_tui.core.analysis.probe import probe
from makemore_tui.core.results import Probe
from makemore_tui.core.session.session import Session


def of_items(nll, lengths):
    return ItemLosses(torch.tensor(nll).double(), torch.tensor(lengths).double())


def evaluated(session, most=None):
    evaluation = RunningEvaluation(session.model, session.dataset, "dev", most, by_example=True)
    while evaluation.advance():
        pass
    return evaluation


def test_items_have_the_surprisal_of_their_characters(names):
    session = Session(names)
    session.train(20)
    found = evaluated(session)
    items, first = found.item_losses(), names.split("dev").first_item
    assert len(items.nll) == names.split("dev").num_items
    assert items.mean == pytest.approx(found.result().loss, rel=1e-12)
    for i in (0, 1, 1000, len(items.nll) - 1):
        word = names.item(first + i)
        found_by_probe = probe(session.model, names.vocabulary, word, 1, None)
        assert isinstance(found_by_probe, Probe)
        mean = found_by_probe.mean
        assert items.lengths[i] == len(word) + 1
        assert float(items.nll[i]) == pytest.approx(mean * (len(word) + 1), rel=1e-5)


def test_items_of_some_examples_only_have_what_was_evaluated(names):
    session = Session(names)
    found = evaluated(session, 5000)
    items = found.item_losses()
    assert items.lengths.sum() == 5000
    assert items.mean == pytest.approx(found.result().loss, rel=1e-12)


def test_the_paired_error_is_that_of_a_ratio_of_sums_over_items():
    nll = [[3.0, 5, 8, 9] * 10, [2.5, 5.5, 7, 9] * 10]
    lengths = [2.0, 3, 4, 5] * 10
    a, b = (of_items(one, lengths) for one in nll)
    found = paired_difference(a, b, (7, 7), 3, "names")
    total, n = sum(lengths), len(lengths)
    differences = [two - one for one, two in zip(*nll, strict=True)]
    mean = sum(differences) / total
    squares = sum(
        (one - mean * length) ** 2 for one, length in zip(differences, lengths, strict=True)
    )
    assert found.difference == pytest.approx(mean)
    assert found.standard_error == pytest.approx(math.sqrt(squares * n / (n - 1)) / total)
    assert found.unpaired_error > found.standard_error
    assert (found.step, found.looks, found.items) == (7, 3, 40)


def test_all_looks_together_spend_less_than_5_percent():
    spent = sum(2 * NormalDist().cdf(-multiple_at(k)) for k in range(1, 5000))
    assert 0.02 < spent < 0.025
    assert multiple_at(1) < multiple_at(2) < multiple_at(100)


def test_a_random_sign_by_item_is_seldom_called_a_difference_at_any_of_100_looks():
    generator = torch.Generator().manual_seed(1)
    lengths = torch.randint(3, 12, (3218,), generator=generator).double()
    zero, alarms = ItemLosses(torch.zeros(3218).double(), lengths), 0
    # Differences of 100 looks, each like the last, whose sizes differ from item to item.
    steps = torch.randn(100, 3218, generator=generator, dtype=torch.float64)
    walks = steps.cumsum(0) * torch.rand(3218, generator=generator).square()
    for _ in range(60):
        signs = torch.randint(0, 2, (3218,), generator=generator).double() * 2 - 1
        alarms += any(
            paired_difference(zero, ItemLosses(walk * signs, lengths), (k, k), k).different
            for k, walk in enumerate(walks, 1)
        )
    assert alarms <= 3


def test_few_items_are_never_judged():
    few = of_items([1.0] * 5, [2.0] * 5), of_items([9.0, 9, 9, 9, 8], [2.0] * 5)
    found = paired_difference(*few, (1, 1))
    assert not found.different
    assert found.sentence == "5 items are too few to compare A and B"


@pytest.mark.parametrize(
    ("shift", "says"),
    [
        (-0.2, "B is better by 0.1000 ± 0.0042 nats at step 4,000 (paired over 40 names)"),
        (0.2, "B is worse by 0.1000 ± 0.0042 nats at step 4,000 (paired over 40 names)"),
        (0.0, "No difference that 40 names could show at step 4,000: 0.0000 ± 0.0042 nats"),
        (math.nan, "The dev loss of B is not finite at step 4,000, so they can't be compared"),
    ],
)
def test_what_is_said_of_two_runs(shift, says):
    a = of_items([4.0] * 40, [2.0] * 40)
    b = of_items([4.0 + shift + (-1) ** i * 0.0525 for i in range(40)], [2.0] * 40)
    assert paired_difference(a, b, (4000, 4000), noun="names").sentence == says


def test_over_seeds_the_interval_is_students():
    found = difference_over_seeds([2.0, 2.1, 2.2, 2.3, 2.4], [1.99, 2.07, 2.19, 2.27, 2.38])
    # The differences -0.01, -0.03, -0.01, -0.03, -0.02 have the standard deviation 0.01.
    assert found.difference == pytest.approx(-0.02)
    assert found.standard_error == pytest.approx(0.01 / math.sqrt(5))
    assert (found.low, found.high) == pytest.approx((-0.032416, -0.007584), abs=1e-5)
    assert found.different
    assert found.unpaired_error > 10 * found.standard_error
    assert found.sentence.startswith("B is better by 0.0200 nats over 5 seeds (95% interval")


@pytest.mark.parametrize("seeds", [2, 5, 20])
def test_95_percent_of_the_intervals_over_seeds_hold_zero_where_there_is_no_difference(seeds):
    generator = torch.Generator().manual_seed(seeds)
    losses = torch.randn(1000, 2, seeds, generator=generator, dtype=torch.float64)
    alarms = sum(difference_over_seeds(a, b).different for a, b in losses.tolist())
    assert 30 <= alarms <= 70
