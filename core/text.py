"""Any text as one that a terminal only shows.

Letters and combining marks of every script pass, and so do emoji sequences. This is for a screen
only: JSON, files, the clipboard and names carry the text as it is.
"""

import re
import unicodedata
from functools import lru_cache

_JOINER, _NON_JOINER, _ZERO_SPACE = "\u200d", "\u200c", "\u200b"
_REPLACED = "�"
_TEXT_STYLE = "\ufe0e"  # makes an emoji narrow in some terminals, so that columns would differ
# Of the format characters, those of a script: joiners, and signs over numbers and words.
_ZERO_WIDTH = f"{_JOINER}{_NON_JOINER}{_ZERO_SPACE}"
_OVER_OTHERS = "\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u08e2\U000110bd\U000110cd"
_ALONE = {" ": "␣", _JOINER: "‿", _NON_JOINER: "∤", _ZERO_SPACE: "∣", "\u034f": "⁀"}
_BLANK_LETTERS = "\u115f\u2800\u3164\uffa0"
_SKIN_TONES, _TAGS = range(0x1F3FB, 0x1F400), range(0xE0020, 0xE0080)
_JOINED_HANGUL = (range(0x1160, 0x1200), range(0xD7B0, 0xD7FC))  # vowels and final consonants
_FLAGS = re.compile("[\U0001f1e6-\U0001f1ff]{1,2}")  # a pair of these letters makes a flag
_LETTER_TO_SQUARE = 0x1F1E6 - 0x1F130  # to 🄰


def digits(text: str, most: int = 9) -> int | None:
    """The number that a text of at most so many digits is; None for any other text. Python takes
    other signs for digits too, and does not read thousands of them."""
    return int(text) if re.fullmatch(f"[0-9]{{1,{most}}}", text) else None


def shown(text: str) -> str:
    """`text` for a screen: what a terminal would act on is replaced by a visible sign, and a mark
    at its beginning stands on a dotted circle, not on what is to the left of the text."""
    return harmless(f"◌{text}" if text and _is_joined(text[0]) else text)


def harmless(text: str) -> str:
    """`text` with every character that a terminal would act on replaced by one visible sign."""
    if text.isascii() and text.isprintable():
        return text
    signs = [_sign(character) for character in text]
    for i, character in enumerate(text):
        before, after = text[i - 1 : i], text[i + 1 : i + 2]
        if character == _JOINER and not (_is_emoji(before) and _is_emoji(after)):
            signs[i] = _NON_JOINER  # rich takes a letter that follows a joiner for zero-width
        elif ord(character) in _SKIN_TONES and not _is_figure(before):
            signs[i] = _REPLACED
    return _FLAGS.sub(lambda found: _flag(found[0]), "".join(signs))


def is_acted_on(character: str) -> bool:
    """True for a character that a terminal could act on: a control, a line separator, a
    bidirectional override; and for one that it hides, or that is none."""
    category = unicodedata.category(character)
    if category == "Cf":
        is_of_script = character in _ZERO_WIDTH or character in _OVER_OTHERS
        return not is_of_script and ord(character) not in _TAGS
    return category in ("Cc", "Cs", "Cn", "Zl", "Zp")


def label(character: str) -> str:
    """A visible sign for a character alone: "◌ி" for a combining mark, "␣" for a space."""
    if character in _ALONE:
        return _ALONE[character]
    is_blank = unicodedata.category(character) == "Zs" or character in _BLANK_LETTERS
    return "⍽" if is_blank else shown(character)


def exact_text(value: object) -> str:
    """A setting's value as it can be typed again: true, 0.001, 64000."""
    return str(value).lower() if isinstance(value, bool) else str(value)


@lru_cache(maxsize=1 << 14)
def _sign(character: str) -> str:
    if not is_acted_on(character):
        return "\u034f" if character == _TEXT_STYLE else character
    code = ord(character)
    return chr(0x2400 + code) if code < 0x20 else _REPLACED


def _flag(letters: str) -> str:
    return letters if len(letters) == 2 else chr(ord(letters) - _LETTER_TO_SQUARE)


def _is_joined(character: str) -> bool:
    """True for a character that a terminal draws in the cell of the one before."""
    code, category = ord(character), unicodedata.category(character)
    is_hangul = any(code in joined for joined in _JOINED_HANGUL)
    return category[0] == "M" or character in _ZERO_WIDTH or code in _TAGS or is_hangul


def _is_figure(text: str) -> bool:
    """True for an emoji that may have a tone of skin; False for no text."""
    is_picture = text >= "\U0001f385" and unicodedata.category(text) == "So"
    return is_picture or (text != "" and text in "☝⛹✊✋✌✍")


def _is_emoji(text: str) -> bool:
    """True for an emoji, or for what changes one; False for no text."""
    if not text or text == "◌" or _FLAGS.match(text):
        return False
    is_changing = text == "\ufe0f" or ord(text) in _SKIN_TONES
    return is_changing or text in "↔↕" or unicodedata.category(text) == "So"
