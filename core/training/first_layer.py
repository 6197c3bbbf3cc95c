"""The MLP's first layer and the direct connections, forward and backward, in two ways.

`DenseLayer` multiplies the embeddings of each context. `TableLayer` computes what each character
contributes at each position once, and adds up rows of that table; `training/gradients.py` says
when that is faster.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from .batches import Batches

_NOTHING = torch.empty(0, dtype=torch.int64)


@dataclass(slots=True)
class Inputs:
    """The contexts of a batch of M rows.

    characters: (M*T,), ids.
    For a `TableLayer` also: table_rows (M*T,), the row of the table of each; ordered (T*M,), the
    contexts in which each row of the table occurs; and offsets (T*V,), where those begin in it.
    """

    rows: int
    characters: Tensor
    table_rows: Tensor = _NOTHING
    ordered: Tensor = _NOTHING
    offsets: Tensor = _NOTHING


def layer_inputs(batches: Batches, V: int, for_table: bool) -> list[Inputs]:
    """Each batch's inputs for a `DenseLayer`, and if asked for also for a `TableLayer`."""
    (R, T), n = batches.contexts.shape, len(batches.rows)
    sizes = [T * rows for rows in batches.rows]
    characters = batches.contexts.view(-1).split(sizes)
    if not for_table:
        return list(map(Inputs, batches.rows, characters))
    rows = torch.tensor(batches.rows)  # (n,)
    first = (rows.cumsum(0) - rows).repeat_interleave(rows)  # (R,)
    table_rows = batches.contexts + V * torch.arange(T)  # (R, T)
    of_batch = T * V * torch.arange(n).repeat_interleave(rows)  # (R,)
    keys = (table_rows.T + of_batch).reshape(-1)  # (T*R,)
    narrow = torch.int16 if n * T * V < 2**15 else torch.int64  # faster to sort
    order = keys.to(narrow).sort(stable=True).indices  # batch by batch
    ordered = order.remainder_(R).sub_(first.repeat_interleave(T))
    counts = torch.bincount(keys, minlength=n * T * V).view(n, T * V)
    offsets = counts.cumsum(1) - counts
    parts = table_rows.view(-1).split(sizes), ordered.split(sizes), offsets.unbind()
    return list(map(Inputs, batches.rows, characters, *parts))


class DenseLayer:
    """The first layer, and the direct connections, on the embeddings of each context."""

    def __init__(self, p: dict[str, Tensor], d: dict[str, Tensor], rows: int):
        """For parameters p and their gradients d by name, and batches of M = `rows` contexts."""
        self._C, self._W1, self._b1 = p["C"], p["W1"], p["b1"]
        self._dC, self._dW1 = d["C"], d["W1"]
        self._W3, self._dW3 = (p["W3"], d["W3"].T) if "W3" in p else (None, None)
        inputs, D = len(self._W1), self._C.shape[1]
        self._x = self._C.new_empty(rows, inputs)  # (M, T*D)
        self._x_transposed, self._embedded = self._x.T, self._x.view(-1, D)
        self._dx_transposed = self._C.new_empty(inputs, rows)  # (T*D, M)
        self._dx = torch.empty_like(self._x)  # (M, T*D)
        self._dx_view, self._dembedded = self._dx_transposed.T, self._dx.view(-1, D)

    def forward(self, inputs: Inputs, h: Tensor) -> Tensor:
        """2 (x W1 + b1), x being the embeddings, written to h (M, H)."""
        torch.index_select(self._C, 0, inputs.characters, out=self._embedded)  # fills x
        return torch.addmm(self._b1, self._x, self._W1, beta=2, alpha=2, out=h)

    def add_direct(self, logits: Tensor) -> None:
        """Add the direct connections' part to the logits (V, M)."""
        if self._W3 is not None:
            logits.addmm_(self._W3.T, self._x_transposed)

    def backward(self, inputs: Inputs, dh: Tensor, dh_transposed: Tensor, dlogits: Tensor) -> None:
        """The gradients of W1, C and W3.

        dh: (M, H), of the hidden layer before tanh, and (H, M). dlogits: (V, M).
        """
        torch.mm(self._x_transposed, dh, out=self._dW1)
        dx = torch.mm(self._W1, dh_transposed, out=self._dx_transposed)  # (T*D, M)
        if self._W3 is not None:
            torch.mm(dlogits, self._x, out=self._dW3)
            dx.addmm_(self._W3, dlogits)
        self._dx.copy_(self._dx_view)
        self._dC.zero_().index_add_(0, inputs.characters, self._dembedded)


class TableLayer:
    """The first layer by a table of what each character contributes at each position.

    It has no direct connections, which need the embeddings of each context.
    """

    def __init__(self, p: dict[str, Tensor], d: dict[str, Tensor], rows: int):
        """For parameters p and their gradients d by name, and batches of M = `rows` contexts."""
        (V, D), (inputs, H) = p["C"].shape, p["W1"].shape
        T = inputs // D
        self._C, self._W1, self._b1 = p["C"].expand(T, V, D), p["W1"].view(T, D, H), p["b1"]
        self._C_transposed, self._W1_transposed = self._C.mT, self._W1.mT
        self._dC, self._dW1 = d["C"], d["W1"].view(T, D, H)
        self._table = self._b1.new_empty(T, V, H)
        self._first_position, self._table_rows = self._table[0], self._table.view(T * V, H)
        self._offsets = torch.arange(0, rows * T, T)

    def forward(self, inputs: Inputs, h: Tensor) -> Tensor:
        """2 (x W1 + b1) as a sum of T rows of the table, a new tensor (M, H)."""
        torch.baddbmm(self._table, self._C, self._W1, beta=0, alpha=2, out=self._table)
        self._first_position.add_(self._b1, alpha=2)
        return _row_sums(self._table_rows, inputs.table_rows, self._offsets)

    def add_direct(self, logits: Tensor) -> None:
        """There are no direct connections."""

    def backward(self, inputs: Inputs, dh: Tensor, dh_transposed: Tensor, dlogits: Tensor) -> None:
        """The gradients of W1 and C, by way of the table's; arguments as for `DenseLayer`."""
        dtable = _row_sums(dh, inputs.ordered, inputs.offsets).view_as(self._table)  # (T, V, H)
        torch.bmm(self._C_transposed, dtable, out=self._dW1)  # (T, D, H)
        torch.sum(torch.bmm(dtable, self._W1_transposed), 0, out=self._dC)


def _row_sums(values: Tensor, rows: Tensor, offsets: Tensor) -> Tensor:
    """Sums of rows of `values` (N, H): of rows[offsets[i]] to rows[offsets[i + 1] - 1]."""
    return torch.embedding_bag(values, rows, offsets, False, 0)[0]
