"""The progress bar of training, on standard error."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

Advance = Callable[[int, Any], None]


@contextmanager
def progress(steps: int, quiet: bool) -> Iterator[Advance]:
    """A progress bar with loss, steps/s and time left; none if quiet, or without a terminal.

    Yields a function that takes the present step, and the losses since the last call.
    """
    console = Console(stderr=True)
    if quiet or not console.is_terminal:
        yield lambda step, losses: None
        return
    with Progress(
        TextColumn("training"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("loss {task.fields[loss]}"),
        TextColumn("{task.fields[rate]}/s"),
        TimeRemainingColumn(),
        console=console,
        transient=True,
    ) as bar:
        task = bar.add_task("training", total=steps, loss="–", rate="–")

        def advance(step: int, losses: Any) -> None:
            if len(losses):
                speed = bar.tasks[0].speed
                rate = f"{speed:,.0f}" if speed else "–"
                bar.update(task, completed=step, loss=f"{float(losses.mean()):.3f}", rate=rate)

        yield advance
