"""The panels of the main screen: together, or one at a time."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from textual import on
from textual.app import ComposeResult
from textual.containers import Container, Vertical
from textual.content import Content
from textual.events import DescendantFocus, MouseScrollDown, MouseScrollUp
from textual.geometry import Size
from textual.message import Message

from ..keymap import PANELS, bindings_of, key_labels
from .loss import LossPanel
from .panel import Panel

if TYPE_CHECKING:
    from textual.widgets import Tabs

# The panels that share a place on a screen of ordinary size; the first is in front to begin with.
PLACES = (
    ("loss",),
    ("settings",),
    ("bigrams", "embedding", "trace"),
    ("names", "probe"),
    ("splits", "health", "runs"),
)
# Those of a screen with a third row, where the other panels have a place of their own.
_LARGE_PLACES = (("embedding", "trace"), ("health", "runs"))
_WIDE, _HIGH = 100, 30  # from which on panels stand together
_VERY_WIDE, _VERY_HIGH = 150, 54  # from which on there is a third row of them
_MIN_NAMES_WIDTH, _MIN_BIGRAMS_WIDTH = 22, 48
_THIRD_ROW = 14  # lines
_LOW = 17  # lines of the second row, where the bigram table would do with fewer


class PanelGrid(Vertical):
    """Lays panels out for the terminal's size, and knows which of them is chosen.

    The chosen panel has the focus. It is the only one shown where the terminal is small, or where
    it is zoomed.

    panels: by their ids. chosen: the id of one. front: of each place, by its first panel, the panel
    that is shown there.
    characters: how many the dataset has, to which the bigram table's size is fitted.
    """

    DEFAULT_CSS = """
    PanelGrid { height: 1fr; }
    PanelGrid > Container { layout: grid; grid-size: 3; grid-gutter: 0; height: 1fr; }
    PanelGrid #loss { column-span: 2; }
    PanelGrid.alone > Container { layout: vertical; }
    PanelGrid.alone Panel { height: 1fr; width: 1fr; }
    PanelGrid > Tabs { display: none; height: 2; }
    PanelGrid Tab { padding: 0 1 0 0; }
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
        self.front = {place[0]: place[0] for place in PLACES}
        self.characters = 27
        self._size_to_fit = Size(0, 0)
        self._tabs: Tabs | None = None
        self._are_tabs_mounted = False

    def compose(self) -> ComposeResult:
        with Container():
            yield from self.panels.values()

    def on_mount(self) -> None:
        self.panels[self.chosen].focus()

    @property
    def shown(self) -> list[Panel]:
        """The panels on the screen."""
        return [panel for panel in self.panels.values() if panel.display]

    def fit(self, size: Size) -> None:
        """Lay the panels out for a terminal of that size."""
        self._size_to_fit = size
        is_together = size.width >= _WIDE and size.height >= _HIGH
        self.set_class(not is_together, "tabbed")
        self.set_class(is_short(size.height), "short")
        if is_together:
            styles = self.query_one(Container).styles
            styles.grid_columns, styles.grid_rows = _columns_and_rows(size, self.characters)
        elif self._tabs is None:
            self._add_tabs()
        self._show_chosen()

    def _add_tabs(self) -> None:
        """Mount the tabs, which most terminals never need, so that their first paint is sooner."""
        from textual.widgets import Tab, Tabs

        labels = key_labels(self.app)
        tabs = (
            Tab(Content.assemble((labels[f"{name}-panel"], "$primary"), title), id=f"tab-{name}")
            for name, title in PANELS.items()
        )  # which so, without a space, all fit in 80 cells
        self._tabs = Tabs(*tabs, active=f"tab-{self.chosen}")
        self._tabs.can_focus = False
        self.mount(self._tabs, before=0)
        self.call_after_refresh(self._begin_with_tabs)

    def _begin_with_tabs(self) -> None:
        self._are_tabs_mounted = True
        self._activate_tab()

    def _activate_tab(self) -> None:
        """Mark the chosen panel's tab, once there are tabs."""
        if self._tabs is not None and self._tabs.tab_count:
            self._tabs.active = f"tab-{self.chosen}"

    def bring_to_front(self, name: str) -> None:
        """Have a panel shown in its place, without choosing it."""
        first = next(place[0] for place in PLACES if name in place)
        self.front[first] = name

    def action_choose(self, name: str) -> None:
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
        self.bring_to_front(self.chosen)
        is_alone = self.has_class("tabbed") or self.has_class("zoomed")
        if is_alone:
            shown = {self.chosen}
        elif has_third_row(self._size_to_fit):
            in_front = self.front.values()
            left_out = {one if other in in_front else other for one, other in _LARGE_PLACES}
            shown = PANELS.keys() - left_out
        else:
            shown = set(self.front.values())
        for name, panel in self.panels.items():
            panel.display = name in shown
            panel.title.set_place(self._place_of(name))
        self.set_class(is_alone, "alone")
        self._activate_tab()

    def _place_of(self, name: str) -> tuple[str, ...]:
        """The panels of which one at a time is shown where this one is."""
        if self.has_class("tabbed"):
            return (name,)  # as all are, each with a tab
        places = _LARGE_PLACES if has_third_row(self._size_to_fit) else PLACES
        return next((place for place in places if name in place), (name,))

    def on_tabs_tab_activated(self, event: "Tabs.TabActivated") -> None:
        event.stop()
        is_active = event.tab.id == event.tabs.active  # not one left behind meanwhile
        if event.tab.id and is_active and self._are_tabs_mounted:
            self.action_choose(event.tab.id.removeprefix("tab-"))

    @on(DescendantFocus)
    def follow_focus(self) -> None:
        """Choose the panel that has the focus, or in which a line has it."""
        focused = self.screen.focused
        panel = focused if isinstance(focused, Panel) or focused is None else focused.parent
        if isinstance(panel, Panel) and panel.id:
            self.action_choose(panel.id)

    @on(MouseScrollUp)
    @on(MouseScrollDown)
    def scroll_cursor(self, event: MouseScrollUp | MouseScrollDown) -> None:
        """Move the cursor of the panel under the wheel."""
        under = event.widget.ancestors_with_self if event.widget else ()
        for panel in (one for one in under if isinstance(one, Panel)):
            event.stop()
            panel.action_move(1 if isinstance(event, MouseScrollDown) else -1, 0)

    @on(Panel.Plotted)
    def plot_run(self, message: Panel.Plotted) -> None:
        """Have a run on the loss plot, or no longer."""
        loss = self.panels["loss"]
        assert isinstance(loss, LossPanel)
        loss.call_later(loss.toggle_run, message.run)  # so that what it posts is its own

    def action_next_panel(self, by: int) -> None:
        self.follow_focus()  # which a click may just have moved
        names = list(PANELS)
        self.action_choose(names[(names.index(self.chosen) + by) % len(names)])

    def action_zoom(self) -> None:
        self.follow_focus()
        self.toggle_class("zoomed")
        self.fit(self._size_to_fit)
        self.post_message(self.Rearranged())


def is_short(height: int) -> bool:
    """Whether a terminal has no line to spare."""
    return height < 12


def has_third_row(size: Size) -> bool:
    """Whether a third row of panels fits on the screen."""
    return size.width >= _VERY_WIDE and size.height >= _VERY_HIGH


def _columns_and_rows(size: Size, characters: int) -> tuple[str, str]:
    """The grid in which a bigram table of so many characters is shown as whole as can be, as a
    style has it."""
    side = 44 if size.width >= 160 else 36 if size.width >= 116 else 34
    room = size.width - side - _MIN_NAMES_WIDTH
    whole = (2 * characters + 7, characters + 7)
    bigrams = next((width for width in whole if width <= room), room)
    bigrams = max(bigrams, min(room, _MIN_BIGRAMS_WIDTH))
    third = f" {_THIRD_ROW}" if has_third_row(size) else ""
    room = size.height - 3 - (_THIRD_ROW if third else 0)
    whole = (characters + 4, (characters + 1) // 2 + 4)
    lower = next((height for height in whole if height <= room - 15), room // 2)
    lower = max(lower, min(_LOW, room // 2))
    return f"{bigrams} 1fr {side}", f"1fr {lower}{third}"
