"""What ctrl+c does to a command: it ends with exit code 130, and never with a traceback."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

EXIT_CODE = 130  # as a shell has it: 128 and the signal's number


@contextmanager
def ends_at_once() -> Iterator[None]:
    """Let ctrl+c end the process there and then.

    For as long as something is loaded: nothing is half done then, and where Python is called by
    the C++ code of torch, that would abort at a KeyboardInterrupt.
    """
    with _handled_by(lambda *_: os._exit(EXIT_CODE)):
        yield


@contextmanager
def noted() -> Iterator[list[bool]]:
    """Let ctrl+c only be noted, in the list that this gives."""
    noted: list[bool] = []
    with _handled_by(lambda *_: noted.append(True)):
        yield noted


def load_torch() -> None:
    """Import torch, which takes seconds, for work in one thread."""
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
