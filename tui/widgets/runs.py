"""The open run, previous runs and saved ones: sorted, filtered, opened, deleted."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.binding import Binding
from textual.events import Click

from makemore_tui.core.errors import UserError
from makemore_tui.core.results import PreviousRun, SideFacts
from makemore_tui.core.text import shown
from makemore_tui.core.worker.protocol import Fork, OpenRun, PinRun, ReturnTo, Snapshot

from .. import messages as say
from ..keymap import bindings_of, key_labels
from ..style.text_rows import Row, paragraph
from .panel import Panel, next_of
from .panel_title import label_border
from .runs_rows import (
    COLUMNS,
    ListLayout,
    RunEntry,
    matching,
    ordered,
    runs_rows,
    saved_entry,
    with_sides,
)
from .saved_runs import SavedRuns
from .text_input import FilterLine

if TYPE_CHECKING:
    from makemore_tui.core.runs.catalog import SavedRun


class RunsPanel(Panel):
    """The open run, those that a restart or a return has replaced, and those on disk."""

    DEFAULT_CSS = "RunsPanel:focus-within { border: round $primary; }"
    BINDINGS = [  # noqa: RUF012
        *bindings_of("runs"),
        Binding("enter", "open", "open", show=False),
    ]
    ID = "runs"

    def __init__(self):
        super().__init__()
        self.cursor = 0
        self.sort = "when"
        self.saved = SavedRuns(self.relayout)
        self._filter: FilterLine | None = None  # made when first needed, so that the start is fast
        self._known: set[int] = set()  # the ids of the previous runs
        self._entries: list[RunEntry] = []
        self._places: dict[int, int] = {}  # of a row of the panel, the run that is there

    def compose(self) -> ComposeResult:
        yield self.saved

    def action_move(self, down: int, right: int) -> None:
        """Move the cursor to another run."""
        self.cursor = max(0, min(self.cursor + down, len(self._entries) - 1))
        self.relayout()

    def action_open(self) -> None:
        """Go on with the run under the cursor."""
        for entry in self._entries[self.cursor : self.cursor + 1]:
            if refusal := entry.problem or _refusal(entry, key_labels(self.app)):
                self.post_message(self.Said(refusal, is_warning=True))
            else:
                is_previous = entry.place == "previous"
                request = ReturnTo(entry.position) if is_previous else OpenRun(entry.path)
                self.ask(request)

    def action_sort(self) -> None:
        """Sort by the next column."""
        self.sort = next_of(self.sort, list(COLUMNS))
        self.relayout()

    async def action_filter(self) -> None:
        """Let the keys type words that the runs must have."""
        if self._filter is None:
            hint = "name, dataset or hidden=200"
            self._filter = FilterLine(self, self.relayout, hint)
            await self.mount(self._filter)
        self._filter.open()

    def action_delete(self) -> None:
        """Delete the run under the cursor; of a deleted one, bring it back."""
        for entry in self._entries[self.cursor : self.cursor + 1]:
            try:
                said = self.Said(_delete(entry, self.saved, key_labels(self.app)))
            except UserError as error:
                said = self.Said(str(error), is_warning=True)
            self.post_message(said)
            self.relayout()

    def action_pin(self) -> None:
        """Pin the previous run under the cursor, or unpin it."""
        for entry in self._entries[self.cursor : self.cursor + 1]:
            if entry.place == "previous":
                self.ask(PinRun(entry.position))
            else:
                self.post_message(self.Said(say.NOT_PINNED.format(key=key_labels(self.app))))

    def action_compare(self, from_start: bool = False) -> None:
        """Train the run under the cursor beside the open one: both from where they stand, or both
        from step 0. Of the open one, a fork."""
        for entry in self._entries[self.cursor : self.cursor + 1]:
            refusal = entry.problem or _refusal(entry, key_labels(self.app))
            if refusal and entry.place != "open":
                self.post_message(self.Said(refusal, is_warning=True))
                return
            previous = entry.position if entry.place == "previous" else None
            folder = entry.path if entry.place == "saved" else ""
            self.ask(Fork(previous, folder, from_start))

    def action_plot(self) -> None:
        """Hide the previous run under the cursor on the loss plot, or show it again; draw the saved
        one there, or no longer."""
        refusals = {"open": say.OPEN_ON_PLOT, "deleted": say.DELETED_NOT_ON_PLOT}
        for entry in self._entries[self.cursor : self.cursor + 1]:
            if refusal := entry.problem or refusals.get(entry.place):
                self.post_message(self.Said(refusal, is_warning=True))
            else:
                self.post_message(self.Plotted(entry.key))

    def on_click(self, event: Click) -> None:
        """Choose the run under the mouse; on the one that is chosen, open it."""
        offset = event.get_content_offset(self)
        place = self._places.get(offset.y) if offset is not None else None
        if place == self.cursor:
            self.action_open()
        elif place is not None:
            self.action_move(place - self.cursor, 0)

    def rows(self, snapshot: Snapshot, width: int, height: int) -> list[Row]:
        self.saved.saving = snapshot.saving
        self.saved.read()
        known, self._known = self._known, {run.id for run in snapshot.previous}
        if self._known - known:
            self._entries, self.cursor = [], 0
        before = self._entries
        everything = _all_entries(snapshot, self.saved)
        line = self._filter
        wanted, is_typing = (line.value, self.screen.focused is line) if line else ("", False)
        self._entries = entries = ordered(matching(everything, wanted), self.sort)
        label_border(self, subtitle=_keys_here(self.sort, is_typing, width, key_labels(self.app)))
        above: list[Row] = [[]] if line and line.display else []  # the line that is typed into
        if not entries:
            words = f"No run matches {wanted!r} · esc to show all"
            return [*above, *paragraph(words, width, self.palette)]
        self.cursor = _cursor(entries, before, self.cursor)
        layout = ListLayout(self.cursor, self.sort, width, height - len(above), self.palette)
        rows, places = runs_rows(entries, layout)
        self._places = {line + len(above): i for line, i in places.items()}
        hint = paragraph(_hint(key_labels(self.app)), width, self.palette)
        return [*above, *rows, *(hint if len(everything) == 1 else ())]


def _cursor(entries: list[RunEntry], before: list[RunEntry], cursor: int) -> int:
    """Where the cursor stands in a list that may have changed: on its run; if that is gone, on the
    newest of those that can be opened."""
    keys, keys_before = ([entry.key for entry in some] for some in (entries, before))
    if keys == keys_before:
        return cursor
    key = keys_before[cursor] if cursor < len(keys_before) else None
    if key in keys and not (len(keys_before) == 1 and key == "open"):
        return keys.index(key)
    return next((i for i, entry in enumerate(entries) if entry.place != "open"), 0)


def _refusal(entry: RunEntry, labels: Mapping[str, str]) -> str:
    """Why a run can't be opened; "" if it can be."""
    refusals = {
        "open": say.RUN_IS_OPEN,
        "deleted": say.RUN_IS_DELETED.format(name=entry.name, key=labels),
    }
    return refusals.get(entry.place, "")


def _delete(entry: RunEntry, saved: SavedRuns, labels: Mapping[str, str]) -> str:
    """Delete a run, or bring it back; what was done. Raises UserError if it can't be done."""
    if entry.place == "open":
        return say.OPEN_NOT_DELETED
    if entry.place == "deleted":
        saved.bring_back(entry.path)
        return say.BROUGHT_BACK.format(name=entry.name)
    if saved.delete(entry.path):
        return say.DELETED.format(name=entry.name, key=labels)
    return say.NO_FILE_TO_DELETE


def _keys_here(sort: str, is_typing: bool, width: int, labels: Mapping[str, str]) -> str:
    """The keys that work in the panel, as many as there is room for."""
    if is_typing:
        return "enter apply · esc show all"
    names = ("runs-sort", "runs-filter", "runs-compare", "runs-delete")
    sorts, filters, compare, delete = (labels[name] for name in names)
    keys = f"enter open · {sorts} sort: {sort} · {filters} filter · {compare} compare"
    keys = f"{keys} · {delete} delete"
    while len(keys) > width and " · " in keys:
        keys = keys.rpartition(" · ")[0]
    return keys


def _hint(labels: Mapping[str, str]) -> str:
    """What leaves a run to return to."""
    keys = ", ".join(labels[id] for id in ("restart", "new-seed", "model"))
    return f"No other runs yet · a restart, a new seed or another model ({keys}) keeps this one"


def _all_entries(snapshot: Snapshot, saved: SavedRuns) -> list[RunEntry]:
    """The open run, the previous ones, and the saved ones that are not among them."""
    entries = _open_entries(snapshot, saved.runs)
    for i, run in enumerate(snapshot.previous):
        entries.append(_previous_entry(i, run, snapshot.dataset.name))
    listed = {entry.path for entry in entries}
    on_disk = with_sides([saved_entry(run) for run in saved.runs])
    entries += [one for one in on_disk if one.path not in listed]
    return entries + [saved_entry(run, "deleted") for run, _ in saved.deleted.values()]


def _open_entries(now: Snapshot, saved: "Sequence[SavedRun]") -> list[RunEntry]:
    """The open run; or A and B of a pair, of which B's file is known once A's names it."""
    path = now.saving.folder if now.saving else ""
    name = now.saving.name if now.saving and path else "this run"
    in_file = next((run for run in saved if str(run.path) == path), None)
    a = RunEntry("open", shown(name), "open", path, shown(now.dataset.name))
    if now.pair is None:
        return [_with_facts(a, now, now.test_peeks, in_file)]
    twin = next((run for run in saved if in_file and run.name == in_file.twin), None)
    b = a._replace(key="open B", name=shown(twin.name) if twin else "not saved yet")
    b = b._replace(path=str(twin.path) if twin else "", side="B", twin=a.name)
    a = a._replace(side="A", twin=b.name)
    peeks = [run.test_peeks if run else 0 for run in (in_file, twin)]
    peeks["ab".index(now.pair.side)] = now.test_peeks
    found = ((a, now.pair.a, peeks[0], in_file), (b, now.pair.b, peeks[1], twin))
    return [_with_facts(*one) for one in found]


def _with_facts(
    entry: RunEntry, run: Snapshot | SideFacts, peeks: int, in_file: "SavedRun | None"
) -> RunEntry:
    """An open run with its settings, steps and best dev loss, of counts the newest."""
    losses = [run.splits and run.splits.predicted_dev, in_file and in_file.best_dev]
    known = [loss for loss in losses if loss is not None]
    best = min(known, default=None)
    if not run.model.model_kind.is_network:  # an edit makes another table of counts
        best = known[0] if known else None
    return entry._replace(
        model=run.model, train=run.train, seed=run.seed, steps=run.step, dev=best, peeks=peeks
    )


def _previous_entry(index: int, run: PreviousRun, dataset: str) -> RunEntry:
    return RunEntry(
        run.id, run.settings, "previous", run.folder, shown(dataset), run.model, run.train,
        run.seed, run.steps, run.best_dev, run.test_peeks, position=index, is_pinned=run.is_pinned,
    )  # fmt: skip
