"""Runs the program: its exit code, and what it says of errors."""

import sys
from typing import NoReturn

from makemore_tui.core.errors import UserError

from . import streams
from .interrupt import EXIT_CODE, ends_at_once


def main() -> NoReturn:
    """Run the command line; bad input ends it with a sentence and exit code 2, ctrl+c with 130."""
    streams.make_tolerant()
    try:
        code = _run(sys.argv[1:])
    except UserError as error:
        print(f"makemore-tui: {error}", file=sys.stderr)
        sys.exit(2)
    except BrokenPipeError:
        streams.forget_output()  # its reader is gone
        sys.exit(1)
    except OSError as error:
        streams.forget_output()
        where = "the output can't be written" if error.filename is None else error.filename
        print(f"makemore-tui: {where}: {error.strerror}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(EXIT_CODE)
    sys.exit(code)


def _run(words: list[str]) -> int:
    """Run a command, or the explorer where the words begin with none. Returns the exit code."""
    try:
        if not words:
            from .explorer import open_default_explorer

            open_default_explorer()
            return 0
        if words[0].startswith("-") and words[0] not in ("--help", "-h"):
            words = ["explore", *words]
        with ends_at_once():
            from .app import run
        return run(words)
    finally:
        streams.flush()
