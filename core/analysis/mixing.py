"""The loss of a network that is mixed with counts, and the weight that is best on dev."""

import torch
from torch import Tensor

from ..datasets.dataset import Dataset
from ..datasets.grams import GramIndex
from ..models.factory import AnyNetwork
from ..models.kneser_ney import KneserNey
from ..models.mixture import mixed
from .evaluation import Evaluation, MixtureParts, RunningEvaluation

_EXAMPLES_PER_BLOCK = 1 << 16
_MAX_WEIGHED = 1 << 17  # examples of dev that decide the weight
_HALVINGS = 24
_DECIMALS = 6  # beyond which the weight is not certain


class MixedCounts:
    """Counts to mix a network with, and what they give to the examples of a dataset's splits.

    estimate: modified Kneser-Ney, of all examples of the split that is trained on.
    """

    def __init__(self, dataset: Dataset, order: int, train_on: str = "train"):
        """Raises UserError if there is no split of the name `train_on`."""
        part = dataset.split(train_on)
        index = GramIndex(part, part.num_examples, dataset.vocabulary.size)
        index.deepen(order)
        self.estimate: KneserNey = KneserNey(index, part.num_examples, order)
        self._dataset, self._train_on, self._index = dataset, train_on, index
        self._known: dict[str, Tensor] = {}

    def log_prob(self, split: str, num_examples: int) -> Tensor:
        """ln P of the first so many examples of a split, which is kept: (N,) float64."""
        known = self._known.get(split)
        if known is None or len(known) < num_examples:
            self._known[split] = known = self._log_prob(split, num_examples)
        return known[:num_examples]

    def _log_prob(self, split: str, num_examples: int) -> Tensor:
        estimate, part = self.estimate, self._dataset.split(split)
        if split == self._train_on:
            places = self._index.examples(estimate.order)[:num_examples]
            return torch.cat([*map(estimate.log_prob_at, places.split(_EXAMPLES_PER_BLOCK))])
        blocks = torch.arange(1, num_examples + 1).split(_EXAMPLES_PER_BLOCK)
        context = max(1, estimate.order - 1)
        return torch.cat([estimate.log_prob(*part.examples_at(some, context)) for some in blocks])


class RunningMixedEvaluation(RunningEvaluation):
    """The evaluation of a network mixed with counts, in one pass over the network."""

    def __init__(
        self,
        network: AnyNetwork,
        counts: MixedCounts,
        dataset: Dataset,
        split: str,
        max_examples: int | None = None,
        weight: float | None = None,
        dev: RunningEvaluation | None = None,
    ):
        """Without more, the weight is the best on this split; arguments as for `evaluate`.

        weight: of the counts. dev: a mixed evaluation, which is advanced first, and whose weight is
        taken.
        """
        super().__init__(network, dataset, split, max_examples, by_example=True)
        self._counts, self._weight, self._dev = counts, weight, dev

    def advance(self) -> bool:
        return (self._dev is not None and self._dev.advance()) or super().advance()

    @property
    def weight(self) -> float:
        """The weight of the counts, once all blocks are evaluated."""
        if isinstance(self._dev, RunningMixedEvaluation):
            return self._dev.weight
        if self._weight is None:
            self._weight = best_weight(*self._both())
        return self._weight

    def example_nll(self) -> Tensor:
        return -mixed(*self._both(), self.weight)

    def result(self) -> Evaluation:
        """The loss of the mixture, once all blocks are evaluated."""
        network, of_counts = self._both()
        is_other = torch.ones(len(network), dtype=torch.int64)  # as in `_result`
        if self._split in ("dev", "test"):
            is_other -= self._dataset.seen_examples(self._split)[: len(is_other)].long()
        nll = torch.stack([-of_counts, -mixed(network, of_counts, self.weight)])  # (2, N)
        counts, both = torch.zeros(2, 2, dtype=nll.dtype).index_add_(1, is_other, nll)
        parts = MixtureParts(super().result(), self._result(counts), self.weight)
        return self._result(both, parts)

    def _both(self) -> tuple[Tensor, Tensor]:
        """ln P of the examples by the network, and by the counts: (N,), (N,)."""
        network = -super().example_nll()
        return network, self._counts.log_prob(self._split, len(network))


def best_weight(network: Tensor, counts: Tensor) -> float:
    """The weight of the counts with the lowest mean loss of the mixture, from 0 to 1.

    network, counts: ln P of some examples, (N,) each, of which the first 131,072 decide. The loss
    is convex in the weight, so its minimum is where the slope, the mean of
    (p - q) / ((1 - w) p + w q), changes its sign.
    """
    p, q = network[:_MAX_WEIGHED].exp(), counts[:_MAX_WEIGHED].exp()
    difference = q - p
    low, high = 0.0, 1.0
    for _ in range(_HALVINGS):
        weight = (low + high) / 2
        if float((difference / (p + weight * difference)).sum()) > 0:  # more of the counts helps
            low = weight
        else:
            high = weight
    return round((low + high) / 2, _DECIMALS)
