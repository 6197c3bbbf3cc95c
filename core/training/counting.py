"""Training of n-gram counts."""

from collections.abc import Mapping
from typing import Any, NoReturn

import torch
from torch import Tensor

from ..datasets.dataset import Dataset
from ..errors import UserError
from ..models.ngram import NgramCounts
from ..settings import TrainSettings
from .batches import Batches

_EXAMPLES_PER_BLOCK = 1 << 16


class CountingTrainer:
    """Counts n-grams, a batch a step, in the order of the split, until every example is counted.

    It has the methods of a `GradientTrainer`. num_counted: how many examples have been counted.
    finished: True when all have been.
    """

    settings: TrainSettings
    step: int = 0
    seed: int = 0
    num_counted: int = 0

    def __init__(self, model: NgramCounts, dataset: Dataset, settings: TrainSettings):
        self.model = model
        self.dataset = dataset
        self.settings = settings
        self.edit(settings)

    def __repr__(self) -> str:
        return f"CountingTrainer({self.model!r}, step {self.step:,})"

    @property
    def finished(self) -> bool:
        return self.num_counted == self._split.num_examples

    def edit(self, settings: TrainSettings) -> None:
        """Use other settings from the next step on; with other examples, counting starts anew."""
        if settings.train_on != self.settings.train_on:
            self.model.counts.zero_()
            self.num_counted = 0
        self.settings = settings
        self.model.smoothing = settings.smoothing
        self._split = self.dataset.split(settings.train_on)

    def state_dict(self) -> dict[str, Any]:
        return {"step": self.step, "counted": self.num_counted, "counts": self.model.counts}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.step, self.num_counted = state["step"], state["counted"]
        self.model.counts.copy_(state["counts"])

    def train(self, steps: int) -> Tensor:
        """Count up to `steps` batches and return the loss of each in nats, float32.

        The loss is that of the batch after it has been counted.
        """
        losses = []
        while len(losses) < steps and not self.finished:
            size = self.settings.batch_size or self._split.num_examples
            first = self.num_counted + 1
            self.num_counted = min(self.num_counted + size, self._split.num_examples)
            blocks = range(first, self.num_counted + 1, _EXAMPLES_PER_BLOCK)
            for begin in blocks:
                self.model.count(*self._examples(begin))
            nll = sum(
                -float(self.model.log_likelihoods(*self._examples(begin)).sum()) for begin in blocks
            )
            losses.append(nll / (self.num_counted + 1 - first))
            self.step += 1
        return torch.tensor(losses, dtype=torch.float32)

    def last_update(self) -> None:
        return None

    def gradients(self, batch: Batches) -> dict[str, Tensor]:
        return {}

    def fork(self, *arguments: object) -> NoReturn:
        raise UserError("this model is not trained by gradient descent")

    resize = fork

    def _examples(self, begin: int) -> tuple[Tensor, Tensor]:
        """Contexts (B, T) and targets (B,) of a block of the batch being counted."""
        positions = torch.arange(begin, min(begin + _EXAMPLES_PER_BLOCK, self.num_counted + 1))
        return self._split.examples_at(positions, self.model.context)
