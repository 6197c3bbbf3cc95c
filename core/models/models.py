"""The three models. Each turns contexts (B, T) into logits (B, V); nobody else asks which."""

import math
from typing import Protocol

import torch
from torch import Tensor
from torch.nn.functional import embedding_bag

from ..datasets.contexts import context_numbers
from ..errors import UserError
from ..settings import ModelSettings

MOST_COUNTS = 1 << 25


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


class NgramCounts:
    """Counts of the characters that follow each context of `order` - 1 characters.

    P(c | context) = (N(context, c) + k) / (N(context) + k V), with k the smoothing (add-k; Jurafsky
    & Martin, Speech and Language Processing, ch. 3). With k = 0 a pair that never occurred has
    probability 0; a context that never occurred is then uniform, the limit as k goes to 0.
    """

    def __init__(self, settings: ModelSettings, vocabulary_size: int, smoothing: float = 1.0):
        """An empty table.

        Raises:
            UserError: the table would be too large for memory.
        """
        size = vocabulary_size**settings.order
        if size > MOST_COUNTS:
            largest = int(math.log(MOST_COUNTS) / math.log(vocabulary_size))
            raise UserError(
                f"order {settings.order} with {vocabulary_size:,} characters needs {size:,} "
                f"counts; with so many characters the order can be at most {largest}"
            )
        self.settings = settings
        self.vocabulary_size = vocabulary_size
        self.smoothing = smoothing
        self.counts: Tensor = torch.zeros(
            size // vocabulary_size, vocabulary_size, dtype=torch.int32
        )

    @property
    def context(self) -> int:
        """At least 1, so that a table of single characters takes contexts like any other."""
        return max(1, self.settings.order - 1)

    @property
    def tensors(self) -> dict[str, Tensor]:
        return {"counts": self.counts}

    @property
    def parameters(self) -> int:
        return self.counts.numel()

    @property
    def multiplications(self) -> int:
        return 10 * self.vocabulary_size

    def count(self, contexts: Tensor, targets: Tensor) -> None:
        """Count examples: contexts (B, T), targets (B,)."""
        places = self._rows(contexts) * self.vocabulary_size + targets
        ones = torch.ones(len(places), dtype=torch.int32)
        self.counts.view(-1).index_add_(0, places, ones)

    def log_likelihoods(self, contexts: Tensor, targets: Tensor) -> Tensor:
        """ln P of targets (B,) after contexts (B, T): (B,) float64."""
        if self.counts.numel() > len(targets):
            return self.logits(contexts).gather(1, targets[:, None])[:, 0]
        places = self._rows(contexts) * self.vocabulary_size + targets
        return self._log_probabilities(self.counts).view(-1).index_select(0, places)

    def logits(self, contexts: Tensor) -> Tensor:
        return self._log_probabilities(self.counts[self._rows(contexts)])

    def _log_probabilities(self, counts: Tensor) -> Tensor:
        """Rows of counts (B, V) to ln P (B, V), float64."""
        smooth = counts.double() + self.smoothing
        totals = smooth.sum(1, keepdim=True)
        return (
            torch.where(totals > 0, smooth, 1.0).log()
            - torch.where(totals > 0, totals, float(self.vocabulary_size)).log()
        )

    def copy(self) -> "NgramCounts":
        other = NgramCounts(self.settings, self.vocabulary_size, self.smoothing)
        other.counts.copy_(self.counts)
        return other

    def _rows(self, contexts: Tensor) -> Tensor:
        """The row of each context: its characters as the digits of a number in base V."""
        counted = contexts[:, self.context - (self.settings.order - 1) :]
        return context_numbers(counted, self.vocabulary_size)


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


class NeuralBigram(Network):
    """One layer: the logits are the row of W (V, V) that belongs to the last character."""

    def __init__(
        self,
        settings: ModelSettings,
        vocabulary_size: int,
        generator: torch.Generator | None = None,
    ):
        """W from N(0, 1), or all zero with init="scaled", which begins at a loss of ln V."""
        super().__init__(settings, vocabulary_size, {"W": (vocabulary_size, vocabulary_size)})
        if generator is not None and settings.init == "lecture":
            self.flat.normal_(generator=generator)

    @property
    def context(self) -> int:
        return 1

    @property
    def multiplications(self) -> int:
        return 10 * self.vocabulary_size

    def logits(self, contexts: Tensor) -> Tensor:
        return self.tensors["W"][contexts[:, -1]]  # (B, V)

    def copy(self) -> "NeuralBigram":
        other = NeuralBigram(self.settings, self.vocabulary_size)
        other.flat.copy_(self.flat)
        return other


class MLP(Network):
    """The multilayer perceptron of Bengio et al. 2003 ("A Neural Probabilistic Language Model").

    C (V, D) embeds each of the T characters; tanh(x W1 + b1) is the hidden layer, H wide; its
    product with W2 plus b2 the logits. With direct=True the embeddings also reach the output
    directly, through W3 (T*D, V).
    """

    def __init__(
        self,
        settings: ModelSettings,
        vocabulary_size: int,
        generator: torch.Generator | None = None,
    ):
        """Parameters drawn by `settings.init`; all zero without a generator.

        `lecture` draws everything from N(0, 1). `scaled` then multiplies W1 with
        (5/3) / sqrt(T*D) (the gain of tanh: He et al. 2015, as torch.nn.init has it), b1, W2 and
        W3 with 0.01 and b2 with 0, so that the first loss is near ln V.
        """
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
        super().__init__(settings, vocabulary_size, shapes, transposed=("W2", "W3"))
        if generator is not None:
            for tensor in self.tensors.values():
                tensor.normal_(generator=generator)
            if settings.init == "scaled":
                scales = {
                    "W1": (5 / 3) / inputs**0.5,
                    "b1": 0.01,
                    "W2": 0.01,
                    "b2": 0.0,
                    "W3": 0.01,
                }
                for name, scale in scales.items():
                    if name in self.tensors:
                        self.tensors[name].mul_(scale)

    @property
    def context(self) -> int:
        return self.settings.context

    @property
    def multiplications(self) -> int:
        settings, V = self.settings, self.vocabulary_size
        direct = settings.context * settings.embedding * V if settings.direct else 0
        # The sum of T rows of a table, the activation (as long as 20 products), the output.
        return (settings.context + 20 + V) * settings.hidden + direct

    def logits(self, contexts: Tensor) -> Tensor:
        p = self.tensors
        logits = torch.addmm(p["b2"][:, None], p["W2"].T, self.hidden(contexts).T).T  # (B, V)
        if self.settings.direct:
            logits = torch.addmm(logits, p["C"][contexts].flatten(1), p["W3"])
        return logits

    def hidden(self, contexts: Tensor) -> Tensor:
        """Contexts (B, T) to the hidden layer's activations (B, H).

        For more contexts than characters, each character's contribution at each place is computed
        once, and tanh(x) is 2 sigmoid(2x) - 1: `step.py` says why that is faster.
        """
        p, V = self.tensors, self.vocabulary_size
        T, D, H = self.settings.context, self.settings.embedding, self.settings.hidden
        if len(contexts) < V:
            return torch.tanh(torch.addmm(p["b1"], p["C"][contexts].flatten(1), p["W1"]))
        table = torch.bmm(p["C"].expand(T, V, D), p["W1"].view(T, D, H))  # (T, V, H)
        table[0] += p["b1"]
        rows = contexts + V * torch.arange(T)  # (B, T), of the table's T*V
        doubled = embedding_bag(rows, table.view(T * V, H).mul_(2), mode="sum")
        return doubled.sigmoid_().mul_(2).sub_(1)

    def copy(self) -> "MLP":
        other = MLP(self.settings, self.vocabulary_size)
        other.flat.copy_(self.flat)
        return other


def make_model(
    settings: ModelSettings,
    vocabulary_size: int,
    generator: torch.Generator | None,
    smoothing: float = 1.0,
) -> NgramCounts | NeuralBigram | MLP:
    """A new model of the settings' kind; without a generator its parameters are zero.

    Raises:
        UserError: a table of counts would be too large.
    """
    if settings.kind == "ngram":
        return NgramCounts(settings, vocabulary_size, smoothing)
    kind = NeuralBigram if settings.kind == "neural-bigram" else MLP
    return kind(settings, vocabulary_size, generator)
