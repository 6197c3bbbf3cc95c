"""The commands on the directory of saved runs: list them, remove some."""

from dataclasses import asdict
from typing import Annotated, Any

import typer

from makemore_tui.core.errors import UserError
from makemore_tui.core.runs.catalog import SavedRun, remove, saved_runs
from makemore_tui.core.runs.directory import runs_directory
from makemore_tui.core.runs.header import run_name
from makemore_tui.core.text import shown

from ..widgets.runs_rows import COLUMNS, matching, ordered, saved_entry
from . import options
from .plain_words import PlainCommand, PlainGroup
from .reports import print_runs, show

runs = typer.Typer(cls=PlainGroup, invoke_without_command=True)

# fmt: off
_Sort = Annotated[str, typer.Option(
    metavar="COLUMN", help=f"Sort by {', '.join(COLUMNS)}; dev sorts the best first.",
    autocompletion=options.one_of(*COLUMNS),
)]
_Filters = Annotated[str, typer.Option(
    "--filter", metavar="WORDS",
    help="Only runs with these words in name, data or settings, or hidden=200.",
)]
_Names = Annotated[list[str], typer.Argument(
    metavar="RUN...", help="Saved runs: names or files.", autocompletion=options.run_names,
)]
# fmt: on


@runs.callback(epilog="Example: makemore-tui runs --sort dev --filter hidden=200")
def list_runs(
    context: typer.Context,
    sort: _Sort = "when",
    filters: _Filters = "",
    directory: options.RunDirectory = None,
    as_json: options.Json = False,
) -> None:
    """List saved runs, the newest first; `runs remove NAME` removes them."""
    context.obj = directory
    if context.invoked_subcommand:
        return
    if sort not in COLUMNS:
        raise UserError(f"--sort must be one of {', '.join(COLUMNS)}, not {sort!r}")
    where = runs_directory(directory)
    by_path = {str(run.path): run for run in saved_runs(where)}
    entries = ordered(matching([*map(saved_entry, by_path.values())], filters), sort)
    record = {"directory": str(where), "runs": [_record(by_path[one.path]) for one in entries]}
    show(as_json, record, print_runs, where, entries, filters, sort)


def _record(run: SavedRun) -> dict[str, Any]:
    """A run as JSON; its settings are null if it can't be read."""
    keys = ("name", "dataset", "model", "steps", "best_dev", "test_peeks", "seed", "named", "twin")
    known = {key: getattr(run, key) for key in (*keys, "problem")}
    settings = None
    if run.model_settings is not None and run.train_settings is not None:
        settings = asdict(run.model_settings) | asdict(run.train_settings)
    return known | {"saved": run.saved.isoformat(), "path": str(run.path), "settings": settings}


@runs.command("remove", cls=PlainCommand, epilog="Example: makemore-tui runs remove first second")
def remove_runs(
    context: typer.Context, names: _Names, directory: options.RunDirectory = None
) -> None:
    """Remove saved runs."""
    for path in remove(runs_directory(directory or context.obj), names):
        print(f"removed {shown(run_name(path))} ({shown(str(path))})")
