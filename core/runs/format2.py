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
from typing import Any

from ..errors import UserError
from .plain_file import check_size, open_plain_file, read_bytes
from .record import MAX_RECORD_BYTES, RunRecord, check_format, record_of, to_json

RECORD, WEIGHTS, METRICS = "run.json", "weights.safetensors", "metrics.csv"
_NEXT = ".next"


def is_run(folder: Path) -> bool:
    """True when a folder holds a run of format 1 or 2, whole or damaged."""
    return any(os.path.lexists(folder / name) for name in (RECORD, WEIGHTS, _NEXT))


def read_record(folder: Path) -> RunRecord:
    """The record of a run.

    Raises:
        UserError: there is none, or it is damaged or of a newer format.
    """
    path, missing = folder / RECORD, f"{folder} is not a run: it has no {RECORD}"
    content = _read(folder, RECORD, missing, MAX_RECORD_BYTES)
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


def read_weights(folder: Path, most: int, least: int) -> bytes:
    """The bytes of the safetensors file of a run.

    Raises:
        UserError: it is missing, has another size, or can't be read.
    """
    missing = f"{folder / WEIGHTS} can't be read: {os.strerror(errno.ENOENT)}"
    return _read(folder, WEIGHTS, missing, most, least)


def size_of(folder: Path) -> int:
    """The bytes of all files of a run, as far as they can be told."""
    size = 0
    for root, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                size += os.lstat(os.path.join(root, name)).st_size
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


def _read(folder: Path, name: str, missing: str, most: int, least: int = 0) -> bytes:
    """A file of a run, from `.next` if it is in there."""
    path, following = folder / name, folder / _NEXT
    if not os.path.islink(following) and os.path.lexists(following / name):
        path = following / name
    with open_plain_file(path, missing) as file:
        check_size(path, file, most, least)
        return read_bytes(path, file, most)
