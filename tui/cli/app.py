"""The command line: the explorer, which is the default, and all other commands; their examples."""

import platform
from importlib import metadata
from typing import Annotated

import typer

from makemore_tui.core.errors import UserError
from makemore_tui.core.presets import DEFAULT_PRESET

from . import options, saved_run
from .compare import compare
from .data import data, presets, settings
from .explorer import open_explorer
from .find_lr import find_lr
from .lessons import lesson_names, lessons
from .plain_words import PlainCommand, PlainGroup, sentence
from .runs import runs
from .sweep import sweep
from .trace import trace
from .train import train

app = typer.Typer(
    help="Watch a small language model learn to spell, and change it while it learns.",
    cls=PlainGroup,
    epilog="Example: makemore-tui --data words --preset lecture",
    context_settings={"help_option_names": ["--help", "-h"]},
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)


def _print_versions(is_asked: bool) -> None:
    if is_asked:
        versions = [f"{name} {metadata.version(name)}" for name in ("makemore-tui", "torch")]
        print(", ".join([*versions, f"Python {platform.python_version()}"]))
        raise typer.Exit


# fmt: off
_Paused = Annotated[bool, typer.Option("--paused", help="Start paused; space starts training.")]
_Speed = Annotated[int | None, typer.Option(
    metavar="N", help="At most N training steps per second.", callback=options.within(1, 999_999),
)]
_Target = Annotated[float | None, typer.Option(
    metavar="LOSS", help="Target dev loss in nats, drawn on the loss plot; the lecture's is 2.17.",
)]
_Lesson = Annotated[str | None, typer.Option(
    metavar="NAME", help="Open at a lesson: its name or number; see `lessons`.",
    autocompletion=lesson_names,
)]
_Version = Annotated[bool, typer.Option(
    "--version", help="Print the versions and exit.", is_eager=True, callback=_print_versions,
)]
# fmt: on


def explore(
    context: typer.Context,
    data: options.Data = "names",
    preset: options.Preset = DEFAULT_PRESET,
    changes: options.Changes = None,
    seed: options.Seed = 1,
    unique: options.Unique = False,
    encoding: options.Encoding = "",
    column: options.Column = "",
    skip_long: options.SkipLong = False,
    spec: options.Spec = None,
    resume: options.Resume = None,
    paused: _Paused = False,
    speed: _Speed = None,
    target: _Target = None,
    lesson: _Lesson = None,
    run_dir: options.RunDirectory = None,
    version: _Version = False,
) -> None:
    """Open the explorer. (The default: `makemore-tui` alone does the same.)"""
    if context.invoked_subcommand is None:
        open_explorer(options.given(context))


app.callback(invoke_without_command=True)(explore)  # so that the help shows its options
_TRAIN, _SWEEP = "makemore-tui train --steps", "makemore-tui sweep --preset fast"
for _command, _name, _example in (
    (explore, "explore", "makemore-tui explore --preset lecture --set hidden=100"),
    (train, "train", "makemore-tui train --preset scaled --steps 2000 --json"),
    (saved_run.sample, "sample", f"{_TRAIN} 999 --out a && makemore-tui sample a -n 5"),
    (saved_run.evaluate, "evaluate", f"{_TRAIN} 999 --out b && makemore-tui evaluate b"),
    (trace, "trace", f"{_TRAIN} 999 --out b && makemore-tui trace b --word emma --backward"),
    (find_lr, "find-lr", "makemore-tui find-lr --preset lecture --steps 300"),
    (compare, "compare", "makemore-tui compare --set-b learning_rate=0.05 --steps 99 --seeds 3"),
    (sweep, "sweep", f"{_SWEEP} --over learning_rate --steps 100 --trials 6"),
    (data, "data", "makemore-tui data names --json"),
    (presets, "presets", "makemore-tui presets"),
    (settings, "settings", "makemore-tui settings --json"),
    (saved_run.replay, "replay", f"{_TRAIN} 99 --out c && makemore-tui replay c"),
    (saved_run.export, "export", f"{_TRAIN} 99 --out c && makemore-tui export c --as script"),
):
    app.command(_name, cls=PlainCommand, epilog=f"Example: {_example}")(_command)
app.add_typer(runs, name="runs")
app.add_typer(lessons, name="lessons")


def run(words: list[str]) -> int:
    """Run a command. Returns its exit code.

    Raises UserError if there is no such command or option, or what it does is refused.
    """
    try:
        code = app(words, prog_name="makemore-tui", standalone_mode=False)
    except typer.TyperException as error:
        raise UserError(sentence(error, words)) from None
    return code if isinstance(code, int) else 0
