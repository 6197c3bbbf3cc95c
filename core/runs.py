"""A run on disk: a folder with run.json, weights.safetensors and metrics.csv.

docs/run-format.md says what stands in them, `run_files.py` how they are replaced all at once.
"""

import hashlib
import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from . import run_files
from .archive import JournalEntry, RunState
from .contexts import split_named
from .dataset import Dataset
from .errors import UserError
from .history import DevLosses, LossHistory
from .models import MLP, NeuralBigram, NgramCounts, make_model
from .run_files import METRICS, RECORD, WEIGHTS, new_folder
from .run_metrics import LARGEST_METRICS, metrics
from .run_record import (
    FORMAT,
    RunRecord,
    check_path,
    check_whole,
    plain_settings,
    read_record,
    to_json,
    written,
)
from .run_tensors import check_tensors, parsed, serialized
from .settings import TrainSettings

if TYPE_CHECKING:
    from .session import Session

__all__ = ["FORMAT", "Run", "RunSnapshot", "load_run", "load_session", "new_folder", "run_snapshot",
           "save_run", "to_json", "write_run"]  # fmt: skip

_SLACK = 200_000  # bytes: the header, and the random integers left over
_MOST_LEFT = 1 << 13  # of these integers


@dataclass(frozen=True)
class Run:
    """A saved run: enough to sample from it and to evaluate it."""

    folder: Path
    dataset: Dataset
    model: NgramCounts | NeuralBigram | MLP
    train_settings: TrainSettings
    seed: int
    steps: int
    record: RunRecord


@dataclass(frozen=True)
class RunSnapshot:
    """All that is written of a run, in memory of its own: it can be written in another thread.

    record: run.json but for the sums of the files. tensors: those of weights.safetensors.
    """

    record: dict[str, Any]
    tensors: dict[str, Tensor]
    state: RunState


def run_snapshot(
    session: "Session", report: dict[str, Any] | None = None, named: bool = True
) -> RunSnapshot:
    """What there is to save of a session now; a few copies, and no more.

    named: whether a person gave the run its name; those saved by themselves may be pruned.
    """
    state, model = session.state(), session.model
    tensors = {"history.buckets": state.history.filled, "history.rest": state.history.rest}
    trainer = state.trainer
    if isinstance(model, NgramCounts):
        tensors["counts"] = trainer["counts"]
    else:
        tensors |= model.views(trainer["parameters"])
        tensors |= {f"random.{name}": trainer[name] for name in ("generator", "left")}
        for name in ("mean", "square") if "mean" in trainer else ():
            views = model.views(trainer[name])
            tensors |= {f"optimizer.{name}.{part}": view for part, view in views.items()}
        if "steps" in trainer:
            tensors["optimizer.steps"] = trainer["steps"]
    return RunSnapshot(_record(session.dataset, state, report or {}, named), tensors, state)


def write_run(snapshot: RunSnapshot, folder: Path | str) -> None:
    """Write a snapshot to a new folder, or over the run in a folder: whole or not at all.

    If its weights are not finite, the run that is there stays, and run.json tells the step at
    which it diverged.

    Raises:
        UserError: the folder holds something else, or can't be written, or there is no run in it
            and the weights are not finite.
    """
    folder = Path(folder)
    exists = folder.is_dir() and not folder.is_symlink()
    if not snapshot.state.is_finite:
        if exists:
            _note_divergence(folder, snapshot.state.diverged_at)
            return
        raise UserError("the weights are not finite, so there is nothing to save")
    (run_files.replace if exists else run_files.create)(folder, _files(snapshot))


def save_run(session: "Session", folder: Path, report: dict[str, Any] | None = None) -> None:
    """Write a session to a new folder, whole or not at all.

    Raises:
        UserError: the folder exists, or can't be written, or the weights are not finite.
    """
    new_folder(folder).rmdir()
    snapshot = run_snapshot(session, report)
    if not snapshot.state.is_finite:
        raise UserError(f"the weights are not finite, so {folder} was not written")
    run_files.create(folder, _files(snapshot))


def load_run(folder: Path | str) -> Run:
    """Read a run and the dataset it was trained on.

    Raises:
        UserError: the folder is not a whole and undamaged run, or its dataset has changed.
    """
    folder = Path(folder)
    record, dataset, model, _ = _read(folder)
    return Run(folder, dataset, model, record.train, record.seed, record.steps, record)


def load_session(folder: Path | str) -> "Session":
    """Read a run to go on with: weights, optimizer, random numbers, journal and losses.

    Raises:
        UserError: as `load_run`, or the run was saved without its optimizer (format 1).
    """
    from .session import Session

    folder = Path(folder)
    record, dataset, model, tensors = _read(folder)
    if record.format == 1:
        raise UserError(
            f"{folder} has format 1, which lacks the optimizer's state, so it can't be resumed; "
            "sample and evaluate still read it"
        )
    check_path(folder, record)
    session = Session(dataset, record.model, record.train, record.seed)
    try:
        session.restore(_state(record, session, model, tensors))
    except (RuntimeError, ValueError) as error:
        path = folder / WEIGHTS
        reason = str(error).splitlines()[0]
        raise UserError(f"{path} is damaged: {reason}") from None
    return session


def _record(
    dataset: Dataset, state: RunState, report: dict[str, Any], named: bool
) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "versions": {
            "makemore-tui": version("makemore-tui"),
            "torch": torch.__version__,
            "python": platform.python_version(),
        },
        "threads": torch.get_num_threads(),
        "named": named,
        "saved": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "dataset": {
            "name": dataset.name,
            "path": None if dataset.built_in else str(dataset.path.resolve()),
            "unique": dataset.unique,
            "fingerprint": dataset.fingerprint,
        },
        "seed": state.seed,
        "steps": state.step,
        "counted": state.trainer.get("counted", 0),
        **plain_settings(state.model_settings, state.train_settings),
        "first": plain_settings(*state.first_settings),
        "journal": [{"step": one.step, "changes": one.changes} for one in state.journal],
        "resized": None if state.resized is None else asdict(state.resized),
        "diverged_at": state.diverged_at,
        "history": {"width": state.history.width},
        "dev_losses": {"points": state.dev_losses.points, "best": state.dev_losses.best},
        "report": report,
    }


def _files(snapshot: RunSnapshot) -> dict[str, bytes]:
    """The content of every file of a run."""
    state = snapshot.state
    weights = serialized(snapshot.tensors)
    table = metrics(state.history, state.dev_losses, state.first_settings[1], state.journal)
    sums = {"weights_sha256": _sha256(weights), "metrics_sha256": _sha256(table)}
    return {WEIGHTS: weights, METRICS: table, RECORD: written(snapshot.record | sums)}


def _note_divergence(folder: Path, step: int | None) -> None:
    record = read_record(folder)
    check_whole(folder, record)
    run_files.replace(folder, {RECORD: written(record.raw | {"diverged_at": step})})


def _read(folder: Path) -> tuple[RunRecord, Dataset, Any, dict[str, Tensor]]:
    """The record, dataset, model with its weights, and all tensors of a run."""
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


def _read_with(
    folder: Path, record: RunRecord
) -> tuple[RunRecord, Dataset, Any, dict[str, Tensor]]:
    path = Path(record.dataset)
    if path.is_absolute() and path.exists() and not (path.is_file() or path.is_dir()):
        raise UserError(f"{path} is not a plain file, so {folder} can't be read")
    dataset = Dataset.load(record.dataset, record.unique)
    if dataset.fingerprint != record.fingerprint:
        raise UserError(
            f"{dataset.path} has changed since {folder} was trained on it; "
            "the run needs the file as it was"
        )
    check_whole(folder, record)
    V = dataset.vocabulary.size
    of_model, expected = _expected(record, V)
    least = sum(tensor.nbytes for tensor in expected.values())
    raw = run_files.read(folder, WEIGHTS, least + _SLACK, least)
    tensors = parsed(folder / WEIGHTS, raw)
    check_tensors(folder / WEIGHTS, tensors, of_model)
    if _sha256(raw) != record.weights_sha256:
        raise _not_of_record(folder / WEIGHTS)
    check_tensors(folder / WEIGHTS, tensors, expected)
    if record.format > 1:
        table = run_files.read(folder, METRICS, LARGEST_METRICS)
        if _sha256(table) != record.metrics_sha256:
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


def _state(
    record: RunRecord,
    session: "Session",
    model: NgramCounts | NeuralBigram | MLP,
    tensors: dict[str, Tensor],
) -> RunState:
    """What a session goes on from."""
    trainer: dict[str, Any] = {"step": record.steps}
    if isinstance(model, NgramCounts):
        if record.counted > split_named(session.dataset, record.train.train_on).examples:
            raise ValueError("more examples are counted than there are")
        trainer |= {"counted": record.counted, "counts": model.counts}
    else:
        if len(tensors["random.left"]) > _MOST_LEFT:
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
    )


def _not_of_record(path: Path) -> UserError:
    return UserError(f"{path} is damaged: it is not the file that run.json was written with")


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
