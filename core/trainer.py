"""Training: one step, and many. No clock, no printing, no threads."""

import torch
from torch import Tensor

from .contexts import ContextTable, ContextTables, split_named
from .dataset import gather_contexts
from .errors import UserError
from .models import MLP, NeuralBigram, NgramCounts
from .settings import TrainSettings
from .step import Batch, MLPStep, NeuralBigramStep

MOST_FULL_BATCH = 1 << 21
_DRAWN_AT_ONCE = 1 << 13
_EXAMPLES_AT_ONCE = 1 << 14


class RandomStream:
    """Random integers from 0 to 2**62, the same however many are taken at once."""

    def __init__(self, seed: int):
        self._generator = torch.Generator().manual_seed(seed)
        self._left = torch.empty(0, dtype=torch.int64)

    def take(self, n: int) -> Tensor:
        """The next n, (n,) int64."""
        parts = [self._left]
        missing = n - len(self._left)
        for _ in range(-(-missing // _DRAWN_AT_ONCE)):
            parts.append(torch.randint(2**62, (_DRAWN_AT_ONCE,), generator=self._generator))
        drawn = torch.cat(parts)
        self._left = drawn[n:]
        return drawn[:n]


class GradientTrainer:
    """Trains a network by minibatch gradient descent.

    `settings` may be replaced between any two steps. The same seed and settings give the same
    weights bit for bit, however the steps are divided into calls of `train`.
    """

    def __init__(
        self, model: NeuralBigram | MLP, tables: ContextTables, settings: TrainSettings, seed: int
    ):
        self.model = model
        self.step = 0
        self._tables = tables
        self._random = RandomStream(seed)
        self._loss_and_gradient = (
            MLPStep(model) if isinstance(model, MLP) else NeuralBigramStep(model)
        )
        self._full: tuple[str, Batch] | None = None
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
        if settings.batch_size == 0 and split.examples > MOST_FULL_BATCH:
            raise UserError(
                f"batch_size 0 takes all {split.examples:,} examples at once; at most "
                f"{MOST_FULL_BATCH:,} are possible, so give a batch_size such as 512"
            )
        if not hasattr(self, "settings") or settings.optimizer != self.settings.optimizer:
            self._optimizer = AdamW(self.model.flat) if settings.optimizer == "adamw" else SGD()
        self.settings = settings
        self._split = split

    def train(self, steps: int) -> Tensor:
        """Take some steps; the loss of each step's batch before the step, (steps,) float32.

        The loss is the mean NLL in nats, without weight decay.
        """
        losses = torch.empty(steps)
        with torch.inference_mode():
            for first in range(0, steps, self._steps_at_once):
                some = losses[first : first + self._steps_at_once]
                self._train(self._draw(len(some)), some)
        return losses

    @property
    def _steps_at_once(self) -> int:
        """For how many steps examples are drawn at once."""
        return max(1, _EXAMPLES_AT_ONCE // (self.settings.batch_size or _EXAMPLES_AT_ONCE))

    def _train(self, batches: list[Batch], losses: Tensor) -> None:
        """A step for each batch; fills `losses`, (len(batches),)."""
        minus_weights = batches[0].minus_weights
        log_likelihoods = self.model.flat.new_empty(len(batches), len(minus_weights))
        for batch, row in zip(batches, log_likelihoods.unbind(), strict=True):
            self._loss_and_gradient(batch, row)
            self._update()
        torch.sum(log_likelihoods * minus_weights, 1, out=losses)

    def _update(self) -> None:
        """Change the parameters along the gradient."""
        gradient, parameters = self._loss_and_gradient.gradient, self.model.flat
        rate = self.settings.learning_rate_at(self.step)
        decay = self.settings.weight_decay
        if decay and isinstance(self.model, NeuralBigram):
            gradient.add_(parameters, alpha=2 * decay / parameters.numel())  # of decay * mean(W**2)
            decay = 0.0
        self._optimizer.update(parameters, gradient, rate, decay)
        self.step += 1

    def _draw(self, n: int) -> list[Batch]:
        """The next n minibatches, examples drawn with replacement."""
        size = self.settings.batch_size
        if size == 0:
            return [self._full_batch()] * n
        tokens = self._split.tokens
        positions = self._random.take(n * size) % self._split.examples + 1  # (n*B,)
        contexts = gather_contexts(tokens, positions, self.model.context)
        contexts = contexts.view(n, size, -1)  # (n, B, T)
        targets = tokens[positions].long().view(n, size) * size + torch.arange(size)  # (n, B)
        weights = self.model.flat.new_full((size,), 1 / size)
        minus_weights = -weights
        return [
            Batch(c, t, minus_weights, weights)
            for c, t in zip(contexts.unbind(), targets.unbind(), strict=True)
        ]

    def _full_batch(self) -> Batch:
        """All examples as one batch: each distinct context once, with all that follows it."""
        on = self.settings.train_on
        if self._full is None or self._full[0] != on:
            blocks = list(self._tables.of(on, self.model.context))
            self._full = on, _joined(blocks, self.model.flat.dtype)
        return self._full[1]


def _joined(blocks: list[ContextTable], dtype: torch.dtype) -> Batch:
    """Context tables as one batch."""
    contexts = torch.cat([block.contexts for block in blocks])  # (M, T)
    firsts = torch.tensor([0] + [len(block.contexts) for block in blocks]).cumsum(0)
    rows = torch.cat([b.rows + first for b, first in zip(blocks, firsts[:-1], strict=True)])  # (P,)
    counts = torch.cat([block.counts for block in blocks])  # (P,)
    weights = counts / counts.sum()
    row_weights = torch.zeros(len(contexts), dtype=torch.float64).index_add_(0, rows, weights)
    targets = torch.cat([block.targets for block in blocks])
    return Batch(
        contexts=contexts,
        targets=targets * len(contexts) + rows,
        minus_weights=-weights.to(dtype),
        row_weights=row_weights.to(dtype),
    )


class SGD:
    """Plain gradient descent; weight decay is added to the gradient, as torch.optim.SGD does."""

    def update(self, parameters: Tensor, gradient: Tensor, rate: float, decay: float) -> None:
        """One step, in place."""
        if decay:
            gradient.add_(parameters, alpha=decay)
        parameters.add_(gradient, alpha=-rate)


class AdamW:
    """Adam with decoupled weight decay (Loshchilov & Hutter 2019), with torch.optim's defaults."""

    BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8

    def __init__(self, parameters: Tensor):
        self.mean = torch.zeros_like(parameters)
        self.square = torch.zeros_like(parameters)
        self._scratch = torch.empty_like(parameters)
        self.steps = 0

    def update(self, parameters: Tensor, gradient: Tensor, rate: float, decay: float) -> None:
        """One step, in place."""
        self.steps += 1
        self.mean.lerp_(gradient, 1 - self.BETA1)
        self.square.mul_(self.BETA2).addcmul_(gradient, gradient, value=1 - self.BETA2)
        unbias1, unbias2 = 1 - self.BETA1**self.steps, 1 - self.BETA2**self.steps
        if decay:
            parameters.mul_(1 - rate * decay)
        torch.sqrt(self.square, out=self._scratch)
        self._scratch.mul_(unbias2**-0.5).add_(self.EPSILON)
        parameters.addcdiv_(self.mean, self._scratch, value=-rate / unbias1)


class CountingTrainer:
    """Counts n-grams, a batch a step, in the order of the split, until every example is counted."""

    def __init__(self, model: NgramCounts, tables: ContextTables, settings: TrainSettings):
        self.model = model
        self.step = 0
        self.counted = 0
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
        tokens = self._split.tokens
        return gather_contexts(tokens, positions, self.model.context), tokens[positions].long()

    def _nll(self, begin: int) -> float:
        contexts, targets = self._examples(begin)
        log_probabilities = self.model.logits(contexts)  # (B, V)
        return -float(log_probabilities.gather(1, targets[:, None]).sum())


def make_trainer(
    model: NgramCounts | NeuralBigram | MLP,
    tables: ContextTables,
    settings: TrainSettings,
    seed: int,
) -> GradientTrainer | CountingTrainer:
    """The trainer for a model.

    Raises:
        UserError: the whole split at once was asked for and is too large.
    """
    if isinstance(model, NgramCounts):
        return CountingTrainer(model, tables, settings)
    return GradientTrainer(model, tables, settings, seed)
