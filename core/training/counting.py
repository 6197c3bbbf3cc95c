"""Training of the model that counts."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from ..datasets.contexts import ContextTables, split_named
from ..datasets.dataset import gather_examples
from ..models.ngram import NgramCounts
from ..settings import TrainSettings

_EXAMPLES_AT_ONCE = 1 << 16


class CountingTrainer:
    """Counts n-grams, a batch a step, in the order of the split, until every example is counted."""

    def __init__(self, model: NgramCounts, tables: ContextTables, settings: TrainSettings):
        self.model = model
        self.step: int = 0
        self.counted: int = 0
        self._tables = tables
        self.edit(settings)

    @property
    def finished(self) -> bool:
        """Whether every example has been counted."""
        return self.counted == self._split.examples

    def edit(self, settings: TrainSettings) -> None:
        """Count with other settings from the next step on; other examples mean a new count."""
        if hasattr(self, "settings") and settings.train_on != self.settings.train_on:
            self.model.counts.zero_()
            self.counted = 0
        self.settings = settings
        self.model.smoothing = settings.smoothing
        self._split = split_named(self._tables.dataset, settings.train_on)

    def state_dict(self) -> dict[str, Any]:
        """All that the next steps depend on, the settings apart; the tensors are the trainer's."""
        return {"step": self.step, "counted": self.counted, "counts": self.model.counts}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from where another trainer was, of the same settings."""
        self.step, self.counted = state["step"], state["counted"]
        self.model.counts.copy_(state["counts"])

    def train(self, steps: int) -> Tensor:
        """Count up to `steps` batches; the loss of each batch with its own counts in, float32."""
        losses = []
        while len(losses) < steps and not self.finished:
            size = self.settings.batch_size or self._split.examples
            first = self.counted + 1
            self.counted = min(self.counted + size, self._split.examples)
            blocks = range(first, self.counted + 1, _EXAMPLES_AT_ONCE)
            for begin in blocks:
                self.model.count(*self._examples(begin))
            nll = sum(self._nll(begin) for begin in blocks)
            losses.append(nll / (self.counted + 1 - first))
            self.step += 1
        return torch.tensor(losses, dtype=torch.float32)

    def _examples(self, begin: int) -> tuple[Tensor, Tensor]:
        """Contexts (B, T) and targets (B,) of a block of the examples that are being counted."""
        positions = torch.arange(begin, min(begin + _EXAMPLES_AT_ONCE, self.counted + 1))
        return gather_examples(self._split.tokens, positions, self.model.context)

    def _nll(self, begin: int) -> float:
        return -float(self.model.log_likelihoods(*self._examples(begin)).sum())
