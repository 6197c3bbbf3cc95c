"""The command: measures section by section and prints each figure as it comes."""

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import asdict
from itertools import chain
from pathlib import Path

from .measure import Row

_SECTIONS = ("step", "quality", "work", "growth", "explorer", "sweep")
_HEADER = ("what", "ours", "baseline", "unit", "ratio", "quartiles")
_LINE = "{:<38} {:>9} {:>9} {:<17} {:>7} {:>13}"


def main(arguments: list[str] | None = None) -> None:
    """Measure, print a table, and write the rows as JSON where a file is named."""
    options = _parser().parse_args(arguments)
    sections = options.only or _SECTIONS
    rows = []
    print(_LINE.format(*_HEADER))
    for row in chain.from_iterable(_section(name, options.quick) for name in sections):
        rows.append(row)
        print(line_of(row), flush=True)
    if options.json:
        report = {"rows": [asdict(row) for row in rows]}
        options.json.write_text(json.dumps(report, indent=2) + "\n")


def line_of(row: Row) -> str:
    """A line of the table; the name stands whole, however long it is."""
    spread = f"{_rounded(row.low)}-{_rounded(row.high)}" if row.ratio else ""
    cells = (_rounded(row.value), _rounded(row.baseline), row.unit, _rounded(row.ratio), spread)
    return _LINE.format(row.name, *cells).rstrip()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the rows to a file")
    parser.add_argument("--quick", action="store_true", help="fewer rounds, rougher figures")
    parser.add_argument(
        "--only",
        action="append",
        choices=_SECTIONS,
        help="a section; may be repeated (default: all)",
    )
    return parser


def _section(name: str, quick: bool) -> Iterator[Row]:
    import torch  # which the help does not wait for

    torch.set_num_threads(1)  # as the program does
    if name in ("explorer", "sweep"):
        return _program_rows(name, quick)
    return _engine_rows(name, quick)


def _engine_rows(name: str, quick: bool) -> Iterator[Row]:
    from makemore_tui.core.datasets.dataset import Dataset

    from . import engine

    effort = engine.QUICK if quick else engine.FULL
    if name == "growth":
        return engine.growth_rows(effort)
    on_names = {"step": engine.step_rows, "quality": engine.quality_rows, "work": engine.work_rows}
    return on_names[name](Dataset.load("names"), effort)


def _program_rows(name: str, quick: bool) -> Iterator[Row]:
    if sys.platform == "win32":
        return iter(())  # there is no pseudo-terminal to run it in
    from .explorer import explorer_rows
    from .sweeping import sweep_rows

    if name == "sweep":
        return sweep_rows(1, 20, 5) if quick else sweep_rows(5, 120, 20)

    return explorer_rows(6, 0.6, 20) if quick else explorer_rows(60, 0.6, 120)


def _rounded(value: float | None) -> str:
    """About three significant figures, without powers of ten."""
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


if __name__ == "__main__":
    main()
