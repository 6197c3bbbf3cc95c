"""Previous and saved runs as rows of a list."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from textwrap import wrap
from typing import TYPE_CHECKING

from rich.cells import cell_len, set_cell_size

from makemore_tui.core.settings import settings_label
from makemore_tui.core.text import shown
from makemore_tui.core.worker.protocol import OpenRun, ReturnTo, Snapshot

from ..plots.ticks import tick_label
from ..style.colours import Palette
from ..style.text_rows import Row, number, row

if TYPE_CHECKING:
    from makemore_tui.core.runs.catalog import SavedRun

_STEPS, _DEV = 6, 7  # cells of the steps and of the dev loss
_FIGURES = _STEPS + _DEV
_WIDE = 80  # cells from which the settings have room in a run's own line
_NAME_WIDTH = 28  # at least, in such a line
_SIZES = "MLP: context, embedding, hidden"


@dataclass(frozen=True)
class RunEntry:
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

    @property
    def is_saved(self) -> bool:
        """True for a run on disk that is no previous run of this session."""
        return isinstance(self.request, OpenRun)


def run_entries(snapshot: Snapshot, saved: "Sequence[SavedRun]") -> list[RunEntry]:
    """The previous runs, the newest first, and the saved ones that are not among them."""
    count = len(snapshot.previous)
    previous = [
        RunEntry(
            key=run.id,
            name=run.name.partition(" → ")[0],  # what follows is the dev loss
            steps=run.steps,
            dev=run.best_dev,
            settings=settings_label(run.model, run.train, run.seed),
            request=ReturnTo(count - 1 - i),
        )
        for i, run in enumerate(reversed(snapshot.previous))
    ]
    present = snapshot.saving.folder if snapshot.saving else ""
    listed = {run.folder for run in snapshot.previous} | {present}
    return previous + [_saved_entry(run) for run in saved if str(run.path) not in listed]


def _saved_entry(run: "SavedRun") -> RunEntry:
    settings = f"{shown(run.dataset)}, saved {_ago(run.saved)}, {run.settings}"
    return RunEntry(
        key=str(run.path),
        name=shown(run.name),
        steps=run.steps,
        dev=run.best_dev,
        settings=shown(run.problem) if run.problem else settings,
        request=OpenRun(str(run.path)),
        problem=run.problem,
    )


def runs_rows(
    entries: Sequence[RunEntry], cursor: int, width: int, height: int, palette: Palette
) -> tuple[list[Row], dict[int, int]]:
    """The list in `height` rows of `width` cells around the cursor, which is an index of an entry;
    and of each row that shows an entry, which."""
    dim = palette.style("dim")
    brief = [] if width >= _WIDE else wrap(_brief(entries[cursor], width), max(1, width))
    brief = brief[: max(0, height - 4)]
    lines: list[tuple[int | None, Row]] = []
    for i, entry in enumerate(entries):
        if entry.is_saved and not any(one.is_saved for one in entries[:i]):
            lines.append((None, row((_fitted("  saved", width), dim))))
        lines.append((i, _line(entry, i == cursor, width, palette)))
    chosen = next(line for line, (i, _) in enumerate(lines) if i == cursor)
    room = max(1, height - 1 - len(brief))
    top = max(0, min(chosen - room // 2, len(lines) - room))
    visible = lines[top : top + room]
    blank: list[Row] = [[]] * (room > len(visible) and bool(brief))
    below = [row((line, dim)) for line in brief]
    places = {line: i for line, (i, _) in enumerate(visible, start=1) if i is not None}
    return [_header(width, palette), *(line for _, line in visible), *blank, *below], places


def _brief(entry: RunEntry, width: int) -> str:
    """An entry's settings, and its name if that has no room in its line."""
    text = entry.settings
    if cell_len(entry.name) > _name_width(width):
        text = f"{entry.name}: {text}"
    return f"{text} ({_SIZES})" if "MLP" in text else text


def _header(width: int, palette: Palette) -> Row:
    name = _fitted("what differed", _name_width(width))
    settings = f"  settings ({_SIZES})" if width >= _WIDE else ""
    return row((f"  {name}{'steps':>{_STEPS}}{'dev':>{_DEV}}{settings}", palette.style("dim")))


def _line(entry: RunEntry, is_chosen: bool, width: int, palette: Palette) -> Row:
    text, dim = palette.style("text", bold=is_chosen), palette.style("dim")
    name, name_width = entry.name, _name_width(width)
    if entry.is_saved and cell_len(name) > name_width > 8:
        # What tells saved runs apart is mostly the time, which is at the end.
        name = f"{name[: name_width // 3]}…{name[-(name_width - name_width // 3 - 1) :]}"
    room = width - 2 - name_width - _FIGURES - 2
    return row(
        ("› " if is_chosen else "  ", palette.style("cursor", bold=True)),
        (_fitted(name, name_width), text),
        (f"{tick_label(entry.steps):>{_STEPS}}", dim),
        (f"{number(entry.dev):>{_DEV}}", palette.style("dev", is_chosen)),
        (f"  {_fitted(entry.settings, room)}" if width >= _WIDE else "", dim),
    )


def _name_width(width: int) -> int:
    return max(_NAME_WIDTH, width // 3) if width >= _WIDE else max(1, width - 2 - _FIGURES)


def _ago(when: datetime) -> str:
    """How long ago something was, roughly, so that the words seldom change."""
    minutes = (datetime.now(UTC) - when).total_seconds() / 60
    if minutes < 1:
        return "just now"
    for size, word in ((60 * 24, "d"), (60, "h"), (1, "min")):
        if minutes >= size:
            return f"{minutes // size:.0f} {word} ago"
    return ""


def _fitted(text: str, width: int) -> str:
    """A text in exactly so many cells."""
    return (
        set_cell_size(text, width)
        if cell_len(text) <= width
        else (set_cell_size(text, width - 1) + "…")
    )
