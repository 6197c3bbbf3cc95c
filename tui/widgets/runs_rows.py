"""Previous and saved runs as rows of a list."""

from collections.abc import Sequence
from datetime import UTC, datetime
from textwrap import wrap
from typing import TYPE_CHECKING, NamedTuple

from rich.cells import cell_len

from makemore_tui.core.settings import settings_label
from makemore_tui.core.text import shown
from makemore_tui.core.worker.protocol import OpenRun, ReturnTo, Snapshot

from ..plots.ticks import tick_label
from ..style.colours import Palette
from ..style.text_rows import Row, fitted, number, row

if TYPE_CHECKING:
    from makemore_tui.core.runs.catalog import SavedRun

_STEPS, _DEV = 6, 7  # cells of the steps and of the dev loss
_WIDE = 80  # cells from which the settings have room in a run's own line
_MIN_NAME_WIDTH = 28  # in such a line
_SIZES = "MLP: context, embedding, hidden"


class RunEntry(NamedTuple):
    """A run of the list.

    key: by which it is known again: the id of a previous run, the path of a saved one.
    settings: and what else there is to say of it. dev: the best dev loss, in nats.
    request: opens it. problem: why it can't be opened.
    """

    key: int | str
    name: str
    steps: int
    dev: float | None
    settings: str
    request: ReturnTo | OpenRun
    problem: str | None = None


def run_entries(snapshot: Snapshot, saved: "Sequence[SavedRun]") -> list[RunEntry]:
    """The previous runs, the newest first, and the saved ones that are not among them."""
    entries = []
    for i, run in reversed(list(enumerate(snapshot.previous))):
        name = run.name.partition(" → ")[0]  # what follows is the dev loss
        settings = settings_label(run.model, run.train, run.seed)
        entries.append(RunEntry(run.id, name, run.steps, run.best_dev, settings, ReturnTo(i)))
    listed = {run.folder for run in snapshot.previous}
    if snapshot.saving:
        listed.add(snapshot.saving.folder)
    for run in saved:
        if (path := str(run.path)) in listed:
            continue
        about = run.problem or f"{run.dataset}, saved {_ago(run.saved)}, {run.settings}"
        name, dev, request = shown(run.name), run.best_dev, OpenRun(path)
        entries.append(RunEntry(path, name, run.steps, dev, shown(about), request, run.problem))
    return entries


def _ago(when: datetime) -> str:
    """How long ago something was, roughly, so that the words seldom change."""
    minutes = (datetime.now(UTC) - when).total_seconds() / 60
    for size, word in ((60 * 24, "d"), (60, "h"), (1, "min")):
        if minutes >= size:
            return f"{minutes // size:.0f} {word} ago"
    return "just now"


def runs_rows(
    entries: Sequence[RunEntry], cursor: int, width: int, height: int, palette: Palette
) -> tuple[list[Row], dict[int, int]]:
    """The list in `height` rows of `width` cells around the cursor, which is an index of an entry;
    and of each row that shows an entry, which."""
    dim, is_wide = palette.style("dim"), width >= _WIDE
    figures = _STEPS + _DEV
    name_width = max(_MIN_NAME_WIDTH, width // 3) if is_wide else max(1, width - 2 - figures)
    below = [] if is_wide else _about(entries[cursor], name_width, width)[: max(0, height - 4)]
    lines: list[tuple[int | None, Row]] = []
    saved = (i for i, entry in enumerate(entries) if isinstance(entry.request, OpenRun))
    first_saved = next(saved, None)
    for i, entry in enumerate(entries):
        if i == first_saved:
            lines.append((None, row((fitted("  saved", width), dim))))
        lines.append((i, _line(entry, i == cursor, name_width, width, palette)))
    chosen = [i for i, _ in lines].index(cursor)
    room = max(1, height - 1 - len(below))
    top = max(0, min(chosen - room // 2, len(lines) - room))
    visible = lines[top : top + room]
    blank: list[Row] = [[]] * (room > len(visible) and bool(below))
    settings = f"  settings ({_SIZES})" if is_wide else ""
    header = f"  {fitted('what differed', name_width)}{'steps':>{_STEPS}}{'dev':>{_DEV}}{settings}"
    places = {line: i for line, (i, _) in enumerate(visible, start=1) if i is not None}
    rows = [line for _, line in visible]
    return [row((header, dim)), *rows, *blank, *(row((line, dim)) for line in below)], places


def _about(entry: RunEntry, name_width: int, width: int) -> list[str]:
    """An entry's settings in lines, and its name if that has no room in its own line."""
    name = f"{entry.name}: " if cell_len(entry.name) > name_width else ""
    sizes = f" ({_SIZES})" if "MLP" in name + entry.settings else ""
    return wrap(f"{name}{entry.settings}{sizes}", max(1, width))


def _line(entry: RunEntry, is_chosen: bool, name_width: int, width: int, palette: Palette) -> Row:
    name, dim = entry.name, palette.style("dim")
    if isinstance(entry.request, OpenRun) and cell_len(name) > name_width > 8:
        # What tells saved runs apart is mostly the time, which is at the end.
        name = f"{name[: name_width // 3]}…{name[-(name_width - name_width // 3 - 1) :]}"
    settings = fitted(entry.settings, width - name_width - _STEPS - _DEV - 4)
    return row(
        ("› " if is_chosen else "  ", palette.style("cursor", bold=True)),
        (fitted(name, name_width), palette.style("text", bold=is_chosen)),
        (f"{tick_label(entry.steps):>{_STEPS}}", dim),
        (f"{number(entry.dev):>{_DEV}}", palette.style("dev", is_chosen)),
        (f"  {settings}" if width >= _WIDE else "", dim),
    )
