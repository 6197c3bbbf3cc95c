"""Saved runs: a RunState to one file and back. docs/run-format.md describes the file."""

import hashlib
import math
import platform
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
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
from .header import existing_run, find, open_run, read_whole, run_path, with_record
from .record import (
    FORMAT,
    DatasetRecord,
    DevRecord,
    FirstSettings,
    History,
    RunRecord,
    TwinRecord,
    check_journal,
)
from .state import RunState

_MAX_LEFT = 1 << 13  # random integers drawn and not used yet
_ROOM = 1 << 18  # bytes, for those and for the header of a file of format 2
_GENERATOR_BYTES = len(torch.Generator().get_state())
# The keys of a trainer's state, and the names in the file: of vectors, what the names begin with.
_VECTORS = {"parameters": "", "mean": "optimizer.mean.", "square": "optimizer.square."}
_SINGLE = {"generator": "random.generator", "left": "random.left", "steps": "optimizer.steps"}
_Expected = dict[str, tuple[tuple[int, ...], torch.dtype]]  # shapes and types of tensors by name


def check_new(path: Path) -> Path:
    """The file that a new run named `path` will be; the folders that lead to it are made. Raises
    UserError if there is something of that name, or nothing can be written there."""
    if found := existing_run(path):
        raise UserError(f"{found} already exists; choose another name, or remove it first")
    check_can_create(run_path(path))
    return run_path(path)


def write(
    state: RunState,
    path: Path,
    *,
    named: bool = True,
    report: dict[str, Any] | None = None,
    twin: TwinRecord | None = None,
) -> None:
    """Write a run to a file, whole or not at all; a run that is there is replaced.

    named: True when a person gave the run its name; other runs may be pruned. report: figures to
    keep with it. twin: the run that is trained beside it. Raises UserError if the file can't be
    written, or the parameters are not finite.
    """
    if not state.is_finite:
        raise UserError(f"the weights are not finite, so {path} was not written")
    if not state.is_resumable:
        raise UserError(f"the run lacks its optimizer, so {path} was not written")
    record = structs.replace(_record(state, named, report or {}), twin=twin)
    write_atomically(path, *with_record(record, _serialized(_tensors(state))))


def note_divergence(path: Path, step: int | None) -> None:
    """Record in a saved run that its training diverged at a later step. Raises UserError if the run
    is damaged, or can't be written."""
    _rewrite_record(path, lambda record: structs.replace(record, diverged_at=step))


def note_test_peek(path: Path) -> None:
    """Record in a saved run that its test split was evaluated once more; errors as for
    `note_divergence`. A folder of format 2 stays as it is."""
    if not path.is_dir():
        _rewrite_record(path, lambda one: structs.replace(one, test_peeks=one.test_peeks + 1))


def _rewrite_record(path: Path, change: Callable[[RunRecord], RunRecord]) -> None:
    with open_run(path) as (file, record, _):
        file.seek(0)
        tensors = file.read()
    write_atomically(path, *with_record(change(record), tensors))


def read(path: Path | str, partial: bool = False) -> RunState:
    """A saved run's state; arguments and errors as for `read_with_record`."""
    return read_with_record(path, partial)[0]


def read_with_record(path: Path | str, partial: bool = False) -> tuple[RunState, RunRecord]:
    """Read a run from a file, or from a folder of format 2, and the dataset it was trained on: its
    state, and the record, which also has the run's file beside it and whether it was named.

    partial: also read a run of format 1, which can be evaluated and sampled from but not trained.
    Raises UserError if there is no run, it is damaged, or its dataset has changed.
    """
    path = find(path)
    with open_run(path) as (file, record, begin):
        if record.format == 1 and not partial:
            raise UserError(
                f"{path} has format 1, which lacks the optimizer's state, so it can't be resumed; "
                "sample and evaluate still read it"
            )
        check_journal(record, path)
        dataset = Dataset.load(record.dataset_name, record.dataset.unique, record.dataset.reading)
        if dataset.fingerprint != record.dataset.fingerprint:
            raise UserError(
                f"{dataset.path} has changed since {path} was trained on it; "
                "the run needs the file as it was"
            )
        expected = _expected(record, dataset.vocabulary.size)
        least = sum(math.prod(shape) * dtype.itemsize for shape, dtype in expected.values())
        content = read_whole(path, file, begin + least + _ROOM, begin + least)
    tensors = _parsed(path, content)
    if hashlib.sha256(memoryview(content)[begin:]).hexdigest() != record.tensors_sha256:
        raise UserError(f"{path} is damaged: its tensors have changed since they were written")
    _check_tensors(path, tensors, expected)
    try:
        return _state(record, dataset, tensors), record
    except (RuntimeError, ValueError) as error:
        raise UserError(f"{path} is damaged: {str(error).splitlines()[0]}") from None


def _record(state: RunState, named: bool, report: dict[str, Any]) -> RunRecord:
    dataset = state.dataset
    path = None if dataset.built_in else dataset.source
    own, torchs = version("makemore-tui"), str(torch.__version__)
    return RunRecord(
        format=FORMAT,
        versions={"makemore-tui": own, "torch": torchs, "python": platform.python_version()},
        threads=torch.get_num_threads(),
        named=named,
        saved=datetime.now(UTC),
        dataset=DatasetRecord(
            dataset.name, path, dataset.unique, dataset.fingerprint, dataset.reading
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
        dev_losses=DevRecord(tuple(state.dev_losses.points), state.dev_losses.best),
        mixed_losses=DevRecord(tuple(state.mixed_losses.points), state.mixed_losses.best),
        report=report,
        tensors_sha256="",
        dropout_version=2 if state.dropout_version == 2 else 1,
        init_version=2 if state.init_version == 2 else 1,
        test_peeks=state.test_peeks,
    )


def _tensors(state: RunState) -> dict[str, Tensor]:
    trainer = state.trainer
    tensors = {"history.buckets": state.history.filled, "history.rest": state.history.rest}
    if "counted" in trainer:
        return tensors  # the counts are those of the first examples
    layout = parameter_layout(state.model_settings, state.dataset.vocabulary.size)
    tensors |= {stored: trainer[name] for name, stored in _SINGLE.items() if name in trainer}
    for name, prefix in _VECTORS.items():
        views = layout.views(trainer[name]) if name in trainer else {}
        tensors |= {prefix + part: view for part, view in views.items()}
    return tensors


def _state(record: RunRecord, dataset: Dataset, tensors: Mapping[str, Tensor]) -> RunState:
    """The state that a record and its tensors make. Raises ValueError or RuntimeError if the
    numbers can't be those of such a run."""
    history = LossHistory()
    if record.format > 1:
        buckets, rest = tensors["history.buckets"], tensors["history.rest"]
        history = LossHistory.of(record.history.width, buckets, rest)
    # A divergence that was noted later lies beyond the steps that were saved.
    diverged_at = record.diverged_at if (record.diverged_at or 0) < record.steps else None
    return RunState(
        dataset=dataset,
        model_settings=record.model,
        train_settings=record.train,
        first_settings=(record.first.model, record.first.train),
        seed=record.seed,
        journal=record.journal,
        trainer={"step": record.steps} | _trainer_state(record, dataset, tensors),
        history=history,
        dev_losses=_dev_losses(record.dev_losses),
        mixed_losses=_dev_losses(record.mixed_losses),
        resized=record.resized,
        diverged_at=diverged_at,
        dropout_version=record.dropout_version,
        init_version=record.init_version,
        is_resumable=record.format > 1,
        test_peeks=record.test_peeks,
    )


def _dev_losses(record: DevRecord) -> DevLosses:
    losses = DevLosses()
    losses.points = [
        (step, math.nan if loss is None else float(loss)) for step, loss in record.points
    ]
    losses.best = record.best
    return losses


def _trainer_state(
    record: RunRecord, dataset: Dataset, tensors: Mapping[str, Tensor]
) -> dict[str, Any]:
    """What a trainer's state dict holds besides the step."""
    if not record.model.model_kind.is_network:
        if record.counted > dataset.split(record.train.train_on).num_examples:
            raise ValueError("more examples are counted than there are")
        counts = {"counts": tensors["counts"]} if "counts" in tensors else {}
        return {"counted": record.counted} | counts
    layout = parameter_layout(record.model, dataset.vocabulary.size)
    state = {name: tensors[stored] for name, stored in _SINGLE.items() if stored in tensors}
    for name, prefix in _VECTORS.items():
        if all(prefix + part in tensors for part in layout.shapes):
            state[name] = torch.empty(layout.size)
            for part, view in layout.views(state[name]).items():
                view.copy_(tensors[prefix + part])
    if "generator" in state:
        torch.Generator().set_state(state["generator"])  # a RuntimeError, where it is none
    return state


def _expected(record: RunRecord, V: int) -> _Expected:
    """The tensors that the file of such a run holds. Of "random.left" the length is not known."""
    expected: _Expected = {}
    if record.format > 1:
        filled, rest = divmod(record.steps, record.history.width)  # as `LossHistory` folds them
        expected["history.buckets"] = (3, filled), torch.float32
        expected["history.rest"] = (rest,), torch.float32
    if not record.model.model_kind.is_network:
        if record.format > 3:
            return expected
        return expected | {"counts": ((V ** (record.model.order - 1), V), torch.int32)}
    prefixes = [""]
    if record.format > 1:
        expected["random.left"] = (0,), torch.int64
        expected["random.generator"] = (_GENERATOR_BYTES,), torch.uint8
        if record.train.optimizer == "adamw":
            expected["optimizer.steps"] = (), torch.float32
            prefixes = list(_VECTORS.values())
    for name, shape in parameter_layout(record.model, V).shapes.items():
        expected |= {prefix + name: (shape, torch.float32) for prefix in prefixes}
    return expected


def _check_tensors(path: Path, tensors: Mapping[str, Tensor], expected: _Expected) -> None:
    """Raises UserError unless a file holds the tensors expected, and numbers to train on from."""
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
    specs = {}
    for name, tensor in tensors.items():
        dtype, shape = str(tensor.dtype).removeprefix("torch."), list(tensor.shape)
        place = {"data_ptr": tensor.data_ptr(), "data_len": tensor.nbytes}
        specs[name] = TensorSpec(dtype=dtype, shape=shape, **place)
    return bytes(safetensors.serialize(specs))


def _parsed(path: Path, content: bytes) -> dict[str, Tensor]:
    try:
        return safetensors.torch.load(content)
    except (SafetensorError, ValueError, KeyError, RuntimeError, TypeError, AttributeError):
        raise UserError(f"{path} is damaged: it is not a safetensors file") from None
