"""Datasets, as plain values."""

from msgspec import Struct

from ..reading import PLAIN, Reading


class DatasetFacts(Struct, frozen=True):
    """A dataset: its characters' labels by id; its source is a built-in name or a file's path.
    notes: what was changed in reading it, in sentences."""

    name: str
    items: int
    labels: tuple[str, ...]
    source: str = ""
    unique: bool = False
    reading: Reading = PLAIN
    notes: tuple[str, ...] = ()

    @property
    def characters(self) -> int:
        """The number of characters, with the boundary."""
        return len(self.labels)


class PairCount(Struct, frozen=True):
    """Two characters, one after the other, and how often they occur."""

    pair: str
    count: int


class DatasetStats(Struct, frozen=True):
    """A dataset in numbers.

    vocabulary: its size, the boundary counted. shortest, longest: items, in characters. examples:
    of train, dev and test. seen: items of dev and test that also stand in train. notes: what was
    changed in reading, and what there is to know of a built-in dataset, in sentences. first: the
    first ten items of the file. bigrams, rarest: the twelve commonest and the twelve rarest pairs
    that occur.
    """

    name: str
    path: str
    items: int
    distinct: int
    vocabulary: int
    shortest: int
    longest: int
    examples: dict[str, int]
    seen: dict[str, int]
    notes: list[str] = []
    first: list[str] = []
    bigrams: list[PairCount] = []
    rarest: list[PairCount] = []
