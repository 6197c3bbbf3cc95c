"""What may follow a text, and how the model reads it."""

import math

from rich.cells import cell_len, set_cell_size
from rich.style import Style
from textual.app import ComposeResult
from textual.binding import Binding
from textual.message import Message

from makemore_tui.core.results import Candidate, Probe, ProbedCharacter, Unavailable
from makemore_tui.core.worker.protocol import ProbeView, Snapshot

from ..style.bars import bar, column
from ..style.colours import ink_on
from ..style.text_rows import Row, number, row, wrapped
from .panel import Panel
from .text_input import Line

_FULL_SURPRISE = 6.0  # nats, at which the scale ends
_COLUMN = 26  # cells, at the least, for a bar with its number


class ProbePanel(Panel):
    """A text of one's own: what may follow it, and as a word, the surprisal of each character.

    Of the character at the text's cursor, or of the most surprising one when that is at the end,
    the likeliest others are told.
    """

    DEFAULT_CSS = """
    ProbePanel:focus-within { border: round $primary; }
    ProbePanel > Input, ProbePanel > Input:focus { height: 1; padding: 0; background: transparent; }
    """

    class TextChanged(Message):
        """Another text is to be probed."""

    def __init__(self, **kwargs):
        super().__init__("Probe", **kwargs)
        self._input = EncodedText(placeholder="the empty text", compact=True, select_on_focus=False)
        self._probe: Probe | Unavailable | None = None

    def compose(self) -> ComposeResult:
        yield self._input

    def on_mount(self) -> None:
        self._say_how_to_type()

    def _say_how_to_type(self) -> None:
        self.border_subtitle = f"{self.signs['probe']} types"

    def view(self) -> ProbeView:
        return ProbeView(self._input.value, most=max(1, self.content_size.height * self._columns))

    def edit(self) -> None:
        """Let the keys type into the text."""
        self._input.focus()

    def on_input_submitted(self) -> None:
        self.focus()

    def on_input_changed(self) -> None:
        self.post_message(self.TextChanged())

    def on_descendant_focus(self) -> None:
        self.border_subtitle = "esc leaves"

    def on_descendant_blur(self) -> None:
        self._say_how_to_type()

    def show(self, snapshot: Snapshot) -> None:
        if self.keeps(snapshot.probe, snapshot):
            return
        self._probe = snapshot.probe
        super().show(snapshot)

    def rows(self, snapshot: Snapshot, width: int, height: int) -> list[Row]:
        probe, colours = self._probe, self.palette
        if probe is None:
            return [[], row(("…", colours.style("dim")))]
        if isinstance(probe, Unavailable):
            lines = wrapped(probe.why, width)
            return [[], *(row((line, colours.style("warning"))) for line in lines)]
        reading = self._reading(probe, width) if probe.text else []
        if height < 8:
            reading = reading[:2]
        elif height >= 14 and reading:
            reading.append([])
        title = f"after {_end_of(probe.text, width - 6)}" if probe.text else "at the beginning"
        lines = [[], *reading, row((set_cell_size(title, width).rstrip(), colours.style("dim")))]
        return [*lines, *self._bars(probe.following, width, height - len(lines))]

    @property
    def _columns(self) -> int:
        return max(1, self.content_size.width // _COLUMN)

    # The text as a word

    def _reading(self, probe: Probe, width: int) -> list[Row]:
        """The characters by their surprisal, the mean, and one of them more closely."""
        chosen = self._chosen(probe)
        first = max(0, min(chosen - width // 4, len(probe.characters) - width // 2))
        shown = range(first, min(first + width // 2, len(probe.characters)))
        marks = [self._marked(probe.characters[i], i == chosen) for i in shown]
        dev = f"  dev {number(probe.dev, 2)}" if probe.dev is not None else ""
        mean = f"mean {number(probe.mean, 2)}{' nats a character' if width >= 50 else ''}{dev}"
        return [
            [segment for upper, _ in marks for segment in upper],
            [segment for _, lower in marks for segment in lower],
            self._closely(probe.characters[chosen], width),
            row((mean, self.palette.style("dim"))),
        ]

    def _chosen(self, probe: Probe) -> int:
        """The character at the text's cursor, or the most surprising one."""
        surprisals = [one.surprisal for one in probe.characters]
        place = self._input.cursor_position
        is_within = self._input.has_focus and place < len(self._input.value)
        if is_within and place < len(surprisals):
            return place
        return surprisals.index(max(surprisals))

    def _marked(self, one: ProbedCharacter, is_chosen: bool) -> tuple[Row, Row]:
        """A character in the colour of its surprisal, and the surprisal as a column below it."""
        share = min(1.0, one.surprisal / _FULL_SURPRISE)
        heat = self.palette.heat_colors[int(share * 31)]
        letter = Style(color=ink_on(heat), bgcolor=heat, bold=is_chosen, underline=is_chosen)
        below = self.palette.style("cursor" if is_chosen else "dim")
        gap = " " * max(0, 2 - cell_len(one.label))
        return row((one.label, letter), (gap, Style.null())), row((column(share) + " ", below))

    def _closely(self, one: ProbedCharacter, width: int) -> Row:
        """A character's surprisal, and as many of the likeliest others as fit."""
        colours = self.palette
        nats = f"{number(one.surprisal, 2)}{' nats, others' if width >= 50 else ''} "
        parts = [(f"{one.label} ", colours.style("cursor", True)), (nats, colours.style("text"))]
        room = width - cell_len(one.label) - 1 - len(nats)
        for other in one.alternatives:
            text = f" {other.label} {_short(other.probability)}"
            room -= cell_len(text)
            if room >= 0:
                parts.append((text, colours.style("dim")))
        return row(*parts)

    # What may follow

    def _bars(self, following: tuple[Candidate, ...], width: int, height: int) -> list[Row]:
        """The likeliest characters, column by column, in as few columns as hold them."""
        if height < 1 or not following:
            return []
        columns = max(1, min(self._columns, math.ceil(len(following) / height)))
        lines, each, most = min(height, len(following)), width // columns, following[0].probability
        return [
            [
                segment
                for i in range(line, min(len(following), lines * columns), lines)
                for segment in self._bar(following[i], each, most)
            ]
            for line in range(lines)
        ]

    def _bar(self, one: Candidate, width: int, most: float) -> Row:
        colours, gap = self.palette, 2 if width >= _COLUMN else 0
        filled = bar(one.probability / most if most > 0 else 0.0, max(0, width - 8 - gap))
        return row(
            (set_cell_size(one.label, 2), colours.style("text", bold=True)),
            (filled, colours.style("batch")),
            (f" {one.probability:.3f}{' ' * gap}", colours.style("text")),
        )


class EncodedText(Line):
    """The text; the arrows up and down do nothing, so that they move nothing else."""

    BINDINGS = [  # noqa: RUF012
        Binding("escape", "leave", "leave the text"),
        Binding("up,down", "stay", show=False),
    ]

    def action_leave(self) -> None:
        """Let the keys be the explorer's again."""
        if isinstance(self.parent, ProbePanel):
            self.parent.focus()

    def action_stay(self) -> None:
        """Do nothing."""

    def watch_cursor_position(self) -> None:
        """Another character may be looked at more closely."""
        if isinstance(self.parent, ProbePanel):
            self.parent.relayout()


def _end_of(text: str, width: int) -> str:
    """A text, or as much of its end as fits behind an ellipsis."""
    if cell_len(text) <= width:
        return text
    while text and cell_len(text) > width - 1:
        text = text[1:]
    return f"…{text}"


def _short(probability: float) -> str:
    """A probability in three signs: .04, 1.0."""
    return f"{probability:.2f}"[1:] if probability < 0.995 else "1.0"
