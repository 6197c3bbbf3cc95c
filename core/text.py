"""Any text as one that a terminal only shows."""

import unicodedata
from itertools import chain

_JOINED_OR_BLANK = frozenset(  # letters and signs that a terminal joins to another, or hides
    chain(
        range(0x115F, 0x1200),  # vowels and final consonants of Hangul, and its fillers
        range(0xD7B0, 0xD7FC),
        (0x3164, 0xFFA0),
        (0x2800,),  # a Braille pattern without dots
        range(0x1F1E6, 0x1F200),  # letters that make flags
        range(0x1F3FB, 0x1F400),  # tones of skin
    )
)


def shown(text: str) -> str:
    """`text` with every character that a terminal would act on or hide replaced by a sign."""
    return "".join(_sign(character) for character in text)


def _sign(character: str) -> str:
    if character == " ":
        return character
    if ord(character) < 0x20:
        return chr(0x2400 + ord(character))
    if unicodedata.category(character)[0] in "CZM" or ord(character) in _JOINED_OR_BLANK:
        return "�"
    return character


def exact_text(value: object) -> str:
    """A setting's value as it can be typed again: true, 0.001, 64000."""
    return str(value).lower() if isinstance(value, bool) else str(value)
