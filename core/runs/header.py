"""What is read of a saved run before its tensors: its name, and its record. Torch-free.

A run is one file in the safetensors format: 8 bytes that say how long the header is, the header (a
JSON object with the name, type, shape and place of each tensor), and the bytes of the tensors. The
header's `__metadata__` holds the record as JSON, and the SHA-256 of it.

In formats 1 and 2, which are read and not written any more, it is a folder: run.json is the record,
weights.safetensors holds the tensors. A writer that was killed may have left a folder `.next` in
it; a file that is in there counts.
"""

import errno
import hashlib
import json
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from ..constants import RUN_SUFFIX
from ..errors import UserError
from .record import MAX_RECORD_BYTES, RunRecord, check_format, record_json, record_of, to_json

FOLDER_RECORD, _WEIGHTS, _NEXT = "run.json", "weights.safetensors", ".next"
_LENGTH_BYTES = 8
_MAX_HEADER_BYTES = 2 * MAX_RECORD_BYTES + (1 << 16)  # the record is a string within the JSON


def run_path(path: Path) -> Path:
    """The file of a run that is named with or without its suffix."""
    return path if path.name.endswith(RUN_SUFFIX) else path.with_name(f"{path.name}{RUN_SUFFIX}")


def run_name(path: Path) -> str:
    """A run's name: that of its file without the suffix, or of its folder in format 2."""
    return path.name.removesuffix(RUN_SUFFIX)


def existing_run(path: Path) -> Path | None:
    """The file or folder of a run named with or without its suffix; None if there is none."""
    named = run_path(path) if path.name else path
    return next((one for one in (named, path) if os.path.lexists(one)), None)


def find(path: Path | str) -> Path:
    """The file or folder of a run. Raises UserError if there is none."""
    if found := existing_run(Path(path)):
        return found
    raise UserError(f"{path} is not a run: there is no such file")


def is_run_folder(folder: Path) -> bool:
    """True when a folder holds a run of format 1 or 2, whole or damaged."""
    return any(os.path.lexists(folder / name) for name in (FOLDER_RECORD, _WEIGHTS, _NEXT))


def read_record(path: Path | str) -> RunRecord:
    """The record of a run; its tensors are not read. Raises UserError if there is no such run, or
    its record is damaged or of a newer format."""
    found = find(path)
    if found.is_dir():
        return _read_folder_record(found)
    with open_run(found) as (_, record, _):
        return record


@contextmanager
def open_run(path: Path) -> Iterator[tuple[BinaryIO, RunRecord, int]]:
    """Open a run that exists: the file of its tensors, its record, and the place in the file from
    which on the record has the SHA-256. Raises UserError as `read_record` does."""
    if path.is_dir():
        record = _read_folder_record(path)
        missing = f"{path / _WEIGHTS} can't be read: {os.strerror(errno.ENOENT)}"
        with _open_in_folder(path, _WEIGHTS, missing) as file:
            yield file, record, 0
    else:
        with _open_plain_file(path, f"{path} is not a run: there is no such file") as file:
            yield file, *_read_header(path, file)


def read_whole(path: Path, file: BinaryIO, most: int, least: int = 0) -> bytes:
    """All bytes of an open file. Raises UserError unless there are `least` to `most` of them."""
    size = os.fstat(file.fileno()).st_size
    if size > most:
        raise UserError(f"{path} is damaged: it is larger than it can be")
    if size < least:
        raise UserError(f"{path} is damaged: it is cut short")
    file.seek(0)
    return _read_bytes(path, file, most)


def with_record(record: RunRecord, tensors: bytes) -> list[bytes | memoryview]:
    """A safetensors file with a record in its header, in parts.

    tensors: a safetensors file; its own metadata, if any, is replaced.
    """
    begin = _LENGTH_BYTES + int.from_bytes(tensors[:_LENGTH_BYTES], "little")
    header = msgspec.json.decode(tensors[_LENGTH_BYTES:begin], type=dict[str, Any])
    data = memoryview(tensors)[begin:]
    digest = hashlib.sha256(data).hexdigest()
    content = record_json(msgspec.structs.replace(record, tensors_sha256=digest))
    metadata = {"record": content.decode(), "record_sha256": hashlib.sha256(content).hexdigest()}
    written = msgspec.json.encode(header | {"__metadata__": metadata})
    written += b" " * (-len(written) % 8)  # so that the tensors are aligned
    return [len(written).to_bytes(_LENGTH_BYTES, "little"), written, data]


def _open_plain_file(path: Path, missing: str) -> BinaryIO:
    """Open a file for reading: no link, pipe, device or folder. missing: said if there is none."""
    try:
        if not stat.S_ISREG(path.lstat().st_mode):
            raise UserError(f"{path} is damaged: it is not a regular file")
        # The flags guard against something else that takes the file's place in between.
        flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
        return os.fdopen(os.open(path, flags | getattr(os, "O_BINARY", 0)), "rb")
    except FileNotFoundError:
        raise UserError(missing) from None
    except OSError as error:
        raise UserError(f"{path} can't be read: {error.strerror}") from None


def _read_bytes(path: Path, file: BinaryIO, most: int) -> bytes:
    try:
        return file.read(most)
    except OSError as error:
        raise UserError(f"{path} can't be read: {error.strerror}") from None


def _read_header(path: Path, file: BinaryIO) -> tuple[RunRecord, int]:
    """The record in the header of an open file, and where the tensors' bytes start."""
    length = int.from_bytes(_read_bytes(path, file, _LENGTH_BYTES), "little")
    if not 0 < length <= _MAX_HEADER_BYTES:
        raise UserError(f"{path} is damaged: it is not a safetensors file")
    metadata = _decoded(path, _read_bytes(path, file, length)).get("__metadata__")
    if not isinstance(metadata, dict) or not isinstance(metadata.get("record"), str):
        raise UserError(f"{path} is not a run: its header holds no record of one")
    record = metadata["record"].encode(errors="replace")
    raw = _decoded(path, record)
    check_format(path, raw)
    if metadata.get("record_sha256") != hashlib.sha256(record).hexdigest():
        raise UserError(f"{path} is damaged: its record has changed since it was written")
    return record_of(raw, path), _LENGTH_BYTES + length


def _decoded(path: Path, content: bytes) -> dict[str, Any]:
    try:
        # The path of a dataset may have bytes that are no text, which msgspec does not decode.
        decoded = json.loads(content, parse_constant=int)  # a ValueError for NaN
    except (ValueError, RecursionError):
        decoded = None
    if not isinstance(decoded, dict):
        raise UserError(f"{path} is damaged: its header is not JSON")
    return decoded


def _open_in_folder(folder: Path, name: str, missing: str) -> BinaryIO:
    """Open a file of a run of format 1 or 2, in `.next` if it is there."""
    following = folder / _NEXT
    is_there = not following.is_symlink() and os.path.lexists(following / name)
    return _open_plain_file((following if is_there else folder) / name, missing)


def _read_folder_record(folder: Path) -> RunRecord:
    """The record of a run of format 1 or 2, in the form of the present format but for its number.
    Its own hash, `record_sha256`, is of the rest of it without `versions`."""
    path, missing = folder / FOLDER_RECORD, f"{folder} is not a run: it has no {FOLDER_RECORD}"
    with _open_in_folder(folder, FOLDER_RECORD, missing) as file:
        content = read_whole(path, file, MAX_RECORD_BYTES)
    try:
        raw = json.loads(content.decode())
    except (ValueError, RecursionError):
        raise UserError(f"{path} is damaged: it is not JSON") from None
    number = check_format(path, raw)
    hashed = {key: raw[key] for key in raw.keys() - {"record_sha256", "versions"}}
    words = json.dumps(json.loads(to_json(hashed)), sort_keys=True, separators=(",", ":"))
    if number > 1 and raw.get("record_sha256") != hashlib.sha256(words.encode()).hexdigest():
        raise UserError(f"{path} is damaged: it has changed since it was written")
    if "weights_sha256" not in raw:
        raise UserError(f"{path} is damaged: 'weights_sha256' is missing")
    added: dict[str, Any] = {"tensors_sha256": raw["weights_sha256"], "dropout_version": 1}
    if number == 1:
        added |= {"threads": 1, "named": True, "saved": datetime.now(UTC), "counted": 0}
        added |= {"resized": None, "diverged_at": None, "history": {"width": 1 << 40}}
        added |= {"dev_losses": {}}
    dropped = {"weights_sha256", "metrics_sha256", "record_sha256"}
    kept = {key: value for key, value in raw.items() if key not in dropped}
    return record_of(added | kept, path)
