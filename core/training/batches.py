"""Minibatches, made for many steps at once.

Few contexts are distinct: of 512 examples of the names only 360 have a context of eight characters
of their own. So a large batch lists each of its contexts once, with all the characters that follow
it in the batch, and a step computes the same with a third fewer rows. In a batch of 32 there is
little to gain, and each example keeps a row of its own.

Minibatches can be of distinct contexts instead, each with all that follows it in the split
(`ContextSampler`).
"""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ..datasets.contexts import ContextTable, Split, context_numbers

_MIN_SHARED = 64  # examples in a batch, from which on equal contexts share a row
_ROWS = 16  # the number of a batch's rows is a multiple of this
_COMMON = 8  # one in so many contexts of a batch is always in it
_INTEGERS_PER_BLOCK = 1 << 13


@dataclass(frozen=True)
class Batches:
    """n consecutive batches: contexts, and weighted targets.

    A batch with M contexts has a matrix (V, M) of logits. A target is a place in that matrix, and
    places count through the matrices of all n batches. Contexts without a target don't matter;
    they fill a batch up to a multiple of 16 rows, so that few sizes occur and every batch is
    aligned for vector instructions.

    rows: M of each batch, n numbers with the sum R.
    contexts: (R, T) int64.
    places: (n, P) int64, from 0 to V * R - 1.
    weights: (P,), each target's share of its batch's loss, with the sum 1; or (n, P), for each
    batch its own.
    """

    rows: list[int]
    contexts: Tensor
    places: Tensor
    weights: Tensor

    def minus_targets(self, V: int) -> Tensor:
        """Minus each target's weight at its place, 0 elsewhere: (V * R,)."""
        n, _ = self.places.shape
        targets = self.weights.new_zeros(V * len(self.contexts))
        return targets.index_add_(0, self.places.view(-1), -self.weights.expand(n, -1).reshape(-1))

    def losses(self, log_probabilities: Tensor, some: slice = slice(None)) -> Tensor:
        """The weighted mean NLL of each of some batches (n,), from the log probabilities of all
        (V * R,)."""
        places = self.places[some]
        weights = self.weights if self.weights.dim() == 1 else self.weights[some]
        chosen = log_probabilities.index_select(0, places.view(-1)).view_as(places)
        return chosen.mul_(weights).sum(1).neg_()


class RandomStream:
    """Random integers from 0 to 2**62 - 1, the same however many are taken at once.

    Integers can be looked at before they are taken, so that batches can be made ahead of their
    steps while the stream's state is that of the steps taken.
    """

    def __init__(self, seed: int):
        self._generator = torch.Generator().manual_seed(seed)
        # Blocks of integers, of which the first has some left, each with the state after it.
        empty = torch.empty(0, dtype=torch.int64)
        self._blocks = deque([(empty, self._generator.get_state())])

    def peek(self, n: int) -> Tensor:
        """The next n integers without taking them, (n,) int64."""
        while sum(len(block) for block, _ in self._blocks) < n:
            block = torch.randint(2**62, (_INTEGERS_PER_BLOCK,), generator=self._generator)
            self._blocks.append((block, self._generator.get_state()))
        return torch.cat([block for block, _ in self._blocks])[:n]

    def skip(self, n: int) -> None:
        """Take n integers that `peek` has returned."""
        while n > len(self._blocks[0][0]):
            n -= len(self._blocks.popleft()[0])
        block, state = self._blocks[0]
        self._blocks[0] = block[n:], state

    def state_dict(self) -> dict[str, Tensor]:
        """The position in the stream; the tensors are never written to."""
        left, generator = self._blocks[0]
        return {"generator": generator, "left": left}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from the position of another stream."""
        self._generator.set_state(state["generator"])
        self._blocks = deque([(state["left"], state["generator"])])


def minibatches(split: Split, drawn: Tensor, context: int, like: Tensor, V: int) -> Batches:
    """Minibatches of a split's examples, drawn with replacement.

    drawn: (n, B) random integers, one for each example of n batches of size B.
    like: a tensor of the dtype that the weights shall have. V: the vocabulary's size.
    """
    n, size = drawn.shape
    positions = drawn.view(-1) % split.num_examples + 1  # (n*B,)
    contexts, characters = split.examples_at(positions, context)  # (n*B, T), (n*B,)
    rows = torch.arange(size).expand(n, size)  # of each example in its batch
    if size >= _MIN_SHARED:  # sort each batch by context, and number its distinct contexts
        ordered, order = context_numbers(contexts, V).view(n, size).sort(1)
        rows = torch.zeros_like(order)
        torch.cumsum(ordered[:, 1:] != ordered[:, :-1], 1, out=rows[:, 1:])
        order = order.add_(size * torch.arange(n)[:, None]).view(-1)
        contexts, characters = contexts.index_select(0, order), characters.index_select(0, order)
    lengths = rows[:, -1].add(_ROWS).div_(_ROWS, rounding_mode="floor").mul_(_ROWS)  # (n,): M
    firsts = lengths.cumsum(0).sub_(lengths)[:, None]  # (n, 1)
    batch_contexts = contexts.new_zeros(int(lengths.sum()), context)  # (R, T)
    batch_contexts.index_copy_(0, (firsts + rows).view(-1), contexts)
    return Batches(
        rows=lengths.tolist(),
        contexts=batch_contexts,
        places=characters.view(n, size) * lengths[:, None] + rows + firsts * V,  # (n, B)
        weights=like.new_full((size,), 1 / size),
    )


def full_batch(tables: list[ContextTable], like: Tensor) -> Batches:
    """All examples of some context tables as one batch, with a row for each of their contexts."""
    contexts, rows, targets, counts = _joined(tables)
    return Batches(
        rows=[len(contexts)],
        contexts=contexts,
        places=(targets * len(contexts) + rows)[None],
        weights=(counts / counts.sum()).to(like.dtype),
    )


class ContextSampler:
    """Minibatches of distinct contexts, each with the whole distribution of what follows it.

    The commonest contexts, an eighth of a batch, are in every batch. The others are drawn with a
    probability proportional to the root of how often they occur, one from each of equally likely
    stretches of them, and weighted by the inverse (importance sampling). So the expected loss is
    that of all examples, and so is its gradient.
    """

    def __init__(self, tables: list[ContextTable], size: int, like: Tensor):
        """For the examples of some tables, and batches of `size` = B contexts.

        like: a tensor of the dtype that the weights shall have.
        """
        self._contexts, rows, self._targets, counts = _joined(tables)  # (M, T), (P,), (P,), (P,)
        self._lengths = torch.bincount(rows, minlength=len(self._contexts))  # (M,): pairs of each
        self._firsts = self._lengths.cumsum(0) - self._lengths  # (M,)
        totals = counts.new_zeros(len(self._contexts)).index_add_(0, rows, counts)  # (M,)
        order = totals.argsort(descending=True, stable=True)
        num_common = min(size // _COMMON, len(order) - 1)
        self._common, self._others = order[:num_common], order[num_common:].sort().values
        roots = totals[self._others].sqrt()
        self._cumulative = roots.cumsum(0)
        self._num_drawn = size - num_common
        factors = torch.ones_like(totals)  # (M,): how rarely each is in a batch
        factors[self._others] = self._cumulative[-1] / (self._num_drawn * roots)
        self._weights = (counts / counts.sum() * factors[rows]).to(like.dtype)  # (P,)
        self._most_pairs = int(
            self._lengths[self._common].sum() + self._num_drawn * self._lengths[self._others].max()
        )  # of a batch: the sum of a loss must not depend on which batches are made together

    def batches(self, drawn: Tensor, V: int) -> Batches:
        """Minibatches from random integers (n, B), of which each uses those that it needs."""
        (n, size), R = drawn.shape, self._num_drawn
        uniform = (drawn[:, :R].double() / 2**62 + torch.arange(R)) / R  # (n, R), from 0 to 1
        others = torch.searchsorted(self._cumulative, uniform * self._cumulative[-1], right=True)
        others = self._others[others.clamp_(max=len(self._others) - 1)]
        chosen = torch.cat([self._common.expand(n, -1), others], 1).view(-1)  # (n*B,)
        lengths = self._lengths[chosen]
        starts = lengths.cumsum(0) - lengths
        rows = torch.arange(n * size).repeat_interleave(lengths)  # of each pair
        numbers = torch.arange(len(rows))
        pairs = numbers + (self._firsts[chosen] - starts)[rows]
        batch, row = rows // size, rows % size
        columns = numbers - starts[::size][batch]  # of each pair within its batch
        firsts = size * V * torch.arange(n)[:, None]  # (n, 1): where each batch's places begin
        places = firsts.repeat(1, self._most_pairs)
        places[batch, columns] += self._targets[pairs] * size + row
        weights = self._weights.new_zeros(places.shape)
        weights[batch, columns] = self._weights[pairs]
        return Batches([size] * n, self._contexts[chosen], places, weights)


def _joined(tables: list[ContextTable]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The contexts (M, T) of some tables; row, target and count of each pair in them (P,)."""
    contexts = torch.cat([table.contexts for table in tables])  # (M, T)
    firsts = torch.tensor([0] + [len(table.contexts) for table in tables]).cumsum(0)
    rows = torch.cat([t.rows + first for t, first in zip(tables, firsts[:-1], strict=True)])  # (P,)
    targets = torch.cat([table.targets for table in tables])  # (P,)
    counts = torch.cat([table.counts for table in tables])  # (P,)
    return contexts, rows, targets, counts
