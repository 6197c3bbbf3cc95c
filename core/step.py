"""The loss and its gradient, written out by hand: forward and backward, line by line with shapes.

It computes what autograd would (which is its reference in the tests) with fewer operations and
into memory that is there already. A batch is a set of contexts with weighted targets, so one code
serves a minibatch (each context has one target) and the whole split (each distinct context once,
with the share of each character that follows it).

Softmax with cross-entropy has the gradient probabilities minus targets; tanh has 1 - h**2.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from .models import MLP, NeuralBigram


@dataclass(frozen=True)
class Batch:
    """Contexts, and the characters that follow them, weighted.

    contexts: (B, T) int64.
    targets: (P,) int64, places in the flattened (B, V) logits: row * V + character.
    weights: (P,), each target's share of the loss; they add up to 1.
    row_weights: (B, 1), each context's share.
    """

    contexts: Tensor
    targets: Tensor
    weights: Tensor
    row_weights: Tensor


class NeuralBigramStep:
    """Loss and gradient of the one-layer network."""

    def __init__(self, model: NeuralBigram):
        self.model = model
        self.gradient = torch.zeros_like(model.flat)

    def __call__(self, batch: Batch) -> Tensor:
        """Fill `gradient` with the gradient of the mean NLL; return the mean NLL, ()."""
        previous = batch.contexts[:, -1]  # (B,)
        logits = self.model.tensors["W"][previous]  # (B, V)
        loss, dlogits = _cross_entropy(logits, batch)
        dW = self.gradient.zero_().view_as(self.model.tensors["W"])  # (V, V)
        dW.index_add_(0, previous, dlogits)
        return loss


class MLPStep:
    """Loss and gradient of the multilayer perceptron."""

    def __init__(self, model: MLP):
        self.model = model
        self.gradient = torch.zeros_like(model.flat)
        self._gradients = model.views(self.gradient)
        self._rows = 0

    def __call__(self, batch: Batch) -> Tensor:
        """Fill `gradient` with the gradient of the mean NLL; return the mean NLL, ()."""
        p, d, direct = self.model.tensors, self._gradients, self.model.settings.direct
        characters = batch.contexts.reshape(-1)  # (B*T,)
        if len(batch.contexts) != self._rows:
            self._make_room(len(batch.contexts))
        x, h, logits = self._x, self._h, self._logits  # (B, T*D), (B, H), (B, V)

        torch.index_select(p["C"], 0, characters, out=self._embedded)  # fills x: (B*T, D)
        torch.addmm(p["b1"], x, p["W1"], out=h)
        _tanh_(h)
        torch.addmm(p["b2"], h, p["W2"], out=logits)
        if direct:
            logits.addmm_(x, p["W3"])
        loss, dlogits = _cross_entropy(logits, batch)

        torch.mm(h.T, dlogits, out=d["W2"])
        torch.sum(dlogits, 0, out=d["b2"])
        dh = torch.mm(dlogits, p["W2"].T, out=self._dh)  # (B, H)
        before_tanh = dh.sub_(h.square_().mul_(dh))  # dh * (1 - h**2), (B, H)
        torch.mm(x.T, before_tanh, out=d["W1"])
        torch.sum(before_tanh, 0, out=d["b1"])
        dx = torch.mm(before_tanh, p["W1"].T, out=self._dx)  # (B, T*D)
        if direct:
            torch.mm(x.T, dlogits, out=d["W3"])
            dx.addmm_(dlogits, p["W3"].T)
        d["C"].zero_().index_add_(0, characters, dx.view_as(self._embedded))
        return loss

    def _make_room(self, rows: int) -> None:
        settings, like = self.model.settings, self.model.flat
        self._rows = rows
        self._embedded = like.new_empty(rows * settings.context, settings.embedding)
        self._x = self._embedded.view(rows, -1)
        self._dx = torch.empty_like(self._x)
        self._h = like.new_empty(rows, settings.hidden)
        self._dh = torch.empty_like(self._h)
        self._logits = like.new_empty(rows, self.model.vocabulary_size)


def _cross_entropy(logits: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
    """The weighted mean NLL, (), and its gradient in the logits, (B, V)."""
    log_probabilities = torch.log_softmax(logits, 1)
    loss = -(log_probabilities.view(-1)[batch.targets].dot(batch.weights))
    dlogits = log_probabilities.exp_().mul_(batch.row_weights)
    dlogits.view(-1).scatter_add_(0, batch.targets, -batch.weights)
    return loss, dlogits


def _tanh_(x: Tensor) -> Tensor:
    """tanh in place, as 2 sigmoid(2x) - 1: torch's sigmoid is vectorised and its tanh is not."""
    return x.mul_(2).sigmoid_().mul_(2).sub_(1)
