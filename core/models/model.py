"""What every model can do, and what the two networks share."""

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from copy import copy, deepcopy
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import torch
from torch import Tensor

from ..settings import ModelSettings


class Model(ABC):
    """A model: contexts in, a distribution of the next character out.

    settings: its kind and size. vocabulary_size: V, the boundary counted. tensors: what it has
    learnt, by name.
    """

    settings: ModelSettings
    vocabulary_size: int
    tensors: dict[str, Tensor]

    def __repr__(self) -> str:
        kind, sizes = self.settings.model_kind, vars(self.settings)
        parts = [f"{size} {sizes[size]:,}" for size in kind.sizes]
        name = "counts" if not kind.is_network else "parameters"
        return f"{type(self).__name__}({', '.join([*parts, f'{self.num_parameters:,} {name}'])})"

    @property
    def context(self) -> int:
        """T, how many characters of context it takes: at least one, even for unigram counts."""
        return max(1, self.settings.context_length)

    @property
    def num_parameters(self) -> int:
        return sum(tensor.numel() for tensor in self.tensors.values())

    @property
    def is_finite(self) -> bool:
        return all(map(_is_finite, self.tensors.values()))

    @property
    def multiplications(self) -> int:
        """About how many multiplications the logits of one context take."""
        return 10 * self.vocabulary_size

    @property
    def clamped_orders(self) -> list[int]:
        """Of Kneser-Ney, the orders with a discount that could not be estimated."""
        return []

    @abstractmethod
    def logits(self, contexts: Tensor) -> Tensor:
        """Contexts (B, T) int64 to logits (B, V); their softmax is P(next character)."""

    def log_likelihoods(self, contexts: Tensor, rows: Tensor, targets: Tensor) -> Tensor:
        """ln P of targets (P,) after the contexts, of some (M, T), in the rows (P,): (P,)."""
        return torch.log_softmax(self.logits(contexts), 1)[rows, targets]

    def hidden_activations(self, contexts: Tensor) -> Tensor | None:
        """Contexts (B, T) to the hidden layer's activations (B, H); None without such a layer."""
        return None

    def copy(self) -> Self:
        """The same model with tensors of its own."""
        return deepcopy(self)

    def in_double_precision(self) -> Self:
        """The same model with logits in float64, which hardly depend on what is computed beside."""
        return self


@dataclass(frozen=True)
class Layout:
    """Where a network's parameters are in one vector: one after the other, by name.

    shapes: of each parameter, in order. transposed: those stored column by column, which is faster
    for matrices with few columns (`training/gradients.py` says why).
    """

    shapes: dict[str, tuple[int, ...]]
    transposed: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """The length of the vector."""
        return sum(math.prod(shape) for shape in self.shapes.values())

    def views(self, flat: Tensor) -> dict[str, Tensor]:
        """A vector (size,) cut into views of the parameters' names and shapes."""
        parts = flat.split([math.prod(shape) for shape in self.shapes.values()])
        return {
            name: part.view(shape[::-1]).T if name in self.transposed else part.view(shape)
            for part, (name, shape) in zip(parts, self.shapes.items(), strict=True)
        }


def _is_finite(numbers: Tensor) -> bool:
    # A finite sum is the usual case, and a fast check.
    return math.isfinite(float(numbers.sum())) or bool(torch.isfinite(numbers).all())


INIT_VERSION = 2  # of how the initial parameters of new runs are drawn


class Network(Model):
    """A model trained by gradient descent, whose parameters are one vector, `flat`.

    `tensors` are views into it by name, as `layout` says, so that an optimizer's step is a few
    operations on one vector whatever the model.
    """

    # True if weight decay is the lecture's decay * mean(W**2) in the loss, not the optimizer's.
    decays_in_loss: ClassVar[bool] = False

    def __init__(self, settings: ModelSettings, vocabulary_size: int):
        """A network whose parameters are zero."""
        self.settings = settings
        self.vocabulary_size = vocabulary_size
        self.layout: Layout = self.layout_of(settings, vocabulary_size)
        self.flat: Tensor = torch.zeros(self.layout.size)
        self.tensors: dict[str, Tensor] = self.views(self.flat)

    @property
    def is_finite(self) -> bool:
        return _is_finite(self.flat)

    @staticmethod
    @abstractmethod
    def layout_of(settings: ModelSettings, vocabulary_size: int) -> Layout:
        """How the parameters are laid out, known without making a network."""

    def views(self, flat: Tensor) -> dict[str, Tensor]:
        """A vector (num_parameters,) cut into views of the parameters' names and shapes."""
        return self.layout.views(flat)

    def copy(self) -> Self:
        other = copy(self)
        other.flat = self.flat.clone()
        other.tensors = other.views(other.flat)
        return other

    def in_double_precision(self) -> Self:
        return copy(self).to(torch.float64)

    def state_dict(self) -> dict[str, Tensor]:
        """The tensors by name, not copied."""
        return dict(self.tensors)

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Copy tensors of the same names and shapes into this model."""
        for name, tensor in self.tensors.items():
            tensor.copy_(state[name])

    def to(self, dtype: torch.dtype) -> Self:
        """This network, its parameters converted to another precision."""
        self.flat = self.flat.to(dtype)
        self.tensors = self.views(self.flat)
        return self
