"""What a command does to its process: ctrl+c, errors, and an output that can't be written."""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress

INTERRUPTED = 130  # the exit code, as a shell has it: 128 and the signal's number


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
    return ctrl_c_calls(lambda *_: os._exit(INTERRUPTED))


def load_torch() -> None:
    """Import torch, which takes seconds, and set it to one thread."""
    with ends_at_once():
        import torch
    torch.set_num_threads(1)


def complain(text: object) -> None:
    """Print a line on standard error, if there is one that can be written."""
    with suppress(OSError):
        print(f"makemore-tui: {text}", file=sys.stderr, flush=True)


def forget_output() -> None:
    """Discard what could not be written, so that Python's own flush at exit does not fail again."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
