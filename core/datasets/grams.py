"""The distinct n-grams of a split's examples, of every order, in sorted arrays."""

from collections.abc import Iterator
from weakref import WeakKeyDictionary

import torch
from torch import Tensor

from .contexts import Split
from .dataset import Dataset
from .vocabulary import BOUNDARY

_DENSE = 4  # times as many possible numbers as examples, up to which a table beats sorting
_MIN_EXAMPLES = 1 << 18  # of an index, if the split has as many


class GramIndex:
    """Which n-grams occur among examples, and where each stands; `find` looks them up.

    A context is extended to the left: the number of one of n characters is the id of its last n-1
    characters times V, plus the character before them, and its id is the place of that number among
    all of its length, sorted. So no number is above the number of examples times V, whatever the
    order. What lies before an item is a boundary.

    num_examples: of the split, from the first on. order: the highest so far; `deepen` adds orders.
    contexts[n]: (H,) int64, the sorted numbers of the contexts of n characters; n from 0 on.
    grams[n]: (G,) int64, the sorted context id * V + character of order n; n from 1 on.
    shorter[n]: (G,) int32, the place in grams[n-1] of each gram without its first character.
    """

    def __init__(self, split: Split, num_examples: int, vocabulary_size: int):
        """The single characters of the first so many examples."""
        self.vocabulary_size = vocabulary_size
        self.num_examples = num_examples
        self._tokens = split.tokens[: num_examples + 1]
        self._inside = torch.ones(num_examples, dtype=torch.bool)  # no boundary met so far
        self._ids = torch.zeros(num_examples, dtype=torch.int32)  # of the examples' contexts
        empty = torch.empty(0, dtype=torch.int32)
        self.contexts: list[Tensor] = [torch.zeros(1, dtype=torch.int64)]
        grams, self._examples = ranked(self._tokens[1:].long(), vocabulary_size)
        self.grams: list[Tensor] = [empty, grams]
        self.shorter: list[Tensor] = [empty, empty]

    @property
    def order(self) -> int:
        return len(self.grams) - 1

    def deepen(self, order: int) -> None:
        """Add the orders up to this one, as far as they are missing."""
        while self.order < order:
            self._add_order()

    def _add_order(self) -> None:
        """Add the next order."""
        V, n, back = self.vocabulary_size, self.num_examples, self.order - 1
        before = torch.zeros(n, dtype=torch.int64)  # the character `order` before each target
        before[back:] = self._tokens[: max(0, n - back)]
        self._inside &= before != BOUNDARY
        numbers = before.mul_(self._inside).add_(self._ids, alpha=V)
        contexts, self._ids = ranked(numbers, len(self.contexts[-1]) * V)
        torch.add(self._tokens[1:], self._ids, alpha=V, out=numbers)
        grams, examples = ranked(numbers, len(contexts) * V)
        shorter = torch.empty(len(grams), dtype=torch.int32)
        shorter[examples] = self._examples
        self._examples = examples
        self.contexts.append(contexts)
        self.grams.append(grams)
        self.shorter.append(shorter)

    def examples(self, order: int) -> Tensor:
        """The place of each example's n-gram in the grams of an order: (num_examples,) int32."""
        places = self._examples
        for n in range(self.order, order, -1):
            places = self.shorter[n][places]
        return places

    def counts(self, num_examples: int, order: int) -> Tensor:
        """How often each n-gram of an order occurs among the first so many examples: (G,) int64."""
        counts = torch.bincount(self._examples[:num_examples], minlength=len(self.grams[-1]))
        for n in range(self.order, order, -1):
            shorter = torch.zeros(len(self.grams[n - 1]), dtype=torch.int64)
            counts = shorter.index_add_(0, self.shorter[n], counts)
        return counts

    def contexts_of(self, order: int) -> Tensor:
        """The context id of each n-gram of an order: (G,) int64."""
        return self.grams[order].div(self.vocabulary_size, rounding_mode="floor")

    def find(self, contexts: Tensor, order: int) -> Iterator[tuple[Tensor, Tensor]]:
        """For each length from 0 to order - 1, the ids of the ends of contexts (B, T).

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


_latest: WeakKeyDictionary[Dataset, tuple[str, GramIndex]] = WeakKeyDictionary()


def gram_index(dataset: Dataset, split: str, num_examples: int, order: int) -> GramIndex:
    """The index of at least the first so many examples of a split, of at least an order.

    The last one of each dataset is kept, so that another order costs little. Where it must have
    more examples, it has at least twice as many as before.
    """
    kept_split, index = _latest.get(dataset, ("", None))
    if index is None or kept_split != split or index.num_examples < num_examples:
        part = dataset.split(split)
        most = max(_MIN_EXAMPLES, num_examples, 2 * index.num_examples if index else 0)
        index = GramIndex(part, min(most, part.num_examples), dataset.vocabulary.size)
        _latest[dataset] = split, index
    index.deepen(order)
    return index


def ranked(numbers: Tensor, limit: int) -> tuple[Tensor, Tensor]:
    """The distinct ones of numbers (n,) below a limit, sorted: (m,) int64, and the place among them
    of each: (n,) int32."""
    if limit > _DENSE * len(numbers):
        in_order, origin = torch.sort(numbers)  # torch.unique needs a third more memory
        is_new = torch.ones_like(in_order, dtype=torch.bool)
        torch.ne(in_order[1:], in_order[:-1], out=is_new[1:])
        places = torch.empty(len(numbers), dtype=torch.int32)
        places[origin] = is_new.cumsum(0, dtype=torch.int32).sub_(1)
        return in_order[is_new], places
    occurs = torch.zeros(limit, dtype=torch.bool)
    occurs[numbers] = True
    distinct = occurs.nonzero()[:, 0]
    place = torch.empty(limit, dtype=torch.int32)
    place[distinct] = torch.arange(len(distinct), dtype=torch.int32)
    return distinct, place[numbers]


def places_of(numbers: Tensor, known: Tensor) -> tuple[Tensor, Tensor]:
    """Where numbers (B,) stand among known ones, sorted (m,): places (B,), and whether each does:
    (B,) bool."""
    if not len(known):
        return torch.zeros_like(numbers), torch.zeros_like(numbers, dtype=torch.bool)
    places = torch.searchsorted(known, numbers).clamp_(max=len(known) - 1)
    return places, known[places] == numbers


def values_at(values: Tensor, places: Tensor, is_there: Tensor, otherwise: float = 0) -> Tensor:
    """The values at places (B,), and something else where there is none: (B,)."""
    if not len(values):
        return torch.full(places.shape, otherwise, dtype=values.dtype)
    return torch.where(is_there, values[places], otherwise)
