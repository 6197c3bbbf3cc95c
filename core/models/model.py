"""What every model can do, and what the two networks share."""

import math
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from ..settings import ModelSettings


class Model(Protocol):
    """What every model can do."""

    settings: ModelSettings
    vocabulary_size: int

    @property
    def context(self) -> int:
        """How many characters back it looks."""
        ...

    @property
    def tensors(self) -> dict[str, Tensor]:
        """What it has learnt, by name."""
        ...

    @property
    def parameters(self) -> int:
        """How many numbers it learns."""
        ...

    @property
    def multiplications(self) -> int:
        """About how many multiplications the logits of one context take."""
        ...

    def logits(self, contexts: Tensor) -> Tensor:
        """Contexts (B, T) int64 to logits (B, V), whose softmax is the next character's."""
        ...

    def copy(self) -> "Model":
        """The same model with tensors of its own."""
        ...


@dataclass(frozen=True)
class Layout:
    """Where a network's parameters are in one vector: behind one another, by name.

    shapes: of each parameter, in order. transposed: those stored column by column, which is faster
    for matrices with few columns (`gradients.py` says why).
    """

    shapes: dict[str, tuple[int, ...]]
    transposed: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """The length of the vector."""
        return sum(math.prod(shape) for shape in self.shapes.values())

    def views(self, flat: Tensor) -> dict[str, Tensor]:
        """Views of a vector (size,): tensors of the parameters' names and shapes."""
        parts = flat.split([math.prod(shape) for shape in self.shapes.values()])
        return {
            name: part.view(shape[::-1]).T if name in self.transposed else part.view(shape)
            for part, (name, shape) in zip(parts, self.shapes.items(), strict=True)
        }


class Network:
    """A model whose parameters are one vector, `flat`, laid out as its `layout` says.

    `tensors` are views into it by name, so that an optimizer's step is a few operations on one
    vector whatever the model.
    """

    def __init__(self, settings: ModelSettings, vocabulary_size: int, layout: Layout):
        self.settings = settings
        self.vocabulary_size = vocabulary_size
        self.layout = layout
        self.flat: Tensor = torch.zeros(layout.size)
        self._tensors = self.views(self.flat)

    @property
    def tensors(self) -> dict[str, Tensor]:
        return self._tensors

    @property
    def parameters(self) -> int:
        return self.flat.numel()

    def views(self, flat: Tensor) -> dict[str, Tensor]:
        """A vector as long as `flat`, cut into tensors of the parameters' names and shapes."""
        return self.layout.views(flat)

    def to_double(self) -> None:
        """Change the parameters to float64."""
        self.flat = self.flat.double()
        self._tensors = self.views(self.flat)
