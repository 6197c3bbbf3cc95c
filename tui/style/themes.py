"""The explorer's own themes; `palette.py` has the colours of what we draw that go with them."""

from textual.theme import BUILTIN_THEMES, Theme

DARK = Theme(
    name="makemore",
    primary="#56b4e9",
    secondary="#f0aa1e",
    warning="#f0784a",
    error="#f0784a",
    success="#28be91",
    accent="#f0aa1e",
    foreground="#dee2e9",
    background="#10141b",
    surface="#151a23",
    panel="#1c222d",
    dark=True,
)
LIGHT = Theme(
    name="makemore-light",
    primary="#0064aa",
    secondary="#8f5300",
    warning="#a83c08",
    error="#a83c08",
    success="#00694f",
    accent="#8f5300",
    foreground="#1e222a",
    background="#fbfbf9",
    surface="#f4f5f8",
    panel="#e6e9ee",
    dark=False,
)
# Okabe and Ito's colours ("Color Universal Design", 2008) on black.
COLOUR_BLIND = Theme(
    name="makemore-colour-blind",
    primary="#56b4e9",
    secondary="#e69f00",
    warning="#f0e442",
    error="#f0e442",
    success="#009e73",
    accent="#e69f00",
    foreground="#ffffff",
    background="#000000",
    surface="#0a0a0a",
    panel="#1e1e1e",
    dark=True,
)
OWN = (DARK, LIGHT, COLOUR_BLIND)
NAMES = (*(theme.name for theme in OWN), *BUILTIN_THEMES)
