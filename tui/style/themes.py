"""The explorer's own themes; `colours.py` has the colours of what we draw that go with them."""

from textual.theme import BUILTIN_THEMES, Theme


def _theme(name: str, colours: str, dark: bool = True) -> Theme:
    primary, second, warning, success, text, background, surface, panel = colours.split()
    return Theme(
        name, primary, second, warning, warning, success, second, text, background, surface, panel,
        dark=dark,
    )  # fmt: skip


DARK = _theme("makemore", "#56b4e9 #f0aa1e #f0784a #28be91 #dee2e9 #10141b #151a23 #1c222d")
LIGHT = _theme(
    "makemore-light", "#0064aa #8f5300 #a83c08 #00694f #1e222a #fbfbf9 #f4f5f8 #e6e9ee", dark=False
)
# Okabe and Ito's colours ("Color Universal Design", 2008) on black.
COLOUR_BLIND = _theme(
    "makemore-colour-blind", "#56b4e9 #e69f00 #f0e442 #009e73 #ffffff #000000 #0a0a0a #1e1e1e"
)
OWN = (DARK, LIGHT, COLOUR_BLIND)
NAMES = (*(theme.name for theme in OWN), *BUILTIN_THEMES)
