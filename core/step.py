"""The loss and its gradient, written out by hand: forward and backward, line by line with shapes.

It computes what autograd would (which is its reference in the tests) with fewer operations and
into memory that is there already. A batch is a set of contexts with weighted targets, so one code
serves a minibatch (each context has one target) and the whole split (each distinct context once,
with the share of each character that follows it).

Softmax with cross-entropy has the gradient probabilities minus targets; tanh has 1 - h**2.

Three things make it fast; the figures are of one thread, for a batch of 512, context 8, embedding
24, hidden 300 and the 27 characters of the names.

- What has V columns is kept transposed, (V, B): a matrix product that writes rows of 27 takes 190
  microseconds where one that writes 27 rows takes 110, and softmax 27 where it takes 8. So the
  model stores W2 (and W3) transposed too.
- tanh(x) is computed as 2 sigmoid(2x) - 1: torch's sigmoid is vectorised and its tanh is not, 75
  microseconds against 410, with a difference near 1e-7.
- The first layer is linear in the characters, and there are few. For a batch much larger than the
  alphabet, the contribution of each character at each place is computed once, C @ W1[t], and a
  context's hidden layer is the sum of T rows of that table: 125 microseconds instead of 700.
  Backward the gradient is summed by character and place first, then multiplied: 330 instead of
  1,800.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import embedding_bag

from .models import MLP, NeuralBigram

_TABLE_FROM = 4  # use the table when a batch has so many contexts for each character
_tanh_backward = torch.ops.aten.tanh_backward.grad_input


@dataclass(frozen=True)
class Batch:
    """Contexts, and the characters that follow them, weighted.

    contexts: (B, T) int64.
    targets: (P,) int64, places in the flattened (V, B) logits: character * B + row.
    minus_weights: (P,), each target's share of the loss, negative; they add up to -1.
    row_weights: (B,), each context's share.
    """

    contexts: Tensor
    targets: Tensor
    minus_weights: Tensor
    row_weights: Tensor


class NeuralBigramStep:
    """Loss and gradient of the one-layer network."""

    def __init__(self, model: NeuralBigram):
        self.model = model
        self.gradient = torch.zeros_like(model.flat)

    def __call__(self, batch: Batch, log_likelihoods: Tensor) -> None:
        """Fill `gradient`, and `log_likelihoods` (P,) with ln p of each target."""
        previous = batch.contexts[:, -1]  # (B,)
        logits = self.model.tensors["W"][previous].T  # (V, B)
        dlogits = _softmax_backward(logits.contiguous(), batch, log_likelihoods)  # (V, B)
        dW = self.gradient.zero_().view_as(self.model.tensors["W"])  # (V, V)
        dW.index_add_(0, previous, dlogits.T)


class MLPStep:
    """Loss and gradient of the multilayer perceptron."""

    def __init__(self, model: MLP):
        settings, V = model.settings, model.vocabulary_size
        T, D, H = settings.context, settings.embedding, settings.hidden
        self.model = model
        self.gradient = torch.zeros_like(model.flat)
        p, d = model.tensors, model.views(self.gradient)
        # Made once, because making a view takes as long as a small product. W2 and W3 transposed.
        self._C, self._W1, self._b1, self._W2, self._b2 = (
            p["C"], p["W1"], p["b1"], p["W2"].T, p["b2"][:, None],
        )  # fmt: skip
        self._dC, self._dW1, self._db1, self._dW2, self._db2 = (
            d["C"], d["W1"], d["b1"], d["W2"].T, d["b2"],
        )  # fmt: skip
        self._direct = settings.direct
        if self._direct:
            self._W3, self._dW3 = p["W3"].T, d["W3"].T
        self._minus_one = model.flat.new_full((1,), -1.0)
        self._rows = 0
        self._table = model.flat.new_empty(T, V, H)
        self._table_rows = self._table.view(T * V, H)
        self._first_rows = V * torch.arange(T)  # where each place's part of the table begins
        self._C_by_place, self._W1_by_place = self._C.expand(T, V, D), self._W1.view(T, D, H)
        self._dW1_by_place = self._dW1.view(T, D, H)

    def __call__(self, batch: Batch, log_likelihoods: Tensor) -> None:
        """Fill `gradient`, and `log_likelihoods` (P,) with ln p of each target."""
        if len(batch.contexts) != self._rows:
            self._make_room(len(batch.contexts))
        logits, dh = self._logits, self._dh  # (V, B), (B, H)
        doubled = self._hidden_by_table if self._uses_table else self._hidden
        h = doubled(batch.contexts).sigmoid_()  # (B, H)
        torch.add(self._minus_one, h, alpha=2, out=h)  # tanh(x W1 + b1)
        torch.addmm(self._b2, self._W2, h.T, out=logits)  # (V, B)
        if self._direct:
            logits.addmm_(self._W3, self._x.T)
        dlogits = _softmax_backward(logits, batch, log_likelihoods)  # (V, B)

        torch.mm(dlogits, h, out=self._dW2)  # (V, H)
        torch.sum(dlogits, 1, out=self._db2)
        torch.mm(dlogits.T, self._W2, out=dh)
        _tanh_backward(dh, h, grad_input=dh)  # dh * (1 - h**2)
        torch.sum(dh, 0, out=self._db1)
        if self._direct:
            torch.mm(dlogits, self._x, out=self._dW3)  # (V, T*D)
        if self._uses_table:
            self._backward_by_table(batch.contexts, dh)
        else:
            self._backward(batch.contexts, dh, dlogits)

    def _hidden(self, contexts: Tensor) -> Tensor:
        """2 (x W1 + b1), x being the embeddings: (B, H)."""
        torch.index_select(self._C, 0, contexts.view(-1), out=self._embedded)  # fills x (B, T*D)
        return torch.addmm(self._b1, self._x, self._W1, beta=2, alpha=2, out=self._h)

    def _backward(self, contexts: Tensor, dh: Tensor, dlogits: Tensor) -> None:
        """The gradients of W1 and C, from those before tanh and of directly connected logits."""
        torch.mm(self._x.T, dh, out=self._dW1)  # (T*D, H)
        dx = torch.mm(self._W1, dh.T, out=self._dx_transposed)  # (T*D, B)
        if self._direct:
            dx.addmm_(self._W3.T, dlogits)
        self._dx.copy_(dx.T)  # (B, T*D)
        self._dC.zero_().index_add_(0, contexts.view(-1), self._dx_by_character)  # (V, D)

    def _hidden_by_table(self, contexts: Tensor) -> Tensor:
        """The same as a sum of T rows of the table of all characters at all places."""
        table, C, W1 = self._table, self._C_by_place, self._W1_by_place
        torch.baddbmm(table, C, W1, beta=0, alpha=2, out=table)  # (T, V, H)
        table[0].add_(self._b1, alpha=2)
        return embedding_bag(contexts + self._first_rows, self._table_rows, mode="sum")

    def _backward_by_table(self, contexts: Tensor, dh: Tensor) -> None:
        """The gradients of W1 and C by way of the table's."""
        dtable = self._table.zero_()  # (T, V, H)
        for place, characters in zip(dtable, contexts.T, strict=True):
            place.index_add_(0, characters, dh)
        torch.bmm(self._C_by_place.transpose(1, 2), dtable, out=self._dW1_by_place)  # (T, D, H)
        dC = torch.bmm(dtable, self._W1_by_place.transpose(1, 2))  # (T, V, D)
        torch.sum(dC, 0, out=self._dC)

    def _make_room(self, rows: int) -> None:
        settings, V, like = self.model.settings, self.model.vocabulary_size, self.model.flat
        self._rows = rows
        self._uses_table = not settings.direct and rows >= _TABLE_FROM * V
        self._logits = like.new_empty(V, rows)
        self._dh = like.new_empty(rows, settings.hidden)
        if self._uses_table:
            return
        self._h = torch.empty_like(self._dh)
        self._embedded = like.new_empty(rows * settings.context, settings.embedding)
        self._x = self._embedded.view(rows, -1)
        self._dx_by_character = torch.empty_like(self._embedded)
        self._dx = self._dx_by_character.view_as(self._x)
        self._dx_transposed = self._dx.new_empty(self._x.shape[1], rows)


def _softmax_backward(logits: Tensor, batch: Batch, log_likelihoods: Tensor) -> Tensor:
    """The gradient of the weighted mean NLL in the logits (V, B); fills `log_likelihoods` (P,)."""
    log_probabilities = torch.log_softmax(logits, 0)
    torch.take(log_probabilities, batch.targets, out=log_likelihoods)
    dlogits = log_probabilities.exp_().mul_(batch.row_weights)
    return dlogits.put_(batch.targets, batch.minus_weights, accumulate=True)
