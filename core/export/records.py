"""A run as data: its losses as CSV, all but its weights as JSON, and an event file."""

from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path

import torch

from ..analysis.evaluation import evaluate
from ..errors import UserError
from ..runs.record import to_json
from ..session.session import Session
from .timeline import csv_line, edits_by_step, points


def export_csv(session: Session) -> str:
    """Step, loss, learning rate and dev loss: a line for each point of `timeline.points`."""
    return "".join(["step,loss,learning_rate,dev\n", *map(csv_line, points(session))])


def export_json(session: Session) -> str:
    """Dataset, settings, journal, losses and versions."""
    dataset, (first_model, first_train) = session.dataset, session.first_settings
    record = {
        "versions": {"makemore-tui": version("makemore-tui"), "torch": torch.__version__},
        "dataset": {
            "name": dataset.name,
            "path": None if dataset.built_in else str(dataset.path.resolve()),
            "unique": dataset.unique,
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


def final_losses(session: Session) -> dict[str, float]:
    """The present train and dev loss, in nats a character.

    Unlike `session.evaluate`, this doesn't add the dev loss to the run's history.
    """
    splits = ("train", "dev")
    return {split: evaluate(session.model, session.dataset, split).loss for split in splits}


def write_events(session: Session, folder: Path) -> None:
    """Write an event file into a folder.

    Scalars: loss/minibatch (in a long run, means over equal stretches of steps), loss/dev,
    learning_rate, and final/train and final/dev, the metrics of the settings. Texts: the edits.

    Raises:
        UserError: TensorBoard isn't installed.
        OSError: the file can't be written.
    """
    try:
        from torch.utils.tensorboard import SummaryWriter
        from torch.utils.tensorboard.summary import hparams
    except ImportError:
        raise UserError(
            "TensorBoard is not installed; pip install 'makemore-tui[tensorboard]' brings it"
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
