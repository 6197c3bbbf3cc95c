"""Statistics of a dataset."""

from typing import Any

import torch
from torch import Tensor

from ..constants import SPLITS
from .dataset import Dataset

_NUM_BIGRAMS = 12
_TOKENS_PER_BLOCK = 1 << 20


def dataset_stats(dataset: Dataset) -> dict[str, Any]:
    """The statistics of a dataset, as plain values.

    Keys: name, path, items, distinct, vocabulary (its size, the boundary counted), shortest and
    longest (items, in characters), examples (of train, dev and test), seen (items of dev and test
    that also stand in train), notes (what was changed in reading, in sentences), bigrams (the
    twelve commonest pairs with their counts).
    """
    counts, size, exact = bigram_counts(dataset), dataset.vocabulary.size, dataset.vocabulary.exact
    commonest = torch.topk(counts.view(-1), min(_NUM_BIGRAMS, counts.numel()))
    return {
        "name": dataset.name,
        "path": str(dataset.path),
        "items": dataset.num_items,
        "distinct": dataset.distinct,
        "vocabulary": dataset.vocabulary.size,
        "shortest": dataset.shortest,
        "longest": dataset.longest,
        "examples": {split: dataset.split(split).num_examples for split in SPLITS},
        "seen": {split: int(dataset.seen_items(split).sum()) for split in SPLITS[1:]},
        "notes": list(dataset.notes),
        "bigrams": [
            {"pair": exact(place // size) + exact(place % size), "count": count}
            for count, place in zip(*map(Tensor.tolist, commonest), strict=True)
            if count
        ],
    }


def bigram_counts(dataset: Dataset) -> Tensor:
    """How often each character follows each in all items: (V, V) int32, [previous, next]."""
    size, tokens = dataset.vocabulary.size, dataset.split("all").tokens
    counts = torch.zeros(size * size, dtype=torch.int32)
    for first in range(0, len(tokens) - 1, _TOKENS_PER_BLOCK):
        some = tokens[first : first + _TOKENS_PER_BLOCK + 1].int()
        counts += torch.bincount(some[:-1] * size + some[1:], minlength=size * size)
    return counts.view(size, size)
