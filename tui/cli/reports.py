"""What the commands print for people: tables, samples, plots, and a progress bar."""

import math
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
from makemore_tui.core.results import Baseline, Probe, RateSearch, Sample
from makemore_tui.core.runs.catalog import SavedRun
from makemore_tui.core.runs.record import to_json
from makemore_tui.core.settings import model_label
from makemore_tui.core.text import shown

from ..plots.loss_options import SMOOTHINGS, PlotContent
from ..plots.loss_plot import loss_plot
from ..plots.lr_plot import rate_plot
from ..style.colours import DARK
from ..style.text_rows import number

if TYPE_CHECKING:
    from makemore_tui.core.analysis.evaluation import Evaluation
    from makemore_tui.core.results import Probe, RateSearch, Sample
    from makemore_tui.core.runs.catalog import SavedRun
    from makemore_tui.core.session.replay import Replay
    from makemore_tui.core.session.session import Session

_SAMPLES_SHOWN = 10
_MAX_WIDTH, _HEIGHT = 100, 18  # of a plot


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


def _print(*renderables: Any) -> None:
    console = Console(file=sys.stdout)
    for renderable in renderables:
        console.print(renderable)


def _table(title: str, *columns: str, right: bool = True) -> Table:
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
        _print(Text(title, style="bold"), *lines)


def print_training(session: "Session", report: dict[str, Any]) -> None:
    """Print the losses and the speed of a training, some samples, and the losses as a plot."""
    table = _table("Losses, in nats a character", "split", "loss")
    table.add_row("before training", number(report["initial_loss"]))
    table.add_row("train", number(report["train_loss"]))
    table.add_row("dev", Text(number(report["dev_loss"]), style="bold"))
    table.add_row("  items also in train", number(report["dev_loss_seen"]))
    table.add_row("  new items", number(report["dev_loss_unseen"]))
    speed = (
        f"{report['steps']:,} steps in {report['seconds']:.1f} s "
        f"({report['steps_per_second']:,.0f} steps/s), {report['parameters']:,} parameters, "
        f"seed {report['seed']}"
    )
    saved = f"saved to {report['run']}" if report["run"] else "not saved; --out FILE keeps a run"
    _print(table, "", Text(speed), Text(saved, style="dim"), "")
    if not session.diverged:
        print_samples(session.sample(_SAMPLES_SHOWN, seed=session.seed))
    look = PlotContent(baselines=(Baseline("uniform", math.log(session.dataset.vocabulary.size)),))
    curve = session.history.curve(0, 200, None, SMOOTHINGS["light"])
    rows = loss_plot(curve, *_plot_size(), look, DARK)
    _print_plot("Minibatch loss", rows)


def print_replay(done: "Replay") -> None:
    """Print whether a replayed run is identical to the saved one."""
    if done.identical is None:
        _print(f"replayed to step {done.steps:,}; there is nothing saved there to compare it with")
    elif done.identical:
        _print(f"identical, bit for bit, after {done.steps:,} steps")
    else:
        _print(
            f"not identical after {done.steps:,} steps: the largest difference of a parameter is "
            f"{done.largest_difference:.3g}, that of the dev loss {done.loss_difference:.3g} nats"
        )


def print_runs(directory: Path, runs: list[SavedRun]) -> None:
    """Print the saved runs, a line each, and the problems of the damaged ones."""
    if not runs:
        _print(Text(f"no runs in {shown(str(directory))}"))
        return
    table = _table(f"Runs in {shown(str(directory))}", "name", "data", "model", "steps", "dev", "")
    table.columns[0].no_wrap = True  # it may be typed again
    for run in (one for one in runs if one.problem is None):
        when = run.saved.astimezone().strftime("%Y-%m-%d %H:%M")
        loss = number(run.best_dev)
        cells = (shown(run.name), shown(run.dataset), run.model, f"{run.steps:,}", loss, when)
        table.add_row(*map(Text, cells))
    _print(table)
    for run in runs:
        if run.problem is not None:
            _print(Text(shown(f"{run.name}: {run.problem}"), style="dim"))


def print_samples(samples: list[Sample]) -> None:
    """Print samples, each marked as new or as occurring in the data."""
    table = _table("Names", "", "", right=False)
    for one in samples:
        mark = Text("in data", style="dim") if one.seen else Text("new", style="green")
        table.add_row(Text(shown(one.text) or "(empty)"), mark)
    _print(table, "")


def print_rate_search(search: RateSearch) -> None:
    """Print the suggestion of a learning-rate search, and its losses as a plot."""
    table = _table("Learning rates", "", "")
    steps = f"in {search.steps:,} steps, {search.seeds} times"
    table.add_row("tried", f"{search.low:g} to {search.high:g} {steps}")
    rates = {"the loss turns at": search.turns, "it explodes at": search.explodes}
    for name, rate in (rates | {"suggested": search.suggested}).items():
        text = "not in this range" if rate is None else f"{rate:.2g}"
        table.add_row(name, Text(text, style="bold" if name == "suggested" else ""))
    _print(table, Text(search.why, style="dim"), "")
    heading = "Loss over learning rate: mean, lowest and highest of the seeds"
    _print_plot(heading, rate_plot(search, *_plot_size(), DARK))


def print_evaluations(evaluations: "dict[str, Evaluation]", probed: "Probe | None") -> None:
    """Print the losses of some splits, and how likely each character of a word is."""
    table = _table("Loss, in nats a character", "split", "loss", "also in train", "new", "examples")
    for name, found in evaluations.items():
        losses = map(number, (found.loss, found.seen, found.unseen))
        table.add_row(name, *losses, f"{found.num_examples:,}")
    _print(table)
    if probed is None:
        return
    table = _table(probed.text, "character", "probability", "surprisal, nats")
    for one in probed.characters:
        table.add_row(Text(one.label), f"{one.probability:.4f}", number(one.surprisal, 4))
    table.add_row(Text("mean", style="bold"), "", Text(number(probed.mean, 4), style="bold"))
    _print("", table)


def print_datasets(datasets: list[dict[str, Any]]) -> None:
    """Print the stats of datasets, a line each."""
    table = _table("Built-in datasets", "name", "items", "distinct", "characters", "lengths")
    for one in datasets:
        lengths = f"{one['shortest']} to {one['longest']}"
        numbers = (f"{one[key]:,}" for key in ("items", "distinct", "vocabulary"))
        table.add_row(one["name"], *numbers, lengths)
    _print(table)


def print_dataset(one: dict[str, Any]) -> None:
    """Print the stats of one dataset."""
    table = _table(shown(one["name"]), "", "")
    table.add_row("file", Text(shown(one["path"]), overflow="fold"))
    table.add_row("lines", f"{one['items']:,}")
    table.add_row("distinct lines", f"{one['distinct']:,}")
    table.add_row("characters, the boundary counted", f"{one['vocabulary']:,}")
    table.add_row("shortest and longest", f"{one['shortest']} and {one['longest']}")
    for split, examples in one["examples"].items():
        table.add_row(f"{split} examples", f"{examples:,}")
    for split, seen in one["seen"].items():
        table.add_row(f"{split} lines that also stand in train", f"{seen:,}")
    pairs = _table("Commonest bigrams", "pair", "count")
    for pair in one["bigrams"]:
        pairs.add_row(Text(pair["pair"]), f"{pair['count']:,}")
    _print(table, "", pairs)


def print_presets(presets: list[Preset]) -> None:
    """Print the presets, a line each."""
    table = _table("Presets", "name", "what", "model", "training", right=False)
    for preset in presets:
        model, train = preset.model, preset.train
        init = f", {model.init}" if model.is_relevant("hidden") else ""
        training = f"smoothing {train.smoothing:g}"
        if model.model_kind.is_network:
            rate = f"{train.optimizer} {train.learning_rate:g}, {train.schedule}"
            training = f"{rate}, batch {train.batch_size or 'all'}, {train.steps:,} steps"
        name = Text(preset.name, style="bold")
        table.add_row(name, preset.about, model_label(model) + init, training)
    _print(table)
