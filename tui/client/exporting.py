"""Exports of the open run, each in a process of its own, so that training goes on meanwhile."""

import os
import subprocess
import sys
from pathlib import Path

from makemore_tui.core.constants import EXPORT_FORMS
from makemore_tui.core.paths import numbered
from makemore_tui.core.text import shown

from .. import messages as say
from ..notices import Notice

_COMMAND = (sys.executable, "-m", "makemore_tui.tui", "export")


def new_path(name: str, form: str) -> Path:
    """A free path in the current folder, or in the user's if nothing can be written there."""
    folder = Path.cwd() if os.access(Path.cwd(), os.W_OK) else Path.home()
    paths = numbered(folder, name, EXPORT_FORMS[form].ending)
    return next(path for path in paths if not os.path.lexists(path))


def export_run(run: str, form: str, out: Path) -> Notice:
    """Export a saved run by its path; what to say of how that ended."""
    words = [*_COMMAND, run, "--as", form, "--out", str(out)]
    done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode:
        last = (done.stderr.strip() or "it ended without a word").splitlines()[-1]
        why = last.removeprefix("makemore-tui: ")
        return Notice(say.NOT_EXPORTED.format(why=why), is_warning=True)
    return Notice(say.EXPORTED.format(path=shown(str(out))))
