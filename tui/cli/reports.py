"""What the commands print for people: tables, samples, plots, and a progress bar."""

import math
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn
from rich.segment import Segment, Segments
from rich.table import Table
from rich.text import Text

from makemore_tui.core.presets import Preset
from makemore_tui.core.results import (
    Baseline,
    ContextCoverage,
    DatasetStats,
    Probe,
    RateSearch,
    Regularization,
    Sample,
)
from makemore_tui.core.runs.directory import runs_directory
from makemore_tui.core.runs.header import run_name
from makemore_tui.core.runs.record import to_json
from makemore_tui.core.settings import model_label
from makemore_tui.core.text import exact_text, label, shown

from ..plots.loss_options import SMOOTHINGS, PlotContent
from ..plots.loss_plot import loss_plot
from ..plots.lr_plot import rate_plot
from ..plots.split_details import coverage_rows, regularization_rows
from ..style.cells import cell_len
from ..style.colours import DARK
from ..style.text_rows import number
from ..widgets.runs_rows import COLUMNS, RunEntry, columns_for

if TYPE_CHECKING:
    from makemore_tui.core.analysis.evaluation import Evaluation
    from makemore_tui.core.session.replay import Replay
    from makemore_tui.core.session.session import Session

_SPLIT_COLUMNS = ("split", "loss", "also in train", "new", "examples")
_SAMPLES_SHOWN = 10
_MAX_WIDTH, _HEIGHT = 100, 18  # of a plot
_PIPE_WIDTH = 1000  # no line of a table is broken in a pipe or a file


def show(as_json: bool, record: Any, report: Callable[..., None], *values: Any) -> None:
    """Print a record as JSON, or call a report with some values."""
    if as_json:
        print(to_json(record))
    else:
        report(*values)


@contextmanager
def progress(steps: int, quiet: bool) -> Iterator[Callable[[int, Any], None]]:
    """A progress bar with loss, steps/s and time left; none if quiet, or without a terminal.

    Yields a function that takes the present step, and the losses since the last call.
    """
    console = Console(stderr=True)
    numbers = "loss {task.fields[loss]} {task.fields[rate]}/s"
    columns = ("training", BarColumn(), MofNCompleteColumn(), numbers, TimeRemainingColumn())
    is_off = quiet or not console.is_terminal
    with Progress(*columns, console=console, transient=True, disable=is_off) as bar:
        task = bar.add_task("training", total=steps, loss="–", rate="–")

        def advance(step: int, losses: Any) -> None:
            if len(losses) and not is_off:
                speed = bar.tasks[0].speed
                rate = f"{speed:,.0f}" if speed else "–"
                bar.update(task, completed=step, loss=f"{float(losses.mean()):.3f}", rate=rate)

        yield advance


def to_terminal() -> bool:
    """True if standard output is a terminal; it may be closed."""
    return sys.stdout is not None and sys.stdout.isatty()


def _console() -> Console:
    is_free = not to_terminal() and "COLUMNS" not in os.environ
    return Console(file=sys.stdout, width=_PIPE_WIDTH if is_free else None)


def print_out(*renderables: Any) -> None:
    console = _console()
    for renderable in renderables:
        console.print(renderable)


def new_table(title: str, *columns: str, right: bool = True) -> Table:
    table = Table(
        title=Text(title), title_justify="left", title_style="bold", box=None, pad_edge=False
    )
    for i, column in enumerate(columns):
        table.add_column(column, justify="right" if i and right else "left", header_style="dim")
    table.show_header = any(columns)
    return table


def _plot_size() -> tuple[int, int]:
    return min(_MAX_WIDTH, Console(file=sys.stdout).width), _HEIGHT


def _print_plot(title: str, rows: list[list[Segment]]) -> None:
    """Print the rows of a plot, if there was room for any."""
    if rows:
        lines = (Segments([*row, Segment("\n")]) if row else "" for row in rows)
        print_out(Text(title, style="bold"), *lines)


def print_training(session: "Session", report: dict[str, Any]) -> None:
    """Print the losses and the speed of a training, some samples, and the losses as a plot."""
    table = new_table("Losses, in nats per character", "split", "loss")
    table.add_row("before training", number(report["initial_loss"]))
    share = report["train_share"]
    train = "train" if share == 1 else f"train, {share:.0%} of it"
    table.add_row(train, number(report["train_loss"]))
    table.add_row("dev", Text(number(report["dev_loss"]), style="bold"))
    table.add_row("  items also in train", number(report["dev_loss_seen"]))
    table.add_row("  new items", number(report["dev_loss_unseen"]))
    speed = (
        f"{report['steps']:,} steps in {report['seconds']:.1f} s "
        f"({report['steps_per_second']:,.0f} steps/s), {report['parameters']:,} parameters, "
        f"seed {report['seed']}"
    )
    print_out(table, "", Text(speed), Text(_kept(report["run"]), style="dim", overflow="fold"), "")
    _print_note(session)
    if session.diverged_at is None:
        print_samples(session.sample(_SAMPLES_SHOWN, seed=session.seed))
    look = PlotContent(baselines=(Baseline("uniform", math.log(session.dataset.vocabulary.size)),))
    curve = session.history.curve(0, 200, None, SMOOTHINGS["light"])
    rows = loss_plot(curve, *_plot_size(), look, DARK)
    _print_plot("Minibatch loss", rows)


def _kept(run: str | None) -> str:
    """Where a run was saved, and what can be done with it."""
    if run is None:
        return "not saved"
    path = Path(run)
    name = shown(run_name(path) if path.parent == runs_directory() else run)
    return f"saved to {shown(run)} · makemore-tui --resume {name} opens it"


def print_replay(done: "Replay") -> None:
    """Print whether a replayed run is identical to the saved one."""
    if done.identical is None:
        print_out(f"replayed to step {done.steps:,}; nothing is saved at that step to compare with")
    elif done.identical:
        print_out(f"identical, bit for bit, after {done.steps:,} steps")
    else:
        print_out(
            f"not identical after {done.steps:,} steps: the largest difference of a parameter is "
            f"{done.largest_difference:.3g}, that of the dev loss {done.loss_difference:.3g} nats"
        )


def print_lessons(records: list[dict[str, Any]]) -> None:
    """A line for each lesson, with its number."""
    table = new_table("Lessons", "", "name", "title", "done", right=False)
    for place, one in enumerate(records, 1):
        steps = f"{one['done']} of {one['steps']}"
        table.add_row(str(place), one["name"], one["title"], steps)
    print_out(table)


def print_runs(directory: Path, runs: list[RunEntry], filters: str, sort: str) -> None:
    """Print saved runs, a line each, and the problems of the damaged ones.

    A narrow terminal has the columns that it has room for, and is told of the others.
    """
    place = shown(str(directory))
    if not runs:
        found = f"no run in {place} matches {filters!r}" if filters else f"no runs in {place}"
        print_out(Text(found))
        return
    table = new_table(f"Runs in {place}")
    name_width = max(cell_len(run.name) for run in runs)
    columns = [COLUMNS["name"], *columns_for(_console().width - name_width, sort, gap=2)]
    for column in columns:
        justify = "right" if column.is_right else "left"
        table.add_column(column.name, justify=justify, header_style="dim")
    table.show_header = True
    table.columns[0].no_wrap = True  # it may be typed again
    for run in (one for one in runs if one.problem is None):
        table.add_row(*(Text(column.text(run)) for column in columns))
    print_out(table)
    if hidden := [name for name, column in COLUMNS.items() if column not in columns]:
        print_out(Text(f"columns hidden: {', '.join(hidden)}; --json shows all", style="dim"))
    for run in runs:
        if run.problem is not None:
            print_out(Text(f"{run.name}: {run.problem}", style="dim"))


def print_names(samples: list[Sample]) -> None:
    """Print samples as a table on a terminal; elsewhere their bare texts, one a line."""
    if to_terminal():
        print_samples(samples)
    else:
        print("\n".join(one.text for one in samples))


def print_samples(samples: list[Sample]) -> None:
    """Print samples, each marked as new or as occurring in the data."""
    table = new_table("Names", "", "", right=False)
    for one in samples:
        mark = Text("in data", style="dim") if one.seen else Text("new", style="green")
        table.add_row(Text(shown(one.text) or "(empty)"), mark)
    print_out(table, "")


def print_rate_search(search: RateSearch) -> None:
    """Print the suggestion of a learning-rate search, and its losses as a plot."""
    table = new_table("Learning rates", "", "")
    steps = f"in {search.steps:,} steps, {search.seeds} times"
    table.add_row("tried", f"{search.low:g} to {search.high:g} {steps}")
    rates = {"the loss turns at": search.turns, "the loss explodes at": search.explodes}
    for name, rate in (rates | {"suggested": search.suggested}).items():
        text = "not in this range" if rate is None else f"{rate:.2g}"
        table.add_row(name, Text(text, style="bold" if name == "suggested" else ""))
    print_out(table, Text(search.why, style="dim"), "")
    heading = "Loss over learning rate: mean, lowest and highest of the seeds"
    _print_plot(heading, rate_plot(search, *_plot_size(), DARK))


def _evaluations(evaluations: "dict[str, Evaluation]") -> list[Any]:
    """The losses of some splits as a table, of a mixture with its parts and its weight below."""
    table, weight = new_table("Loss, in nats per character", *_SPLIT_COLUMNS), None
    for name, found in evaluations.items():
        rows = {name: found}
        if found.parts is not None:
            rows |= {"  network": found.parts.network, "  counts": found.parts.counts}
            weight = f"network mixed with counts, whose weight is {found.parts.weight:.3f}"
        for row, one in rows.items():
            losses = map(number, (one.loss, one.seen, one.unseen))
            table.add_row(row, *losses, f"{one.num_examples:,}")
    return [table] if weight is None else [table, Text(weight, style="dim")]


def print_evaluations(
    evaluations: "dict[str, Evaluation]",
    words: list[Probe],
    coverage: ContextCoverage | None,
    penalty: Regularization | None,
    session: "Session",
) -> None:
    """Print the losses of some splits, how likely each character of some words is, and what the
    losses come from."""
    print_out(*_evaluations(evaluations))
    _print_note(session)
    if coverage is not None:
        _print_plot("\nContexts", coverage_rows(coverage, "this model", DARK))
    if penalty is not None:
        train = evaluations["train"].loss if "train" in evaluations else None
        _print_plot("\nWeight decay", regularization_rows(penalty, train, DARK))
    for word in words:
        table = new_table(shown(word.text), "character", "probability", "surprisal, nats")
        for one in word.characters:
            table.add_row(Text(one.label), f"{one.probability:.4f}", number(one.surprisal, 4))
        table.add_row(Text("mean", style="bold"), "", Text(number(word.mean, 4), style="bold"))
        print_out("", table)
    if len(words) > 1:
        mean, characters = number(mean_surprisal(words), 4), sum(len(w.characters) for w in words)
        print_out(
            "", Text(f"mean of all {characters:,} characters of the {len(words)} words: {mean}")
        )


def _print_note(session: "Session") -> None:
    """Print what there is to tell of how the counts that predict were smoothed."""
    from makemore_tui.core.models.kneser_ney import clamped_note

    if note := clamped_note(session.mixing.model().clamped_orders):
        print_out(Text(note, style="dim"), "")


def mean_surprisal(words: list[Probe]) -> float:
    """The mean surprisal of all characters of some words, their ends counted, in nats."""
    surprisals = [one.surprisal for word in words for one in word.characters]
    return sum(surprisals) / len(surprisals)


def print_datasets(datasets: list[DatasetStats]) -> None:
    """Print the stats of datasets, a line each."""
    table = new_table("Built-in datasets", "name", "items", "distinct", "characters", "lengths")
    for one in datasets:
        lengths = f"{one.shortest} to {one.longest}"
        numbers = (f"{number:,}" for number in (one.items, one.distinct, one.vocabulary))
        table.add_row(one.name, *numbers, lengths)
    print_out(table)


def print_dataset(one: DatasetStats) -> None:
    """Print the stats of one dataset."""
    table = new_table(shown(one.name), "", "")
    table.add_row("file", Text(shown(one.path), overflow="fold"))
    table.add_row("lines", f"{one.items:,}")
    table.add_row("distinct lines", f"{one.distinct:,}")
    table.add_row("characters, with the boundary", f"{one.vocabulary:,}")
    table.add_row("shortest and longest", f"{one.shortest} and {one.longest}")
    for split, examples in one.examples.items():
        table.add_row(f"{split} examples", f"{examples:,}")
    for split, seen in one.seen.items():
        table.add_row(f"{split} items also in train", f"{seen:,}")
    notes = [Text(note) for note in one.notes]
    items = (Text(shown(item), no_wrap=True, overflow="ellipsis") for item in one.first)
    pairs = new_table("", "pair", "count", "  pair", "count")
    for both in zip(one.bigrams, one.rarest, strict=True):
        cells = ("".join(map(label, pair.pair)) for pair in both)
        counts = (f"{pair.count:,}" for pair in both)
        pairs.add_row(*(Text(cell) for each in zip(cells, counts, strict=True) for cell in each))
    print_out(table, *notes, "", Text("First items", style="bold"), *items)
    print_out("", Text("Most and least frequent bigrams", style="bold"), pairs)


def print_settings(settings: dict[str, dict[str, Any]]) -> None:
    """Print the settings, a line each."""
    table = new_table("Settings", "name", "default", "values", "meaning", right=False)
    table.columns[0].no_wrap = True  # it may be typed
    for name, one in settings.items():
        cells = (exact_text(one["default"]), one["allowed"], one["about"])
        table.add_row(Text(name, style="bold"), *cells)
    print_out(table, "", Text("Set one with --set NAME=VALUE, such as --set hidden=300", "dim"))


def print_presets(presets: list[Preset]) -> None:
    """Print the presets, a line each."""
    table = new_table("Presets", "name", "what", "model", "training", right=False)
    for preset in presets:
        model, train = preset.model, preset.train
        init = f", {model.init}" if model.is_relevant("hidden") else ""
        training = f"smoothing {train.smoothing:g}"
        if model.model_kind.is_network:
            rate = f"{train.optimizer} {train.learning_rate:g}, {train.schedule}"
            training = f"{rate}, batch {train.batch_size or 'all'}, {train.steps:,} steps"
        name = Text(preset.name, style="bold")
        table.add_row(name, preset.about, model_label(model) + init, training)
    print_out(table)
