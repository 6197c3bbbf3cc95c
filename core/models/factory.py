"""A new model of the kind that its settings name."""

import torch

from ..settings import ModelSettings
from .mlp import MLP
from .model import Layout
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


def parameter_layout(settings: ModelSettings, vocabulary_size: int) -> Layout:
    """How the parameters of a network are laid out, known without making one.

    settings: of a neural bigram or an MLP.
    """
    kind = NeuralBigram if settings.kind == "neural-bigram" else MLP
    return kind.layout_of(settings, vocabulary_size)
