"""Runs of formats 1 and 2, which are read and not written any more. Torch-free.

Such a run is a folder: run.json is the record, weights.safetensors holds the tensors. A writer that
was killed may have left a folder `.next` in it; a file that is in there counts.
"""

import hashlib
import json
import os
from pathlib import Path
from typing import Any

from ..errors import UserError
from .plain_file import read_plain_file
from .record import MAX_RECORD_BYTES, RunRecord, check_format, now, record_of, to_json

RECORD, WEIGHTS, METRICS = "run.json", "weights.safetensors", "metrics.csv"
_NEXT = ".next"
_UNHASHED = ("record_sha256", "versions")


def is_run(folder: Path) -> bool:
    """True when a folder holds a run of format 1 or 2, whole or damaged."""
    return any(os.path.lexists(folder / name) for name in (RECORD, WEIGHTS, _NEXT))


def read_record(folder: Path) -> RunRecord:
    """The record of a run.

    Raises:
        UserError: there is none, or it is damaged or of a newer format.
    """
    path = folder / RECORD
    try:
        raw = json.loads(_read(folder, RECORD, MAX_RECORD_BYTES).decode())
    except FileNotFoundError:
        raise UserError(f"{folder} is not a run: it has no {RECORD}") from None
    except UserError:
        raise
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
    try:
        return _read(folder, WEIGHTS, most, least)
    except FileNotFoundError as error:
        raise UserError(f"{folder / WEIGHTS} can't be read: {error.strerror}") from None


def size_of(folder: Path) -> int:
    """The bytes of all files of a run, as far as they can be told."""
    sizes = 0
    for root, _, names in os.walk(folder):
        for name in names:
            try:
                sizes += os.lstat(os.path.join(root, name)).st_size
            except OSError:
                continue
    return sizes


def _converted(raw: dict[str, Any]) -> dict[str, Any]:
    """A record in the form of the present format; `format` stays what it was."""
    kept = {key: value for key, value in raw.items() if key not in _OF_FORMAT_2}
    kept |= {"tensors_sha256": raw["weights_sha256"], "dropout_version": 1}
    if raw["format"] > 1:
        return kept
    added = {"threads": 1, "named": True, "saved": now(), "counted": 0, "resized": None}
    added |= {"diverged_at": None, "history": {"width": 1 << 40}, "dev_losses": {}}
    return added | kept


def _sha256(raw: dict[str, Any]) -> str:
    """The hash of a record, which is in the record itself."""
    parts = {key: value for key, value in raw.items() if key not in _UNHASHED}
    words = json.dumps(json.loads(to_json(parts)), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(words.encode()).hexdigest()


def _read(folder: Path, name: str, most: int, least: int = 0) -> bytes:
    """A file of a run, from `.next` if it is in there."""
    following = folder / _NEXT
    if not os.path.islink(following) and os.path.lexists(following / name):
        return read_plain_file(following / name, most, least)
    return read_plain_file(folder / name, most, least)


_OF_FORMAT_2 = ("weights_sha256", "metrics_sha256", "record_sha256")
