"""Options and arguments that several commands share."""

from pathlib import Path
from typing import Annotated, Any

import typer

from makemore_tui.core.constants import MAX_SEED
from makemore_tui.core.runs.catalog import find_run
from makemore_tui.core.runs.directory import runs_directory


def found(run: Path | None) -> Path | None:
    """A run that a person names by its path, or by its name among the kept ones."""
    return run and find_run(run, runs_directory())


def given(context: typer.Context) -> dict[str, Any]:
    """The options that are on the command line, such as "--seed", and their values."""
    sources = {name: context.get_parameter_source(name) for name in context.params}
    return {
        parameter.opts[0]: context.params[parameter.name or ""]
        for parameter in context.command.params
        if (source := sources.get(parameter.name or "")) and source.name == "COMMANDLINE"
    }


Data = Annotated[
    str, typer.Option("--data", help="A built-in dataset or a text file of one item a line.")
]
Preset = Annotated[str, typer.Option("--preset", help="Settings by name; see `presets`.")]
Changes = Annotated[
    list[str] | None, typer.Option("--set", help="Change a setting, such as hidden=300.")
]
Seed = Annotated[int, typer.Option(help="Of the weights and the minibatches.", min=0, max=MAX_SEED)]
Spec = Annotated[
    str | None,
    typer.Option("--spec", "--state", help="Begin as this line says, which `export` makes."),
]
Unique = Annotated[bool, typer.Option("--unique", help="Drop repeated items first.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")]
Run = Annotated[
    Path, typer.Argument(metavar="RUN", callback=found, help="A saved run: its name or file.")
]
Resume = Annotated[
    Path | None,
    typer.Option(metavar="RUN", callback=found, help="Go on with a run: its name or file."),
]
RunDirectory = Annotated[
    Path | None, typer.Option("--run-dir", help="Where runs are kept; or MAKEMORE_TUI_RUNS.")
]
