"""Reference losses: what counting alone reaches on dev, from no characters of context to three.

A model that has learnt something is below them. Each order's smoothing k is the best on dev, so
that a reference is as good as counting can be.
"""

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from .contexts import context_numbers
from .dataset import Dataset, gather_examples
from .messages import Reference
from .models import MOST_COUNTS

NAMES = ("unigram", "bigram", "trigram", "4-gram")
SMOOTHINGS = tuple(10 ** (i / 4) for i in range(-12, 13))  # 0.001 to 1,000

_EXAMPLES_AT_ONCE = 1 << 12  # a block of either takes a few milliseconds
_NUMBERS_AT_ONCE = 1 << 22
_MOST_OF_TRAIN = 1 << 22
_MOST_OF_DEV = 1 << 18


class RunningReferences:
    """The references, computed a block of examples at a time, between other work.

    Counts are of train, losses of dev; of larger splits the first 4 million and 262,144 examples
    are looked at (items are shuffled). Orders whose table would have more than `MOST_COUNTS`
    numbers are left out.
    """

    def __init__(self, dataset: Dataset):
        self._dataset = dataset
        V = dataset.vocabulary.size
        self._found = [Reference("uniform", math.log(V))]
        self._blocks = self._all_blocks()

    def advance(self) -> bool:
        """Work on one more block; False when there is none left."""
        return next(self._blocks, False)

    def result(self) -> tuple[Reference, ...]:
        """The references found so far: uniform first, then by order."""
        return tuple(self._found)

    def _all_blocks(self) -> Iterator[bool]:
        V = self._dataset.vocabulary.size
        for order, name in enumerate(NAMES, start=1):
            if V**order <= MOST_COUNTS:
                yield from self._order(order, name)

    def _order(self, order: int, name: str) -> Iterator[bool]:
        """Count train, then take the loss of dev with each smoothing."""
        V = self._dataset.vocabulary.size
        counts = torch.empty(V**order, dtype=torch.int32)
        for part in counts.split(_NUMBERS_AT_ONCE):
            part.zero_()
            yield True
        totals = torch.zeros(V ** (order - 1), dtype=torch.int32)  # of each context
        for rows, targets in self._examples("train", order, _MOST_OF_TRAIN):
            ones = torch.ones(len(rows), dtype=torch.int32)
            counts.index_add_(0, rows * V + targets, ones)
            totals.index_add_(0, rows, ones)
            yield True
        k = torch.tensor(SMOOTHINGS, dtype=torch.float64)[:, None]  # (K, 1)
        nll, examples = torch.zeros(len(SMOOTHINGS), dtype=torch.float64), 0
        for rows, targets in self._examples("dev", order, _MOST_OF_DEV):
            some = counts[rows * V + targets].double() + k  # (K, B)
            nll += ((totals[rows].double() + V * k) / some).log().sum(1)
            examples += len(rows)
            yield True
        best = int(nll.argmin())
        self._found.append(Reference(name, float(nll[best]) / examples, SMOOTHINGS[best]))

    def _examples(self, split: str, order: int, most: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Blocks of a split's examples: the contexts (B,), each as one number, and targets (B,)."""
        V, part = self._dataset.vocabulary.size, self._dataset.split(split)
        end = min(part.examples, most) + 1
        for first in range(1, end, _EXAMPLES_AT_ONCE):
            positions = torch.arange(first, min(first + _EXAMPLES_AT_ONCE, end))
            contexts, targets = gather_examples(part.tokens, positions, order - 1)
            yield context_numbers(contexts, V), targets


def reference_losses(dataset: Dataset) -> tuple[Reference, ...]:
    """Dev losses of the uniform, unigram, bigram, trigram and 4-gram model, in nats a character.

    Of counts with add-k smoothing, P(c | context) = (N(context, c) + k) / (N(context) + k V), the
    best k of `SMOOTHINGS` (Jurafsky & Martin, Speech and Language Processing, ch. 3).
    """
    running = RunningReferences(dataset)
    while running.advance():
        pass
    return running.result()
