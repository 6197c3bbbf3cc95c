"""A new model of the kind that its settings name."""

import torch

from ..settings import ModelSettings
from .mlp import MLP
from .neural_bigram import NeuralBigram
from .ngram import NgramCounts


def make_model(
    settings: ModelSettings,
    vocabulary_size: int,
    generator: torch.Generator | None,
    smoothing: float = 1.0,
) -> NgramCounts | NeuralBigram | MLP:
    """A new model of the settings' kind; without a generator its parameters are zero.

    Raises:
        UserError: a table of counts would be too large.
    """
    if settings.kind == "ngram":
        return NgramCounts(settings, vocabulary_size, smoothing)
    kind = NeuralBigram if settings.kind == "neural-bigram" else MLP
    return kind(settings, vocabulary_size, generator)
