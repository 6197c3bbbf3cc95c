"""The command that trains a model, from its beginning or from where a saved run ended."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from makemore_tui.core.errors import UserError
from makemore_tui.core.presets import DEFAULT_PRESET
from makemore_tui.core.run_spec import RunSpec
from makemore_tui.core.runs.catalog import find_run, lock_new
from makemore_tui.core.runs.directory import runs_directory
from makemore_tui.core.runs.header import read_record
from makemore_tui.core.runs.record import RunRecord
from makemore_tui.core.settings import lower_learning_rate

from . import options
from .process import INTERRUPTED, complain, ctrl_c_calls, load_torch
from .reports import print_training, progress, show
from .start import DATA_OPTIONS, Given, refuse, start_of

if TYPE_CHECKING:
    from makemore_tui.core.analysis.evaluation import Evaluation
    from makemore_tui.core.session.session import Session

_SLICE_SECONDS = 0.05
_MULTIPLICATIONS = 1 << 35  # for the train loss: a second or two
_FEW_MULTIPLICATIONS = 1 << 33  # for the loss before training


# fmt: off
_Out = Annotated[Path | None, typer.Option(
    metavar="FILE", help="Save the run to this new file instead of the runs directory.",
)]
_NoSave = Annotated[bool, typer.Option("--no-save", help="Don't save the run.")]
# fmt: on


def train(
    context: typer.Context,
    data: options.Data = "names",
    preset: options.Preset = DEFAULT_PRESET,
    changes: options.Changes = None,
    seed: options.Seed = 1,
    steps: options.Steps = None,
    out: _Out = None,
    no_save: _NoSave = False,
    run_dir: options.RunDirectory = None,
    unique: options.Unique = False,
    encoding: options.Encoding = "",
    column: options.Column = "",
    skip_long: options.SkipLong = False,
    resume: options.Resume = None,
    spec: options.Spec = None,
    as_json: options.Json = False,
) -> None:
    """Train a model, print its losses and some samples, and save the run."""
    load_torch()
    wanted = options.wanted(changes, steps)
    start = _start(options.given(context), wanted)
    directory = runs_directory(run_dir)
    run = find_run(Path(resume), directory) if resume else None
    record = read_record(run) if run else None
    dataset = record.dataset_name if record else start.dataset
    with _new_file(out, directory, dataset, no_save) as file:
        session = _resumed(run, record, wanted) if run and record else _new(start)
        for note in session.dataset.notes:
            complain(note)
        report, is_interrupted = _train(session, quiet=as_json)
        unsaved = file and _save(session, file, report, is_named=out is not None)
    show(as_json, report, print_training, session, report)
    if session.diverged_at is not None:
        complain(_divergence(session, file if out else None))
        raise typer.Exit(1)
    if unsaved:
        raise unsaved
    raise typer.Exit(INTERRUPTED if is_interrupted else 0)


def _start(given: Given, wanted: dict[str, Any]) -> RunSpec:
    """How a new run starts. Raises UserError for options that can't be combined."""
    start = start_of(given, wanted)
    if "--no-save" in given:
        refuse(given, ("--out", "--run-dir"), "can't be combined with --no-save")
    if resume := given.get("--resume"):
        others = (*DATA_OPTIONS, "--preset", "--seed")
        refuse(given, others, f"can't be combined with --resume, because {resume} has its own")
    return start


def _new(start: RunSpec) -> "Session":
    from makemore_tui.core.session.session import Session

    return Session.from_spec(start)


@contextmanager
def _new_file(
    out: Path | None, directory: Path, dataset: str, no_save: bool
) -> Iterator[Path | None]:
    """The file that the run will be saved to, which nobody else takes meanwhile; None for none.

    Raises UserError if it can't be written; now rather than after the training.
    """
    from makemore_tui.core.runs.checkpoint import check_new

    if out is not None or no_save:
        yield out and check_new(out)
        return
    try:
        path, lock = lock_new(directory, dataset)
    except UserError as error:
        raise UserError(f"{error}; --no-save trains without saving") from None
    try:
        yield path
    finally:
        lock.release()


def _resumed(run: Path, record: RunRecord, asked: dict[str, Any]) -> "Session":
    """A saved run, whose record was read, with the settings that are asked for.

    Raises UserError if it has no steps left to take, or another run is asked for.
    """
    import torch

    from makemore_tui.core.session.session import Session

    torch.set_num_threads(record.usable_threads)
    session = Session.load(run)
    present = asdict(session.model_settings) | asdict(session.train_settings)
    changes = {name: value for name, value in asked.items() if present[name] != value}
    plan = session.plan(**changes)
    if plan.effect == "restart":
        raise UserError(f"{', '.join(changes)} would start a new run instead of continuing {run}")
    if changes:
        session.edit(plan)
    if session.step >= session.trainer.last_step:
        more = "" if session.trainer.finished else f"; --steps {2 * session.step} continues it"
        raise UserError(f"{run} has taken all of its {session.step:,} steps{more}")
    return session


def _train(session: "Session", quiet: bool) -> tuple[dict[str, Any], bool]:
    """Train to the last planned step, until it diverges, or until ctrl+c.

    Returns the figures of the training, and True if it was ended by ctrl+c.
    """
    from makemore_tui.core.training.time_slicer import TimeSlicer

    slicer, was_diverged = TimeSlicer(_SLICE_SECONDS), session.diverged_at is not None
    last_step = session.trainer.last_step
    interrupts: list[bool] = []
    with ctrl_c_calls(lambda *_: interrupts.append(True)):
        split, first_step = session.train_settings.train_on, session.step
        initial_loss = evaluated(session, split, _FEW_MULTIPLICATIONS).network.loss
        begun = time.perf_counter()
        with progress(last_step, quiet) as advance:
            for losses in slicer.train_to(session, 0 if interrupts else last_step):
                advance(session.step, losses)
                if interrupts or (session.diverged_at is not None and not was_diverged):
                    break
        seconds = time.perf_counter() - begun
        train, dev = evaluated(session, split), session.evaluate("dev")
        report = {
            "steps": session.step,
            "seconds": seconds,
            "steps_per_second": (session.step - first_step) / seconds,
            "parameters": session.model.num_parameters,
            "initial_loss": initial_loss,
            "train_loss": train.loss,
            "train_share": train.share,
            "dev_loss": dev.loss,
            "dev_loss_seen": dev.seen,
            "dev_loss_unseen": dev.unseen,
            "seed": session.seed,
            "run": None,
        }
    return report, bool(interrupts)


def evaluated(
    session: "Session", split: str, multiplications: int = _MULTIPLICATIONS
) -> "Evaluation":
    """The loss of a split, or of as many of its examples as so many multiplications allow."""
    from makemore_tui.core.analysis.evaluation import affordable_examples

    some = affordable_examples(session.model, session.dataset, split, multiplications)
    return session.evaluate(split, some)


def _save(
    session: "Session", file: Path, report: dict[str, Any], is_named: bool
) -> UserError | None:
    """Save the run and note its place in the report. Returns the error if that fails."""
    report["run"] = str(file)
    try:
        session.save(file, report, is_named)
    except UserError as error:
        report["run"] = None
        return error
    return None


def _divergence(session: "Session", out: Path | None) -> str:
    """A sentence on a training that diverged, with what to try."""
    what = f"the loss has exploded to {float(session.history.recent.mean()):,.3g} nats"
    if not session.model.is_finite:
        what = "the weights are not finite" + (f", so {out} was not written" if out else "")
    lower = lower_learning_rate(session.model_settings, session.train_settings)
    return (
        f"the training diverged at step {session.diverged_at:,}: {what}; "
        f"try a lower learning rate, such as --set learning_rate={lower:g}"
    )
