"""One run from its first step on: dataset, model, trainer, journal. The program, no screen."""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from .archive import Archive, FormerRun, JournalEntry, RunState, beginning, copied
from .contexts import ContextTables, split_named
from .dataset import Dataset, gather_contexts
from .errors import UserError
from .evaluation import Evaluation, WordSurprise, evaluate, word_surprise
from .growth import resized, seed_of_edit, shrinks
from .history import DevLosses, LossHistory
from .messages import Mark, Resizing
from .models import MLP, make_model
from .plain_text import shown
from .sampling import Sample, sample
from .settings import Effect, ModelSettings, TrainSettings, changed, effect_of, short_label
from .trainer import GradientTrainer, make_trainer

__all__ = ["JournalEntry", "Session"]

_JUDGED_EXAMPLES = 1 << 10, 1 << 12  # least and most, by which is judged what a model can miss
_JUDGED_UNITS = 1 << 21  # about so many activations of hidden units, in between
_STEP_SECONDS = 1e-4  # that a step takes at the least, and, beyond that,
_MULTIPLICATION_SECONDS = 9e-11  # each of an example's multiplications
_LEAST_EXAMPLES = 1 << 11  # of dev, for the loss before and after a change of size
_MULTIPLICATIONS = 1 << 29  # that this loss may take, beyond the least examples


class Session:
    """A run that can be trained, changed between any two steps, looked at and saved.

    The minibatches and the initial weights come from generators of the session's own, so looking
    (evaluating, sampling) never changes the path of training, and the same dataset, settings, seed
    and edits give the same weights bit for bit on the same build of torch with one thread, however
    the training is divided into calls.

        session = Session(Dataset.load("names"), ModelSettings(hidden=100), seed=1)
        session.train(1000)
        session.edit(learning_rate=0.01)
        session.edit(hidden=200)
        session.evaluate("dev").loss
        session.undo()

    journal: the edits that led from the first settings to the present weights, oldest first.
    resized: the newest change of size among them.
    diverged_at: the step whose loss was the first that wasn't finite.
    """

    def __init__(
        self,
        dataset: Dataset,
        model: ModelSettings | None = None,
        train: TrainSettings | None = None,
        seed: int = 1,
    ):
        """A run at step 0.

        Raises:
            UserError: the settings can't be had with this dataset.
        """
        self.archive = Archive(dataset)
        self._looks = 0
        self._last: RunState | None = None  # put away or returned to; the next may share with it
        self.tables = ContextTables(dataset)
        self._begin(model or ModelSettings(), train or TrainSettings(), seed)

    @property
    def dataset(self) -> Dataset:
        """What it learns; `change_dataset`, and a way back from that, take another."""
        return self.tables.dataset

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
        weights = [t for t in self.model.tensors.values() if t.is_floating_point()]
        if all(math.isfinite(float(weight.sum())) for weight in weights):
            return False  # the usual case, told in a fraction of the time
        return not all(bool(torch.isfinite(weight).all()) for weight in weights)

    @property
    def marks(self) -> list[Mark]:
        """The journal in few signs, the edits of one step together, the newest last."""
        changes: dict[int, dict[str, Any]] = {}
        for entry in self.journal:
            changes.setdefault(entry.step, {}).update(entry.changes)
        return [Mark(step, short_label(of_step)) for step, of_step in changes.items()]

    @property
    def former_runs(self) -> tuple[FormerRun, ...]:
        """The runs that a restart or a return has put away, at most eight, the newest last."""
        present = self.model_settings, self.train_settings, self.seed
        return tuple(run.named(*present) for run in self.archive.former_runs)

    @property
    def can_undo(self) -> str | None:
        """What `undo` would take back, in few signs."""
        return self.archive.past[-self._levels_back].label if self.archive.past else None

    @property
    def can_redo(self) -> str | None:
        """What `redo` would do again, in few signs."""
        return self.archive.future[-1].label if self.archive.future else None

    def train(self, steps: int) -> Tensor:
        """Take some steps; the minibatch loss of each, in nats, (steps,) float32.

        A table of counts takes fewer when every example has been counted.
        """
        losses = self.trainer.train(steps)
        self.history.append(losses)
        is_network = isinstance(self.trainer, GradientTrainer)  # counts may give a pair no chance
        if is_network and self.diverged_at is None and not math.isfinite(float(losses.sum())):
            finite = int(torch.isfinite(losses).long().cumprod(0).sum())
            self.diverged_at = self.step - len(losses) + finite
        return losses

    def edit(self, **changes: Any) -> Effect:
        """Change settings by name from the next step on, and say what that does to the run.

        An MLP takes another context, embedding or hidden size in place. Any other change of the
        model begins a new run with the same seed.

        Raises:
            UserError: a setting is unknown, or a value is not allowed; nothing has changed then.
        """
        model, train = changed(self.model_settings, self.train_settings, changes)
        effect = effect_of(changes, self.model_settings.kind)
        if effect == "restart":
            self._start_anew(model, train, self.seed, short_label(changes))
            return effect
        if effect == "resized" and self.diverged:
            raise UserError("the weights are not finite, so their number can't be changed")
        before = self.state()
        self._go_on_with(model, train, changes)
        self.archive.add(short_label(changes), before)
        return effect

    def restart(self, seed: int | None = None) -> None:
        """Begin a new run with the settings as they are, and the same seed or another."""
        label = "restart" if seed in (None, self.seed) else f"seed {seed}"
        seed = self.seed if seed is None else seed
        self._start_anew(self.model_settings, self.train_settings, seed, label)

    def change_dataset(self, dataset: Dataset) -> None:
        """Begin a new run on other data, with the settings as they are and the same seed.

        Former runs stay with the data before, to which `undo` goes back.

        Raises:
            UserError: the settings can't be had with this dataset; nothing has changed then.
        """
        before, tables = self.state(), self.tables
        self.tables = ContextTables(dataset)
        try:
            self._begin(self.model_settings, self.train_settings, self.seed)
        except UserError:
            self.tables = tables
            raise
        self._put_away(before, f"data {shown(dataset.name)}")

    def undo(self) -> str:
        """Go back to just before the last edit, restart or return, and say which it was.

        The weights, optimizer, random numbers, step, journal and losses are those of then. From a
        run that has diverged it goes back to the newest state with finite weights, if there is one.

        Raises:
            UserError: there is nothing to undo.
        """
        label, state = self.can_undo, self.state()
        if label is None:
            raise UserError("there is nothing to undo")
        for _ in range(self._levels_back):
            state = self.archive.back(state)
        self._restore(state)
        return label

    def redo(self) -> str:
        """Return to where `undo` was called, and say which edit that does again.

        Training in between doesn't matter; `undo` takes it back to here.

        Raises:
            UserError: nothing has been undone since the last edit.
        """
        label = self.can_redo
        if label is None:
            raise UserError("there is nothing to redo")
        self._restore(self.archive.forth(self.state()))
        return label

    def return_to(self, index: int) -> None:
        """Go on with the former run of that index; the present run takes its place.

        Raises:
            UserError: there is no such run.
        """
        runs = list(self.former_runs)
        if not 0 <= index < len(runs):
            raise UserError(f"there is no former run {index}; there are {len(runs)}, from 0 on")
        present, chosen = self.state(), runs[index]
        self.archive.add(f"return to {chosen.name}", present)
        self._restore(chosen.state)
        runs = list(self.archive.former_runs)
        runs[index : index + 1] = [FormerRun(present, present.history)] if present.step else []
        self.archive.keep(tuple(runs))

    def go_on_with(self, other: "Session", label: str) -> None:
        """Go on with another session's run, which may be on other data; the present one becomes a
        former run where it is on the same.

        label: what `can_undo` says of it.
        """
        before, state = self.state(), other.state()
        same = (self.dataset.path, self.dataset.fingerprint)
        is_same_data = (other.dataset.path, other.dataset.fingerprint) == same
        if is_same_data:
            state = replace(state, dataset=self.dataset)
        else:
            self.tables = other.tables
        self._restore(state)
        self._put_away(before, label)

    def evaluate(self, split: str = "dev", most_examples: int | None = None) -> Evaluation:
        """The loss of a split: train, dev, test, all, or first-N.

        most_examples: of a larger split, only about so many are looked at.
        """
        evaluation = evaluate(self.model, self.tables, split, most_examples)
        if split == "dev" and most_examples is None:
            self.dev_losses.append(self.step, evaluation.loss)
        return evaluation

    def sample(self, n: int = 20, seed: int | None = None, **options: Any) -> list[Sample]:
        """n names; `options` as in `sampling.sample`; without a seed, others at every call."""
        self._looks += 1
        chosen = seed if seed is not None else self._looks
        generator = torch.Generator().manual_seed(chosen)
        return sample(self.model, self.dataset, n, generator, **options)

    def surprise(self, word: str) -> WordSurprise:
        """How likely the model holds each character of a word."""
        return word_surprise(self.model, self.dataset.vocabulary, word)

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

    def last_finite_state(self) -> RunState:
        """The newest whole state of this run with finite weights: now, or before an edit that is
        not undone, or the run's beginning."""
        if not self.diverged:
            return self.state()
        for level in reversed(self.archive.past):
            state = level.state
            is_whole = state.base is None and not state.is_first
            if state.run is self._run and state.is_finite and is_whole:
                return replace(state, diverged_at=self.diverged_at)
        first = beginning(self.state())
        _, trainer = self._made(*first.first_settings, first.seed)
        whole = copied(trainer.state_dict(), {})
        return replace(first, trainer=whole, diverged_at=self.diverged_at)

    def save(self, folder: Path | str, report: dict[str, Any] | None = None) -> None:
        """Write the run to a folder that does not exist yet (docs/run-format.md).

        report: figures to keep with it, such as its losses.

        Raises:
            UserError: the folder exists or can't be written, or the weights aren't finite.
        """
        from .runs import save_run

        save_run(self, Path(folder), report)

    @classmethod
    def load(cls, folder: Path | str) -> "Session":
        """A saved run, to go on with bit for bit as if it had never been put away.

        Raises:
            UserError: it is damaged, its dataset has changed, or it can't be resumed.
        """
        from .runs import load_session

        return load_session(Path(folder))

    def restore(self, state: RunState) -> None:
        """Go on from a state, of this dataset; there is nothing to undo or redo then."""
        self.archive = Archive(state.dataset)
        self._restore(state)

    def _begin(self, model: ModelSettings, train: TrainSettings, seed: int) -> None:
        self.model, self.trainer = self._made(model, train, seed)
        self.model_settings, self.train_settings, self.seed = model, train, seed
        self.first_settings = model, train
        self._run = object()
        self.journal: list[JournalEntry] = []
        self.history = LossHistory()
        self.dev_losses = DevLosses()
        self.resized: Resizing | None = None
        self.diverged_at: int | None = None

    def _made(self, model: ModelSettings, train: TrainSettings, seed: int, is_drawn: bool = True):
        """A model and its trainer; with the weights that such a run begins with, or zeros."""
        generator = torch.Generator().manual_seed(seed) if is_drawn else None
        new = make_model(model, self.dataset.vocabulary.size, generator, train.smoothing)
        return new, make_trainer(new, self.tables, train, seed)

    def _start_anew(
        self, model: ModelSettings, train: TrainSettings, seed: int, label: str
    ) -> None:
        """Begin a run and keep the one before, if it has taken a step."""
        before = self.state()
        self._begin(model, train, seed)
        self._put_away(before, label)

    def _put_away(self, before: RunState, label: str) -> None:
        """Keep the run that was before; as a former run, if it was on the same data."""
        self.archive.dataset = self.dataset
        self.archive.add(label, before)
        if before.dataset is not self.dataset:
            self.archive.keep(())
        elif before.step:
            former = FormerRun(before, before.history)
            self.archive.keep((*self.archive.former_runs, former))

    def _go_on_with(
        self, model: ModelSettings, train: TrainSettings, changes: dict[str, Any]
    ) -> None:
        """Train on with these settings, which differ by `changes`, none of which restarts."""
        self.trainer.edit(train)
        self.train_settings = train
        if model != self.model_settings:
            self._resize(model, changes)
        self.journal.append(JournalEntry(self.step, changes))

    def _resize(self, settings: ModelSettings, changes: dict[str, Any]) -> None:
        """Go on with a model of another size."""
        model, trainer = self.model, self.trainer
        assert isinstance(model, MLP)
        assert isinstance(trainer, GradientTrainer)
        loses = shrinks(self.model_settings, settings)
        most = max(_LEAST_EXAMPLES, _MULTIPLICATIONS // model.multiplications)
        before = evaluate(model, self.tables, "dev", most) if loses else None
        seed = seed_of_edit(self.seed, self.step, len(self.journal))
        generator = torch.Generator().manual_seed(seed)
        new, moments = resized(model, settings, trainer.moments, self._contexts(), generator)
        trainer.resize(new, moments)
        self.model, self.model_settings = new, settings
        self.resized = Resizing(self.step, short_label(changes))
        if before is not None:
            after = evaluate(new, self.tables, "dev", most)
            share = after.examples / after.of
            self.resized = replace(
                self.resized, before=before.loss, after=after.loss, dev_share=share
            )

    def _contexts(self) -> Tensor:
        """The contexts (N, T) of some training examples, evenly spaced."""
        split = split_named(self.dataset, self.train_settings.train_on)
        least, most = _JUDGED_EXAMPLES
        n = max(least, min(_JUDGED_UNITS // self.model_settings.hidden, most))
        n = min(n, split.examples)
        positions = torch.arange(n) * split.examples // n + 1
        return gather_contexts(split.tokens, positions, self.model.context)

    @property
    def _levels_back(self) -> int:
        """How many levels `undo` goes back: more than one where the weights aren't finite."""
        past = reversed(self.archive.past) if self.diverged else []
        return next((i for i, level in enumerate(past, 1) if level.state.is_finite), 1)

    @property
    def _step_seconds(self) -> float:
        """About how long a step takes."""
        split = split_named(self.dataset, self.train_settings.train_on)
        examples = self.train_settings.batch_size or split.examples
        return _STEP_SECONDS + _MULTIPLICATION_SECONDS * examples * self.model.multiplications

    def _restore(self, state: RunState) -> None:
        """Go on from a state."""
        whole = state.base or state
        if whole.dataset is not self.dataset:
            self.tables = ContextTables(whole.dataset)
        self.model, self.trainer = self._made(
            whole.model_settings, whole.train_settings, whole.seed
        )
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
            settings = changed(self.model_settings, self.train_settings, entry.changes)
            self._go_on_with(*settings, entry.changes)
        self.train(state.step - self.step)
