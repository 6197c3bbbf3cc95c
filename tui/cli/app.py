"""The command line: the explorer, which is the default, and all other commands; their examples."""

from typing import Annotated

import typer

from makemore_tui.core.errors import UserError
from makemore_tui.core.presets import DEFAULT_PRESET

from . import options, saved_run
from .data import data, presets
from .explorer import open_explorer
from .find_lr import find_lr
from .runs import runs
from .train import train

app = typer.Typer(
    help="Watch a character-level language model learn to make names, and change it meanwhile.",
    no_args_is_help=False,
    add_completion=False,
    epilog="Example: makemore-tui --data words --preset lecture",
    context_settings={"help_option_names": ["--help", "-h"]},
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)


def explore(
    context: typer.Context,
    data: options.Data = "names",
    preset: options.Preset = DEFAULT_PRESET,
    changes: options.Changes = None,
    seed: options.Seed = 1,
    unique: options.Unique = False,
    spec: options.Spec = None,
    resume: Annotated[
        str | None, typer.Option(metavar="RUN", help="Go on with a saved run: its name or file.")
    ] = None,
    run_dir: options.RunDirectory = None,
) -> None:
    """Open the explorer. (The default: `makemore-tui` alone does the same.)"""
    open_explorer(options.given(context))


_TRAIN = "makemore-tui train --steps"
for _command, _name, _example in (
    (explore, "explore", "makemore-tui explore --preset lecture --set hidden=100"),
    (train, "train", "makemore-tui train --preset scaled --steps 2000 --json"),
    (saved_run.sample, "sample", f"{_TRAIN} 999 --out a && makemore-tui sample a -n 5"),
    (saved_run.evaluate, "evaluate", f"{_TRAIN} 999 --out b && makemore-tui evaluate b"),
    (find_lr, "find-lr", "makemore-tui find-lr --preset lecture --steps 300"),
    (data, "data", "makemore-tui data names --json"),
    (presets, "presets", "makemore-tui presets"),
    (saved_run.replay, "replay", f"{_TRAIN} 99 --out c && makemore-tui replay c"),
    (saved_run.export, "export", f"{_TRAIN} 99 --out c && makemore-tui export c --as script"),
):
    app.command(_name, epilog=f"Example: {_example}")(_command)
app.add_typer(runs, name="runs")


def run(words: list[str]) -> int:
    """Run a command. Returns its exit code.

    Raises UserError if there is no such command or option, or what it does is refused.
    """
    try:
        code = app(words, prog_name="makemore-tui", standalone_mode=False)
    except typer.TyperException as error:
        message = getattr(error, "format_message", error.__str__)()
        message = " ".join(message.split()).rstrip(".")
        raise UserError(f"{message[:1].lower()}{message[1:]}; --help says what is right") from None
    return code if isinstance(code, int) else 0
