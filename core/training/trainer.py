"""Training by gradient descent, and the choice of a trainer. No clock, no printing, no threads."""

from collections.abc import Iterator, Mapping
from itertools import count
from typing import Any

import torch
from torch import Tensor

from ..datasets.dataset import Dataset
from ..errors import UserError
from ..models.factory import AnyModel
from ..models.model import Network
from ..models.ngram import NgramCounts
from ..models.resize import resized
from ..settings import ModelSettings, TrainSettings
from . import dropout
from .base import Trainer
from .batches import Batches, RandomStream, full_batch, minibatches
from .counting import CountingTrainer
from .gradients import PreparedBatches, gradient_step
from .optimizers import OPTIMIZERS

MAX_FULL_BATCH = 1 << 26  # examples times characters, of which each has a logit
_NUMBERS_PER_DRAW = 1 << 19
_MAX_STEPS_PER_DRAW = 128


class GradientTrainer(Trainer[Network]):
    """Trains a network by minibatch gradient descent.

    `edit` may be called between any two steps. The same seed and settings give the same weights
    bit for bit, however the steps are divided into calls of `train`.
    """

    settings: TrainSettings
    step: int = 0
    seed: int = 0

    def __init__(
        self,
        model: Network,
        dataset: Dataset,
        settings: TrainSettings,
        seed: int,
        dropout_version: int = dropout.VERSION,
    ):
        """A trainer at step 0.

        seed: of the minibatches and dropout masks. dropout_version: see `Dropout`.

        Raises:
            UserError: as `edit`.
        """
        self.dataset = dataset
        self.settings = settings
        self.seed, self._dropout_version = seed, dropout_version
        self._random = RandomStream(seed)
        self._use_model(model)
        self._optimizer = OPTIMIZERS[settings.optimizer](model.flat)
        self.edit(settings)

    @property
    def last_gradient(self) -> Tensor | None:
        return self._gradient_step.gradient if self._has_stepped else None

    @property
    def moments(self) -> dict[str, Tensor]:
        return self._optimizer.moments

    def edit(self, settings: TrainSettings) -> None:
        """Use other settings from the next step on.

        Raises:
            UserError: a batch of the whole split is asked for and would be too large.
        """
        split, V = self.dataset.split(settings.train_on), self.model.vocabulary_size
        most = MAX_FULL_BATCH // V
        if settings.batch_size == 0 and split.num_examples > most:
            raise UserError(
                f"a batch of all {split.num_examples:,} examples is too large: at most {most:,} "
                f"are possible with {V:,} characters; 512 would do"
            )
        before = self.settings
        if settings.optimizer != before.optimizer:
            self._optimizer = OPTIMIZERS[settings.optimizer](self.model.flat)
        if (settings.train_on, settings.batch_size) != (before.train_on, before.batch_size):
            self._prepared = None
        self.settings = settings
        self._split = split

    def train(self, steps: int) -> Tensor:
        """Take some steps and return the loss of each one's batch before it, (steps,) float32.

        The loss is the mean NLL in nats, without weight decay.
        """
        losses = [torch.empty(0)]
        with torch.inference_mode():
            while steps:
                batches = self._next_batches()
                n = min(steps, len(batches) - batches.taken)
                losses.append(self._train(batches, n))
                steps -= n
        return torch.cat(losses)

    def last_update(self) -> dict[str, Tensor] | None:
        """What the newest step changed the parameters by, up to its sign, by name.

        None where that isn't known. With AdamW it is worked out with the present learning rate and
        weight decay, even if the step was taken before an edit of them.
        """
        if not self.step:
            return None
        rate, decay = self.settings.learning_rate_at(self.step - 1), self.settings.weight_decay
        decay = 0.0 if self.model.decays_in_loss else decay
        update = self._optimizer.last_update(self.model.flat, self.last_gradient, rate, decay)
        return None if update is None else self.model.views(update)

    def gradients(self, batch: Batches) -> dict[str, Tensor]:
        step = gradient_step(self.model)
        with torch.inference_mode():
            (gradient,) = [one.clone() for one in step.gradients(step.prepare(batch))]
        return self.model.views(gradient)

    def fork(self, settings: TrainSettings, seed: int) -> "GradientTrainer":
        """A trainer of a copy of the model at step 0, with the same optimizer state."""
        other = GradientTrainer(
            self.model.copy(), self.dataset, settings, seed, self._dropout_version
        )
        own = {name: other.state_dict()[name] for name in ("step", "generator", "left")}
        other.load_state_dict(self.state_dict() | own)
        return other

    def resize(self, settings: ModelSettings, contexts: Tensor, generator: torch.Generator) -> None:
        model, moments = resized(self.model, settings, self.moments, contexts, generator)
        self._use_model(model)
        self._optimizer.moments = moments

    def state_dict(self) -> dict[str, Any]:
        """All that the next steps depend on but for the settings; the tensors are not copied."""
        random, optimizer = self._random.state_dict(), self._optimizer.state_dict()
        return {"step": self.step, "parameters": self.model.flat} | random | optimizer

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from the state of another trainer with the same settings and sizes."""
        self.step = state["step"]
        self.model.flat.copy_(state["parameters"])
        self._prepared = None
        self._has_stepped = False
        self._random.load_state_dict(state)
        self._optimizer.load_state_dict(state)

    def _use_model(self, model: Network) -> None:
        """Train this model from now on; drop what was made for another."""
        self.model = model
        self._gradient_step = gradient_step(model)
        self._has_stepped = False
        self._dropout: dropout.Dropout | None = None
        self._prepared: PreparedBatches | None = None

    def _next_batches(self) -> PreparedBatches:
        """Batches of which some are not taken yet: those prepared before, or new ones.

        Drawing takes as long for one step as for a dozen, so they are drawn for many.
        """
        size, V = self.settings.batch_size, self.model.vocabulary_size
        prepared = self._prepared
        if prepared is not None and size == 0:
            prepared.taken = 0  # all examples again
        if prepared is None or prepared.taken == len(prepared):
            like, context = self.model.flat, self.model.context
            if size:
                n = max(1, min(_MAX_STEPS_PER_DRAW, _NUMBERS_PER_DRAW // (size * V)))
                drawn = self._random.peek(n * size).view(n, size)
                batches = minibatches(self._split, drawn, context, like, V)
            else:
                tables = self.dataset.context_tables(self.settings.train_on, context)
                batches = full_batch(list(tables), like, V)
            prepared = self._prepared = self._gradient_step.prepare(batches)
        return prepared

    def _train(self, batches: PreparedBatches, n: int) -> Tensor:
        """Take a step on each of the next n batches; their losses (n,)."""
        step, some = self._gradient_step, slice(batches.taken, batches.taken + n)
        masks = self._masks(batches.rows[some])
        for gradient in step.gradients(batches, some, masks):
            self._update(step.parameters, gradient)
        self._has_stepped = True
        batches.taken += n
        self._random.skip(n * self.settings.batch_size)
        return batches.losses()[some].float()

    def _masks(self, rows: list[int]) -> Iterator[Tensor] | None:
        """The dropout masks of the next steps, (M, H) for each M of `rows`; None without any."""
        share, model = self.settings.dropout, self.model.settings
        if not share or not model.is_relevant("dropout"):
            return None
        if self._dropout is None or self._dropout.share != share:
            self._dropout = dropout.Dropout(
                share, model.hidden, self.seed, self.model.flat, self._dropout_version
            )
        return map(self._dropout.mask, count(self.step), rows)

    def _update(self, parameters: Tensor, gradient: Tensor) -> None:
        """Take a step along a gradient, which weight decay is added to first."""
        rate, decay = self.settings.learning_rate_at(self.step), self.settings.weight_decay
        if decay and self.model.decays_in_loss:
            gradient.add_(parameters, alpha=2 * decay / parameters.numel())  # of decay * mean(W**2)
            decay = 0.0
        self._optimizer.update(parameters, gradient, rate, decay)
        self.step += 1


def make_trainer(
    model: AnyModel,
    dataset: Dataset,
    settings: TrainSettings,
    seed: int,
    dropout_version: int = dropout.VERSION,
) -> GradientTrainer | CountingTrainer:
    """The trainer for a model.

    seed: of the minibatches and dropout masks. dropout_version: how masks are chosen, see
    `Dropout`.

    Raises:
        UserError: a batch of the whole split is asked for and would be too large.
    """
    if isinstance(model, NgramCounts):
        return CountingTrainer(model, dataset, settings)
    return GradientTrainer(model, dataset, settings, seed, dropout_version)
