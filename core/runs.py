"""A run on disk: a folder with run.json and weights.safetensors."""

import hashlib
import json
import math
import os
import platform
import shutil
import tempfile
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import safetensors.torch
import torch
from safetensors import SafetensorError, TensorSpec

from .dataset import Dataset
from .errors import UserError
from .models import MLP, NeuralBigram, NgramCounts, make_model
from .settings import ModelSettings, TrainSettings

if TYPE_CHECKING:
    from .session import Session

FORMAT = 1
_LARGEST_RECORD = 64 << 20


@dataclass(frozen=True)
class Run:
    """A saved run: enough to sample from it and to evaluate it."""

    folder: Path
    dataset: Dataset
    model: NgramCounts | NeuralBigram | MLP
    train_settings: TrainSettings
    seed: int
    steps: int


def save_run(session: "Session", folder: Path, report: dict[str, Any]) -> None:
    """Write a session to a new folder, whole or not at all.

    Raises:
        UserError: the folder exists, or can't be written.
    """
    partial = new_folder(folder)
    try:
        weights = _serialized(session.model.tensors)
        record = _record(session, report) | {"weights_sha256": hashlib.sha256(weights).hexdigest()}
        _write(partial / "weights.safetensors", weights)
        _write(partial / "run.json", (to_json(record, indent=2) + "\n").encode())
        partial.chmod(0o755)
        partial.rename(folder)
    except BaseException as error:
        shutil.rmtree(partial, ignore_errors=True)
        if isinstance(error, OSError):
            raise _cannot_write(folder, error) from None
        raise


def new_folder(folder: Path) -> Path:
    """A hidden folder beside where `folder` will be, to be written first and then renamed.

    Raises:
        UserError: something of that name exists, or nothing can be written there.
    """
    if os.path.lexists(folder):
        raise UserError(f"{folder} already exists; name a new folder, or remove it first")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        return Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    except OSError as error:
        raise _cannot_write(folder, error) from None


def load_run(folder: Path | str) -> Run:
    """Read a run and the dataset it was trained on.

    Raises:
        UserError: the folder is not a whole and undamaged run, or its dataset has changed.
    """
    folder = Path(folder)
    path = folder / "run.json"
    record = _read_record(folder, path)
    try:
        of = record["dataset"]
        model_settings = ModelSettings(**record["model"])
        train_settings = TrainSettings(**record["train"])
        seed, steps = int(record["seed"]), int(record["steps"])
        name, unique, fingerprint = (
            str(of["path"] or of["name"]),
            bool(of["unique"]),
            of["fingerprint"],
        )
        weights_sha256 = record["weights_sha256"]
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        reason = f"{error.args[0]!r} is missing" if isinstance(error, KeyError) else str(error)
        raise UserError(f"{path} is not the record of a run: {reason}") from None
    dataset = Dataset.load(name, unique)
    if dataset.fingerprint != fingerprint:
        raise UserError(
            f"{dataset.path} has changed since {folder} was trained on it; "
            "the run needs the file as it was"
        )
    model = make_model(
        model_settings, dataset.vocabulary.size, torch.Generator(), train_settings.smoothing
    )
    _load_weights(folder / "weights.safetensors", model, weights_sha256)
    return Run(folder, dataset, model, train_settings, seed, steps)


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


def _record(session: "Session", report: dict[str, Any]) -> dict[str, Any]:
    dataset = session.dataset
    first_model, first_train = session.first_settings
    return {
        "format": FORMAT,
        "versions": {
            "makemore-tui": version("makemore-tui"),
            "torch": torch.__version__,
            "python": platform.python_version(),
        },
        "dataset": {
            "name": dataset.name,
            "path": None if dataset.built_in else str(dataset.path.resolve()),
            "unique": dataset.unique,
            "fingerprint": dataset.fingerprint,
        },
        "seed": session.seed,
        "steps": session.step,
        "model": asdict(session.model_settings),
        "train": asdict(session.train_settings),
        "first": {"model": asdict(first_model), "train": asdict(first_train)},
        "journal": [asdict(entry) for entry in session.journal],
        "report": report,
    }


def _read_record(folder: Path, path: Path) -> dict[str, Any]:
    if not os.path.isdir(folder):
        raise UserError(f"{folder} is not a run: there is no such folder")
    try:
        with path.open("rb") as file:
            raw = file.read(_LARGEST_RECORD + 1)
        record = json.loads(raw.decode())
    except FileNotFoundError:
        raise UserError(f"{folder} is not a run: it has no run.json") from None
    except OSError as error:
        raise UserError(f"{path} can't be read: {error.strerror}") from None
    except (ValueError, RecursionError):
        raise UserError(f"{path} is damaged: it is not JSON") from None
    if not isinstance(record, dict) or not isinstance(record.get("format"), int):
        raise UserError(f"{path} is not the record of a run: 'format' is missing")
    if record["format"] > FORMAT:
        raise UserError(
            f"{path} has format {record['format']}, made by a newer makemore-tui; "
            f"this one reads up to format {FORMAT}"
        )
    return record


def _load_weights(path: Path, model: NgramCounts | NeuralBigram | MLP, sha256: Any) -> None:
    expected = sum(tensor.nbytes for tensor in model.tensors.values())
    try:
        if path.stat().st_size > expected + 100_000:
            raise UserError(f"{path} is damaged: it is larger than this model's weights")
        raw = path.read_bytes()
        tensors = safetensors.torch.load(raw)
    except OSError as error:
        raise UserError(f"{path} can't be read: {error.strerror}") from None
    except (SafetensorError, ValueError, KeyError):
        raise UserError(f"{path} is damaged: it is not a safetensors file") from None
    for name, tensor in model.tensors.items():
        found = tensors.get(name)
        if found is None or found.shape != tensor.shape or found.dtype != tensor.dtype:
            raise UserError(f"{path} is damaged: {name} is missing or has another shape or type")
        tensor.copy_(found)
    if hashlib.sha256(raw).hexdigest() != sha256:
        raise UserError(f"{path} is damaged: it is not the file that run.json was written with")


def _serialized(tensors: dict[str, torch.Tensor]) -> bytes:
    """Tensors in the safetensors format. (safetensors.torch.save would need NumPy.)"""
    tensors = {name: tensor.contiguous() for name, tensor in tensors.items()}
    specs = {
        name: TensorSpec(
            dtype=str(tensor.dtype).removeprefix("torch."),
            shape=list(tensor.shape),
            data_ptr=tensor.data_ptr(),
            data_len=tensor.nbytes,
        )
        for name, tensor in tensors.items()
    }
    return bytes(safetensors.serialize(specs))


def _write(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _cannot_write(folder: Path, error: OSError) -> UserError:
    return UserError(f"{folder} can't be written: {error.strerror}")
