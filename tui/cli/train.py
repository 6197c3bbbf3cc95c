"""The command that trains without a screen."""

import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from makemore_tui.core.errors import UserError
from makemore_tui.core.presets import DEFAULT_PRESET
from makemore_tui.core.settings import changed, parse_changes

from .interrupt import EXIT_CODE, load_torch, noted
from .options import (
    DataOption,
    JsonOption,
    PresetOption,
    SeedOption,
    SetOption,
    StateOption,
    UniqueOption,
    beginning,
    found,
)
from .runs import resumed

if TYPE_CHECKING:
    from makemore_tui.core.session.session import Session

_SAMPLES_SHOWN = 10
_SLICE_SECONDS = 0.05


def train(
    context: typer.Context,
    data: DataOption = "names",
    preset: PresetOption = DEFAULT_PRESET,
    changes: SetOption = None,
    seed: SeedOption = 1,
    steps: Annotated[
        int | None, typer.Option(help="How many; short for --set steps=N.", min=1, max=10**9)
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Save the run to this new file.")] = None,
    unique: UniqueOption = False,
    resume: Annotated[
        Path | None,
        typer.Option(metavar="RUN", callback=found, help="Go on with a run: its name or file."),
    ] = None,
    state: StateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Train a model, show its losses and some samples, and save it."""
    load_torch()
    from makemore_tui.core.runs.checkpoint import check_new
    from makemore_tui.core.session.session import Session

    asked = parse_changes(changes or []) | ({"steps": steps} if steps else {})
    spec = beginning(context, state, data, unique, preset, seed)
    model, planned = changed(spec.model, spec.train, asked)
    out = out and check_new(out)  # refused now rather than after the training
    if resume:
        session = resumed(resume, asked, context)
    else:
        session = Session.from_spec(replace(spec, model=model, train=planned))
    report, interrupted = _train(session, quiet=as_json)
    unsaved = _save(session, out, report) if out else None
    _show_training(session, report, as_json)
    if session.diverged:
        print(f"makemore-tui: {_divergence(session, out)}", file=sys.stderr)
        raise typer.Exit(1)
    if unsaved:
        raise unsaved
    if interrupted:
        raise typer.Exit(EXIT_CODE)


def _train(session: "Session", quiet: bool) -> tuple[dict[str, Any], bool]:
    """Train to the planned steps, or to ctrl+c; the figures, and whether it was ctrl+c."""
    from makemore_tui.core.training.time_slicer import TimeSlicer

    from .progress import progress

    on, planned = session.train_settings.train_on, session.train_settings.steps
    if session.model_settings.kind == "ngram":
        planned = session.dataset.split("all").examples  # as many as there can be: all are counted
    with noted() as interrupts:
        initial, first = session.evaluate(on).loss, session.step
        slicer = TimeSlicer(_SLICE_SECONDS)
        begun = time.perf_counter()
        with progress(planned, quiet) as advance:
            while session.step < planned and not session.trainer.finished and not interrupts:
                losses = slicer.train(session, planned - session.step)
                advance(session.step, losses)
                if session.diverged:
                    break
        seconds = time.perf_counter() - begun
        dev = session.evaluate("dev")
        report = {
            "steps": session.step,
            "seconds": seconds,
            "steps_per_second": (session.step - first) / seconds,
            "parameters": session.model.parameters,
            "initial_loss": initial,
            "train_loss": session.evaluate(on).loss,
            "dev_loss": dev.loss,
            "dev_loss_seen": dev.seen,
            "dev_loss_unseen": dev.unseen,
            "seed": session.seed,
            "run": None,
        }
    return report, bool(interrupts)


def _save(session: "Session", out: Path, report: dict[str, Any]) -> UserError | None:
    """Save the run, and note in the report where; what stood in the way, if anything did."""
    report["run"] = str(out)
    try:
        session.save(out, report)
    except UserError as error:
        report["run"] = None
        return error
    return None


def _show_training(session: "Session", report: dict[str, Any], as_json: bool) -> None:
    if as_json:
        from makemore_tui.core.runs.record import to_json

        print(to_json(report))
        return
    from . import reports

    reports.print_training(report)
    if not session.diverged:
        reports.print_samples(session.sample(_SAMPLES_SHOWN, seed=session.seed))
    reports.print_curve(session)


def _divergence(session: "Session", out: Path | None) -> str:
    """What became of a training that diverged, and what to try, in a sentence."""
    step = session.step if session.diverged_at is None else session.diverged_at
    unwritten = f", so {out} was not written" if out else ""
    lower = max(session.train_settings.learning_rate / 10, 1e-6)
    return (
        f"the training diverged at step {step:,}: the weights are not finite{unwritten}; "
        f"a lower learning rate would help, such as --set learning_rate={lower:g}"
    )
