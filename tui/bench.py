"""The command `bench`: every figure in turn, shown as it comes."""

import sys
from collections.abc import Iterator
from itertools import chain

from rich.console import Console

from makemore_tui.core.bench import engine
from makemore_tui.core.bench.measure import Row
from makemore_tui.core.datasets.dataset import Dataset

SECTIONS = ("step", "quality", "work", "growth", "explorer")


def bench(sections: list[str], quick: bool) -> list[Row]:
    """Measure some sections, telling standard error of progress if it is a terminal."""
    console = Console(stderr=True)
    rows = []
    with console.status("measuring") as status:
        for row in chain.from_iterable(_section(name, quick) for name in sections):
            rows.append(row)
            status.update(f"measured {row.name}")
    return rows


def _section(name: str, quick: bool) -> Iterator[Row]:
    effort = engine.QUICK if quick else engine.FULL
    if name == "growth":
        return engine.growth_rows(effort)
    if name == "explorer":
        return _explorer_rows(quick)
    of_names = {"step": engine.step_rows, "quality": engine.quality_rows, "work": engine.work_rows}
    return of_names[name](Dataset.load("names"), effort)


def _explorer_rows(quick: bool) -> Iterator[Row]:
    if sys.platform == "win32":
        return iter(())  # there is no pseudo-terminal to run it in
    from .terminal_bench import explorer_rows

    return explorer_rows(6, 0.6, 20) if quick else explorer_rows(60, 0.6, 120)
