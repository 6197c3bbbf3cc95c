"""The colours of what we draw ourselves, for dark and for light themes.

The curves' colours are Okabe and Ito's, which a colour-blind person can tell apart; the heat map
grows evenly in lightness, so it reads in grey too.
"""

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

from rich.color import Color
from rich.style import Style

if TYPE_CHECKING:
    from textual.app import App

RGB = tuple[int, int, int]


@dataclass(frozen=True)
class Palette:
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
    previous: RGB = (104, 112, 128)

    def style(self, name: str, bold: bool = False) -> Style:
        """A text style in one of the colours."""
        return _style(getattr(self, name), bold)

    @cached_property
    def heat_colors(self) -> list[Color]:
        """The heat map's steps, from a probability of nothing upwards."""
        return [Color.from_rgb(*self._heat(i / 31)) for i in range(32)]

    @cached_property
    def more_colors(self) -> list[Color]:
        """The steps of a difference, from nothing to more."""
        return self._steps_to(self.dev)

    @cached_property
    def less_colors(self) -> list[Color]:
        """The steps of a difference, from nothing to less."""
        return self._steps_to(self.batch)

    def _steps_to(self, end: RGB) -> list[Color]:
        steps = [
            [round(a + (b - a) * i / 15) for a, b in zip(self.heat[0], end, strict=True)]
            for i in range(16)
        ]
        return [Color.from_rgb(*step) for step in steps]

    def _heat(self, share: float) -> RGB:
        place = share * (len(self.heat) - 1)
        lower = min(int(place), len(self.heat) - 2)
        mix = place - lower
        a, b = self.heat[lower], self.heat[lower + 1]
        red, green, blue = (round(x + (y - x) * mix) for x, y in zip(a, b, strict=True))
        return red, green, blue


@lru_cache(maxsize=256)
def _style(colour: RGB, bold: bool) -> Style:
    return Style(color=Color.from_rgb(*colour), bold=bold)


def ink_on(colour: Color) -> Color:
    """What can be read on a colour: dark on light, light on dark."""
    red, green, blue = colour.get_truecolor()
    is_light = 0.2126 * red + 0.7152 * green + 0.0722 * blue > 110
    return Color.from_rgb(10, 12, 16) if is_light else Color.from_rgb(235, 238, 242)


def palette_of(app: "App") -> "Palette":
    """The colours that go with an app's theme."""
    ours = _OF_OUR_THEMES.get(app.theme)
    return ours or (DARK if app.current_theme.dark else LIGHT)


DARK = Palette(
    text=(222, 226, 233),
    dim=(140, 148, 162),
    faint=(62, 70, 84),
    batch=(86, 180, 233),
    dev=(240, 170, 30),
    good=(40, 190, 145),
    warning=(240, 120, 70),
    cursor=(130, 250, 255),
    heat=(
        (24, 28, 38),
        (66, 32, 108),
        (148, 44, 128),
        (224, 82, 98),
        (254, 168, 112),
        (252, 253, 200),
    ),
)
LIGHT = Palette(
    text=(30, 34, 42),
    dim=(100, 106, 118),
    faint=(190, 196, 205),
    batch=(0, 100, 170),
    dev=(180, 105, 0),
    good=(0, 120, 90),
    warning=(190, 70, 10),
    cursor=(0, 140, 160),
    heat=(
        (244, 245, 248),
        (250, 205, 170),
        (240, 130, 120),
        (185, 60, 130),
        (95, 30, 120),
        (20, 10, 50),
    ),
    previous=(150, 156, 168),
)
# Okabe and Ito's own colours on black; a cursor of the one that the heat map has not.
COLOUR_BLIND = Palette(
    text=(255, 255, 255),
    dim=(185, 185, 185),
    faint=(90, 90, 90),
    batch=(86, 180, 233),
    dev=(230, 159, 0),
    good=(0, 158, 115),
    warning=(240, 228, 66),
    cursor=(86, 180, 233),
    heat=((16, 16, 16), (80, 45, 0), (150, 95, 0), (230, 159, 0), (240, 228, 66), (255, 255, 245)),
)
_OF_OUR_THEMES = {
    "makemore": DARK,
    "makemore-light": LIGHT,
    "makemore-colour-blind": COLOUR_BLIND,
}
