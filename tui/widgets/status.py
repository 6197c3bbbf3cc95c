"""The line at the top: what is being trained on, and how it goes."""

from rich.segment import Segment
from textual.strip import Strip
from textual.widget import Widget

from makemore_tui.core.results import Saving
from makemore_tui.core.text import shown
from makemore_tui.core.worker.protocol import Snapshot

from ..style.colours import Palette, palette_of

_HUGE = 1_000_000  # parameters, from which on memory limits how far undo goes back
_STATES = {
    "training": ("●", "training", "good"),
    "paused": ("❚❚", "paused", "dev"),
    "finished": ("■", "finished", "batch"),
    "diverged": ("▲", "diverged", "warning"),
}


class StatusBar(Widget):
    """Name, dataset, state, step and speed in one line."""

    DEFAULT_CSS = """
    StatusBar { height: 1; background: $panel; }
    """

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self._snapshot: Snapshot | None = None
        self._waiting_for = ""

    def wait_for(self, what: str) -> None:
        """Show what the explorer waits for; "" when it no longer waits."""
        self._waiting_for = what
        self.refresh()

    def show(self, snapshot: Snapshot) -> None:
        """Show a snapshot."""
        self._snapshot, self._waiting_for = snapshot, ""
        self.refresh()

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        right = self._right(width)
        room = max(0, width - Segment.get_line_length(right))
        used = Strip(self._left(room)).adjust_cell_length(room)
        return Strip([*used, *right]).adjust_cell_length(width).apply_style(self.rich_style)

    @property
    def _palette(self) -> Palette:
        return palette_of(self.app)

    def _left(self, room: int) -> list[Segment]:
        """The program, the data and the run, as far as there is room: each whole or not at all."""
        title = Segment(" makemore-tui  ", self._palette.style("batch", bold=True))
        facts, run, problem = self._facts(), self._run(), self._problem()
        ways = [[*facts[:most], *run] for most in (3, 2, 1)]
        ways += [[*facts[:most], *problem] for most in (2, 1, 0)]
        lines = [*([title, *self._joined(way)] for way in ways), problem]
        return next((line for line in lines if Segment.get_line_length(line) <= room), [])

    def _facts(self) -> list[Segment]:
        """What is learnt from, the most telling first."""
        if self._snapshot is None:
            return []
        data, dim = self._snapshot.dataset, self._palette.style("dim")
        facts = (data.name, f"{data.items:,} items", f"{data.characters} characters")
        return [Segment(fact, dim) for fact in facts]

    def _run(self) -> list[Segment]:
        """What the run is called, or that it couldn't be saved."""
        name = shown(self._saving.name) if self._saving else ""
        return self._problem() or ([Segment(name, self._palette.style("dim"))] if name else [])

    def _problem(self) -> list[Segment]:
        """That the run couldn't be saved, if so."""
        if self._saving is None or not self._saving.problem:
            return []
        return [Segment("▲ not saved", self._palette.style("warning", bold=True))]

    @property
    def _saving(self) -> Saving | None:
        return self._snapshot.saving if self._snapshot else None

    def _joined(self, parts: list[Segment]) -> list[Segment]:
        """Parts with dots between them."""
        dot = Segment(" · ", self._palette.style("dim"))
        return [piece for part in parts for piece in (dot, part)][1:]

    def _right(self, width: int) -> list[Segment]:
        """The state, the step and more, as far as there is room; the step is never cut."""
        palette, snapshot = self._palette, self._snapshot
        if self._waiting_for or snapshot is None:
            return [Segment(f"  {self._waiting_for or 'starting'} ", palette.style("dev"))]
        sign, word, colour = _STATES[snapshot.state]
        speed = f"{snapshot.steps_per_second:,.0f}/s  " if snapshot.steps_per_second else ""
        levels = f"{snapshot.undo_levels} undo levels  " if snapshot.parameters >= _HUGE else ""
        state, step = palette.style(colour, bold=True), palette.style("text", bold=True)
        whole = [
            Segment(f"  {sign} {word}  ", state),
            Segment(f"step {snapshot.step:,}  ", step),
            Segment(f"{speed}{levels}seed {snapshot.seed} ", palette.style("dim")),
        ]
        number = Segment(f"{snapshot.step:,}", step)
        short = [Segment(f" {sign} {word} ", state), number]
        ways = (whole, whole[:2], short, [Segment(f"{sign} ", state), number])
        return next((way for way in ways if Segment.get_line_length(way) <= width), [number])
