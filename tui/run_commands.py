"""The commands about saved runs: `replay` and `runs`."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

JsonOption = Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")]
RunArgument = Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a saved run.")]
DirectoryOption = Annotated[
    Path | None, typer.Option("--run-dir", help="Where runs are kept; or MAKEMORE_TUI_RUNS.")
]

runs = typer.Typer(invoke_without_command=True)


def replay(
    run: RunArgument,
    until: Annotated[int | None, typer.Option(help="Stop at this step.", min=0)] = None,
    out: Annotated[Path | None, typer.Option(help="Save the replayed run here.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Train a saved run again from its seed, and compare: exit code 0 if identical, 1 if not."""
    import torch

    from makemore_tui.core.replay import replay as replay_run
    from makemore_tui.core.run_record import read_record
    from makemore_tui.core.runs import new_folder, to_json

    from . import reports
    from .progress import progress

    torch.set_num_threads(1)
    if out:
        new_folder(out).rmdir()  # refused now rather than after the training
    planned = read_record(run).steps if until is None else until
    with progress(planned, as_json) as advance:
        done = replay_run(run, until, advance)
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
    from makemore_tui.core.run_list import runs_directory, saved_runs

    context.obj = directory
    if context.invoked_subcommand:
        return
    where = runs_directory(directory)
    found = saved_runs(where)
    if as_json:
        from makemore_tui.core.run_record import to_json

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
    from makemore_tui.core.run_list import remove, runs_directory

    remove(runs_directory(directory or context.obj), names)


def _plain(run: Any) -> dict[str, Any]:
    keys = ("name", "dataset", "model", "steps", "best_dev", "named", "problem")
    return {key: getattr(run, key) for key in keys} | {"saved": run.saved.isoformat()}
