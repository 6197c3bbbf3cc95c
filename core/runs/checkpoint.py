"""Saved runs: a RunState to one file and back. docs/run-format.md describes the file."""

import hashlib
import platform
from collections.abc import Mapping
from contextlib import ExitStack
from importlib.metadata import version
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from msgspec import structs
from safetensors import SafetensorError, TensorSpec
from torch import Tensor

from ..atomic import check_can_create, write_atomically
from ..datasets.dataset import Dataset
from ..errors import UserError
from ..models.factory import parameter_layout
from ..text import shown
from ..training.history import DevLosses, LossHistory
from . import format2
from .header import existing_run, find, open_run, read_header, run_path, with_record
from .plain_file import check_size
from .record import (
    FORMAT,
    DatasetRecord,
    DevRecord,
    FirstSettings,
    History,
    RunRecord,
    check_journal,
    now,
    to_json,
)
from .state import RunState

__all__ = ["check_new", "note_divergence", "read", "run_path", "to_json", "write"]

_MAX_LEFT = 1 << 13  # random integers drawn and not used yet
_GENERATOR_BYTES = len(torch.Generator().get_state())
_MOMENTS = ("mean", "square")  # of AdamW
_Expected = dict[str, tuple[tuple[int, ...], torch.dtype]]  # shapes and types of tensors by name


def check_new(path: Path) -> Path:
    """The file that a new run named `path` will be; the folders that lead to it are made.

    Raises:
        UserError: there is something of that name, or nothing can be written there.
    """
    if found := existing_run(path):
        raise UserError(f"{found} already exists; choose another name, or remove it first")
    check_can_create(run_path(path))
    return run_path(path)


def write(
    state: RunState, path: Path, *, named: bool = True, report: dict[str, Any] | None = None
) -> None:
    """Write a run to a file, whole or not at all; a run that is there is replaced.

    named: True when a person gave the run its name; other runs may be pruned.
    report: figures to keep with it.

    Raises:
        UserError: the file can't be written, or the parameters are not finite.
    """
    if not state.is_finite:
        raise UserError(f"the weights are not finite, so {path} was not written")
    if not state.is_resumable:
        raise UserError(f"the run lacks its optimizer, so {path} was not written")
    record = _record(state, named, report or {})
    write_atomically(path, *with_record(record, _serialized(_tensors(state))))


def note_divergence(path: Path, step: int | None) -> None:
    """Record in a saved run that its training diverged at a later step.

    Raises:
        UserError: the run is damaged, or can't be written.
    """
    with open_run(path) as file:
        record, _ = read_header(path, file)
        file.seek(0)
        tensors = file.read()
    write_atomically(path, *with_record(structs.replace(record, diverged_at=step), tensors))


def read(path: Path | str, partial: bool = False) -> RunState:
    """Read a run from a file, or from a folder of format 2, and the dataset it was trained on.

    partial: also read a run of format 1, which can be evaluated and sampled from but not trained.

    Raises:
        UserError: there is no run, it is damaged, or its dataset has changed.
    """
    path = find(path)
    with ExitStack() as stack:
        if path.is_dir():
            file, record, begin = None, format2.read_record(path), 0
        else:
            file = stack.enter_context(open_run(path))
            record, begin = read_header(path, file)
        if record.format == 1 and not partial:
            raise UserError(
                f"{path} has format 1, which lacks the optimizer's state, so it can't be resumed; "
                "sample and evaluate still read it"
            )
        check_journal(record, path)
        dataset = _dataset(path, record)
        expected = _expected(record, dataset.vocabulary.size)
        least = sum(_nbytes(*one) for one in expected.values())
        most = least + _MAX_LEFT * 8
        if file is None:
            content = format2.read_weights(path, most + (1 << 17), least)
        else:
            check_size(path, file, begin + most, begin + least)
            file.seek(0)
            content = file.read(begin + most)
    tensors = _parsed(path, content)
    if hashlib.sha256(memoryview(content)[begin:]).hexdigest() != record.tensors_sha256:
        raise UserError(f"{path} is damaged: its tensors have changed since they were written")
    _check_tensors(path, tensors, expected)
    try:
        return _state(record, dataset, tensors)
    except (RuntimeError, ValueError) as error:
        raise UserError(f"{path} is damaged: {str(error).splitlines()[0]}") from None


def _record(state: RunState, named: bool, report: dict[str, Any]) -> RunRecord:
    dataset, dev = state.dataset, state.dev_losses
    return RunRecord(
        format=FORMAT,
        versions={
            "makemore-tui": version("makemore-tui"),
            "torch": str(torch.__version__),
            "python": platform.python_version(),
        },
        threads=torch.get_num_threads(),
        named=named,
        saved=now(),
        dataset=DatasetRecord(
            name=dataset.name,
            path=None if dataset.built_in else str(dataset.path.resolve()),
            unique=dataset.unique,
            fingerprint=dataset.fingerprint,
        ),
        seed=state.seed,
        steps=state.step,
        counted=state.trainer.get("counted", 0),
        model=state.model_settings,
        train=state.train_settings,
        first=FirstSettings(*state.first_settings),
        journal=state.journal,
        resized=state.resized,
        diverged_at=state.diverged_at,
        history=History(state.history.width),
        dev_losses=DevRecord(tuple(dev.points), dev.best),
        report=report,
        tensors_sha256="",
        dropout_version=2 if state.dropout_version == 2 else 1,
    )


def _tensors(state: RunState) -> dict[str, Tensor]:
    """The tensors of a run by the names that they have in its file."""
    trainer = state.trainer
    tensors = {"history.buckets": state.history.filled, "history.rest": state.history.rest}
    if "counts" in trainer:
        return tensors | {"counts": trainer["counts"]}
    layout = parameter_layout(state.model_settings, state.dataset.vocabulary.size)
    tensors |= layout.views(trainer["parameters"])
    tensors |= {f"random.{name}": trainer[name] for name in ("generator", "left")}
    if "mean" in trainer:
        for name in _MOMENTS:
            views = layout.views(trainer[name])
            tensors |= {f"optimizer.{name}.{part}": view for part, view in views.items()}
        tensors["optimizer.steps"] = trainer["steps"]
    return tensors


def _state(record: RunRecord, dataset: Dataset, tensors: Mapping[str, Tensor]) -> RunState:
    """The state that a record and its tensors make.

    Raises:
        ValueError: the numbers can't be those of such a run.
    """
    is_complete = record.format > 1
    history, dev = LossHistory(), DevLosses()
    if is_complete:
        buckets, rest = tensors["history.buckets"], tensors["history.rest"]
        history = LossHistory.of(record.history.width, buckets, rest)
        dev.points, dev.best = record.dev_losses.losses, record.dev_losses.best
    # A divergence that was noted later lies beyond the steps that were saved.
    diverged_at = record.diverged_at if (record.diverged_at or 0) < record.steps else None
    return RunState(
        dataset=dataset,
        model_settings=record.model,
        train_settings=record.train,
        first_settings=(record.first.model, record.first.train),
        seed=record.seed,
        journal=record.journal,
        trainer={"step": record.steps} | _trainer_state(record, dataset, tensors, is_complete),
        history=history,
        dev_losses=dev,
        resized=record.resized,
        diverged_at=diverged_at,
        is_finite=True,
        dropout_version=record.dropout_version,
        is_resumable=is_complete,
        run=object(),
    )


def _trainer_state(
    record: RunRecord, dataset: Dataset, tensors: Mapping[str, Tensor], is_complete: bool
) -> dict[str, Any]:
    if not record.model.model_kind.is_network:
        if record.counted > dataset.split(record.train.train_on).num_examples:
            raise ValueError("more examples are counted than there are")
        return {"counted": record.counted, "counts": tensors["counts"]}
    layout = parameter_layout(record.model, dataset.vocabulary.size)

    def flat(prefix: str = "") -> Tensor:
        vector = torch.empty(layout.size)
        for name, view in layout.views(vector).items():
            view.copy_(tensors[prefix + name])
        return vector

    state: dict[str, Any] = {"parameters": flat()}
    if is_complete:
        state |= {name: tensors[f"random.{name}"] for name in ("generator", "left")}
        torch.Generator().set_state(state["generator"])  # a RuntimeError, where it is none
    if is_complete and record.train.optimizer == "adamw":
        state |= {name: flat(f"optimizer.{name}.") for name in _MOMENTS}
        state["steps"] = tensors["optimizer.steps"]
    return state


def _dataset(path: Path, record: RunRecord) -> Dataset:
    dataset = Dataset.load(record.dataset_name, record.dataset.unique)
    if dataset.fingerprint != record.dataset.fingerprint:
        raise UserError(
            f"{dataset.path} has changed since {path} was trained on it; "
            "the run needs the file as it was"
        )
    return dataset


def _expected(record: RunRecord, V: int) -> _Expected:
    """The tensors that the file of such a run holds. Of "random.left" the length is not known."""
    expected: _Expected = {}
    if record.format > 1:
        filled, rest = divmod(record.steps, record.history.width)  # as `LossHistory` folds them
        expected["history.buckets"] = (3, filled), torch.float32
        expected["history.rest"] = (rest,), torch.float32
    if not record.model.model_kind.is_network:
        return expected | {"counts": ((V ** (record.model.order - 1), V), torch.int32)}
    shapes = parameter_layout(record.model, V).shapes
    expected |= {name: (shape, torch.float32) for name, shape in shapes.items()}
    if record.format == 1:
        return expected
    expected["random.left"] = (0,), torch.int64
    expected["random.generator"] = (_GENERATOR_BYTES,), torch.uint8
    if record.train.optimizer == "adamw":
        for moment in _MOMENTS:
            moments = {f"optimizer.{moment}.{name}": shape for name, shape in shapes.items()}
            expected |= {name: (shape, torch.float32) for name, shape in moments.items()}
        expected["optimizer.steps"] = (), torch.float32
    return expected


def _check_tensors(path: Path, tensors: Mapping[str, Tensor], expected: _Expected) -> None:
    """See that a file holds the tensors expected, with numbers that training can go on from.

    Raises:
        UserError: it doesn't.
    """
    if others := tensors.keys() - expected.keys():
        other = shown(min(others)[:100])
        raise UserError(f"{path} is damaged: {other!r} does not belong to such a run")
    for name, (shape, dtype) in expected.items():
        found = tensors.get(name)
        if name == "random.left" and found is not None and len(found.shape) == 1:
            shape = (min(len(found), _MAX_LEFT),)
        if found is None or found.dtype != dtype or tuple(found.shape) != shape:
            raise UserError(f"{path} is damaged: {name} is missing or has another shape or type")
        if name.startswith(("history.", "random.")):
            continue
        if dtype.is_floating_point and not bool(torch.isfinite(found).all()):
            raise UserError(f"{path} is damaged: {name} holds numbers that are not finite")
        is_count = name.startswith(("counts", "optimizer.square", "optimizer.steps"))
        if is_count and bool((found < 0).any()):
            raise UserError(f"{path} is damaged: {name} holds numbers below 0")


def _serialized(tensors: Mapping[str, Tensor]) -> bytes:
    """The bytes of a safetensors file. (safetensors.torch.save would need NumPy.)"""
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


def _parsed(path: Path, content: bytes) -> dict[str, Tensor]:
    """The tensors of a safetensors file.

    Raises:
        UserError: it is none.
    """
    try:
        return safetensors.torch.load(content)
    except (SafetensorError, ValueError, KeyError, RuntimeError, TypeError, AttributeError):
        raise UserError(f"{path} is damaged: it is not a safetensors file") from None


def _nbytes(shape: tuple[int, ...], dtype: torch.dtype) -> int:
    size = dtype.itemsize
    for length in shape:
        size *= length
    return size
