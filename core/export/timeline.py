"""A run over time: each edit with the settings before it, and its figures."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from ..runs import metrics as run_metrics
from ..runs.metrics import Point
from ..session.session import Session
from ..settings import ModelSettings, TrainSettings, changed


@dataclass(frozen=True)
class Edit:
    """An edit of a run: after `step` steps, the settings before it and those it asks for.

    number: its place in the journal.
    """

    step: int
    number: int
    model: ModelSettings
    train: TrainSettings
    changes: dict[str, Any]

    @property
    def after(self) -> tuple[ModelSettings, TrainSettings]:
        """The settings from here on."""
        return changed(self.model, self.train, self.changes)

    @property
    def label(self) -> str:
        """The edit in words, such as "hidden 100 → 200"."""
        return ", ".join(
            f"{name} {self._before(name)} → {of(v)}" for name, v in self.changes.items()
        )

    def _before(self, name: str) -> str:
        return of(getattr(self.model, name, getattr(self.train, name, None)))


def of(value: Any) -> str:
    """A setting's value in words."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def edits(session: Session) -> list[Edit]:
    """The edits of a run, oldest first."""
    model, train = session.first_settings
    found = []
    for number, entry in enumerate(session.journal):
        found.append(Edit(entry.step, number, model, train, entry.changes))
        model, train = found[-1].after
    return found


def edits_by_step(session: Session) -> list[tuple[int, list[Edit]]]:
    """The same, those of one step together."""
    return [(step, list(some)) for step, some in groupby(edits(session), lambda edit: edit.step)]


def points(session: Session) -> Iterator[Point]:
    """The figures of a run by step; of a long run a row stands for a power of two of steps."""
    first = session.first_settings[1]
    return run_metrics.points(session.history, session.dev_losses, first, session.journal)
