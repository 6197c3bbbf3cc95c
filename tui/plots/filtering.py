"""The filter of a list: words, or settings with their values."""

import contextlib
from collections.abc import Mapping
from typing import Any

from makemore_tui.core.errors import UserError
from makemore_tui.core.settings import setting_name
from makemore_tui.core.text import exact_text


def has_all(words: str, text: str, settings: Mapping[str, Any]) -> bool:
    """True if an entry has all of some words in its text; a word such as hidden=200 names a setting
    and its whole value."""
    return all(_has(word, text.lower(), settings) for word in words.lower().split())


def _has(word: str, text: str, settings: Mapping[str, Any]) -> bool:
    name, equals, value = word.partition("=")
    if not equals:
        return word in text
    with contextlib.suppress(UserError):
        name = setting_name(name)
    return name in settings and exact_text(settings[name]).lower() == value
