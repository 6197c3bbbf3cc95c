"""The bigram model as a network of one layer."""

from typing import ClassVar

from torch import Generator, Tensor

from ..settings import ModelSettings
from .model import INIT_VERSION, Layout, Network


class NeuralBigram(Network):
    """One layer: the logits are the row of W (V, V) of the last character."""

    decays_in_loss: ClassVar[bool] = True

    def __init__(
        self,
        settings: ModelSettings,
        vocabulary_size: int,
        generator: Generator | None = None,
        init_version: int = INIT_VERSION,
    ):
        """W drawn from N(0, 1), or all zero with init="scaled", for a first loss of ln V.

        init_version: makes no difference to this model.
        """
        super().__init__(settings, vocabulary_size)
        if generator is not None and settings.init == "lecture":
            self.flat.normal_(generator=generator)

    @staticmethod
    def layout_of(settings: ModelSettings, vocabulary_size: int) -> Layout:
        return Layout({"W": (vocabulary_size, vocabulary_size)})

    def logits(self, contexts: Tensor) -> Tensor:
        return self.tensors["W"][contexts[:, -1]]  # (B, V)
