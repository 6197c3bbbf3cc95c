"""What the panels draw, as plain values."""

import torch
from torch import Tensor

from .dataset import Dataset, gather_contexts
from .messages import BigramTable, PairFacts
from .models import Model

_CONTEXTS_AT_MOST = 1024
_TOKENS_AT_ONCE = 1 << 20


def bigram_counts(dataset: Dataset) -> Tensor:
    """How often each character follows each in the whole data: (V, V) int32, [previous, next]."""
    size = dataset.vocabulary.size
    tokens = dataset.split("all").tokens
    counts = torch.zeros(size * size, dtype=torch.int32)
    for first in range(0, len(tokens) - 1, _TOKENS_AT_ONCE):
        some = tokens[first : first + _TOKENS_AT_ONCE + 1].int()
        pairs = some[:-1] * size + some[1:]
        counts += torch.bincount(pairs, minlength=size * size)
    return counts.view(size, size)


class BigramInsight:
    """P(next | previous) as a model sees it, whatever its context.

    A model with a longer context gives one distribution for each context that ends in a character;
    they are averaged over a fixed sample of the training contexts.
    """

    def __init__(self, dataset: Dataset, context: int, counts: Tensor | None = None):
        """counts: those of `bigram_counts`, where they are known already."""
        size = dataset.vocabulary.size
        self.context = context
        self.counts = bigram_counts(dataset) if counts is None else counts
        each = max(1, min(40, _CONTEXTS_AT_MOST // size))
        tokens = dataset.split("train").tokens
        previous = tokens[: min(len(tokens) - 1, 1 << 22)].long()
        in_order = torch.sort(previous, stable=True).indices  # places, grouped by character
        groups = torch.bincount(previous, minlength=size).tolist()
        chosen = [
            group[:: max(1, len(group) // each)][:each] for group in torch.split(in_order, groups)
        ]
        contexts = [
            gather_contexts(tokens, group + 1, context) if len(group) else _lone(character, context)
            for character, group in enumerate(chosen)
        ]
        self._sizes = [len(some) for some in contexts]
        self._contexts = torch.cat(contexts)  # (M, T)

    def probabilities(self, model: Model, first: int, last: int) -> Tensor:
        """Rows `first` to `last`-1 of the table: (rows, V)."""
        begin, sizes = sum(self._sizes[:first]), self._sizes[first:last]
        logits = model.logits(self._contexts[begin : begin + sum(sizes)])
        each = torch.softmax(logits, 1).float()  # (M, V)
        row = torch.repeat_interleave(torch.arange(last - first), torch.tensor(sizes))
        sums = torch.zeros(last - first, each.shape[1]).index_add_(0, row, each)
        return sums / torch.tensor(sizes)[:, None]

    def table(
        self, model: Model, top: int, left: int, rows: int, columns: int, cursor: tuple[int, int]
    ) -> BigramTable:
        """A window of the table, cut to its size, and the pair under the cursor.

        The window is empty where the model's weights are no longer finite.
        """
        size = model.vocabulary_size
        top, left = max(0, min(top, size - 1)), max(0, min(left, size - 1))
        window = self.probabilities(model, top, min(top + rows, size))
        previous, following = (max(0, min(place, size - 1)) for place in cursor)
        row = self.probabilities(model, previous, previous + 1)[0]
        finite = bool(window.isfinite().all())
        return BigramTable(
            top=top,
            left=left,
            probabilities=window[:, left : left + columns].tolist() if finite else [],
            pair=PairFacts(
                previous=previous,
                following=following,
                count=int(self.counts[previous, following]),
                probability=float(row[following]),
                rank=int((row > row[following]).sum()) + 1,
            ),
        )


def _lone(character: int, context: int) -> Tensor:
    """The context of a character that begins an item, for one that train never has: (1, T)."""
    lone = torch.zeros(1, context, dtype=torch.int64)
    lone[0, -1] = character
    return lone
