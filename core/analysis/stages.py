"""The stages of one example's computation, forward and back, as the lectures write them.

All is computed in float64 from the parameters as they are, line by line, and not by the optimized
code of training: the tests compare both with autograd.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from ..models.factory import AnyModel
from ..models.mixture import Mixture
from ..models.mlp import MLP
from ..models.neural_bigram import NeuralBigram
from ..models.ngram import NgramCounts

_Values = dict[str, Tensor]


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


def forward(model: AnyModel, context: Tensor, mask: Tensor | None = None) -> list[Stage]:
    """From the ids of a context (T,) to the probabilities (V,), in the precision of the model.

    mask: (H,), the dropout mask of a step in training. It is shown and not applied.
    """
    return _FORWARD[type(model)](model, context, mask)


def mixture_stages(mixture: Mixture, context: Tensor, probs: Tensor) -> list[Stage]:
    """From the network's probabilities (V,) to those of the mixture; context: ids (T,)."""
    counted, w = mixture.counts.probabilities(context[None])[0], mixture.weight
    order, share = mixture.counts.order, torch.tensor([w], dtype=torch.float64)
    return [
        Stage("counted", f"kneser_ney(ix[-{order - 1}:])" if order > 1 else "kneser_ney()", counted,
            f"The same by counts of order {order}: what is discounted goes to the order below."),
        Stage("w", f"{w:.4g}", share, "The weight of the counts; the network has the rest."),
        Stage("mix", "(1-w)*probs + w*counted", (1 - w) * probs.double() + w * counted,
            "What is predicted; the network alone is trained, with probs."),
    ]  # fmt: skip


def loss_stages(last: Stage, target: int) -> list[Stage]:
    """From probabilities (V,), those of a stage, to the loss of the character that does follow."""
    name, p = last.name, last.values
    picked = p[target][None]
    return [
        Stage("p", f"{name}[y]", picked, "The probability of the character that does follow."),
        Stage("ln p", f"{name}[y].log()", picked.log(),
            "0 for a certainty, lower for less; logarithms add up where probabilities multiply."),
        Stage("loss", f"-{name}[y].log()", -picked.log(),
            f"Its negative: uniform guessing has -ln 1/{len(p)} = {math.log(len(p)):.4f}."),
    ]  # fmt: skip


def softmax_stages(logits: Tensor, is_safe: bool = True) -> list[Stage]:
    """From logits (V,) to probabilities (V,).

    is_safe: subtract the largest first. Without that exp(100) is infinite in float32, and
    inf / inf is no number.
    """
    shifted, name, about = logits, "logits", "Exponentials are positive, so they can be read as"
    stages = []
    if is_safe:
        shifted, name = logits - logits.max(), "shifted"
        stages = [
            Stage("shifted", "logits - logits.max()", shifted,
                "The largest is subtracted, so that no exponential overflows; p stays as it is.")
        ]  # fmt: skip
    counts = shifted.exp()
    return [
        *stages,
        Stage("counts", f"{name}.exp()", counts, f"{about} counts: logits are log-counts."),
        Stage("sum", "counts.sum()", counts.sum()[None], "What the counts are divided by."),
        Stage("probs", "counts / counts.sum()", counts / counts.sum(),
            "Divided by their sum they are probabilities: they sum to 1."),
    ]  # fmt: skip


def _ids(context: Tensor) -> Stage:
    return Stage(
        "ids", "ix", context, "The characters of the context as numbers, ix in the lecture."
    )


def _forward_counts(model: NgramCounts, context: Tensor, _: Tensor | None) -> list[Stage]:
    if model.is_kneser_ney:
        return _forward_kneser_ney(model, context)
    row = model.counts_after(context[None])[0].double()  # (V,)
    smooth = row + model.smoothing
    total = smooth.sum()
    p = smooth / total if total > 0 else torch.full_like(smooth, 1 / len(smooth))
    return [
        _ids(context),
        Stage("N", "N[ix]", row, "The row of the table: how often each character followed."),
        Stage("row sum", "N[ix].sum()", row.sum()[None], "How often the context occurred."),
        Stage("N + k", f"N[ix] + {model.smoothing:g}", smooth,
            "Smoothing adds k to each count, so that no pair is impossible."),
        Stage("sum", "(N[ix] + k).sum()", total[None],
            "What the counts are divided by: the sum of this row, not of a column."),
        Stage("probs", "(N[ix] + k) / sum", p,
            "Divided by their sum they are probabilities: they sum to 1."),
    ]  # fmt: skip


def _forward_kneser_ney(model: NgramCounts, context: Tensor) -> list[Stage]:
    estimate = model.kneser_ney
    orders = [[one[0] for one in of_order] for of_order in estimate.by_order(context[None])]
    stages = [_ids(context)]
    for n, (counts, _, weight, p) in enumerate(orders, start=1):
        of, is_last = estimate.discounts[n - 1], n == estimate.order
        lower = "1/V" if n == 1 else f"P{n - 1}"
        what = "times" if is_last else "distinct characters before which"
        discounts = ", ".join(f"{value:.2f}" for value in of.values)
        clamped = " (too few to estimate all)" if of.is_clamped else ""
        stages += [
            Stage(f"N{n}", f"N{n}[ix]", counts,
                f"Order {n}: the number of {what} each character follows the last {n - 1}."),
            Stage("probs" if is_last else f"P{n}",
                f"(N{n} - D).relu() / N{n}.sum() + {float(weight):.3g} * {lower}", p,
                f"From counts of 1, 2, 3 or more D = {discounts} is taken{clamped}; the sum of it, "
                f"{float(weight):.1%}, is the weight of {lower}."),
        ]  # fmt: skip
    return stages


def _forward_neural_bigram(model: NeuralBigram, context: Tensor, _: Tensor | None) -> list[Stage]:
    V, W = model.vocabulary_size, model.tensors["W"]
    last = context[-1]
    onehot = torch.zeros(V, dtype=W.dtype)
    onehot[last] = 1
    return [
        Stage("ids", "ix", last[None], "The last character as a number, ix in the lecture."),
        Stage("xenc", f"F.one_hot(ix, {V}).float()", onehot,
            "The number as a vector: 1 at its place, 0 elsewhere."),
        Stage("logits", "xenc @ W", onehot @ W,
            f"({V},) @ ({V}, {V}): the one-hot vector picks one row of W, the log-counts."),
        *softmax_stages(W[last]),
    ]  # fmt: skip


def _forward_mlp(model: MLP, context: Tensor, mask: Tensor | None) -> list[Stage]:
    p, (T, D) = model.tensors, (model.settings.context, model.settings.embedding)
    emb = p["C"][context]  # (T, D)
    x = emb.view(-1)  # (T*D,)
    hpreact = x @ p["W1"] + p["b1"]  # (H,)
    h = torch.tanh(hpreact)
    direct = x @ p["W3"] if model.settings.direct else None
    logits = h @ p["W2"] + p["b2"] + (0 if direct is None else direct)  # (V,)
    H, V = p["W2"].shape
    optional = [_mask_stage(mask)] if mask is not None else []
    if direct is not None:
        optional.append(
            Stage("direct", "x @ W3", direct,
                "Bengio's direct connections: what the embeddings add to the logits, past h.")
        )  # fmt: skip
    return [
        _ids(context),
        Stage("emb", "C[ix]", emb,
            f"Each character's row of C, {D} learnt numbers; one-hot @ C would pick the same."),
        Stage("x", f"emb.view(-1, {T * D})", x,
            f"The {T} rows side by side; of a batch, (B, {T}, {D}) to (B, {T * D}). A view copies "
            "nothing."),
        Stage("hpreact", "x @ W1 + b1", hpreact,
            f"({T * D},) @ ({T * D}, {H}): a weighted sum for each hidden unit."),
        Stage("h", "torch.tanh(hpreact)", h,
            "Squeezed into -1 to 1; near either end a unit is saturated and learns little."),
        *optional,
        Stage("logits", "h @ W2 + b2" + ("" if direct is None else " + direct"), logits,
            f"({H},) @ ({H}, {V}): a score for each character that may come next."),
        *softmax_stages(logits),
    ]  # fmt: skip


def _mask_stage(mask: Tensor) -> Stage:
    dropped, H = int((mask == 0).sum()), len(mask)
    return Stage("mask", "F.dropout(h, p)", mask,
        f"The next step leaves {dropped} of {H} units out of an example; evaluation none."
    )  # fmt: skip


_FORWARD: dict[type, Callable[..., list[Stage]]] = {
    NgramCounts: _forward_counts,
    NeuralBigram: _forward_neural_bigram,
    MLP: _forward_mlp,
}


def backward(
    model: MLP | NeuralBigram, context: Tensor, target: int, stages: list[Stage]
) -> tuple[Stage, ...]:
    """The gradient of the loss by each value of `forward`, from the logits to the parameters."""
    values = {stage.name: stage.values for stage in stages}
    dlogits = values["probs"].clone()
    dlogits[target] -= 1
    first = Stage("dlogits", "probs - onehot(y)", dlogits,
        "A step pushes each wrong character down by its p, the right one up by 1 - p.")  # fmt: skip
    rest = _BACKWARD[type(model)](model, context, values, dlogits)
    return first, *rest


def _backward_neural_bigram(
    model: NeuralBigram, context: Tensor, _: _Values, dlogits: Tensor
) -> list[Stage]:
    dW = torch.zeros_like(model.tensors["W"])
    dW[context[-1]] = dlogits
    return [Stage("dW", "xenc.T @ dlogits", dW, "Only the row that was picked has a gradient.")]


def _backward_mlp(model: MLP, context: Tensor, values: _Values, dlogits: Tensor) -> list[Stage]:
    p, x, h = model.tensors, values["x"], values["h"]
    dh = p["W2"] @ dlogits  # (H,)
    dhpreact = dh * (1 - h * h)
    dx = p["W1"] @ dhpreact  # (T*D,)
    direct = []
    if model.settings.direct:
        dW3 = x.outer(dlogits)
        direct = [Stage("dW3", "x.T @ dlogits", dW3, "As dW2, of the direct connections.")]
        dx = dx + p["W3"] @ dlogits
    demb = dx.view(values["emb"].shape)
    dC = torch.zeros_like(p["C"]).index_add_(0, context, demb)
    return [
        Stage("dW2", "h.T @ dlogits", h.outer(dlogits),
            "A weight's gradient is what comes in, h, times the gradient of what goes out."),
        Stage("db2", "dlogits.sum(0)", dlogits, "A bias is added as it is; a batch adds them up."),
        Stage("dh", "dlogits @ W2.T", dh,
            "A unit's gradient: its weights times the gradients of the logits they lead to."),
        Stage("dhpreact", "(1 - h**2) * dh", dhpreact,
            "Times the slope of tanh: a saturated unit lets almost nothing through."),
        Stage("dW1", "x.T @ dhpreact", x.outer(dhpreact), "As dW2, a layer down."),
        Stage("db1", "dhpreact.sum(0)", dhpreact, "As db2, a layer down."),
        *direct,
        Stage("demb", "dx.view(emb.shape)", demb,
            "dhpreact @ W1.T, and what the direct connections add; back in the shape of the rows."
            if direct else "dhpreact @ W1.T, back in the shape of the rows."),
        Stage("dC", "dC[ix] += demb", dC,
            "Only the context's rows learn; a character that occurs twice in it gets both."),
    ]  # fmt: skip


_BACKWARD: dict[type, Callable[..., list[Stage]]] = {
    NeuralBigram: _backward_neural_bigram,
    MLP: _backward_mlp,
}
