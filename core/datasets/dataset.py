"""A dataset: items (names, words, lines), their characters as ids, and three splits.

Text is read and encoded a block at a time with whole-array operations, so that 100 MB take
seconds and less than a gigabyte. What stays in memory is one small integer a character: the
tokens of all items behind one another, a boundary (id 0) between them. The context of a
character is gathered from there by position when it is needed, never stored.
"""

import hashlib
import os
import random
import re
import unicodedata
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from importlib import resources
from pathlib import Path

import torch
from torch import Tensor

from ..errors import UserError
from ..text import shown
from .vocabulary import BOUNDARY, Vocabulary

BUILT_IN = ("names", "surnames", "words")
SPLITS = ("train", "dev", "test")

MOST_CHARACTERS = 4096
LONGEST_ITEM = 1000
FEWEST_ITEMS = 10

_READ_BYTES = 1 << 20
_ITEMS_AT_ONCE = 1 << 16
# Every character that str.strip() removes, but for the newline.
_SPACES = [chr(i) for i in range(0x3001) if chr(i).isspace() and chr(i) != "\n"]
_ASCII_SPACES = [space for space in _SPACES if space.isascii()]


@dataclass(frozen=True)
class Split:
    """A stretch of the items, and of their tokens.

    `tokens` (L,) begins and ends with a boundary; the examples are the positions 1 to L-1, each
    position's token being the target and the tokens before it, back to the boundary, its context.
    """

    name: str
    tokens: Tensor
    first_item: int
    last_item: int

    @property
    def items(self) -> int:
        return self.last_item - self.first_item

    @property
    def examples(self) -> int:
        return len(self.tokens) - 1


class Dataset:
    """Items, their vocabulary, and the splits train, dev and test (80/10/10, by item).

    Items are shuffled as `random.Random(42).shuffle` shuffles a list, so the splits are those of
    Karpathy's lecture. `split("all")` is the three together.
    """

    def __init__(self, path: Path, unique: bool = False, name: str | None = None):
        """Read a file of one item a line.

        Raises:
            UserError: the file is missing, or not text as `Dataset` wants it; the sentence names
                the file, and the line or byte.
        """
        self.path = path
        self.name: str = name or path.name
        self.built_in: bool = name in BUILT_IN
        self.unique = unique
        self._text = _read(path)
        self.vocabulary: Vocabulary = self._text.vocabulary
        self.fingerprint: str = self._text.fingerprint
        if unique:
            self._text = _without_repeats(self._text)
            if self.items < FEWEST_ITEMS:
                raise UserError(
                    f"{path}: only {self.items} distinct items; at least {FEWEST_ITEMS} are needed"
                )

    @classmethod
    def load(cls, name: str = "names", unique: bool = False) -> "Dataset":
        """A built-in dataset by name, or a user's file by path.

        Raises:
            UserError: there is no such file, or it is not one item a line of UTF-8 text.
        """
        if name in BUILT_IN:
            return cls(built_in_path(name), unique, name)
        return cls(Path(os.path.expanduser(name)), unique)

    @property
    def items(self) -> int:
        """How many items there are."""
        return len(self._text.starts) - 1

    @property
    def nbytes(self) -> int:
        """About what its tokens weigh in memory, in the order of the file and of the splits."""
        return 2 * self._text.tokens.nbytes

    @cached_property
    def distinct(self) -> int:
        """How many different items there are."""
        return len(self._hashes.unique())

    @cached_property
    def shortest(self) -> int:
        """The characters of the shortest item."""
        return int(self._lengths.min())

    @cached_property
    def longest(self) -> int:
        """The characters of the longest item."""
        return int(self._lengths.max())

    def split(self, name: str) -> Split:
        """A split by name: train, dev, test or all.

        Raises:
            UserError: there is no split of that name.
        """
        n = self.items
        edges = {
            "train": (0, int(0.8 * n)),
            "dev": (int(0.8 * n), int(0.9 * n)),
            "test": (int(0.9 * n), n),
            "all": (0, n),
        }
        if name not in edges:
            raise UserError(f"there is no split {name!r}; the splits are train, dev, test and all")
        first, last = edges[name]
        tokens, starts = self._shuffled.tokens, self._shuffled.starts
        return Split(name, tokens[int(starts[first]) : int(starts[last]) + 1], first, last)

    def first_items(self, n: int) -> Split:
        """The first `n` items of the file, as a split of its own."""
        n = min(n, self.items)
        return Split(f"first-{n}", self._text.tokens[: int(self._text.starts[n]) + 1], 0, n)

    def item(self, index: int) -> str:
        """The text of one item, in the order of the splits: train first, then dev, then test."""
        tokens, starts = self._shuffled.tokens, self._shuffled.starts
        return self.vocabulary.decode(tokens[int(starts[index]) : int(starts[index + 1])].tolist())

    def seen_items(self, split: str) -> Tensor:
        """For each item of a split, whether it also stands in train: (items,) bool."""
        part, train = self.split(split), self.split("train")
        hashes = self._hashes[part.first_item : part.last_item]
        return torch.isin(hashes, self._hashes[train.first_item : train.last_item])

    def contains(self, texts: list[str]) -> list[bool]:
        """For each text, whether it stands in the data."""
        lengths = torch.tensor([len(text) for text in texts], dtype=torch.int64)
        item = torch.arange(len(texts)).repeat_interleave(lengths)  # of each character
        tokens = torch.full((len(item) + len(texts) + 1,), BOUNDARY)
        ids = self.vocabulary.ids("".join(texts), unknown=self.vocabulary.size)
        tokens[torch.arange(1, len(item) + 1) + item] = torch.tensor(ids, dtype=torch.int64)
        starts = torch.cat([lengths.new_zeros(1), (lengths + 1).cumsum(0)])
        hashes, known_hashes = item_hashes(tokens, starts), self._sorted_hashes
        places = torch.searchsorted(known_hashes, hashes).clamp_(max=len(known_hashes) - 1)
        known = known_hashes.index_select(0, places) == hashes
        return (known & (lengths > 0)).tolist()

    @property
    def _lengths(self) -> Tensor:
        return self._text.starts.diff() - 1

    @cached_property
    def _shuffled(self) -> "_Text":
        """The items in the order of the splits. (Shuffled when first needed: of a large file,
        Python's shuffle takes longer than the reading.)"""
        order = array("i", range(self.items))
        random.Random(42).shuffle(order)
        return _reordered(self._text, torch.frombuffer(order, dtype=torch.int32))

    @cached_property
    def _hashes(self) -> Tensor:
        """(items,) in the order of the splits."""
        return item_hashes(self._shuffled.tokens, self._shuffled.starts)

    @cached_property
    def _sorted_hashes(self) -> Tensor:
        return self._hashes.sort().values


def built_in_path(name: str) -> Path:
    """Where a built-in dataset lies."""
    return Path(str(resources.files("makemore_tui.data") / f"{name}.txt"))


def gather_contexts(tokens: Tensor, positions: Tensor, context: int) -> Tensor:
    """The contexts of some positions of a token array: (B,) -> (B, context) int64.

    Before an item's first character stand boundaries, as many as the context is long.
    """
    contexts = torch.empty(len(positions), context, dtype=torch.int64)  # (B, T)
    inside = torch.ones(len(positions), dtype=torch.bool)  # no boundary met so far
    for back in range(1, context + 1):
        before = tokens.index_select(0, (positions - back).clamp_(min=0))  # (B,)
        inside &= before != BOUNDARY
        contexts[:, context - back] = before * inside
    return contexts


def gather_examples(tokens: Tensor, positions: Tensor, context: int) -> tuple[Tensor, Tensor]:
    """The contexts (B, context) and the targets (B,) of some positions (B,), both int64."""
    return gather_contexts(tokens, positions, context), tokens.index_select(0, positions).long()


def item_hashes(tokens: Tensor, starts: Tensor) -> Tensor:
    """A 64-bit hash of each item: (n,) int64; equal items have equal hashes.

    Each character's id is multiplied with a random number that belongs to its place in the item,
    and the products are added (modulo 2**64). Two different items agree with a chance below 2**-51.
    """
    generator = torch.Generator().manual_seed(0)
    places = torch.randint(-(2**63), 2**63 - 1, (LONGEST_ITEM * 2 + 2,), generator=generator)
    hashes = torch.empty(len(starts) - 1, dtype=torch.int64)
    for first in range(0, len(hashes), _ITEMS_AT_ONCE):
        edges = starts[first : first + _ITEMS_AT_ONCE + 1].long()
        begin, end = int(edges[0]), int(edges[-1])
        ids = tokens[begin + 1 : end + 1].long()
        place = torch.arange(end - begin) - torch.repeat_interleave(
            edges[:-1] - begin, edges.diff()
        )
        sums = torch.zeros(end - begin + 1, dtype=torch.int64)
        torch.cumsum(ids * places[place.clamp_(max=len(places) - 1)], 0, out=sums[1:])
        hashes[first : first + len(edges) - 1] = sums[edges - begin].diff()
    return hashes


@dataclass(frozen=True)
class _Text:
    """Encoded items: tokens (L,), from a boundary to a boundary; starts (n+1,) int32, the place of
    the boundary before each item, and of the last one."""

    tokens: Tensor
    starts: Tensor
    vocabulary: Vocabulary
    fingerprint: str


def _read(path: Path) -> _Text:
    """Read and encode a file, a block of lines at a time."""
    encoder = _Encoder()
    digest = hashlib.sha256()
    parts = [torch.zeros(1, dtype=torch.uint8)]
    for block in _blocks(path):
        text = _clean(block.text)
        if not text:
            continue
        tokens = encoder.encode(text)  # ends with a boundary
        _check_block(path, block, tokens, encoder)
        digest.update(text.encode())
        parts.append(tokens)
    dtype = torch.uint8 if len(encoder.characters) < 256 else torch.int16
    tokens = torch.cat([part.to(dtype) for part in parts])
    del parts
    starts = torch.nonzero(tokens == BOUNDARY)[:, 0].to(torch.int32)
    if len(starts) <= FEWEST_ITEMS:
        found = len(starts) - 1
        raise UserError(
            f"{path}: {f'only {found} items' if found else 'the file is empty'}; "
            f"at least {FEWEST_ITEMS} items are needed, one a line"
        )
    characters = "".join(encoder.characters)
    vocabulary = Vocabulary(characters)
    order = [BOUNDARY, *vocabulary.ids(characters, BOUNDARY)]  # of each alone: not composed
    _renumber(tokens, torch.tensor(order, dtype=dtype))
    return _Text(tokens, starts, vocabulary, digest.hexdigest())


@dataclass(frozen=True)
class _Block:
    """Some whole lines of a file; `line` is the number of the first."""

    text: str
    line: int


def _blocks(path: Path) -> Iterator[_Block]:
    """The file's text in blocks of whole lines of about a megabyte, without a BOM."""
    try:
        if path.exists() and not (path.is_file() or path.is_dir()):  # which could hold up forever
            raise UserError(f"{path} is no plain file; a text file of one item a line is needed")
        file = path.open("rb")
    except UserError:
        raise
    except FileNotFoundError:
        raise UserError(
            f"{path}: there is no such file, nor a built-in dataset of that name; "
            f"the built-in ones are {', '.join(BUILT_IN)}"
        ) from None
    except IsADirectoryError:
        raise UserError(
            f"{path} is a directory; a text file of one item a line is needed"
        ) from None
    except (OSError, ValueError) as error:
        raise UserError(
            f"{path} can't be read: {getattr(error, 'strerror', None) or error}"
        ) from None
    with file:
        offset, line, rest = 0, 1, b""
        while True:
            try:
                read = file.read(_READ_BYTES)
            except OSError as error:
                raise UserError(f"{path} can't be read: {error.strerror}") from None
            raw, rest = _cut_at_newline(rest + read, last=not read)
            if offset == 0 and (raw or not read):
                bom = raw.startswith(b"\xef\xbb\xbf") * 3
                raw, offset = raw[bom:], bom
            if raw:
                yield _Block(_decode(path, raw, offset, line), line)
            line += raw.count(b"\n")
            offset += len(raw)
            if not read:
                return
            if len(rest) > _READ_BYTES:
                _refuse_nul(path, rest, offset, line)
                raise _too_long(path, line)


def _cut_at_newline(raw: bytes, last: bool) -> tuple[bytes, bytes]:
    cut = len(raw) if last else raw.rfind(b"\n") + 1
    return raw[:cut], raw[cut:]


def _decode(path: Path, raw: bytes, offset: int, line: int) -> str:
    """The text of some bytes that begin at byte `offset` and line `line` of the file."""
    _refuse_nul(path, raw, offset, line)
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        at = line + raw.count(b"\n", 0, error.start)
        raise UserError(
            f"{path}: byte {offset + error.start} (line {at}) is not UTF-8; "
            f"save the file as UTF-8 text"
        ) from None


def _refuse_nul(path: Path, raw: bytes, offset: int, line: int) -> None:
    nul = raw.find(b"\0")
    if nul >= 0:
        at = line + raw.count(b"\n", 0, nul)
        raise UserError(
            f"{path}: byte {offset + nul} (line {at}) is NUL, so this is a binary file; "
            f"UTF-8 text of one item a line is needed"
        )


def _clean(text: str) -> str:
    """The items of some lines, each followed by a newline: NFC, stripped, no blank ones."""
    if not text.isascii():
        text = unicodedata.normalize("NFC", text)
    text = text.replace("\r\n", "\n")
    spaces = _ASCII_SPACES if text.isascii() else _SPACES
    if any(space in text for space in spaces):
        text = "\n".join([line.strip() for line in text.split("\n")])
    if "\n\n" in text:
        text = re.sub("\n\n+", "\n", text)
    text = text.strip("\n")
    return text + "\n" if text else ""


class _Encoder:
    """Gives characters provisional ids, in the order in which they first appear."""

    def __init__(self):
        self.characters: list[str] = []
        self._table = torch.full((0x110000,), -1, dtype=torch.int16)
        self._table[ord("\n")] = BOUNDARY

    def encode(self, text: str) -> Tensor:
        """The ids of `text`, newlines being boundaries: (len(text),) uint8, or int16 if need be."""
        codes = torch.frombuffer(bytearray(text.encode("utf-32-le")), dtype=torch.int32)
        ids = self._table.index_select(0, codes)
        if int(ids.min()) < 0:
            self._learn(text)
            ids = self._table.index_select(0, codes)
        return ids if len(self.characters) > 255 else ids.to(torch.uint8)

    def _learn(self, text: str) -> None:
        for character in dict.fromkeys(text):
            if self._table[ord(character)] < 0 and len(self.characters) <= MOST_CHARACTERS:
                self.characters.append(character)
                self._table[ord(character)] = len(self.characters)


def _check_block(path: Path, block: _Block, tokens: Tensor, encoder: _Encoder) -> None:
    """Refuse a block with too long an item or one character too many, naming the line."""
    ends = torch.nonzero(tokens == BOUNDARY)[:, 0]
    longest = int(torch.diff(ends, prepend=torch.tensor([-1])).max()) - 1
    if longest <= LONGEST_ITEM and len(encoder.characters) <= MOST_CHARACTERS:
        return
    one_too_many = encoder.characters[MOST_CHARACTERS:]
    for number, line in enumerate(block.text.split("\n"), start=block.line):
        item = unicodedata.normalize("NFC", line).strip()
        if len(item) > LONGEST_ITEM:
            raise _too_long(path, number)
        if one_too_many and one_too_many[0] in item:
            raise UserError(
                f"{path}: line {number} brings in {shown(one_too_many[0])!r}, one distinct "
                f"character too many; at most {MOST_CHARACTERS:,} are possible"
            )


def _too_long(path: Path, line: int) -> UserError:
    return UserError(
        f"{path}: line {line} is longer than {LONGEST_ITEM:,} characters; "
        f"a file of one item a line is needed"
    )


def _renumber(tokens: Tensor, ids: Tensor) -> None:
    """Replace each token t by ids[t], in place."""
    for part in tokens.split(1 << 22):
        part.copy_(ids.index_select(0, part.int()))


def _reordered(text: _Text, order: Tensor) -> _Text:
    """The items order[0], order[1], … of `text`; order is (n,) int32."""
    lengths = text.starts.diff()  # with the boundary behind each item
    starts = torch.zeros(len(order) + 1, dtype=torch.int32)
    torch.cumsum(lengths[order], 0, out=starts[1:])
    tokens = torch.zeros(int(starts[-1]) + 1, dtype=text.tokens.dtype)
    for some in order.split(_ITEMS_AT_ONCE):
        first = some.storage_offset() - order.storage_offset()
        edges = starts[first : first + len(some) + 1]
        begin, end = int(edges[0]) + 1, int(edges[-1]) + 1
        moved = torch.repeat_interleave(text.starts[some] - edges[:-1], lengths[some])
        source = moved.add_(torch.arange(begin, end, dtype=torch.int32))
        torch.index_select(text.tokens, 0, source, out=tokens[begin:end])
    return _Text(tokens, starts, text.vocabulary, text.fingerprint)


def _without_repeats(text: _Text) -> _Text:
    """The items that no equal item precedes, in order."""
    ordered, origin = torch.sort(item_hashes(text.tokens, text.starts), stable=True)
    new = torch.ones(len(ordered), dtype=torch.bool)
    new[1:] = ordered[1:] != ordered[:-1]
    return _reordered(text, origin[new].sort().values.int())
