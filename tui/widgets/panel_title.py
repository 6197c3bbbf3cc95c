"""A panel's title: its number, what it shows, and the panels that share its place as tabs."""

from typing import Any

from textual.content import Content
from textual.style import Style
from textual.widget import Widget

from ..keymap import PANELS, key_labels
from ..style.cells import cell_len
from ..style.colours import palette_of


class PanelTitle:
    """The first of some titles that fits the border; a click on a tab chooses its panel.

    name: the panel's key in `PANELS`. place: the panels that share its place, itself included.
    side: of a pair, the run that the panel shows, "A" or "B"; "" without one.
    """

    def __init__(self, panel: Widget, name: str):
        self._panel, self._name = panel, name
        self.place: tuple[str, ...] = (name,)
        self.side: str = ""
        self._titles: tuple[str, ...] = (PANELS[name],)
        self._written_with: tuple[Any, ...] | None = None  # the titles, place, width and theme

    def set_place(self, place: tuple[str, ...]) -> None:
        """Set the panels that share the place."""
        if place != self.place:
            self.place = place
            if self._written_with:
                self.write()

    def set(self, *titles: str) -> None:
        """Set the titles, the widest first."""
        self._titles = titles
        self.write()

    def write(self) -> None:
        """Write what fits into the border, if it may differ from what is there."""
        panel, labels = self._panel, key_labels(self._panel.app)
        width = panel.content_size.width
        written_with = self._titles, self.side, self.place, width, panel.app.theme
        if written_with == self._written_with:
            return
        self._written_with = written_with
        tabs = {name: f"{labels[f'{name}-panel']} {PANELS[name]}" for name in self.place}
        name = PANELS[self._name]
        shorter, is_whole = (name,) if len(tabs) > 1 or self.side else (), False
        with_side = f"{name} · {self.side}" if self.side else name
        for title in (*self._titles, *shorter):
            title = title.replace(name, with_side, 1)
            tabs[self._name] = f"{labels[f'{self._name}-panel']} {title}"
            is_whole = cell_len(" │ ".join(tabs.values())) <= width - 2
            if is_whole:
                break
        parts = [self._tab(name, title) for name, title in tabs.items()]
        label_border(panel, title=Content(" │ " if is_whole else "│").join(parts))

    def _tab(self, name: str, title: str) -> Content:
        if name == self._name:
            return Content.styled(title, "bold")
        choosing = f"choose({name!r})"
        click = Style.from_meta({"@click": f"screen.run('panels', {choosing!r})"})
        dim = palette_of(self._panel.app).style("dim").color
        colour = dim.get_truecolor().hex if dim else ""
        return Content.styled(title, f"{colour} not bold").stylize(click)


def label_border(
    panel: Widget, title: str | Content | None = None, subtitle: str | Content | None = None
) -> None:
    """Set a panel's border titles if they differ, for setting them has all of it painted again."""
    shown = vars(panel).setdefault("_border_labels", {})
    for name, label in (("border_title", title), ("border_subtitle", subtitle)):
        key = label.markup if isinstance(label, Content) else label  # colours and all
        if key is not None and shown.get(name) != key:
            shown[name] = key
            setattr(panel, name, label)
