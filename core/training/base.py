"""What every trainer can do."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor

from ..datasets.dataset import Dataset
from ..errors import UserError
from ..models.model import Model
from ..settings import ModelSettings, TrainSettings
from .batches import Batches

ModelT = TypeVar("ModelT", bound=Model)


class Trainer(ABC, Generic[ModelT]):
    """Trains a model on a dataset.

    step: how many steps have been taken. settings: those of the next step; `edit` changes them.
    seed: of the minibatches and dropout masks; a run's first weights are drawn from it as well.
    """

    model: ModelT
    dataset: Dataset
    settings: TrainSettings
    step: int = 0
    seed: int = 0

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.model!r}, step {self.step:,})"

    @property
    def finished(self) -> bool:
        """True if no step is left to take; training by gradient descent never finishes."""
        return False

    @property
    def num_counted(self) -> int:
        """How many examples have been counted; 0 for a network."""
        return 0

    @property
    def last_gradient(self) -> Tensor | None:
        """The gradient of the newest step's batch, weight decay included: (num_parameters,).

        It is overwritten by the next step. None before this trainer's first step with a model of
        this size, and for a model without gradients.
        """
        return None

    @property
    def moments(self) -> dict[str, Tensor]:
        """The optimizer's moments by name, (num_parameters,) each; empty without any."""
        return {}

    @abstractmethod
    def train(self, steps: int) -> Tensor:
        """Take some steps and return the loss of each one's batch in nats, float32."""

    @abstractmethod
    def edit(self, settings: TrainSettings) -> None:
        """Use other settings from the next step on."""

    @abstractmethod
    def state_dict(self) -> dict[str, Any]:
        """All that the next steps depend on but for the settings; the tensors are not copied."""

    @abstractmethod
    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from the state of another trainer with the same settings and sizes."""

    def last_update(self) -> dict[str, Tensor] | None:
        """What the newest step changed the parameters by, up to its sign, by name.

        None where that isn't known, or the model isn't trained by gradient descent.
        """
        return None

    def gradients(self, batch: Batches) -> dict[str, Tensor]:
        """The gradient of a single batch's loss by name, without weight decay.

        Empty for a model that isn't trained by gradient descent.
        """
        return {}

    def fork(self, settings: TrainSettings, seed: int) -> "AnyTrainer":
        """A trainer of a copy of the model at step 0, with the same optimizer state.

        seed: of its minibatches and dropout masks.

        Raises:
            UserError: the model is not trained by gradient descent.
        """
        raise UserError("this kind of model is not trained by gradient descent")

    def resize(self, settings: ModelSettings, contexts: Tensor, generator: torch.Generator) -> None:
        """Continue with a model of another size; arguments as for `models.resize.resized`.

        Raises:
            UserError: the size of this kind of model can't change.
        """
        raise UserError("the size of this kind of model can't change while it trains")


AnyTrainer = Trainer[Any]
