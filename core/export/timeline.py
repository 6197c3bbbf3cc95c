"""A run over time: its edits, each with the settings before it, and its losses by step."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

from .. import settings
from ..session.session import Session
from ..settings import ModelSettings, TrainSettings, changed
from ..training.history import LossHistory


@dataclass(frozen=True)
class Edit:
    """An edit of a run, made after `step` steps.

    number: its index in the journal. model, train: the settings before it. changes: the new values
    by name.
    """

    step: int
    number: int
    model: ModelSettings
    train: TrainSettings
    changes: dict[str, Any]

    @property
    def after(self) -> tuple[ModelSettings, TrainSettings]:
        """The settings after it."""
        return changed(self.model, self.train, self.changes)

    @property
    def label(self) -> str:
        """The edit in words, such as "hidden 100 → 200"."""
        before = vars(self.model) | vars(self.train)
        return ", ".join(
            f"{name} {value_text(before.get(name))} → {value_text(value)}"
            for name, value in self.changes.items()
        )


@dataclass(frozen=True)
class Point:
    """The losses at one step, in nats.

    loss: the mean minibatch loss since the point before; None at a step that has only a dev loss.
    learning_rate: that of the last step, after the schedule. dev: the dev loss, if evaluated there.
    """

    step: int
    loss: float | None
    learning_rate: float
    dev: float | None


def value_text(value: Any, setting: str = "") -> str:
    """A setting's value in words."""
    if setting == "batch_size" and value == 0:
        return "all"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else settings.value_text(value)


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
    losses, dev_losses = dict(_losses(session.history)), dict(session.dev_losses.points)
    steps = sorted(losses.keys() | dev_losses.keys())
    for step, rate in zip(steps, _learning_rates(session, steps), strict=True):
        yield Point(step, losses.get(step), rate, dev_losses.get(step))


def csv_line(point: Point) -> str:
    """A point as comma-separated values: step, loss, learning rate, dev loss."""
    return f"{point.step},{_number(point.loss)},{point.learning_rate:.9g},{_number(point.dev)}\n"


def _losses(history: LossHistory) -> Iterator[tuple[int, float]]:
    means = history.filled[1].tolist()
    yield from ((i * history.width, mean) for i, mean in enumerate(means, 1))
    if len(history.rest):
        yield history.steps, float(history.rest.mean())


def _learning_rates(session: Session, steps: Sequence[int]) -> Iterator[float]:
    """The learning rate of the step that ended at each of some ascending step counts."""
    train, entries = session.first_settings[1], list(session.journal)[::-1]
    for step in steps:
        last = max(step - 1, 0)
        while entries and entries[-1].step <= last:
            changes = entries.pop().changes
            known = {name: value for name, value in changes.items() if hasattr(train, name)}
            train = replace(train, **known)
        yield train.learning_rate_at(last)


def _number(loss: float | None) -> str:
    return "" if loss is None or math.isnan(loss) else f"{loss:.6g}"
