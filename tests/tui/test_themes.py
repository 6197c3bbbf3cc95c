"""The themes: each can be read, and without colour too."""

import pytest
from textual.color import Color

from makemore_tui.tui.config import Config
from makemore_tui.tui.style import themes
from makemore_tui.tui.style.colours import COLOUR_BLIND, DARK, LIGHT, palette_of

PALETTES = {"makemore": DARK, "makemore-light": LIGHT, "makemore-colour-blind": COLOUR_BLIND}
FROM_OKABE_AND_ITO = [(86, 180, 233), (230, 159, 0), (0, 158, 115), (240, 228, 66)]


def contrast(one, other):
    """The ratio of WCAG 2."""
    lights = sorted((luminance(*one), luminance(*other)))
    return (lights[1] + 0.05) / (lights[0] + 0.05)


def luminance(*rgb):
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in map(share, rgb)]
    return sum(weight * c for weight, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def share(value):
    return value / 255


@pytest.mark.parametrize("theme", themes.OWN, ids=lambda theme: theme.name)
def test_all_that_is_written_can_be_read(theme):
    palette, background = PALETTES[theme.name], Color.parse(theme.surface).rgb
    assert contrast(palette.text, background) > 7
    for name in ("dim", "batch", "dev", "good", "warning"):
        assert contrast(getattr(palette, name), background) > (3 if not theme.dark else 4.5), name


@pytest.mark.parametrize("palette", PALETTES.values(), ids=PALETTES)
def test_the_heat_map_changes_evenly_in_lightness(palette):
    lights = [luminance(*color) for color in palette.heat]
    assert lights in (sorted(lights), sorted(lights, reverse=True))


def test_the_colours_for_the_colour_blind_are_those_of_okabe_and_ito():
    shown = [COLOUR_BLIND.batch, COLOUR_BLIND.dev, COLOUR_BLIND.good, COLOUR_BLIND.warning]
    assert shown == FROM_OKABE_AND_ITO


@pytest.mark.parametrize("theme", themes.OWN, ids=lambda theme: theme.name)
async def test_a_theme_brings_its_palette(explorer, theme):
    async with explorer(config=Config({"theme": theme.name})) as it:
        assert palette_of(it.app) is PALETTES[theme.name]
        assert theme.name in it.app.available_themes


async def test_the_frames_of_panels_are_quiet_but_can_be_seen(explorer):
    async with explorer() as it:
        panel = it.screen.query_one("#names")
        for theme in it.app.available_themes.values():
            it.app.theme = theme.name
            variables = it.app.get_css_variables()
            frame = Color.parse(variables["panel-lighten-2" if theme.dark else "panel-darken-2"])
            await it.until(lambda frame=frame: panel.styles.border_top[1] == frame)
            if not theme.dark and not theme.ansi:
                background = Color.parse(variables["background"])
                assert 1.5 < contrast(frame.rgb, background.rgb) < 3, theme.name


async def test_without_colour_what_is_chosen_is_still_told_apart(explorer, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    async with explorer() as it:
        assert it.app.no_color
        await it.press("2")
        await it.until(lambda: it.chosen == "settings")
        panel = it.screen.query_one("#settings")
        await it.until(
            lambda: any(part.style and part.style.reverse for part in panel.render_line(0))
        )
