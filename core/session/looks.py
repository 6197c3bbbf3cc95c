"""What can be read off a session without changing its training. `Session` has these as methods."""

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from ..analysis import baselines as _baselines
from ..analysis import evaluation, sampling
from ..analysis import probe as _probe
from ..analysis.bigrams import BigramInsight
from ..analysis.embedding import EmbeddingMapper
from ..analysis.evaluation import Evaluation
from ..analysis.sampling import Sample
from ..results import Baseline, EmbeddingMap, Health, Probe, RateSearch, Unavailable

if TYPE_CHECKING:
    from .session import Session


def evaluate(
    session: "Session", split: str = "dev", most_examples: int | None = None
) -> Evaluation:
    """The loss of a split in nats a character: train, dev, test, all, or first-N.

    The loss of the whole dev split is added to `session.dev_losses`.

    most_examples: of a larger split, only about so many are looked at.
    """
    found = evaluation.evaluate(session.model, session.tables, split, most_examples)
    if split == "dev" and most_examples is None:
        session.dev_losses.append(session.step, found.loss)
    return found


def sample(
    session: "Session", n: int = 20, seed: int | None = None, **options: Any
) -> list[Sample]:
    """n sampled names; without a seed, others at every call.

    options: temperature, prefix, limit and new_only, as in `sampling.sample`.
    """
    session.samplings += 1
    generator = torch.Generator().manual_seed(session.samplings if seed is None else seed)
    return sampling.sample(session.model, session.dataset, n, generator, **options)


def probe(session: "Session", text: str) -> Probe | Unavailable:
    """How likely the model finds each character of a text, and what it expects next."""
    vocabulary = session.dataset.vocabulary
    return _probe.probe(session.model, vocabulary, text, vocabulary.size, session.dev_losses.last)


def bigrams(session: "Session") -> Tensor:
    """P(next | previous) of every pair of characters by id, as the model sees it: (V, V) float64.

    A model with a longer context is averaged over the training contexts.
    """
    table = BigramInsight(session.dataset, session.model.context)
    return table.probabilities(session.model, torch.arange(session.dataset.vocabulary.size))


def embedding_map(session: "Session") -> EmbeddingMap | Unavailable:
    """The characters as points of a plane, by their embeddings."""
    return EmbeddingMapper(session.dataset.vocabulary).draw(session.model)


def baselines(session: "Session") -> tuple[Baseline, ...]:
    """The dev losses of models that only count, in nats."""
    return _baselines.baseline_losses(session.dataset)


def health(session: "Session") -> Health:
    """How the training fares: activations, gradients and updates, with a diagnosis."""
    from ..analysis.health import HealthCheck

    train, dev = (
        evaluation.evaluate(session.model, session.tables, split).loss
        for split in (session.train_settings.train_on, "dev")
    )
    return HealthCheck().look(session, train, dev, baselines(session))


def find_lr(session: "Session", **options: Any) -> RateSearch:
    """The learning rates at which the loss falls fastest and turns, tried on copies of the model.

    options: low and high (rates), steps and seeds, as in `LearningRateFinder`.

    Raises:
        UserError: the model has no learning rate, or its parameters are not finite.
    """
    from ..analysis.lr_finder import LearningRateFinder

    finder = LearningRateFinder(session, **options)
    while finder.advance():
        pass
    return finder.result()
