"""The distinct n-grams of some examples, of every order, in sorted arrays."""

from collections.abc import Iterator
from itertools import pairwise

import torch
from torch import Tensor

from ..datasets.contexts import Split
from ..datasets.vocabulary import BOUNDARY

_DENSE = 4  # times as many possible numbers as there are, up to which a table beats sorting


class GramIndex:
    """Which n-grams occur among examples, and where each stands; `find` looks them up.

    A context of n characters is extended to the left: its number is that of its last n-1 characters
    times V, plus the character before them, and its id the place of that number among all of its
    length, sorted. So no number is above the number of examples times V, whatever the order.

    order: the highest, N. examples: (n,) int32, each example's place in the grams of that order.
    contexts[n]: (H,) int64, the sorted numbers of the contexts of n characters; n from 0 to N-1.
    grams[n]: (G,) int64, the sorted context id * V + character of order n; n from 1 to N.
    shorter[n]: (G,) int32, the place in grams[n-1] of each gram without its first character.
    """

    def __init__(self, split: Split, num_examples: int, order: int, vocabulary_size: int):
        """The n-grams of the first examples of a split. What lies before an item is a boundary."""
        self.order = order
        self.vocabulary_size = V = vocabulary_size
        self.contexts: list[Tensor] = [torch.zeros(1, dtype=torch.int64)]
        ids: Tensor = torch.zeros(num_examples, dtype=torch.int32)
        for column in _columns(split, num_examples, order - 1):
            numbers = column.add_(ids, alpha=V)
            distinct, ids = ranked(numbers, len(self.contexts[-1]) * V)
            self.contexts.append(distinct)
        numbers = split.tokens[1 : num_examples + 1].long().add_(ids, alpha=V)
        grams, self.examples = ranked(numbers, len(self.contexts[-1]) * V)
        self.grams: list[Tensor] = [grams]  # from the highest order down, for now
        self.shorter: list[Tensor] = []
        for longer, context in pairwise(reversed(self.contexts)):
            of_gram = longer.div(V, rounding_mode="floor")[grams.div(V, rounding_mode="floor")]
            grams, places = ranked(of_gram.mul_(V).add_(grams % V), len(context) * V)
            self.grams.append(grams)
            self.shorter.append(places)
        empty = torch.empty(0, dtype=torch.int32)
        self.grams = [empty, *reversed(self.grams)]
        self.shorter = [empty, empty, *reversed(self.shorter)]

    def __repr__(self) -> str:
        return f"GramIndex(order {self.order}, {len(self.grams[-1]):,} distinct)"

    def counts(self, num_examples: int, order: int) -> Tensor:
        """How often each n-gram of an order occurs among the first so many examples: (G,) int64."""
        counts = torch.bincount(self.examples[:num_examples], minlength=len(self.grams[-1]))
        for n in range(self.order, order, -1):
            shorter = torch.zeros(len(self.grams[n - 1]), dtype=torch.int64)
            counts = shorter.index_add_(0, self.shorter[n], counts)
        return counts

    def contexts_of(self, order: int) -> Tensor:
        """The context id of each n-gram of an order: (G,) int64."""
        return self.grams[order].div(self.vocabulary_size, rounding_mode="floor")

    def find(self, contexts: Tensor, order: int) -> Iterator[tuple[Tensor, Tensor]]:
        """For each length from 0 to order - 1, the ids of the contexts that end contexts (B, T).

        Yields ids (B,) int64 and whether each is known (B,) bool; the id of one that is not known
        means nothing.
        """
        ids = torch.zeros(len(contexts), dtype=torch.int64)
        known = torch.ones(len(contexts), dtype=torch.bool)
        yield ids, known
        for n in range(1, order):
            ids, found = places_of(ids * self.vocabulary_size + contexts[:, -n], self.contexts[n])
            known = known & found
            yield ids, known

    def after(self, ids: Tensor, order: int) -> tuple[Tensor, Tensor]:
        """The n-grams of an order that begin with some contexts, by the contexts' ids (B,).

        Returns which of the B contexts each begins with (M,), and its place in `grams` (M,).
        """
        grams, V = self.grams[order], self.vocabulary_size
        first = torch.searchsorted(grams, ids * V)
        sizes = torch.searchsorted(grams, ids * V + V) - first
        which = torch.repeat_interleave(torch.arange(len(ids)), sizes)
        moved = torch.repeat_interleave(first - (sizes.cumsum(0) - sizes), sizes)
        return which, moved + torch.arange(len(which))


def ranked(numbers: Tensor, limit: int) -> tuple[Tensor, Tensor]:
    """The distinct ones of numbers (n,) below a limit, sorted: (m,) int64, and the place among them
    of each: (n,) int32."""
    if limit > _DENSE * len(numbers):
        distinct, places = torch.unique(numbers, return_inverse=True)
        return distinct, places.int()
    occurs = torch.zeros(limit, dtype=torch.bool)
    occurs[numbers] = True
    distinct = occurs.nonzero()[:, 0]
    place = torch.empty(limit, dtype=torch.int32)
    place[distinct] = torch.arange(len(distinct), dtype=torch.int32)
    return distinct, place[numbers]


def places_of(numbers: Tensor, known: Tensor) -> tuple[Tensor, Tensor]:
    """Where numbers (B,) stand among known ones, sorted (m,): places (B,), and whether each does:
    (B,) bool."""
    places = torch.searchsorted(known, numbers).clamp_(max=max(0, len(known) - 1))
    return places, (known[places] == numbers if len(known) else torch.zeros_like(places).bool())


def _columns(split: Split, num_examples: int, context: int) -> Iterator[Tensor]:
    """The characters before each example, the nearest first: `context` times (n,) int64."""
    tokens = split.tokens[:num_examples]  # the nearest before each example
    inside = torch.ones(num_examples, dtype=torch.bool)
    for back in range(context):
        before = torch.zeros(num_examples, dtype=torch.int64)
        before[back:] = tokens[: num_examples - back]
        inside &= before != BOUNDARY
        yield before.mul_(inside)
