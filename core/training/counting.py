"""Training of n-gram counts."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from ..datasets.dataset import Dataset
from ..models.ngram import NgramCounts
from ..settings import TrainSettings
from .base import Trainer

_EXAMPLES_PER_BLOCK = 1 << 16


class CountingTrainer(Trainer[NgramCounts]):
    """Counts n-grams, a batch a step, in the order of the split, until every example is counted."""

    settings: TrainSettings
    step: int = 0

    def __init__(self, model: NgramCounts, dataset: Dataset, settings: TrainSettings):
        self.model = model
        self.dataset = dataset
        self.settings = settings
        self._num_counted = 0
        self.edit(settings)

    @property
    def finished(self) -> bool:
        """True when every example has been counted."""
        return self._num_counted == self._split.num_examples

    @property
    def num_counted(self) -> int:
        """How many examples have been counted."""
        return self._num_counted

    def edit(self, settings: TrainSettings) -> None:
        """Use other settings from the next step on; with other examples, counting starts anew."""
        if settings.train_on != self.settings.train_on:
            self.model.counts.zero_()
            self._num_counted = 0
        self.settings = settings
        self.model.smoothing = settings.smoothing
        self._split = self.dataset.split(settings.train_on)

    def state_dict(self) -> dict[str, Any]:
        """All that the next steps depend on but for the settings; the tensors are not copied."""
        return {"step": self.step, "counted": self._num_counted, "counts": self.model.counts}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from the state of another trainer with the same settings."""
        self.step, self._num_counted = state["step"], state["counted"]
        self.model.counts.copy_(state["counts"])

    def train(self, steps: int) -> Tensor:
        """Count up to `steps` batches and return the loss of each in nats, float32.

        The loss is that of the batch after it has been counted.
        """
        losses = []
        while len(losses) < steps and not self.finished:
            size = self.settings.batch_size or self._split.num_examples
            first = self._num_counted + 1
            self._num_counted = min(self._num_counted + size, self._split.num_examples)
            blocks = range(first, self._num_counted + 1, _EXAMPLES_PER_BLOCK)
            for begin in blocks:
                self.model.count(*self._examples(begin))
            nll = sum(self._nll(begin) for begin in blocks)
            losses.append(nll / (self._num_counted + 1 - first))
            self.step += 1
        return torch.tensor(losses, dtype=torch.float32)

    def _examples(self, begin: int) -> tuple[Tensor, Tensor]:
        """Contexts (B, T) and targets (B,) of a block of the batch being counted."""
        positions = torch.arange(begin, min(begin + _EXAMPLES_PER_BLOCK, self._num_counted + 1))
        return self._split.examples_at(positions, self.model.context)

    def _nll(self, begin: int) -> float:
        return -float(self.model.log_likelihoods(*self._examples(begin)).sum())
