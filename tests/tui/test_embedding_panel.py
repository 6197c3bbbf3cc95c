"""The map of the embedding: places, collisions, signs and a steady range."""

import re

import pytest
from msgspec.structs import replace

from makemore_tui.core.results import EmbeddingMap, Unavailable
from makemore_tui.core.worker.protocol import EmbeddingView
from makemore_tui.tui.style.cells import cell_len
from makemore_tui.tui.widgets.embedding import EmbeddingPanel

pytestmark = pytest.mark.asyncio(loop_scope="module")

FIVE = tuple(".abcd")
CROSS = [(0.0, 0.0), (1.0, 0.0), (-1.0, 0.0), (0.0, 1.0), (0.0, -1.0)]


def made(points=CROSS, labels=FIVE, dimensions=2, shares=(0.5, 0.3)):
    vowels = [label in "aeiou" for label in labels]
    return EmbeddingMap(labels, list(points), vowels, dimensions, shares)


@pytest.fixture
def draw(stage, snapshot):
    """Draws maps one after the other in so many cells; the panel and the text of its rows."""

    async def draw(*maps, width=41, height=21):
        panel = EmbeddingPanel()
        shown = [replace(snapshot(), embedding=one) for one in maps]
        return panel, await stage.play(panel, width, height, *shown)

    return draw


def places(rows, labels=FIVE):
    """The row and column of each label, the number at the axis' end left out."""
    lines = [re.sub(r"\d\.\d", "   ", line) for line in rows]
    return {
        label: (y, x) for y, line in enumerate(lines) for x, label in enumerate(line)
        if label in labels
    }  # fmt: skip


def styles(panel, label):
    rows = [panel.render_line(y) for y in range(panel.content_size.height)]
    return next(one.style for line in rows for one in line if one.text == label)


async def test_right_is_right_up_is_up_and_both_are_as_far(draw):
    _, rows = await draw(made())
    at = places(rows)
    assert at["."] == (10, 20)
    assert at["a"][0] == at["b"][0] == 10
    assert at["c"][1] == at["d"][1] == 20
    right, left = at["a"][1] - 20, 20 - at["b"][1]
    up, down = 10 - at["c"][0], at["d"][0] - 10
    assert right == left > 15
    assert abs(right - 2 * up) <= 1
    assert up == down


async def test_faint_axes_go_through_nothing(draw):
    _, rows = await draw(made([(2, 2), (4, 4), (3, 2), (2, 4), (4, 2)]))
    y = next(i for i, line in enumerate(rows) if "┼" in line)
    x = rows[y].index("┼")
    assert set(rows[y][x + 1 : x + 30]) == {"─"}
    assert {line[x] for line in rows[:y]} == {"│"}
    assert all(down < y and right > x for down, right in places(rows).values())


async def test_the_number_at_the_end_of_the_axis_is_there_whole_or_not_at_all(draw):
    free = [(0.0, 0.0), (1.0, 1.0), (-1.0, 0.0), (0.0, 1.0), (0.0, -1.0)]
    _, rows = await draw(made(free))
    assert rows[10].endswith("─1.0")
    for right in (0.93, 1.0):
        _, rows = await draw(made([*free[:4], (right, 0.0)]))
        axis = next(line for line in rows if "d" in line)
        assert re.fullmatch(r"[─┼.bd]+", axis)


async def test_vowels_and_the_boundary_are_told_by_more_than_colour(draw):
    panel, _ = await draw(made())
    vowel, other, boundary = (styles(panel, label) for label in "ab.")
    assert vowel.underline and not other.underline  # noqa: PT018
    assert boundary.reverse and not other.reverse  # noqa: PT018
    assert vowel.color != other.color
    assert "vowels underlined" in str(panel.border_subtitle)


async def test_characters_on_one_point_stand_next_to_each_other(draw):
    _, rows = await draw(made([(1.0, 1.0)] * 4 + [(-1.0, -1.0)]))
    at = places(rows)
    assert set(at) == set(FIVE)
    assert len(set(at.values())) == 5
    y, x = at["."]
    assert all(abs(at[label][0] - y) <= 1 and abs(at[label][1] - x) <= 2 for label in "abc")


async def test_wide_characters_take_two_cells(draw):
    labels = (".", "日", "本", "a", "b")
    _, rows = await draw(made([(0.5, 0.5)] * 5, labels))
    assert all(any(label in line for line in rows) for label in labels)
    assert {cell_len(line) <= 41 for line in rows} == {True}


@pytest.mark.parametrize(("dimensions", "shares"), [(1, (1.0, 0.0)), (2, (0.6, 0.4))])
async def test_one_or_two_dimensions_are_all_there_is(draw, dimensions, shares):
    panel, _ = await draw(made(dimensions=dimensions, shares=shares))
    assert f"{dimensions}-d" in panel.border_title
    assert "%" not in str(panel.border_subtitle)


async def test_of_more_dimensions_the_shares_are_told(draw):
    panel, _ = await draw(made(dimensions=10, shares=(0.431, 0.217)))
    assert "10-d" in panel.border_title
    assert "43%" in str(panel.border_subtitle)
    assert "22%" in str(panel.border_subtitle)


async def test_the_range_grows_at_once_and_shrinks_slowly(draw, stage, snapshot):
    panel, rows = await draw(made())
    farthest = places(rows)["a"][1]
    panel.show(replace(snapshot(), embedding=made([(3 * x, 3 * y) for x, y in CROSS])))
    assert places(stage.rows(panel))["a"][1] == farthest
    before = farthest
    panel.show(replace(snapshot(), embedding=made()))
    first = places(stage.rows(panel))["a"][1]
    assert first < farthest - 8
    now = before
    for _ in range(60):
        panel.show(replace(snapshot(), embedding=made()))
        now = places(stage.rows(panel))["a"][1]
        assert abs(now - before) <= 2 or before == farthest
        before = now
    assert now == farthest


async def test_a_small_move_is_a_small_move(draw, stage, snapshot):
    panel, _ = await draw(made())
    before = places(stage.rows(panel))
    for i in range(1, 30):
        points = [(x * (1 + i / 100), y + i / 200) for x, y in CROSS]
        panel.show(replace(snapshot(), embedding=made(points)))
        now = places(stage.rows(panel))
        assert all(
            abs(now[one][0] - before[one][0]) <= 1 and abs(now[one][1] - before[one][1]) <= 1
            for one in FIVE
        )
        before = now


async def test_another_run_has_a_range_of_its_own(draw, stage, snapshot):
    panel, rows = await draw(made([(9 * x, 9 * y) for x, y in CROSS]))
    panel.show(replace(snapshot(runs=2), embedding=made()))
    assert places(stage.rows(panel)) == places(rows)


async def test_the_map_stays_until_the_next_one(draw, stage, snapshot):
    panel, rows = await draw(made())
    panel.show(snapshot(step=5000))
    assert stage.rows(panel) == rows


async def test_without_an_embedding_it_says_why(draw):
    _, rows = await draw(Unavailable("a model of kind ngram has no embedding"), width=30)
    assert " ".join(rows).strip() == "a model of kind ngram has no embedding"


async def test_no_size_does_harm(draw, stage, snapshot):
    many = tuple(chr(0x100 + i) for i in range(400))
    maps = [
        made(),
        made([(0.0, 0.0)] * 5, dimensions=1, shares=(0.0, 0.0)),
        made([(i % 20, i // 20) for i in range(400)], many),
        made([(1e30, -1e30), (1e-30, 0), (0, 0), (0, 0), (5, 5)]),
    ]
    for one in maps:
        for width, height in [(1, 1), (2, 9), (40, 2), (57, 14), (196, 56)]:
            _, rows = await draw(one, width=width, height=height)
            assert len(rows) == height


async def test_its_key_shows_it_and_asks_for_its_view(it):
    await it.press("6")
    await it.until(lambda: it.chosen == "embedding")
    await it.until(lambda: any(EmbeddingView() in one.views for one in it.engine.refreshes))
    await it.until(lambda: "┼" in it.text("embedding"))
    await it.press("3")
    await it.until(lambda: "embedding" not in it.shown_panels)
