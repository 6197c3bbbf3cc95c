"""The colours of what we draw ourselves, for dark and for light themes.

The curves' colours are Okabe and Ito's, which a colour-blind person can tell apart; the heat map
grows evenly in lightness, so it reads in grey too.
"""

from collections.abc import Sequence
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

from msgspec import Struct
from rich.color import Color
from rich.style import Style

if TYPE_CHECKING:
    from textual.app import App

RGB = tuple[int, int, int]


class Palette(Struct, frozen=True, dict=True):
    """Colours by what they stand for."""

    text: RGB
    dim: RGB
    faint: RGB
    batch: RGB
    dev: RGB
    good: RGB
    warning: RGB
    cursor: RGB
    heat: tuple[RGB, ...]
    runs: tuple[RGB, ...]  # of other runs, by turns

    def style(self, name: str, bold: bool = False) -> Style:
        """A text style in one of the colours."""
        return rgb_style(getattr(self, name), bold)

    @cached_property
    def heat_colors(self) -> list[Color]:
        """The heat map's steps, from a probability of nothing upwards."""
        return _gradient(self.heat, 32)

    @cached_property
    def more_colors(self) -> list[Color]:
        """The steps of a difference, from nothing to more."""
        return _gradient((self.heat[0], self.dev), 16)

    @cached_property
    def less_colors(self) -> list[Color]:
        """The steps of a difference, from nothing to less."""
        return _gradient((self.heat[0], self.batch), 16)


def _gradient(stops: Sequence[RGB], steps: int) -> list[Color]:
    """Colours at equal distances along the way through some."""
    colours = []
    for i in range(steps):
        place = i / (steps - 1) * (len(stops) - 1)
        lower = min(int(place), len(stops) - 2)
        pairs = zip(stops[lower], stops[lower + 1], strict=True)
        colours.append(Color.from_rgb(*(round(a + (b - a) * (place - lower)) for a, b in pairs)))
    return colours


@lru_cache(maxsize=256)
def rgb_style(colour: RGB, bold: bool = False) -> Style:
    """A text style in a colour."""
    return Style(color=Color.from_rgb(*colour), bold=bold)


def ink_on(colour: Color) -> Color:
    """What can be read on a colour: dark on light, light on dark."""
    red, green, blue = colour.get_truecolor()
    is_light = 0.2126 * red + 0.7152 * green + 0.0722 * blue > 110
    return Color.from_rgb(10, 12, 16) if is_light else Color.from_rgb(235, 238, 242)


def _rgbs(colours: str) -> tuple[RGB, ...]:
    """Colours from their hexadecimal numbers."""
    return tuple(Color.parse(one).get_truecolor() for one in colours.split())


# In the order of the fields: text, dim, faint, batch, dev, good, warning, cursor.
DARK = Palette(
    *_rgbs("#dee2e9 #8c94a2 #3e4654 #56b4e9 #f0aa1e #28be91 #f07846 #82faff"),
    heat=_rgbs("#181c26 #42206c #942c80 #e05262 #fea870 #fcfdc8"),
    runs=_rgbs("#687080 #a284d6 #b8708c #8c9a50"),
)
LIGHT = Palette(
    *_rgbs("#1e222a #646a76 #bec4cd #0064aa #b46900 #00785a #be460a #008ca0"),
    heat=_rgbs("#f4f5f8 #facdaa #f08278 #b93c82 #5f1e78 #140a32"),
    runs=_rgbs("#969ca8 #8260be #b45078 #78862c"),
)
# Okabe and Ito's own colours on black; a cursor of the one that the heat map has not.
COLOUR_BLIND = Palette(
    *_rgbs("#ffffff #b9b9b9 #5a5a5a #56b4e9 #e69f00 #009e73 #f0e442 #56b4e9"),
    heat=_rgbs("#101010 #502d00 #965f00 #e69f00 #f0e442 #fffff5"),
    runs=_rgbs("#687080 #cc79a7 #0072b2 #d55e00"),
)
_OF_OUR_THEMES = {"makemore": DARK, "makemore-light": LIGHT, "makemore-colour-blind": COLOUR_BLIND}


def palette_of(app: "App") -> Palette:
    """The colours that go with an app's theme."""
    return _OF_OUR_THEMES.get(app.theme) or (DARK if app.current_theme.dark else LIGHT)
