"""The files of a run, read and checked: sizes and claims first, then the numbers."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..datasets.dataset import Dataset
from ..errors import UserError
from ..models.factory import make_model
from ..models.mlp import MLP
from ..models.neural_bigram import NeuralBigram
from ..models.ngram import NgramCounts
from ..text import shown
from ..training.history import DevLosses, LossHistory
from . import files as run_files
from .files import METRICS, WEIGHTS
from .metrics import MAX_METRICS_BYTES
from .record import RunRecord, check_whole, read_record
from .state import JournalEntry, RunState
from .tensors import check_tensors, parsed

_SLACK = 200_000  # bytes: the header, and the random integers left over
_MAX_LEFT = 1 << 13  # of these integers


def read_run(folder: Path) -> tuple[RunRecord, Dataset, Any, dict[str, Tensor]]:
    """The record, dataset, model with its weights, and all tensors of a run.

    Raises:
        UserError: the folder is not a whole and undamaged run, or its dataset has changed.
    """
    while True:
        before = run_files.stamp(folder)
        try:
            return _read_with(folder, read_record(folder))
        except (UserError, FileNotFoundError) as error:
            if run_files.stamp(folder) != before:
                continue  # another process has saved the run meanwhile
            if isinstance(error, FileNotFoundError):
                raise UserError(f"{error.filename} can't be read: {error.strerror}") from None
            raise


def resumable_state(
    record: RunRecord,
    dataset: Dataset,
    model: NgramCounts | NeuralBigram | MLP,
    tensors: dict[str, Tensor],
) -> RunState:
    """What a session goes on from.

    Raises:
        ValueError: the numbers can't be of such a run.
    """
    trainer: dict[str, Any] = {"step": record.steps}
    if isinstance(model, NgramCounts):
        if record.counted > dataset.split(record.train.train_on).num_examples:
            raise ValueError("more examples are counted than there are")
        trainer |= {"counted": record.counted, "counts": model.counts}
    else:
        if len(tensors["random.left"]) > _MAX_LEFT:
            raise ValueError("too many random integers are left over")
        trainer["parameters"] = model.flat
        trainer |= {name: tensors[f"random.{name}"] for name in ("generator", "left")}
        if record.train.optimizer == "adamw":
            trainer["steps"] = tensors["optimizer.steps"]
            for name in ("mean", "square"):
                flat = trainer[name] = torch.zeros_like(model.flat)
                for part, view in model.views(flat).items():
                    view.copy_(tensors[f"optimizer.{name}.{part}"])
    diverged_at = record.diverged_at  # beyond these steps, if it was noted after they were saved
    dev = DevLosses()
    dev.points, dev.best = record.dev_points, record.best_dev
    history = LossHistory.of(record.width, tensors["history.buckets"], tensors["history.rest"])
    return RunState(
        dataset=dataset,
        run=object(),
        model_settings=record.model,
        train_settings=record.train,
        first_settings=record.first,
        seed=record.seed,
        journal=tuple(JournalEntry(*entry) for entry in record.journal),
        trainer=trainer,
        history=history,
        dev_losses=dev,
        resized=record.resized,
        diverged_at=diverged_at if (diverged_at or 0) < record.steps else None,
        is_finite=True,
        step_seconds=0.0,
    )


def sha256(content: bytes) -> str:
    """The sum by which a file is known."""
    return hashlib.sha256(content).hexdigest()


def _read_with(
    folder: Path, record: RunRecord
) -> tuple[RunRecord, Dataset, Any, dict[str, Tensor]]:
    check_whole(folder, record)
    dataset = Dataset.load(record.dataset, record.unique)
    if dataset.fingerprint != record.fingerprint:
        raise UserError(
            f"{dataset.path} has changed since {folder} was trained on it; "
            "the run needs the file as it was"
        )
    V = dataset.vocabulary.size
    of_model, expected = _expected(record, V)
    least = sum(tensor.nbytes for tensor in expected.values())
    raw = run_files.read(folder, WEIGHTS, least + _SLACK, least)
    tensors = parsed(folder / WEIGHTS, raw)
    check_tensors(folder / WEIGHTS, tensors, of_model)
    if sha256(raw) != record.weights_sha256:
        raise _not_of_record(folder / WEIGHTS)
    check_tensors(folder / WEIGHTS, tensors, expected)
    if others := tensors.keys() - expected.keys():
        other = shown(min(others)[:100])
        raise UserError(f"{folder / WEIGHTS} is damaged: {other!r} has no place in such a run")
    if record.format > 1:
        table = run_files.read(folder, METRICS, MAX_METRICS_BYTES)
        if sha256(table) != record.metrics_sha256:
            raise _not_of_record(folder / METRICS)
    _check_numbers(folder / WEIGHTS, tensors)
    model = make_model(record.model, V, None, record.train.smoothing)
    for name, tensor in model.tensors.items():
        tensor.copy_(tensors[name])
    return record, dataset, model, tensors


def _expected(record: RunRecord, V: int) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """The model's tensors, and all that a run's file holds: shapes and types without memory.

    Of "random.left" the length is not known, and it counts as empty.
    """
    with torch.device("meta"):
        of_model = make_model(record.model, V, None).tensors
        expected = dict(of_model)
        if record.format == 1:
            return of_model, expected
        filled, rest = divmod(record.steps, record.width)  # as `LossHistory` folds them
        expected["history.buckets"] = torch.empty(3, filled)
        expected["history.rest"] = torch.empty(rest)
        if record.model.kind == "ngram":
            return of_model, expected
        expected["random.left"] = torch.empty(0, dtype=torch.int64)
        if record.train.optimizer == "adamw":
            for name in ("mean", "square"):
                expected |= {f"optimizer.{name}.{part}": t for part, t in of_model.items()}
            expected["optimizer.steps"] = torch.empty(())
    expected["random.generator"] = torch.Generator().get_state()
    return of_model, expected


def _check_numbers(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """Refuse weights or moments that no training can go on from."""
    for name, tensor in tensors.items():
        if name.startswith(("history.", "random.")):
            continue
        is_float = tensor.is_floating_point()
        if is_float and not bool(torch.isfinite(tensor).all()):
            raise UserError(f"{path} is damaged: {name} holds numbers that are not finite")
        never_below_0 = not is_float or name.startswith(("optimizer.square", "optimizer.steps"))
        if never_below_0 and bool((tensor < 0).any()):
            raise UserError(f"{path} is damaged: {name} holds numbers below 0")


def _not_of_record(path: Path) -> UserError:
    return UserError(f"{path} is damaged: it is not the file that run.json was written with")
