"""The lines of a text file: unpacked, decoded, and of a table one column, a block at a time."""

import codecs
import csv
import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from ..constants import BUILT_IN_DATASETS, MAX_ITEM_LENGTH
from ..errors import UserError, did_you_mean, reason
from ..paths import could_block
from ..reading import Reading
from ..text import digits

_READ_BYTES = 1 << 20
_ROWS_PER_BLOCK = 1 << 16
_GZIP = b"\x1f\x8b"
_MARKS = {  # the longer ones first
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_NEEDED = "a text file with one item per line is needed"
_DELIMITERS = ",\t;"
_COLUMNS_LISTED = 20
TOO_LONG = f"longer than {MAX_ITEM_LENGTH:,} characters; --skip-long skips such lines"


class Block(NamedTuple):
    """Whole lines of a file, ended by newlines, and the number of the first. is_plain: True if they
    are UTF-8 in the file, with newlines or CR LF."""

    text: str
    line: int
    is_plain: bool = False


def read_blocks(path: Path, reading: Reading) -> Iterator[Block]:
    """The lines of a file in blocks of about a megabyte. Raises UserError if it can't be read, or
    not as `reading` says; it names the file, and the line or byte."""
    blocks = _lines(path, reading)
    if reading.column:
        return _column(path, blocks, reading.column)
    is_table = {".csv", ".tsv"} & {suffix.lower() for suffix in path.suffixes}
    return _checked_for_columns(path, blocks) if is_table else blocks


def _lines(path: Path, reading: Reading) -> Iterator[Block]:
    with _opened(path) as file:
        decoder = _Decoder(path, _encoding(file, reading.encoding))
        line, rest, is_packed = 1, "", isinstance(file, gzip.GzipFile)
        while raw := file.read(_READ_BYTES):
            text = rest + decoder.decode(raw, line + rest.count("\n"))
            end = text.rfind("\n") + 1
            if end:
                yield Block(text[:end], line, decoder.is_plain and not is_packed)
            line, rest = line + text.count("\n"), text[end:]
            if len(rest) > _READ_BYTES:
                if not reading.skip_long:
                    raise UserError(f"{path}: line {line} is {TOO_LONG}")
                rest = rest[:_READ_BYTES]  # still too long, so it is left out later
        if rest := rest + decoder.decode(b"", line, final=True):
            yield Block(rest, line, decoder.is_plain and not is_packed)


class _Decoder:
    """Decodes a file's bytes as they are read; every line end becomes a newline."""

    def __init__(self, path: Path, encoding: str):
        self._path = path
        self._encoding = encoding
        decoder = codecs.getincrementaldecoder(encoding)()
        self._decoder = io.IncrementalNewlineDecoder(decoder, translate=True)
        self._num_bytes = 0  # decoded so far

    @property
    def is_plain(self) -> bool:
        """True if it was UTF-8 so far, with newlines or CR LF."""
        return self._encoding.startswith("utf-8") and "\r" not in (self._decoder.newlines or ())

    def decode(self, raw: bytes, line: int, final: bool = False) -> str:
        """The text of the next bytes, which begin in a line of this number. Raises UserError if
        they are no text in the encoding."""
        has_wide_units = self._encoding.startswith(("utf-16", "utf-32"))
        if not has_wide_units and (nul := raw.find(b"\0")) >= 0:
            raise self._error(raw, nul, self._num_bytes, line, _about_nul(raw))
        self._num_bytes += len(raw)
        try:
            return self._decoder.decode(raw, final)
        except UnicodeDecodeError as error:  # its object begins with what the decoder had left
            begin = self._num_bytes - len(error.object)
            why = _about_encoding(self._encoding, error.object)
            raise self._error(error.object, error.start, begin, line, why) from None

    def _error(self, raw: bytes, wrong: int, begin: int, line: int, why: str) -> UserError:
        """An error for the byte at `wrong` of some bytes that begin at byte `begin` of the file."""
        before = io.IncrementalNewlineDecoder(None, translate=True).decode(
            raw[:wrong].decode(self._encoding, "replace"), True
        )
        at = line + before.count("\n")
        return UserError(f"{self._path}: byte {begin + wrong} (line {at}) is {why}")


def _about_nul(raw: bytes) -> str:
    for encoding, first in (("utf-16-le", 1), ("utf-16-be", 0)):
        units = raw[first:2000:2]
        if units.count(0) > 0.5 * len(units) and raw[1 - first : 2000 : 2].count(0) == 0:
            return f"NUL; it may be UTF-16 with no byte order mark: try --encoding {encoding}"
    return f"NUL, so this is a binary file; {_NEEDED}"


def _about_encoding(encoding: str, raw: bytes) -> str:
    if encoding.startswith("utf-8"):
        try:
            raw.decode("windows-1252")
        except UnicodeDecodeError:
            return "not UTF-8; --encoding NAME reads another, such as shift_jis or koi8-r"
        return "not UTF-8; it may be Windows-1252, which --encoding windows-1252 reads"
    return f"not {encoding}; --encoding NAME reads another"


def _encoding(file: io.BufferedReader | gzip.GzipFile, wanted: str) -> str:
    """The encoding of an open file: that of its byte order mark, or the one that is wanted."""
    head = file.peek(4)
    mark = next((mark for mark in _MARKS if head.startswith(mark)), None)
    if mark is not None:
        return _MARKS[mark]
    try:
        found = codecs.lookup(wanted or "utf-8")
        if not isinstance(codecs.getincrementaldecoder(found.name)().decode(b"a"), str):
            raise LookupError  # a codec of something else than text, such as zip
    except (LookupError, ValueError, AttributeError, TypeError):
        raise UserError(
            f"there is no text encoding {wanted!r}; some are utf-8, utf-16, windows-1252, shift_jis"
        ) from None
    return found.name


@contextmanager
def _opened(path: Path) -> Iterator[io.BufferedReader | gzip.GzipFile]:
    """A file opened for reading, unpacked if it is a gzip file; that it can't be opened or read
    raises UserError."""
    try:
        if could_block(path):
            raise UserError(f"{path} is not a regular file; {_NEEDED}")
        with path.open("rb") as file:
            if file.peek(2).startswith(_GZIP):
                with gzip.open(file) as unpacked:
                    yield unpacked
            else:
                yield file
    except UserError:
        raise
    except FileNotFoundError:
        raise UserError(
            f"{path}: no such file or built-in dataset; "
            f"the built-in ones are {', '.join(BUILT_IN_DATASETS)}"
        ) from None
    except IsADirectoryError:
        raise UserError(f"{path} is a directory; {_NEEDED}") from None
    except (gzip.BadGzipFile, EOFError, zlib.error):
        raise UserError(f"{path} is a damaged or truncated gzip file") from None
    except (OSError, ValueError) as error:
        raise UserError(f"{path} can't be read: {reason(error)}") from None


def _checked_for_columns(path: Path, blocks: Iterator[Block]) -> Iterator[Block]:
    """The blocks of a file whose name is that of a table. Raises UserError if it has columns."""
    for number, block in enumerate(blocks):
        columns = [] if number else _columns(path, block.text.partition("\n")[0])
        if len(columns) > 1:
            raise UserError(
                f"{path} is a table with the columns {_listed(columns)}; --column NAME reads one "
                "of them, or --column N, from 1, if these are no headings"
            )
        yield block


def _column(path: Path, blocks: Iterator[Block], name: str) -> Iterator[Block]:
    """A column of a table, an item for each row; as many newlines follow as the row had lines."""
    lines = chain.from_iterable(io.StringIO(block.text, newline="\n") for block in blocks)
    header = next(lines, "")
    place, has_header = _place(path, _columns(path, header), name)
    first = line = 1 + has_header
    offset = line
    parts: list[str] = []
    lines = lines if has_header else chain([header], lines)
    rows = csv.reader(lines, delimiter=_delimiter(header))
    try:
        for row in rows:
            item = " ".join(row[place].split("\n")) if place < len(row) else ""
            parts.append(item + "\n" * (rows.line_num + offset - line))
            line = rows.line_num + offset
            if len(parts) == _ROWS_PER_BLOCK:
                yield Block("".join(parts), first)
                first, parts = line, []
    except csv.Error as error:
        raise UserError(f"{path}: line {rows.line_num + offset - 1}: {error}") from None
    yield Block("".join(parts), first)


def _place(path: Path, columns: list[str], wanted: str) -> tuple[int, bool]:
    """The place of a column by its heading or, of a table without headings, by its number from 1;
    and whether it is by heading. Raises UserError if there is no such column."""
    if wanted in columns:
        return columns.index(wanted), True
    number = digits(wanted) or 0
    if 1 <= number <= len(columns):
        return number - 1, False
    meant = did_you_mean(wanted, columns)
    known = f"its columns are {_listed(columns)}"
    raise UserError(f"{path} has no column {wanted!r}; {known}" + (f"; {meant}" if meant else ""))


def _columns(path: Path, header: str) -> list[str]:
    try:
        row = next(csv.reader([header], delimiter=_delimiter(header)), [])
    except csv.Error as error:
        raise UserError(f"{path}: line 1: {error}") from None
    return [name.strip() for name in row]


def _delimiter(header: str) -> str:
    return max(_DELIMITERS, key=header.count)


def _listed(columns: list[str]) -> str:
    more = ", …" * (len(columns) > _COLUMNS_LISTED)
    return ", ".join(columns[:_COLUMNS_LISTED]) + more
