"""What a command prints: one JSON object, or a report for people."""

from collections.abc import Callable
from typing import Any


def show(as_json: bool, record: Any, report: Callable[[Any], None]) -> None:
    """Print a record as JSON, or call `report` with the module of reports, which loads rich."""
    if as_json:
        from makemore_tui.core.runs.record import to_json

        print(to_json(record))
    else:
        from . import reports

        report(reports)
