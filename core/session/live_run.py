"""One run from its first step on: dataset, model, trainer, journal."""

import math
from typing import Any

import torch
from msgspec.structs import replace
from torch import Tensor

from ..analysis.evaluation import evaluate
from ..datasets.dataset import Dataset
from ..models.factory import make_model
from ..models.mlp import MLP
from ..models.neural_bigram import NeuralBigram
from ..models.ngram import NgramCounts
from ..models.resize import resized, seed_of_edit, shrinks
from ..results import Mark, Resizing
from ..runs.state import JournalEntry, RunState, copied
from ..settings import ModelSettings, TrainSettings, changed, short_label
from ..training.counting import CountingTrainer
from ..training.history import DevLosses, LossHistory
from ..training.trainer import GradientTrainer, make_trainer

AnyModel = NgramCounts | NeuralBigram | MLP
AnyTrainer = CountingTrainer | GradientTrainer

_JUDGED_EXAMPLES = 1 << 10, 1 << 12  # least and most, by which is judged what a model can miss
_JUDGED_UNITS = 1 << 21  # about so many activations of hidden units, in between
_STEP_SECONDS = 1e-4  # that a step takes at the least, and, beyond that,
_MULTIPLICATION_SECONDS = 9e-11  # each of an example's multiplications
_MIN_EXAMPLES = 1 << 11  # of dev, for the loss before and after a change of size
_MULTIPLICATIONS = 1 << 29  # that this loss may take, beyond the least examples


class LiveRun:
    """A run that can be trained, and changed in place between any two steps.

    The minibatches and the initial weights come from generators of its own, so looking (evaluating,
    sampling) never changes the path of training, and the same dataset, settings, seed and edits
    give the same weights bit for bit on the same build of torch with one thread, however the
    training is divided into calls.

    dataset: what it learns. model, trainer: change with the settings.
    model_settings, train_settings: of the next step. first_settings: those that it began with.
    seed: of the first weights and the minibatches. journal: the edits that led from the first
    settings to the present weights, oldest first. history: the minibatch losses. dev_losses: those
    of the dev split, as far as they were taken. resized: the newest change of size among the
    edits. diverged_at: the step whose loss was the first that wasn't finite.
    """

    dataset: Dataset
    model: AnyModel
    trainer: AnyTrainer
    model_settings: ModelSettings
    train_settings: TrainSettings
    first_settings: tuple[ModelSettings, TrainSettings]
    seed: int
    journal: list[JournalEntry]
    history: LossHistory
    dev_losses: DevLosses
    resized: Resizing | None
    diverged_at: int | None
    _run: object
    dropout_version: int = 1  # 2 once a saved run tells its version

    def __init__(self, dataset: Dataset, model: ModelSettings, train: TrainSettings, seed: int):
        """A run at step 0.

        Raises:
            UserError: the settings can't be had with this dataset.
        """
        self._last: RunState | None = None  # put away or returned to; the next may share with it
        self.dataset = dataset
        self._begin(model, train, seed)

    @property
    def run(self) -> object:
        """The identity of the run: another after a restart, the same again after `undo` of that."""
        return self._run

    @property
    def step(self) -> int:
        """How many steps have been taken."""
        return self.trainer.step

    @property
    def learning_rate(self) -> float:
        """The learning rate of the next step, after the schedule."""
        return self.train_settings.learning_rate_at(self.step)

    @property
    def diverged(self) -> bool:
        """Whether the weights are no longer finite."""
        return not self.model.is_finite

    @property
    def marks(self) -> list[Mark]:
        """The journal in few signs, the edits of one step together, the newest last."""
        changes: dict[int, dict[str, Any]] = {}
        for entry in self.journal:
            changes.setdefault(entry.step, {}).update(entry.changes)
        return [Mark(step, short_label(of_step)) for step, of_step in changes.items()]

    def train(self, steps: int) -> Tensor:
        """Take some steps; the minibatch loss of each, in nats, (steps,) float32.

        A table of counts takes fewer when every example has been counted.
        """
        losses = self.trainer.train(steps)
        self.history.append(losses)
        is_network = self.model_settings.model_kind.is_network  # counts may give a pair no chance
        if is_network and self.diverged_at is None and not math.isfinite(float(losses.sum())):
            finite = int(torch.isfinite(losses).long().cumprod(0).sum())
            self.diverged_at = self.step - len(losses) + finite
        return losses

    def state(self) -> RunState:
        """All that this run is now, in memory of its own."""
        last, history = self._last, self.history
        shares_history = last is not None and last.history.equals(history)
        self._last = RunState(
            dataset=self.dataset,
            run=self._run,
            model_settings=self.model_settings,
            train_settings=self.train_settings,
            first_settings=self.first_settings,
            seed=self.seed,
            journal=tuple(self.journal),
            trainer=copied(self.trainer.state_dict(), last.trainer if last else {}),
            history=last.history if last and shares_history else history.copy(),
            dev_losses=self.dev_losses.copy(),
            resized=self.resized,
            diverged_at=self.diverged_at,
            is_finite=not self.diverged,
            step_seconds=self._step_seconds,
        )
        return self._last

    def _begin(self, model: ModelSettings, train: TrainSettings, seed: int) -> None:
        """Begin a run at step 0."""
        self.model, self.trainer = self._made(model, train, seed)
        self.model_settings, self.train_settings, self.seed = model, train, seed
        self.first_settings = model, train
        self._run = object()
        self.journal, self.history, self.dev_losses = [], LossHistory(), DevLosses()
        self.resized = self.diverged_at = None

    def _made(
        self, model: ModelSettings, train: TrainSettings, seed: int, is_drawn: bool = True
    ) -> tuple[AnyModel, AnyTrainer]:
        """A model and its trainer; with the weights that such a run begins with, or zeros."""
        generator = torch.Generator().manual_seed(seed) if is_drawn else None
        new = make_model(model, self.dataset.vocabulary.size, generator, train.smoothing)
        return new, make_trainer(new, self.dataset, train, seed, self.dropout_version)

    def change(self, changes: dict[str, Any]) -> None:
        """Train on with other settings, by name, none of which begins a new run.

        Raises:
            UserError: a setting is unknown, or a value is not allowed; nothing has changed then.
        """
        model, train = changed(self.model_settings, self.train_settings, changes)
        self.trainer.edit(train)
        self.train_settings = train
        if model != self.model_settings:
            self._resize(model, changes)
        self.journal.append(JournalEntry(self.step, changes))

    def _resize(self, settings: ModelSettings, changes: dict[str, Any]) -> None:
        """Go on with a model of another size."""
        model, trainer = self.model, self.trainer
        assert isinstance(model, MLP)
        loses = shrinks(self.model_settings, settings)
        most = max(_MIN_EXAMPLES, _MULTIPLICATIONS // model.multiplications)
        before = evaluate(model, self.dataset, "dev", most) if loses else None
        seed = seed_of_edit(self.seed, self.step, len(self.journal))
        generator = torch.Generator().manual_seed(seed)
        new, moments = resized(model, settings, trainer.moments, self._contexts(), generator)
        trainer.resize(new, moments)
        self.model, self.model_settings = new, settings
        self.resized = Resizing(self.step, short_label(changes))
        if before is not None:
            after = evaluate(new, self.dataset, "dev", most)
            self.resized = replace(
                self.resized, before=before.loss, after=after.loss, dev_share=after.share
            )

    def _contexts(self) -> Tensor:
        """The contexts (N, T) of some training examples, evenly spaced."""
        split = self.dataset.split(self.train_settings.train_on)
        least, most = _JUDGED_EXAMPLES
        n = max(least, min(_JUDGED_UNITS // self.model_settings.hidden, most))
        n = min(n, split.num_examples)
        positions = torch.arange(n) * split.num_examples // n + 1
        return split.contexts_at(positions, self.model.context)

    @property
    def _step_seconds(self) -> float:
        """About how long a step takes."""
        split = self.dataset.split(self.train_settings.train_on)
        examples = self.train_settings.batch_size or split.num_examples
        return _STEP_SECONDS + _MULTIPLICATION_SECONDS * examples * self.model.multiplications

    def _restore(self, state: RunState) -> None:
        """Go on from a state."""
        whole = state.base or state
        self.dataset = whole.dataset
        settings = whole.model_settings, whole.train_settings
        self.model, self.trainer = self._made(*settings, whole.seed, is_drawn=whole.is_first)
        if not whole.is_first:
            self.trainer.load_state_dict(whole.trainer)
        self.model_settings, self.train_settings = whole.model_settings, whole.train_settings
        self.first_settings, self.seed, self._run = whole.first_settings, whole.seed, whole.run
        self.journal = list(whole.journal)
        self.history = LossHistory() if whole.is_first else whole.history.copy()
        self.resized, self.diverged_at = whole.resized, whole.diverged_at
        self._last = whole
        self._train_on_to(state)
        self.dev_losses = state.dev_losses.copy()

    def _train_on_to(self, state: RunState) -> None:
        """Take the path to a later state of this run."""
        for entry in state.journal[len(self.journal) :]:
            self.train(entry.step - self.step)
            self.change(entry.changes)
        self.train(state.step - self.step)
