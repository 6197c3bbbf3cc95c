"""Standard input, output and errors, which may be closed, full, or of an old encoding."""

import codecs
import os
import sys
from collections.abc import Callable
from typing import Any

from makemore_tui.core.errors import UserError


def check_terminal() -> None:
    """Raise a UserError if input or output is no terminal, or its encoding is not UTF-8."""
    if not all(stream and stream.isatty() for stream in (sys.stdin, sys.stdout)):
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


def complain(text: object) -> None:
    """Print a line on standard error."""
    print(f"makemore-tui: {text}", file=sys.stderr)


def forget_output() -> None:
    """Discard what could not be written, so that Python's own flush at exit does not fail again."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def show(as_json: bool, record: Any, report: Callable[[Any], None]) -> None:
    """Print a record as JSON, or call `report` with the module of reports, which loads rich."""
    if as_json:
        from makemore_tui.core.runs.record import to_json

        print(to_json(record))
    else:
        from . import reports

        report(reports)
