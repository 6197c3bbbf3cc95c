"""The command that evaluates a saved run."""

from typing import Annotated, Any

import typer

from .interrupt import load_torch
from .options import JsonOption, RunArgument
from .output import show


def evaluate(
    run: RunArgument,
    split: Annotated[str, typer.Option(help="train, dev, test or all (each of them).")] = "all",
    word: Annotated[str | None, typer.Option(help="Show each character's surprisal.")] = None,
    as_json: JsonOption = False,
) -> None:
    """The losses of a saved run, test among them, and how likely it holds a word."""
    load_torch()
    from makemore_tui.core.analysis.evaluation import evaluate as evaluate_split
    from makemore_tui.core.analysis.evaluation import word_surprisal
    from makemore_tui.core.constants import SPLITS
    from makemore_tui.core.runs import checkpoint
    from makemore_tui.core.session.session import Session

    saved = Session.from_state(checkpoint.read(run, partial=True))
    saved.dataset.split(split)  # refuses what is none
    surprisal = None
    if word is not None:
        surprisal = word_surprisal(saved.model, saved.dataset.vocabulary, word)
    wanted = (*SPLITS, "all") if split == "all" else (split,)
    evaluations = {name: evaluate_split(saved.model, saved.dataset, name) for name in wanted}
    answer: dict[str, Any] = {name: found.loss for name, found in evaluations.items()}
    if surprisal:
        answer["word"] = {
            "characters": surprisal.characters,
            "probabilities": surprisal.probabilities,
            "surprises": surprisal.surprisals,
            "mean": surprisal.mean,
        }
    show(as_json, answer, lambda reports: reports.print_evaluations(evaluations, surprisal))
