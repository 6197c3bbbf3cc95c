"""A run as data: its losses by step as CSV, and all of it but the weights as JSON."""

from dataclasses import asdict
from importlib.metadata import version

import torch

from ..analysis.evaluation import evaluate
from ..runs.checkpoint import to_json
from ..session.session import Session
from .timeline import csv_line, points


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
