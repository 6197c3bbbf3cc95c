"""The command line."""

import os
import sys
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from msgspec import structs
from msgspec.structs import replace

from makemore_tui.core.constants import MAX_SEED
from makemore_tui.core.errors import UserError
from makemore_tui.core.presets import DEFAULT_PRESET, PRESETS, preset_named
from makemore_tui.core.settings import changed, parse_changes
from makemore_tui.core.worker.protocol import Start

from . import runs as run_commands
from . import streams
from .export import export
from .interrupt import EXIT_CODE, load_torch
from .options import (
    DataOption,
    DirectoryOption,
    JsonOption,
    PresetOption,
    RunArgument,
    SeedOption,
    SetOption,
    StateOption,
    UniqueOption,
    beginning,
)
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


@app.command(epilog="Example: makemore-tui explore --preset lecture --set hidden=100")
def explore(
    context: typer.Context,
    data: DataOption = "names",
    preset: PresetOption = DEFAULT_PRESET,
    changes: SetOption = None,
    seed: SeedOption = 1,
    unique: UniqueOption = False,
    state: StateOption = None,
    resume: Annotated[
        str | None, typer.Option(metavar="RUN", help="Go on with a saved run: its name or file.")
    ] = None,
    run_dir: DirectoryOption = None,
) -> None:
    """Open the explorer. (The default: `makemore-tui` alone does the same.)"""
    spec = beginning(context, state, data, unique, preset, seed)
    model, train = changed(spec.model, spec.train, parse_changes(changes or []))
    streams.check_terminal()
    # A frame may come sooner after a key's answer than Textual's sixtieth of a second.
    os.environ.setdefault("TEXTUAL_FPS", "120")
    runs, saved = run_commands.kept(context, run_dir, resume)
    from ..app import run_explorer

    start = Start(spec.dataset, spec.unique, model, train, spec.seed, runs=runs, resume=saved)
    run_explorer(replace(start, paused=saved is not None))


app.command(epilog="Example: makemore-tui train --preset scaled --steps 2000 --json")(train)


@app.command(epilog="Example: makemore-tui train --steps 999 --out a && makemore-tui sample a -n 5")
def sample(
    run: RunArgument,
    n: Annotated[int, typer.Option("-n", help="How many.")] = 20,
    temperature: Annotated[
        float, typer.Option(help="Above 1 wilder, below 1 tamer, 0 the likeliest.")
    ] = 1.0,
    prefix: Annotated[str, typer.Option(help="What each begins with.")] = "",
    seed: Annotated[int, typer.Option(min=0, max=MAX_SEED)] = 1,
    new_only: Annotated[bool, typer.Option(help="Leave out what stands in the data.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Make names with a saved run."""
    load_torch()
    import torch

    from makemore_tui.core.analysis import sampling

    saved = _load(run)
    samples = sampling.sample(
        saved.model,
        saved.dataset,
        n,
        torch.Generator().manual_seed(seed),
        temperature,
        prefix,
        new_only=new_only,
    )
    if as_json:
        _print_json({"samples": [{"text": one.text, "seen": one.seen} for one in samples]})
    else:
        from . import reports

        reports.print_samples(samples)


@app.command(epilog="Example: makemore-tui train --steps 999 --out b && makemore-tui evaluate b")
def evaluate(
    run: RunArgument,
    split: Annotated[str, typer.Option(help="train, dev, test or all (each of them).")] = "all",
    word: Annotated[str | None, typer.Option(help="Show each character's surprisal.")] = None,
    as_json: JsonOption = False,
) -> None:
    """The losses of a saved run, test among them, and how likely it holds a word."""
    load_torch()
    from makemore_tui.core.analysis.evaluation import evaluate as evaluate_split
    from makemore_tui.core.analysis.evaluation import word_surprisal
    from makemore_tui.core.constants import SPLITS

    saved = _load(run)
    saved.dataset.split(split)  # refuses what is none
    surprisal = (
        word_surprisal(saved.model, saved.dataset.vocabulary, word) if word is not None else None
    )
    wanted = (*SPLITS, "all") if split == "all" else (split,)
    evaluations = {name: evaluate_split(saved.model, saved.tables, name) for name in wanted}
    if as_json:
        answer: dict[str, Any] = {name: found.loss for name, found in evaluations.items()}
        if surprisal:
            answer["word"] = {
                "characters": surprisal.characters,
                "probabilities": surprisal.probabilities,
                "surprises": surprisal.surprisals,
                "mean": surprisal.mean,
            }
        _print_json(answer)
    else:
        from . import reports

        reports.print_evaluations(evaluations)
        if surprisal:
            reports.print_surprisal(surprisal)


@app.command("find-lr", epilog="Example: makemore-tui find-lr --preset lecture --steps 300")
def find_lr(
    data: DataOption = "names",
    preset: PresetOption = DEFAULT_PRESET,
    changes: SetOption = None,
    seed: SeedOption = 1,
    low: Annotated[float | None, typer.Option(help="Where to begin; for SGD, 0.001.")] = None,
    high: Annotated[float | None, typer.Option(help="Where to end; for SGD, 1.")] = None,
    steps: Annotated[int, typer.Option(help="How many, for each of three seeds.")] = 1000,
    unique: UniqueOption = False,
    as_json: JsonOption = False,
) -> None:
    """Find a learning rate: train a new model at a rising rate, and see where the loss turns."""
    load_torch()
    from makemore_tui.core.analysis.lr_finder import LearningRateFinder
    from makemore_tui.core.datasets.dataset import Dataset
    from makemore_tui.core.session.session import Session

    from .progress import progress

    chosen = preset_named(preset)
    settings = changed(chosen.model, chosen.train, parse_changes(changes or []))
    session = Session(Dataset.load(data, unique), *settings, seed=seed)
    finder = LearningRateFinder(session, low, high, steps)
    with progress(steps, as_json) as advance:
        while finder.advance():
            advance(finder.done, finder.latest)
    if as_json:
        _print_json(structs.asdict(finder.result()))
    else:
        from . import reports

        reports.print_rate_search(finder.result())


@app.command(epilog="Example: makemore-tui data names --json")
def data(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME|FILE]", help="A built-in dataset or a file.")
    ] = None,
    unique: UniqueOption = False,
    as_json: JsonOption = False,
) -> None:
    """List the built-in datasets, or show one."""
    load_torch()
    from makemore_tui.core.constants import BUILT_IN_DATASETS
    from makemore_tui.core.datasets.dataset import Dataset
    from makemore_tui.core.datasets.stats import dataset_stats

    names = [name] if name else list(BUILT_IN_DATASETS)
    overviews = [dataset_stats(Dataset.load(one, unique)) for one in names]
    if as_json:
        _print_json(overviews[0] if name else {"datasets": overviews})
    else:
        from . import reports

        (reports.print_dataset if name else reports.print_datasets)(*overviews)


@app.command(epilog="Example: makemore-tui presets")
def presets(as_json: JsonOption = False) -> None:
    """The presets, with their settings."""
    from . import reports

    if as_json:
        _print_json({preset.name: reports.settings_of(preset) for preset in PRESETS.values()})
    else:
        reports.print_presets(list(PRESETS.values()))


app.command(epilog="Example: makemore-tui train --steps 99 --out c && makemore-tui replay c")(
    run_commands.replay
)
app.add_typer(run_commands.runs, name="runs")


_EXPORT_EXAMPLE = "makemore-tui train --steps 99 --out c && makemore-tui export c --as script"
app.command(epilog=f"Example: {_EXPORT_EXAMPLE}")(export)


def main() -> NoReturn:
    """Run the command line; bad input ends it with a sentence and exit code 2, ctrl+c with 130."""
    words = sys.argv[1:]
    if not words or (words[0].startswith("-") and words[0] not in ("--help", "-h")):
        words = ["explore", *words]
    streams.make_tolerant()
    try:
        code = _run(words)
    except UserError as error:
        print(f"makemore-tui: {error}", file=sys.stderr)
        sys.exit(2)
    except BrokenPipeError:
        streams.forget_output()  # which nobody reads
        sys.exit(1)
    except OSError as error:
        streams.forget_output()
        where = "the output can't be written" if error.filename is None else error.filename
        print(f"makemore-tui: {where}: {error.strerror}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(EXIT_CODE)
    sys.exit(code)


def _run(words: list[str]) -> int:
    """Run a command; its exit code."""
    try:
        code = app(words, prog_name="makemore-tui", standalone_mode=False)
    except typer.TyperException as error:
        message = getattr(error, "format_message", error.__str__)()
        message = " ".join(message.split()).rstrip(".")
        raise UserError(f"{message[:1].lower()}{message[1:]}; --help says what is right") from None
    finally:
        streams.flush()
    return code if isinstance(code, int) else 0


def _load(run: Path):
    from makemore_tui.core.runs import checkpoint
    from makemore_tui.core.session.session import Session

    return Session.from_state(checkpoint.read(run, partial=True))


def _print_json(value: Any) -> None:
    from makemore_tui.core.runs.record import to_json

    print(to_json(value))
