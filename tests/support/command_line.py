"""The command line, called in the test's own process."""

import io
import json
import sys
from contextlib import redirect_stderr, redirect_stdout
from types import SimpleNamespace

import pytest

from makemore_tui.tui.cli import main as cli

COMMANDS = (
    "explore", "train", "sample", "evaluate", "trace", "find-lr", "compare", "sweep", "data",
    "presets", "settings", "replay", "export",
)  # fmt: skip
TRAIN_KEYS = {
    "steps", "seconds", "steps_per_second", "parameters", "initial_loss", "train_loss", "dev_loss",
    "dev_loss_seen", "dev_loss_unseen", "seed", "run", "train_share",
}  # fmt: skip
DATA_KEYS = {
    "name", "path", "items", "distinct", "vocabulary", "shortest", "longest", "examples", "seen",
    "notes", "first", "bigrams", "rarest",
}  # fmt: skip
ITEMS = [f"{a}{b}{a}" for a in "anders" for b in "iouj"]
SMALL = ("--set", "hidden=4", "--set", "embedding=2")
LONG = "a" * 300  # longer than a file's name can be


class Terminal(io.StringIO):
    """An output that says that it is a terminal."""

    def isatty(self):
        return True


def call(*words, out=None):
    """Run the program in this process: its exit code, output and errors.

    out: in place of a pipe, such as a `Terminal`.
    """
    out, err = out or io.StringIO(), io.StringIO()
    argv, sys.argv = sys.argv, ["makemore-tui", *map(str, words)]
    try:
        with redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as left:
            cli.main()
    finally:
        sys.argv = argv
    return SimpleNamespace(code=left.value.code, out=out.getvalue(), err=err.getvalue())


def strict(text):
    """The one JSON object that a text is; no NaN, no Infinity."""

    def refuse(constant):
        raise ValueError(f"{constant} is not JSON")

    found = json.loads(text, parse_constant=refuse)
    assert isinstance(found, dict)
    return found
