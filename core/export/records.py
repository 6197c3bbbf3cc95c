"""A run as data: its edits, its losses by step, and both as CSV, JSON and an event file."""

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib.metadata import version
from itertools import groupby
from pathlib import Path
from typing import Any

import torch
from msgspec import structs

from ..errors import UserError
from ..runs.record import to_json
from ..session.session import Session
from ..settings import ModelSettings, TrainSettings, changed, setting_text


@dataclass(frozen=True)
class Edit:
    """An edit of a run, made after `step` steps."""

    step: int
    number: int  # its index in the journal
    model: ModelSettings  # before it, as `train`
    train: TrainSettings
    changes: dict[str, Any]  # the new values by name

    @property
    def after(self) -> tuple[ModelSettings, TrainSettings]:
        """The settings after it."""
        return changed(self.model, self.train, self.changes)

    @property
    def label(self) -> str:
        """The edit in words, such as "hidden 100 → 200"."""
        before = vars(self.model) | vars(self.train)
        return ", ".join(
            f"{name} {setting_text(name, before[name])} → {setting_text(name, value)}"
            for name, value in self.changes.items()
        )


@dataclass(frozen=True)
class Point:
    """The losses at one step, in nats."""

    step: int
    loss: float | None  # the mean of the minibatches since the point before, if there are any
    learning_rate: float  # of the last step, after the schedule
    dev: float | None  # None if it was not evaluated there


def edits(session: Session) -> list[Edit]:
    """The edits of a run, oldest first."""
    model, train = session.first_settings
    found = []
    for number, entry in enumerate(session.journal):
        found.append(Edit(entry.step, number, model, train, entry.changes))
        model, train = found[-1].after
    return found


def edits_by_step(session: Session) -> list[tuple[int, list[Edit]]]:
    """The edits of a run, those made at the same step together."""
    return [(step, list(some)) for step, some in groupby(edits(session), lambda edit: edit.step)]


def points(session: Session) -> Iterator[Point]:
    """A point for each step; of a long run for each of equal stretches, and for each dev loss."""
    history, dev_losses = session.history, dict(session.dev_losses.points)
    losses = {i * history.width: loss for i, loss in enumerate(history.filled[1].tolist(), 1)}
    if len(history.rest):
        losses[history.steps] = float(history.rest.mean())
    train, later = session.first_settings[1], edits(session)[::-1]
    for step in sorted(losses.keys() | dev_losses.keys()):
        last = max(step - 1, 0)  # the step that ended there
        while later and later[-1].step <= last:
            train = later.pop().after[1]
        yield Point(step, losses.get(step), train.learning_rate_at(last), dev_losses.get(step))


def final_losses(session: Session) -> dict[str, float]:
    """The present train and dev loss, in nats a character. Unlike `session.evaluate`, this doesn't
    add the dev loss to the run's history."""
    return {split: session.mixing.evaluate(split).loss for split in ("train", "dev")}


def export_csv(session: Session) -> str:
    """Step, loss, learning rate and dev loss: a line for each of the `points`."""

    def text(loss: float | None) -> str:
        return "" if loss is None or math.isnan(loss) else f"{loss:.6g}"

    lines = (
        f"{p.step},{text(p.loss)},{p.learning_rate:.9g},{text(p.dev)}" for p in points(session)
    )
    return "\n".join(["step,loss,learning_rate,dev", *lines, ""])


def export_json(session: Session) -> str:
    """Dataset, settings, journal, losses and versions."""
    dataset, (first_model, first_train) = session.dataset, session.first_settings
    record = {
        "versions": {"makemore-tui": version("makemore-tui"), "torch": torch.__version__},
        "dataset": {
            "name": dataset.name,
            "path": None if dataset.built_in else dataset.source,
            "unique": dataset.unique,
            "reading": structs.asdict(dataset.reading),
            "fingerprint": dataset.fingerprint,
        },
        "seed": session.seed,
        "steps": session.step,
        "parameters": session.model.num_parameters,
        "first": {"model": asdict(first_model), "train": asdict(first_train)},
        "model": asdict(session.model_settings),
        "train": asdict(session.train_settings),
        "journal": [{"step": entry.step, "changes": entry.changes} for entry in session.journal],
        "losses": final_losses(session),
        "points": [asdict(point) for point in points(session)],
    }
    return to_json(record, indent=2) + "\n"


def write_events(session: Session, folder: Path) -> None:
    """Write an event file into a folder.

    Scalars: loss/minibatch (in a long run, means over equal stretches of steps), loss/dev,
    learning_rate, and final/train and final/dev, the metrics of the settings. Texts: the edits.

    Raises UserError if TensorBoard isn't installed, OSError if the file can't be written.
    """
    try:
        from torch.utils.tensorboard import SummaryWriter
        from torch.utils.tensorboard.summary import hparams
    except ImportError:
        raise UserError(
            "TensorBoard is not installed; pip install 'makemore-tui[tensorboard]' installs it"
        ) from None
    settings = asdict(session.model_settings) | asdict(session.train_settings)
    final = {f"final/{split}": loss for split, loss in final_losses(session).items()}
    with SummaryWriter(str(folder)) as writer:
        for point in points(session):
            losses = {"loss/minibatch": point.loss, "loss/dev": point.dev}
            for name, value in (losses | {"learning_rate": point.learning_rate}).items():
                if value is not None:
                    writer.add_scalar(name, value, point.step)
        for step, of_step in edits_by_step(session):
            writer.add_text("edits", "; ".join(edit.label for edit in of_step), step)
        assert writer.file_writer is not None
        for summary in hparams(settings | {"seed": session.seed}, final):
            writer.file_writer.add_summary(summary)
        for name, value in final.items():
            writer.add_scalar(name, value, session.step)
