"""The examples of a split, grouped by context.

Few contexts are distinct: the 183,430 training examples of the built-in names have 5,450 distinct
contexts of three characters. One forward pass over those, with the counts of what follows each,
gives the loss of the whole split exactly, and its gradient.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from .splits import Split

_NUMBERS_PER_BLOCK = 1 << 22  # contexts times their length


@dataclass(frozen=True)
class ContextTable:
    """The distinct contexts of some examples, and how often each character follows each.

    contexts: (M, T) int64, sorted.
    rows, targets: (P,) int64, the distinct pairs of a context (its row) and a target, by row.
    counts: (P,) float64, how often each pair occurs.
    seen_counts: (P,) float64, how often it occurs in items that also stand in train.
    """

    contexts: Tensor
    rows: Tensor
    targets: Tensor
    counts: Tensor
    seen_counts: Tensor

    @property
    def num_examples(self) -> int:
        return int(self.counts.sum())


def context_tables(
    split: Split, context: int, num_examples: int, size: int, seen: Tensor | None = None
) -> Iterator[ContextTable]:
    """Tables of the first `num_examples` examples of a split, one for each block of them.

    context: the length of a context. size: the vocabulary's. seen: (N,) bool, whether each example
    is of an item that also stands in train; None counts as not seen.
    """
    block = max(1, _NUMBERS_PER_BLOCK // context)
    for first in range(1, num_examples + 1, block):
        positions = torch.arange(first, min(first + block, num_examples + 1))
        contexts, targets = split.examples_at(positions, context)  # (N, T), (N,)
        distinct, row = distinct_contexts(contexts, size)
        numbers = row * size + targets
        pairs, pair, counts = torch.unique(numbers, return_inverse=True, return_counts=True)
        seen_counts = torch.zeros(len(pairs), dtype=torch.float64)
        if seen is not None:
            seen_counts.index_add_(0, pair, seen[positions - 1].double())
        rows, targets = pairs // size, pairs % size
        yield ContextTable(contexts[distinct], rows, targets, counts.double(), seen_counts)


def context_numbers(contexts: Tensor, size: int) -> Tensor:
    """A number for each context: (N, T) of ids below `size` to (N,) int64.

    Equal contexts get equal numbers, and the numbers sort as the contexts do.
    """
    numbers, most = torch.zeros(len(contexts), dtype=torch.int64), 1  # digits in base `size`
    for column in contexts.unbind(1):
        if most * size >= 2**62:
            distinct, numbers = torch.unique(numbers, return_inverse=True)
            most = len(distinct)
        numbers, most = numbers.mul_(size).add_(column), most * size
    return numbers


def distinct_contexts(contexts: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """The M distinct contexts among some (N, T) of ids below `size`, sorted.

    Returns where one of each stands (M,), and which of the M each of the N is (N,).
    """
    distinct, which = torch.unique(context_numbers(contexts, size), return_inverse=True)
    places = torch.empty_like(distinct).scatter_(0, which, torch.arange(len(which)))
    return places, which
