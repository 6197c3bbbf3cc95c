"""Where the parts of the bigram panel stand, for any size and any alphabet."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from makemore_tui.tui.plots.bigram_table import table_layout


@given(
    st.integers(1, 200),
    st.integers(1, 80),
    st.integers(2, 600),
    st.integers(1, 2),
    st.booleans(),
)
def test_the_parts_fit(width, height, characters, widest, is_signed):
    found = table_layout(width, height, characters, widest, is_signed)
    table = found.label_width + found.columns * found.cell_width
    assert found.cell_width >= widest
    assert found.columns >= 1
    assert found.lines >= 1
    assert found.columns <= characters
    assert found.columns == 1 or table + (found.side_width and found.side_width + 2) <= width
    if height > 2:
        assert 1 + found.lines + 1 + (found.lines_below and found.lines_below + 1) <= height
    assert not (found.side_width and found.lines_below)
    assert not (is_signed and found.is_halved)


@pytest.mark.parametrize("is_signed", [False, True])
@pytest.mark.parametrize("characters", [3, 27, 60, 201, 600])
@pytest.mark.parametrize("size", [(76, 17), (116, 34), (196, 54)])
def test_a_panel_that_fills_the_screen_tells_more_of_the_row(size, characters, is_signed):
    found = table_layout(size[0], size[1], characters, 1, is_signed)
    assert found.side_width >= 17 or found.lines_below >= 6


def test_a_small_panel_shows_as_much_of_the_table_as_can_be():
    assert table_layout(57, 16, 27, 1, False)[:5] == (3, 2, True, 14, 27)
    assert table_layout(38, 11, 27, 1, False).columns == 27
