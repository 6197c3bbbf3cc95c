"""The line at the top: what is being trained on, and how it goes."""

from rich.segment import Segment
from textual.strip import Strip
from textual.widget import Widget

from makemore_tui.core.messages import Saving, Snapshot
from makemore_tui.core.plain_text import shown

from ..palette import Palette, palette_of

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
        left, width = self._left(), self.size.width
        right = self._right(width)
        room = width - sum(segment.cell_length for segment in right)
        used = Strip(left).adjust_cell_length(max(0, room))
        return Strip([*used, *right]).adjust_cell_length(width).apply_style(self.rich_style)

    @property
    def _palette(self) -> Palette:
        return palette_of(self.app)

    def _left(self) -> list[Segment]:
        parts = [Segment(" makemore-tui  ", self._palette.style("batch", bold=True))]
        if self._snapshot:
            data = self._snapshot.dataset
            facts = f"{data.name} · {data.items:,} items · {data.characters} characters"
            parts.append(Segment(facts, self._palette.style("dim")))
            parts.extend(self._saved(self._snapshot.saving))
        return parts

    def _saved(self, saving: Saving | None) -> list[Segment]:
        """Where the run is kept, or that it couldn't be saved."""
        if saving is None:
            return []
        if saving.problem:
            return [Segment(" · ▲ not saved", self._palette.style("warning", bold=True))]
        name = shown(saving.name)
        return [Segment(f" · {name}", self._palette.style("dim"))] if name else []

    def _right(self, width: int) -> list[Segment]:
        """The state, the step and more, as far as there is room; the step is never cut."""
        palette, snapshot = self._palette, self._snapshot
        if self._waiting_for or snapshot is None:
            return [Segment(f"{self._waiting_for or 'starting'} ", palette.style("dev"))]
        sign, word, colour = _STATES[snapshot.state]
        speed = f"{snapshot.steps_per_second:,.0f}/s  " if snapshot.steps_per_second else ""
        state, step = palette.style(colour, bold=True), palette.style("text", bold=True)
        whole = [
            Segment(f"  {sign} {word}  ", state),
            Segment(f"step {snapshot.step:,}  ", step),
            Segment(f"{speed}seed {snapshot.seed} ", palette.style("dim")),
        ]
        number = Segment(f"{snapshot.step:,}", step)
        short = [Segment(f" {sign} {word} ", state), number]
        ways = (whole, whole[:2], short, [Segment(f"{sign} ", state), number])
        return next((way for way in ways if Segment.get_line_length(way) <= width), [number])
