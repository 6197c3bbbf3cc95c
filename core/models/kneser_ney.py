"""Modified Kneser-Ney smoothing, interpolated."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from ..datasets.dataset import Dataset
from ..datasets.grams import GramIndex, gram_index, places_of, values_at

_MIN_DISCOUNT = 0.01
_BLOCK = 1 << 20  # n-grams, so that temporary values take little memory


@dataclass(frozen=True)
class Discounts:
    """What is taken from counts of 1, 2, and 3 or more of an order.

    is_clamped: True if the estimate of one could not be made, or was not above 0.
    """

    values: tuple[float, float, float]
    is_clamped: bool

    @classmethod
    def estimated(cls, counts: Tensor) -> "Discounts":
        """Those of the counts (G,) of an order (Chen & Goodman 1998, equation 26).

        With n_i the number of n-grams that are counted i times, Y = n1 / (n1 + 2 n2):
        D1 = 1 - 2 Y n2 / n1, D2 = 2 - 3 Y n3 / n2, D3+ = 3 - 4 Y n4 / n3; at least 0.01.
        """
        n = torch.bincount(counts.clamp(max=5), minlength=6).tolist()
        Y = n[1] / (n[1] + 2 * n[2]) if n[1] else 0.5
        found = [i - (i + 1) * Y * n[i + 1] / n[i] if n[i] else 0.0 for i in (1, 2, 3)]
        one, two, more = (max(value, _MIN_DISCOUNT) for value in found)
        return cls((one, two, more), min(found) < _MIN_DISCOUNT)


class Interpolated(NamedTuple):
    """One order of some contexts: the counts (B, V), the shares that are left of them (B, V), the
    weight of the order below (B,), and P (B, V); float64."""

    counts: Tensor
    shares: Tensor
    weights: Tensor
    p: Tensor


class KneserNey:
    """P(character | context) by interpolated modified Kneser-Ney (Chen & Goodman 1998).

    The highest order discounts how often each n-gram occurs; each lower one discounts how many
    distinct characters occur before an n-gram. What an order discounts is the weight of the order
    below, and the last one is uniform. The boundaries before an item count as characters. P sums
    to 1 after every context; one that never occurred has the P of its longest end that did.

    num_examples: those it is estimated from. discounts: of the orders 1 to `order`.
    """

    def __init__(self, index: GramIndex, num_examples: int, order: int):
        """The estimate of an order up to that of the index, from its first so many examples."""
        self.order = order
        self.num_examples = num_examples
        self.discounts: list[Discounts] = []
        self._index = index
        self._counts: list[Tensor] = []  # (G,) int32 of each order, from 1 on
        self._totals: list[Tensor] = []  # (H,) int32 of each context, as `_backoffs`
        self._backoffs: list[Tensor] = []  # (H,) float64, the weight of the order below
        counts = index.counts(num_examples, order).int()
        for n in range(order, 0, -1):
            self._add(n, counts)
            if n > 1:
                kinds = torch.zeros(len(index.grams[n - 1]), dtype=torch.int32)
                counts = kinds.index_add_(0, index.shorter[n], (counts > 0).int())
        for values in (self.discounts, self._counts, self._totals, self._backoffs):
            values.reverse()

    def __repr__(self) -> str:
        return f"KneserNey(order {self.order}, {len(self._counts[-1]):,} n-grams)"

    @classmethod
    def of(cls, dataset: Dataset, order: int, train_on: str = "train") -> "KneserNey":
        """The estimate from all examples of a split."""
        num_examples = dataset.split(train_on).num_examples
        return cls(gram_index(dataset, train_on, num_examples, order), num_examples, order)

    @property
    def clamped_orders(self) -> list[int]:
        """The orders with a discount that could not be estimated, or was not above 0."""
        return [order for order, one in enumerate(self.discounts, start=1) if one.is_clamped]

    @property
    def multiplications(self) -> int:
        """About how many multiplications P after one context takes."""
        return (2000 + 4 * self._index.vocabulary_size) * self.order

    def probabilities(self, contexts: Tensor) -> Tensor:
        """P of every character after contexts (B, T), T being order - 1 or more: (B, V) float64."""
        *_, highest = self.by_order(contexts)
        return highest.p

    def by_order(self, contexts: Tensor) -> Iterator[Interpolated]:
        """What each order makes of contexts (B, T), from 1 on; the P of the last is the result."""
        V = self._index.vocabulary_size
        p = torch.full((len(contexts), V), 1 / V, dtype=torch.float64)
        for n, (ids, known) in enumerate(self._index.find(contexts, self.order), start=1):
            weights = values_at(self._backoffs[n - 1], ids, known, 1.0)
            rows = known.nonzero()[:, 0]
            which, places = self._index.after(ids[rows], n)
            of_gram = self._counts[n - 1][places]
            shares = self._shares(n, of_gram, self._totals[n - 1][ids[rows]][which])
            at = rows[which] * V + self._index.grams[n][places] % V
            counts, own = torch.zeros(2, *p.shape, dtype=torch.float64)
            counts.view(-1)[at] = of_gram.double()
            own.view(-1)[at] = shares
            p = own + weights[:, None] * p
            yield Interpolated(counts, own, weights, p)

    def log_prob(self, contexts: Tensor, targets: Tensor, rows: Tensor | None = None) -> Tensor:
        """ln P of targets (P,) after contexts (B, T), T being order - 1 or more: (P,) float64.

        rows: which of the B contexts each target follows, (P,); by default the one of its place.
        """
        V = self._index.vocabulary_size
        p = torch.full((len(targets),), 1 / V, dtype=torch.float64)
        for n, (ids, known) in enumerate(self._index.find(contexts, self.order), start=1):
            weights = values_at(self._backoffs[n - 1], ids, known, 1.0)
            totals = values_at(self._totals[n - 1], ids, known)
            if rows is not None:
                ids, known, weights, totals = (one[rows] for one in (ids, known, weights, totals))
            places, found = places_of(ids * V + targets, self._index.grams[n])
            counts = values_at(self._counts[n - 1], places, found & known)
            p = self._shares(n, counts, totals) + weights * p
        return p.log()

    def log_prob_at(self, places: Tensor) -> Tensor:
        """ln P of examples of the index, by the places of their n-grams (B,): (B,) float64."""
        p = torch.zeros(len(places), dtype=torch.float64)
        weight = torch.ones_like(p)  # of the order at hand
        for n in range(self.order, 0, -1):
            contexts = self._index.grams[n][places] // self._index.vocabulary_size
            counts, totals = self._counts[n - 1][places], self._totals[n - 1][contexts]
            p += weight * self._shares(n, counts, totals)
            weight *= self._backoffs[n - 1][contexts]
            if n > 1:
                places = self._index.shorter[n][places]
        return p.add_(weight, alpha=1 / self._index.vocabulary_size).log_()

    def _add(self, n: int, counts: Tensor) -> None:
        """Put down what there is to know of order n, by its counts (G,)."""
        discounts = Discounts.estimated(counts)
        of_count = torch.tensor([0.0, *discounts.values], dtype=torch.float64)
        sums = len(self._index.contexts[n - 1])
        totals, taken = torch.zeros(sums, dtype=torch.int32), torch.zeros(sums).double()
        for some, grams in zip(
            counts.split(_BLOCK), self._index.grams[n].split(_BLOCK), strict=True
        ):
            contexts = grams // self._index.vocabulary_size
            totals.index_add_(0, contexts, some)
            taken.index_add_(0, contexts, of_count[some.clamp(max=3)])
        self.discounts.append(discounts)
        self._counts.append(counts)
        self._totals.append(totals)
        self._backoffs.append(torch.where(totals > 0, taken / totals, 1.0))

    def _shares(self, n: int, counts: Tensor, totals: Tensor) -> Tensor:
        """What is left of counts of order n, by their contexts' totals, after the discount."""
        of_count = torch.tensor([0.0, *self.discounts[n - 1].values], dtype=torch.float64)
        return (counts - of_count[counts.clamp(max=3)]) / totals.clamp(min=1)


def clamped_note(orders: list[int]) -> str:
    """A sentence on the orders of which a discount was clamped; nothing if there are none."""
    if not orders:
        return ""
    of = f"order{'s' * (len(orders) > 1)} {', '.join(map(str, orders))}"
    instead = f"{_MIN_DISCOUNT} is used instead"
    return f"Kneser-Ney: too few counts to estimate every discount of {of}; {instead}"
