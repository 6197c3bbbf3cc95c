"""The loss and its gradient, written out by hand: forward and backward, line by line with shapes.

It computes what autograd would (which is its reference in the tests) with fewer operations and
into memory that is there already. A batch is a set of contexts (B, T) and, for each, how much of
the loss falls on each character after it: `targets` (V, B), minus those shares, so that they add
up to -1. One code serves a minibatch (each context has one target, of share 1 / B) and the whole
split (each distinct context once, with all that follows it).

Softmax with cross-entropy has the gradient probabilities minus targets; tanh has 1 - h**2.

What makes it fast; the figures are microseconds of one thread on one machine, in one run.

- What has V columns is kept transposed, (V, B): a matrix product that writes rows of 27 takes 190
  where one that writes 27 rows takes 110, and softmax 27 where it takes 8 (batch 512, hidden
  300). So the model stores W2 (and W3) transposed too. The gradient of the inputs is made
  transposed as well and copied: 8 instead of 10 (batch 32).
- tanh(x) is computed as 2 sigmoid(2x) - 1: torch's sigmoid is vectorised and its tanh is not, 70
  against 410 (512 by 300), with a difference near 1e-7.
- The targets are written out for many steps at once, so the gradient of softmax is a single
  operation, and so that the losses of all those steps can be added up afterwards.
- Views of the parameters are made once: making one takes as long as a small product.
- The first layer is linear in the characters, and there are few. For a batch larger than the
  alphabet, the contribution of each character at each place is computed once, C @ W1[t], and a
  context's hidden layer is the sum of T rows of that table: 120 instead of 640 (context 8,
  embedding 24, hidden 300, batch 512). Backward, the rows are first added up by place and
  character, then multiplied: 250 instead of 1,500. Adding up is done on rows put in order, 145,
  because `index_add_` takes 200.

Measured and not kept: a constant-one column for the biases (a wider product takes back what it
saves), updating the parameters within the products (no faster, and leaves no gradient to look at),
embeddings gathered and scattered as a product with one-hot rows (no faster), or the sums by
character as a sparse product (107 against the 75 of `embedding_bag`).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ..models.mlp import MLP
from ..models.neural_bigram import NeuralBigram
from .batches import Batches

_SUM_COSTS = 8  # adding up a row of the table takes as long as so many products of its length
_MAX_WORKSPACES = 16
_ALL = slice(None)
_NOTHING = torch.empty(0, dtype=torch.int64)


class NeuralBigramStep:
    """Loss and gradient of the one-layer network."""

    def __init__(self, model: NeuralBigram):
        self.model = model
        self.parameters: Tensor
        self.gradient: Tensor
        self.parameters, self.gradient = _untracked(model)
        self._W = model.views(self.parameters)["W"]
        self._dW = model.views(self.gradient)["W"]

    def prepare(self, batches: Batches) -> "Prepared":
        """As `MLPStep.prepare`; the inputs of a batch are its last characters."""
        return Prepared(batches, batches.contexts[:, -1].split(batches.rows), self._W)

    def gradients(
        self, prepared: "Prepared", some: slice = _ALL, masks: Iterator[Tensor] | None = None
    ) -> Iterator[Tensor]:
        """As `MLPStep.gradients`; there are no hidden units that could be left out."""
        W = self._W
        for characters, targets, log_p in prepared.of_each(some):
            logits = W.T.index_select(1, characters)  # (V, M)
            _softmax_backward(logits, targets, log_p)
            self._dW.zero_().index_add_(0, characters, logits.T)  # (V, V)
            yield self.gradient


class MLPStep:
    """Loss and gradient of the multilayer perceptron."""

    def __init__(self, model: MLP):
        self.model = model
        self.parameters: Tensor
        self.gradient: Tensor
        self.parameters, self.gradient = _untracked(model)
        self._p, self._d = model.views(self.parameters), model.views(self.gradient)
        self._workspaces: dict[int, _Workspace] = {}

    def prepare(self, batches: Batches) -> "Prepared":
        """What the steps need of these batches, made for all of them at once."""
        return Prepared(batches, self._inputs(batches), self._p["W2"].T)

    def gradients(
        self, prepared: "Prepared", some: slice = _ALL, masks: Iterator[Tensor] | None = None
    ) -> Iterator[Tensor]:
        """For each of some prepared batches yield the gradient (parameters,), always the same
        tensor; the caller may then change the parameters.

        masks: for dropout, a factor for each hidden unit of each context, (M, H), batch by batch.
        """
        p, d = self._p, self._d
        W2, b2, dW2, db2, db1 = p["W2"].T, p["b2"][:, None], d["W2"].T, d["b2"], d["b1"]
        minus_one = W2.new_full((1,), -1.0)
        for x, targets, log_p in prepared.of_each(some):
            workspace = self._workspaces.get(x.rows) or self._make_workspace(x.rows)
            h, dh, logits, first_layer = (
                workspace.h,
                workspace.dh,
                workspace.logits,
                workspace.first_layer,
            )
            kept, kept_transposed = h, workspace.h_transposed

            torch.sigmoid(first_layer.forward(x, h), out=h)
            torch.add(minus_one, h, alpha=2, out=h)  # (M, H), tanh(x W1 + b1)
            mask = next(masks) if masks is not None else None  # (M, H)
            if mask is not None:
                kept, kept_transposed = (
                    torch.mul(h, mask, out=workspace.kept),
                    workspace.kept_transposed,
                )
            torch.addmm(b2, W2, kept_transposed, out=logits)  # (V, M)
            first_layer.add_direct(logits)
            _softmax_backward(logits, targets, log_p)

            dlogits = logits  # (V, M): their gradient has taken their place
            torch.mm(dlogits, kept, out=dW2)  # (V, H)
            torch.mv(dlogits, workspace.ones, out=db2)
            torch.mm(workspace.logits_transposed, W2, out=dh)  # (M, H)
            if mask is not None:
                dh.mul_(mask)
            dh.addcmul_(dh, torch.mul(h, h, out=workspace.square), value=-1)  # dh * (1 - h**2)
            torch.mv(workspace.dh_transposed, workspace.ones, out=db1)
            first_layer.backward(x, workspace)
            yield self.gradient

    def _make_workspace(self, rows: int) -> "_Workspace":
        """What a batch of so many contexts needs; kept, for few sizes occur."""
        model, p, d = self.model, self._p, self._d
        h = model.flat.new_empty(rows, model.settings.hidden)
        logits = model.flat.new_empty(model.vocabulary_size, rows)
        dh, kept = torch.empty_like(h), torch.empty_like(h)
        if len(self._workspaces) == _MAX_WORKSPACES:
            self._workspaces.clear()
        self._workspaces[rows] = workspace = _Workspace(
            h=h,
            dh=dh,
            logits=logits,
            square=torch.empty_like(h),
            kept=kept,
            kept_transposed=kept.T,
            h_transposed=h.T,
            dh_transposed=dh.T,
            logits_transposed=logits.T,
            ones=model.flat.new_ones(rows),
            first_layer=TableLayer(p, d, rows)
            if self._uses_table(rows)
            else DenseLayer(p, d, rows),
        )
        return workspace

    def _uses_table(self, rows: int) -> bool:
        """Whether a table is faster: its V*D products and M sums against M*D products, a place and
        hidden unit. Measured: from 5 contexts a character on with embedding 10, 1.5 with 24."""
        D, V = self.model.settings.embedding, self.model.vocabulary_size
        return not self.model.settings.direct and rows * (D - _SUM_COSTS) >= V * D

    def _inputs(self, batches: Batches) -> "list[_Inputs]":
        """Each batch's contexts, put in order by character if a table will be used."""
        if any(self._uses_table(rows) for rows in batches.rows):
            return _in_order(batches, self.model.vocabulary_size)
        sizes = [batches.contexts.shape[1] * rows for rows in batches.rows]
        contexts = batches.contexts.view(-1).split(sizes)
        return [_Inputs(*each) for each in zip(batches.rows, contexts, strict=True)]


@dataclass(slots=True)
class _Workspace:
    """Memory for the steps of one batch size, and views of it."""

    h: Tensor  # (M, H)
    dh: Tensor
    square: Tensor
    kept: Tensor
    logits: Tensor  # (V, M)
    h_transposed: Tensor
    kept_transposed: Tensor
    dh_transposed: Tensor
    logits_transposed: Tensor
    ones: Tensor  # (M,)
    first_layer: "DenseLayer | TableLayer"


class DenseLayer:
    """The first layer, and the direct connections, on the embeddings of each context."""

    def __init__(self, p: dict[str, Tensor], d: dict[str, Tensor], rows: int):
        """For parameters p and their gradients d by name, and batches of so many contexts."""
        self._C, self._W1, self._b1 = p["C"], p["W1"], p["b1"]
        self._dC, self._dW1 = d["C"], d["W1"]
        self._W3, self._dW3 = (p["W3"], d["W3"].T) if "W3" in p else (None, None)
        inputs, D = len(self._W1), self._C.shape[1]
        self._x = self._C.new_empty(rows, inputs)  # (M, T*D)
        self._x_transposed, self._embedded = self._x.T, self._x.view(-1, D)
        self._dx_transposed = self._C.new_empty(inputs, rows)
        self._dx = torch.empty_like(self._x)
        self._dx_view, self._dembedded = self._dx_transposed.T, self._dx.view(-1, D)

    def forward(self, inputs: "_Inputs", h: Tensor) -> Tensor:
        """2 (x W1 + b1), x being the embeddings, written to h (M, H)."""
        torch.index_select(self._C, 0, inputs.characters, out=self._embedded)  # fills x
        return torch.addmm(self._b1, self._x, self._W1, beta=2, alpha=2, out=h)

    def add_direct(self, logits: Tensor) -> None:
        """Add what the direct connections say to the logits (V, M)."""
        if self._W3 is not None:
            logits.addmm_(self._W3.T, self._x_transposed)

    def backward(self, inputs: "_Inputs", workspace: "_Workspace") -> None:
        """The gradients of W1, C and W3, from those before tanh and of the logits."""
        torch.mm(self._x_transposed, workspace.dh, out=self._dW1)
        dx = torch.mm(self._W1, workspace.dh_transposed, out=self._dx_transposed)  # (T*D, M)
        if self._W3 is not None:
            torch.mm(workspace.logits, self._x, out=self._dW3)
            dx.addmm_(self._W3, workspace.logits)
        self._dx.copy_(self._dx_view)
        self._dC.zero_().index_add_(0, inputs.characters, self._dembedded)


class TableLayer:
    """The first layer by a table of what each character contributes at each place."""

    def __init__(self, p: dict[str, Tensor], d: dict[str, Tensor], rows: int):
        """For parameters p and their gradients d by name, and batches of so many contexts."""
        (V, D), (inputs, H) = p["C"].shape, p["W1"].shape
        T = inputs // D
        self._C, self._W1, self._b1 = p["C"].expand(T, V, D), p["W1"].view(T, D, H), p["b1"]
        self._C_transposed, self._W1_transposed = self._C.mT, self._W1.mT
        self._dC, self._dW1 = d["C"], d["W1"].view(T, D, H)
        self._table = self._b1.new_empty(T, V, H)
        self._first_place, self._table_rows = self._table[0], self._table.view(T * V, H)
        self._offsets = torch.arange(0, rows * T, T)

    def forward(self, inputs: "_Inputs", h: Tensor) -> Tensor:
        """2 (x W1 + b1) as a sum of T rows of the table, a new tensor (M, H)."""
        torch.baddbmm(self._table, self._C, self._W1, beta=0, alpha=2, out=self._table)
        self._first_place.add_(self._b1, alpha=2)
        return _sums(self._table_rows, inputs.table_rows, self._offsets)

    def add_direct(self, logits: Tensor) -> None:
        """The direct connections need the embeddings themselves; there are none."""

    def backward(self, inputs: "_Inputs", workspace: "_Workspace") -> None:
        """The gradients of W1 and C, by way of the table's."""
        dtable = _sums(workspace.dh, inputs.ordered, inputs.offsets).view_as(
            self._table
        )  # (T, V, H)
        torch.bmm(self._C_transposed, dtable, out=self._dW1)  # (T, D, H)
        torch.sum(torch.bmm(dtable, self._W1_transposed), 0, out=self._dC)


@dataclass(slots=True)
class _Inputs:
    """The contexts of a batch.

    characters: (M*T,), ids. For a table, table_rows: (M*T,), its rows that belong to them; ordered:
    (T*M,) and offsets: (T*V,), for each row of the table the contexts in which it occurs, and where
    they begin in `ordered`.
    """

    rows: int
    characters: Tensor
    table_rows: Tensor = _NOTHING
    ordered: Tensor = _NOTHING
    offsets: Tensor = _NOTHING


def _in_order(batches: Batches, V: int) -> list[_Inputs]:
    """The contexts of some batches, with those that have the same character at the same place
    behind one another."""
    (R, T), n = batches.contexts.shape, len(batches.rows)
    rows = torch.tensor(batches.rows)  # (n,)
    first = (rows.cumsum(0) - rows).repeat_interleave(rows)  # (R,)
    table_rows = batches.contexts + V * torch.arange(T)  # (R, T)
    of_batch = T * V * torch.arange(n).repeat_interleave(rows)  # (R,)
    keys = (table_rows.T + of_batch).reshape(-1)  # (T*R,)
    narrow = torch.int16 if n * T * V < 2**15 else torch.int64  # faster to put in order
    order = keys.to(narrow).sort(stable=True).indices  # batch by batch
    ordered = order.remainder_(R).sub_(first.repeat_interleave(T))
    counts = torch.bincount(keys, minlength=n * T * V).view(n, T * V)
    offsets = counts.cumsum(1) - counts
    sizes = [T * rows for rows in batches.rows]
    parts = zip(
        batches.rows,
        batches.contexts.view(-1).split(sizes),
        table_rows.view(-1).split(sizes),
        ordered.split(sizes),
        offsets.unbind(),
        strict=True,
    )
    return [_Inputs(*part) for part in parts]


def _sums(values: Tensor, rows: Tensor, offsets: Tensor) -> Tensor:
    """Sums of rows of `values` (N, H): of rows[offsets[i]] to rows[offsets[i + 1] - 1]."""
    return torch.embedding_bag(values, rows, offsets, False, 0)[0]


def _untracked(model: NeuralBigram | MLP) -> tuple[Tensor, Tensor]:
    """A model's parameters, the same memory, and a gradient of their length.

    Made in inference mode, where torch need not count their changes: 4 microseconds a step.
    """
    with torch.inference_mode():
        return torch.from_dlpack(model.flat), torch.zeros_like(model.flat)


class Prepared:
    """Some batches made ready for their steps: their inputs, their targets, and memory for the
    log probabilities of all characters, which the steps fill."""

    def __init__(self, batches: Batches, inputs: Sequence[Any], like: Tensor):
        """inputs: what the first layer takes, batch by batch; like: a tensor of V rows, of the
        parameters' dtype."""
        V = len(like)
        self._batches = batches
        self._log_probabilities = like.new_empty(V * len(batches.contexts))
        targets = _matrices(batches.minus_targets(V), batches.rows)
        log_probabilities = _matrices(self._log_probabilities, batches.rows)
        self._of_each = list(zip(inputs, targets, log_probabilities, strict=True))

    def of_each(self, some: slice) -> list[tuple[Any, Tensor, Tensor]]:
        """Inputs, targets (V, M) and log probabilities (V, M) of some batches."""
        return self._of_each[some]

    def losses(self) -> Tensor:
        """The weighted mean NLL of each batch, (n,); right for those whose step has been taken."""
        return self._batches.losses(self._log_probabilities)


def _matrices(flat: Tensor, columns: list[int]) -> Sequence[Tensor]:
    """(V * R,) cut into matrices (V, M)."""
    V = len(flat) // sum(columns)
    if len(set(columns)) == 1:
        return flat.view(len(columns), V, columns[0]).unbind()  # all at once
    return [part.view(V, -1) for part in flat.split([V * M for M in columns])]


def _softmax_backward(logits: Tensor, targets: Tensor, log_probabilities: Tensor) -> None:
    """Fill `log_probabilities` (V, M), and replace the logits (V, M) by the loss's gradient."""
    torch.log_softmax(logits, 0, out=log_probabilities)
    # targets - softmax * (the sum of targets over V)
    arguments = targets, log_probabilities, 0, logits.dtype
    torch._log_softmax_backward_data(*arguments, out=logits)  # pyright: ignore[reportPrivateImportUsage]
