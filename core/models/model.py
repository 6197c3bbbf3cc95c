"""What every model can do, and what the two networks share."""

import math
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


class Network:
    """A model whose parameters lie behind one another in one vector, `flat`.

    `tensors` are views into it by name, so that an optimizer's step is a few operations on one
    vector whatever the model. Those named in `transposed` lie there column by column, which is
    faster for matrices with few columns (`step.py` says why).
    """

    def __init__(
        self,
        settings: ModelSettings,
        vocabulary_size: int,
        shapes: dict[str, tuple[int, ...]],
        transposed: tuple[str, ...] = (),
    ):
        self.settings = settings
        self.vocabulary_size = vocabulary_size
        self.shapes = shapes
        self.transposed = transposed
        self.flat: Tensor = torch.zeros(sum(math.prod(shape) for shape in shapes.values()))
        self._tensors = self.views(self.flat)

    @property
    def tensors(self) -> dict[str, Tensor]:
        return self._tensors

    @property
    def parameters(self) -> int:
        return self.flat.numel()

    def views(self, flat: Tensor) -> dict[str, Tensor]:
        """A vector as long as `flat`, cut into tensors of the parameters' names and shapes."""
        sizes = [math.prod(shape) for shape in self.shapes.values()]
        parts = flat.split(sizes)
        return {
            name: part.view(shape[::-1]).T if name in self.transposed else part.view(shape)
            for part, (name, shape) in zip(parts, self.shapes.items(), strict=True)
        }

    def to_double(self) -> None:
        """Change the parameters to float64."""
        self.flat = self.flat.double()
        self._tensors = self.views(self.flat)
