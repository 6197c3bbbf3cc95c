"""The command that compares two settings, or two saved runs, on the same dev items."""

import math
from collections.abc import Iterable
from dataclasses import asdict, replace
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Annotated, Any

import typer
from msgspec import structs

from makemore_tui.core.errors import UserError
from makemore_tui.core.presets import DEFAULT_PRESET
from makemore_tui.core.results import JUDGED
from makemore_tui.core.settings import setting_text

from ..style.text_rows import signed
from . import options
from .process import load_torch
from .reports import new_table, number, print_out, progress, show
from .start import DATA_OPTIONS, refuse, start_of

if TYPE_CHECKING:
    from makemore_tui.core.session.comparison import Comparison
    from makemore_tui.core.session.session import Session
    from makemore_tui.core.session.twins import Twins

# fmt: off
_SetA = Annotated[list[str] | None, typer.Option(
    "--set-a", metavar="NAME=VALUE", help="Change a setting of A only.",
    autocompletion=options.setting_names,
)]
_SetB = Annotated[list[str] | None, typer.Option(
    "--set-b", metavar="NAME=VALUE", help="Change a setting of B only.",
    autocompletion=options.setting_names,
)]
_Seeds = Annotated[int, typer.Option(
    metavar="N", help="Number of pairs to train, each with its own seed.",
    callback=options.within(1, 20),
)]
_SeedB = Annotated[int | None, typer.Option(
    metavar="N", help="Seed of B; default: that of A.",
    callback=options.within(0, options.MAX_SEED),
)]
_Resume = Annotated[list[str] | None, typer.Option(
    metavar="RUN", help="Fork a saved run; given twice, A and B are two saved runs.",
    autocompletion=options.run_names,
)]
# fmt: on


def compare(
    context: typer.Context,
    data: options.Data = "names",
    preset: options.Preset = DEFAULT_PRESET,
    changes: options.Changes = None,
    set_a: _SetA = None,
    set_b: _SetB = None,
    seed: options.Seed = 1,
    seed_b: _SeedB = None,
    seeds: _Seeds = 1,
    steps: options.Steps = None,
    unique: options.Unique = False,
    encoding: options.Encoding = "",
    column: options.Column = "",
    skip_long: options.SkipLong = False,
    resume: _Resume = None,
    spec: options.Spec = None,
    as_json: options.Json = False,
) -> None:
    """Train A and B on the same minibatches, and compare their dev losses item by item."""
    load_torch()
    from makemore_tui.core.session.comparison import compare, pairs_of

    given = options.given(context)
    both = options.wanted(changes, steps)
    sides = [both | options.wanted(words) for words in (set_a, set_b)]
    pairs: Iterable[Twins]
    if resume:
        others = (*DATA_OPTIONS, "--preset", "--seed", "--seed-b", "--seeds", "--spec")
        refuse(given, others, "can't be combined with --resume, because a saved run has its own")
        pairs = [_resumed(resume, sides)]
        planned = pairs[0].a.train_settings.steps
    else:
        a, b = (start_of(given, side) for side in sides)
        pairs = pairs_of(a, replace(b, seed=a.seed if seed_b is None else seed_b), seeds)
        planned = max(a.train.steps, b.train.steps)
    with progress(seeds * planned, as_json) as advance:
        found = compare(pairs, advance, _train_loss)
    show(as_json, _record(found), _print_comparison, found)


def _resumed(names: list[str], sides: list[dict[str, Any]]) -> "Twins":
    """A saved run and its fork, or two saved runs, with the settings that are asked for."""
    from makemore_tui.core.session.session import Session
    from makemore_tui.core.session.twins import Twins

    if len(names) > 2:
        raise UserError(f"--resume names {len(names)} runs; one or two can be compared")
    runs = [Session.load(options.found(Path(name))) for name in names]
    twins = Twins(*runs)
    for session, changes in zip((twins.a, twins.b), sides, strict=True):
        if session.plan(**changes).effect == "restart":
            raise UserError(
                f"{', '.join(changes)} would start a new run instead of continuing {names[-1]}"
            )
        if changes:
            session.edit(**changes)
    return twins


def _train_loss(session: "Session") -> float:
    from .train import evaluated

    return evaluated(session, session.train_settings.train_on).loss


def _record(found: "Comparison") -> dict[str, Any]:
    """The comparison as plain values."""
    difference, over_seeds = found.difference, found.over_seeds
    losses = {
        side: {
            "train": fmean(both[i] for both in found.train),
            "dev": fmean(getattr(pair, side) for pair in found.pairs),
        }
        for i, side in enumerate("ab")
    }
    first = len(found.pairs) - 1  # how far the last pair's seeds are from the first's
    settings = {
        side: asdict(one.model_settings) | asdict(one.train_settings) | {"seed": one.seed - first}
        for side, one in (("a", found.last.a), ("b", found.last.b))
    }
    return {
        **{side: {"settings": settings[side], "losses": losses[side]} for side in "ab"},
        "difference": difference.difference,
        "standard_error": difference.standard_error,
        "unpaired_error": difference.unpaired_error,
        "different": difference.different,
        "sentence": difference.sentence,
        "steps": found.pairs[0].step,
        "seeds": len(found.pairs),
        "interval": [over_seeds.low, over_seeds.high] if over_seeds else None,
        "pairs": [structs.asdict(one) | {"different": one.different} for one in found.pairs],
        "unpaired": found.last.unpaired,
    }


def _print_comparison(found: "Comparison") -> None:
    record = _record(found)
    a, b = record["a"], record["b"]
    table = new_table("A and B", "", "A", "B", "B - A")
    for name, value in a["settings"].items():
        if value != b["settings"][name]:
            texts = (
                str(one) if name == "seed" else setting_text(name, one)
                for one in (value, b["settings"][name])
            )
            table.add_row(name.replace("_", " "), *texts, "")
    for split in ("train", "dev"):
        before, after = a["losses"][split], b["losses"][split]
        table.add_row(f"{split} loss", *map(_loss, (before, after)), _difference(after - before))
    print_out(table, "")
    if found.over_seeds:
        print_out(_seeds_table(found), "")
    print_out(found.difference.sentence)
    if 0 < record["standard_error"] < math.inf:
        wider = f"unpaired, the standard error would be {record['unpaired_error']:.4f}"
        print_out(f"Paired, it is {record['standard_error']:.4f}; {wider}")
    for note in (record["unpaired"], "" if found.over_seeds else JUDGED):
        if note:
            print_out(note)


def _seeds_table(found: "Comparison") -> Any:
    """The dev losses of each seed, and their paired differences."""
    table = new_table("Dev loss by seed", "seed", "A", "B", "B - A", "±")
    first = found.last.a.seed - len(found.pairs) + 1
    for seed, one in enumerate(found.pairs, first):
        cells = _loss(one.a), _loss(one.b), _difference(one.difference)
        table.add_row(str(seed), *cells, f"{one.standard_error:.4f}")
    return table


def _loss(loss: float) -> str:
    return number(loss, 4)


def _difference(nats: float) -> str:
    return signed(nats, 4) if math.isfinite(nats) else "–"
