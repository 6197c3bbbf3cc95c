"""The optimizers: what becomes of a gradient."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor


class SGD:
    """Plain gradient descent; weight decay is added to the gradient, as torch.optim.SGD does."""

    def __init__(self):
        self.moments: dict[str, Tensor] = {}

    def state_dict(self) -> dict[str, Tensor]:
        """It remembers nothing."""
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """There is nothing to load."""

    def update(self, parameters: Tensor, gradient: Tensor, rate: float, decay: float) -> None:
        """One step, in place."""
        if decay:
            gradient.add_(parameters, alpha=decay)
        parameters.add_(gradient, alpha=-rate)


class AdamW:
    """Adam with decoupled weight decay (Loshchilov & Hutter 2019), with torch.optim's defaults.

    The operation is the one that torch.optim.AdamW(fused=True) calls: 7 microseconds for 12,000
    parameters, where the formula in separate operations takes 25.
    """

    def __init__(self, parameters: Tensor):
        self.moments: dict[str, Tensor] = {
            name: torch.zeros_like(parameters) for name in ("mean", "square")
        }
        self.steps: Tensor = torch.zeros(())

    def state_dict(self) -> dict[str, Tensor]:
        """The moments, and how many steps they are of."""
        return {**self.moments, "steps": self.steps}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Copy the moments and the number of steps."""
        self.moments = {name: state[name].clone() for name in self.moments}
        self.steps = state["steps"].clone()

    def update(self, parameters: Tensor, gradient: Tensor, rate: float, decay: float) -> None:
        """One step, in place."""
        self.steps += 1
        torch._fused_adamw_(  # pyright: ignore[reportPrivateImportUsage]
            [parameters],
            [gradient],
            [self.moments["mean"]],
            [self.moments["square"]],
            [],
            [self.steps],
            lr=rate,
            beta1=0.9,
            beta2=0.999,
            weight_decay=decay,
            eps=1e-8,
            amsgrad=False,
            maximize=False,
        )
