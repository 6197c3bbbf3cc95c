"""The file of a saved run, but for its tensors: its name, and the record in its header. Torch-free.

A run is one file in the safetensors format: 8 bytes that say how long the header is, the header (a
JSON object with the name, type, shape and place of each tensor), and the bytes of the tensors. The
header's `__metadata__` holds the record as JSON, and the SHA-256 of it.
"""

import hashlib
import os
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from ..errors import UserError
from . import format2
from .plain_file import open_plain_file, read_bytes
from .record import MAX_RECORD_BYTES, RunRecord, check_format, record_json, record_of

SUFFIX = ".safetensors"
_LENGTH_BYTES = 8
_MAX_HEADER_BYTES = 2 * MAX_RECORD_BYTES + (1 << 16)  # the record is a string within the JSON


def run_path(path: Path) -> Path:
    """The file of a run that is named with or without its suffix."""
    return path if path.name.endswith(SUFFIX) else path.with_name(f"{path.name}{SUFFIX}")


def run_name(path: Path) -> str:
    """A run's name: that of its file without the suffix, or of its folder in format 2."""
    return path.name.removesuffix(SUFFIX)


def existing_run(path: Path) -> Path | None:
    """The file or folder of a run named with or without its suffix; None if there is none."""
    named = run_path(path) if path.name else path
    return next((one for one in (named, path) if os.path.lexists(one)), None)


def find(path: Path | str) -> Path:
    """The file or folder of a run. Raises UserError if there is none."""
    path = Path(path)
    if found := existing_run(path):
        return found
    raise UserError(f"{path} is not a run: there is no such file")


def read_record(path: Path | str) -> RunRecord:
    """The record of a run; its tensors are not read.

    Raises UserError if there is no such run, or its record is damaged or of a newer format.
    """
    found = find(path)
    if found.is_dir():
        return format2.read_record(found)
    with open_run(found) as file:
        return read_header(found, file)[0]


def open_run(path: Path) -> BinaryIO:
    """Open the file of a run; errors as for `open_plain_file`."""
    return open_plain_file(path, f"{path} is not a run: there is no such file")


def read_header(path: Path, file: BinaryIO) -> tuple[RunRecord, int]:
    """The record in the header of an open file, and where the tensors' bytes start.

    Raises UserError if the file is not that of a run, is damaged, or is of a newer format.
    """
    length = int.from_bytes(read_bytes(path, file, _LENGTH_BYTES), "little")
    if not 0 < length <= _MAX_HEADER_BYTES:
        raise UserError(f"{path} is damaged: it is not a safetensors file")
    metadata = _decoded(path, read_bytes(path, file, length)).get("__metadata__")
    if not isinstance(metadata, dict) or not isinstance(metadata.get("record"), str):
        raise UserError(f"{path} is not a run: its header holds no record of one")
    record = metadata["record"].encode(errors="replace")
    raw = _decoded(path, record)
    check_format(path, raw)
    if metadata.get("record_sha256") != hashlib.sha256(record).hexdigest():
        raise UserError(f"{path} is damaged: its record has changed since it was written")
    return record_of(raw, path), _LENGTH_BYTES + length


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


def _decoded(path: Path, content: bytes) -> dict[str, Any]:
    try:
        return msgspec.json.decode(content, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise UserError(f"{path} is damaged: its header is not JSON") from None
