"""The line at the bottom: the keys that matter most, as many as there is room for."""

from itertools import groupby

from rich.segment import Segment
from textual.binding import Binding
from textual.events import Click
from textual.strip import Strip
from textual.widget import Widget
from textual.widgets import Input

from ..keymap import FOOTER
from ..style.colours import palette_of
from .lesson_step import LessonStep
from .lessons import LessonSide
from .panel import Panel

_OWNERS = Panel, LessonStep, LessonSide  # of keys, which come first while they have the focus
# Offered however little room there is; the first goes last.
_KEPT = ("pause", "side", "keep A/B", "help", "quit")


class KeyFooter(Widget):
    """What can be pressed now, the keys of the focused panel first; a click presses it.

    (Textual's own makes a widget for each key whenever the focus moves, and keeps the previous ones
    in memory.)
    """

    DEFAULT_CSS = "KeyFooter { dock: bottom; height: 1; background: $panel; }"

    def on_mount(self) -> None:
        self._keys: list[str] = []  # of each cell, the key that a click presses
        self.screen.bindings_updated_signal.subscribe(self, lambda _: self.refresh())

    def render_line(self, y: int) -> Strip:
        """What is offered now, cut to the width: those that are kept, and the first others."""
        palette, width = palette_of(self.app), self.size.width
        key_style, word_style = palette.style("dev", bold=True), palette.style("text")
        offers = [self._offer(word, list(some)) for word, some in groupby(self._shown(), _word)]
        kept = [word for _, word, _ in offers if word[1:] in _KEPT]
        while sum(len(keys) for *_, keys in offers) - 1 > width:
            places = [i for i, (_, word, _) in enumerate(offers) if word not in kept] or [0]
            if len(offers) < len(kept):
                break
            del offers[places[-1]]
        segments = []
        for labels, word, _ in offers:
            segments += [Segment("  "), Segment(labels, key_style), Segment(word, word_style)]
        self._keys = [key for *_, keys in offers for key in keys][1:]
        line = Strip(segments).crop(1)  # the first gap is smaller
        return line.adjust_cell_length(width).apply_style(self.rich_style)

    def on_click(self, click: Click) -> None:
        if click.x < len(self._keys) and (key := self._keys[click.x]):
            self.app.simulate_key(key)

    def _shown(self) -> list[Binding]:
        """The bindings that are offered now, those of a word together; of an action, one key.

        Of the focused panel all are, but those that only move its cursor."""
        own: dict[str, Binding] = {}
        others: dict[str, Binding] = {}
        focused = self.screen.focused
        is_typing = isinstance(focused, Input)
        for active in self.screen.active_bindings.values():
            binding = active.binding
            is_own = isinstance(active.node, _OWNERS) and active.node.has_focus_within
            if is_typing and active.node is not focused:
                continue
            is_shown = not binding.action.startswith("move(") if is_own else binding.show
            if active.enabled and is_shown:
                (own if is_own else others).setdefault(binding.action, binding)
        ranks = {word: rank for rank, word in enumerate(FOOTER)}
        words = list(dict.fromkeys(map(_word, own.values())))
        return [
            *sorted(own.values(), key=lambda one: words.index(_word(one))),
            *sorted(others.values(), key=lambda one: ranks.get(_word(one), len(FOOTER))),
        ]

    def _offer(self, word: str, bindings: list[Binding]) -> tuple[str, str, list[str]]:
        """Keys and a word for what they do; and of each cell, after a gap of two, the key there."""
        labels, keys = [], ["", ""]
        for binding in bindings:
            labels.append(self.app.get_key_display(binding))
            keys += [binding.key] * (len(labels[-1]) + 1)
        return " ".join(labels), f" {word}", keys + keys[-1:] * len(word)


def _word(binding: Binding) -> str:
    return binding.group.description if binding.group else binding.description
