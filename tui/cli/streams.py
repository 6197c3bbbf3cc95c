"""Standard input, output and errors, which may be closed, full, or of an old encoding."""

import codecs
import os
import sys
from io import TextIOWrapper
from typing import TextIO

from makemore_tui.core.errors import UserError


def make_tolerant() -> None:
    """Print `?` for characters that the output's encoding lacks, instead of failing."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")


def check_terminal() -> None:
    """Check that there is a terminal that can show the explorer.

    Raises:
        UserError: input or output is no terminal, or its encoding is not UTF-8.
    """
    if not (_is_terminal(sys.stdin) and _is_terminal(sys.stdout)):
        raise UserError(
            "the explorer needs a terminal for its input and output; "
            "without one use `makemore-tui train`"
        )
    encoding = codecs.lookup(sys.stdout.encoding).name
    if encoding != "utf-8":
        raise UserError(
            f"the terminal's locale has the encoding {encoding}, which lacks the explorer's signs; "
            "set one with UTF-8, for instance LC_ALL=C.UTF-8"
        )


def flush() -> None:
    """Flush standard output.

    Raises:
        OSError: it can't be written.
    """
    if sys.stdout is not None:
        sys.stdout.flush()


def forget_output() -> None:
    """Discard what could not be written, so that Python's own flush at exit does not fail again."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _is_terminal(stream: TextIO | None) -> bool:
    return stream is not None and stream.isatty()
