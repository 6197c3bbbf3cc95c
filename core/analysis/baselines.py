"""Baselines: dev losses of a uniform guess, of n-gram counts of order 1 to 4, and of Kneser-Ney.

A model that has learnt something is below them. Each order's smoothing k is the best on dev, and so
is the order of Kneser-Ney, so that a baseline is as good as counting can be.
"""

import math
from collections.abc import Iterator
from itertools import chain

import torch
from torch import Tensor

from ..constants import BASELINES, KNESER_NEY
from ..datasets.contexts import context_numbers
from ..datasets.dataset import Dataset
from ..datasets.grams import GramIndex, places_of
from ..models.kneser_ney import KneserNey
from ..results import Baseline

NAMES = BASELINES[1:5]
_KNESER_NEY_ORDERS = range(2, 9)
SMOOTHINGS = tuple(10 ** (i / 4) for i in range(-12, 13))  # 0.001 to 1,000
_EXAMPLES_PER_BLOCK = 1 << 12  # a block of either takes a few milliseconds
_MAX_TRAIN_EXAMPLES = 1 << 22
_MAX_DEV_EXAMPLES = 1 << 18
_MAX_INDEXED = 1 << 19  # examples of train, for Kneser-Ney


class RunningBaselines:
    """The baselines, computed a block of examples at a time, between other work.

    Counts are of train, losses of dev; of larger splits only the first 4 million and 262,144
    examples are used (items are shuffled). Only n-grams that occur in dev are counted, so that no
    order needs a table of all possible ones; Kneser-Ney uses the first half million of train.
    """

    def __init__(self, dataset: Dataset):
        self._dataset = dataset
        self._found = [Baseline("uniform", math.log(dataset.vocabulary.size))]
        orders = enumerate(NAMES, start=1)
        counts = chain.from_iterable(self._order(order, name) for order, name in orders)
        self._blocks = chain(counts, self._kneser_ney())

    def advance(self) -> bool:
        """Work on one more block; False if none is left."""
        return next(self._blocks, False)

    def result(self) -> tuple[Baseline, ...]:
        """The baselines found so far: uniform first, then by order."""
        return tuple(self._found)

    def _order(self, order: int, name: str) -> Iterator[bool]:
        """List the n-grams of dev, count them in train, and try each smoothing."""
        V = self._dataset.vocabulary.size
        of_dev = []
        for block in self._ngrams("dev", order, _MAX_DEV_EXAMPLES):
            of_dev.append(block)
            yield True
        ngrams, times = torch.unique(torch.cat(of_dev), return_counts=True)  # (P,): in dev
        yield True
        contexts, context = torch.unique_consecutive(ngrams // V, return_inverse=True)  # (M,), (P,)
        counts = torch.zeros(len(ngrams), dtype=torch.float64)  # in train
        totals = torch.zeros(len(contexts), dtype=torch.float64)
        for block in self._ngrams("train", order, _MAX_TRAIN_EXAMPLES):
            _count(block, ngrams, counts)
            _count(block // V, contexts, totals)
            yield True
        losses = []
        for k in SMOOTHINGS:
            nll = ((totals[context] + V * k) / (counts + k)).log()  # (P,)
            losses.append(float(nll @ times.double()) / int(times.sum()))
            yield True
        best = min(losses)
        self._found.append(Baseline(name, best, SMOOTHINGS[losses.index(best)]))

    def _kneser_ney(self) -> Iterator[bool]:
        """Try each order of Kneser-Ney, up to the first that is worse than the one before."""
        train, part = self._dataset.split("train"), self._dataset.split("dev")
        n = min(train.num_examples, _MAX_INDEXED)
        index = GramIndex(train, n, self._dataset.vocabulary.size)
        positions = torch.arange(1, min(part.num_examples, _MAX_DEV_EXAMPLES) + 1)
        best = Baseline(KNESER_NEY, math.inf)
        for order in _KNESER_NEY_ORDERS:
            index.deepen(order)
            yield True
            estimate, nll = KneserNey(index, n, order), 0.0
            yield True
            for some in positions.split(_EXAMPLES_PER_BLOCK):
                nll -= float(estimate.log_prob(*part.examples_at(some, order - 1)).sum())
                yield True
            loss = nll / len(positions)
            if loss > best.loss:
                break
            best = Baseline(KNESER_NEY, loss, order=order)
        self._found.append(best)

    def _ngrams(self, split: str, order: int, max_examples: int) -> Iterator[Tensor]:
        """Blocks of a split's examples, each as one number, of its context and target: (B,)."""
        V, part = self._dataset.vocabulary.size, self._dataset.split(split)
        end = min(part.num_examples, max_examples) + 1
        for first in range(1, end, _EXAMPLES_PER_BLOCK):
            positions = torch.arange(first, min(first + _EXAMPLES_PER_BLOCK, end))
            contexts, targets = part.examples_at(positions, order - 1)
            yield context_numbers(contexts, V) * V + targets


def _count(numbers: Tensor, known: Tensor, counts: Tensor) -> None:
    """Add to `counts` (P,) how often each `known` number (P,), sorted, is among `numbers` (B,)."""
    places, is_known = places_of(numbers, known)
    counts.index_add_(0, places, is_known.double())


def baseline_losses(dataset: Dataset) -> tuple[Baseline, ...]:
    """Dev losses of the uniform, unigram, bigram, trigram and 4-gram model and of the best order
    of `KneserNey`, in nats a character.

    The counts have add-k smoothing, P(c | context) = (N(context, c) + k) / (N(context) + k V), with
    the best k of `SMOOTHINGS` (Jurafsky & Martin, Speech and Language Processing, ch. 3).
    """
    running = RunningBaselines(dataset)
    while running.advance():
        pass
    return running.result()
