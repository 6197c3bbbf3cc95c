"""Training: one step, and many. No clock, no printing, no threads."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any

import torch
from torch import Tensor

from ..datasets.contexts import ContextTables, split_named
from ..errors import UserError
from ..models.mlp import MLP
from ..models.neural_bigram import NeuralBigram
from ..models.ngram import NgramCounts
from ..settings import TrainSettings
from . import dropout
from .batches import Batches, RandomStream, draw_batches, full_batch
from .counting import CountingTrainer
from .gradients import MLPStep, NeuralBigramStep, Prepared
from .optimizers import SGD, AdamW

MAX_FULL_BATCH = 1 << 26  # numbers, one for each example and character
_NUMBERS_AT_ONCE = 1 << 19
_STEPS_AT_ONCE = 128


class GradientTrainer:
    """Trains a network by minibatch gradient descent.

    `settings` may be replaced between any two steps. The same seed and settings give the same
    weights bit for bit, however the steps are divided into calls of `train`.
    """

    def __init__(
        self,
        model: NeuralBigram | MLP,
        tables: ContextTables,
        settings: TrainSettings,
        seed: int,
        dropout_version: int = dropout.VERSION,
    ):
        self.step: int = 0
        self._dropout_version = dropout_version
        self._tables = tables
        self._seed = seed
        self._random = RandomStream(seed)
        self._ahead: _Prefetched | None = None
        self._use(model)
        self.edit(settings)

    @property
    def finished(self) -> bool:
        """Whether there is nothing left to train: never, for a network."""
        return False

    def edit(self, settings: TrainSettings) -> None:
        """Train with other settings from the next step on.

        Raises:
            UserError: the whole split at once was asked for and is too large.
        """
        split = split_named(self._tables.dataset, settings.train_on)
        most = MAX_FULL_BATCH // self.model.vocabulary_size
        if settings.batch_size == 0 and split.examples > most:
            raise UserError(
                f"a batch of all {split.examples:,} examples is too large: at most {most:,} are "
                f"possible with {self.model.vocabulary_size:,} characters; 512 would do"
            )
        if not hasattr(self, "settings") or settings.optimizer != self.settings.optimizer:
            self._optimizer = AdamW(self.model.flat) if settings.optimizer == "adamw" else SGD()
        self.settings = settings
        self._split = split
        self._give_back()

    def train(self, steps: int) -> Tensor:
        """Take some steps; the loss of each step's batch before the step, (steps,) float32.

        The loss is the mean NLL in nats, without weight decay.
        """
        losses = [torch.empty(0)]
        with torch.inference_mode():
            while steps:
                ahead = self._ahead = self._drawn_ahead()
                n = min(steps, ahead.steps - ahead.taken)
                losses.append(self._train(ahead, n))
                steps -= n
        return torch.cat(losses)

    @property
    def last_gradient(self) -> Tensor | None:
        """That of the newest step's batch, with the weight decay that is added to it:
        (parameters,), until the next step; None where this trainer has taken no step yet with a
        model of this size."""
        return self._network_step.gradient if self._has_stepped else None

    @property
    def moments(self) -> dict[str, Tensor]:
        """What the optimizer remembers of each parameter: AdamW's "mean" and "square"."""
        return self._optimizer.moments

    def resize(self, model: MLP, moments: dict[str, Tensor]) -> None:
        """Go on with a model of another size, and the optimizer's moments for its parameters."""
        self._use(model)
        self._optimizer.moments = moments

    def state_dict(self) -> dict[str, Any]:
        """All that the next steps depend on, the settings apart; the tensors are the trainer's."""
        random, optimizer = self._random_state(), self._optimizer.state_dict()
        return {"step": self.step, "parameters": self.model.flat} | random | optimizer

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from where another trainer was, of the same settings and sizes."""
        self.step = state["step"]
        self.model.flat.copy_(state["parameters"])
        self._ahead = None
        self._has_stepped = False
        self._random.load_state_dict(state)
        self._optimizer.load_state_dict(state)

    def _use(self, model: NeuralBigram | MLP) -> None:
        """Train this model, with nothing kept that was made for another."""
        self.model = model
        self._network_step = MLPStep(model) if isinstance(model, MLP) else NeuralBigramStep(model)
        self._has_stepped = False
        self._dropout: dropout.Dropout | None = None
        self._full: tuple[str, Batches] | None = None
        self._give_back()

    @property
    def _steps_at_once(self) -> int:
        """For how many steps examples are drawn at once."""
        numbers = self.settings.batch_size * self.model.vocabulary_size or _NUMBERS_AT_ONCE
        return max(1, min(_STEPS_AT_ONCE, _NUMBERS_AT_ONCE // numbers))

    def _train(self, ahead: "_Prefetched", n: int) -> Tensor:
        """The next n steps on what has been drawn; their losses (n,)."""
        step, some = self._network_step, slice(ahead.taken, ahead.taken + n)
        masks = self._masks(ahead.batches.rows[some])
        for gradient in step.gradients(ahead.prepared, some, masks):
            self._update(step.parameters, gradient)
        self._has_stepped = True
        ahead.taken += n
        return ahead.prepared.losses()[some].float()

    def _masks(self, rows: list[int]) -> Iterator[Tensor] | None:
        """The dropout masks of the next batches, of so many rows; None without dropout."""
        share, model = self.settings.dropout, self.model
        if not share or not isinstance(model, MLP):
            return None
        if self._dropout is None or self._dropout.share != share:
            self._dropout = dropout.Dropout(
                share, model.settings.hidden, self._seed, model.flat, self._dropout_version
            )
        return map(self._dropout.mask, count(self.step), rows)

    def _update(self, parameters: Tensor, gradient: Tensor) -> None:
        """Change the parameters along the gradient."""
        rate, decay = self.settings.learning_rate_at(self.step), self.settings.weight_decay
        if decay and isinstance(self.model, NeuralBigram):
            gradient.add_(parameters, alpha=2 * decay / parameters.numel())  # of decay * mean(W**2)
            decay = 0.0
        self._optimizer.update(parameters, gradient, rate, decay)
        self.step += 1

    def _drawn_ahead(self) -> "_Prefetched":
        """Batches with a step left to take: those of before, or new ones."""
        ahead, size = self._ahead, self.settings.batch_size
        if ahead is not None and ahead.taken < ahead.steps:
            return ahead
        if ahead is not None and size == 0:  # all examples, again
            ahead.taken = 0
            return ahead
        before = self._random.state_dict()
        batches = self._draw(self._steps_at_once) if size else self._full_batch()
        return _Prefetched(batches, self._network_step.prepare(batches), before, size)

    def _draw(self, n: int) -> Batches:
        """The next n minibatches."""
        size, V = self.settings.batch_size, self.model.vocabulary_size
        return draw_batches(
            self._split, self._random, n, size, self.model.context, self.model.flat, V
        )

    def _give_back(self) -> None:
        """Forget the batches drawn ahead: the next are drawn as if those had never been."""
        self._random.load_state_dict(self._random_state())
        self._ahead = None

    def _random_state(self) -> dict[str, Tensor]:
        """Where the stream is after the steps taken, whatever has been drawn ahead of them."""
        if self._ahead is None:
            return self._random.state_dict()
        stream = RandomStream(self._seed)
        stream.load_state_dict(self._ahead.before)
        stream.take(self._ahead.taken * self._ahead.size)
        return stream.state_dict()

    def _full_batch(self) -> Batches:
        on = self.settings.train_on
        if self._full is None or self._full[0] != on:
            tables = list(self._tables.of(on, self.model.context))
            self._full = on, full_batch(tables, self.model.flat, self.model.vocabulary_size)
        return self._full[1]


@dataclass
class _Prefetched:
    """Batches of `size` examples drawn for the steps to come, of which `taken` have been taken.

    They outlast a call of `train`, for drawing takes as long for one step as for a dozen. before:
    where the random stream was.
    """

    batches: Batches
    prepared: Prepared
    before: dict[str, Tensor]
    size: int
    taken: int = 0

    @property
    def steps(self) -> int:
        """For how many steps there are batches."""
        return len(self.batches.rows)


def make_trainer(
    model: NgramCounts | NeuralBigram | MLP,
    tables: ContextTables,
    settings: TrainSettings,
    seed: int,
    dropout_version: int = dropout.VERSION,
) -> GradientTrainer | CountingTrainer:
    """The trainer for a model.

    dropout_version: how dropout masks are chosen, see `Dropout`.

    Raises:
        UserError: the whole split at once was asked for and is too large.
    """
    if isinstance(model, NgramCounts):
        return CountingTrainer(model, tables, settings)
    return GradientTrainer(model, tables, settings, seed, dropout_version)
