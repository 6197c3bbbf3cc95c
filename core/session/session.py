"""A run that can be trained, edited, undone, looked at and saved: the program without a screen."""

import math
import weakref
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from .. import results
from ..analysis.baselines import baseline_losses
from ..analysis.bigrams import BigramAnalysis
from ..analysis.embedding import EmbeddingMapper
from ..analysis.evaluation import Evaluation, evaluate
from ..analysis.health import first_loss, health
from ..analysis.lr_finder import find_lr
from ..analysis.probe import probe
from ..analysis.sampling import sample
from ..analysis.trace import Trace, Tracer
from ..datasets.dataset import Dataset
from ..errors import UserError
from ..models.factory import AnyModel, make_model
from ..models.resize import seed_of_edit
from ..run_spec import RunSpec
from ..runs import checkpoint
from ..runs.state import JournalEntry, RunState, copy_trainer_state, run_label
from ..settings import EditPlan, Effect, ModelSettings, TrainSettings, plan_edit, short_label
from ..training.history import DevLosses, LossHistory
from ..training.trainer import AnyTrainer, make_trainer
from .divergence import diverged_since
from .mixing import Mixing
from .resizing import resize
from .timeline import Timeline


class Session:
    """A run that can be trained, changed between any two steps, undone, looked at and saved.

        session = Session(Dataset.load("names"), ModelSettings(hidden=100), seed=1)
        session.train(1000)
        session.edit(learning_rate=0.01)
        session.edit(hidden=200)
        session.evaluate("dev").loss
        session.timeline.undo()

    Initial weights and minibatches come from generators of the run's own, so evaluating and
    sampling never change the path of training. The same dataset, settings, seed and edits give the
    same weights bit for bit on the same build of torch with one thread, however the training is
    divided into calls.

    What a `RunState` has too is described there. model, trainer: change with the settings.
    step: how many steps have been taken.
    timeline: undoes, redoes, restarts and switches to other runs.
    mixing: what the run predicts with, if its network is mixed with counts.
    """

    dataset: Dataset
    model: AnyModel
    trainer: AnyTrainer
    model_settings: ModelSettings
    train_settings: TrainSettings
    first_settings: tuple[ModelSettings, TrainSettings]
    seed: int
    step: int
    journal: list[JournalEntry]
    history: LossHistory
    dev_losses: DevLosses
    mixed_losses: DevLosses
    resized: results.Resizing | None
    diverged_at: int | None
    dropout_version: int
    init_version: int
    run: object = None
    timeline: Timeline
    mixing: Mixing
    test_peeks: int = 0
    _num_samplings: int = 0  # how often `sample` was called

    def __init__(
        self,
        dataset: Dataset,
        model: ModelSettings | None = None,
        train: TrainSettings | None = None,
        seed: int = 1,
    ):
        """A new run at step 0; raises UserError if the settings are too large for the dataset."""
        self.timeline, self.mixing = Timeline(weakref.proxy(self)), Mixing(weakref.proxy(self))
        model, train = model or ModelSettings(), train or TrainSettings()
        self.restore(RunState.first(dataset, model, train, seed))

    @classmethod
    def from_state(cls, state: RunState) -> "Session":
        """A session that goes on from a state, with nothing to undo."""
        session = cls.__new__(cls)
        session.timeline = Timeline(weakref.proxy(session))
        session.mixing = Mixing(weakref.proxy(session))
        session.restore(state)
        return session

    @classmethod
    def from_spec(cls, spec: RunSpec) -> "Session":
        """A new run at step 0.

        Raises UserError if its dataset can't be read, or its settings are too large for it.
        """
        return cls(Dataset.load(*spec.data), spec.model, spec.train, spec.seed)

    @classmethod
    def load(cls, path: Path | str) -> "Session":
        """A saved run, which goes on bit for bit as if it had never been saved.

        Raises UserError if there is no such run, it is damaged, its dataset has changed, or it was
        saved in format 1, without its optimizer.
        """
        return cls.from_state(checkpoint.read(path))

    def save(
        self, path: Path | str, report: dict[str, Any] | None = None, is_named: bool = True
    ) -> None:
        """Write the run to a new file; ".safetensors" is added to a path without it.

        report: figures to keep with it, such as its losses. is_named: False if the explorer may
        remove it, once there are too many runs. Raises UserError if the file exists or
        can't be written, or the parameters are not finite.
        """
        path = checkpoint.check_new(Path(path))
        checkpoint.write(self.state(), path, named=is_named, report=report)

    def __repr__(self) -> str:
        return f"Session({run_label(self.model_settings, self.step, self.dev_losses.last)})"

    def state(self) -> RunState:
        """All that the run is now. A copy, but for tensors that equal those of the last state."""
        last = self._last
        self._last = replace(  # what isn't named stays the same for as long as a run goes on
            last,
            model_settings=self.model_settings,
            train_settings=self.train_settings,
            trainer=copy_trainer_state(self.trainer.state_dict(), last.trainer),
            journal=tuple(self.journal),
            history=self.history.copy(),
            dev_losses=self.dev_losses.copy(),
            mixed_losses=self.mixed_losses.copy(),
            resized=self.resized,
            diverged_at=self.diverged_at,
            is_finite=self.model.is_finite,
            test_peeks=self.test_peeks,
        )
        return self._last

    def train(self, steps: int) -> Tensor:
        """Take some steps; the minibatch loss of each, in nats: (steps,) float32.

        A table of counts takes fewer when every example has been counted. Raises UserError if the
        run was saved in format 1, without its optimizer.
        """
        if not self._last.is_resumable:
            raise UserError("the run was saved without its optimizer's state, so it can't continue")
        losses = self.trainer.train(steps)
        self.step = self.trainer.step
        if self.model_settings.model_kind.is_network:  # counts may give a pair no chance
            uniform, planned = math.log(self.model.vocabulary_size), self.train_settings.steps
            first = partial(first_loss, self.trainer, self.first_settings)
            seen = self.diverged_at, self.history, losses
            self.diverged_at = diverged_since(*seen, planned, uniform, first)
            if self.diverged_at is None and not self.model.is_finite:
                self.diverged_at = self.step  # whose loss will not be finite
        self.history.append(losses)
        return losses

    def plan(self, **changes: Any) -> EditPlan:
        """What changing settings by name would do to the run.

        Raises UserError if a setting is unknown, or a value is not allowed.
        """
        return plan_edit(self.model_settings, self.train_settings, changes)

    def edit(self, plan: EditPlan | None = None, /, **changes: Any) -> Effect:
        """Change settings by name from the next step on, or carry out a plan for that.

        An MLP takes another context, embedding or hidden size in place. Any other change of the
        model starts a new run with the same seed. Returns what the change does to the run. Raises
        UserError if a setting is unknown, or a value is not allowed; nothing has changed then.
        """
        plan = plan or self.plan(**changes)
        label = short_label(plan.changes)
        if plan.effect == "restart":
            first = RunState.first(self.dataset, plan.model, plan.train, self.seed)
            self.timeline.switch_to(first, label)
            return plan.effect
        if plan.effect == "resized" and not self.model.is_finite:
            raise UserError("the weights are not finite, so the model can't be resized")
        before = self.state()
        self.trainer.edit(plan.train)
        if plan.model != self.model_settings:
            seed = seed_of_edit(self.seed, self.step, len(self.journal))
            self.resized = resize(self.trainer, plan.model, seed, label)
            self.model = self.trainer.model
        self.model_settings, self.train_settings = plan.model, plan.train
        self.dev_losses.is_outdated = not plan.model.model_kind.is_network
        self.journal.append(JournalEntry(self.step, plan.changes))
        self.timeline.record(label, before, after=before)
        return plan.effect

    def restore(self, state: RunState) -> None:
        """Go on from a state; `timeline.switch_to` does so and can be undone."""
        model, train = state.model_settings, state.train_settings
        self.model = make_model(model, state.dataset.vocabulary.size, None)
        version = state.dropout_version
        self.trainer = make_trainer(self.model, state.dataset, train, state.seed, version)
        # A state of format 1 lacks some of what a trainer needs.
        self.trainer.load_state_dict({**self.trainer.state_dict(), **state.trainer})
        is_same_run = self.run is state.run  # undoing an edit undoes no look at the test split
        self.test_peeks = max(state.test_peeks, self.test_peeks if is_same_run else 0)
        self.dataset, self.dropout_version, self.run = state.dataset, version, state.run
        self.init_version = state.init_version
        self.model_settings, self.train_settings = model, train
        self.first_settings, self.seed, self.step = state.first_settings, state.seed, state.step
        self.journal = list(state.journal)
        self.history, self.dev_losses = state.history.copy(), state.dev_losses.copy()
        self.mixed_losses = state.mixed_losses.copy()
        self.resized, self.diverged_at = state.resized, state.diverged_at
        self._last = state

    def evaluate(self, split: str = "dev", max_examples: int | None = None) -> Evaluation:
        """The loss of a split in nats a character: train, dev, test, all, or first-N.

        Of a network that is mixed with counts it is the loss of the mixture; `parts` has the
        others. The loss of the whole dev split is added to `dev_losses`, that of a mixture to
        `mixed_losses`; evaluating test is counted.

        max_examples: of a larger split, only about so many are evaluated.
        """
        found = self.mixing.evaluate(split, max_examples)
        self.test_peeks += split == "test"
        if split == "dev" and max_examples is None:
            self.mixing.record(self.step, found)
        return found

    def sample(self, n: int = 20, seed: int | None = None, **options: Any) -> list[results.Sample]:
        """n sampled names; without a seed, others at every call.

        options: temperature, top_k, prefix, limit and new_only, as for `core.sample`.
        """
        self._num_samplings += 1
        seed = self._num_samplings if seed is None else seed
        return sample(self.mixing.model(), self.dataset, n, seed, **options)

    def probe(self, text: str) -> results.Probe | results.Unavailable:
        """How likely the model finds each character of a text, and what it expects next."""
        vocabulary = self.dataset.vocabulary
        return probe(self.mixing.model(), vocabulary, text, vocabulary.size, self.mixing.last_dev)

    def trace(self, text: str, position: int | None = None, backward: bool = False) -> Trace:
        """One example of some words followed through the model, and with `backward` back again.

        text: a word, several with spaces between, or first-N for the first N items of the file.
        Raises UserError as `Tracer.trace` does.
        """
        tracer = Tracer(self.dataset, self.train_settings.train_on)
        return tracer.trace_of(self.trainer, text, position, backward, self.mixing.mixture())

    def bigrams(self) -> Tensor:
        """P(next | previous) of every pair of characters by id, as the model sees it.

        (V, V) float64. A model with a longer context is averaged over the training contexts.
        """
        model = self.mixing.model()
        analysis = BigramAnalysis(self.dataset, model.context, is_exact=True)
        return analysis.probabilities(model, torch.arange(self.dataset.vocabulary.size))

    def embedding_map(self) -> results.EmbeddingMap | results.Unavailable:
        """The characters as points of a plane, by their embeddings."""
        return EmbeddingMapper(self.dataset.vocabulary).draw(self.model)

    def baselines(self) -> tuple[results.Baseline, ...]:
        """The dev losses of models that only count, in nats."""
        return baseline_losses(self.dataset)

    def health(self) -> results.Health:
        """How the training is doing: activations, gradients and updates, with a diagnosis."""
        splits = self.train_settings.train_on, "dev"
        train, dev = (evaluate(self.model, self.dataset, split).loss for split in splits)
        last_edit = self.journal[-1].step if self.journal else 0
        begun = self.history, self.first_settings, last_edit
        return health(
            self.trainer, *begun, train, dev, self.baselines(), self.diverged_at is not None
        )

    def find_lr(self, **options: Any) -> results.RateSearch:
        """The learning rate at which the loss falls fastest, tried on copies of the model.

        options: low and high (rates), steps and seeds, as for `lr_finder.find_lr`. Raises UserError
        if the model has no learning rate, or its parameters are not finite.
        """
        return find_lr(self.trainer, **options)
