"""The command that finds a learning rate."""

from typing import Annotated

import typer
from msgspec.structs import asdict

from makemore_tui.core.presets import DEFAULT_PRESET

from . import options
from .process import load_torch
from .reports import print_rate_search, progress, show
from .start import start_of

_Low = Annotated[float | None, typer.Option(metavar="NUMBER", help="Lowest rate; 0.001 for SGD.")]
_High = Annotated[float | None, typer.Option(metavar="NUMBER", help="Highest rate; 1 for SGD.")]
_Steps = Annotated[int, typer.Option(metavar="N", help="Steps for each of three seeds.")]


def find_lr(
    context: typer.Context,
    data: options.Data = "names",
    preset: options.Preset = DEFAULT_PRESET,
    changes: options.Changes = None,
    seed: options.Seed = 1,
    low: _Low = None,
    high: _High = None,
    steps: _Steps = 1000,
    unique: options.Unique = False,
    encoding: options.Encoding = "",
    column: options.Column = "",
    skip_long: options.SkipLong = False,
    as_json: options.Json = False,
) -> None:
    """Find a learning rate by the range test: train at a rising rate, see where the loss turns."""
    load_torch()
    from makemore_tui.core.analysis.lr_finder import LearningRateFinder
    from makemore_tui.core.session.session import Session

    start = start_of(options.given(context), options.wanted(changes))
    finder = LearningRateFinder(Session.from_spec(start).trainer, low, high, steps)
    with progress(steps, as_json) as advance:
        while finder.advance():
            advance(finder.done, finder.latest)
    search = finder.result()
    show(as_json, asdict(search), print_rate_search, search)
