"""metrics.csv: a run's losses and learning rates, for a spreadsheet or a plot of one's own."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

from .history import DevLosses, LossHistory
from .run_state import JournalEntry
from .settings import TrainSettings

LARGEST_METRICS = 4 << 20  # bytes
_LINES_AT_ONCE = 1000


def metric_blocks(
    history: LossHistory, dev: DevLosses, first: TrainSettings, journal: Sequence[JournalEntry]
) -> Iterator[bytes]:
    """A table with a line for each bucket of the losses, and for each evaluation of dev, a block
    of lines at a time.

    step: how many had been taken. loss: the mean minibatch loss of the bucket that ends there.
    learning_rate: of the last step, after the schedule. dev: the loss of the whole split.
    """
    losses, dev_losses = dict(_losses(history)), dict(dev.points)
    steps = sorted(losses.keys() | dev_losses.keys())
    rates = _rates(steps, first, journal)
    yield b"step,loss,learning_rate,dev\n"
    for begin in range(0, len(steps), _LINES_AT_ONCE):
        some = steps[begin : begin + _LINES_AT_ONCE]
        lines = [
            f"{step},{_text(losses.get(step))},{rate:.9g},{_text(dev_losses.get(step))}\n"
            for step, rate in zip(some, rates, strict=False)
        ]
        yield "".join(lines).encode()


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
