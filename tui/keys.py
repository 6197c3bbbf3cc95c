"""A key of the explorer, its names, and the presses of keys that a text stands for."""

import re
import unicodedata
from collections.abc import Iterable

from msgspec import Struct
from msgspec.structs import force_setattr
from textual.events import Key as KeyPress
from textual.keys import KEY_NAME_REPLACEMENTS, Keys, _character_to_key

_MODIFIERS = {"ctrl", "shift", "alt", "super", "hyper", "meta"}
_SIGNS = {_character_to_key(chr(code)) for code in range(ord("!"), ord("~"))}
_NAMES = {key.value.rpartition("+")[2] for key in Keys} | {*KEY_NAME_REPLACEMENTS.values()} | _SIGNS


def key_name(key: str) -> str | None:
    """A key by Textual's name for it, or None if there is no such key. "[" is left_square_bracket,
    "F8" is f8, "shift+z" is Z."""
    if len(key) == 1:
        return key if key.isalnum() else _character_to_key(key)
    *modifiers, last = key.lower().split("+")
    if modifiers == ["shift"] and len(last) == 1 and last.isalpha():
        return last.upper()
    if last not in _NAMES and not (modifiers and len(last) == 1):
        try:
            unicodedata.lookup(last.replace("_", " "))
        except KeyError:
            return None
    return "+".join([*modifiers, last]) if set(modifiers) <= _MODIFIERS else None


class Key(Struct, frozen=True):
    """A key, the action that it runs, a word for it, and what it does.

    shown: as people know it. keys: as Textual names them, with commas between; if left out, the one
    that is shown.
    owner: what has the action: a panel by its id, "chosen" (the panel that has the focus), "panels"
    (the grid), "card" (that of the first launch), "lessons" (beside the panels), "lesson" (the step
    that is open there), "session" (`SessionActions`), "pair" (`PairActions`, while there is one),
    "supervisor" (`WorkerSupervisor`), or "screen"; on the sweep screen, that ("sweeps") or its
    leaderboard ("trials"). Every key works wherever the focus is.
    group: a word under which keys stand together in the footer. One of `keymap.FOOTER` is offered
    always, others only while their panel has the focus, as all of its keys are.
    is_chosen_first: whether the panel that owns the action is chosen before it runs."""

    id: str
    shown: str
    owner: str
    action: str
    word: str
    help: str
    group: str | None = None
    keys: str = ""
    is_chosen_first: bool = False

    def __post_init__(self) -> None:
        if not self.keys:
            force_setattr(self, "keys", key_name(self.shown) or self.shown)

    @property
    def screen_action(self) -> str:
        """The same action for the main screen, which passes it on to the owner."""
        if self.owner == "screen":
            return self.action
        return f"run({self.owner!r}, {self.action!r}, {self.is_chosen_first})"


def presses(text: str, keys: Iterable[Key]) -> list[KeyPress]:
    """The presses of a text such as "{steps}300{cursor-down 4}": a key by its id or name, which may
    be pressed several times, or characters."""
    by_id = {key.id: key.keys.split(",")[0] for key in keys}
    found = []
    for name, times, character in re.findall(r"\{([^{}]+?)(?: (\d+))?\}|(.)", text):
        key = by_id.get(name) or key_name(name or character) or character
        found += [KeyPress(key, character or None) for _ in range(int(times or 1))]
    return found
