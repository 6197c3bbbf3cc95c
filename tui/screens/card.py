"""The card of the first launch: what this is, and six things to try."""

from collections.abc import Mapping

from rich.text import Text
from textual.geometry import Size
from textual.widgets import Static

from ..keymap import key_labels

_WIDTH, _HEIGHT = 72, 11
_BELOW = 3  # lines: a panel's border, the notice and the footer
_ABOUT = (
    "A small language model is learning to spell, a character at a time.\n"
    "Every panel is live. Change anything: {} undoes it.\n"
)
_TO_TRY = {  # by the ids of the keys
    ("pause",): "Pause training, and resume it",
    ("rate-down", "rate-up"): "Lower or raise the learning rate",
    ("hidden-down", "hidden-up"): "Shrink or grow the hidden layer, weights kept",
    ("probe",): "Type a name of your own: how likely is each letter?",
    ("lessons",): "Lessons: the two lectures, step by step, beside the panels",
    ("presets",): "Presets, from a table of counts to the best MLP",
}


class Card(Static):
    """Lies over the running explorer, takes no key but its own, and is shown until it is closed.

    was_closed: True once a person has closed it, which is for good.
    """

    DEFAULT_CSS = f"""
    Card {{
        layer: above; position: absolute; display: none; width: {_WIDTH}; height: {_HEIGHT};
        border: round $primary; border-title-style: bold; background: $surface; padding: 0 1;
    }}
    """

    def __init__(self):
        super().__init__(id="card")
        self.was_closed = False
        self._is_open = False

    def action_show(self) -> None:
        """Show it, where there is room."""
        labels = key_labels(self.app)
        self.border_title = "Welcome to makemore-tui"
        self.border_subtitle = (
            f"{labels['help']} all keys, and this again · {labels['close-card']} close for good"
        )
        self.update(welcome(labels))
        self._is_open = True
        self.fit(self.screen.size)

    def action_close(self) -> None:
        """Close it, if it is shown."""
        self.was_closed |= self._is_open
        self._is_open = self.display = False

    def fit(self, size: Size) -> None:
        """Lie at the bottom of a screen of that size, so that the loss is seen above it."""
        left, top = (size.width - _WIDTH) // 2, size.height - _HEIGHT - _BELOW
        self.styles.offset = (left, top)
        self.display = self._is_open and left >= 0 and top >= 0


def welcome(labels: Mapping[str, str]) -> Text:
    """What this is, and six things to try. labels: of the keys, by their ids."""
    text = Text(_ABOUT.format(labels["undo"]))
    for ids, what in _TO_TRY.items():
        keys = " ".join(labels[id] for id in ids)
        text.append(f"\n{keys:>7}", "bold").append(f"  {what}")
    return text
