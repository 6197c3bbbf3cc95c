"""The export command: a saved run as a script, a notebook, data, a figure, a page or a line."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from makemore_tui.core.constants import EXPORT_FORMS
from makemore_tui.core.errors import UserError
from makemore_tui.core.text import shown

from .interrupt import load_torch
from .options import JsonOption, RunArgument


def export(
    run: RunArgument,
    form: Annotated[str, typer.Option("--as", help=", ".join(EXPORT_FORMS) + ".")] = "script",
    out: Annotated[
        Path | None,
        typer.Option(help="A new file or folder; - prints a file. Otherwise named after the run."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Export a saved run: plain PyTorch, a notebook, data, a figure, a page, or a line."""
    form = "spec" if form == "state" else form  # its former name
    if form not in EXPORT_FORMS:
        raise UserError(f"there is no form {form!r}; the forms are {', '.join(EXPORT_FORMS)}")
    load_torch()
    from makemore_tui.core.export import files
    from makemore_tui.core.runs.header import run_name
    from makemore_tui.core.runs.record import to_json
    from makemore_tui.core.session.session import Session

    session = Session.load(run)
    stem = run_name(run.resolve())
    if str(out) == "-" or (form == "spec" and out is None):
        text = files.export_text(session, form, stem)
        sys.stdout.write(to_json({"as": form, "text": text}) + "\n" if as_json else text)
        return
    written = files.write_export(session, form, out or Path(stem + EXPORT_FORMS[form]))
    lines = "\n".join(f"wrote {shown(str(path))}" for path in written)
    print(to_json({"as": form, "files": [*map(str, written)]}) if as_json else lines)
