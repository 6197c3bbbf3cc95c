"""A dataset in numbers."""

from typing import Any

import torch

from ..analysis.bigrams import bigram_counts
from .dataset import SPLITS, Dataset

_COMMONEST = 12


def overview(dataset: Dataset) -> dict[str, Any]:
    """What there is to know of a dataset, as plain values.

    Keys: name, path, items, distinct, vocabulary (the boundary counted), shortest, longest,
    examples (of train, dev, test), seen (held-out items that also stand in train: of dev, test),
    and bigrams (the twelve commonest pairs with their counts, the boundary shown by its sign).
    """
    return {
        "name": dataset.name,
        "path": str(dataset.path),
        "items": dataset.items,
        "distinct": dataset.distinct,
        "vocabulary": dataset.vocabulary.size,
        "shortest": dataset.shortest,
        "longest": dataset.longest,
        "examples": {split: dataset.split(split).examples for split in SPLITS},
        "seen": {split: int(dataset.seen_items(split).sum()) for split in SPLITS[1:]},
        "bigrams": _commonest_bigrams(dataset),
    }


def _commonest_bigrams(dataset: Dataset) -> list[dict[str, Any]]:
    counts = bigram_counts(dataset)
    size = dataset.vocabulary.size
    found = torch.topk(counts.view(-1), min(_COMMONEST, counts.numel()))
    label = dataset.vocabulary.label
    return [
        {"pair": label(place // size) + label(place % size), "count": count}
        for place, count in zip(found.indices.tolist(), found.values.tolist(), strict=True)
        if count
    ]
