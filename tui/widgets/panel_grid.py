"""The panels of the main screen: together, or one at a time."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.containers import Container, Vertical
from textual.geometry import Size
from textual.message import Message

from ..keymap import PANELS, bindings_of
from . import layout
from .panel import Panel

if TYPE_CHECKING:
    from textual.widgets import Tabs


class PanelGrid(Vertical):
    """Lays panels out for the terminal's size, and knows which of them is chosen.

    The chosen panel has the focus. It is the only one shown where the terminal is small, or where
    it is zoomed.

    panels: by their ids. chosen: the id of one. front: of the panels that share a place, the one
    that is shown.
    characters: how many the dataset has, to which the bigram table's size is fitted.
    """

    DEFAULT_CSS = """
    PanelGrid { height: 1fr; }
    PanelGrid > Container { layout: grid; grid-size: 3 2; grid-gutter: 0; height: 1fr; }
    PanelGrid #loss { column-span: 2; }
    PanelGrid.alone > Container { layout: vertical; }
    PanelGrid.alone Panel { height: 1fr; width: 1fr; }
    PanelGrid > Tabs { display: none; height: 2; }
    PanelGrid.tabbed > Tabs { display: block; }
    PanelGrid.zoomed > Tabs, PanelGrid.short > Tabs { display: none; }
    """
    BINDINGS = bindings_of("panels")

    class Rearranged(Message):
        """Other panels are shown, or another one is chosen."""

    def __init__(self, panels: Sequence[Panel], chosen: str = "loss", is_zoomed: bool = False):
        super().__init__(id="panels", classes="zoomed" if is_zoomed else None)
        self.panels = {panel.id or "": panel for panel in panels}
        self.chosen = chosen
        self.front = layout.usual_front()
        self.characters = 27
        self._size_to_fit = Size(0, 0)
        self._tabs: Tabs | None = None

    def compose(self) -> ComposeResult:
        with Container():
            yield from self.panels.values()

    def on_mount(self) -> None:
        self.panels[self.chosen].focus()

    def _add_tabs(self) -> None:
        """Mount the tabs, which most terminals never need, so that their first paint is sooner."""
        from textual.widgets import Tab, Tabs

        tabs = (Tab(title, id=f"tab-{name}") for name, title in PANELS.items())
        self._tabs = Tabs(*tabs, active=f"tab-{self.chosen}")
        self._tabs.can_focus = False
        self.mount(self._tabs, before=0)
        self.call_after_refresh(self._activate_tab)

    def _activate_tab(self) -> None:
        """Mark the chosen panel's tab, once there are tabs."""
        if self._tabs is not None and self._tabs.tab_count:
            self._tabs.active = f"tab-{self.chosen}"

    @property
    def shown(self) -> list[Panel]:
        """The panels on the screen."""
        return [panel for panel in self.panels.values() if panel.display]

    def fit(self, size: Size) -> None:
        """Lay the panels out for a terminal of that size."""
        self._size_to_fit = size
        is_together = layout.fits_together(*size)
        self.set_class(not is_together, "tabbed")
        if not is_together and self._tabs is None:
            self._add_tabs()
        self.set_class(layout.is_short(size.height), "short")
        if is_together:
            grid = layout.grid(*size, self.characters)
            styles = self.query_one(Container).styles
            styles.grid_size_rows = grid.size
            styles.grid_columns, styles.grid_rows = grid.columns, grid.rows
        self._show_chosen()

    def bring_to_front(self, name: str) -> None:
        """Have a panel shown in its place, without choosing it."""
        layout.bring_to_front(self.front, name)

    def choose(self, name: str) -> None:
        """Choose a panel."""
        if name == self.chosen:
            return
        self.chosen = name
        self._show_chosen()
        panel, focused = self.panels[name], self.screen.focused
        if focused is None or focused.parent is not panel:  # a line within it may have the focus
            self.screen.set_focus(panel)
        self.post_message(self.Rearranged())

    def _show_chosen(self) -> None:
        """Show the panels of the layout, or the chosen one alone."""
        is_alone = self.has_class("tabbed") or self.has_class("zoomed")
        self.bring_to_front(self.chosen)
        together = layout.shown_together(self.front, layout.has_much_room(*self._size_to_fit))
        for panel in self.panels.values():
            panel.display = panel.id == self.chosen if is_alone else panel.id in together
        self.set_class(is_alone, "alone")
        self._activate_tab()

    def on_tabs_tab_activated(self, event: "Tabs.TabActivated") -> None:
        event.stop()
        if event.tab.id and event.tab.id == event.tabs.active:  # not one left behind meanwhile
            self.choose(event.tab.id.removeprefix("tab-"))

    def on_descendant_focus(self) -> None:
        self.follow_focus()

    def follow_focus(self) -> None:
        """Choose the panel that has the focus, or in which a line has it."""
        focused = self.screen.focused
        panel = focused if isinstance(focused, Panel) or focused is None else focused.parent
        if isinstance(panel, Panel) and panel.id:
            self.choose(panel.id)

    def action_choose(self, name: str) -> None:
        self.choose(name)

    def action_next_panel(self, by: int) -> None:
        self.follow_focus()  # which a click may just have moved
        names = list(PANELS)
        self.choose(names[(names.index(self.chosen) + by) % len(names)])

    def action_zoom(self) -> None:
        self.follow_focus()
        self.toggle_class("zoomed")
        self.fit(self._size_to_fit)
        self.post_message(self.Rearranged())
