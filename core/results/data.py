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


class DatasetStats(Struct, frozen=True):
    """A dataset in numbers: its characters with the boundary, its shortest and longest item in
    characters, the examples of train, dev and test, and the items of dev and of test that also
    occur in train (`seen`). notes: what was changed in reading it, in sentences."""

    name: str
    unique: bool
    path: str
    items: int
    distinct: int
    characters: int
    shortest: int
    longest: int
    examples: tuple[int, int, int]
    seen: tuple[int, int]
    notes: tuple[str, ...] = ()
