"""The command that follows one example through a saved run's model."""

from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from makemore_tui.core.text import label

from . import options
from .reports import new_table, print_out, show
from .saved_run import load_run

if TYPE_CHECKING:
    from torch import Tensor

    from makemore_tui.core.analysis.trace import Stage, Trace
    from makemore_tui.core.datasets.vocabulary import Vocabulary

_MAX_FOLLOWERS, _MAX_VALUES = 5, 6  # of a context, and of a stage, that a line shows


def trace(
    run: options.Run,
    word: Annotated[str, typer.Option(metavar="TEXT", help="The word to follow.")] = "emma",
    position: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="Position of the predicted character, from 0; the word's end counts. Default: "
            "the last character.",
        ),
    ] = None,
    backward: Annotated[
        bool, typer.Option("--backward", help="Also print gradients, and the loss after one step.")
    ] = False,
    as_json: options.Json = False,
) -> None:
    """Follow one example through the model: ids, embedding, logits, probabilities, loss."""
    saved = load_run(run)
    found = saved.trace(word, position, backward)
    answer: dict[str, Any] = {
        "word": found.word,
        "position": found.position,
        "context": found.example.context,
        "target": found.example.target,
        "stages": [_record(stage) for stage in found.stages],
        "probabilities": found.probabilities.tolist(),
        "loss": found.loss,
    }
    if backward:
        answer["gradients"] = [_record(stage) for stage in found.gradients]
        answer["loss_after"] = found.loss_after
    show(as_json, answer, _print_trace, found, saved.dataset.vocabulary)


def _record(stage: "Stage") -> dict[str, Any]:
    return {"name": stage.name, "shape": list(stage.shape), "values": stage.values.tolist()}


def _print_trace(found: "Trace", vocabulary: "Vocabulary") -> None:
    examples = new_table("Examples", "", "context", "next", "p", "-ln p")
    for i, one in enumerate(found.examples):
        context = "".join(map(label, one.context))
        mark = "▸" if i == found.position else ""
        numbers = f"{one.probability:.4f}", f"{one.loss:.4f}"
        examples.add_row(mark, Text(context), Text(label(one.target)), *numbers)
    examples.add_row("", "", "mean", "", f"{found.nll:.4f}")
    common = found.commonest(_MAX_FOLLOWERS)
    followed = ", ".join(f"{vocabulary.label(i)} {n:,}" for i, n in common)
    context = "".join(map(label, found.example.context))
    seen = f"{context} occurs {found.times:,} times in train" + (
        f": {followed}" if followed else ""
    )
    tables = [examples, Text(seen), "", _stage_table("Forward", found.stages)]
    if found.gradients:
        tables += ["", _stage_table("Backward", found.gradients)]
    if found.loss_after is not None:
        step = f"loss {found.loss:.4f} → {found.loss_after:.4f}"
        tables += ["", Text(f"After a step on this example alone: {step}")]
    print_out(*tables)


def _stage_table(title: str, stages: "tuple[Stage, ...]") -> Any:
    lines = new_table(title, "name", "code", "shape", "values", right=False)
    for stage in stages:
        shape = f"({', '.join(map(str, stage.shape))})"
        lines.add_row(Text(stage.name, "bold"), Text(stage.code), shape, _values(stage.values))
    return lines


def _values(values: "Tensor") -> str:
    flat = values.flatten()
    some = " ".join(f"{value:.4g}" for value in flat[:_MAX_VALUES].tolist())
    return some + (" …" if len(flat) > _MAX_VALUES else "")
