"""Runs the program: its exit code, and what it says of errors."""

import os
import sys
from io import TextIOWrapper
from typing import NoReturn

from makemore_tui.core.errors import UserError

from .process import INTERRUPTED, complain, ends_at_once, forget_output
from .start import plain_options

# Options of the program itself; others that come first are the explorer's.
_OWN_OPTIONS = ("--help", "-h", "--version", "--install-completion", "--show-completion")
_COMPLETING = "_MAKEMORE_TUI_COMPLETE"  # in the environment, while a shell completes a command


def main() -> NoReturn:
    """Run the command line; bad input ends it with a sentence and exit code 2, ctrl+c with 130."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")  # a character that its encoding lacks, by ?
    try:
        code = _run(sys.argv[1:])
    except UserError as error:
        complain(error)
        sys.exit(2)
    except BrokenPipeError:
        forget_output()  # its reader is gone
        sys.exit(1)
    except OSError as error:
        forget_output()
        where = "standard output can't be written" if error.filename is None else error.filename
        complain(f"{where}: {error.strerror}")
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    sys.exit(code)


def _run(words: list[str]) -> int:
    """Run a command, or the explorer where the words begin with none. Returns the exit code."""
    try:
        is_of_explorer = not words or (words[0].startswith("-") and words[0] not in _OWN_OPTIONS)
        if is_of_explorer and _COMPLETING not in os.environ:
            words = ["explore", *words]
        given = plain_options(words[1:]) if words[:1] == ["explore"] else None
        if given is not None:
            from .explorer import open_explorer

            open_explorer(given)
            return 0
        with ends_at_once():
            from .app import run
        return run(words)
    finally:
        if sys.stdout is not None:
            sys.stdout.flush()
