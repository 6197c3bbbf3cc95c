"""The command that follows one example through a saved run's model."""

from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from makemore_tui.core.errors import UserError
from makemore_tui.core.text import label

from . import options
from .process import load_torch
from .reports import new_table, print_out, show
from .saved_run import load_run

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from makemore_tui.core.analysis.stages import Stage
    from makemore_tui.core.analysis.trace import Trace
    from makemore_tui.core.datasets.vocabulary import Vocabulary

_MAX_FOLLOWERS, _MAX_VALUES = 5, 6  # of a context, and of a stage, that a line shows
_MAX_EXAMPLES = 40  # that the ladder lists


# fmt: off
_Words = Annotated[list[str] | None, typer.Option(
    "--word", metavar="TEXT",
    help="The word to follow, or several with spaces between; may be given several times. "
    "Default: emma.",
)]
_Split = Annotated[str | None, typer.Option(
    metavar="NAME", help="first-N: the first N words of the data.",
)]
_Position = Annotated[int | None, typer.Option(
    metavar="N",
    help="Position of the predicted character, from 0; each word's end counts. Default: "
    "the last character of the first word.",
)]
_Backward = Annotated[bool, typer.Option(
    "--backward", help="Also print gradients, and the loss after the next step.",
)]
_Logits = Annotated[str | None, typer.Option(
    metavar="NUMBERS",
    help='Instead of a run: the softmax of "100 2 -3", naively and safely, in float32.',
)]
# fmt: on


def trace(
    run: options.OptionalRun = None,
    word: _Words = None,
    split: _Split = None,
    position: _Position = None,
    backward: _Backward = False,
    logits: _Logits = None,
    as_json: options.Json = False,
) -> None:
    """Follow one example through the model: ids, embedding, logits, probabilities, loss."""
    if logits is not None:
        _softmax(logits, as_json)
        return
    if run is None:
        raise UserError("name a saved run to follow a word through, or numbers with --logits")
    text = _text(word, split)
    saved = load_run(options.found(run))
    found = saved.trace(text, position, backward)
    show(as_json, _answer(found, backward), _print_trace, found, saved.dataset.vocabulary)


def _answer(found: "Trace", backward: bool) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "word": found.word,
        "position": found.position,
        "context": found.example.context,
        "target": found.example.target,
        "stages": [_record(stage) for stage in found.stages],
        "probabilities": found.probabilities.tolist(),
        "loss": found.loss,
        "occurrences": found.times,
        "floor": found.floor,
        "likelihood": found.likelihood,
        "log_likelihood": found.log_likelihood,
        "nll": found.nll,
    }
    if backward:
        answer["gradients"] = [_record(stage) for stage in found.gradients]
        answer["loss_after"] = found.loss_after
        answer["loss_after_next"] = found.loss_after_next
    return answer


def _text(words: list[str] | None, split: str | None) -> str:
    from makemore_tui.core.settings import first_n

    if split is None:
        return " ".join(words or ("emma",))
    if words is not None:
        raise UserError("--word and --split exclude each other: both say which words to follow")
    if first_n(split) is None:
        raise UserError(f"--split must be first-N, such as first-3, not {split!r}")
    return split


def _softmax(text: str, as_json: bool) -> None:
    """The softmax of typed logits, both ways."""
    load_torch()
    from makemore_tui.core.analysis.softmax import parse_logits, softmax_by_hand

    logits = parse_logits(text)
    naive, safe = softmax_by_hand(logits)
    answer = {
        "logits": logits,
        "naive": [_record(stage) for stage in naive],
        "safe": [_record(stage) for stage in safe],
    }
    tables = [_stage_table("As it is written", naive), "", _stage_table("Safely", safe)]
    show(as_json, answer, print_out, *tables)


def _record(stage: "Stage") -> dict[str, Any]:
    return {"name": stage.name, "shape": list(stage.shape), "values": stage.values.tolist()}


def _print_trace(found: "Trace", vocabulary: "Vocabulary") -> None:
    tables = [_ladder(found), Text(_occurrences(found, vocabulary)), ""]
    tables += [_stage_table("Forward", found.stages)]
    if found.gradients:
        tables += ["", _stage_table("Backward", found.gradients)]
    before = f"loss {found.loss:.4f} →"
    if found.loss_after_next is not None:
        tables += ["", Text(f"After the run's next step: {before} {found.loss_after_next:.4f}")]
    if found.loss_after is not None:
        tables += [Text(f"After a step on this example alone: {before} {found.loss_after:.4f}")]
    print_out(*tables)


def _ladder(found: "Trace") -> Any:
    """Each example's p and ln p, and what they come to: product, sum, mean."""
    ladder = new_table("Examples", "", "context", "next", "p", "product", "ln p", "sum")
    product, total = 1.0, 0.0
    for i, one in enumerate(found.examples):
        product, total = product * one.probability, total - one.loss
        if i >= _MAX_EXAMPLES and i != found.position:
            continue
        context = "".join(map(label, one.context))
        mark = "▸" if i == found.position else ""
        numbers = f"{one.probability:.4f}", f"{product:.3g}", f"{0 - one.loss:.4f}", f"{total:.4f}"
        ladder.add_row(mark, Text(context), Text(label(one.target)), *numbers)
    if len(found.examples) > _MAX_EXAMPLES:
        ladder.add_row("", "…")
    ladder.add_row("", "likelihood", "", "", f"{found.likelihood:.3g}", "", f"{total:.4f}")
    ladder.add_row("", "mean NLL", "", "", "", "", f"{found.nll:.4f}")
    return ladder


def _occurrences(found: "Trace", vocabulary: "Vocabulary") -> str:
    common = found.commonest(_MAX_FOLLOWERS)
    followed = ", ".join(f"{vocabulary.label(i)} {n:,}" for i, n in common)
    context = "".join(map(label, found.example.context))
    said = f"{context} occurs {'once' if found.times == 1 else f'{found.times:,} times'} in train"
    if not followed:
        return said
    floor = f"the mean loss of these can't be below {found.floor:.4f}"
    return f"{said}: {followed}{', …' if found.times > sum(n for _, n in common) else ''}; {floor}"


def _stage_table(title: str, stages: "Sequence[Stage]") -> Any:
    lines = new_table(title, "name", "code", "shape", "values", right=False)
    for stage in stages:
        lines.add_row(
            Text(stage.name, "bold"), Text(stage.code), str(stage.shape), _values(stage.values)
        )
    return lines


def _values(values: "Tensor") -> str:
    flat = values.flatten()
    some = " ".join(f"{value:.4g}" for value in flat[:_MAX_VALUES].tolist())
    return some + (" …" if len(flat) > _MAX_VALUES else "")
