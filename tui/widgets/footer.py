"""The line at the bottom: the keys that matter most, as many as there is room for."""

from dataclasses import dataclass
from itertools import groupby

from rich.segment import Segment
from textual.binding import Binding
from textual.events import Click
from textual.screen import Screen
from textual.strip import Strip
from textual.widget import Widget

from ..keymap import FOOTER
from ..style.colours import palette_of

_GAP = 2
_KEPT = 2  # of the last offers: those for help, and for leaving


@dataclass(frozen=True)
class Offer:
    """Keys that belong together, and a word for what they do.

    keys: what Textual calls each, and how it is shown.
    """

    keys: tuple[tuple[str, str], ...]
    word: str

    @property
    def labels(self) -> str:
        """The keys as they are shown."""
        return " ".join(label for _, label in self.keys)

    @property
    def width(self) -> int:
        """How many cells it takes."""
        return Segment(f"{self.labels} {self.word}").cell_length

    def key_at(self, place: int) -> str:
        """The key under a cell of it; under the word it is the last."""
        for name, label in self.keys:
            place -= len(label) + 1
            if place < 0:
                return name
        return self.keys[-1][0]


class KeyFooter(Widget):
    """What can be pressed now; a click presses it.

    (Textual's own makes a widget for each key whenever the focus moves, and keeps the previous ones
    in memory.)
    """

    DEFAULT_CSS = """
    KeyFooter { dock: bottom; height: 1; background: $panel; }
    """

    def on_mount(self) -> None:
        self.screen.bindings_updated_signal.subscribe(self, self._on_bindings_updated)

    def _on_bindings_updated(self, screen: Screen) -> None:
        self.refresh()

    def render_line(self, y: int) -> Strip:
        palette = palette_of(self.app)
        key_style, word_style = palette.style("dev", bold=True), palette.style("text")
        segments = []
        for offer in self._offers():
            segments.append(Segment(" " * (_GAP if segments else 1)))
            segments.append(Segment(offer.labels, key_style))
            segments.append(Segment(f" {offer.word}", word_style))
        return Strip(segments).adjust_cell_length(self.size.width).apply_style(self.rich_style)

    def on_click(self, click: Click) -> None:
        start = 1
        for offer in self._offers():
            if start <= click.x < start + offer.width:
                self.app.simulate_key(offer.key_at(click.x - start))
            start += offer.width + _GAP

    def _offers(self) -> list[Offer]:
        """What is offered now, cut to the width: the last two, and of the others the first."""
        active = [one.binding for one in self.screen.active_bindings.values() if one.enabled]
        by_action: dict[str, Binding] = {}
        for one in active:
            if one.show:
                by_action.setdefault(one.action, one)  # of an action's keys the first
        shown = sorted(by_action.values(), key=_rank)
        offers = [
            Offer(tuple((one.key, self.app.get_key_display(one)) for one in some), word)
            for word, some in ((word, list(some)) for word, some in groupby(shown, _word))
        ]
        while len(offers) > _KEPT and self._width(offers) > self.size.width:
            del offers[-_KEPT - 1]
        return offers

    def _width(self, offers: list[Offer]) -> int:
        return 1 + sum(offer.width for offer in offers) + _GAP * (len(offers) - 1)


def _word(binding: Binding) -> str:
    return binding.group.description if binding.group else binding.description


def _rank(binding: Binding) -> int:
    word = _word(binding)
    return FOOTER.index(word) if word in FOOTER else len(FOOTER)
