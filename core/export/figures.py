"""A run's figures: the losses by step as CSV, and all but the weights as JSON."""

from dataclasses import asdict
from importlib.metadata import version

import torch
from msgspec import structs

from ..analysis.evaluation import evaluate
from ..runs.checkpoint import to_json
from ..runs.metrics import table_blocks
from ..session.session import Session
from .timeline import points


def export_csv(session: Session) -> str:
    """A row for each step, or of a long run for each of equal stretches of steps."""
    return b"".join(table_blocks(points(session))).decode()


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
        "parameters": session.model.parameters,
        "first": {"model": asdict(first_model), "train": asdict(first_train)},
        "model": asdict(session.model_settings),
        "train": asdict(session.train_settings),
        "journal": [structs.asdict(entry) for entry in session.journal],
        # Not by session.evaluate, which would write the dev loss down.
        "losses": {
            split: evaluate(session.model, session.tables, split).loss for split in ("train", "dev")
        },
        "points": [asdict(point) for point in points(session)],
    }
    return to_json(record, indent=2) + "\n"
