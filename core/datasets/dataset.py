"""A dataset: items (names, words, lines), their characters as ids, and three splits.

Text is read and encoded a block at a time with whole-array operations, so that 100 MB take seconds
and less than a gigabyte. One small integer a character stays in memory: the tokens of all items,
with a boundary (id 0) between them. The context of a character is gathered from there by position
when it is needed, never stored.
"""

import random
from array import array
from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property
from importlib import resources
from pathlib import Path

import torch
from torch import Tensor

from ..constants import BUILT_IN_DATASETS, MAX_ITEM_LENGTH, MIN_ITEMS
from ..errors import UserError
from ..paths import expanded
from ..reading import PLAIN, Reading
from ..settings import first_n
from .contexts import ContextTable, Split, context_tables
from .reader import EncodedText, read_items
from .vocabulary import BOUNDARY, Vocabulary

_ITEMS_PER_BLOCK = 1 << 16


class Dataset:
    """Items, their vocabulary, and the splits train, dev and test (80/10/10, by item).

    Items are shuffled as `random.Random(42).shuffle` shuffles a list, so the splits are those of
    Karpathy's lecture.

    path: of the file. name: of a built-in dataset, or the file's. built_in: True for the former.
    unique: True if repeated items were dropped. fingerprint: the SHA-256 of the cleaned text.
    reading: how the file was read. encoded: its items in the order of the file.
    is_plain: True if it is UTF-8 text, each line an item as it is.
    notes: what was changed in reading it, in sentences.
    """

    def __init__(
        self, path: Path, unique: bool = False, name: str | None = None, reading: Reading = PLAIN
    ):
        """Read a file of one item a line; it may be packed with gzip.

        unique: drop repeated items. name: of a built-in dataset. Raises UserError if the file can't
        be read, or is not text of one item a line; it names the file, and the line or byte.
        """
        self.path = path
        self.name: str = name or path.name
        self.built_in: bool = name in BUILT_IN_DATASETS
        self.unique = unique
        self.reading = reading
        self.encoded: EncodedText = read_items(path, reading)
        self._tables: dict[int, dict[tuple[str, int], ContextTable]] = {}  # by context length
        self.vocabulary: Vocabulary = self.encoded.vocabulary
        self.fingerprint: str = self.encoded.fingerprint
        if unique:  # the first of each set of equal items stays, in order
            hashes = item_hashes(self.encoded.tokens, self.encoded.starts)
            ordered, origin = torch.sort(hashes, stable=True)
            is_new = torch.ones_like(ordered, dtype=torch.bool)
            is_new[1:] = ordered.diff() != 0
            self.encoded = _reordered(self.encoded, origin[is_new].sort().values.int())
            if self.num_items < MIN_ITEMS:
                raise UserError(
                    f"{path}: only {self.num_items} distinct items; at least {MIN_ITEMS} are needed"
                )
        self.is_plain: bool = self.encoded.is_plain
        self.notes: tuple[str, ...] = self.encoded.notes
        n, dev, test = self.num_items, int(0.8 * self.num_items), int(0.9 * self.num_items)
        self._edges = {"train": (0, dev), "dev": (dev, test), "test": (test, n), "all": (0, n)}

    def __repr__(self) -> str:
        size = self.vocabulary.size
        return f"Dataset({self.name!r}, {self.num_items:,} items, {size:,} characters)"

    @classmethod
    def load(cls, name: str = "names", unique: bool = False, reading: Reading = PLAIN) -> "Dataset":
        """A built-in dataset by name, or a file by path; raises UserError as `Dataset` does."""
        if name in BUILT_IN_DATASETS:
            return cls(built_in_path(name), unique, name, reading)
        return cls(expanded(name), unique, reading=reading)

    @property
    def source(self) -> str:
        """What `load` takes: the name of a built-in dataset, or the file's path."""
        return self.name if self.built_in else str(self.path.resolve())

    @property
    def num_items(self) -> int:
        return len(self.encoded.starts) - 1

    @property
    def nbytes(self) -> int:
        """About how many bytes its tokens take, in the file's order and in that of the splits."""
        return 2 * self.encoded.tokens.nbytes

    @property
    def distinct(self) -> int:
        return len(self._hashes[2])

    @cached_property
    def shortest(self) -> int:
        """The length of the shortest item in characters."""
        return int(self.encoded.starts.diff().min()) - 1

    @cached_property
    def longest(self) -> int:
        """The length of the longest item in characters."""
        return int(self.encoded.starts.diff().max()) - 1

    def split(self, name: str) -> Split:
        """A split by name: train, dev, test, all, or first-N for the first N items of the file.

        Raises UserError if there is no split of that name.
        """
        first_items = first_n(name)
        if first_items:
            last = min(first_items, self.num_items)
            tokens = self.encoded.tokens[: int(self.encoded.starts[last]) + 1]
            return Split(f"first-{last}", tokens, 0, last)
        edges = self._edges
        if name not in edges:
            raise UserError(
                f"there is no split {name!r}; the splits are train, dev, test and all, or first-N"
            )
        first, last = edges[name]
        tokens, starts = self._shuffled.tokens, self._shuffled.starts
        return Split(name, tokens[int(starts[first]) : int(starts[last]) + 1], first, last)

    def num_examples(self, split: str) -> int:
        """The number of examples of train, dev, test, or all."""
        items = self._order[slice(*self._edges[split])]
        return int(self.encoded.starts.diff()[items].sum())

    def context_tables(
        self, split: str, context: int, max_examples: int | None = None
    ) -> Iterator[ContextTable]:
        """The examples of a split by context, in blocks: few contexts are distinct.

        Splits that fit one block are cached, for two context lengths at a time.

        split: a name as `split` takes it. context: characters. max_examples: of a larger split,
        only the first so many (its items are shuffled).
        """
        tables = self.context_tables_in_parts(split, context, max_examples)
        return (table for table in tables if table is not None)

    def context_tables_in_parts(
        self, split: str, context: int, max_examples: int | None = None
    ) -> Iterator[ContextTable | None]:
        """As `context_tables`, with None between the parts of the work."""
        part = self.split(split)
        num_examples = min(part.num_examples, max_examples or part.num_examples)
        if context not in self._tables:
            self._tables = {**dict([*self._tables.items()][-1:]), context: {}}
        known = self._tables[context]
        if (split, num_examples) in known:
            yield known[split, num_examples]
            return
        seen = self.seen_examples(split) if split in ("dev", "test") else None
        for table in context_tables(part, context, num_examples, self.vocabulary.size, seen):
            if table is not None and table.num_examples == num_examples:
                known[split, num_examples] = table
            yield table

    def item(self, index: int) -> str:
        """The text of one item, in the order of the splits: train first, then dev, then test."""
        return self._shuffled.item(index)

    def seen_items(self, split: str) -> Tensor:
        """For each item of a split, whether it also stands in train: (num_items,) bool."""
        hashes, of_train, _ = self._hashes
        return _is_in(hashes[slice(*self._edges[split])], of_train)

    def seen_examples(self, split: str) -> Tensor:
        """For each example of a split, whether its item also stands in train: (num_examples,)
        bool."""
        items = torch.nonzero(self.split(split).tokens == BOUNDARY)[:, 0].diff()  # examples of each
        return torch.repeat_interleave(self.seen_items(split), items)

    def contains(self, texts: list[str]) -> list[bool]:
        """For each text, whether it stands in the data."""
        starts = torch.tensor([0, *(len(text) + 1 for text in texts)]).cumsum(0)
        is_character = torch.ones(int(starts[-1]) + 1, dtype=torch.bool)
        is_character[starts] = False
        tokens = torch.full(is_character.shape, BOUNDARY)
        ids = self.vocabulary.ids("".join(texts), unknown=self.vocabulary.size)
        tokens[is_character] = torch.tensor(ids, dtype=torch.int64)
        hashes = item_hashes(tokens, starts)
        return _is_in(hashes, self._hashes[2]).tolist()

    @cached_property
    def _shuffled(self) -> EncodedText:
        """The items in the order of the splits. Shuffling a large file takes longer than reading
        it, so it waits until it is needed."""
        return _reordered(self.encoded, self._order)

    @cached_property
    def _order(self) -> Tensor:
        """For each place in the order of the splits, the item's in the file: (num_items,) int32."""
        return torch.frombuffer(_shuffled_range(self.num_items), dtype=torch.int32)

    @cached_property
    def _hashes(self) -> tuple[Tensor, Tensor, Tensor]:
        """The hash of each item, in the order of the splits: (num_items,) int64; those of train's
        items, sorted; and all that differ, sorted."""
        hashes = item_hashes(self.encoded.tokens, self.encoded.starts)[self._order]
        of_train = hashes[slice(*self._edges["train"])].sort().values
        return hashes, of_train, hashes.unique(sorted=True)


def built_in_path(name: str) -> Path:
    """The file of a built-in dataset."""
    return Path(str(resources.files("makemore_tui.data") / f"{name}.txt"))


def item_hashes(tokens: Tensor, starts: Tensor) -> Tensor:
    """A 64-bit hash of each item: (n,) int64; equal items have equal hashes.

    The hash is the sum (modulo 2**64) of each character's id times a random number for its place
    in the item. Two different items have equal hashes with a probability below 2**-51.
    """
    generator = torch.Generator().manual_seed(0)
    places = torch.randint(-(2**63), 2**63 - 1, (MAX_ITEM_LENGTH * 2 + 2,), generator=generator)
    hashes = torch.empty(len(starts) - 1, dtype=torch.int64)
    for first in range(0, len(hashes), _ITEMS_PER_BLOCK):
        edges = starts[first : first + _ITEMS_PER_BLOCK + 1].long()
        begin, end = int(edges[0]), int(edges[-1])
        ids = tokens[begin + 1 : end + 1].long()
        before = torch.repeat_interleave(edges[:-1] - begin, edges.diff())
        place = torch.arange(end - begin) - before
        sums = torch.zeros(end - begin + 1, dtype=torch.int64)
        torch.cumsum(ids * places[place.clamp_(max=len(places) - 1)], 0, out=sums[1:])
        hashes[first : first + len(edges) - 1] = sums[edges - begin].diff()
    return hashes


def _is_in(hashes: Tensor, known: Tensor) -> Tensor:
    """For each hash, whether it is among those known, which are sorted: (n,) bool."""
    places = torch.searchsorted(known, hashes).clamp_(max=len(known) - 1)
    return known.index_select(0, places) == hashes


def _shuffled_range(n: int) -> array:
    """The numbers from 0 to n - 1 in the order in which `random.Random(42).shuffle` puts them; a
    third as long as it takes."""
    order, getrandbits = array("i", range(n)), random.Random(42).getrandbits
    for i in range(n - 1, 0, -1):
        bits = (i + 1).bit_length()
        j = getrandbits(bits)
        while j > i:
            j = getrandbits(bits)
        order[i], order[j] = order[j], order[i]
    return order


def _reordered(text: EncodedText, order: Tensor) -> EncodedText:
    """The items order[0], order[1], … of a text; order: (n,) int32."""
    lengths = text.starts.diff()  # of the items, each with one boundary
    starts = torch.zeros(len(order) + 1, dtype=torch.int32)
    torch.cumsum(lengths[order], 0, out=starts[1:])
    tokens = torch.zeros(int(starts[-1]) + 1, dtype=text.tokens.dtype)
    for some in order.split(_ITEMS_PER_BLOCK):
        first = some.storage_offset() - order.storage_offset()
        edges = starts[first : first + len(some) + 1]
        begin, end = int(edges[0]) + 1, int(edges[-1]) + 1
        moved = torch.repeat_interleave(text.starts[some] - edges[:-1], lengths[some])
        source = moved.add_(torch.arange(begin, end, dtype=torch.int32))
        torch.index_select(text.tokens, 0, source, out=tokens[begin:end])
    return replace(text, tokens=tokens, starts=starts)
