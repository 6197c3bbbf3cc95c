"""Options and arguments that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

from makemore_tui.core.constants import MAX_SEED
from makemore_tui.core.errors import UserError
from makemore_tui.core.presets import preset_named
from makemore_tui.core.run_spec import RunSpec

DataOption = Annotated[
    str, typer.Option("--data", help="A built-in dataset or a text file of one item a line.")
]
PresetOption = Annotated[str, typer.Option("--preset", help="Settings by name; see `presets`.")]
SetOption = Annotated[
    list[str] | None, typer.Option("--set", help="Change a setting, such as hidden=300.")
]
SeedOption = Annotated[
    int, typer.Option(help="Of the weights and the minibatches.", min=0, max=MAX_SEED)
]
SpecOption = Annotated[
    str | None,
    typer.Option("--spec", "--state", help="Begin as this line says, which `export` makes."),
]
UniqueOption = Annotated[bool, typer.Option("--unique", help="Drop repeated items first.")]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")]


def found(run: Path | None) -> Path | None:
    """A run that a person names by its path, or by its name among the kept ones."""
    from makemore_tui.core.runs.catalog import find_run
    from makemore_tui.core.runs.directory import runs_directory

    return run and find_run(run, runs_directory())


RunArgument = Annotated[
    Path,
    typer.Argument(metavar="RUN", callback=found, help="A saved run: its name or file."),
]
DirectoryOption = Annotated[
    Path | None, typer.Option("--run-dir", help="Where runs are kept; or MAKEMORE_TUI_RUNS.")
]


def beginning(
    context: typer.Context, spec: str | None, data: str, unique: bool, preset: str, seed: int
) -> RunSpec:
    """How a run starts: as the spec says if there is one, otherwise as the other options do.

    Raises:
        UserError: there is no such preset, or options are given beside a spec.
    """
    if spec is None:
        chosen = preset_named(preset)
        return RunSpec(data, unique, chosen.model, chosen.train, seed)
    for name in given(context, "data", "preset", "seed", "unique", "resume"):
        raise UserError(f"--spec says how the run begins, so --{name} can't be given beside it")
    return RunSpec.parse(spec)


def given(context: typer.Context, *names: str) -> list[str]:
    """Those of some options that are on the command line."""
    sources = {name: context.get_parameter_source(name) for name in names if name in context.params}
    return [name for name, source in sources.items() if source and source.name == "COMMANDLINE"]
