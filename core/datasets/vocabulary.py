"""Characters and their ids."""

import unicodedata

from ..errors import UserError
from ..text import label, shown

BOUNDARY = 0
_BOUNDARY_LABELS = ".·•¦¬"


class Vocabulary:
    """The characters of a dataset, sorted, with ids from 1; id 0 is the boundary between items.

    size: how many ids there are, the boundary counted. boundary_sign: the character that stands for
    the boundary on a screen, `.` unless the data has one itself. shared: characters that are too
    rare to have an id each, so that all have that of `shared_sign`.
    """

    def __init__(self, characters: str, shared: str = "", shared_sign: str = ""):
        self.characters: str = "".join(sorted({*characters, *shared_sign}))
        self.shared: str = shared
        self.shared_sign: str = shared_sign
        self.size: int = len(self.characters) + 1
        self.boundary_sign: str = next(
            (sign for sign in _BOUNDARY_LABELS if sign not in self.characters), "."
        )
        self._ids = {character: i for i, character in enumerate(self.characters, start=1)}
        self._ids |= dict.fromkeys(shared, self._ids.get(shared_sign, BOUNDARY))
        listed, is_all = map(label, self.characters[:60]), len(self.characters) <= 60
        self._listed = "".join(listed) + ("" if is_all else " …")

    def __repr__(self) -> str:
        return f"Vocabulary({self._listed!r})"

    def __contains__(self, character: str) -> bool:
        return character in self._ids

    def encode(self, text: str) -> list[int]:
        """The ids of the characters of a text, which is composed (NFC) first, as the data is.

        Raises UserError if a character does not occur in the data.
        """
        text = unicodedata.normalize("NFC", text)
        for character in text:
            if character not in self._ids:
                raise UserError(
                    f"{shown(character)!r} in {shown(text)!r} is not a character of the data, "
                    f"which has {len(self.characters)}: {self._listed}"
                )
        return [self._ids[character] for character in text]

    def ids(self, text: str, unknown: int) -> list[int]:
        """The id of each character of a text, `unknown` for those that are not in the data."""
        return [self._ids.get(character, unknown) for character in text]

    def decode(self, ids: list[int]) -> str:
        """The text of some ids, without boundaries."""
        return "".join([self.characters[i - 1] for i in ids if i != BOUNDARY])

    def exact(self, index: int) -> str:
        """The character of an id; for the boundary, the sign that stands for it."""
        return self.boundary_sign if index == BOUNDARY else self.characters[index - 1]

    def label(self, index: int) -> str:
        """A visible sign that stands for an id on a screen."""
        if index == BOUNDARY:
            return self.boundary_sign
        return label(self.characters[index - 1])

    def labels(self) -> list[str]:
        return [self.label(i) for i in range(self.size)]
