"""Options and arguments that several commands share, and how a shell completes them."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from makemore_tui.core.constants import BUILT_IN_DATASETS, MAX_SEED
from makemore_tui.core.errors import UserError
from makemore_tui.core.presets import PRESETS
from makemore_tui.core.runs.catalog import find_run, saved_runs
from makemore_tui.core.runs.directory import runs_directory
from makemore_tui.core.settings import SETTINGS, parse_changes


def found(run: Path) -> Path:
    """A run that a person names by its path, or by its name among the kept ones."""
    return find_run(run, runs_directory())


def within(low: int, high: int) -> Callable[[typer.CallbackParam, Any], Any]:
    """A callback that refuses a whole number which is not in a range."""

    def check(parameter: typer.CallbackParam, value: Any) -> Any:
        if value is not None and not low <= value <= high:
            name, limits = max(parameter.opts, key=len), f"from {low:,} to {high:,}"
            raise UserError(f"{name} must be a whole number {limits}, not {value}")
        return value

    return check


def wanted(changes: list[str] | None, steps: int | None = None) -> dict[str, Any]:
    """The changes of settings that --set and --steps ask for; errors as for `parse_changes`."""
    return parse_changes(changes or []) | ({"steps": steps} if steps else {})


def given(context: typer.Context) -> dict[str, Any]:
    """The options that are on the command line, such as "--seed", and their values."""
    sources = {name: context.get_parameter_source(name) for name in context.params}
    return {
        parameter.opts[0]: context.params[parameter.name or ""]
        for parameter in context.command.params
        if (source := sources.get(parameter.name or "")) and source.name == "COMMANDLINE"
    }


def one_of(*words: str) -> Callable[[str], list[str]]:
    """Completes one of some words."""

    def complete(incomplete: str) -> list[str]:
        return [word for word in words if word.startswith(incomplete)]

    return complete


setting_names = one_of(*(f"{name}=" for name in SETTINGS))


def run_names(incomplete: str) -> list[str]:
    """Completes the name of a kept run."""
    try:
        return one_of(*(run.name for run in saved_runs(runs_directory())))(incomplete)
    except UserError:
        return []


# fmt: off
Data = Annotated[str, typer.Option(
    "--data", metavar="NAME|FILE", help="Built-in dataset, or text file with one item per line.",
    autocompletion=one_of(*BUILT_IN_DATASETS),
)]
Preset = Annotated[str, typer.Option(
    "--preset", metavar="NAME", help="Preset to start from; see `presets`.",
    autocompletion=one_of(*PRESETS),
)]
Changes = Annotated[list[str] | None, typer.Option(
    "--set", metavar="NAME=VALUE", help="Set a setting, such as hidden=300; see `settings`.",
    autocompletion=setting_names,
)]
Steps = Annotated[int | None, typer.Option(
    metavar="N", help="Number of steps; short for --set steps=N.",
    callback=within(1, SETTINGS["steps"].metadata["high"]),
)]
Seed = Annotated[int, typer.Option(
    metavar="N", help="Seed of weights and minibatches.", callback=within(0, MAX_SEED),
)]
Spec = Annotated[str | None, typer.Option(
    "--spec", "--state", metavar="LINE", help="Start from a line of `export --as spec`.",
)]
Unique = Annotated[bool, typer.Option("--unique", help="Drop repeated items.")]
Encoding = Annotated[str, typer.Option(
    "--encoding", help="Text encoding of the file, such as windows-1252.",
)]
Column = Annotated[str, typer.Option(
    "--column", help="Column of a CSV or TSV file: its heading, or its number if there is none.",
)]
SkipLong = Annotated[bool, typer.Option(
    "--skip-long", help="Skip lines longer than 1,000 characters.",
)]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
Run = Annotated[Path, typer.Argument(
    metavar="RUN", callback=found, help="A saved run: name or file.",
    autocompletion=run_names,
)]
OptionalRun = Annotated[Path | None, typer.Argument(
    metavar="RUN", help="A saved run: its name or file.", autocompletion=run_names,
)]
Resume = Annotated[str | None, typer.Option(
    metavar="RUN", help="Continue a saved run: name or file.", autocompletion=run_names,
)]
RunDirectory = Annotated[Path | None, typer.Option(
    "--run-dir", metavar="FOLDER", help="Directory of saved runs; or set MAKEMORE_TUI_RUNS.",
)]
# fmt: on
