"""N-gram counts: the model that is learnt by counting."""

import copy
import math
from typing import Self

import torch
from torch import Tensor

from ..datasets.contexts import Split
from ..datasets.grams import GramIndex, places_of, values_at
from ..settings import ModelSettings
from .kneser_ney import KneserNey
from .model import Model


class NgramCounts(Model):
    """How often each character follows each context of `order` - 1 characters.

    With the smoothing method add-k, P(c | context) = (N(context, c) + k) / (N(context) + k V), k
    being the smoothing (Jurafsky & Martin, Speech and Language Processing, ch. 3). With k = 0 a
    pair that never occurred has probability 0; a context that never occurred is then uniform, the
    limit as k goes to 0. With kneser-ney P is that of `KneserNey`.

    Only n-grams that occur take memory.

    index: the n-grams of the examples that are counted, and perhaps of more examples.
    num_counted: how many are counted, from the first on.
    counts, totals: of each n-gram, and of each context, as they stand in the index.
    """

    def __init__(
        self,
        settings: ModelSettings,
        vocabulary_size: int,
        smoothing: float = 1.0,
        smoothing_method: str = "add-k",
    ):
        """A model that has counted nothing."""
        self.vocabulary_size = vocabulary_size
        self.smoothing = smoothing
        self.smoothing_method = smoothing_method
        self.clear(settings)

    @property
    def num_parameters(self) -> int:
        """How many different n-grams were counted."""
        return int((self.counts > 0).sum())

    @property
    def multiplications(self) -> int:
        if self.is_kneser_ney:
            return self.kneser_ney.multiplications
        return 2000 + 4 * self.vocabulary_size

    @property
    def is_kneser_ney(self) -> bool:
        return self.smoothing_method == "kneser-ney"

    @property
    def clamped_orders(self) -> list[int]:
        return self.kneser_ney.clamped_orders if self.is_kneser_ney else []

    @property
    def kneser_ney(self) -> KneserNey:
        """The estimate from what is counted so far."""
        if self._estimate is None:
            self._estimate = KneserNey(self.index, self.num_counted, self.settings.order)
        return self._estimate

    def clear(self, settings: ModelSettings) -> None:
        """Drop all counts; settings: with the order."""
        nothing = Split("nothing", torch.zeros(1, dtype=torch.int64), 0, 0)
        self.use(GramIndex(nothing, 0, self.vocabulary_size), settings)

    def use(self, index: GramIndex, settings: ModelSettings, num_counted: int = 0) -> None:
        """Take the counts from the first examples of an index; settings: with the order."""
        order = settings.order
        index.deepen(order)
        self.index: GramIndex = index
        self.settings: ModelSettings = settings
        self.num_counted: int = num_counted
        self.counts: Tensor = index.counts(num_counted, order).int()
        self.totals: Tensor = torch.zeros(len(index.contexts[order - 1]), dtype=torch.int32)
        self.totals.index_add_(0, index.contexts_of(order), self.counts)
        self.tensors: dict[str, Tensor] = {"counts": self.counts, "totals": self.totals}
        self._estimate: KneserNey | None = None

    def count(self, places: Tensor) -> None:
        """Count the next examples, by the places of their n-grams (B,) in the index."""
        ones = torch.ones(len(places), dtype=torch.int32)
        self.counts.index_add_(0, places, ones)
        self.totals.index_add_(0, self._contexts(places), ones)
        self.num_counted += len(places)
        self._estimate = None

    def copy(self) -> Self:
        if self.is_kneser_ney:
            _ = self.kneser_ney  # which copies share
        other = copy.copy(self)
        other.counts, other.totals = self.counts.clone(), self.totals.clone()
        other.tensors = {"counts": other.counts, "totals": other.totals}
        return other

    def logits(self, contexts: Tensor) -> Tensor:
        if self.is_kneser_ney:
            return self.kneser_ney.probabilities(contexts).log()
        counts = self.counts_after(contexts)
        totals = counts.sum(1, keepdim=True)
        return _log_share(counts, totals, self.smoothing, self.vocabulary_size)

    def log_likelihoods(self, contexts: Tensor, rows: Tensor, targets: Tensor) -> Tensor:
        if self.is_kneser_ney:
            return self.kneser_ney.log_prob(contexts, targets, rows)
        *_, (ids, known) = self.index.find(contexts, self.settings.order)
        V, grams = self.vocabulary_size, self.index.grams[self.settings.order]
        places, found = places_of(ids[rows] * V + targets, grams)
        counts = values_at(self.counts, places, found & known[rows])
        totals = values_at(self.totals, ids, known)[rows]
        return _log_share(counts, totals, self.smoothing, V)

    def log_likelihoods_at(self, places: Tensor) -> Tensor:
        """ln P of examples by the places of their n-grams (B,) in the index, with add-k: (B,)
        float64."""
        totals = self.totals[self._contexts(places)]
        return _log_share(self.counts[places], totals, self.smoothing, self.vocabulary_size)

    def counts_after(self, contexts: Tensor) -> Tensor:
        """How often each character followed each of some contexts (B, T): (B, V) int32."""
        V, order = self.vocabulary_size, self.settings.order
        counts = torch.zeros(len(contexts), V, dtype=torch.int32)
        *_, (ids, known) = self.index.find(contexts, order)
        rows = known.nonzero()[:, 0]
        which, places = self.index.after(ids[rows], order)
        targets = self.index.grams[order][places] % V
        counts[rows[which], targets] = self.counts[places]
        return counts

    def _contexts(self, places: Tensor) -> Tensor:
        """The ids of the contexts of n-grams (B,): (B,)."""
        grams = self.index.grams[self.settings.order][places]
        return grams.div_(self.vocabulary_size, rounding_mode="floor")


def _log_share(counts: Tensor, totals: Tensor, k: float, V: int) -> Tensor:
    """Counts, and totals of their contexts, to ln P with add-k, float64."""
    if k:
        return (counts.double() + k).log_().sub((totals.double() + k * V).log_())
    share = counts.double().log_().sub(totals.double().log_())
    return torch.where(totals > 0, share, -math.log(V))
