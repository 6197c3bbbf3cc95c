"""What can be read off a session without changing its training. `Session` has these as methods."""

from collections.abc import Sequence
from typing import Any, Protocol

import torch
from torch import Tensor

from ..analysis import embedding, evaluation, lr_finder, sampling
from ..analysis import health as health_check
from ..analysis import probe as probing
from ..analysis.baselines import baseline_losses
from ..analysis.bigrams import BigramAnalysis
from ..analysis.evaluation import Evaluation
from ..results import Baseline, EmbeddingMap, Health, Probe, RateSearch, Sample, Unavailable
from ..runs.state import JournalEntry
from ..settings import ModelSettings, TrainSettings
from ..training.history import DevLosses, LossHistory
from ..training.trainer import AnyTrainer


class Run(Protocol):
    """What is read of a session; see `Session` for what the attributes are."""

    samplings: int
    first_settings: tuple[ModelSettings, TrainSettings]
    history: LossHistory
    dev_losses: DevLosses

    @property
    def trainer(self) -> AnyTrainer: ...
    @property
    def journal(self) -> Sequence[JournalEntry]: ...


def evaluate(session: Run, split: str = "dev", max_examples: int | None = None) -> Evaluation:
    """The loss of a split in nats a character: train, dev, test, all, or first-N.

    The loss of the whole dev split is added to `session.dev_losses`.

    max_examples: of a larger split, only about so many are evaluated.
    """
    found = evaluation.evaluate(session.trainer.model, session.trainer.dataset, split, max_examples)
    if split == "dev" and max_examples is None:
        session.dev_losses.append(session.trainer.step, found.loss)
    return found


def sample(session: Run, n: int = 20, seed: int | None = None, **options: Any) -> list[Sample]:
    """n sampled names; without a seed, others at every call.

    options: temperature, prefix, limit and new_only, as in `sampling.sample`.
    """
    session.samplings += 1
    generator = torch.Generator().manual_seed(session.samplings if seed is None else seed)
    return sampling.sample(session.trainer.model, session.trainer.dataset, n, generator, **options)


def probe(session: Run, text: str) -> Probe | Unavailable:
    """How likely the model finds each character of a text, and what it expects next."""
    model, vocabulary = session.trainer.model, session.trainer.dataset.vocabulary
    return probing.probe(model, vocabulary, text, vocabulary.size, session.dev_losses.last)


def bigrams(session: Run) -> Tensor:
    """P(next | previous) of every pair of characters by id, as the model sees it: (V, V) float64.

    A model with a longer context is averaged over the training contexts.
    """
    model, dataset = session.trainer.model, session.trainer.dataset
    analysis = BigramAnalysis(dataset, model.context, is_exact=True)
    return analysis.probabilities(model, torch.arange(dataset.vocabulary.size))


def embedding_map(session: Run) -> EmbeddingMap | Unavailable:
    """The characters as points of a plane, by their embeddings."""
    return embedding.embedding_map(session.trainer.model, session.trainer.dataset.vocabulary)


def baselines(session: Run) -> tuple[Baseline, ...]:
    """The dev losses of models that only count, in nats."""
    return baseline_losses(session.trainer.dataset)


def health(session: Run) -> Health:
    """How the training is doing: activations, gradients and updates, with a diagnosis."""
    train, dev = (
        evaluation.evaluate(session.trainer.model, session.trainer.dataset, split).loss
        for split in (session.trainer.settings.train_on, "dev")
    )
    last_edit = session.journal[-1].step if session.journal else 0
    begun = session.history, session.first_settings, last_edit
    return health_check.health(session.trainer, *begun, train, dev, baselines(session))


def find_lr(session: Run, **options: Any) -> RateSearch:
    """The learning rate at which the loss falls fastest, tried on copies of the model.

    options: low and high (rates), steps and seeds, as in `lr_finder.find_lr`.

    Raises:
        UserError: the model has no learning rate, or its parameters are not finite.
    """
    return lr_finder.find_lr(session.trainer, **options)
