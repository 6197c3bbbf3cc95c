import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from makemore_tui.core.datasets.vocabulary import Vocabulary
from makemore_tui.core.errors import UserError
from makemore_tui.core.text import shown

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
def test_a_label_is_one_printable_character(text):
    vocabulary = Vocabulary(text)
    labels = vocabulary.labels()
    assert len(labels) == vocabulary.size
    assert all(len(label) == 1 and label.isprintable() for label in labels)


@given(st.text())
def test_shown_text_has_nothing_that_a_terminal_acts_on(text):
    assert shown(text).isprintable()
    assert len(shown(text)) == len(text)


def test_every_character_is_shown_as_wide_as_it_is_alone():
    characters = {shown(chr(code)) for code in range(sys.maxunicode + 1)}
    assert len(characters) > 100_000
    for character in characters:
        assert cell_len(character * 2) == 2 * cell_len(character) > 0


def test_shown_text_keeps_letters_of_any_script():
    assert shown("Zoë 李 Ω") == "Zoë 李 Ω"
    assert shown("a\x1b[31m") == "a␛[31m"
