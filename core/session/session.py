"""A run that can be trained, edited, undone, looked at and saved: the program without a screen."""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..datasets.dataset import Dataset
from ..errors import UserError
from ..models.factory import make_model
from ..models.mlp import MLP
from ..models.neural_bigram import NeuralBigram
from ..models.ngram import NgramCounts
from ..models.resize import seed_of_edit
from ..results import Resizing
from ..run_spec import RunSpec
from ..runs import checkpoint
from ..runs.state import JournalEntry, RunState, copy_trainer_state, run_label
from ..settings import EditPlan, Effect, ModelSettings, TrainSettings, plan_edit, short_label
from ..text import shown
from ..training.history import DevLosses, LossHistory
from ..training.trainer import AnyTrainer, make_trainer
from .resizing import resize
from .undo import StashedRun, UndoStack, stashed_run

__all__ = ["JournalEntry", "Session"]


class Session:
    """A run that can be trained, changed between any two steps, undone, looked at and saved.

        session = Session(Dataset.load("names"), ModelSettings(hidden=100), seed=1)
        session.train(1000)
        session.edit(learning_rate=0.01)
        session.edit(hidden=200)
        session.evaluate("dev").loss
        session.undo()

    Initial weights and minibatches come from generators of the run's own, so evaluating and
    sampling never change the path of training. The same dataset, settings, seed and edits give the
    same weights bit for bit on the same build of torch with one thread, however the training is
    divided into calls.

    dataset: what the run is trained on.
    model, trainer: change with the settings.
    model_settings, train_settings: of the next step. first_settings: of step 0.
    seed: of the initial weights and the minibatches. step: how many steps have been taken.
    journal: the edits that led from the first settings to the present ones, oldest first.
    history: the minibatch losses. dev_losses: the losses of dev, where it was evaluated.
    resized: the newest change of the model's size.
    diverged: True when a parameter is not finite. diverged_at: the first step whose loss wasn't.
    dropout_version: how dropout masks are chosen, see `Dropout`.
    run: identifies the run: another object after a restart, the same again after its undo.
    undo_stack: the states that can be returned to. samplings: how often `sample` was called.
    """

    dataset: Dataset
    model: NgramCounts | NeuralBigram | MLP
    trainer: AnyTrainer
    model_settings: ModelSettings
    train_settings: TrainSettings
    first_settings: tuple[ModelSettings, TrainSettings]
    seed: int
    step: int
    journal: list[JournalEntry]
    history: LossHistory
    dev_losses: DevLosses
    resized: Resizing | None
    diverged: bool
    diverged_at: int | None
    dropout_version: int
    run: object
    undo_stack: UndoStack
    samplings: int = 0

    def __init__(
        self,
        dataset: Dataset,
        model: ModelSettings | None = None,
        train: TrainSettings | None = None,
        seed: int = 1,
    ):
        """A new run at step 0.

        Raises:
            UserError: the settings are too large for this dataset.
        """
        self.undo_stack = UndoStack()
        model, train = model or ModelSettings(), train or TrainSettings()
        self._restore(RunState.first(dataset, model, train, seed))

    @classmethod
    def from_state(cls, state: RunState) -> "Session":
        """A session that goes on from a state, with nothing to undo."""
        session = cls.__new__(cls)
        session.undo_stack = UndoStack()
        session._restore(state)
        return session

    @classmethod
    def from_spec(cls, spec: RunSpec) -> "Session":
        """A new run at step 0.

        Raises:
            UserError: its dataset can't be read, or its settings are too large for it.
        """
        dataset = Dataset.load(spec.dataset, spec.unique)
        return cls(dataset, spec.model, spec.train, spec.seed)

    @classmethod
    def load(cls, path: Path | str) -> "Session":
        """A saved run, which goes on bit for bit as if it had never been saved.

        Raises:
            UserError: there is no such run, it is damaged, its dataset has changed, or it was saved
                in format 1, without its optimizer.
        """
        return cls.from_state(checkpoint.read(path))

    def save(self, path: Path | str, report: dict[str, Any] | None = None) -> None:
        """Write the run to a new file; ".safetensors" is added to a path without it.

        report: figures to keep with it, such as its losses.

        Raises:
            UserError: the file exists or can't be written, or the parameters are not finite.
        """
        checkpoint.write(self.state(), checkpoint.check_new(Path(path)), report=report)

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
            resized=self.resized,
            diverged_at=self.diverged_at,
            is_finite=not self.diverged,
        )
        return self._last

    def train(self, steps: int) -> Tensor:
        """Take some steps; the minibatch loss of each, in nats: (steps,) float32.

        A table of counts takes fewer when every example has been counted.

        Raises:
            UserError: the run was saved in format 1, without its optimizer.
        """
        if not self._last.is_resumable:
            raise UserError("the run was saved without its optimizer's state, so it can't train on")
        losses = self.trainer.train(steps)
        self.step = self.trainer.step
        self.history.append(losses)
        self.diverged = not self.model.is_finite
        is_network = self.model_settings.model_kind.is_network  # counts may give a pair no chance
        if is_network and self.diverged_at is None and not math.isfinite(float(losses.sum())):
            finite = int(torch.isfinite(losses).long().cumprod(0).sum())
            self.diverged_at = self.step - len(losses) + finite
        return losses

    def plan(self, **changes: Any) -> EditPlan:
        """What changing settings by name would do to the run.

        Raises:
            UserError: a setting is unknown, or a value is not allowed.
        """
        return plan_edit(self.model_settings, self.train_settings, changes)

    def edit(self, plan: EditPlan | None = None, /, **changes: Any) -> Effect:
        """Change settings by name from the next step on, or carry out a plan for that.

        An MLP takes another context, embedding or hidden size in place. Any other change of the
        model starts a new run with the same seed. Returns what the change does to the run.

        Raises:
            UserError: a setting is unknown, or a value is not allowed; nothing has changed then.
        """
        plan = plan or self.plan(**changes)
        label = short_label(plan.changes)
        if plan.effect == "restart":
            first = RunState.first(self.dataset, plan.model, plan.train, self.seed)
            self.switch_to(first, label)
            return plan.effect
        if plan.effect == "resized" and self.diverged:
            raise UserError("the weights are not finite, so their number can't be changed")
        before = self.state()
        self.trainer.edit(plan.train)
        if plan.model != self.model_settings:
            seed = seed_of_edit(self.seed, self.step, len(self.journal))
            self.resized = resize(self.trainer, plan.model, seed, label)
            self.model = self.trainer.model
        self.model_settings, self.train_settings = plan.model, plan.train
        self.journal.append(JournalEntry(self.step, plan.changes))
        self.undo_stack.record(label, before, self.undo_stack.previous_runs, self.dataset)
        return plan.effect

    def restart(self, seed: int | None = None, dataset: Dataset | None = None) -> None:
        """Start a new run with the present settings, and the same seed and dataset or others.

        Raises:
            UserError: the settings are too large for the dataset; nothing has changed then.
        """
        label = "restart" if seed in (None, self.seed) else f"seed {seed}"
        label = label if dataset is None else f"data {shown(dataset.name)}"
        seed = self.seed if seed is None else seed
        settings = self.model_settings, self.train_settings
        self.switch_to(RunState.first(dataset or self.dataset, *settings, seed), label)

    def switch_to(self, state: RunState, label: str) -> None:
        """Go on with another run, which may be on other data.

        The present run becomes a previous run if it is on the same data and has taken a step;
        `undo` returns to it and its previous runs.

        label: what was done, for `can_undo`.
        """
        before = self.state()
        if _identity(state.dataset) == _identity(self.dataset):
            state = replace(state, dataset=self.dataset)
        self._restore(state)
        previous = (*self.undo_stack.previous_runs, *([before] if before.step else []))
        is_same_data = before.dataset is self.dataset
        self.undo_stack.record(label, before, previous if is_same_data else (), self.dataset)

    def return_to(self, index: int) -> None:
        """Go on with the previous run of that index; the present run takes its place.

        Raises:
            UserError: there is no such run.
        """
        runs, before = self.previous_runs, self.state()
        if not 0 <= index < len(runs):
            raise UserError(f"there is no previous run {index}; there are {len(runs)}, from 0 on")
        self._restore(runs[index].state)
        states = [run.state for run in runs]
        states[index : index + 1] = [before] if before.step else []
        self.undo_stack.record(f"return to {runs[index].name}", before, tuple(states), self.dataset)

    def undo(self) -> str:
        """Return to just before the last edit, restart or return, and say which it was.

        Everything is as it was then. A run that has diverged returns to the newest state with
        finite parameters, if there is one.

        Raises:
            UserError: there is nothing to undo.
        """
        if self.can_undo is None:
            raise UserError("there is nothing to undo")
        levels = self.undo_stack.levels_back(self.diverged)
        level = self.undo_stack.undo(self.state(), levels)
        self._restore(level.state)
        return level.label

    def redo(self) -> str:
        """Return to where `undo` was called, and say which edit that does again.

        Training in between doesn't matter; `undo` returns to here.

        Raises:
            UserError: nothing has been undone since the last edit.
        """
        if self.can_redo is None:
            raise UserError("there is nothing to redo")
        level = self.undo_stack.redo(self.state())
        self._restore(level.state)
        return level.label

    @property
    def can_undo(self) -> str | None:
        """What `undo` would take back, as a short label; None if there is nothing."""
        past = self.undo_stack.past
        return past[-self.undo_stack.levels_back(self.diverged)].label if past else None

    @property
    def can_redo(self) -> str | None:
        """What `redo` would do again, as a short label; None if there is nothing."""
        return self.undo_stack.future[-1].label if self.undo_stack.future else None

    @property
    def undo_levels(self) -> int:
        """How many states there are to undo to."""
        return len(self.undo_stack.past)

    @property
    def previous_runs(self) -> tuple[StashedRun, ...]:
        """The runs that another took the place of, at most eight, the newest last."""
        present = self.model_settings, self.train_settings, self.seed
        return tuple(stashed_run(state, *present) for state in self.undo_stack.previous_runs)

    # These functions of a session become methods of it.
    from .looks import baselines, bigrams, embedding_map, evaluate, find_lr, health, probe, sample

    def _restore(self, state: RunState) -> None:
        """Go on from a state."""
        model, train = state.model_settings, state.train_settings
        self.model = make_model(model, state.dataset.vocabulary.size, None, train.smoothing)
        version = state.dropout_version
        self.trainer = make_trainer(self.model, state.dataset, train, state.seed, version)
        # A state of format 1 lacks some of what a trainer needs.
        self.trainer.load_state_dict({**self.trainer.state_dict(), **state.trainer})
        self.dataset, self.dropout_version, self.run = state.dataset, version, state.run
        self.model_settings, self.train_settings = model, train
        self.first_settings, self.seed, self.step = state.first_settings, state.seed, state.step
        self.journal = list(state.journal)
        self.history, self.dev_losses = state.history.copy(), state.dev_losses.copy()
        self.resized, self.diverged_at = state.resized, state.diverged_at
        self.diverged = not state.is_finite
        self._last = state


def _identity(dataset: Dataset) -> tuple[Path, str, bool]:
    return dataset.path, dataset.fingerprint, dataset.unique
