"""N-gram counts: the model that is learnt by counting."""

import math

import torch
from torch import Tensor

from ..datasets.contexts import context_numbers
from ..errors import UserError
from ..settings import ModelSettings
from .model import Model

MAX_COUNTS = 1 << 25


class NgramCounts(Model):
    """How often each character follows each context of `order` - 1 characters.

    P(c | context) = (N(context, c) + k) / (N(context) + k V), with k the smoothing (add-k; Jurafsky
    & Martin, Speech and Language Processing, ch. 3). With k = 0 a pair that never occurred has
    probability 0; a context that never occurred is then uniform, the limit as k goes to 0.
    """

    def __init__(self, settings: ModelSettings, vocabulary_size: int, smoothing: float = 1.0):
        """An empty table; raises UserError if it would be too large for memory."""
        size = vocabulary_size**settings.order
        if size > MAX_COUNTS:
            largest = int(math.log(MAX_COUNTS) / math.log(vocabulary_size))
            raise UserError(
                f"order {settings.order} with {vocabulary_size:,} characters needs {size:,} "
                f"counts; with so many characters the order can be at most {largest}"
            )
        self.settings = settings
        self.vocabulary_size = vocabulary_size
        self.smoothing = smoothing
        self.counts: Tensor = torch.zeros(size, dtype=torch.int32).view(-1, vocabulary_size)
        self.tensors: dict[str, Tensor] = {"counts": self.counts}

    def count(self, contexts: Tensor, targets: Tensor) -> None:
        """Add examples to the counts: contexts (B, T), targets (B,)."""
        ones = torch.ones(len(targets), dtype=torch.int32)
        self.counts.view(-1).index_add_(0, self._places(contexts, targets), ones)

    def log_likelihoods(self, contexts: Tensor, targets: Tensor) -> Tensor:
        """ln P of targets (B,) after contexts (B, T): (B,) float64."""
        if self.counts.numel() > len(targets):
            return self.logits(contexts).gather(1, targets[:, None])[:, 0]
        log_probabilities = self._log_probabilities(self.counts).view(-1)
        return log_probabilities.index_select(0, self._places(contexts, targets))

    def logits(self, contexts: Tensor) -> Tensor:
        return self._log_probabilities(self.counts_after(contexts))

    def counts_after(self, contexts: Tensor) -> Tensor:
        """How often each character followed each of some contexts (B, T): (B, V)."""
        return self.counts[self._rows(contexts)]

    def _log_probabilities(self, counts: Tensor) -> Tensor:
        """Counts of each context (B, V) to ln P (B, V), float64."""
        smooth = counts.double() + self.smoothing
        totals = smooth.sum(1, keepdim=True)
        return (
            torch.where(totals > 0, smooth, 1.0).log()
            - torch.where(totals > 0, totals, float(self.vocabulary_size)).log()
        )

    def _places(self, contexts: Tensor, targets: Tensor) -> Tensor:
        """Where the counts of some examples stand in the table's elements, (B,)."""
        return self._rows(contexts) * self.vocabulary_size + targets

    def _rows(self, contexts: Tensor) -> Tensor:
        """The row of each context, (B, T) to (B,): its characters as digits in base V."""
        counted = contexts[:, self.context - (self.settings.order - 1) :]
        return context_numbers(counted, self.vocabulary_size)
