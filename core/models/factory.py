"""A new model of the kind that its settings name."""

from torch import Generator

from ..settings import ModelSettings
from .mlp import MLP
from .model import INIT_VERSION, Layout
from .neural_bigram import NeuralBigram
from .ngram import NgramCounts

AnyNetwork = NeuralBigram | MLP
AnyModel = NgramCounts | AnyNetwork
_NETWORKS = {"mlp": MLP, "neural-bigram": NeuralBigram}


def make_model(
    settings: ModelSettings, V: int, generator: Generator | None, init_version: int = INIT_VERSION
) -> AnyModel:
    """A new model of the settings' kind.

    V: the vocabulary's size. generator: what a network's parameters are drawn from; None for zeros.
    init_version: how parameters are drawn, see `MLP`.
    """
    if settings.kind in _NETWORKS:
        return _NETWORKS[settings.kind](settings, V, generator, init_version)
    return NgramCounts(settings, V)


def parameter_layout(settings: ModelSettings, vocabulary_size: int) -> Layout:
    """How the parameters of a neural bigram or an MLP are laid out, known without making one."""
    return _NETWORKS[settings.kind].layout_of(settings, vocabulary_size)
