"""Training of n-gram counts."""

from collections.abc import Mapping
from typing import Any, NoReturn

import torch
from torch import Generator, Tensor

from ..datasets.dataset import Dataset
from ..datasets.grams import GramIndex, gram_index, ranked
from ..errors import UserError
from ..models.kneser_ney import KneserNey
from ..models.ngram import NgramCounts
from ..settings import ModelSettings, TrainSettings
from .batches import Batches

_EXAMPLES_PER_BLOCK = 1 << 16
_ESTIMATES = 5  # bits of how many examples Kneser-Ney is estimated from


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
        self._places = torch.empty(0, dtype=torch.int32)  # of the examples' n-grams in the index
        self._estimate: KneserNey | None = None  # of the step that is taken
        self.edit(settings)

    def __repr__(self) -> str:
        return f"CountingTrainer({self.model!r}, step {self.step:,})"

    @property
    def finished(self) -> bool:
        return self.num_counted == self._split.num_examples

    @property
    def last_step(self) -> int:
        """The step at which the last example is counted."""
        left, n = self._split.num_examples - self.num_counted, self._split.num_examples
        return self.step - (-left // (self.settings.batch_size or n))

    def edit(self, settings: TrainSettings) -> None:
        """Use other settings from the next step on; with other examples, counting starts anew."""
        is_anew = settings.train_on != self.settings.train_on
        self.settings = settings
        self.model.smoothing = settings.smoothing
        self.model.smoothing_method = settings.smoothing_method
        self._split = self.dataset.split(settings.train_on)
        if is_anew:
            self.num_counted = 0
            self._use(self.model.settings, 0)

    def resize(self, settings: ModelSettings, *_: Tensor | Generator) -> None:
        """Continue with another order: all orders have been counted."""
        self._use(settings, self.num_counted)

    def state_dict(self) -> dict[str, Any]:
        """What the next steps depend on: the counts are those of the first examples."""
        return {"step": self.step, "counted": self.num_counted}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from the state of another trainer with the same settings: count again."""
        self.step, self.num_counted = state["step"], state["counted"]
        self._use(self.model.settings, self.num_counted)

    def prepare(self) -> bool:
        """Do a part of what the next step would do first: list the n-grams of one more order. False
        if nothing is left, so that the step only counts. Other work can be done in between."""
        end, order = self._next_end, self.model.settings.order
        if end <= len(self._places):
            return False
        index = self._index(end, 1)
        if index.order < order:
            index.deepen(index.order + 1)
        else:
            self._use(self.model.settings, end)
        return True

    def train(self, steps: int) -> Tensor:
        """Count up to `steps` batches and return the loss of each in nats, float32.

        The loss is that of the batch after it has been counted; with Kneser-Ney, for which
        everything is estimated anew, after up to 1/16 more have been.
        """
        losses = []
        while len(losses) < steps and not self.finished:
            first, end = self.num_counted, self._next_end
            if end > len(self._places):
                self._use(self.model.settings, end)
            for places in self._places[first:end].split(_EXAMPLES_PER_BLOCK):
                self.model.count(places)
            self.num_counted = end
            losses.append(self._nll(self._places[first:end]) / (end - first))
            self.step += 1
        return torch.tensor(losses, dtype=torch.float32)

    def last_update(self) -> None:
        return None

    def gradients(self, batch: Batches) -> dict[str, Tensor]:
        return {}

    def fork(self, *arguments: object) -> NoReturn:
        raise UserError("this model is not trained by gradient descent")

    def _use(self, settings: ModelSettings, num_examples: int) -> None:
        """Have the model count in an index of at least so many examples."""
        self._places, self._estimate = self._places[:0], None
        if not num_examples:
            self.model.clear(settings)
            return
        index = self._index(num_examples, settings.order)
        self.model.use(index, settings, self.num_counted)
        self._places = index.examples(settings.order)

    def _index(self, num_examples: int, order: int) -> GramIndex:
        """The index of at least so many examples, of at least an order."""
        least = min(self._split.num_examples, _rounded_up(num_examples))
        return gram_index(self.dataset, self.settings.train_on, least, order)

    @property
    def _next_end(self) -> int:
        """How many examples will have been counted after the next step."""
        n = self._split.num_examples
        return min(self.num_counted + (self.settings.batch_size or n), n)

    def _nll(self, places: Tensor) -> float:
        """The summed NLL of examples, by the places of their n-grams (B,), of which few differ."""
        distinct, which = ranked(places, len(self.model.counts))
        nll, times = 0.0, which.bincount()
        for some, n in zip(
            *(one.split(_EXAMPLES_PER_BLOCK) for one in (distinct, times)), strict=True
        ):
            nll -= float((self._log_likelihoods(some) * n).sum())
        return nll

    def _log_likelihoods(self, places: Tensor) -> Tensor:
        """ln P of examples, by the places of their n-grams (B,): (B,) float64."""
        if not self.model.is_kneser_ney:
            return self.model.log_likelihoods_at(places)
        n = min(_rounded_up(self.num_counted), self._split.num_examples)
        estimate, order = self._estimate, self.model.settings.order
        if n == self.num_counted:
            return self.model.kneser_ney.log_prob_at(places)
        if estimate is None or (estimate.num_examples, estimate.order) != (n, order):
            self._estimate = estimate = KneserNey(self.model.index, n, order)
        return estimate.log_prob_at(places)


def _rounded_up(number: int) -> int:
    """A number rounded up to its first five bits, so to at most 1/16 more."""
    place = max(0, number.bit_length() - _ESTIMATES)
    return -(-number >> place) << place
