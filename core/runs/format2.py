"""Runs of formats 1 and 2, which are read and not written any more. Torch-free.

Such a run is a folder: run.json is the record, weights.safetensors holds the tensors. A writer that
was killed may have left a folder `.next` in it; a file that is in there counts.
"""

import contextlib
import errno
import hashlib
import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

from ..errors import UserError
from .plain_file import open_plain_file, read_whole
from .record import MAX_RECORD_BYTES, RunRecord, check_format, record_of, to_json

RECORD, WEIGHTS = "run.json", "weights.safetensors"
_NEXT = ".next"


def is_run(folder: Path) -> bool:
    """True when a folder holds a run of format 1 or 2, whole or damaged."""
    return any(os.path.lexists(folder / name) for name in (RECORD, WEIGHTS, _NEXT))


def read_record(folder: Path) -> RunRecord:
    """The record of a run. Raises UserError if it is missing, damaged, or of a newer format."""
    path = folder / RECORD
    with _open(folder, RECORD, f"{folder} is not a run: it has no {RECORD}") as file:
        content = read_whole(path, file, MAX_RECORD_BYTES)
    try:
        raw = json.loads(content.decode())
    except (ValueError, RecursionError):
        raise UserError(f"{path} is damaged: it is not JSON") from None
    number = check_format(path, raw)
    if number > 1 and raw.get("record_sha256") != _sha256(raw):
        raise UserError(f"{path} is damaged: it has changed since it was written")
    try:
        return record_of(_converted(raw), path)
    except KeyError as error:
        raise UserError(f"{path} is damaged: {error.args[0]!r} is missing") from None


def open_weights(folder: Path) -> BinaryIO:
    """Open the safetensors file of a run. Raises UserError if it is missing or can't be read."""
    return _open(folder, WEIGHTS, f"{folder / WEIGHTS} can't be read: {os.strerror(errno.ENOENT)}")


def size_of(folder: Path) -> int:
    """The bytes of all files of a run, as far as they can be told."""
    size = 0
    for path in folder.rglob("*"):
        with contextlib.suppress(OSError):
            size += path.lstat().st_size
    return size


def _converted(raw: dict[str, Any]) -> dict[str, Any]:
    """A record in the form of the present format; `format` stays what it was."""
    dropped = {"weights_sha256", "metrics_sha256", "record_sha256"}
    kept = {key: value for key, value in raw.items() if key not in dropped}
    kept |= {"tensors_sha256": raw["weights_sha256"], "dropout_version": 1}
    if raw["format"] > 1:
        return kept
    added = {"threads": 1, "named": True, "saved": datetime.now(UTC), "counted": 0, "resized": None}
    added |= {"diverged_at": None, "history": {"width": 1 << 40}, "dev_losses": {}}
    return added | kept


def _sha256(raw: dict[str, Any]) -> str:
    """The hash of a record, which is in the record itself."""
    parts = {key: raw[key] for key in raw.keys() - {"record_sha256", "versions"}}
    words = json.dumps(json.loads(to_json(parts)), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(words.encode()).hexdigest()


def _open(folder: Path, name: str, missing: str) -> BinaryIO:
    """Open a file of a run, in `.next` if it is there."""
    following = folder / _NEXT
    is_there = not following.is_symlink() and os.path.lexists(following / name)
    return open_plain_file((following if is_there else folder) / name, missing)
