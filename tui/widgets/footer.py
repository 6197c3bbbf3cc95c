"""The footer: the keys that matter most."""

from textual.screen import Screen
from textual.widgets import Footer


class SteadyFooter(Footer):
    """A footer that is made anew only when its keys are others.

    Textual's own makes all its widgets again whenever the focus moves, and its bindings to itself
    keep the former ones in memory.
    """

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self._made_of: list[tuple[str, bool]] | None = None

    def bindings_changed(self, screen: Screen) -> None:
        if screen is not self.screen or not self.is_attached:
            return
        bindings = screen.active_bindings.values()
        shown = [(one.binding.key, one.enabled) for one in bindings if one.binding.show]
        if shown != self._made_of:
            self._made_of = shown
            super().bindings_changed(screen)
