"""The bigram table: labels, colours, the window, the cursor and its facts."""

import pytest
from msgspec.structs import replace
from textual.events import MouseScrollDown, MouseScrollUp

from makemore_tui.core.results import BigramsView, BigramTable, Follower, PairFacts
from makemore_tui.tui.style.cells import cell_len
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
    place = rows[0].index("c") - 2 * (width == 60)  # above numbers it stands where they end
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
    pair = PairFacts(1, 2, count=5438, probability=0.16049, rank=1, counted=0.159)
    _, rows = await draw(FOUR, 60, 8, pair=pair)
    assert rows[5] == "ab  5,438 times  counted 0.159  model 0.160  rank 1 of 4"


async def test_what_is_estimated_is_marked(draw):
    pair = PairFacts(1, 2, count=5438, probability=0.16049, rank=1, counted=0.159)
    panel, rows = await draw(FOUR, 60, 8, pair=pair, divergences=[0.5] * 4, is_estimate=True)
    assert rows[5] == "ab  5,438 times  counted 0.159  model ≈0.160  rank 1 of 4"
    assert "KL ≈0.500 nats" in panel.border_subtitle


@pytest.mark.parametrize(
    ("width", "words"),
    [
        (38, "ab once counted 0.125 model 0.000"),
        (34, "ab once data 0.125 model 0.000"),
        (26, "ab once p 0.000 rank 4"),
    ],
)
async def test_in_a_narrow_panel_the_facts_are_fewer(draw, width, words):
    pair = PairFacts(1, 2, count=1, probability=0.00049, rank=4, counted=0.125)
    _, rows = await draw(FOUR, width, 8, pair=pair)
    assert rows[5].split() == words.split()


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
    widest = max(map(cell_len, labels))
    _, rows = await draw(labels, 1 + widest + 4 * len(labels), len(labels) + 3)
    assert [cell_len(rows[0][: rows[0].index(label)]) for label in labels] == [
        1 + widest + 4 * i + 3 - widest
        for i in range(len(labels))  # where numbers end
    ]
    assert [row[: len(label)] for row, label in zip(rows[1:], labels, strict=False)] == list(labels)


async def test_wide_labels_are_whole_and_stand_above_their_columns(draw):
    labels = (".", *map(chr, range(0x3042, 0x3092)))
    _, rows = await draw(labels, 117, 30, cursor=(3, 3))
    places = [cell_len(rows[0][: rows[0].index(label)]) for label in labels[:30]]
    assert places == [5 + 2 * i for i in range(30)]
    assert [rows[1 + i].split("▀")[0] for i in range(3)] == [". あ ", "ぃい ", "ぅう "]


# The window


def window(panel):
    view = panel.view()
    return range(view.top, view.top + view.rows), range(view.left, view.left + view.columns)


@pytest.mark.parametrize(("width", "height"), [(60, 30), (11, 4), (3, 1), (1, 3)])
async def test_a_large_table_follows_the_cursor(stage, snapshot, facts, width, height):
    panel = BigramPanel()
    await stage.play(panel, width, height, snapshot(dataset=facts(*MANY)))
    for down, right in [(0, 0), (1, 1), (50, 30), (80, 150), (68, 18), (-60, -60), (-300, -300)]:
        panel.action_move(down, right)
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
    assert any(row.startswith(MANY[150] + MANY[180]) for row in rows)
    assert any(row.startswith("after") for row in rows)
    _, rows = await draw(MANY, 60, 30, cursor=(199, 199))
    assert rows[0].endswith(MANY[199])


async def test_the_cursor_stays_within_the_table(stage, snapshot, facts):
    panel = BigramPanel()
    await stage.play(panel, 20, 10, snapshot(dataset=facts(*FOUR)))
    for step, end in (((-9, -9), (0, 0)), ((9, 0), (3, 0)), ((0, 9), (3, 3))):
        panel.action_move(*step)
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


async def test_the_mouse_puts_the_cursor_on_a_pair_and_the_wheel_moves_it(it):
    await it.press("3")
    await it.until(lambda: it.chosen == "bigrams")
    panel = it.screen.query_one(BigramPanel)
    await it.pilot.click(panel, offset=(2 + 3 + 2 * 5, 1 + 1 + 3))  # past border and labels
    await it.until(lambda: panel.cursor == (6, 5))
    await it.until(lambda: any(getattr(one, "cursor", None) == (6, 5) for one in asked(it)))
    panel.post_message(MouseScrollDown(panel, 1, 1, 0, 0, 0, False, False, False))
    await it.until(lambda: panel.cursor == (7, 5))
    panel.post_message(MouseScrollUp(panel, 1, 1, 0, 0, 0, False, False, False))
    await it.until(lambda: panel.cursor == (6, 5))
    await it.pilot.click(panel, offset=(1, 1))
    await it.press("s")
    await it.until(lambda: it.engine.commands)
    assert panel.cursor == (6, 5)


def asked(it):
    return [view for request in it.engine.refreshes for view in request.views]


# Modes and orders


@pytest.fixture
def redraw(stage, snapshot, facts, bigram_table):
    """Draws what a panel wants next, as the engine would send it; the text of the rows."""

    def redraw(panel, labels, kind="mlp", **changes):
        table = replace(bigram_table(panel.view(), len(labels)), **changes)
        panel.show(replace(snapshot(dataset=facts(*labels), kind=kind), bigrams=table))
        return stage.rows(panel)

    return redraw


async def test_the_modes_come_one_after_the_other_and_the_title_says_which(draw):
    panel, _ = await draw(FOUR, 20, 8)
    seen = []
    for _ in range(6):
        seen.append((panel.view().mode, panel.border_title))
        panel.action_next_mode()
    modes = ["model", "counted", "counts", "difference", "columns", "model"]
    assert [mode for mode, _ in seen] == modes
    assert len({title for _, title in seen}) == 5
    assert "model - counted" in seen[3][1]


async def test_of_a_neural_bigram_there_are_weights_too_and_of_no_other_model(draw, redraw):
    panel, _ = await draw(FOUR, 70, 8)
    redraw(panel, FOUR, kind="neural-bigram")
    for mode, title in (("weights", "W, "), ("log-counts", "ln N, "), ("gradient", "W.grad, ")):
        panel.set_view(mode, "id")
        assert panel.view().mode == mode
        assert f"Bigrams · {title}" in panel.border_title
    redraw(panel, FOUR, kind="mlp")
    assert panel.view().mode == "model"
    assert "the model's P(next" in panel.border_title
    redraw(panel, FOUR, kind="neural-bigram")
    assert panel.view().mode == "gradient"


async def test_a_pairs_weight_stands_beside_the_logarithm_of_its_count(draw, bigram_table):
    pair = bigram_table(BigramsView(0, 0, 4, 4, (1, 2)), 4).pair
    followers = (Follower(1, 0.4, 0.3, 1000, 2.5), Follower(2, 0.1, 0.1, 0, -1.25))
    pair = replace(pair, count=1000, weight=2.5, gradient=-0.00012, followers=followers)
    values = [[2.5, -1.2, 0.1, 0.0]] * 4
    _, rows = await draw(FOUR, 60, 14, mode="weights", values=values, pair=pair)
    assert rows[5] == "ab  1,000×  W +2.50  ln N 6.91  W.grad -1.2e-04"
    assert rows[7].split()[:4] == ["after", "a", "W", "ln"]
    assert [row[:29].split()[-2:] for row in rows[8:10]] == [["+2.50", "6.91"], ["-1.25", "-∞"]]


async def test_sums_show_that_the_columns_were_divided_in_place_of_the_rows(draw):
    sums = {"row_sums": [7.02, 0.65, 1.2, 0.9], "column_sums": [1.0] * 4}
    panel, rows = await draw(FOUR, 90, 30, cursor=(0, 3), mode="columns", **sums)
    assert rows[0].split()[-1] == "Σ"
    assert [row.split()[-1] for row in rows[1:5]] == ["7.02", "0.65", "1.20", "0.90"]
    assert rows[5].split() == ["Σ", "1", "1", "1", "1"]
    assert "row .: Σ 7.02  column c: Σ 1.00" in str(panel.border_subtitle)
    panel, rows = await draw(FOUR, 40, 8, cursor=(1, 3), mode="columns", **sums)
    assert "a: Σ 0.65" in str(panel.border_subtitle)


@pytest.mark.parametrize(("top", "corner"), [(0, "↓"), (12, " ")])
async def test_rows_that_are_left_out_below_have_an_arrow_above(draw, top, corner):
    labels = tuple(".abcdefghijklmnopqrstuvwxyz")
    values = [[0.1] * 27] * 15
    _, rows = await draw(labels, 76, 17, mode="difference", top=top, values=values)
    assert rows[0].startswith(f"{corner} .abc")


@pytest.mark.parametrize(("left", "end"), [(0, ["t", "…", "Σ"]), (6, ["y", "z", "Σ"])])
async def test_columns_that_are_left_out_on_the_right_have_an_ellipsis(draw, left, end):
    sums = {"row_sums": [9.0] * 27, "column_sums": [9.0] * 27}
    labels = tuple(".abcdefghijklmnopqrstuvwxyz")
    changes = {"mode": "counts", "left": left, "values": [[1.0] * 21] * 27, **sums}
    _, rows = await draw(labels, 116, 35, **changes)
    assert rows[0].split()[-3:] == end
    assert rows[0].index("Σ") == rows[1].rindex("9")
    letter = ".abcdefghijklmnopqrstuvwxyz"[left]
    assert rows[0].index(f" {letter} ") == rows[1].index(" 1 ")


@pytest.mark.parametrize(
    ("width", "title"),
    [
        (70, "Bigrams · the model's minus counted · by character"),
        (44, "Bigrams · model - counted · by character"),
        (40, "Bigrams · model - counted"),
        (20, "Bigrams · model - counted"),
    ],
)
async def test_the_title_is_shorter_in_a_narrow_panel(draw, width, title):
    panel, _ = await draw(FOUR, width, 8)
    for _ in range(3):
        panel.action_next_mode()
    assert panel.border_title == f"[bold]3 {title}[/bold]"


async def test_a_difference_has_its_sign_as_a_character_and_as_a_colour(draw):
    values = [[0.1, -0.1, 0.004, -0.004]] * 4
    panel, rows = await draw(FOUR, 10, 8, cursor=(3, 3), mode="difference", values=values)
    assert rows[1].split() == [".", "+", "-"]
    more, less, none, nearly_none = backgrounds(panel, 1, 2)[:8:2]
    assert len({more, less, none}) == 3
    assert more.red > more.blue
    assert less.blue > less.red
    assert lightness(none) < lightness(more)
    assert lightness(nearly_none) < lightness(less)


async def test_differences_stand_one_row_a_line_however_many_there_are(draw, redraw):
    labels = tuple(".abcdefghij")
    panel, rows = await draw(labels, 20, 6)
    assert rows[1].startswith(".a ")
    for _ in range(3):
        panel.action_next_mode()
    assert panel.view().rows == 4
    rows = redraw(panel, labels)
    assert [row[:2] for row in rows[1:5]] == [". ", "a ", "b ", "c "]
    assert "-" in rows[1]


async def test_wide_cells_hold_numbers(draw):
    _, rows = await draw(FOUR, 18, 8, values=[[0.25, 0.004, 0.5, 1.0]] * 4)
    assert rows[1].split() == [".", "25", "50", "100"]
    counts = [[0, 7, 999, 6763]] * 4
    _, rows = await draw(FOUR, 18, 8, values=counts, mode="counts")
    assert rows[1].split() == [".", "7", "999", "7k"]
    _, rows = await draw(FOUR, 80, 8, values=counts, mode="counts")
    assert rows[1].split()[:4] == [".", "7", "999", "6763"]
    _, rows = await draw(FOUR, 18, 8, values=[[0.25, -0.25, 0, 0]] * 4, mode="difference")
    assert rows[1].split() == [".", "+25", "-25"]


async def test_counts_are_as_light_as_their_share_of_the_largest(draw):
    panel, _ = await draw(FOUR, 6, 8, values=[[0, 10, 100, 4000]] * 4, mode="counts", cursor=(3, 3))
    shown = [lightness(colour) for colour in backgrounds(panel, 1, 2)]
    assert shown == sorted(shown)
    assert "4,000" in str(panel.border_subtitle)


async def test_the_order_is_that_of_the_table(draw):
    _, rows = await draw(FOUR, 10, 8, order=(2, 0, 3, 1), cursor=(0, 1))
    assert rows[0].split() == ["b", ".", "c", "a"]
    assert [row[0] for row in rows[1:5]] == ["b", ".", "c", "a"]


async def test_the_cursor_stays_on_its_pair_when_the_order_changes(draw, redraw):
    panel, _ = await draw(FOUR, 44, 8, cursor=(1, 3))
    panel.action_next_order()
    assert panel.view().order == "frequency"
    assert "by frequency" in panel.border_title
    redraw(panel, FOUR)
    assert panel.cursor == (2, 0)  # the made order by frequency is backwards
    assert "ac" in redraw(panel, FOUR)[5]
    panel.action_next_order()
    redraw(panel, FOUR)
    assert panel.cursor == (1, 3)


# The row and the pair in full


@pytest.mark.parametrize(("divergence", "says"), [(0.0123, "0.012"), (float("inf"), "∞")])
async def test_the_divergence_of_the_cursors_row(draw, divergence, says):
    divergences = [9.0, 9.0, divergence, 9.0]
    panel, _ = await draw(FOUR, 50, 8, cursor=(2, 1), divergences=divergences)
    assert f"row b: KL {says} nats" in str(panel.border_subtitle)


async def test_in_a_high_panel_the_likeliest_followers_and_words_stand_below(draw):
    _, rows = await draw(FOUR, 60, 16)
    assert rows[7].split() == ["after", ".", "model", "data", "items", "with", ".a"]
    followers = [row[:28].split() for row in rows[8:12]]
    assert [one[0] for one in followers] == list(FOUR)
    assert [one[-2:] for one in followers] == [
        ["0.400", "0.300"], ["0.350", "0.300"], ["0.300", "0.300"], ["0.250", "0.300"],
    ]  # fmt: skip
    lengths = [row[:14].count("█") for row in rows[8:12]]
    assert lengths == sorted(lengths, reverse=True)
    assert rows[8].endswith("anna, hannah")


async def test_in_a_wide_panel_they_stand_beside(draw):
    _, rows = await draw(tuple(".abcdefghij"), 70, 13)
    assert [row[48:].split()[0] for row in rows[1:6]] == list(".abcd")
    assert "anna, hannah" in rows[8]
    assert rows[-1].startswith(".a")


async def test_a_diverged_model_has_no_table(draw):
    _, rows = await draw(FOUR, 60, 8, values=[], divergences=[])
    assert rows[0] == "the model's weights are not finite"


@pytest.mark.parametrize("mode", ["model", "counts", "difference", "columns", "weights"])
async def test_no_size_does_harm(stage, snapshot, facts, bigram_table, mode):
    for width, height in [(1, 1), (3, 2), (17, 40), (24, 9), (57, 16), (116, 36), (196, 56)]:
        panel = BigramPanel()
        panel.mode = mode
        now = snapshot(kind="neural-bigram")
        await stage.play(panel, width, height, now)
        table = bigram_table(panel.view(), 27)
        panel.show(replace(now, bigrams=table))
        assert stage.rows(panel)[0] or width < 4


# Keys


async def test_v_and_o_ask_for_the_next_mode_and_order(it):
    for key, field in (("v", "mode"), ("O", "order")):
        before = getattr(it.screen.query_one(BigramPanel), field)
        await it.press(key)
        await it.until(lambda before=before, field=field: any(
            getattr(view, field, before) != before
            for refresh in it.engine.refreshes for view in refresh.views
        ))  # fmt: skip
