"""The plots of the sweep screen: all of them, or one where there is no room for more."""

from textual.app import ComposeResult
from textual.containers import Container

from makemore_tui.core.sweep.messages import Snapshot, Trial

from ..keymap import key_labels
from ..plots.sweep_plots import best_rows, curve_rows, slice_rows
from ..plots.sweep_rows import importance_rows
from ..style.colours import Palette
from ..style.text_rows import Row
from .leaderboard import Drawing

_NONE = "No trial has been trained to its end yet"
_TOO_FEW = "Known when five trials have been trained to their end"


class StudyPlots(Container):
    """The best dev loss so far, curves, a setting against dev, and what matters."""

    DEFAULT_CSS = """
    StudyPlots { height: 1fr; layout: grid; grid-size: 2 2; }
    StudyPlots.single { grid-size: 1 1; }
    StudyPlots.single Drawing { display: none; }
    StudyPlots.single Drawing.front { display: block; }
    """

    def __init__(self):
        super().__init__()
        self._snapshot: Snapshot | None = None
        self._chosen: Trial | None = None
        self._setting = self._front = 0
        self._plots = [
            Drawing(self._best, "Best so far", "best", _NONE),
            Drawing(self._curves, "Losses of the best and running trials", "curves", _NONE),
            Drawing(self._slice, "Dev by setting", "slice", _NONE),
            Drawing(self._importances, "What matters", "importances", _TOO_FEW),
        ]
        self._plots[0].add_class("front")
        self._plots[1].border_subtitle = "dev, or minibatches before the first"
        self._plots[3].border_subtitle = "for being among the best"

    def compose(self) -> ComposeResult:
        yield from self._plots

    def show(self, snapshot: Snapshot | None, chosen: Trial | None) -> None:
        """Draw a study. chosen: the trial that stands out."""
        self._snapshot, self._chosen = snapshot, chosen
        if snapshot:
            over = snapshot.over[self._setting % len(snapshot.over)]
            self._plots[2].border_title = f"Dev by {over.setting.replace('_', ' ')}"
        labels = key_labels(self.app)
        self._plots[2].border_subtitle = f"{labels['sweep-setting']} next setting"
        for plot in self._plots:
            plot.refresh()

    def next_plot(self) -> None:
        """Show the next plot, where there is room for one."""
        self._plots[self._front].remove_class("front")
        self._front = (self._front + 1) % len(self._plots)
        self._plots[self._front].add_class("front")

    def next_setting(self) -> None:
        """Show the next setting against dev."""
        self._setting += 1
        self.show(self._snapshot, self._chosen)

    def _best(self, width: int, height: int, palette: Palette) -> list[Row]:
        return best_rows(self._snapshot, width, height, palette) if self._snapshot else []

    def _curves(self, width: int, height: int, palette: Palette) -> list[Row]:
        now, chosen = self._snapshot, self._chosen
        return curve_rows(now, chosen, width, height, palette) if now else []

    def _slice(self, width: int, height: int, palette: Palette) -> list[Row]:
        if (now := self._snapshot) is None:
            return []
        over = now.over[self._setting % len(now.over)]
        return slice_rows(now, over, self._chosen, width, height, palette)

    def _importances(self, width: int, height: int, palette: Palette) -> list[Row]:
        return importance_rows(self._snapshot, width, palette) if self._snapshot else []
