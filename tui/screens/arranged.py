"""How the main screen arranges its panels: together, or one at a time."""

from textual.events import DescendantFocus
from textual.screen import Screen
from textual.widgets import Tabs

from makemore_tui.core.worker.protocol import Snapshot

from ..client.request_queue import RequestQueue
from ..widgets.panel import Panel
from . import layout


class Arranged(Screen):
    """A part of the main screen: which panels are on it, and which is chosen."""

    requests: RequestQueue

    def __init__(self):
        super().__init__()
        self.chosen = "loss"
        self.places = layout.Occupancy()

    def begin_with(self, panel: str, is_zoomed: bool) -> None:
        """Begin with a panel chosen, before there is any."""
        self.chosen = panel
        self.places.choose(panel)
        self.set_class(is_zoomed, "zoomed")

    @property
    def snapshot(self) -> Snapshot | None:
        """The newest snapshot, which all panels show."""
        return self.requests.snapshot

    def on_resize(self) -> None:
        self._lay_out()

    def _lay_out(self) -> None:
        """Lay the panels out for the screen's size: together, or one at a time."""
        width, height = self.size
        together = layout.fits_together(width, height)
        self.set_class(not together, "tabbed")
        self.set_class(layout.is_short(height), "short")
        if together:
            grid = layout.grid(
                width, height, self.snapshot.dataset.characters if self.snapshot else 27
            )
            styles = self.query_one("#panels").styles
            styles.grid_size_rows = grid.size
            styles.grid_columns, styles.grid_rows = grid.columns, grid.rows
        self._show_chosen()

    def _show_chosen(self) -> None:
        """Show all panels, or the chosen one alone where there is no room or it is zoomed."""
        alone = self.has_class("tabbed") or self.has_class("zoomed")
        self.places.choose(self.chosen)
        together = self.places.shown(layout.has_much_room(*self.size))
        for panel in self.query(Panel):
            panel.display = panel.id == self.chosen if alone else panel.id in together
        self.query_one("#panels").set_class(alone, "alone")
        self.query_one(Tabs).active = f"tab-{self.chosen}"

    def _shown_panels(self) -> list[Panel]:
        return [panel for panel in self.query(Panel) if panel.display]

    def on_tabs_tab_activated(self, event: Tabs.TabActivated) -> None:
        if event.tab.id and event.tab.id == event.tabs.active:  # not one left behind meanwhile
            self._choose(event.tab.id.removeprefix("tab-"))

    def on_descendant_focus(self, event: DescendantFocus) -> None:
        panel = event.widget if isinstance(event.widget, Panel) else event.widget.parent
        if isinstance(panel, Panel) and event.widget is self.focused and panel.id:
            self._choose(panel.id)

    def _choose(self, name: str) -> None:
        """Choose a panel: it has the focus, and is the one shown where only one is."""
        if name == self.chosen:
            return
        self.chosen = name
        self._show_chosen()
        panel = self.query_one(f"#{name}", Panel)
        if self.focused is None or self.focused.parent is not panel:  # what is in it may have it
            self.set_focus(panel)
        if self.snapshot:
            panel.show(self.snapshot)
            self.requests.refresh([panel])

    def action_zoom(self) -> None:
        self.toggle_class("zoomed")
        self._lay_out()

    def action_choose(self, name: str) -> None:
        self._choose(name)

    def action_next_panel(self, by: int) -> None:
        names = [name for name, _ in layout.PANELS]
        self._choose(names[(names.index(self.chosen) + by) % len(names)])
