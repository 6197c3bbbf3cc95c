"""The penalty of a neural bigram, and the smoothing that it amounts to."""

import math
from collections import Counter

import pytest
import torch

from makemore_tui.core.analysis.regularization import nearest_smoothing, regularization
from makemore_tui.core.datasets.stats import bigram_counts
from makemore_tui.core.models.mlp import MLP
from makemore_tui.core.session.session import Session
from makemore_tui.core.settings import ModelSettings, TrainSettings

NEURAL = ModelSettings(kind="neural-bigram")


def smoothed(counts, k):
    """Each row of counts, k added to each, divided by its sum."""
    return [[(n + k) / (sum(row) + k * len(row)) for n in row] for row in counts]


@pytest.fixture(scope="module")
def counts(small, small_splits, plain):
    pairs = Counter(plain.examples(small_splits["train"], 1))
    signs = "\n" + small.vocabulary.characters
    return [[pairs[a, b] for b in signs] for a in signs]


def test_pairs_are_counted_as_a_plain_loop_counts(small, counts):
    assert bigram_counts(small, "train").tolist() == counts


@pytest.mark.parametrize("k", [0.003, 0.7, 1, 45.0, 3000.0])
def test_a_table_of_smoothed_counts_is_nearest_to_itself(small, counts, k):
    table = torch.tensor(smoothed(counts, k), dtype=torch.float64).log()
    found, divergence = nearest_smoothing(table, bigram_counts(small, "train"))
    assert found == pytest.approx(k, rel=1e-4)
    assert divergence == pytest.approx(0, abs=1e-9)


def test_no_other_smoothing_is_nearer_by_a_plain_loop(small, counts):
    session = Session(small, NEURAL, TrainSettings(learning_rate=20, batch_size=0, steps=200))
    session.edit(weight_decay=0.05)
    session.train(200)
    found = regularization(session.model, small, "train", 0.05)
    assert found is not None
    assert found.divergence is not None
    W = session.model.tensors["W"]
    assert found.penalty == pytest.approx(
        0.05 * sum(w * w for w in W.flatten().tolist()) / W.numel()
    )
    q = torch.softmax(W.double(), 1).tolist()

    def divergence(k):
        total = sum(map(sum, counts))
        return sum(
            sum(row) / total * sum(p * math.log(p / r) for p, r in zip(near, model, strict=True))
            for row, near, model in zip(counts, smoothed(counts, k), q, strict=True)
        )

    assert found.divergence == pytest.approx(divergence(found.k))
    assert found.divergence <= min(divergence(10 ** (i / 20)) for i in range(-80, 121)) + 1e-12


def test_more_decay_is_more_smoothing(small):
    found = []
    for decay in (0.01, 0.1, 1.0):
        settings = TrainSettings(learning_rate=5, batch_size=0, steps=300, weight_decay=decay)
        session = Session(small, NEURAL, settings)
        session.train(300)
        of_decay = regularization(session.model, small, "train", decay)
        found.append(of_decay and of_decay.k)
    assert found == sorted(found)


def test_the_decay_of_an_mlp_is_no_part_of_its_loss(small):
    model = MLP(ModelSettings(), small.vocabulary.size)
    assert regularization(model, small, "train", 0.1) is None
