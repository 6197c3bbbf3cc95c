"""The multilayer perceptron."""

import torch
from torch import Generator, Tensor
from torch.nn.functional import embedding_bag

from ..settings import ModelSettings
from .model import INIT_VERSION, Layout, Network


class MLP(Network):
    """The multilayer perceptron of Bengio et al. 2003 ("A Neural Probabilistic Language Model").

        x = the rows of C (V, D) of the T context characters, side by side    (B, T*D)
        h = tanh(x W1 + b1)                                                   (B, H)
        logits = h W2 + b2                                                    (B, V)

    With direct=True, x W3 is added to the logits.
    """

    def __init__(
        self,
        settings: ModelSettings,
        vocabulary_size: int,
        generator: Generator | None = None,
        init_version: int = INIT_VERSION,
    ):
        """Parameters drawn as `settings.init` says; all zero without a generator.

        `lecture` draws everything from N(0, 1), with `torch.randn` and in the lecture's order: C,
        W1, b1, W2, b2, then W3. `scaled` then multiplies W1 with
        (5/3) / sqrt(T*D) (the gain of tanh: He et al. 2015, as torch.nn.init has it), b1, W2 and
        W3 with 0.01 and b2 with 0, so that the first loss is near ln V.

        init_version: 1 for runs that began when W2 and W3 were drawn column by column, in another
        order than `torch.randn` draws them.
        """
        super().__init__(settings, vocabulary_size)
        if generator is None:
            return
        for tensor in self.tensors.values():
            if init_version == 1:
                tensor.normal_(generator=generator)  # whose numbers depend on the memory's order
            else:
                tensor.copy_(torch.randn(tensor.shape, generator=generator))
        if settings.init == "scaled":
            inputs = settings.context * settings.embedding
            scales = {"W1": (5 / 3) / inputs**0.5, "b1": 0.01, "W2": 0.01, "b2": 0.0, "W3": 0.01}
            for name, tensor in self.tensors.items():
                tensor.mul_(scales.get(name, 1.0))

    @staticmethod
    def layout_of(settings: ModelSettings, vocabulary_size: int) -> Layout:
        inputs, hidden = settings.context * settings.embedding, settings.hidden
        shapes: dict[str, tuple[int, ...]] = {
            "C": (vocabulary_size, settings.embedding),
            "W1": (inputs, hidden),
            "b1": (hidden,),
            "W2": (hidden, vocabulary_size),
            "b2": (vocabulary_size,),
        }
        if settings.direct:
            shapes["W3"] = (inputs, vocabulary_size)
        return Layout(shapes, transposed=("W2", "W3"))

    @property
    def multiplications(self) -> int:
        settings, V = self.settings, self.vocabulary_size
        direct = settings.context * settings.embedding * V if settings.direct else 0
        # The sum of T rows of a table, the activation (as long as 20 products), the output.
        return (settings.context + 20 + V) * settings.hidden + direct

    def logits(self, contexts: Tensor) -> Tensor:
        p, h = self.tensors, self.hidden_activations(contexts)  # (B, H)
        logits = torch.addmm(p["b2"][:, None], p["W2"].T, h.T).T  # (B, V)
        if self.settings.direct:
            logits = torch.addmm(logits, p["C"][contexts].flatten(1), p["W3"])
        return logits

    def hidden_activations(self, contexts: Tensor) -> Tensor:
        """Contexts (B, T) to the hidden layer's activations (B, H).

        With more contexts than characters, what each character contributes at each position is
        computed once, and tanh(x) is 2 sigmoid(2x) - 1: `training/gradients.py` says why that is
        faster.
        """
        p, V = self.tensors, self.vocabulary_size
        T, D, H = self.settings.context, self.settings.embedding, self.settings.hidden
        if len(contexts) < V:
            return torch.tanh(torch.addmm(p["b1"], p["C"][contexts].flatten(1), p["W1"]))
        table = torch.bmm(p["C"].expand(T, V, D), p["W1"].view(T, D, H))  # (T, V, H)
        table[0] += p["b1"]
        rows = contexts + V * torch.arange(T)  # (B, T), of the table's T*V
        doubled = embedding_bag(rows, table.view(T * V, H).mul_(2), mode="sum")  # (B, H)
        return doubled.sigmoid_().mul_(2).sub_(1)
