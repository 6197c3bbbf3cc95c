import random
import sys
import unicodedata
from itertools import chain

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from wcwidth import wcswidth

from makemore_tui.core.datasets.vocabulary import Vocabulary
from makemore_tui.core.errors import UserError
from makemore_tui.core.text import harmless, label, shown

TEXTS = [
    *("கி கு கே", "हिन्दी क्षि", "ภาษาไทย ก็", "שָׁלוֹם", "مُحَمَّد", "می\u200cشود", "e\u0301", "Zoë 李 Ω"),
    *("👨\u200d👩\u200d👧", "👍🏽", "🇩🇪", "1\ufe0f\u20e3", "山田\u3000太郎", "ᄒᆞᆫ", "a\u00a0b"),
    "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
]
DANGERS = set("\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff")


def is_safe(text):
    """Whether a text has no controls, separators, surrogates or bidirectional overrides."""
    safe = (unicodedata.category(one) not in ("Cc", "Cs", "Zl", "Zp") for one in text)
    return all(safe) and not set(text) & DANGERS


texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\n"), min_size=1)


def test_characters_are_sorted_and_numbered_from_one():
    vocabulary = Vocabulary("banana")
    assert vocabulary.characters == "abn"
    assert vocabulary.encode("ban") == [2, 1, 3]
    assert vocabulary.size == 4


@given(texts)
def test_decoding_undoes_encoding(text):
    vocabulary = Vocabulary(text)
    assert vocabulary.decode(vocabulary.encode(text)) == text


def test_boundaries_are_left_out_of_decoded_text():
    assert Vocabulary("ab").decode([0, 1, 0, 2, 0]) == "ab"


def test_contains_tells_the_characters_of_the_data():
    assert "a" in Vocabulary("ab")
    assert "c" not in Vocabulary("ab")


def test_an_unknown_character_is_refused_with_the_known_ones():
    with pytest.raises(UserError, match=r"'q' in 'baq' is not a character of the data.* 2: ab"):
        Vocabulary("ab").encode("baq")


def test_the_refusal_lists_at_most_sixty_characters():
    vocabulary = Vocabulary("".join(chr(0x4E00 + i) for i in range(200)))
    with pytest.raises(UserError) as refusal:
        vocabulary.encode("a")
    assert str(refusal.value).endswith(vocabulary.characters[:60] + " …")


@pytest.mark.parametrize(("characters", "sign"), [("ab", "."), ("a.b", "·"), (".·b", "•")])
def test_the_boundary_is_shown_as_a_sign_that_the_data_lacks(characters, sign):
    vocabulary = Vocabulary(characters)
    assert vocabulary.boundary_sign == sign
    assert vocabulary.labels()[0] == sign


def test_a_space_has_a_visible_label():
    assert Vocabulary("a ").labels() == [".", "␣", "a"]


@given(texts)
def test_a_label_is_visible_and_nothing_that_a_terminal_acts_on(text):
    vocabulary = Vocabulary(text)
    labels = vocabulary.labels()
    assert len(labels) == vocabulary.size
    assert all(1 <= cell_len(one) <= 2 and one.strip() and is_safe(one) for one in labels)


@given(st.text())
def test_shown_text_has_nothing_that_a_terminal_acts_on(text):
    assert is_safe(shown(text))
    assert shown(shown(text)) == shown(text)
    assert len(harmless(text)) == len(text)


def test_every_label_is_as_wide_beside_others_as_it_is_alone():
    # Left out are characters that don't exist and those for private use; of the ideographs and of
    # the Korean syllables, which are all alike, some are taken.
    alike = range(0x3400, 0xA000), range(0xAC00, 0xD7A4), range(0x20000, 0x33480)
    others = range(0x3400), range(0xA000, 0xAC00), range(0xD7A4, 0x20000), range(0xE0000, 0xE0200)
    codes = [*chain(*others), *chain(*(one[::16] for one in alike)), 0xF0000, sys.maxunicode]
    labels = {label(chr(code)) for code in codes}
    assert len(labels) > 40_000
    for one in labels:
        assert cell_len(one * 2) == 2 * cell_len(one) > 0


@pytest.mark.parametrize("text", TEXTS)
def test_letters_and_marks_of_any_script_are_shown_as_they_are(text):
    assert shown(text) == text


def test_what_a_terminal_acts_on_is_shown_as_a_sign():
    assert shown("a\x1b[31m\n") == "a␛[31m␊"
    assert shown("a\u202eb\u2028c\x9b\udc80") == "a\ufffdb\ufffdc\ufffd\ufffd"


def test_a_mark_without_a_letter_stands_on_a_dotted_circle():
    assert [label(mark) for mark in "ிுே\u0301"] == ["◌ி", "◌ு", "◌ே", "◌\u0301"]
    assert shown("\u0301a") == "◌\u0301a"


def test_what_is_drawn_wider_than_it_is_measured_is_replaced():
    assert cell_len(shown("ක්\u200dෂ")) == 2  # a joiner between letters
    assert shown("🇩🇪🇫") == "🇩🇪🄵"  # half a flag
    assert shown("a🏽") == "a\ufffd"  # a tone of no skin


def test_libraries_and_terminals_agree_on_the_width_of_shown_text():
    rng, pieces = random.Random(4), [*"".join(TEXTS[2:]), *"\u0316\u20e3\ufe0e\u200d\x1bq☺ 🏽🇩"]
    for _ in range(5000):  # not of Indic scripts, of which terminals differ
        text = shown("".join(rng.choices(pieces, k=6)))
        assert cell_len(text) == wcswidth(text), ascii(text)
