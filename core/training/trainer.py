"""Training by gradient descent, and the choice of a trainer. No clock, no printing, no threads."""

from collections.abc import Iterator, Mapping
from itertools import count
from typing import Any

import torch
from torch import Generator, Tensor

from ..datasets.contexts import ContextTable
from ..datasets.dataset import Dataset
from ..errors import UserError
from ..models.factory import AnyModel, AnyNetwork
from ..models.mlp import MLP
from ..models.ngram import NgramCounts
from ..models.resize import resized
from ..settings import ModelSettings, TrainSettings
from . import dropout
from .batches import Batches, ContextSampler, RandomStream, full_batch, minibatches
from .counting import CountingTrainer
from .gradients import PreparedBatches, gradient_step
from .optimizers import OPTIMIZERS

MAX_FULL_BATCH = 1 << 26  # examples times characters, of which each has a logit
_NUMBERS_PER_DRAW = 1 << 19
_MAX_STEPS_PER_DRAW = 128


class GradientTrainer:
    """Trains a network by minibatch gradient descent.

    `edit` may be called between any two steps. The same seed and settings give the same weights
    bit for bit, however the steps are divided into calls of `train`.

    step: how many steps have been taken. settings: those of the next step. seed: of the minibatches
    and dropout masks. finished: never; see `CountingTrainer`.
    """

    model: AnyNetwork
    settings: TrainSettings
    step: int = 0
    finished: bool = False

    def __init__(
        self,
        model: AnyNetwork,
        dataset: Dataset,
        settings: TrainSettings,
        seed: int,
        dropout_version: int = dropout.VERSION,
    ):
        """A trainer at step 0; arguments and errors as for `make_trainer`."""
        self.dataset = dataset
        self.settings = settings
        self.seed: int = seed
        self._dropout_version = dropout_version
        self._random = RandomStream(seed)
        self._use_model(model)
        self._optimizer = OPTIMIZERS[settings.optimizer](model.flat)
        self.edit(settings)

    def __repr__(self) -> str:
        return f"GradientTrainer({self.model!r}, step {self.step:,})"

    @property
    def last_step(self) -> int:
        """The last planned step; training may go on."""
        return self.settings.steps

    def edit(self, settings: TrainSettings) -> None:
        """Use other settings from the next step on.

        Raises UserError if a batch, or a table of the contexts, of the whole split is asked for
        and would be too large.
        """
        split, V = self.dataset.split(settings.train_on), self.model.vocabulary_size
        most, is_of_contexts = MAX_FULL_BATCH // V, settings.minibatches == "contexts"
        if split.num_examples > most and (settings.batch_size == 0 or is_of_contexts):
            what, instead = "a batch", "512"
            if settings.batch_size:
                what, instead = "a table of the contexts", "minibatches=examples"
            raise UserError(
                f"{what} of all {split.num_examples:,} examples is too large: at most {most:,} "
                f"are possible with {V:,} characters; try {instead}"
            )
        before, self.settings, self._split = self.settings, settings, split
        if settings.optimizer != before.optimizer:
            self._optimizer = OPTIMIZERS[settings.optimizer](self.model.flat)
        drawn_from = ("train_on", "batch_size", "minibatches")
        if any(getattr(settings, name) != getattr(before, name) for name in drawn_from):
            self._prepared = self._sampler = None

    def prepare(self) -> bool:
        """False: there is nothing to do before a step; see `CountingTrainer`."""
        return False

    def train(self, steps: int) -> Tensor:
        """Take some steps and return the loss of each one's batch before it, (steps,) float32.

        The loss is the mean NLL in nats, without weight decay.
        """
        step, settings = self._gradient_step, self.settings
        losses, end = [torch.empty(0)], self.step + steps
        with torch.inference_mode():
            while self.step < end:
                batches = self._next_batches()
                some = slice(batches.taken, batches.taken + end - self.step)
                masks = self._masks(batches.rows[some])
                for gradient in step.gradients(batches, some, masks):
                    rate, decay = settings.learning_rate_at(self.step), settings.weight_decay
                    if decay and self.model.decays_in_loss:  # as decay * mean(W**2)
                        gradient.add_(step.parameters, alpha=2 * decay / len(step.parameters))
                        decay = 0.0
                    self._optimizer.update(step.parameters, gradient, rate, decay)
                    self._has_gradient = True
                    self.step += 1
                losses.append(batches.losses(some).float())
                batches.taken += len(losses[-1])
                self._random.skip(len(losses[-1]) * settings.batch_size)
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
        gradient = self._gradient_step.gradient if self._has_gradient else None
        update = self._optimizer.last_update(self.model.flat, gradient, rate, decay)
        return None if update is None else self.model.views(update)

    def gradients(self, batch: Batches) -> dict[str, Tensor]:
        """The gradient of a single batch's loss by name, without weight decay."""
        step = gradient_step(self.model)
        with torch.inference_mode():
            (gradient,) = [one.clone() for one in step.gradients(step.prepare(batch))]
        return self.model.views(gradient)

    def fork(self, settings: TrainSettings, seed: int) -> "GradientTrainer":
        """A trainer of a copy of the model at step 0, with the same optimizer state."""
        model, version = self.model.copy(), self._dropout_version
        other = GradientTrainer(model, self.dataset, settings, seed, version)
        other._optimizer.load_state_dict(self._optimizer.state_dict())
        return other

    def model_after_next_step(self) -> AnyNetwork:
        """A copy of the model as the next step will leave it; this trainer goes on unchanged."""
        other = self.fork(self.settings, self.seed)
        other.load_state_dict(self.state_dict())
        other._dropout, other._sampler = self._dropout, self._sampler
        other.train(1)
        return other.model

    def next_mask(self) -> Tensor | None:
        """The dropout mask of the next step's first example, (H,); None without dropout."""
        masks = self._masks([1])
        return None if masks is None else next(masks)[0]

    def resize(self, settings: ModelSettings, contexts: Tensor, generator: Generator) -> None:
        """Continue with a model of another size; arguments as for `models.resize.resized`."""
        assert isinstance(self.model, MLP)  # no other model has sizes that can change
        moments = self._optimizer.moments
        model, self._optimizer.moments = resized(self.model, settings, moments, contexts, generator)
        self._use_model(model)

    def state_dict(self) -> dict[str, Any]:
        """All that the next steps depend on but for the settings; the tensors are not copied."""
        own = {"step": self.step, "parameters": self.model.flat}
        return own | self._random.state_dict() | self._optimizer.state_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from the state of another trainer with the same settings and sizes."""
        self.step = state["step"]
        self.model.flat.copy_(state["parameters"])
        self._prepared = None
        self._has_gradient = False
        self._random.load_state_dict(state)
        self._optimizer.load_state_dict(state)

    def _use_model(self, model: AnyNetwork) -> None:
        """Train this model from now on; drop what was made for another."""
        self.model = model
        self._gradient_step = gradient_step(model)
        self._has_gradient = False  # of a step that was taken
        self._dropout: dropout.Dropout | None = None
        self._prepared: PreparedBatches | None = None
        self._sampler: ContextSampler | None = None

    def _next_batches(self) -> PreparedBatches:
        """Batches of which some are not taken yet: those prepared before, or new ones, for many
        steps, because drawing takes as long for one as for a dozen."""
        size, V = self.settings.batch_size, self.model.vocabulary_size
        prepared = self._prepared
        if prepared is not None and size == 0:
            prepared.taken = 0  # all examples again
        if prepared is None or prepared.taken == len(prepared.rows):
            like, context = self.model.flat, self.model.context
            if size:
                n = max(1, min(_MAX_STEPS_PER_DRAW, _NUMBERS_PER_DRAW // (size * V)))
                drawn = self._random.peek(n * size).view(n, size)
                if self.settings.minibatches == "contexts":
                    self._sampler = self._sampler or ContextSampler(self._tables(), size, like)
                    batches = self._sampler.batches(drawn, V)
                else:
                    batches = minibatches(self._split, drawn, context, like, V)
            else:
                batches = full_batch(self._tables(), like)
            prepared = self._prepared = self._gradient_step.prepare(batches)
        return prepared

    def _tables(self) -> list[ContextTable]:
        """The examples that are trained on, by context."""
        return list(self.dataset.context_tables(self.settings.train_on, self.model.context))

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


AnyTrainer = GradientTrainer | CountingTrainer


def make_trainer(
    model: AnyModel,
    dataset: Dataset,
    settings: TrainSettings,
    seed: int,
    dropout_version: int = dropout.VERSION,
) -> AnyTrainer:
    """The trainer for a model.

    seed: of the minibatches and dropout masks. dropout_version: how masks are chosen, see
    `Dropout`. Raises UserError if a batch of the whole split is asked for and would be too large.
    """
    if isinstance(model, NgramCounts):
        return CountingTrainer(model, dataset, settings)
    return GradientTrainer(model, dataset, settings, seed, dropout_version)
