"""The commands about saved runs, and the run that `train --resume` trains on."""

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from makemore_tui.core.errors import UserError

from .interrupt import load_torch
from .options import DirectoryOption, JsonOption, RunArgument, given

if TYPE_CHECKING:
    from makemore_tui.core.session.session import Session

runs = typer.Typer(invoke_without_command=True)


def replay(
    run: RunArgument,
    until: Annotated[int | None, typer.Option(help="Stop at this step.", min=0)] = None,
    out: Annotated[Path | None, typer.Option(help="Save the replayed run here.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Train a saved run again from its seed, and compare: exit code 0 if identical, 1 if not."""
    load_torch()
    import torch

    from makemore_tui.core.runs.checkpoint import check_new
    from makemore_tui.core.runs.header import read_record
    from makemore_tui.core.runs.record import to_json
    from makemore_tui.core.session import replay as replaying

    from . import reports
    from .progress import progress

    record = read_record(run)
    torch.set_num_threads(record.usable_threads)
    out = out and check_new(out)  # refused now rather than after the training
    planned = record.steps if until is None else until
    with progress(planned, as_json) as advance:
        done = replaying.replay(run, until, advance)
    if out:
        done.session.save(out)
    keys = ("identical", "largest_difference", "loss_difference", "steps")
    if as_json:
        print(to_json({key: getattr(done, key) for key in keys}))
    else:
        reports.print_replay(done)
    if not done.same_build and done.identical is not None:
        print(
            f"makemore-tui: {run} was saved with torch {done.recorded_torch}, and this is "
            f"{torch.__version__}, so the last bits may differ",
            file=sys.stderr,
        )
    if done.identical is False:
        raise typer.Exit(1)


@runs.callback(epilog="Example: makemore-tui runs --run-dir .")
def list_runs(
    context: typer.Context, directory: DirectoryOption = None, as_json: JsonOption = False
) -> None:
    """List the saved runs, the newest first; `runs remove NAME` removes some."""
    from makemore_tui.core.runs.catalog import saved_runs
    from makemore_tui.core.runs.directory import runs_directory

    context.obj = directory
    if context.invoked_subcommand:
        return
    where = runs_directory(directory)
    found = saved_runs(where)
    if as_json:
        from makemore_tui.core.runs.record import to_json

        print(to_json({"directory": str(where), "runs": [_plain(one) for one in found]}))
    else:
        from . import reports

        reports.print_runs(where, found)


@runs.command("remove", epilog="Example: makemore-tui runs remove first second")
def remove_runs(
    context: typer.Context,
    names: Annotated[list[str], typer.Argument(metavar="NAME...", help="Of saved runs.")],
    directory: DirectoryOption = None,
) -> None:
    """Remove saved runs by name."""
    from makemore_tui.core.runs.catalog import remove
    from makemore_tui.core.runs.directory import runs_directory

    remove(runs_directory(directory or context.obj), names)


def resumed(run: Path, asked: dict[str, Any], context: typer.Context) -> "Session":
    """A saved run with the settings that are asked for, if it has steps left to take.

    Raises:
        UserError: it has none, or what is asked for is another run.
    """
    import torch

    from makemore_tui.core.runs.header import read_record
    from makemore_tui.core.session.session import Session

    for name in given(context, "data", "preset", "seed", "unique"):
        raise UserError(f"--{name} can't be had with --resume: {run} has its own")
    torch.set_num_threads(read_record(run).usable_threads)
    session = Session.load(run)
    present = asdict(session.model_settings) | asdict(session.train_settings)
    changes = {name: value for name, value in asked.items() if present[name] != value}
    plan = session.plan(**changes)
    if plan.effect == "restart":
        raise UserError(f"{', '.join(changes)} would begin another run than {run}")
    if changes:
        session.edit(plan)
    counts = not session.model_settings.model_kind.is_network
    if session.trainer.finished or (not counts and session.step >= session.train_settings.steps):
        more = "" if counts else f"; --steps {2 * session.step} would go on"
        raise UserError(f"{run} has taken all its {session.step:,} steps{more}")
    return session


def _plain(run: Any) -> dict[str, Any]:
    keys = ("name", "dataset", "model", "steps", "best_dev", "named", "problem")
    return {key: getattr(run, key) for key in keys} | {"saved": run.saved.isoformat()}
