"""What the terminal shows of a sweep: while it runs, and what it has found."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from makemore_tui.core.settings import short_label
from makemore_tui.core.sweep.messages import Snapshot, Trial

from ..plots.sweep_rows import headline
from ..style.text_rows import column, number
from .reports import new_table, print_out

_REFRESHES = 4  # a second
_LEADERS, _LEADERS_WATCHED = 10, 3
_BAR_CELLS = 20


@contextmanager
def watching(quiet: bool) -> Iterator[Callable[[Snapshot], None]]:
    """A view of a sweep that is redrawn in place; none if quiet, or without a terminal.

    Yields a function that takes the newest snapshot.
    """
    console = Console(stderr=True)
    if quiet or not console.is_terminal:
        yield lambda _: None
        return
    with Live(console=console, transient=True, refresh_per_second=_REFRESHES) as live:
        yield lambda snapshot: live.update(_view(snapshot))


def print_sweep(snapshot: Snapshot) -> None:
    """Print the best trials of a sweep, and what mattered."""
    print_out(_headline(snapshot))
    if leaders := snapshot.leaders[:_LEADERS]:
        print_out(_table("Best trials", leaders, "run"))
    if len(snapshot.importances) > 1:
        shares = sorted(snapshot.importances.items(), key=lambda one: -one[1])
        named = (f"{name.replace('_', ' ')} {share:.0%}" for name, share in shares)
        print_out(Text(f"What mattered: {', '.join(named)}"))


def sparkline(values: Sequence[float], cells: int = _BAR_CELLS) -> str:
    """The newest values as bars, the highest of them full."""
    shown = list(values)[-cells:]
    if not shown:
        return ""
    low, high = min(shown), max(shown)
    return "".join(column((value - low) / ((high - low) or 1)) for value in shown)


def _view(snapshot: Snapshot) -> Group:
    running = [row for row in snapshot.rows if row.state == "running"]
    parts: list[Text | Table] = [_headline(snapshot)]
    if leaders := snapshot.leaders[:_LEADERS_WATCHED]:
        parts.append(_table("Best so far", leaders))
    if running:
        parts.append(_table("Running", running, "curve"))
    return Group(*parts)


def _headline(snapshot: Snapshot) -> Text:
    return Text.assemble((snapshot.study, "bold"), " · ", headline(snapshot))


def _table(title: str, rows: Sequence[Trial], last: str = "") -> Table:
    table = new_table(title, "trial", "dev", "steps", "settings", *([last] if last else ()))
    for one in table.columns[3:]:
        one.justify = "left"
    for row in rows:
        steps = f"{row.steps:,}" if row.steps >= row.planned else f"{row.steps:,}/{row.planned:,}"
        dev = number(row.value) if row.value is not None else "–"
        cells = [str(row.number), dev, steps, short_label(row.settings)]
        if last == "run":
            cells.append(row.run)
        elif last:
            newest = f"{row.losses[-1][1]:.3f} " if row.losses else ""
            cells.append(newest + sparkline([loss for _, loss in row.losses]))
        table.add_row(*map(Text, cells))
    return table
