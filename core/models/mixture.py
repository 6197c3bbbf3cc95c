"""A network and counts, mixed."""

from copy import copy
from typing import Self

import torch
from torch import Tensor

from ..datasets.contexts import distinct_contexts
from ..settings import ModelSettings
from .factory import AnyModel, AnyNetwork
from .kneser_ney import KneserNey
from .model import Model


class Mixture(Model):
    """P = (1 - w) P(network) + w P(counts), as Bengio et al. 2003 mix a network with a trigram.

    It is what is predicted with; only the network is trained. Settings and tensors are those of the
    network.

    counts: by modified Kneser-Ney. weight: w, from 0 to 1.
    """

    def __init__(self, network: AnyNetwork, counts: KneserNey, weight: float):
        self.network = network
        self.counts = counts
        self.weight = weight
        self.settings: ModelSettings = network.settings
        self.tensors: dict[str, Tensor] = network.tensors
        self.vocabulary_size: int = network.vocabulary_size

    def __repr__(self) -> str:
        return f"Mixture({self.network!r}, {self.counts!r}, weight {self.weight:.3g})"

    @property
    def context(self) -> int:
        return max(self.network.context, self.counts.order - 1)

    @property
    def multiplications(self) -> int:
        return self.network.multiplications + self.counts.multiplications

    @property
    def clamped_orders(self) -> list[int]:
        return self.counts.clamped_orders

    def logits(self, contexts: Tensor) -> Tensor:
        """Contexts (B, T) to ln P (B, V), float64."""
        network = torch.log_softmax(self._network_logits(contexts).double(), 1)
        return mixed(network, self.counts.probabilities(contexts).log(), self.weight)

    def log_likelihoods(self, contexts: Tensor, rows: Tensor, targets: Tensor) -> Tensor:
        network = torch.log_softmax(self._network_logits(contexts), 1)[rows, targets].double()
        return mixed(network, self.counts.log_prob(contexts, targets, rows), self.weight)

    def copy(self) -> Self:
        return self.of(self.network.copy())

    def in_double_precision(self) -> Self:
        return self.of(self.network.in_double_precision())

    def of(self, network: AnyNetwork) -> Self:
        """The same mixture of another network."""
        other = copy(self)
        other.network, other.tensors = network, network.tensors
        return other

    def _network_logits(self, contexts: Tensor) -> Tensor:
        """The network's logits (B, V) of contexts (B, T), of which it may see only the ends."""
        own = contexts[:, -self.network.context :]
        if own.shape[1] == contexts.shape[1]:
            return self.network.logits(own)
        distinct, which = distinct_contexts(own, self.vocabulary_size)
        return self.network.logits(own[distinct])[which]


def unmixed(model: AnyModel | Mixture) -> AnyModel:
    """A model, or the network that a mixture has."""
    return model.network if isinstance(model, Mixture) else model


def mixed(network: Tensor, counts: Tensor, weight: float) -> Tensor:
    """ln((1 - w) p + w q) of ln p of a network and ln q of counts, elementwise, float64."""
    return (network.exp() * (1 - weight)).add_(counts.exp(), alpha=weight).log_()
