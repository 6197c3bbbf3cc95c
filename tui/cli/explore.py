"""The command that opens the explorer, and its options."""

from typing import Annotated

import typer

from makemore_tui.core.presets import DEFAULT_PRESET
from makemore_tui.core.settings import changed, parse_changes
from makemore_tui.core.worker.protocol import Start

from .explorer import open_explorer
from .options import (
    DataOption,
    DirectoryOption,
    PresetOption,
    SeedOption,
    SetOption,
    SpecOption,
    UniqueOption,
    beginning,
    refuse,
)


def explore(
    context: typer.Context,
    data: DataOption = "names",
    preset: PresetOption = DEFAULT_PRESET,
    changes: SetOption = None,
    seed: SeedOption = 1,
    unique: UniqueOption = False,
    spec: SpecOption = None,
    resume: Annotated[
        str | None, typer.Option(metavar="RUN", help="Go on with a saved run: its name or file.")
    ] = None,
    run_dir: DirectoryOption = None,
) -> None:
    """Open the explorer. (The default: `makemore-tui` alone does the same.)"""
    begun = beginning(context, spec, data, unique, preset, seed)
    model, train = changed(begun.model, begun.train, parse_changes(changes or []))
    if resume is not None:
        names = ("data", "preset", "changes", "seed", "unique", "spec")
        refuse(context, names, f"can't be had with --resume: {resume} has its own")
    start = Start(begun.dataset, begun.unique, model, train, begun.seed)
    open_explorer(start, run_dir, resume)
