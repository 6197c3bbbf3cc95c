"""One run from its first step on: dataset, model, trainer, journal. The program, no screen."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from .contexts import ContextTables
from .dataset import Dataset
from .evaluation import Evaluation, WordSurprise, evaluate, word_surprise
from .history import LossHistory
from .models import make_model
from .sampling import Sample, sample
from .settings import Effect, ModelSettings, TrainSettings, changed, effect_of
from .trainer import make_trainer


@dataclass(frozen=True)
class JournalEntry:
    """A change of settings, and the number of steps taken before it."""

    step: int
    changes: dict[str, Any]


class Session:
    """A run that can be trained, changed between any two steps, looked at and saved.

    The minibatches and the initial weights come from generators of the session's own, so looking
    (evaluating, sampling) never changes the path of training, and the same dataset, settings, seed
    and edits give the same weights bit for bit on the same build of torch with one thread, however
    the training is divided into calls.

        session = Session(Dataset.load("names"), ModelSettings(hidden=100), seed=1)
        session.train(1000)
        session.edit(learning_rate=0.01)
        session.evaluate("dev").loss
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
        self.dataset = dataset
        self.tables = ContextTables(dataset)
        self._looks = 0
        self._begin(model or ModelSettings(), train or TrainSettings(), seed)

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
        return not all(bool(torch.isfinite(weight).all()) for weight in weights)

    def train(self, steps: int) -> Tensor:
        """Take some steps; the minibatch loss of each, in nats, (steps,) float32.

        A table of counts takes fewer when every example has been counted.
        """
        losses = self.trainer.train(steps)
        self.history.append(losses)
        return losses

    def edit(self, **changes: Any) -> Effect:
        """Change settings by name from the next step on, and say what that does to the run.

        A change of the model begins a new run with the same seed.

        Raises:
            UserError: a setting is unknown, or a value is not allowed; nothing has changed then.
        """
        model, train = changed(self.model_settings, self.train_settings, changes)
        effect = effect_of(changes)
        if effect == "restart":
            self._begin(model, train, self.seed)
        else:
            self.trainer.edit(train)
            self.train_settings = train
            self.journal.append(JournalEntry(self.step, changes))
        return effect

    def restart(self, seed: int | None = None) -> None:
        """Begin a new run with the settings as they are, and the same seed or another."""
        self._begin(self.model_settings, self.train_settings, self.seed if seed is None else seed)

    def evaluate(self, split: str = "dev", most_examples: int | None = None) -> Evaluation:
        """The loss of a split: train, dev, test, all, or first-N.

        most_examples: of a larger split, only about so many are looked at.
        """
        return evaluate(self.model, self.tables, split, most_examples)

    def sample(self, n: int = 20, seed: int | None = None, **options: Any) -> list[Sample]:
        """n names; `options` as in `sampling.sample`; without a seed, others at every call."""
        self._looks += 1
        chosen = seed if seed is not None else self._looks
        generator = torch.Generator().manual_seed(chosen)
        return sample(self.model, self.dataset, n, generator, **options)

    def surprise(self, word: str) -> WordSurprise:
        """How likely the model holds each character of a word."""
        return word_surprise(self.model, self.dataset.vocabulary, word)

    def save(self, folder: Path | str, report: dict[str, Any] | None = None) -> None:
        """Write the run to a folder that does not exist yet: run.json and weights.safetensors.

        report: figures to keep with it, such as its losses.
        """
        from .runs import save_run

        save_run(self, Path(folder), report or {})

    def _begin(self, model: ModelSettings, train: TrainSettings, seed: int) -> None:
        generator = torch.Generator().manual_seed(seed)
        new = make_model(model, self.dataset.vocabulary.size, generator, train.smoothing)
        trainer = make_trainer(new, self.tables, train, seed)
        self.model, self.trainer = new, trainer
        self.model_settings, self.train_settings, self.seed = model, train, seed
        self.first_settings = model, train
        self.journal: list[JournalEntry] = []
        self.history = LossHistory()
