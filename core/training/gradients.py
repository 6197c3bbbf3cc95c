"""The loss and its gradient, written out by hand: forward and backward, line by line with shapes.

It computes what autograd would (its reference in the tests) with fewer operations and into memory
that is allocated once. A batch is a set of contexts (M, T) and, for each, how much of the loss
falls on each character after it: `targets` (V, M), minus those shares, which sum to -1. The same
code serves a minibatch (each context has one target, of share 1 / M) and the whole split (each
distinct context once, with all the characters that follow it).

Softmax with cross-entropy has the gradient probabilities minus targets; tanh has 1 - h**2.

What makes it fast (figures are microseconds of one thread, batch 512, hidden 300):

- What has V columns is stored transposed, (V, M): a matrix product takes 110 instead of 190, and
  softmax 8 instead of 27. So the model stores W2 (and W3) transposed too.
- tanh(x) is computed as 2 sigmoid(2x) - 1: torch's sigmoid is vectorised and its tanh is not, 70
  against 410, with a difference near 1e-7.
- The targets are written out for many steps at once, so that the gradient of softmax is a single
  operation and the losses of those steps can be summed afterwards.
- Views of the parameters are made once: making one takes as long as a small product.
- The first layer is linear in the characters, and there are few. For a batch larger than the
  alphabet, the contribution of each character at each position is computed once, C @ W1[t], and a
  context's hidden layer is the sum of T rows of that table: 120 instead of 640. Backward, sorted
  rows are first summed by position and character, then multiplied: 250 instead of 1,500.

Measured and rejected: a constant-one column for the biases, updating the parameters within the
products, one-hot rows for gathering embeddings, sums by character as a sparse product.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from ..models.mlp import MLP
from ..models.model import Network
from ..models.neural_bigram import NeuralBigram
from .batches import Batches
from .first_layer import DenseLayer, TableLayer, layer_inputs

_SUM_COSTS = 8  # adding up a row of the table takes as long as so many products of its length
_MAX_WORKSPACES = 16
_ALL = slice(None)


class PreparedBatches:
    """Batches ready for their steps: inputs, targets, and memory for the log probabilities.

    rows: how many contexts M each batch has. each: inputs, targets (V, M) and log probabilities
    (V, M) of each. taken: how many have been trained on, for the trainer to count.
    """

    def __init__(self, batches: Batches, inputs: Sequence[Any], like: Tensor):
        """inputs: those of each batch's first layer. like: a tensor of V rows, of the parameters'
        dtype."""
        V = len(like)
        self.taken: int = 0
        self.rows: list[int] = batches.rows
        self._batches = batches
        self._log_probabilities = like.new_empty(V * len(batches.contexts))
        targets = _matrices(batches.minus_targets(V), batches.rows)
        log_probabilities = _matrices(self._log_probabilities, batches.rows)
        self.each: list[tuple[Any, Tensor, Tensor]] = list(
            zip(inputs, targets, log_probabilities, strict=True)
        )

    def losses(self, some: slice = _ALL) -> Tensor:
        """The weighted mean NLL of each of some batches, (n,), whose steps have been taken."""
        return self._batches.losses(self._log_probabilities, some)


class _Step:
    """A model's parameters, sharing their memory, and a gradient of their length."""

    def __init__(self, model: Network):
        self.model = model
        with torch.inference_mode():  # torch doesn't count changes: 4 microseconds a step less
            self.parameters: Tensor = torch.from_dlpack(model.flat)
            self.gradient: Tensor = torch.zeros_like(model.flat)
        self._p, self._d = model.views(self.parameters), model.views(self.gradient)


class NeuralBigramStep(_Step):
    """Loss and gradient of the one-layer network."""

    def prepare(self, batches: Batches) -> PreparedBatches:
        """As `MLPStep.prepare`; the inputs of a batch are its last characters."""
        return PreparedBatches(batches, batches.contexts[:, -1].split(batches.rows), self._p["W"])

    def gradients(
        self, batches: PreparedBatches, some: slice = _ALL, masks: Iterator[Tensor] | None = None
    ) -> Iterator[Tensor]:
        """As `MLPStep.gradients`; without hidden units there is nothing to mask."""
        W, dW = self._p["W"], self._d["W"]
        for characters, targets, log_p in batches.each[some]:
            logits = W.T.index_select(1, characters)  # (V, M)
            dlogits = _softmax_backward(logits, targets, log_p)
            dW.zero_().index_add_(0, characters, dlogits.T)  # (V, V)
            yield self.gradient


class MLPStep(_Step):
    """Loss and gradient of the multilayer perceptron."""

    def __init__(self, model: MLP):
        super().__init__(model)
        self._W2, self._b2 = self._p["W2"].T, self._p["b2"][:, None]  # (V, H), (V, 1)
        self._dW2, self._db1, self._db2 = self._d["W2"].T, self._d["b1"], self._d["b2"]
        self._workspaces: dict[int, _Workspace] = {}

    def prepare(self, batches: Batches) -> PreparedBatches:
        """Make what the steps need of these batches, for all of them at once."""
        for_table = any(map(self._uses_table, batches.rows))
        inputs = layer_inputs(batches, self.model.vocabulary_size, for_table)
        return PreparedBatches(batches, inputs, self._W2)

    def gradients(
        self, batches: PreparedBatches, some: slice = _ALL, masks: Iterator[Tensor] | None = None
    ) -> Iterator[Tensor]:
        """For each of some batches yield the gradient (num_parameters,), always the same tensor;
        the caller may change the parameters before it asks for the next.

        masks: for dropout, a factor for each hidden unit of each context, (M, H), batch by batch.
        """
        W2, b2 = self._W2, self._b2
        minus_one = W2.new_full((1,), -1.0)
        for x, targets, log_p in batches.each[some]:
            space = self._workspaces.get(x.rows) or self._make_workspace(x.rows)
            h, dh, kept, kept_transposed = space.h, space.dh, space.h, space.h_transposed
            torch.sigmoid(space.first_layer.forward(x, h), out=h)
            torch.add(minus_one, h, alpha=2, out=h)  # (M, H), tanh(x W1 + b1)
            mask = next(masks) if masks is not None else None  # (M, H)
            if mask is not None:
                kept = torch.mul(h, mask, out=space.kept)  # (M, H)
                kept_transposed = space.kept_transposed
            logits = torch.addmm(b2, W2, kept_transposed, out=space.logits)  # (V, M)
            space.first_layer.add_direct(logits)
            dlogits = _softmax_backward(logits, targets, log_p)  # (V, M), in the logits' memory
            torch.mm(dlogits, kept, out=self._dW2)  # (V, H)
            torch.mv(dlogits, space.ones, out=self._db2)
            torch.mm(space.logits_transposed, W2, out=dh)  # (M, H)
            if mask is not None:
                dh.mul_(mask)
            dh.addcmul_(dh, torch.mul(h, h, out=space.square), value=-1)  # dh * (1 - h**2)
            torch.mv(space.dh_transposed, space.ones, out=self._db1)
            space.first_layer.backward(x, dh, space.dh_transposed, dlogits)
            yield self.gradient

    def _make_workspace(self, rows: int) -> "_Workspace":
        """The workspace for batches of so many contexts; kept, because few sizes occur."""
        layer = TableLayer if self._uses_table(rows) else DenseLayer
        if len(self._workspaces) == _MAX_WORKSPACES:
            self._workspaces.clear()
        self._workspaces[rows] = _Workspace(self.model, rows, layer(self._p, self._d, rows))
        return self._workspaces[rows]

    def _uses_table(self, rows: int) -> bool:
        """True if a table is faster: its V*D products and M sums against M*D products, a position
        and hidden unit. Measured: from 5 contexts a character on with embedding 10, 1.5 with 24."""
        D, V = self.model.settings.embedding, self.model.vocabulary_size
        return not self.model.settings.direct and rows * (D - _SUM_COSTS) >= V * D


class _Workspace:
    """Memory for the steps of one batch size M, and views of it."""

    def __init__(self, model: Network, rows: int, first_layer: DenseLayer | TableLayer):
        self.first_layer = first_layer
        self.h = model.flat.new_empty(rows, model.settings.hidden)  # (M, H), the hidden layer
        self.dh = torch.empty_like(self.h)  # (M, H), its gradient
        self.square = torch.empty_like(self.h)  # (M, H), h * h
        self.kept = torch.empty_like(self.h)  # (M, H), h after dropout
        self.logits = model.flat.new_empty(model.vocabulary_size, rows)  # (V, M), then its gradient
        self.ones = model.flat.new_ones(rows)  # (M,)
        self.h_transposed, self.kept_transposed = self.h.T, self.kept.T
        self.dh_transposed, self.logits_transposed = self.dh.T, self.logits.T


_STEPS: dict[type[Network], Any] = {MLP: MLPStep, NeuralBigram: NeuralBigramStep}


def gradient_step(model: Network) -> MLPStep | NeuralBigramStep:
    """The loss and gradient of a network."""
    return _STEPS[type(model)](model)


def _matrices(flat: Tensor, columns: list[int]) -> Sequence[Tensor]:
    """(V * R,) cut into a matrix (V, M) for each of the numbers M."""
    V = len(flat) // sum(columns)
    if len(set(columns)) == 1:
        return flat.view(len(columns), V, columns[0]).unbind()  # all at once
    return [part.view(V, -1) for part in flat.split([V * M for M in columns])]


def _softmax_backward(logits: Tensor, targets: Tensor, log_probabilities: Tensor) -> Tensor:
    """Fill `log_probabilities` (V, M), and return the logits (V, M) replaced by the loss's
    gradient: targets - softmax * (the sum of targets over V)."""
    torch.log_softmax(logits, 0, out=log_probabilities)
    backward = getattr(torch, "_log_softmax_backward_data", None)  # private: it may go
    if backward is not None:
        return backward(targets, log_probabilities, 0, logits.dtype, out=logits)
    return torch.sub(targets, log_probabilities.exp() * targets.sum(0), out=logits)
