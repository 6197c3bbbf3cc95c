"""The commands that list what there is to train on and to start from: datasets and presets."""

from typing import Annotated

import typer

from makemore_tui.core.presets import PRESETS

from .interrupt import load_torch
from .options import JsonOption, UniqueOption


def data(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME|FILE]", help="A built-in dataset or a file.")
    ] = None,
    unique: UniqueOption = False,
    as_json: JsonOption = False,
) -> None:
    """List the built-in datasets, or show one."""
    load_torch()
    from makemore_tui.core.constants import BUILT_IN_DATASETS
    from makemore_tui.core.datasets.dataset import Dataset
    from makemore_tui.core.datasets.stats import dataset_stats
    from makemore_tui.core.runs.record import to_json

    names = [name] if name else list(BUILT_IN_DATASETS)
    found = [dataset_stats(Dataset.load(one, unique)) for one in names]
    if as_json:
        print(to_json(found[0] if name else {"datasets": found}))
    else:
        from . import reports

        (reports.print_dataset if name else reports.print_datasets)(*found)


def presets(as_json: JsonOption = False) -> None:
    """The presets, with their settings."""
    from . import reports

    if as_json:
        from makemore_tui.core.runs.record import to_json

        settings = {preset.name: reports.settings_of(preset) for preset in PRESETS.values()}
        print(to_json(settings))
    else:
        reports.print_presets(list(PRESETS.values()))
