"""Reading a file of items: bytes to ids, a block at a time."""

import codecs
import hashlib
import re
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import torch
from torch import Tensor

from ..constants import BUILT_IN_DATASETS, MAX_CHARACTERS, MAX_ITEM_LENGTH, MIN_ITEMS
from ..errors import UserError
from ..text import shown
from .vocabulary import BOUNDARY, Vocabulary

_READ_BYTES = 1 << 20
_TOO_LONG = f"longer than {MAX_ITEM_LENGTH:,} characters; a file of one item a line is needed"
# Every character that str.strip() removes, but for the newline.
_SPACES = [chr(i) for i in range(0x3001) if chr(i).isspace() and chr(i) != "\n"]


@dataclass(frozen=True)
class EncodedText:
    """Encoded items.

    tokens: (L,), the ids of all items, with a boundary before, between and after them.
    starts: (n+1,) int32, the place of the boundary before each item, and of the last boundary.
    fingerprint: the SHA-256 of the cleaned text.
    """

    tokens: Tensor
    starts: Tensor
    vocabulary: Vocabulary
    fingerprint: str


def read_items(path: Path) -> EncodedText:
    """Read and encode a file, a block of lines at a time.

    Raises UserError if the file can't be read, isn't UTF-8 text of one item a line, or has too few
    items, too long a line or too many distinct characters.
    """
    encoder = _Encoder()
    digest = hashlib.sha256()
    parts = [torch.zeros(1, dtype=torch.uint8)]
    for raw, line in _blocks(path):
        if text := _clean(raw):
            parts.append(encoder.encode(text))  # ends with a boundary
            _check_block(path, raw, line, parts[-1], encoder.characters)
            digest.update(text.encode())
    dtype = torch.uint8 if len(encoder.characters) < 256 else torch.int16
    tokens = torch.cat([part.to(dtype) for part in parts])
    del parts
    starts = torch.nonzero(tokens == BOUNDARY)[:, 0].to(torch.int32)
    if len(starts) <= MIN_ITEMS:
        found = len(starts) - 1
        raise UserError(
            f"{path}: {f'only {found} items' if found else 'the file is empty'}; "
            f"at least {MIN_ITEMS} items are needed, one a line"
        )
    characters = "".join(encoder.characters)
    vocabulary = Vocabulary(characters)
    order = [BOUNDARY, *vocabulary.ids(characters, BOUNDARY)]  # not `encode`, which would compose
    ids = torch.tensor(order, dtype=dtype)
    for part in tokens.split(1 << 22):
        part.copy_(ids.index_select(0, part.int()))
    return EncodedText(tokens, starts, vocabulary, digest.hexdigest())


def _blocks(path: Path) -> Iterator[tuple[str, int]]:
    """The text of a file without its byte order mark, in blocks of lines of about a megabyte, each
    with the number of its first line."""
    with _opened(path) as file:
        offset = 3 if file.read(3) == codecs.BOM_UTF8 else 0
        file.seek(offset)
        line = 1
        while block := file.read(_READ_BYTES):
            rest = file.readline(_READ_BYTES)
            if len(rest) == _READ_BYTES and b"\0" not in block + rest:
                number = line + block.count(b"\n")
                raise UserError(f"{path}: line {number} is {_TOO_LONG}")
            block += rest
            yield _decoded(path, block, offset, line), line
            offset += len(block)
            line += block.count(b"\n")


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    """A file opened for reading; that it can't be opened or read raises UserError."""
    try:
        if path.exists() and not (path.is_file() or path.is_dir()):  # a pipe could block forever
            raise UserError(f"{path} is no plain file; a text file of one item a line is needed")
        with path.open("rb") as file:
            yield file
    except UserError:
        raise
    except FileNotFoundError:
        raise UserError(
            f"{path}: there is no such file, nor a built-in dataset of that name; "
            f"the built-in ones are {', '.join(BUILT_IN_DATASETS)}"
        ) from None
    except IsADirectoryError:
        why = f"{path} is a directory; a text file of one item a line is needed"
        raise UserError(why) from None
    except (OSError, ValueError) as error:  # a ValueError where the path has a NUL
        why = getattr(error, "strerror", None) or error
        raise UserError(f"{path} can't be read: {why}") from None


def _decoded(path: Path, raw: bytes, offset: int, line: int) -> str:
    """The text of some bytes that start at byte `offset` and line `line` of the file."""
    wrong, why = (
        raw.find(b"\0"),
        "NUL, so this is a binary file; UTF-8 text of one item a line is needed",
    )
    if wrong < 0:
        try:
            return raw.decode()
        except UnicodeDecodeError as error:
            wrong, why = error.start, "not UTF-8; save the file as UTF-8 text"
    at = line + raw.count(b"\n", 0, wrong)
    raise UserError(f"{path}: byte {offset + wrong} (line {at}) is {why}")


def _clean(text: str) -> str:
    """The items of some lines, each with a newline after it: NFC, stripped, without blank lines."""
    if not text.isascii():
        text = unicodedata.normalize("NFC", text)
    text = text.replace("\r\n", "\n")
    if any(space in text for space in _SPACES):
        text = "\n".join([line.strip() for line in text.split("\n")])
    text = re.sub("\n\n+", "\n", text).strip("\n")
    return text + "\n" if text else ""


class _Encoder:
    """Gives characters provisional ids, in the order in which they first occur."""

    def __init__(self):
        self.characters: list[str] = []
        self._table = torch.full((0x110000,), -1, dtype=torch.int16)
        self._table[ord("\n")] = BOUNDARY

    def encode(self, text: str) -> Tensor:
        """The ids of a text, newlines as boundaries: (L,) uint8, or int16 beyond 255 characters.

        One character beyond the most that are possible gets an id, those after it -1.
        """
        codes = torch.frombuffer(bytearray(text.encode("utf-32-le")), dtype=torch.int32)
        ids = self._table.index_select(0, codes)
        if int(ids.min()) < 0:
            for character in dict.fromkeys(text):
                if self._table[ord(character)] < 0 and len(self.characters) <= MAX_CHARACTERS:
                    self.characters.append(character)
                    self._table[ord(character)] = len(self.characters)
            ids = self._table.index_select(0, codes)
        return ids if len(self.characters) > 255 else ids.to(torch.uint8)


def _check_block(path: Path, text: str, line: int, tokens: Tensor, characters: list[str]) -> None:
    """Raise a UserError for too long an item or too many characters, with the line's number.

    text: of a block of which `line` is the first line. tokens: its ids. characters: found so far.
    """
    ends = torch.nonzero(tokens == BOUNDARY)[:, 0]
    longest = int(ends.diff(prepend=torch.tensor([-1])).max()) - 1
    one_too_many = characters[MAX_CHARACTERS:]
    if longest <= MAX_ITEM_LENGTH and not one_too_many:
        return
    for number, raw in enumerate(text.split("\n"), start=line):
        item = unicodedata.normalize("NFC", raw).strip()
        if len(item) > MAX_ITEM_LENGTH:
            raise UserError(f"{path}: line {number} is {_TOO_LONG}")
        if one_too_many and one_too_many[0] in item:
            raise UserError(
                f"{path}: line {number} brings in {shown(one_too_many[0])!r}, one distinct "
                f"character too many; at most {MAX_CHARACTERS:,} are possible"
            )
