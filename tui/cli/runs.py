"""The commands on the directory of saved runs: list them, remove some."""

from typing import Annotated

import typer

from makemore_tui.core.runs.catalog import remove, saved_runs
from makemore_tui.core.runs.directory import runs_directory

from . import options
from .reports import print_runs, show

runs = typer.Typer(invoke_without_command=True)


@runs.callback(epilog="Example: makemore-tui runs --run-dir .")
def list_runs(
    context: typer.Context, directory: options.RunDirectory = None, as_json: options.Json = False
) -> None:
    """List the saved runs, the newest first; `runs remove NAME` removes some."""
    context.obj = directory
    if context.invoked_subcommand:
        return
    where = runs_directory(directory)
    found = saved_runs(where)
    keys = ("name", "dataset", "model", "steps", "best_dev", "named", "problem")
    plain = [
        {key: getattr(one, key) for key in keys} | {"saved": one.saved.isoformat()} for one in found
    ]
    record = {"directory": str(where), "runs": plain}
    show(as_json, record, print_runs, where, found)


@runs.command("remove", epilog="Example: makemore-tui runs remove first second")
def remove_runs(
    context: typer.Context,
    names: Annotated[list[str], typer.Argument(metavar="NAME...", help="Of saved runs.")],
    directory: options.RunDirectory = None,
) -> None:
    """Remove saved runs by name."""
    remove(runs_directory(directory or context.obj), names)
