"""Coloured text of plotext's as rows of segments."""

from hypothesis import given
from hypothesis import strategies as st
from rich.segment import Segment
from rich.style import Style

from makemore_tui.tui.plots.figure import parse_ansi


def text(rows):
    return ["".join(segment.text for segment in row) for row in rows]


rgbs = st.tuples(*[st.integers(0, 255)] * 3)


pieces = st.lists(
    st.tuples(st.text("ab │⠉░", min_size=1, max_size=5), st.one_of(st.none(), rgbs)), max_size=6
)


def ansi(text, colour):
    if colour is None:
        return f"\x1b[0m{text}"
    red, green, blue = colour
    return f"\x1b[38;2;{red};{green};{blue}m{text}\x1b[0m"


def per_cell(row):
    return [
        (sign, style.color.triplet if style and style.color else None)
        for sign_text, style, _ in row
        for sign in sign_text
    ]


@given(st.lists(pieces, min_size=1, max_size=4))
def test_colours_and_text_survive_the_way_through_ansi(lines):
    written = "\n".join("".join(ansi(*piece) for piece in line) for line in lines)
    baseline = [[(sign, colour) for text, colour in line for sign in text] for line in lines]
    assert [per_cell(row) for row in parse_ansi(written)] == baseline


def test_text_without_colours_is_one_segment_a_line():
    assert parse_ansi("ab\n\nc") == [
        [Segment("ab", Style.null())],
        [],
        [Segment("c", Style.null())],
    ]


def test_backgrounds_are_dropped():
    (row,) = parse_ansi("\x1b[48;2;1;2;3m\x1b[38;2;9;8;7mx\x1b[0m")
    assert [segment.text for segment in row] == ["x"]
    assert row[0].style
    assert row[0].style.bgcolor is None
    assert row[0].style.color
    assert row[0].style.color.triplet == (9, 8, 7)
