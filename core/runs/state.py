"""RunState: all that a run is between two steps."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from ..datasets.dataset import Dataset
from ..models.factory import make_model
from ..models.model import INIT_VERSION
from ..results import Mark, Resizing
from ..settings import ModelSettings, TrainSettings, changed, check_seed, short_label
from ..training import dropout
from ..training.history import DevLosses, LossHistory
from ..training.trainer import make_trainer
from .record import JournalEntry, best_dev

_MIXED = ("mix", "mix_order")  # settings of what is predicted, whatever was trained


@dataclass(frozen=True, eq=False, repr=False)
class RunState:
    """All that a run is between two steps: what is saved, undone, replayed and opened.

    It is immutable: nobody writes to its tensors and losses, so states share them.

    dataset: what the run is trained on.
    model_settings, train_settings: of the next step. first_settings: of step 0.
    seed: of the initial weights and the minibatches.
    journal: the edits that led from the first settings to the present ones, oldest first.
    trainer: the trainer's state dict: step, parameters or number counted, optimizer, random state.
    history: the minibatch losses. dev_losses: the losses of the dev split, where it was evaluated;
    mixed_losses: those of the network mixed with counts, where it was.
    resized: the newest change of the model's size. diverged_at: the first step whose loss had
    exploded or was not finite. is_finite: True when all parameters are.
    dropout_version: how dropout masks are chosen, see `Dropout`. init_version: how the initial
    parameters were drawn, see `MLP`.
    is_resumable: False for a run saved in format 1, which lacks optimizer and random state: its
    model can be evaluated and sampled from, but not trained.
    run: identifies the run; the same object in all its states.
    test_peeks: how often the test split was evaluated.
    """

    dataset: Dataset
    model_settings: ModelSettings
    train_settings: TrainSettings
    first_settings: tuple[ModelSettings, TrainSettings]
    seed: int
    trainer: Mapping[str, Any]
    journal: tuple[JournalEntry, ...] = ()
    history: LossHistory = field(default_factory=LossHistory)
    dev_losses: DevLosses = field(default_factory=DevLosses)
    mixed_losses: DevLosses = field(default_factory=DevLosses)
    resized: Resizing | None = None
    diverged_at: int | None = None
    is_finite: bool = True
    dropout_version: int = dropout.VERSION
    init_version: int = INIT_VERSION
    is_resumable: bool = True
    run: object = field(default_factory=object)
    test_peeks: int = 0

    @classmethod
    def first(
        cls,
        dataset: Dataset,
        model: ModelSettings,
        train: TrainSettings,
        seed: int,
        init_version: int = INIT_VERSION,
    ) -> "RunState":
        """The state of a new run at step 0. Raises UserError if the settings are too large for this
        dataset, or the seed is not one of 64 bits."""
        check_seed(seed)
        generator, V = torch.Generator().manual_seed(seed), dataset.vocabulary.size
        new = make_model(model, V, generator, init_version)
        trainer = make_trainer(new, dataset, train, seed).state_dict()
        first = (model, train)
        return cls(dataset, *first, first, seed, trainer, init_version=init_version)

    def beginning(self) -> "RunState":
        """The state of the same run at step 0, made anew from its seed."""
        version = self.init_version
        first = RunState.first(self.dataset, *self.first_settings, self.seed, version)
        return replace(first, run=self.run, dropout_version=self.dropout_version)

    def forked(self) -> "RunState":
        """The state of a run of its own that goes on as this one would."""
        return replace(self, run=object())

    def __repr__(self) -> str:
        return f"RunState({run_label(self.model_settings, self.step, self.dev_losses.last)})"

    @property
    def step(self) -> int:
        """How many steps have been taken."""
        return self.trainer["step"]

    @property
    def best_dev(self) -> float | None:
        """The lowest dev loss of what the run predicts with, in nats, of counts the newest; None
        without any, or if that of counts is of before an edit."""
        if self.dev_losses.is_outdated:
            return None
        settings = self.model_settings, self.train_settings
        return best_dev(*settings, self.dev_losses, self.mixed_losses)

    @cached_property
    def trained_settings(self) -> tuple[ModelSettings, TrainSettings]:
        """The settings that the run is known by: of a network those of its last step and what is
        predicted by now, without later edits; of counts, or before the first step, the present."""
        settings = self.model_settings, self.train_settings
        is_network = self.model_settings.model_kind.is_network
        if not is_network or not self.step or not any(e.step == self.step for e in self.journal):
            return settings
        settings = self.first_settings
        for entry in self.journal:
            if entry.step < self.step:
                settings = changed(*settings, entry.changes)
        return changed(*settings, {name: getattr(self.train_settings, name) for name in _MIXED})

    @property
    def tensors(self) -> Iterator[Tensor]:
        """All tensors that the state holds."""
        yield from (value for value in self.trainer.values() if isinstance(value, Tensor))
        yield from (self.history.filled, self.history.rest)


def run_label(model: ModelSettings, step: int, dev: float | None) -> str:
    """A run in a few words, such as "mlp 3-10-200, step 5,000, dev 2.171"; dev in nats."""
    sizes = "-".join(str(getattr(model, name)) for name in model.model_kind.sizes)
    loss = "" if dev is None else f", dev {dev:.3f}"
    return f"{model.kind} {sizes}".rstrip() + f", step {step:,}{loss}"


def journal_marks(journal: Sequence[JournalEntry]) -> list[Mark]:
    """The edits of a journal as short labels, one for each step at which there were some."""
    changes: dict[int, dict[str, Any]] = {}
    for entry in journal:
        changes.setdefault(entry.step, {}).update(entry.changes)
    return [Mark(step, short_label(of_step)) for step, of_step in changes.items()]


def copy_trainer_state(state: Mapping[str, Any], earlier: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of a trainer's state dict; tensors equal to those of an earlier copy are shared."""
    copies = dict(state)
    for name, value in state.items():
        if isinstance(value, Tensor):
            one: Any = earlier.get(name)
            is_like = isinstance(one, Tensor) and one.dtype == value.dtype
            copies[name] = one if is_like and torch.equal(one, value) else value.clone()
    return copies
