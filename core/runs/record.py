"""run.json, the record of a run: plain values, checked one by one when read. Torch-free."""

import hashlib
import json
import math
import os
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, TypeVar

from ..constants import BUILT_IN_DATASETS
from ..errors import UserError
from ..results import Resizing
from ..settings import ModelSettings, TrainSettings, changed, effect_of
from . import files as run_files

FORMAT = 2
MAX_RECORD_BYTES = 3 << 20  # bytes; a journal of some 30,000 edits
MAX_BUCKETS = 1 << 14
_MAX_BUCKET_WIDTH = 1 << 40  # steps
_MIN_LOSS, _MAX_LOSS = -1e-3, 3.5e38  # for rounding; beyond float32
_MAX_PATH_LENGTH = 4096  # characters
_MAX_VALUE = 2**63 - 1
_Kind = TypeVar("_Kind", ModelSettings, TrainSettings)


@dataclass(frozen=True)
class RunRecord:
    """What run.json says, checked.

    dataset: a built-in one's name, or the path of a file. first: the settings at step 0.
    journal: (steps taken before, changes) of every edit since. width: steps in a bucket of the
    loss history. counted: of a table of counts, the examples counted. dev_points: (step, loss in
    nats). threads: of torch, on which the last bits depend. named: whether a person gave the run
    its name; a run saved by itself has none.
    raw: all that run.json holds.
    """

    format: int
    versions: dict[str, str]
    dataset: str
    unique: bool
    fingerprint: str
    seed: int
    steps: int
    model: ModelSettings
    train: TrainSettings
    first: tuple[ModelSettings, TrainSettings]
    journal: list[tuple[int, dict[str, Any]]]
    weights_sha256: str
    metrics_sha256: str
    width: int
    counted: int
    dev_points: list[tuple[int, float]]
    best_dev: float | None
    resized: Resizing | None
    diverged_at: int | None
    named: bool
    threads: int
    raw: dict[str, Any]

    @property
    def usable_threads(self) -> int:
        """As many threads as the run was trained with, as far as this machine has them."""
        return min(self.threads, os.cpu_count() or 1)


def read_record(folder: Path) -> RunRecord:
    """The record of a run.

    Raises:
        UserError: there is none, or it is damaged or of a newer format.
    """
    path = folder / run_files.RECORD
    if not os.path.isdir(folder):
        raise UserError(f"{folder} is not a run: there is no such folder")
    try:
        content = run_files.read(folder, run_files.RECORD, MAX_RECORD_BYTES)
        raw = json.loads(content.decode())
    except FileNotFoundError:
        raise UserError(f"{folder} is not a run: it has no run.json") from None
    except UserError:
        raise
    except (ValueError, RecursionError):
        raise UserError(f"{path} is damaged: it is not JSON") from None
    if not isinstance(raw, dict) or type(raw.get("format")) is not int:
        raise UserError(f"{path} is not the record of a run: 'format' is missing")
    if raw["format"] > FORMAT:
        raise UserError(
            f"{path} has format {raw['format']}, made by a newer makemore-tui; "
            f"this one reads up to format {FORMAT}"
        )
    try:
        return _checked(raw)
    except (KeyError, TypeError, ValueError, OverflowError, AttributeError) as error:
        reason = f"{error.args[0]!r} is missing" if isinstance(error, KeyError) else str(error)
        raise UserError(f"{path} is not the record of a run: {_short(reason)}") from None


def check_whole(folder: Path, record: RunRecord) -> None:
    """See that no value of run.json has changed since it was written.

    Raises:
        UserError: one has.
    """
    if record.format > 1 and record.raw["record_sha256"] != _sha256_of(record.raw):
        path = folder / run_files.RECORD
        raise UserError(f"{path} is damaged: it has changed since it was written")


def check_path(folder: Path, record: RunRecord) -> None:
    """See that the journal leads from the first settings to the present ones.

    Raises:
        UserError: it doesn't.
    """
    path = folder / run_files.RECORD
    model, train = record.first
    for _, changes in record.journal:
        try:
            restarts = effect_of(changes, model.kind) == "restart"
            model, train = changed(model, train, changes)
        except UserError as error:
            raise UserError(f"{path} is damaged: in its journal {error}") from None
        if restarts:
            raise UserError(f"{path} is damaged: an edit in its journal begins another run")
    if (model, train) != (record.model, record.train):
        raise UserError(f"{path} is damaged: its journal does not lead to its settings")


def written(raw: dict[str, Any]) -> bytes:
    """The bytes of run.json.

    Raises:
        UserError: the journal is too long.
    """
    whole = raw | {"record_sha256": _sha256_of(raw)}
    lines = [f"  {to_json(key)}: {to_json(value)}" for key, value in whole.items()]
    content = ("{\n" + ",\n".join(lines) + "\n}\n").encode()
    if len(content) > MAX_RECORD_BYTES:
        raise UserError(
            f"a run of {len(raw['journal']):,} edits has too long a journal to be saved"
        )
    return content


def plain_settings(model: ModelSettings, train: TrainSettings) -> dict[str, Any]:
    """Settings as plain values."""
    return {"model": asdict(model), "train": asdict(train)}


def to_json(value: Any, indent: int | None = None) -> str:
    """Valid JSON of plain values: an infinite number becomes "Infinity", NaN becomes null."""
    return json.dumps(_finite(value), indent=indent, allow_nan=False)


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value


def _sha256_of(raw: dict[str, Any]) -> str:
    """Of all values but the versions, which are only told."""
    parts = {k: v for k, v in raw.items() if k not in ("record_sha256", "versions")}
    words = json.dumps(_finite(parts), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(words.encode()).hexdigest()


def _checked(raw: dict[str, Any]) -> RunRecord:
    is_old, of, steps = raw["format"] < FORMAT, raw["dataset"], _whole(raw, "steps")
    dev = {"points": [], "best": None} if is_old else _a(dict, raw, "dev_losses")
    resized = None if is_old else raw["resized"]
    return RunRecord(
        format=_whole(raw, "format", 1),
        versions={str(k): str(v) for k, v in _a(dict, raw, "versions").items()},
        dataset=_dataset(of),
        unique=_a(bool, of, "unique"),
        fingerprint=_a(str, of, "fingerprint"),
        seed=_whole(raw, "seed", -_MAX_VALUE - 1),
        steps=steps,
        model=_settings(ModelSettings, raw, "model"),
        train=_settings(TrainSettings, raw, "train"),
        first=(
            _settings(ModelSettings, raw["first"], "model"),
            _settings(TrainSettings, raw["first"], "train"),
        ),
        journal=_journal(_a(list, raw, "journal"), steps),
        weights_sha256=_a(str, raw, "weights_sha256"),
        metrics_sha256="" if is_old else _a(str, raw, "metrics_sha256"),
        width=1 if is_old else _width(_a(dict, raw, "history"), steps),
        counted=0 if is_old else _whole(raw, "counted"),
        dev_points=[_point(point, steps) for point in _a(list, dev, "points")],
        best_dev=None if dev["best"] is None else _number(dev["best"]),
        resized=None if resized is None else _resizing(resized),
        diverged_at=None if is_old or raw["diverged_at"] is None else _whole(raw, "diverged_at"),
        named=is_old or _a(bool, raw, "named"),
        threads=1 if is_old else _whole(raw, "threads", 1),
        raw=raw if is_old else raw | {"record_sha256": _a(str, raw, "record_sha256")},
    )


def _settings(kind: type[_Kind], raw: Any, key: str) -> _Kind:
    values = _a(dict, raw, key)
    if unknown := values.keys() - {one.name for one in fields(kind)}:
        raise ValueError(f"there is no setting {min(unknown)!r}")
    return kind(**values)


def _dataset(of: dict[str, Any]) -> str:
    """The name of a built-in dataset, or where a file lies."""
    path, name = of["path"], _a(str, of, "name")
    if path is None:
        if name not in BUILT_IN_DATASETS:
            raise ValueError(f"there is no built-in dataset {name!r}")
        return name
    if not os.path.isabs(_a(str, of, "path")) or "\0" in path or len(path) > _MAX_PATH_LENGTH:
        raise ValueError(f"the dataset's path must be absolute, not {path!r}")
    return path


def _journal(entries: list[Any], steps: int) -> list[tuple[int, dict[str, Any]]]:
    journal, before = [], 0
    for entry in entries:
        before = _whole(entry, "step", before, steps)
        journal.append((before, _a(dict, entry, "changes")))
    return journal


def _width(history: dict[str, Any], steps: int) -> int:
    width = _whole(history, "width", 1)
    if width & (width - 1) or width > _MAX_BUCKET_WIDTH or steps // width > MAX_BUCKETS:
        raise ValueError(f"a bucket of the losses can't be of {width!r} steps")
    return width


def _point(point: Any, steps: int) -> tuple[int, float]:
    step, loss = point
    return _whole({"step": step}, "step", 0, steps), _number(loss)


def _resizing(raw: dict[str, Any]) -> Resizing:
    new = Resizing(**raw)
    _whole(raw, "step")
    _a(str, raw, "label")
    for value in (new.before, new.after, new.dev_share):
        if value is not None:
            _number(value)
    return new


def _a(kind: type, raw: Any, key: str) -> Any:
    value = raw[key]
    if type(value) is not kind:
        raise TypeError(f"{key!r} must be a {kind.__name__}, not {value!r}")
    return value


def _whole(raw: Any, key: str, least: int = 0, most: int = _MAX_VALUE) -> int:
    value = _a(int, raw, key)
    if not least <= value <= most:
        raise ValueError(f"{key!r} must be from {least:,} to {most:,}, not {value!r}")
    return value


def _number(value: Any) -> float:
    if value is None or value == "Infinity":
        return math.nan if value is None else math.inf
    if type(value) not in (int, float):
        raise TypeError(f"a loss must be a number, not {value!r}")
    if not _MIN_LOSS <= value <= _MAX_LOSS:
        raise ValueError(f"a loss can't be {value!r}")
    return float(value)


def _short(reason: str) -> str:
    return reason if len(reason) <= 300 else f"{reason[:300]}…"
