"""A split of a dataset, and its examples: at given positions, or all of them grouped by context.

Few contexts are distinct: the 183,430 training examples of the built-in names have 5,450 distinct
contexts of three characters. One forward pass over those, with the counts of what follows each,
gives the loss of the whole split exactly, and its gradient.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from .vocabulary import BOUNDARY

NUMBERS_PER_BLOCK = 1 << 22  # contexts times their length


@dataclass(frozen=True, repr=False)
class Split:
    """Consecutive items of a dataset and their tokens.

    tokens: (L,), from a boundary to a boundary. The examples are the positions 1 to L-1: a
    position's token is the target, and the tokens before it, back to the boundary, its context.
    first_item, last_item: the items' range in the dataset, the last one excluded.
    """

    name: str
    tokens: Tensor
    first_item: int
    last_item: int

    def __repr__(self) -> str:
        return f"Split({self.name!r}, {self.num_items:,} items, {self.num_examples:,} examples)"

    @property
    def num_items(self) -> int:
        return self.last_item - self.first_item

    @property
    def num_examples(self) -> int:
        return len(self.tokens) - 1

    def contexts_at(self, positions: Tensor, context: int) -> Tensor:
        """The `context` = T tokens before each of some positions (B,): (B, T) int64.

        What lies before the item of a position is replaced by boundaries.
        """
        contexts = torch.empty(len(positions), context, dtype=torch.int64)
        inside = torch.ones(len(positions), dtype=torch.bool)  # (B,): no boundary met so far
        for back in range(1, context + 1):
            before = self.tokens.index_select(0, (positions - back).clamp_(min=0))  # (B,)
            inside &= before != BOUNDARY
            contexts[:, context - back] = before * inside
        return contexts

    def items_of_examples(self) -> Tensor:
        """Which of the split's items each example is of, counted from 0: (N,) int64."""
        return (self.tokens[:-1] == BOUNDARY).cumsum(0).sub_(1)

    def examples_at(self, positions: Tensor, context: int) -> tuple[Tensor, Tensor]:
        """The examples at some positions (B,): contexts (B, T) and targets (B,), both int64."""
        targets = self.tokens.index_select(0, positions).long()
        return self.contexts_at(positions, context), targets


@dataclass(frozen=True)
class ContextTable:
    """The distinct contexts of some examples, and how often each character follows each.

    contexts: (M, T) int64, sorted.
    rows, targets: (P,) int64, the distinct pairs of a context (its row) and a target, by row.
    counts: (P,) float64, how often each pair occurs.
    seen_counts: (P,) float64, how often it occurs in items that also stand in train.
    pairs: (N,) int32, which pair each example is.
    """

    contexts: Tensor
    rows: Tensor
    targets: Tensor
    counts: Tensor
    seen_counts: Tensor
    pairs: Tensor

    @property
    def num_examples(self) -> int:
        return int(self.counts.sum())


def context_tables(
    split: Split, context: int, num_examples: int, size: int, seen: Tensor | None = None
) -> Iterator[ContextTable | None]:
    """Tables of the first `num_examples` examples of a split, one for each block of them.

    Between the parts of that work it yields None, so that other work can be done meanwhile.

    context: the length of a context. size: the vocabulary's. seen: (N,) bool, whether each example
    is of an item that also stands in train; None counts as not seen.
    """
    block = max(1, NUMBERS_PER_BLOCK // context)
    for first in range(1, num_examples + 1, block):
        positions = torch.arange(first, min(first + block, num_examples + 1))
        contexts, targets = split.examples_at(positions, context)  # (N, T), (N,)
        yield None
        distinct, row = distinct_contexts(contexts, size)
        yield None
        numbers = row * size + targets
        pairs, pair, counts = torch.unique(numbers, return_inverse=True, return_counts=True)
        seen_counts = torch.zeros(len(pairs), dtype=torch.float64)
        if seen is not None:
            seen_counts.index_add_(0, pair, seen[positions - 1].double())
        rows, targets = pairs // size, pairs % size
        counted = counts.double(), seen_counts
        yield None
        yield ContextTable(contexts[distinct], rows, targets, *counted, pair.int())


def contexts_along(ids: list[int], context: int) -> Tensor:
    """The context of each character of an item of L ids, the closing boundary counted: (L, T)."""
    padded = torch.tensor([BOUNDARY] * context + ids)
    return padded.unfold(0, context, 1)[: len(ids)]


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
