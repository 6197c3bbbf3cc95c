"""Where the parts of the bigram panel stand, for any size and any alphabet."""

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual.geometry import Size

from makemore_tui.core.results import BigramMode
from makemore_tui.tui.plots.bigram_table import num_followers, table_layout
from makemore_tui.tui.widgets.panel_grid import _columns_and_rows


@given(
    st.integers(1, 200),
    st.integers(1, 80),
    st.integers(2, 600),
    st.integers(1, 2),
    st.sampled_from(get_args(BigramMode)),
)
def test_the_parts_fit(width, height, characters, widest, mode):
    found = table_layout(width, height, characters, widest, mode)
    table = found.label_width + found.columns * found.cell_width + found.sum_width
    assert found.cell_width >= widest
    assert found.columns >= 1
    assert found.lines >= 1
    assert found.columns <= characters
    assert found.columns == 1 or table + (found.side_width and found.side_width + 2) <= width
    if height > 2:
        below = found.has_sum_line + (found.lines_below and found.lines_below + 1)
        assert 1 + found.lines + 1 + below <= height
    assert not (found.side_width and found.lines_below)
    assert not (mode in ("difference", "weights", "gradient") and found.is_halved)


@pytest.mark.parametrize("mode", ["model", "difference"])
@pytest.mark.parametrize("characters", [3, 27, 60, 201, 600])
@pytest.mark.parametrize("size", [(76, 17), (116, 34), (196, 54)])
def test_a_panel_that_fills_the_screen_tells_more_of_the_row(size, characters, mode):
    found = table_layout(size[0], size[1], characters, 1, mode)
    assert found.side_width >= 17 or found.lines_below >= 6


def test_a_small_panel_shows_as_much_of_the_table_as_can_be():
    assert table_layout(57, 16, 27, 1, "model")[:5] == (3, 2, True, 14, 27)
    assert table_layout(38, 11, 27, 1, "model").columns == 27


@pytest.mark.parametrize(("size", "columns"), [((116, 35), 21), ((196, 54), 27)])
def test_counts_stand_in_the_cells_of_a_panel_that_fills_the_screen(size, columns):
    found = table_layout(size[0], size[1], 27, 1, "counts")
    assert (found.cell_width, found.columns, found.is_halved) == (5, columns, False)
    assert (found.sum_width, found.has_sum_line) == (8, True)


def test_there_are_as_many_followers_as_fit():
    beside, below = table_layout(116, 34, 27, 1, "model"), table_layout(196, 54, 27, 1, "model")
    assert (num_followers(beside), num_followers(below)) == (20, below.lines_below - 2)


@pytest.mark.parametrize("characters", [2, 3, 27, 60, 201, 4096])
def test_names_have_sixteen_columns_at_least(characters):
    for size in (Size(120, 40), Size(100, 30), Size(200, 60)):
        columns, _ = _columns_and_rows(size, characters)
        bigrams, _, side = columns.split()
        assert size.width - int(bigrams) - int(side) - 4 >= 16
