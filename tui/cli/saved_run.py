"""The commands on a saved run: evaluate it, sample from it, train it again, export it."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from msgspec.structs import asdict

from makemore_tui.core.constants import EXPORT_FORMS, MAX_SEED, SPLITS
from makemore_tui.core.errors import UserError
from makemore_tui.core.results import Probe, Unavailable
from makemore_tui.core.runs.header import read_record, run_name
from makemore_tui.core.runs.locks import is_locked
from makemore_tui.core.runs.record import to_json
from makemore_tui.core.text import shown

from . import options
from .process import complain, load_torch
from .reports import mean_surprisal, print_evaluations, print_names, print_replay, progress, show

if TYPE_CHECKING:
    from makemore_tui.core.analysis.evaluation import Evaluation
    from makemore_tui.core.session.session import Session


def load_run(run: Path) -> "Session":
    """A saved run to be looked at; one of format 1 can't be trained."""
    load_torch()
    from makemore_tui.core.runs import checkpoint
    from makemore_tui.core.session.session import Session

    return Session.from_state(checkpoint.read(run, partial=True))


# fmt: off
_Split = Annotated[str | None, typer.Option(
    metavar="NAME",
    help="train, dev, test, first-N, or all (train, dev and test). Default: train and dev.",
    autocompletion=options.one_of(*SPLITS, "all"),
)]
_Words = Annotated[list[str] | None, typer.Option(
    "--word", metavar="TEXT", help="Print each character's surprisal; can be repeated.",
)]
_Contexts = Annotated[bool, typer.Option(
    "--contexts", help="Dev's loss on contexts seen in training, and on others.",
)]
_Count = Annotated[int, typer.Option("-n", metavar="N", help="Number of names.")]
_Temperature = Annotated[float, typer.Option(
    metavar="NUMBER", help="Above 1 more random, below 1 less; 0 always takes the likeliest.",
)]
_TopK = Annotated[int | None, typer.Option(
    metavar="N", help="Draw only from the N likeliest characters.",
)]
_Prefix = Annotated[str, typer.Option(metavar="TEXT", help="Text that each name starts with.")]
_Seed = Annotated[int, typer.Option(
    metavar="N", help="Seed; name i depends on it and i alone.",
    callback=options.within(0, MAX_SEED),
)]
_NewOnly = Annotated[bool, typer.Option("--new-only", help="Skip names that are in the data.")]
_Until = Annotated[int | None, typer.Option(
    metavar="N", help="Stop at this step.", callback=options.within(0, MAX_SEED),
)]
_Replayed = Annotated[Path | None, typer.Option(
    metavar="FILE", help="Save the replayed run here.",
)]
_Form = Annotated[str, typer.Option(
    "--as", metavar="FORM", help=", ".join(EXPORT_FORMS) + ".",
    autocompletion=options.one_of(*EXPORT_FORMS),
)]
_Exported = Annotated[Path | None, typer.Option(
    metavar="FILE", help="New file or folder; - prints it. Default: named after the run.",
)]
# fmt: on


def evaluate(
    run: options.Run,
    split: _Split = None,
    word: _Words = None,
    contexts: _Contexts = False,
    as_json: options.Json = False,
) -> None:
    """Print the losses of a saved run, of test only with --split, and how likely words are."""
    saved = load_run(run)
    from makemore_tui.core.analysis.coverage import context_coverage
    from makemore_tui.core.analysis.regularization import regularization

    saved.dataset.split(split or "dev")  # refuses what is none
    words = [_probe(saved, text) for text in word or ()]
    wanted = (*SPLITS, "all") if split == "all" else (split,) if split else ("train", "dev")
    evaluations = {name: saved.evaluate(name) for name in wanted}
    if "test" in wanted:
        _count_test_evaluation(run)
    answer: dict[str, Any] = {name: one.loss for name, one in evaluations.items()}
    answer |= _mixture_record(evaluations)
    if clamped := saved.mixing.model().clamped_orders:
        answer["clamped_orders"] = clamped
    if words:
        records = [_word_record(one) for one in words]
        texts = [{"text": text} for text in word or ()]
        answer["word"] = records[0]
        answer["words"] = [text | one for text, one in zip(texts, records, strict=True)]
        answer["words_mean"] = mean_surprisal(words)
    train, of = saved.train_settings, (saved.model, saved.dataset)
    coverage = context_coverage(*of, train.train_on) if contexts else None
    if coverage:
        answer["contexts"] = asdict(coverage) | {"possible": coverage.possible}
    penalty = regularization(*of, train.train_on, train.weight_decay)
    if penalty:
        answer["regularization"] = asdict(penalty)
    show(as_json, answer, print_evaluations, evaluations, words, coverage, penalty, saved)


def _count_test_evaluation(run: Path) -> None:
    """Count in a run's file that its test split was evaluated, or say why that can't be done."""
    from makemore_tui.core.runs.checkpoint import note_test_peek

    try:
        if is_locked(run):
            raise UserError(f"{shown(run_name(run))} is open in an explorer")
        if run.is_dir():
            raise UserError("a run of format 2 stays as it is")
        note_test_peek(run)
    except UserError as error:
        complain(f"this evaluation of the test split is not counted: {error}")


def _mixture_record(evaluations: "dict[str, Evaluation]") -> dict[str, Any]:
    """Of a network that is mixed with counts, what each has alone, by split."""
    parts = {name: one.parts for name, one in evaluations.items() if one.parts}
    return parts and {
        "network": {name: one.network.loss for name, one in parts.items()},
        "counts": {name: one.counts.loss for name, one in parts.items()},
        "mixture": {name: evaluations[name].loss for name in parts},
        "weight": next(one.weight for one in parts.values()),
    }


def _probe(saved: "Session", text: str) -> Probe:
    found = saved.probe(text)
    if isinstance(found, Unavailable):
        raise UserError(found.why)
    return found


def _word_record(word: Probe) -> dict[str, Any]:
    return {
        "characters": [one.text for one in word.characters],
        "probabilities": [one.probability for one in word.characters],
        "surprises": [one.surprisal for one in word.characters],
        "mean": word.mean,
    }


def sample(
    run: options.Run,
    n: _Count = 20,
    temperature: _Temperature = 1.0,
    top_k: _TopK = None,
    prefix: _Prefix = "",
    seed: _Seed = 1,
    new_only: _NewOnly = False,
    as_json: options.Json = False,
) -> None:
    """Sample names from a saved run: a table on a terminal, bare names into a pipe."""
    wanted = {"temperature": temperature, "top_k": top_k, "prefix": prefix, "new_only": new_only}
    samples = load_run(run).sample(n, seed, **wanted)
    record = {"samples": [{"text": one.text, "seen": one.seen} for one in samples]}
    show(as_json, record, print_names, samples)


def replay(
    run: options.Run, until: _Until = None, out: _Replayed = None, as_json: options.Json = False
) -> None:
    """Train a saved run again from its seed and compare: exit code 0 if identical, else 1."""
    load_torch()
    import torch

    from makemore_tui.core.runs.checkpoint import check_new
    from makemore_tui.core.session import replay as replaying

    saved = read_record(run)
    torch.set_num_threads(saved.usable_threads)
    out = out and check_new(out)  # refused now rather than after the training
    with progress(saved.steps if until is None else until, as_json) as advance:
        done = replaying.replay(run, until, advance)
    if out:
        done.session.save(out)
    keys = ("identical", "largest_difference", "loss_difference", "steps")
    record = {key: getattr(done, key) for key in keys}
    show(as_json, record, print_replay, done)
    if not done.same_build and done.identical is not None:
        complain(
            f"{run} was saved with torch {done.recorded_torch}, and this is "
            f"{torch.__version__}, so the last bits may differ"
        )
    if done.identical is False:
        raise typer.Exit(1)


def export(
    run: options.Run, form: _Form = "script", out: _Exported = None, as_json: options.Json = False
) -> None:
    """Export a saved run as plain PyTorch, a notebook, data, a figure, a page or a line."""
    form = "spec" if form == "state" else form  # its former name
    load_torch()
    from makemore_tui.core.export import files
    from makemore_tui.core.runs.checkpoint import read_with_record
    from makemore_tui.core.session.session import Session
    from makemore_tui.core.session.twins import saved_twins

    files.check_form(form)
    state, record = read_with_record(run)
    session, stem = Session.from_state(state), run_name(run.resolve())
    pair = saved_twins(session, run, record.twin) if form == "html" else None
    twins = pair and pair.twins
    if str(out) == "-" or (form == "spec" and out is None):
        text = files.export_text(session, form, stem, twins)
        sys.stdout.write(to_json({"as": form, "text": text}) + "\n" if as_json else text)
        return
    written = files.write_export(
        session, form, out or Path(stem + EXPORT_FORMS[form].ending), twins
    )
    lines = "\n".join(f"wrote {shown(str(path))}" for path in written)
    print(to_json({"as": form, "files": [*map(str, written)]}) if as_json else lines)
