"""The options of the command that opens the explorer."""

from typing import Annotated

import typer

from makemore_tui.core.presets import DEFAULT_PRESET

from . import options
from .explorer import open_explorer


def explore(
    context: typer.Context,
    data: options.Data = "names",
    preset: options.Preset = DEFAULT_PRESET,
    changes: options.Changes = None,
    seed: options.Seed = 1,
    unique: options.Unique = False,
    spec: options.Spec = None,
    resume: Annotated[
        str | None, typer.Option(metavar="RUN", help="Go on with a saved run: its name or file.")
    ] = None,
    run_dir: options.RunDirectory = None,
) -> None:
    """Open the explorer. (The default: `makemore-tui` alone does the same.)"""
    open_explorer(options.given(context))
