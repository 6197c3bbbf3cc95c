"""The command that samples names from a saved run."""

from typing import Annotated

import typer

from makemore_tui.core.constants import MAX_SEED

from .interrupt import load_torch
from .options import JsonOption, RunArgument
from .output import show


def sample(
    run: RunArgument,
    n: Annotated[int, typer.Option("-n", help="How many.")] = 20,
    temperature: Annotated[
        float, typer.Option(help="Above 1 wilder, below 1 tamer, 0 the likeliest.")
    ] = 1.0,
    prefix: Annotated[str, typer.Option(help="What each begins with.")] = "",
    seed: Annotated[int, typer.Option(min=0, max=MAX_SEED)] = 1,
    new_only: Annotated[bool, typer.Option(help="Leave out what stands in the data.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Make names with a saved run."""
    load_torch()
    import torch

    from makemore_tui.core.analysis import sampling
    from makemore_tui.core.runs import checkpoint
    from makemore_tui.core.session.session import Session

    saved = Session.from_state(checkpoint.read(run, partial=True))
    generator = torch.Generator().manual_seed(seed)
    samples = sampling.sample(
        saved.model, saved.dataset, n, generator, temperature, prefix, new_only=new_only
    )
    record = {"samples": [{"text": one.text, "seen": one.seen} for one in samples]}
    show(as_json, record, lambda reports: reports.print_samples(samples))
