"""The names that Textual has for keys."""

import unicodedata

from textual.keys import KEY_NAME_REPLACEMENTS, Keys, _character_to_key

_MODIFIERS = {"ctrl", "shift", "alt", "super", "hyper", "meta"}
_NAMES = {key.value.rpartition("+")[2] for key in Keys} | {"space"}


def named(key: str) -> str | None:
    """A key by the name that Textual has for it, or None if there is no such key.

    "[" is left_square_bracket, "F8" is f8, "shift+z" is Z.
    """
    if len(key) == 1:
        return key if key.isalnum() else _character_to_key(key)
    *modifiers, last = key.lower().split("+")
    if modifiers == ["shift"] and len(last) == 1 and last.isalpha():
        return last.upper()
    is_known = last in _NAMES or (modifiers and len(last) == 1) or _is_name_of_a_sign(last)
    return "+".join([*modifiers, last]) if is_known and set(modifiers) <= _MODIFIERS else None


def _is_name_of_a_sign(name: str) -> bool:
    if name in KEY_NAME_REPLACEMENTS.values():
        return True
    try:
        return bool(unicodedata.lookup(name.replace("_", " ")))
    except KeyError:
        return False
