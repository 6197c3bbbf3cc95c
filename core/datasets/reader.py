"""Reading a file of items: text to ids, a block at a time."""

import hashlib
import re
import unicodedata
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import torch
from torch import Tensor

from ..constants import MAX_CHARACTERS, MAX_ITEM_LENGTH, MIN_ITEMS
from ..errors import UserError
from ..reading import Reading
from .text_file import TOO_LONG, Block, read_blocks
from .vocabulary import BOUNDARY, Vocabulary

_FIRST_SIGN = ord("□")
# Every character that str.strip() removes, but for the newline.
_SPACES = [chr(i) for i in range(0x3001) if chr(i).isspace() and chr(i) != "\n"]


@dataclass(frozen=True)
class EncodedText:
    """Encoded items.

    tokens: (L,), the ids of all items, with a boundary before, between and after them.
    starts: (n+1,) int32, the place of the boundary before each item, and of the last boundary.
    fingerprint: the SHA-256 of the cleaned text. skipped: how many items were left out as too long.
    is_plain: False if the items are not the file's UTF-8 lines as they are.
    """

    tokens: Tensor
    starts: Tensor
    vocabulary: Vocabulary
    fingerprint: str
    skipped: int = 0
    is_plain: bool = True

    @property
    def notes(self) -> tuple[str, ...]:
        """What was changed in reading the file, in sentences."""
        shared, notes = len(self.vocabulary.shared), []
        if shared:
            notes.append(
                f"{self.vocabulary.size - 2 + shared:,} distinct characters are too many; "
                f"the {shared:,} rarest share the symbol {self.vocabulary.shared_sign}"
            )
        if self.skipped:
            notes.append(
                f"{self.skipped:,} {'line' if self.skipped == 1 else 'lines'} "
                f"longer than {MAX_ITEM_LENGTH:,} characters left out"
            )
        return tuple(notes)

    def item(self, index: int) -> str:
        """The text of one item."""
        begin, end = self.starts[index : index + 2].tolist()
        return self.vocabulary.decode(self.tokens[begin:end].tolist())

    def decoded(self) -> str:
        """The items, each with a newline after it."""
        codes = torch.tensor([ord("\n"), *map(ord, self.vocabulary.characters)], dtype=torch.int32)
        text = codes.index_select(0, self.tokens[1:].int())
        return bytes(text.untyped_storage()).decode("utf-32-le")


def read_items(path: Path, reading: Reading) -> EncodedText:
    """Read and encode a file, a block of lines at a time.

    Raises UserError if the file can't be read, isn't text of one item a line, or has too few items,
    or too long a line.
    """
    encoder, digest, skipped, is_plain = _Encoder(), hashlib.sha256(), 0, True
    parts = [torch.zeros(1, dtype=torch.uint8)]
    for block in read_blocks(path, reading):
        text, is_plain = _clean(block.text), is_plain and block.is_plain
        if reading.skip_long:
            items = text.split("\n")
            short = [item for item in items if len(item) <= MAX_ITEM_LENGTH]
            text, skipped = "\n".join(short), skipped + len(items) - len(short)
        if text:
            try:
                parts.append(encoder.encode(text))  # ends with a boundary
            except UnicodeEncodeError as error:
                raise _lone_surrogate(path, block, error.object[error.start]) from None
            _check_lengths(path, block.text, block.line, parts[-1])
            digest.update(text.encode())
    vocabulary = _vocabulary(encoder.characters, parts)
    dtype = torch.uint8 if vocabulary.size <= 256 else torch.int16
    # Not `encode`, which would compose.
    ids = [BOUNDARY, *vocabulary.ids("".join(encoder.characters), BOUNDARY)]
    final_ids = torch.tensor(ids, dtype=dtype)
    for i, part in enumerate(parts):
        parts[i] = final_ids.index_select(0, part.int())
    tokens = torch.cat(parts)
    del parts
    starts = torch.nonzero(tokens == BOUNDARY)[:, 0].to(torch.int32)
    if len(starts) <= MIN_ITEMS:
        found = len(starts) - 1
        raise UserError(
            f"{path}: {f'only {found} items' if found else 'the file is empty'}; "
            f"at least {MIN_ITEMS} items are needed, one per line"
        )
    is_plain = is_plain and not skipped and not vocabulary.shared
    return EncodedText(tokens, starts, vocabulary, digest.hexdigest(), skipped, is_plain)


def _vocabulary(characters: list[str], parts: list[Tensor]) -> Vocabulary:
    """The vocabulary of some encoded text: if it has too many characters, the rarest share a sign.

    characters: by their ids in `parts`, from 1.
    """
    if len(characters) <= MAX_CHARACTERS:
        return Vocabulary("".join(characters))
    counts = torch.zeros(len(characters) + 1, dtype=torch.int64)
    for part in parts:
        counts += torch.bincount(part.int(), minlength=len(counts))
    how_often = dict(zip(characters, counts[1:].tolist(), strict=True))
    commonest = sorted(characters, key=lambda one: (-how_often[one], one))
    kept, rare = commonest[: MAX_CHARACTERS - 1], commonest[MAX_CHARACTERS - 1 :]
    sign = next(chr(code) for code in count(_FIRST_SIGN) if chr(code) not in how_often)
    return Vocabulary("".join(kept), shared="".join(rare), shared_sign=sign)


def _clean(text: str) -> str:
    """The items of some lines, each with a newline after it: NFC, stripped, without blank lines."""
    if not text.isascii():
        text = unicodedata.normalize("NFC", text)
    if any(space in text for space in _SPACES):
        text = "\n".join([line.strip() for line in text.split("\n")])
    text = re.sub("\n\n+", "\n", text).strip("\n")
    return text + "\n" if text else ""


class _Encoder:
    """Gives characters provisional ids, in the order in which they first occur."""

    def __init__(self):
        self.characters: list[str] = []
        self._table = torch.full((0x110000,), -1, dtype=torch.int32)
        self._table[ord("\n")] = BOUNDARY

    def encode(self, text: str) -> Tensor:
        """The ids of a text, newlines as boundaries: (L,) uint8, or int32 beyond 255 characters."""
        codes = torch.frombuffer(bytearray(text.encode("utf-32-le")), dtype=torch.int32)
        ids = self._table.index_select(0, codes)
        if int(ids.min()) < 0:
            for character in dict.fromkeys(text):
                if self._table[ord(character)] < 0:
                    self.characters.append(character)
                    self._table[ord(character)] = len(self.characters)
            ids = self._table.index_select(0, codes)
        return ids if len(self.characters) > 255 else ids.to(torch.uint8)


def _lone_surrogate(path: Path, block: Block, half: str) -> UserError:
    """The error for half of a surrogate pair, which some encodings let pass."""
    line = block.line + block.text[: block.text.index(half)].count("\n")
    return UserError(
        f"{path}: line {line} has {half!a}, half of a surrogate pair and no character; "
        "--encoding NAME reads another encoding"
    )


def _check_lengths(path: Path, text: str, line: int, tokens: Tensor) -> None:
    """Raise a UserError for too long an item, with its line's number.

    text: of a block of which `line` is the first line. tokens: its ids.
    """
    ends = torch.nonzero(tokens == BOUNDARY)[:, 0]
    longest = int(ends.diff(prepend=torch.tensor([-1])).max()) - 1
    if longest <= MAX_ITEM_LENGTH:
        return
    for number, raw in enumerate(text.split("\n"), start=line):
        if len(unicodedata.normalize("NFC", raw).strip()) > MAX_ITEM_LENGTH:
            raise UserError(f"{path}: line {number} is {TOO_LONG}")
