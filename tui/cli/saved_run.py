"""The commands that evaluate a saved run and sample names from it."""

from typing import Annotated, Any

import typer

from makemore_tui.core.constants import MAX_SEED, SPLITS
from makemore_tui.core.errors import UserError
from makemore_tui.core.results import Unavailable

from .interrupt import load_torch
from .options import JsonOption, RunArgument
from .streams import show


def evaluate(
    run: RunArgument,
    split: Annotated[str, typer.Option(help="train, dev, test or all (each of them).")] = "all",
    word: Annotated[str | None, typer.Option(help="Show each character's surprisal.")] = None,
    as_json: JsonOption = False,
) -> None:
    """The losses of a saved run, test among them, and how likely it holds a word."""
    load_torch()
    from makemore_tui.core.analysis.evaluation import evaluate as evaluate_split
    from makemore_tui.core.analysis.probe import probe
    from makemore_tui.core.runs import checkpoint
    from makemore_tui.core.session.session import Session

    saved = Session.from_state(checkpoint.read(run, partial=True))
    saved.dataset.split(split)  # refuses what is none
    probed = None if word is None else probe(saved.model, saved.dataset.vocabulary, word)
    if isinstance(probed, Unavailable):
        raise UserError(probed.why)
    wanted = (*SPLITS, "all") if split == "all" else (split,)
    evaluations = {name: evaluate_split(saved.model, saved.dataset, name) for name in wanted}
    answer: dict[str, Any] = {name: found.loss for name, found in evaluations.items()}
    if probed:
        answer["word"] = {
            "characters": [one.label for one in probed.characters],
            "probabilities": [one.probability for one in probed.characters],
            "surprises": [one.surprisal for one in probed.characters],
            "mean": probed.mean,
        }
    show(as_json, answer, lambda reports: reports.print_evaluations(evaluations, probed))


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
