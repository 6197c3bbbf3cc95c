"""A list of runs: its columns, how it is sorted and filtered, and the rows of the panel."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from makemore_tui.core.settings import ModelSettings, TrainSettings, model_label, settings_label
from makemore_tui.core.text import shown

from ..plots.filtering import has_all
from ..plots.ticks import tick_label
from ..style.cells import cell_len, set_cell_size
from ..style.colours import Palette
from ..style.text_rows import Row, end_of, fitted, number, row, wrapped

if TYPE_CHECKING:
    from makemore_tui.core.runs.catalog import SavedRun

_SIZES = "MLP: context, embedding, hidden"
_MIN_NAME_WIDTH, _MAX_NAME_SHARE = 20, 0.3  # cells and share of the width that names need


class RunEntry(NamedTuple):
    """A run of a list.

    key: by which it is known again: the id of a previous run, the path of a saved one.
    place: the run that is open, one to return to, one on disk, or one just deleted.
    path: where it is saved; "" if it is not. saved: when; None for one that is not read from disk.
    dev: the lowest dev loss, in nats. peeks: how often its test split was evaluated.
    problem: why it can't be opened; there are no settings then.
    position: of a previous run, among those of the session. is_pinned: listed first, and kept.
    side: which of a pair it is, if it was trained as one of two; twin: the name of the other.
    """

    key: int | str
    name: str
    place: Literal["open", "previous", "saved", "deleted"]
    path: str = ""
    dataset: str = ""
    model: ModelSettings | None = None
    train: TrainSettings | None = None
    seed: int = 1
    steps: int = 0
    dev: float | None = None
    peeks: int = 0
    saved: datetime | None = None
    problem: str | None = None
    position: int = 0
    is_pinned: bool = False
    side: Literal["", "A", "B"] = ""
    twin: str = ""

    @property
    def label(self) -> str:
        """Its name, after which of a pair it is."""
        return f"{self.side} · {self.name}" if self.side else self.name

    @property
    def settings(self) -> str:
        """Its settings in short; "" if they could not be read."""
        if self.model is None or self.train is None:
            return ""
        return settings_label(self.model, self.train, self.seed)

    @property
    def when(self) -> str:
        """When it was saved, or where it is."""
        if self.place == "open":
            return "open now"
        if self.place == "deleted":
            return "deleted"
        if self.is_pinned:
            return "pinned"
        return ago(self.saved) if self.saved else "this session"

    @property
    def about(self) -> str:
        """What there is to say of it besides the columns that are always shown."""
        if self.problem is not None:
            return self.problem
        states = {"open": "open now", "deleted": "deleted · delete again to bring it back"}
        state = states.get(self.place) or (f"saved {self.when}" if self.saved else "")
        state = state or "pinned" * self.is_pinned
        peeks = f"test evaluated {self.peeks}×" if self.peeks else ""
        dataset = self.dataset if self.saved else ""
        pair = f"{self.side} of a pair with {self.twin}" if self.side else ""
        return ", ".join(filter(None, (pair, dataset, state, self.settings, peeks)))


def saved_entry(run: "SavedRun", place: Literal["saved", "deleted"] = "saved") -> RunEntry:
    """A saved run as an entry."""
    return RunEntry(
        str(run.path), shown(run.name), place, str(run.path), shown(run.dataset),
        run.model_settings, run.train_settings, run.seed, run.steps, run.best_dev, run.test_peeks,
        run.saved, run.problem and shown(run.problem), twin=shown(run.twin),
    )  # fmt: skip


def with_sides(entries: Sequence[RunEntry]) -> list[RunEntry]:
    """Saved runs with those of pairs marked: A, which opens both, and B; unless either is gone."""
    names = {one.name for one in entries}
    a_of = {one.twin: one.name for one in entries if one.twin in names}
    marked = []
    for one in entries:
        if one.name in a_of:
            one = one._replace(side="B", twin=a_of[one.name])
        elif one.twin in names:
            one = one._replace(side="A")
        marked.append(one)
    return marked


class Column(NamedTuple):
    """A column of a list of runs.

    text: of an entry that can be read. order: what it is sorted by, the smallest first.
    width: in cells. is_right: True for numbers. rank: the lowest are shown where room is scarce.
    """

    name: str
    text: Callable[[RunEntry], str]
    order: Callable[[RunEntry], Any]
    width: int
    is_right: bool
    rank: int


def _of_model(entry: RunEntry) -> str:
    return model_label(entry.model) if entry.model else ""


def _of_training(name: str, as_text: Callable[[Any], str]) -> Callable[[RunEntry], str]:
    """The text of a setting of the training; "–" where it does not matter to the model."""

    def text(entry: RunEntry) -> str:
        is_used = entry.model is not None and entry.model.model_kind.is_network
        return as_text(getattr(entry.train, name)) if is_used else "–"

    return text


def _setting(name: str) -> Callable[[RunEntry], Any]:
    return lambda entry: getattr(entry.train, name)


def _age(entry: RunEntry) -> tuple[int, float]:
    """The open run first, then previous runs, the newest first, then those on disk."""
    if entry.saved is not None:
        return 2, -entry.saved.timestamp()
    return ("open", "previous").index(entry.place), -entry.position


# As `runs --sort` names them.
COLUMNS = {
    one.name: one
    for one in (
        Column("name", lambda one: one.name, lambda one: one.name.lower(), 0, False, 0),
        Column("data", lambda one: one.dataset, lambda one: one.dataset.lower(), 9, False, 8),
        Column("model", _of_model, _of_model, 15, False, 3),
        Column("lr", _of_training("learning_rate", "{:.4g}".format),
               _setting("learning_rate"), 6, True, 2),
        Column("batch", _of_training("batch_size", lambda n: f"{n:,}" if n else "all"),
               _setting("batch_size"), 6, True, 5),
        Column("optimizer", _of_training("optimizer", str), _setting("optimizer"), 9, False, 6),
        Column("steps", lambda one: tick_label(one.steps), lambda one: -one.steps, 5, True, 0),
        Column("dev", lambda one: number(one.dev),
               lambda one: float("inf") if one.dev is None else one.dev, 6, True, 0),
        Column("test peeks", lambda one: str(one.peeks), lambda one: -one.peeks, 10, True, 7),
        Column("when", lambda one: one.when, _age, 12, False, 4),
    )
}  # fmt: skip


def ordered(entries: Sequence[RunEntry], sort: str) -> list[RunEntry]:
    """Entries sorted by a column, pinned ones first, those that can't be read last."""
    order = COLUMNS[sort].order
    readable = sorted((one for one in entries if one.problem is None), key=_age)
    unreadable = [one for one in entries if one.problem is not None]
    return sorted(readable, key=lambda one: (not one.is_pinned, order(one))) + unreadable


def matching(entries: Sequence[RunEntry], words: str) -> list[RunEntry]:
    """The entries that have all of some words in a column or in their settings; a word such as
    hidden=200 names a setting and its whole value."""
    return [one for one in entries if has_all(words, _text(one), _settings(one))]


def _text(entry: RunEntry) -> str:
    return f"{entry.name} {entry.dataset} {entry.settings}"


def _settings(entry: RunEntry) -> dict[str, Any]:
    """The settings of a run and its seed; of one that can't be read, none."""
    return vars(entry.model) | vars(entry.train) | {"seed": entry.seed} if entry.model else {}


def ago(when: datetime) -> str:
    """How long ago something was, roughly, so that the words seldom change."""
    minutes = (datetime.now(UTC) - when).total_seconds() / 60
    for size, word in ((60 * 24, "d"), (60, "h"), (1, "min")):
        if minutes >= size:
            return f"{minutes // size:.0f} {word} ago"
    return "just now"


class ListLayout(NamedTuple):
    """How a list is laid out: the cursor is an index of its entries."""

    cursor: int
    sort: str
    width: int
    height: int
    palette: Palette


def runs_rows(entries: Sequence[RunEntry], layout: ListLayout) -> tuple[list[Row], dict[int, int]]:
    """The list in `height` rows of `width` cells around the cursor; and of each row that shows an
    entry, which."""
    width, height, palette = layout.width, layout.height, layout.palette
    dim = palette.style("dim")
    longest = max(cell_len(entry.label) for entry in entries)
    named = max(_MIN_NAME_WIDTH, min(longest, int(_MAX_NAME_SHARE * width)))
    columns = columns_for(width - 2 - named, layout.sort)
    name_width = max(1, width - 2 - sum(one.width + 1 for one in columns))
    below = _about(entries[layout.cursor], name_width, width)[: max(0, height - 4)]
    lines: list[int | None] = []  # of each line the run; None above those that are saved
    is_divided = layout.sort == "when"
    for i, entry in enumerate(entries):
        is_saved = entry.place in ("saved", "deleted")
        if is_divided and is_saved and (i == 0 or entries[i - 1].place in ("open", "previous")):
            lines.append(None)
        lines.append(i)
    chosen = lines.index(layout.cursor)
    room = max(1, height - 1 - len(below))
    top = max(0, min(chosen - room // 2, len(lines) - room))
    visible = lines[top : top + room]
    blank: list[Row] = [[]] * (room > len(visible) and bool(below))
    places = {line: i for line, i in enumerate(visible, start=1) if i is not None}
    header = row(("  ", dim), *_header(name_width, columns, layout))
    rows = [
        row((fitted("  saved", width), dim))
        if i is None
        else _line(entries[i], i == layout.cursor, name_width, columns, palette)
        for i in visible
    ]
    return [header, *rows, *blank, *(row((line, dim)) for line in below)], places


def columns_for(room: int, sort: str, gap: int = 1) -> list[Column]:
    """The columns besides the name that fit into so many cells, in their order, each with a gap.

    Steps and dev loss always do; the column that the list is sorted by comes next.
    """
    chosen = [COLUMNS["steps"], COLUMNS["dev"]]
    others = [one for one in COLUMNS.values() if one.rank]
    for one in sorted(others, key=lambda one: (one.name != sort, one.rank)):
        if sum(each.width + gap for each in [*chosen, one]) > room:
            break
        chosen.append(one)
    return [one for one in COLUMNS.values() if one in chosen]


def _header(name_width: int, columns: Sequence[Column], layout: ListLayout) -> list:
    """The names of the columns; that of the one the list is sorted by stands out."""
    names = [("name", fitted("name", name_width)), *((one.name, _cell(one)) for one in columns)]
    plain, bold = layout.palette.style("dim"), layout.palette.style("text", bold=True)
    return [(text, bold if name == layout.sort != "when" else plain) for name, text in names]


def _cell(column: Column, text: str | None = None) -> str:
    """A column's cell with the space before it; of the heading, if there is no text."""
    text = column.name if text is None else text
    if column.is_right:
        text = f"{' ' * (column.width - cell_len(text))}{text}"
    return f" {fitted(text, column.width)}"


def _about(entry: RunEntry, name_width: int, width: int) -> list[str]:
    """What there is to say of an entry in lines, and its name if that is cut in its own line."""
    name = f"{entry.name}: " if cell_len(entry.label) > name_width else ""
    sizes = f" ({_SIZES})" if "MLP" in name + entry.about else ""
    return wrapped(f"{name}{entry.about}{sizes}", max(1, width))


def _line(
    entry: RunEntry, is_chosen: bool, name_width: int, columns: Sequence[Column], palette: Palette
) -> Row:
    name, dim = entry.label, palette.style("dim")
    has_time = entry.place in ("saved", "deleted") or bool(entry.side)
    if has_time and cell_len(name) > name_width > 8:
        # What tells saved runs apart is mostly the time, which is at the end.
        begin = set_cell_size(name, name_width // 3)
        name = begin + end_of(name, name_width - name_width // 3)
    mark = "›" if is_chosen else "●" if entry.place == "open" else " "
    is_gone = entry.place == "deleted" or entry.problem is not None
    cells = [
        (_cell(one, "" if entry.problem else one.text(entry)),
         palette.style("dev", is_chosen) if one.name == "dev" and not is_gone else dim)
        for one in columns
    ]  # fmt: skip
    return row(
        (f"{mark} ", palette.style("cursor", bold=True)),
        (fitted(name, name_width), dim if is_gone else palette.style("text", bold=is_chosen)),
        *cells,
    )
