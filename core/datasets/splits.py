"""A split of a dataset, and the examples in it."""

from dataclasses import dataclass

import torch
from torch import Tensor

from .vocabulary import BOUNDARY


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

    def examples_at(self, positions: Tensor, context: int) -> tuple[Tensor, Tensor]:
        """The examples at some positions (B,): contexts (B, T) and targets (B,), both int64."""
        targets = self.tokens.index_select(0, positions).long()
        return self.contexts_at(positions, context), targets
