"""A run on disk: a folder with run.json, weights.safetensors and metrics.csv.

docs/run-format.md says what stands in them, `run_files.py` how they are replaced all at once.
"""

import platform
from collections.abc import Generator
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from msgspec import structs
from torch import Tensor

from ..datasets.dataset import Dataset
from ..errors import UserError
from ..models.factory import make_model
from ..models.mlp import MLP
from ..models.neural_bigram import NeuralBigram
from ..models.ngram import NgramCounts
from ..settings import TrainSettings
from . import files as run_files
from .files import METRICS, RECORD, WEIGHTS, new_folder
from .metrics import points, table_blocks
from .reading import read_run, resumable_state, sha256
from .record import (
    FORMAT,
    RunRecord,
    check_path,
    check_whole,
    plain_settings,
    read_record,
    to_json,
    written,
)
from .state import RunState
from .tensors import serialized

if TYPE_CHECKING:
    from ..session.session import Session

__all__ = ["FORMAT", "Run", "RunSnapshot", "load_run", "load_session", "metrics_of", "new_folder",
           "run_snapshot", "save_run", "to_json", "write_run"]  # fmt: skip


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
    session: "Session",
    report: dict[str, Any] | None = None,
    named: bool = True,
    state: RunState | None = None,
) -> RunSnapshot:
    """What there is to save of a session now, or of a whole state of it; a few copies, no more.

    named: whether a person gave the run its name; those saved by themselves may be pruned.
    """
    state = state or session.state()
    tensors = {"history.buckets": state.history.filled, "history.rest": state.history.rest}
    trainer, settings = state.trainer, state.model_settings
    if settings.kind == "ngram":
        tensors["counts"] = trainer["counts"]
    else:
        model = make_model(settings, state.dataset.vocabulary.size, None)
        assert not isinstance(model, NgramCounts)
        tensors |= model.views(trainer["parameters"])
        tensors |= {f"random.{name}": trainer[name] for name in ("generator", "left")}
        for name in ("mean", "square") if "mean" in trainer else ():
            views = model.views(trainer[name])
            tensors |= {f"optimizer.{name}.{part}": view for part, view in views.items()}
        if "steps" in trainer:
            tensors["optimizer.steps"] = trainer["steps"]
    return RunSnapshot(_record(state.dataset, state, report or {}, named), tensors, state)


def metrics_of(snapshot: RunSnapshot) -> Generator[None, None, bytes]:
    """The content of metrics.csv, made a few milliseconds at a time."""
    state, blocks = snapshot.state, []
    lines = points(state.history, state.dev_losses, state.first_settings[1], state.journal)
    for block in table_blocks(lines):
        blocks.append(block)
        yield
    return b"".join(blocks)


def write_run(snapshot: RunSnapshot, folder: Path | str, metrics: bytes | None = None) -> None:
    """Write a snapshot to a new folder, or over the run in a folder: whole or not at all.

    If its weights are not finite, the run that is there stays, and run.json tells the step at
    which it diverged. metrics: what `metrics_of` gives, where it has been made already.

    Raises:
        UserError: the folder holds something else, or can't be written, or there is no run in it
            and the weights are not finite.
    """
    folder = Path(folder)
    is_there = folder.is_dir() and not folder.is_symlink()
    if snapshot.state.is_finite:
        (run_files.replace if is_there else run_files.create)(folder, _files(snapshot, metrics))
    elif is_there:
        _note_divergence(folder, snapshot.state.diverged_at)
    else:
        raise UserError("the weights are not finite, so there is nothing to save")


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
    record, dataset, model, _ = read_run(folder)
    return Run(folder, dataset, model, record.train, record.seed, record.steps, record)


def load_session(folder: Path | str) -> "Session":
    """Read a run to go on with: weights, optimizer, random numbers, journal and losses.

    Raises:
        UserError: as `load_run`, or the run was saved without its optimizer (format 1).
    """
    from ..session.session import Session

    folder = Path(folder)
    record, dataset, model, tensors = read_run(folder)
    if record.format == 1:
        raise UserError(
            f"{folder} has format 1, which lacks the optimizer's state, so it can't be resumed; "
            "sample and evaluate still read it"
        )
    check_path(folder, record)
    session = Session(dataset, record.model, record.train, record.seed)
    try:
        session.restore(resumable_state(record, session.dataset, model, tensors))
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
        "saved": datetime.now(UTC).isoformat(timespec="microseconds"),
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
        "resized": None if state.resized is None else structs.asdict(state.resized),
        "diverged_at": state.diverged_at,
        "history": {"width": state.history.width},
        "dev_losses": {"points": state.dev_losses.points, "best": state.dev_losses.best},
        "report": report,
    }


def _files(snapshot: RunSnapshot, metrics: bytes | None = None) -> dict[str, bytes]:
    """The content of every file of a run."""
    weights = serialized(snapshot.tensors)
    table = _all_of(metrics_of(snapshot)) if metrics is None else metrics
    sums = {"weights_sha256": sha256(weights), "metrics_sha256": sha256(table)}
    return {WEIGHTS: weights, METRICS: table, RECORD: written(snapshot.record | sums)}


def _all_of(work: Generator[None, None, bytes]) -> bytes:
    while True:
        try:
            next(work)
        except StopIteration as end:
            return end.value


def _note_divergence(folder: Path, step: int | None) -> None:
    record = read_record(folder)
    check_whole(folder, record)
    run_files.replace(folder, {RECORD: written(record.raw | {"diverged_at": step})})
