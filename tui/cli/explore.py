"""The command that opens the explorer, and its options."""

from typing import Annotated

import typer
from msgspec.structs import replace

from makemore_tui.core.errors import UserError
from makemore_tui.core.presets import DEFAULT_PRESET
from makemore_tui.core.settings import changed, parse_changes

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
    given,
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
        str | None, typer.Option(metavar="RUN", help="Go on with a saved run: its name or folder.")
    ] = None,
    run_dir: DirectoryOption = None,
) -> None:
    """Open the explorer. (The default: `makemore-tui` alone does the same.)"""
    start = beginning(context, spec, data, unique, preset, seed)
    model, train = changed(start.model, start.train, parse_changes(changes or []))
    if resume is not None:
        for name in given(context, "data", "preset", "changes", "seed", "unique", "spec"):
            option = "set" if name == "changes" else name
            raise UserError(f"--{option} can't be had with --resume: {resume} has its own")
    open_explorer(replace(start, model=model, train=train), run_dir, resume)
