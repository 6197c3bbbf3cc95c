"""A run's losses and learning rates by step, which exports are made of."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from ..settings import TrainSettings
from ..training.history import DevLosses, LossHistory
from .state import JournalEntry

_LINES_AT_ONCE = 1000


@dataclass(frozen=True)
class Point:
    """A line of a run's figures.

    step: how many had been taken. loss: the mean minibatch loss of the bucket that ends there; None
    where none does. learning_rate: of the last step, after the schedule. dev: its loss, where it
    was evaluated. Losses are in nats.
    """

    step: int
    loss: float | None
    learning_rate: float
    dev: float | None


def points(
    history: LossHistory, dev: DevLosses, first: TrainSettings, journal: Sequence[JournalEntry]
) -> Iterator[Point]:
    """A line for each bucket of the losses, and for each evaluation of dev.

    first: the settings that the run began with.
    """
    losses, dev_losses = dict(_losses(history)), dict(dev.points)
    steps = sorted(losses.keys() | dev_losses.keys())
    for step, rate in zip(steps, _rates(steps, first, journal), strict=True):
        yield Point(step, losses.get(step), rate, dev_losses.get(step))


def table_blocks(lines: Iterator[Point]) -> Iterator[bytes]:
    """The same as comma-separated values, a block of lines at a time."""
    yield b"step,loss,learning_rate,dev\n"
    while some := list(islice(lines, _LINES_AT_ONCE)):
        yield "".join(
            f"{one.step},{_text(one.loss)},{one.learning_rate:.9g},{_text(one.dev)}\n"
            for one in some
        ).encode()


def _losses(history: LossHistory) -> Iterator[tuple[int, float]]:
    means = history.filled[1].tolist()
    yield from ((i * history.width, mean) for i, mean in enumerate(means, 1))
    if len(history.rest):
        yield history.steps, float(history.rest.mean())


def _rates(
    steps: Sequence[int], settings: TrainSettings, journal: Sequence[JournalEntry]
) -> Iterator[float]:
    """The learning rate of the last of so many steps, for each of some rising numbers."""
    entries = list(journal)[::-1]
    for step in steps:
        last = max(step - 1, 0)
        while entries and entries[-1].step <= last:
            of_training = {
                name: value
                for name, value in entries.pop().changes.items()
                if hasattr(settings, name)
            }
            settings = replace(settings, **of_training)
        yield settings.learning_rate_at(last)


def _text(loss: float | None) -> str:
    return "" if loss is None or math.isnan(loss) else f"{loss:.6g}"
