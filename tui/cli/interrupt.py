"""Ctrl+c: it ends a command with exit code 130, never with a traceback."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

EXIT_CODE = 130  # as a shell has it: 128 and the signal's number


@contextmanager
def ends_at_once() -> Iterator[None]:
    """End the process at once on ctrl+c, while modules are imported.

    Nothing is half done then. A KeyboardInterrupt would not do: torch's C++ code, which calls
    Python while it is imported, aborts on it.
    """
    with _handled_by(lambda *_: os._exit(EXIT_CODE)):
        yield


@contextmanager
def noted() -> Iterator[list[bool]]:
    """Collect each ctrl+c in the list that this yields, and do nothing else."""
    interrupts: list[bool] = []
    with _handled_by(lambda *_: interrupts.append(True)):
        yield interrupts


def load_torch() -> None:
    """Import torch, which takes seconds, and set it to one thread."""
    with ends_at_once():
        import torch
    torch.set_num_threads(1)


@contextmanager
def _handled_by(handler: Any) -> Iterator[None]:
    previous = signal.signal(signal.SIGINT, handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, previous)
