"""The commands that list what there is to train on and to start from: datasets and presets."""

from dataclasses import asdict
from typing import Annotated

import typer
from msgspec import to_builtins

from makemore_tui.core.constants import BUILT_IN_DATASETS
from makemore_tui.core.presets import PRESETS
from makemore_tui.core.reading import Reading
from makemore_tui.core.settings import SETTINGS, allowed_values

from . import options
from .process import load_torch
from .reports import print_dataset, print_datasets, print_presets, print_settings, show

# fmt: off
_Name = Annotated[str | None, typer.Argument(
    metavar="[NAME|FILE]", help="A built-in dataset or a file.",
    autocompletion=options.one_of(*BUILT_IN_DATASETS),
)]
# fmt: on


def data(
    name: _Name = None,
    unique: options.Unique = False,
    encoding: options.Encoding = "",
    column: options.Column = "",
    skip_long: options.SkipLong = False,
    as_json: options.Json = False,
) -> None:
    """List the built-in datasets, or show one."""
    load_torch()
    from makemore_tui.core.datasets.dataset import Dataset
    from makemore_tui.core.datasets.stats import dataset_stats

    reading = Reading(encoding, column, skip_long)
    names = [name] if name else list(BUILT_IN_DATASETS)
    found = [dataset_stats(Dataset.load(one, unique, reading)) for one in names]
    if name:
        show(as_json, to_builtins(found[0]), print_dataset, found[0])
    else:
        show(as_json, {"datasets": to_builtins(found)}, print_datasets, found)


def presets(as_json: options.Json = False) -> None:
    """List the presets, with their settings."""
    found = list(PRESETS.values())
    settings = {preset.name: asdict(preset.model) | asdict(preset.train) for preset in found}
    show(as_json, settings, print_presets, found)


def settings(as_json: options.Json = False) -> None:
    """List the settings for --set, with defaults, allowed values and meanings."""
    limits = {"low", "high", "choices", "about"}
    found = {
        name: {"default": one.default, "allowed": allowed_values(name)}
        | {key: value for key, value in one.metadata.items() if key in limits}
        for name, one in SETTINGS.items()
    }
    show(as_json, found, print_settings, found)
