"""Minibatches, drawn for many steps at once.

Few contexts are distinct: of 512 examples of the names only 360 have a context of eight characters
of their own. So a large batch lists each of its contexts once, with all that follows it in the
batch, and a step computes the same with a third fewer rows. In a batch of 32 there is little to
gain, and it is left as it is.

The same batches are drawn however many steps are drawn at once.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ..datasets.contexts import ContextTable, context_numbers
from ..datasets.dataset import Split, gather_examples

_DISTINCT_FROM = 64  # examples in a batch: from here on contexts are listed once
_ROWS = 16  # a batch has a multiple of so many rows
_INTEGERS_AT_ONCE = 1 << 13


@dataclass(frozen=True)
class Batches:
    """Some batches behind one another: contexts, and the characters that follow, weighted.

    A batch of M contexts has a matrix (V, M) of logits, so the targets are places in the matrices
    of all n batches, behind one another. A context that no target belongs to counts for nothing.
    Such contexts fill a batch up to a multiple of 16, so that few sizes occur and every batch is
    aligned for vector instructions.

    rows: how many contexts each batch has, n numbers M that add up to R.
    contexts: (R, T) int64.
    places: (n, P) int64, from 0 to V * R - 1.
    weights: (P,), each target's share of its batch's loss; they add up to 1.
    """

    rows: list[int]
    contexts: Tensor
    places: Tensor
    weights: Tensor

    def minus_targets(self, V: int) -> Tensor:
        """Minus the weight at every target's place, 0 elsewhere: (V * R,)."""
        n, _ = self.places.shape
        targets = self.weights.new_zeros(V * len(self.contexts))
        return targets.index_add_(0, self.places.view(-1), -self.weights.repeat(n))

    def losses(self, log_probabilities: Tensor) -> Tensor:
        """The weighted mean NLL of each batch (n,) from the log probabilities (V * R,)."""
        chosen = log_probabilities.index_select(0, self.places.view(-1)).view_as(self.places)
        return chosen.mul_(self.weights).sum(1).neg_()


class RandomStream:
    """Random integers from 0 to 2**62, the same however many are taken at once."""

    def __init__(self, seed: int):
        self._generator = torch.Generator().manual_seed(seed)
        self._left = torch.empty(0, dtype=torch.int64)

    def take(self, n: int) -> Tensor:
        """The next n, (n,) int64."""
        parts = [self._left]
        missing = n - len(self._left)
        for _ in range(-(-missing // _INTEGERS_AT_ONCE)):
            parts.append(torch.randint(2**62, (_INTEGERS_AT_ONCE,), generator=self._generator))
        drawn = torch.cat(parts)
        self._left = drawn[n:]
        return drawn[:n]

    def state_dict(self) -> dict[str, Tensor]:
        """Where the stream is; the tensors are never written to."""
        return {"generator": self._generator.get_state(), "left": self._left}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from where another stream was."""
        self._generator.set_state(state["generator"])
        self._left = state["left"]


def draw_batches(
    split: Split, random: RandomStream, n: int, size: int, context: int, like: Tensor, V: int
) -> Batches:
    """The next n minibatches of `size` examples of a split, drawn with replacement.

    like: a tensor whose dtype the targets shall have; V: the characters, the boundary counted.
    """
    positions = random.take(n * size) % split.examples + 1  # (n*B,)
    contexts, characters = gather_examples(split.tokens, positions, context)  # (n*B, T), (n*B,)
    characters = characters.view(n, size)
    if size >= _DISTINCT_FROM:
        order, rows = _numbered(contexts, n, V)
        contexts = contexts.index_select(0, order.view(-1))
        characters = characters.view(-1).index_select(0, order.view(-1)).view(n, size)
    else:
        rows = torch.arange(size).expand(n, size)
    lengths = rows[:, -1].add(_ROWS).div_(_ROWS, rounding_mode="floor").mul_(_ROWS)  # (n,): M
    firsts = lengths.cumsum(0).sub_(lengths)[:, None]  # (n, 1)
    all_rows, places = int(lengths.sum()), characters * lengths[:, None] + rows + firsts * V
    batch_contexts = contexts.new_zeros(all_rows, context)
    batch_contexts.index_copy_(0, (firsts + rows).view(-1), contexts)
    weights = like.new_full((size,), 1 / size)
    return Batches(lengths.tolist(), batch_contexts, places, weights)


def _numbered(contexts: Tensor, n: int, V: int) -> tuple[Tensor, Tensor]:
    """The examples of each of n batches put in order of their contexts, and these numbered.

    contexts: (n*B, T). Returns order (n, B), the examples' places in `contexts`, and rows (n, B),
    the number of the context of each example in that order; equal ones share a number.
    """
    ordered, order = context_numbers(contexts, V).view(n, -1).sort(1)
    rows = torch.zeros_like(order)
    torch.cumsum(ordered[:, 1:] != ordered[:, :-1], 1, out=rows[:, 1:])
    size = order.shape[1]
    return order.add_(size * torch.arange(n)[:, None]), rows


def full_batch(tables: list[ContextTable], like: Tensor, V: int) -> Batches:
    """All examples of some context tables as one batch: each distinct context once."""
    contexts = torch.cat([table.contexts for table in tables])  # (M, T)
    firsts = torch.tensor([0] + [len(table.contexts) for table in tables]).cumsum(0)
    rows = torch.cat([t.rows + first for t, first in zip(tables, firsts[:-1], strict=True)])  # (P,)
    targets = torch.cat([table.targets for table in tables])
    counts = torch.cat([table.counts for table in tables])
    return Batches(
        rows=[len(contexts)],
        contexts=contexts,
        places=(targets * len(contexts) + rows)[None],
        weights=(counts / counts.sum()).to(like.dtype),
    )
