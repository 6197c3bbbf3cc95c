"""The line at the top: what is being trained on, and how it goes."""

from rich.segment import Segment
from textual.strip import Strip
from textual.widget import Widget

from makemore_tui.core.results import Pair
from makemore_tui.core.text import shown
from makemore_tui.core.worker.protocol import Snapshot

from ..plots.twins_plot import short_sentence
from ..style.colours import Palette, palette_of
from ..style.text_rows import number

_HUGE = 1_000_000  # parameters, from which on memory limits how far undo goes back
_STATES = {
    "training": ("●", "training", "good"),
    "paused": ("❚❚", "paused", "dev"),
    "finished": ("■", "finished", "batch"),
    "diverged": ("▲", "diverged", "warning"),
}


class StatusBar(Widget):
    """Name, dataset, state, step and speed in one line."""

    DEFAULT_CSS = "StatusBar { height: 1; background: $panel; }"
    _snapshot: Snapshot | None = None
    _waiting_for = ""

    def wait_for(self, what: str) -> None:
        """Show what the explorer waits for; "" when it no longer waits."""
        self._waiting_for = what
        self.refresh()

    def show(self, snapshot: Snapshot) -> None:
        """Show a snapshot."""
        self._snapshot = snapshot
        self.wait_for("")

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        right = self._right(width)
        room = max(0, width - Segment.get_line_length(right))
        used = Strip(self._left(room)).adjust_cell_length(room)
        return Strip([*used, *right]).adjust_cell_length(width).apply_style(self.rich_style)

    def _left(self, room: int) -> list[Segment]:
        """The program, the data and the run, as far as there is room: each whole or not at all."""
        palette, facts, run, problem = palette_of(self.app), [], [], []
        title, dim = palette.style("batch", bold=True), palette.style("dim")
        if self._snapshot is not None:
            data, saving = self._snapshot.dataset, self._snapshot.saving
            texts = (shown(data.name), f"{data.items:,} items", f"{data.characters} characters")
            facts = [Segment(text, dim) for text in texts]
            if saving and saving.problem:
                run = problem = [Segment("▲ not saved", palette.style("warning", bold=True))]
            elif saving and saving.name:
                run = [Segment(shown(saving.name), dim)]
        ways = [[*facts[:most], *run] for most in (3, 2, 1)]
        ways += [[*facts[:most], *problem] for most in (2, 1, 0)]
        if self._snapshot is not None and (pair := self._snapshot.pair) is not None:
            ways, problem = _pair_ways(pair, facts[:1], problem, palette)
        dot = Segment(" · ", dim)
        joined = ([piece for part in way for piece in (dot, part)][1:] for way in ways)
        lines = [*([Segment(" makemore-tui  ", title), *way] for way in joined), problem]
        return next((line for line in lines if Segment.get_line_length(line) <= room), [])

    def _right(self, width: int) -> list[Segment]:
        """The state, the step and more, as far as there is room; the step is never cut."""
        palette, snapshot = palette_of(self.app), self._snapshot
        if self._waiting_for or snapshot is None:
            return [Segment(f"  {self._waiting_for or 'starting'} ", palette.style("dev"))]
        sign, word, colour = _STATES[snapshot.state]
        speed = f"{snapshot.steps_per_second:,.0f}/s  " if snapshot.steps_per_second else ""
        speed += f"limit {snapshot.speed_limit:,}/s  " if snapshot.speed_limit else ""
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


def _pair_ways(
    pair: Pair, data: list[Segment], problem: list[Segment], palette: Palette
) -> tuple[list[list[Segment]], list[Segment]]:
    """What to say of a pair, the most first, and what in the least room: the dev losses of both,
    with a sign before the chosen one, and what can be said of their difference."""
    sides = []
    for side, facts, colour in (("a", pair.a, "batch"), ("b", pair.b, "dev")):
        sign = "▸" if side == pair.side else " "
        dev = number(facts.splits.dev if facts.splits else None)
        at = f" at {facts.step:,}" if pair.a.step != pair.b.step else ""
        style = palette.style(colour, bold=side == pair.side)
        sides.append(Segment(f"{sign}{side.upper()} {dev}{at}", style))
    both = [*sides, *problem]
    if (found := pair.difference) is None:
        return [[*data, *both], both], [*both[:2]]
    text = palette.style("text")
    said = Segment(found.sentence, text), Segment(short_sentence(found), text)
    ways = [[*data, *both, said[0]], [*both, said[0]], [*data, *both, said[1]], [*both, said[1]]]
    return [*ways, both], both
