"""One example followed through a model, from the ids of its context to the loss, and back.

All is computed in float64 from the parameters as they are, line by line as the lectures write it,
and not by the optimized code of training: the tests compare both with autograd.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from ..constants import MAX_ITEM_LENGTH
from ..datasets.contexts import Split, context_numbers, contexts_along
from ..datasets.dataset import Dataset
from ..datasets.vocabulary import BOUNDARY
from ..errors import UserError
from ..models.factory import AnyModel
from ..models.mlp import MLP
from ..models.neural_bigram import NeuralBigram
from ..models.ngram import NgramCounts


@dataclass(frozen=True)
class Stage:
    """One step of the computation.

    name: of the result, in the lecture's term. code: how the lecture would write it. values: the
    result. about: what happens here, and why.
    """

    name: str
    code: str
    values: Tensor
    about: str

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.values.shape)


@dataclass(frozen=True)
class Example:
    """A context and the character that follows it; probability: what the model gives to that."""

    context: str
    target: str
    context_ids: tuple[int, ...]
    target_id: int
    probability: float

    @property
    def loss(self) -> float:
        """-ln of the probability, in nats."""
        return -math.log(self.probability) if self.probability else math.inf


@dataclass(frozen=True)
class Trace:
    """What a model does with one example of a word.

    examples: the word's, the boundary after it included. position: of the one that is followed,
    from 0. stages: from ids to loss. probabilities: (V,) of the next character. times: how often
    the context occurs in the examples that are trained on; followers: (V,) what followed it there.
    gradients: of the loss, from the logits back to the parameters; empty without `backward`.
    loss_after: the loss of this example after a step of -learning_rate * gradient on it alone.
    """

    word: str
    position: int
    examples: tuple[Example, ...]
    stages: tuple[Stage, ...]
    probabilities: Tensor
    times: int
    followers: Tensor
    gradients: tuple[Stage, ...] = ()
    loss_after: float | None = None

    @property
    def example(self) -> Example:
        return self.examples[self.position]

    def commonest(self, most: int) -> list[tuple[int, int]]:
        """The ids of the characters that follow the context most often, and how often."""
        common = self.followers.topk(min(most, int((self.followers > 0).sum())))
        return list(zip(common.indices.tolist(), common.values.tolist(), strict=True))

    @property
    def loss(self) -> float:
        """The loss of the example that is followed, in nats."""
        return self.example.loss

    @property
    def log_likelihood(self) -> float:
        """The sum of ln p over the word's examples; e to its power is the word's likelihood."""
        return -sum(example.loss for example in self.examples)

    @property
    def nll(self) -> float:
        """The mean negative log-likelihood of the word's examples, in nats a character."""
        return -self.log_likelihood / len(self.examples)


class Tracer:
    """Traces of one dataset; what it knows of a context is looked up in a sorted table."""

    def __init__(self, dataset: Dataset, train_on: str = "train"):
        """train_on: the split whose contexts are counted."""
        self.dataset = dataset
        self.train_on = train_on
        self._split: Split = dataset.split(train_on)
        self._context = 0
        self._numbers, self._targets = torch.empty(0), torch.empty(0)

    def trace(
        self,
        model: AnyModel,
        word: str,
        position: int | None = None,
        learning_rate: float | None = None,
        backward: bool = False,
    ) -> Trace:
        """Follow one example of a word through a model.

        position: of the example, from 0; by default the last one before the closing boundary.
        learning_rate: of the step whose loss is `loss_after`. backward: also the gradients. Raises
        UserError if the word has a character that is not in the data, has no such position, the
        weights are not finite, or the model has no gradient.
        """
        if len(word) > MAX_ITEM_LENGTH:
            raise UserError(f"the word is longer than {MAX_ITEM_LENGTH:,} characters")
        ids = [*self.dataset.vocabulary.encode(word), BOUNDARY]
        position = max(0, len(ids) - 2) if position is None else position
        if not 0 <= position < len(ids):
            raise UserError(
                f"position must be from 0 to {len(ids) - 1} in {word!r}, which has {len(ids)} "
                f"examples, not {position}"
            )
        if not model.is_finite:
            raise UserError("the weights are not finite")
        model = model.in_double_precision()
        contexts = contexts_along(ids, model.context)  # (L, T)
        chosen, target = contexts[position], ids[position]
        forward = _FORWARD[type(model)](model, chosen)
        p = forward[-1].values  # (V,)
        times, followers = self._occurrences(model, chosen)
        examples = self._examples(model, contexts, ids)
        gradients, after = (), None
        if backward:
            if isinstance(model, NgramCounts):
                raise UserError("a table of counts has no gradient: it learns by counting")
            values = {stage.name: stage.values for stage in forward}
            gradients = _backward(model, chosen, target, values)
            if learning_rate is not None:
                after = _loss_after_step(model, chosen, target, gradients, learning_rate)
        stages = (*forward, *_loss_stages(p, target))
        return Trace(word, position, examples, stages, p, times, followers, gradients, after)

    def _examples(self, model: AnyModel, contexts: Tensor, ids: list[int]) -> tuple[Example, ...]:
        vocabulary = self.dataset.vocabulary
        p = torch.softmax(model.logits(contexts).double(), 1)  # (L, V)
        return tuple(
            Example(
                "".join(vocabulary.exact(one) for one in context),
                vocabulary.exact(target),
                tuple(context),
                target,
                float(row[target]),
            )
            for context, target, row in zip(contexts.tolist(), ids, p, strict=True)
        )

    def _occurrences(self, model: AnyModel, context: Tensor) -> tuple[int, Tensor]:
        """How often a context (T,) occurs among the examples, and what follows it there: (V,)."""
        V = self.dataset.vocabulary.size
        if self._context != model.context:
            self._context = model.context
            positions = torch.arange(1, self._split.num_examples + 1)
            contexts, targets = self._split.examples_at(positions, model.context)
            self._numbers, order = torch.sort(_digits(contexts, V))
            self._targets = targets[order]
        number = _digits(context[None], V)
        first = int(torch.searchsorted(self._numbers, number))
        last = int(torch.searchsorted(self._numbers, number, right=True))
        return last - first, torch.bincount(self._targets[first:last], minlength=V)


def _digits(contexts: Tensor, size: int) -> Tensor:
    """As `context_numbers`, the same for any set of contexts as long as 62 bits hold a context."""
    if size ** contexts.shape[1] < 2**62:
        return context_numbers(contexts, size)
    numbers = torch.zeros(len(contexts), dtype=torch.int64)
    for column in contexts.unbind(1):  # a hash: modulo 2**64, with an odd factor
        numbers = numbers * 6364136223846793005 + column + 1442695040888963407
    return numbers


def _softmax_stages(logits: Tensor) -> list[Stage]:
    """From logits (V,) to probabilities (V,), safely."""
    shifted = logits - logits.max()
    exps = shifted.exp()
    return [
        Stage("shifted", "logits - logits.max()", shifted,
            "The largest is subtracted, so that no exponential overflows; p stays the same."),
        Stage("counts", "shifted.exp()", exps,
            "Exponentials are positive, so they can be read as counts."),
        Stage("sum", "counts.sum()", exps.sum()[None], "What the counts are divided by."),
        Stage("probs", "counts / counts.sum()", exps / exps.sum(),
            "Divided by their sum they are probabilities: they sum to 1."),
    ]  # fmt: skip


def _trace_counts(model: NgramCounts, context: Tensor) -> list[Stage]:
    row = model.counts_after(context[None])[0].double()  # (V,)
    smooth = row + model.smoothing
    total = smooth.sum()
    p = smooth / total if total > 0 else torch.full_like(smooth, 1 / len(smooth))
    return [
        Stage("ids", "ix", context, "The characters of the context as numbers."),
        Stage("N", "N[ix]", row, "How often each character followed this context."),
        Stage("row sum", "N[ix].sum()", row.sum()[None], "How often the context occurred."),
        Stage("N + k", f"N[ix] + {model.smoothing:g}", smooth,
            "Smoothing adds k to each count, so that no pair is impossible."),
        Stage("sum", "(N[ix] + k).sum()", total[None], "What the counts are divided by."),
        Stage("probs", "(N[ix] + k) / sum", p,
            "Divided by their sum they are probabilities: they sum to 1."),
    ]  # fmt: skip


def _trace_neural_bigram(model: NeuralBigram, context: Tensor) -> list[Stage]:
    V, W = model.vocabulary_size, model.tensors["W"]
    last = context[-1]
    onehot = torch.zeros(V, dtype=torch.float64)
    onehot[last] = 1
    return [
        Stage("ids", "ix", last[None], "The last character as a number."),
        Stage("xenc", f"F.one_hot(ix, {V})", onehot,
            "The number as a vector: 1 at its place, 0 elsewhere."),
        Stage("logits", "xenc @ W", onehot @ W,
            "The product with a one-hot vector picks one row of W: the log-counts."),
        *_softmax_stages(W[last]),
    ]  # fmt: skip


def _trace_mlp(model: MLP, context: Tensor) -> list[Stage]:
    p, (T, D) = model.tensors, (model.settings.context, model.settings.embedding)
    emb = p["C"][context]  # (T, D)
    x = emb.view(-1)  # (T*D,)
    hpreact = x @ p["W1"] + p["b1"]  # (H,)
    h = torch.tanh(hpreact)
    logits = h @ p["W2"] + p["b2"]  # (V,)
    stages = [
        Stage("ids", "ix", context, "The characters of the context as numbers."),
        Stage("emb", "C[ix]", emb, f"Each character's row of C: {D} learnt numbers."),
        Stage("x", f"emb.view(-1, {T * D})", x,
            f"The {T} rows side by side, {T} x {D} = {T * D} numbers: a view, nothing is copied."),
        Stage("hpreact", "x @ W1 + b1", hpreact, "A weighted sum for each hidden unit."),
        Stage("h", "torch.tanh(hpreact)", h,
            "Squeezed into -1 to 1; near either end a unit is saturated and learns little."),
    ]  # fmt: skip
    if model.settings.direct:
        direct = x @ p["W3"]
        stages.append(
            Stage("direct", "x @ W3", direct, "What the direct connections add to the logits.")
        )
        logits = logits + direct
    code = "h @ W2 + b2" + (" + direct" if model.settings.direct else "")
    stages.append(Stage("logits", code, logits, "A score for each character that may come next."))
    return [*stages, *_softmax_stages(logits)]


_FORWARD: dict[type, Callable[..., list[Stage]]] = {
    NgramCounts: _trace_counts,
    NeuralBigram: _trace_neural_bigram,
    MLP: _trace_mlp,
}


def _loss_stages(p: Tensor, target: int) -> list[Stage]:
    picked = p[target][None]
    return [
        Stage("p", "probs[y]", picked, "The probability of the character that does follow."),
        Stage("ln p", "probs[y].log()", picked.log(), "0 for a certainty, lower for less."),
        Stage("loss", "-probs[y].log()", -picked.log(),
            f"Its negative: uniform guessing has ln {len(p)} = {math.log(len(p)):.4f}."),
    ]  # fmt: skip


def _backward(
    model: MLP | NeuralBigram, context: Tensor, target: int, values: dict[str, Tensor]
) -> tuple[Stage, ...]:
    """The gradient of the loss by each value, from the logits to the parameters."""
    dlogits = values["probs"].clone()
    dlogits[target] -= 1
    first = Stage("dlogits", "probs - onehot(y)", dlogits,
        "Each wrong character is pushed down by its probability, the right one up.")  # fmt: skip
    if isinstance(model, NeuralBigram):
        dW = torch.zeros(len(dlogits), len(dlogits), dtype=torch.float64)
        dW[context[-1]] = dlogits
        about = "Only the row that was picked has a gradient."
        return first, Stage("dW", "xenc.T @ dlogits", dW, about)
    p, x, h = model.tensors, values["x"], values["h"]
    dh = p["W2"] @ dlogits  # (H,)
    dhpreact = dh * (1 - h * h)
    dx = p["W1"] @ dhpreact  # (T*D,)
    stages = [
        first,
        Stage("dW2", "h.T @ dlogits", h.outer(dlogits), "(H, V): what each unit should say."),
        Stage("db2", "dlogits", dlogits, "(V,): the bias goes with every example."),
        Stage("dh", "dlogits @ W2.T", dh, "(H,): what each unit should have been."),
        Stage("dhpreact", "(1 - h**2) * dh", dhpreact,
            "The slope of tanh: a saturated unit lets almost nothing through."),
        Stage("dW1", "x.T @ dhpreact", x.outer(dhpreact), "(T*D, H)"),
        Stage("db1", "dhpreact", dhpreact, "(H,)"),
    ]  # fmt: skip
    if model.settings.direct:
        stages.append(Stage("dW3", "x.T @ dlogits", x.outer(dlogits), "(T*D, V)"))
        dx = dx + p["W3"] @ dlogits
    demb = dx.view(values["emb"].shape)
    dC = torch.zeros_like(p["C"]).index_add_(0, context, demb)
    stages.append(Stage("demb", "dx.view(T, D)", demb, "(T, D): back in the shape of the rows."))
    stages.append(Stage("dC", "dC[ix] += demb", dC,
        "(V, D): a character that occurs twice in the context gets both."))  # fmt: skip
    return tuple(stages)


def _loss_after_step(
    model: MLP | NeuralBigram,
    context: Tensor,
    target: int,
    gradients: tuple[Stage, ...],
    learning_rate: float,
) -> float:
    """The loss of an example after every parameter has gone -learning_rate * its gradient, nats."""
    changed = model.copy()
    found = {stage.name: stage.values for stage in gradients}
    for name, tensor in changed.tensors.items():
        tensor.sub_(found[f"d{name}"], alpha=learning_rate)
    return -float(torch.log_softmax(changed.logits(context[None]), 1)[0, target])
