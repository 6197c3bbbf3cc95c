"""Ctrl+c: it ends a command with exit code 130, never with a traceback."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

EXIT_CODE = 130  # as a shell has it: 128 and the signal's number


@contextmanager
def ctrl_c_calls(handler: Callable[..., object]) -> Iterator[None]:
    """Have ctrl+c call a function, and do nothing else."""
    previous = signal.signal(signal.SIGINT, handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, previous)


def ends_at_once() -> AbstractContextManager[None]:
    """End the process at once on ctrl+c, while modules are imported.

    Nothing is half done then. A KeyboardInterrupt would not do: torch's C++ code, which calls
    Python while it is imported, aborts on it.
    """
    return ctrl_c_calls(lambda *_: os._exit(EXIT_CODE))


def load_torch() -> None:
    """Import torch, which takes seconds, and set it to one thread."""
    with ends_at_once():
        import torch
    torch.set_num_threads(1)
