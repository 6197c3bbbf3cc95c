"""Cells of text: measured as terminals count them, cut between clusters, columns set anew."""

import re
from unicodedata import category

import pytest
from rich.segment import Segment
from wcwidth import wcswidth

from makemore_tui.core.text import label
from makemore_tui.tui.style.alignment import aligned
from makemore_tui.tui.style.cells import cell_len, clusters, set_cell_size
from makemore_tui.tui.style.text_rows import end_of, fitted, wrapped

TEXTS = ["கி கு கே", "தமிழ்", "नमस्ते", "वर्णमाला", "กำลัง", "cafe\u0301", "🇩🇪🇫🇷", "👩\u200d👧", "각"]


@pytest.mark.parametrize("text", TEXTS)
def test_a_text_takes_the_cells_that_terminals_give_it(text):
    assert cell_len(text) == wcswidth(text) == Segment(text).cell_length


def test_labels_take_the_cells_that_terminals_give_them():
    spacing = [code for code in range(0x900, 0x1200) if category(chr(code)) == "Mc"]
    assert len(spacing) > 100
    for one in map(label, map(chr, [*spacing, *range(0x300, 0x370), *range(0x5D0, 0x700)])):
        assert cell_len(one) == wcswidth(one), ascii(one)


@pytest.mark.parametrize("text", TEXTS)
def test_a_text_is_cut_between_letters_with_their_marks(text):
    whole = {text[:end] for _, end, _ in clusters(text)}
    for width in range(cell_len(text) + 3):
        assert cell_len(set_cell_size(text, width)) == width
        assert cell_len(fitted(f"{text}x", max(1, width))) == max(1, width)
        assert set_cell_size(text, width).rstrip() in {one.rstrip() for one in (*whole, "")}
        assert end_of(text, max(1, width)).lstrip("…") in {text[len(one) :] for one in (*whole, "")}
    assert "".join(wrapped(text, 2)) == text.replace(" ", "")


def test_no_half_of_a_flag_is_shown():
    assert fitted("a🇩🇪🇫🇷", 4) == "a🇩🇪…"
    assert fitted("a🇩🇪🇫🇷", 3) == "a …"
    assert end_of("🇩🇪🇫🇷", 3) == "…🇫🇷"


TERMINALS = {
    "the C library": lambda text: sum(wcswidth(one) or category(one) == "Mc" for one in text),
    "two cells a cluster": wcswidth,
    "no cell for marks": lambda text: wcswidth(re.sub("[\u093e-\u094d\u0bbe-\u0bcd]", "", text)),
    "emoji one by one": lambda text: sum(map(wcswidth, text)),
}


@pytest.mark.parametrize("cells_of", TERMINALS.values(), ids=TERMINALS)
def test_columns_stand_in_line_in_every_terminal(cells_of):
    row = "│".join(set_cell_size(text, 12) for text in ("க்ஷிதி கி", "👩\u200d👧", "e\u0301", ""))
    column, borders = 0, set()
    written = aligned(f"\x1b[3;5H\x1b[1m{row}\x1b[0m│")
    for move, text in re.findall(r"\x1b\[(?:\d+;)?(\d+)[HG]|\x1b\[\d+m|([^\x1b]+)", written):
        column = int(move or column)
        for part in re.findall("│|[^│]+", text):
            borders |= {column} if part == "│" else set()
            column += cells_of(part)
    assert borders == {17, 30, 43, 56}


def test_plain_text_is_written_as_it_is():
    for text in ("\x1b[3;5H│ ñ · ß … ▁█ ∞│", "no place is known of தமிழ்", "\x1b[1mகி"):
        assert aligned(text) == text
