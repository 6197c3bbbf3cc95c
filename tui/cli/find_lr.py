"""The command that finds a learning rate."""

from typing import Annotated

import typer
from msgspec.structs import asdict

from makemore_tui.core.presets import DEFAULT_PRESET, preset_named
from makemore_tui.core.settings import changed, parse_changes

from .interrupt import load_torch
from .options import DataOption, JsonOption, PresetOption, SeedOption, SetOption, UniqueOption
from .streams import show


def find_lr(
    data: DataOption = "names",
    preset: PresetOption = DEFAULT_PRESET,
    changes: SetOption = None,
    seed: SeedOption = 1,
    low: Annotated[float | None, typer.Option(help="Where to begin; for SGD, 0.001.")] = None,
    high: Annotated[float | None, typer.Option(help="Where to end; for SGD, 1.")] = None,
    steps: Annotated[int, typer.Option(help="How many, for each of three seeds.")] = 1000,
    unique: UniqueOption = False,
    as_json: JsonOption = False,
) -> None:
    """Find a learning rate: train a new model at a rising rate, and see where the loss turns."""
    load_torch()
    from makemore_tui.core.analysis.lr_finder import LearningRateFinder
    from makemore_tui.core.datasets.dataset import Dataset
    from makemore_tui.core.session.session import Session

    from .progress import progress

    chosen = preset_named(preset)
    settings = changed(chosen.model, chosen.train, parse_changes(changes or []))
    session = Session(Dataset.load(data, unique), *settings, seed=seed)
    finder = LearningRateFinder(session.trainer, low, high, steps)
    with progress(steps, as_json) as advance:
        while finder.advance():
            advance(finder.done, finder.latest)
    search = finder.result()
    show(as_json, asdict(search), lambda reports: reports.print_rate_search(search))
