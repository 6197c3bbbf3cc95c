"""A new model of the kind that its settings name."""

import torch

from ..settings import ModelSettings
from .mlp import MLP
from .model import Layout
from .neural_bigram import NeuralBigram
from .ngram import NgramCounts

AnyModel = NgramCounts | NeuralBigram | MLP
_NETWORKS = {"mlp": MLP, "neural-bigram": NeuralBigram}


def make_model(
    settings: ModelSettings,
    vocabulary_size: int,
    generator: torch.Generator | None,
    smoothing: float = 1.0,
) -> AnyModel:
    """A new model of the settings' kind.

    generator: what a network's parameters are drawn from; without one they are zero.
    smoothing: what a table of counts adds to every count.

    Raises:
        UserError: a table of counts would be too large.
    """
    if settings.kind in _NETWORKS:
        return _NETWORKS[settings.kind](settings, vocabulary_size, generator)
    return NgramCounts(settings, vocabulary_size, smoothing)


def parameter_layout(settings: ModelSettings, vocabulary_size: int) -> Layout:
    """How the parameters of a network are laid out, known without making one.

    settings: of a neural bigram or an MLP.
    """
    return _NETWORKS[settings.kind].layout_of(settings, vocabulary_size)
