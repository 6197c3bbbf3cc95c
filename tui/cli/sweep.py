"""The command that looks for good settings."""

import time
from contextlib import closing
from typing import Annotated, Any

import typer

from makemore_tui.core.errors import UserError
from makemore_tui.core.presets import DEFAULT_PRESET
from makemore_tui.core.run_spec import RunSpec
from makemore_tui.core.runs.catalog import automatic_name, check_name
from makemore_tui.core.runs.directory import runs_directory
from makemore_tui.core.sweep.files import (
    StudyFiles,
    check_installed,
    postgres_url,
    study_names,
    sweeps_directory,
)
from makemore_tui.core.sweep.messages import Snapshot, Start, Stop
from makemore_tui.core.sweep.ranges import parse_ranges

from ..client.sweep import MAX_TRIALS, NUM_KEPT, SweepProcess, around, num_cores, seconds_of
from . import options
from .process import INTERRUPTED, complain, ctrl_c_calls
from .reports import show
from .start import DATA_OPTIONS, Given, refuse, start_of
from .sweep_report import print_sweep, watching

_SECONDS_BETWEEN = 0.25  # looks at the snapshot
_MAX_WORKERS, _MAX_SEEDS, _MAX_KEPT = 256, 100, 1000
_STARTING = (*DATA_OPTIONS, "--preset", "--set", "--seed", "--spec", "--steps", "--seeds",
             "--sampler", "--no-prune")  # fmt: skip
_FOLLOWING = ("--follow", "--stop", "--name", "--json")


def _is_time(text: str | None) -> str | None:
    """Raises UserError for a text that is no time."""
    if text is not None:
        seconds_of(text)
    return text


def _goal(text: str) -> str:
    if text != "dev":
        raise UserError(f"--goal must be dev, not {text!r}: settings are never chosen by test")
    return text


def _sampler(text: str) -> str:
    if text not in ("tpe", "random", "grid"):
        raise UserError(f"--sampler must be tpe, random or grid, not {text!r}")
    return text


# fmt: off
_Over = Annotated[list[str] | None, typer.Option(
    "--over", metavar="NAME[=RANGE]",
    help="Try a setting: hidden=64,128 or dropout=0..0.4 or learning_rate=0.001..0.3:log.",
    autocompletion=options.setting_names,
)]
_Trials = Annotated[int, typer.Option(
    metavar="N", help="Number of trials in all; --resume keeps it.",
    callback=options.within(1, MAX_TRIALS),
)]
_Time = Annotated[str | None, typer.Option(
    "--time", metavar="TIME", help="Stop after this time: 90s, 10m or 2h.", callback=_is_time,
)]
_Workers = Annotated[int | None, typer.Option(
    metavar="N", help="Processes, one for each core by default.",
    callback=options.within(1, _MAX_WORKERS),
)]
_Seeds = Annotated[int, typer.Option(
    metavar="N", help="Seeds of each trial, which is judged by their mean.",
    callback=options.within(1, _MAX_SEEDS),
)]
_Sampler = Annotated[str, typer.Option(
    metavar="tpe|random|grid", help="What proposes trials.", callback=_sampler,
    autocompletion=options.one_of("tpe", "random", "grid"),
)]
_NoPrune = Annotated[bool, typer.Option(
    "--no-prune", help="Train every trial to the end, even those that fall behind.",
)]
_Goal = Annotated[str, typer.Option(
    metavar="dev", help="Split whose loss is minimised; only dev.", callback=_goal,
)]
_Keep = Annotated[int, typer.Option(
    metavar="N", help="Save the N best trials as runs.", callback=options.within(0, _MAX_KEPT),
)]
_Storage = Annotated[str, typer.Option(
    metavar="URL", help="A PostgreSQL database that several machines share.",
)]
_Name = Annotated[str | None, typer.Option(metavar="STUDY", help="Name of the study.")]
_Resume = Annotated[bool, typer.Option("--resume", help="Continue a study; default: the last.")]
_Detach = Annotated[bool, typer.Option(
    "--detach", help="Run in the background; --follow shows it, --stop ends it.",
)]
_Follow = Annotated[bool, typer.Option(
    "--follow", help="Show a sweep of this machine, running or ended.",
)]
_Stop = Annotated[bool, typer.Option("--stop", help="End a sweep that runs on this machine.")]
# fmt: on


def sweep(
    context: typer.Context,
    data: options.Data = "names",
    preset: options.Preset = DEFAULT_PRESET,
    changes: options.Changes = None,
    over: _Over = None,
    trials: _Trials = 50,
    time_limit: _Time = None,
    steps: options.Steps = None,
    workers: _Workers = None,
    seeds: _Seeds = 1,
    sampler: _Sampler = "tpe",
    no_prune: _NoPrune = False,
    goal: _Goal = "dev",
    keep: _Keep = NUM_KEPT,
    storage: _Storage = "",
    name: _Name = None,
    resume: _Resume = False,
    detach: _Detach = False,
    follow: _Follow = False,
    stop: _Stop = False,
    seed: options.Seed = 1,
    unique: options.Unique = False,
    encoding: options.Encoding = "",
    column: options.Column = "",
    skip_long: options.SkipLong = False,
    spec: options.Spec = None,
    run_dir: options.RunDirectory = None,
    as_json: options.Json = False,
) -> None:
    """Find good settings: train many trials, and keep the best as runs.

    The first trial has the settings of the preset. All trials share the seed and its minibatches;
    those that fall behind end early.
    """
    given = options.given(context)
    if follow or stop:
        raise typer.Exit(_follow(given, name, stop, as_json))
    raise typer.Exit(_run(_start(given, context.params), detach, as_json))


def _follow(given: Given, name: str | None, stop: bool, as_json: bool) -> int:
    """Show a sweep that was started elsewhere, or end it. Returns the exit code."""
    others = [option for option in given if option not in _FOLLOWING]
    refuse(given, others, "can't be combined with --follow or --stop")
    files = StudyFiles(sweeps_directory(), _existing(name))
    if stop:
        if files.read().state != "running":
            raise UserError(f"the sweep {files.study} is not running")
        files.command(Stop())
    return _watch(files, None, as_json)


def _run(start: Start, detach: bool, as_json: bool) -> int:
    """Start a sweep, and show it unless it is to run in the background. Returns the exit code."""
    with closing(SweepProcess(start)) as process:
        process.wait_until_open()
        if detach:
            said = f"{start.study} runs; --follow shows it, --stop ends it"
            show(as_json, {"study": start.study}, complain, said)
            return 0
        return _watch(StudyFiles(sweeps_directory(), start.study), process, as_json)


def _start(given: Given, values: dict[str, Any]) -> Start:
    """What the options ask for. Raises UserError where they don't fit together."""
    check_installed("optuna")
    name, is_shared = values["name"], "--storage" in given
    if is_shared:
        postgres_url(values["storage"])
    spec, over = "", ()
    if values["over"]:
        start = start_of(given, options.wanted(values["changes"], values["steps"]))
        start, over = around(start, values["over"], is_shared=is_shared)
        spec = str(start)
        name = automatic_name(start.dataset) if name is None else name
    elif not (values["resume"] or (is_shared and name)):
        parse_ranges([], RunSpec("names"))  # which says what is missing
    else:
        refuse(given, _STARTING, "needs --over, because the study has its own")
        name = _existing(name)
    check_name(name)
    return Start(
        study=name,
        spec=spec,
        over=over,
        trials=values["trials"] if over or "--trials" in given else 0,
        seconds=seconds_of(values["time_limit"]) if values["time_limit"] else None,
        workers=values["workers"] or num_cores(),
        seeds=values["seeds"],
        sampler=values["sampler"],
        prunes=not values["no_prune"],
        storage=values["storage"],
        may_exist=values["resume"] or is_shared,
        keep=values["keep"],
        runs=str(runs_directory(values["run_dir"]).absolute()),
        detached=values["detach"],
    )


def _existing(name: str | None) -> str:
    """The study that is meant: by its name, or else the last one."""
    names = study_names(sweeps_directory())
    if name is None and not names:
        raise UserError(f"there is no sweep in {sweeps_directory()}; --over starts one")
    return names[0] if name is None else name


def _watch(files: StudyFiles, process: SweepProcess | None, as_json: bool) -> int:
    """Show a sweep until it ends, and then what it found. Returns the exit code.

    Ctrl+c ends the sweep if this process has started it.
    """
    interrupts: list[bool] = []
    pause = process.wait if process else time.sleep
    with ctrl_c_calls(lambda *_: interrupts.append(True)), watching(as_json) as update:
        while (snapshot := files.read()).state == "running" and not interrupts:
            update(snapshot)
            pause(_SECONDS_BETWEEN)
        if process:
            process.stop()
            snapshot = files.read()
    show(as_json, summary(snapshot), print_sweep, snapshot)
    if problem := snapshot.problem or (process.problem if process else ""):
        raise UserError(problem)
    if process and snapshot.state == "stopped":
        complain(f"stopped; sweep --resume --name {snapshot.study} goes on")
    if interrupts:
        return INTERRUPTED
    if not snapshot.leaders and snapshot.state == "finished":
        reasons = [row.why for row in snapshot.rows if row.why]
        complain(f"no trial was trained to its end{f': {reasons[0]}' if reasons else ''}")
        return 1
    return 0


def summary(snapshot: Snapshot) -> dict[str, Any]:
    """The JSON of a sweep."""
    best = next(iter(snapshot.leaders), None)
    return {
        "study": snapshot.study,
        "trials": snapshot.num_ended,
        "pruned": snapshot.count("pruned"),
        "failed": snapshot.count("failed"),
        "seconds": snapshot.seconds,
        "best": best
        and {
            "value": best.value,
            "settings": best.settings,
            "spec": best.spec,
            "run": best.run or None,
        },
    }
