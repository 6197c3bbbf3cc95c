"""The bigram table: labels, colours, the window, the cursor and its facts."""

from dataclasses import replace

import pytest
from rich.cells import cell_len

from makemore_tui.core.messages import BigramTable, PairFacts
from makemore_tui.tui.widgets.bigrams import BigramPanel

pytestmark = pytest.mark.asyncio(loop_scope="module")

FOUR = tuple(".abc")
MANY = tuple(chr(0x100 + i) for i in range(200))


@pytest.fixture
def draw(stage, snapshot, facts, bigram_table):
    """Draws the table of some labels in so many cells; the panel and the text of its rows."""

    async def draw(labels, width, height, cursor=(0, 1), **changes):
        panel = BigramPanel()
        panel.cursor = cursor
        plain = snapshot(dataset=facts(*labels))
        await stage.play(panel, width, height, plain)
        table = replace(bigram_table(panel.view(), len(labels)), **changes)
        panel.show(replace(plain, bigrams=table))
        return panel, stage.rows(panel)

    return draw


def backgrounds(panel, row, first):
    """The background colour of each cell of a row, from a cell on."""
    cells = []
    for segment in panel.render_line(row):
        style = segment.style
        cells += [style.bgcolor.triplet if style and style.bgcolor else None] * segment.cell_length
    return cells[first:]


def lightness(colour):
    return 0.2126 * colour.red + 0.7152 * colour.green + 0.0722 * colour.blue


async def test_nothing_is_drawn_before_the_first_table(stage, snapshot):
    assert set(await stage.play(BigramPanel(), 60, 20, snapshot())) == {""}


async def test_every_character_stands_on_both_axes(draw):
    _, rows = await draw(tuple(".abcdefghijklmnopqrstuvwxyz"), 56, 30)
    assert rows[0] == "  " + " ".join(".abcdefghijklmnopqrstuvwxyz")
    assert [row[0] for row in rows[1:28]] == list(".abcdefghijklmnopqrstuvwxyz")


@pytest.mark.parametrize("width", [6, 10, 17, 60])
async def test_a_column_stands_under_its_label(draw, width):
    probabilities = [[0.0] * 4 for _ in range(4)]
    probabilities[2][3] = 0.5
    panel, rows = await draw(FOUR, width, 8, values=probabilities)
    place = rows[0].index("c")
    heat = backgrounds(panel, 3, 0)
    lightest = max(heat[2:], key=lambda colour: lightness(colour) if colour else -1)
    assert heat.index(lightest) == place


async def test_a_likelier_pair_is_lighter(draw):
    shares = [0.0, 0.01, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5]
    labels = tuple(".abcdefg")
    panel, _ = await draw(labels, 2 + len(labels), 12, values=[shares] * 8, cursor=(7, 7))
    shown = [lightness(colour) for colour in backgrounds(panel, 1, 2)]
    assert shown == sorted(shown)
    assert len(set(shown)) == len(shares)


async def test_more_than_the_scale_is_as_light_as_its_end(draw):
    panel, _ = await draw(FOUR, 6, 8, values=[[0.5, 0.7, 1.0, 1.0]] * 4, cursor=(3, 3))
    assert len(set(backgrounds(panel, 1, 2))) == 1


async def test_the_cursor_has_a_colour_of_its_own(draw):
    panel, _ = await draw(FOUR, 6, 8, cursor=(2, 1), values=[[0.3] * 4] * 4)
    rows = [backgrounds(panel, 1 + i, 2) for i in range(4)]
    usual = rows[0][0]
    assert [(i, j) for i in range(4) for j in range(4) if rows[i][j] != usual] == [(2, 1)]


async def test_the_facts_of_the_pair_under_the_cursor(draw):
    pair = PairFacts(previous=1, following=2, count=5438, probability=0.16049, rank=1)
    _, rows = await draw(FOUR, 60, 8, pair=pair)
    assert rows[5] == "ab  5,438 times in the data   p 0.160   rank 1 of 4"


async def test_in_a_narrow_panel_the_facts_keep_count_probability_and_rank(draw):
    pair = PairFacts(previous=1, following=2, count=1, probability=0.00049, rank=4)
    _, rows = await draw(FOUR, 34, 8, pair=pair)
    assert rows[5].split() == ["ab", "once", "p", "0.000", "rank", "4"]


async def test_where_lines_are_few_a_line_holds_two_rows(draw):
    panel, rows = await draw(tuple(".abcdef"), 10, 6, cursor=(6, 6))
    assert [row[:3] for row in rows[:5]] == ["   ", ".a ", "bc ", "de ", "f  "]
    assert rows[1][3:] == "▀" * 7
    assert rows[5].startswith("ff")
    upper, lower = cells(panel, 1)[0], cells(panel, 1)[0]
    assert upper[0] != lower[1]


def cells(panel, row):
    """Colour and background of each half block of a row."""
    styles = [segment.style for segment in panel.render_line(row) if "▀" in segment.text]
    return [(style.color.triplet, style.bgcolor.triplet) for style in styles]


async def test_the_upper_half_is_the_first_of_two_rows(draw):
    probabilities = [[0.5] * 7, [0.0] * 7] * 3 + [[0.5] * 7]
    panel, _ = await draw(tuple(".abcdef"), 10, 6, cursor=(6, 6), values=probabilities)
    assert all(lightness(upper) > lightness(lower) for upper, lower in cells(panel, 1))


async def test_the_table_stays_until_the_next_one(draw, snapshot, facts, stage):
    panel, rows = await draw(FOUR, 60, 8)
    panel.show(snapshot(dataset=facts(*FOUR), step=5000))
    assert stage.rows(panel) == rows


@pytest.mark.parametrize("labels", [("·", "."), tuple("·[]red/"), (".", "a", "日", "本", "é")])
async def test_any_characters_are_labels(draw, labels):
    _, rows = await draw(labels, 2 + 4 * len(labels), len(labels) + 3)
    assert [cell_len(rows[0][: rows[0].index(label)]) for label in labels] == [
        2 + 4 * i for i in range(len(labels))
    ]
    assert [row[0] for row in rows[1 : 1 + len(labels)]] == list(labels)


async def test_wide_labels_that_do_not_fit_leave_the_columns_in_place(draw):
    labels = (".", "日", "本", *"abcdefgh")
    _, rows = await draw(labels, 14, 6)
    assert rows[0].rstrip().endswith("abcdefgh")
    assert cell_len(rows[0]) == 3 + len(labels)


# The window


def window(panel):
    view = panel.view()
    return range(view.top, view.top + view.rows), range(view.left, view.left + view.columns)


@pytest.mark.parametrize(("width", "height"), [(60, 30), (11, 4), (3, 1), (1, 3)])
async def test_a_large_table_follows_the_cursor(stage, snapshot, facts, width, height):
    panel = BigramPanel()
    await stage.play(panel, width, height, snapshot(dataset=facts(*MANY)))
    for down, right in [(0, 0), (1, 1), (50, 30), (80, 150), (68, 18), (-60, -60), (-300, -300)]:
        panel.move(down, right)
        rows, columns = window(panel)
        assert panel.cursor[0] in rows
        assert panel.cursor[1] in columns
        assert {rows.start >= 0, columns.start >= 0} == {True}
        assert {rows.stop <= 200, columns.stop <= 200} == {True}
    assert panel.cursor == (0, 0)


async def test_a_large_table_shows_the_cursor_and_its_labels(draw):
    _, rows = await draw(MANY, 60, 30, cursor=(150, 180))
    assert MANY[180] in rows[0]
    assert any(row.startswith(MANY[150]) or row[1:2] == MANY[150] for row in rows)
    assert rows[-1].startswith(MANY[150] + MANY[180])
    _, rows = await draw(MANY, 60, 30, cursor=(199, 199))
    assert rows[0].endswith(MANY[199])


async def test_the_cursor_stays_within_the_table(stage, snapshot, facts):
    panel = BigramPanel()
    await stage.play(panel, 20, 10, snapshot(dataset=facts(*FOUR)))
    for step, end in (((-9, -9), (0, 0)), ((9, 0), (3, 0)), ((0, 9), (3, 3))):
        panel.move(*step)
        assert panel.cursor == end


async def test_a_cursor_beyond_a_smaller_dataset_comes_back(draw):
    panel, _ = await draw(FOUR, 20, 10, cursor=(20, 20))
    assert panel.cursor == (3, 3)


async def test_a_window_drawn_for_another_size_does_no_harm(stage, snapshot, facts):
    panel = BigramPanel()
    table = BigramTable(0, 0, [[0.1] * 27 for _ in range(27)], PairFacts(0, 1, 5, 0.1, 3))
    for size in ((60, 30), (10, 5), (1, 1), (200, 70)):
        assert await stage.play(panel, *size, replace(snapshot(), bigrams=table))
        panel = BigramPanel()
