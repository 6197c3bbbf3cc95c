"""Statistics of a dataset."""

import torch
from torch import Tensor

from ..constants import DATASET_NOTES, SPLITS
from ..results import DatasetStats, PairCount
from .dataset import Dataset
from .vocabulary import Vocabulary

_NUM_ITEMS = 10
_NUM_BIGRAMS = 12
_TOKENS_PER_BLOCK = 1 << 20


def dataset_stats(dataset: Dataset) -> DatasetStats:
    """The statistics of a dataset."""
    commonest, rarest = _extreme_bigrams(bigram_counts(dataset), dataset.vocabulary)
    num_first = min(_NUM_ITEMS, dataset.num_items)
    about = DATASET_NOTES.get(dataset.name, ()) if dataset.built_in else ()
    return DatasetStats(
        name=dataset.name,
        path=str(dataset.path),
        items=dataset.num_items,
        distinct=dataset.distinct,
        vocabulary=dataset.vocabulary.size,
        shortest=dataset.shortest,
        longest=dataset.longest,
        examples={split: dataset.num_examples(split) for split in SPLITS},
        seen={split: int(dataset.seen_items(split).sum()) for split in SPLITS[1:]},
        notes=[*dataset.notes, *about],
        first=[dataset.encoded.item(i) for i in range(num_first)],
        bigrams=commonest,
        rarest=rarest,
    )


def _extreme_bigrams(
    counts: Tensor, vocabulary: Vocabulary
) -> tuple[list[PairCount], list[PairCount]]:
    """The commonest and the rarest pairs that occur, of equally frequent ones by their ids."""
    size, flat, exact = vocabulary.size, counts.view(-1), vocabulary.exact
    places = flat.nonzero()[:, 0]
    found = flat[places].long()  # (P,), of the pairs that occur
    number = min(_NUM_BIGRAMS, len(places))
    order = torch.arange(len(places))
    # Every key is another number, so that the order of equal counts is not left to topk.
    keys = (found * len(places) - order, found * len(places) + order)
    commonest = places[torch.topk(keys[0], number).indices].tolist()
    rarest = places[torch.topk(keys[1], number, largest=False).indices].tolist()

    def pair(place: int) -> PairCount:
        return PairCount(exact(place // size) + exact(place % size), int(flat[place]))

    return list(map(pair, commonest)), list(map(pair, rarest))


def bigram_counts(dataset: Dataset, split: str | None = None) -> Tensor:
    """How often each character follows each in a split: (V, V) int32, [previous, next].

    split: a name as `Dataset.split` takes it; None for all items, in the file's order, as it is.
    """
    size = dataset.vocabulary.size
    tokens = dataset.split(split or f"first-{dataset.num_items}").tokens
    counts = torch.zeros(size * size, dtype=torch.int32)
    for first in range(0, len(tokens) - 1, _TOKENS_PER_BLOCK):
        some = tokens[first : first + _TOKENS_PER_BLOCK + 1].int()
        counts += torch.bincount(some[:-1] * size + some[1:], minlength=size * size)
    return counts.view(size, size)
