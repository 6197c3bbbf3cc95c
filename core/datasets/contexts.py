"""The examples of a split, grouped by context.

Few contexts are distinct: the 183,430 training examples of the built-in names have 5,450 distinct
contexts of three characters. One forward pass over those, with the counts of what follows each,
gives the loss of the whole split exactly, and its gradient.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from ..settings import first_n
from .dataset import Dataset, Split, gather_examples

_NUMBERS_AT_ONCE = 1 << 22


@dataclass(frozen=True)
class ContextTable:
    """Distinct contexts, and how often each character follows each.

    contexts: (M, T) int64, sorted.
    rows, targets: (P,) int64, the pairs of a context and a character that occur, by row.
    counts: (P,) float64, how often; seen_counts: how often in items that also stand in train.
    """

    contexts: Tensor
    rows: Tensor
    targets: Tensor
    counts: Tensor
    seen_counts: Tensor

    @property
    def examples(self) -> int:
        return int(self.counts.sum())


class ContextTables:
    """The context tables of a dataset's splits, kept for as long as the context stays the same."""

    def __init__(self, dataset: Dataset):
        self.dataset = dataset
        self._context = 0
        self._kept: dict[tuple[str, int], ContextTable] = {}

    def of(
        self, split: str, context: int, most_examples: int | None = None
    ) -> Iterator[ContextTable]:
        """A split's tables, a block of examples each; small splits have one, which is kept.

        split: a split's name, or first-N for the first N items of the file.
        most_examples: of a larger split, take the first so many (its items are shuffled).
        """
        part = split_named(self.dataset, split)
        examples = min(part.examples, most_examples or part.examples)
        if context != self._context:
            self._context, self._kept = context, {}
        if (split, examples) in self._kept:
            yield self._kept[split, examples]
            return
        seen = self._seen_examples(split)
        block = max(1, _NUMBERS_AT_ONCE // context)
        for first in range(1, examples + 1, block):
            positions = torch.arange(first, min(first + block, examples + 1))
            table = _table(part.tokens, positions, context, self.dataset.vocabulary.size, seen)
            if examples <= block:
                self._kept[split, examples] = table
            yield table

    def _seen_examples(self, split: str) -> Tensor | None:
        """Whether each example (from position 1) is of an item in train; None where that's moot."""
        if split not in ("dev", "test"):
            return None
        part = self.dataset.split(split)
        boundaries = torch.nonzero(part.tokens == 0)[:, 0]
        return torch.repeat_interleave(self.dataset.seen_items(split), boundaries.diff())


def split_named(dataset: Dataset, name: str) -> Split:
    """A split of the dataset by name, or its first N items for first-N."""
    n = first_n(name)
    return dataset.first_items(n) if n else dataset.split(name)


def context_numbers(contexts: Tensor, size: int) -> Tensor:
    """A number for each context: contexts (N, T) of ids below `size` to (N,) int64.

    Equal contexts have equal numbers, and the numbers are in the contexts' order.
    """
    numbers, most = torch.zeros(len(contexts), dtype=torch.int64), 1  # digits in base `size`
    for column in contexts.unbind(1):
        if most * size >= 2**62:
            distinct, numbers = torch.unique(numbers, return_inverse=True)
            most = len(distinct)
        numbers, most = numbers.mul_(size).add_(column), most * size
    return numbers


def distinct_contexts(contexts: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """The M distinct ones of some contexts (N, T) of ids below `size`, in order.

    Returns where each of them stands (M,), and which of them each context is (N,).
    """
    distinct, which = torch.unique(context_numbers(contexts, size), return_inverse=True)
    places = torch.empty_like(distinct).scatter_(0, which, torch.arange(len(which)))
    return places, which


def _table(
    tokens: Tensor, positions: Tensor, context: int, size: int, seen: Tensor | None
) -> ContextTable:
    contexts, targets = gather_examples(tokens, positions, context)  # (N, T), (N,)
    distinct, row = distinct_contexts(contexts, size)
    pairs, pair, counts = torch.unique(
        row * size + targets, return_inverse=True, return_counts=True
    )
    seen_counts = torch.zeros(len(pairs), dtype=torch.float64)
    if seen is not None:
        seen_counts.index_add_(0, pair, seen[positions - 1].double())
    return ContextTable(
        contexts=contexts[distinct],
        rows=pairs // size,
        targets=pairs % size,
        counts=counts.double(),
        seen_counts=seen_counts,
    )
