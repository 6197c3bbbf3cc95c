"""The settings of a run over time: what it began with, and each edit with what was before it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from ..session import Session
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


def rates(session: Session, steps: Sequence[int]) -> list[float]:
    """The learning rates of some steps, counted from 0 and ascending."""
    waiting, train, found = edits(session), session.first_settings[1], []
    for step in steps:
        while waiting and waiting[0].step <= step:
            train = waiting.pop(0).after[1]
        found.append(train.learning_rate_at(step))
    return found


@dataclass(frozen=True)
class Point:
    """A row of a run's figures: after so many steps, the mean minibatch loss of the steps since the
    row before, the learning rate of the last of them, and the dev loss; None where there is none.
    """

    step: int
    loss: float | None
    learning_rate: float | None
    dev: float | None


def points(session: Session) -> list[Point]:
    """The figures of a run by step; of a long run a row stands for a power of two of steps."""
    losses = dict(_losses(session))
    dev = dict(session.dev_losses.points)
    steps = sorted(losses.keys() | dev.keys())
    found_rates = rates(session, [max(0, step - 1) for step in steps])
    return [
        Point(step, losses.get(step), rate if step in losses else None, dev.get(step))
        for step, rate in zip(steps, found_rates, strict=True)
    ]


def _losses(session: Session) -> Iterator[tuple[int, float]]:
    """Each bucket's last step and mean loss, and those of the steps that fill none yet."""
    history = session.history
    means = history.curve(0, history.capacity).mean
    for i, mean in enumerate(means, start=1):
        yield i * history.width, mean
    _, rest = history.tensors
    if len(rest):
        yield history.steps, float(rest.mean())
