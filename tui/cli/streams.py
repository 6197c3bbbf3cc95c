"""Standard input, output and errors as they may be: closed, full, or of an old encoding."""

import codecs
import os
import sys
from io import TextIOWrapper
from typing import TextIO

from makemore_tui.core.errors import UserError


def make_tolerant() -> None:
    """See to it that a sign which the output's encoding lacks becomes a `?`, not an error."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")


def check_terminal() -> None:
    """See that there is a terminal that the explorer can use.

    Raises:
        UserError: there isn't.
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
    """Write out what is left.

    Raises:
        OSError: that isn't possible.
    """
    if sys.stdout is not None:
        sys.stdout.flush()


def forget_output() -> None:
    """Have what could not be written tried no more, so that the end is not another error."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())


def _is_terminal(stream: TextIO | None) -> bool:
    return stream is not None and stream.isatty()
