"""The probe: a line to type into, what may follow it, and how surprising it is."""

import math

import pytest
from msgspec.structs import replace
from textual.widgets import Input

from makemore_tui.core.results import (
    Candidate,
    Draw,
    DrawnPart,
    Probe,
    ProbedCharacter,
    Unavailable,
)
from makemore_tui.core.worker.protocol import ProbeView
from makemore_tui.tui.style.cells import cell_len
from makemore_tui.tui.widgets.probe import ProbePanel

pytestmark = pytest.mark.asyncio(loop_scope="module")

LETTERS = tuple(Candidate(label, 0.4 / (1 + i)) for i, label in enumerate(".abcdefghijkl"))


def made(text="em", surprisals=(1.0, 5.5, 0.1), following=LETTERS, dev: float | None = 2.17):
    others = (Candidate("a", 0.41), Candidate("e", 0.22), Candidate("o", 0.08))
    characters = tuple(
        ProbedCharacter(label, math.exp(-surprisal), surprisal, others)
        for label, surprisal in zip(f"{text}.", surprisals, strict=True)
    )
    return Probe(text, following, characters, sum(surprisals) / len(surprisals), dev)


@pytest.fixture
def draw(stage, snapshot):
    """Draws a probe in so many cells; the panel and the text of its rows."""

    async def draw(probe, width=19, height=16):
        panel = ProbePanel()
        return panel, await stage.play(panel, width, height, replace(snapshot(), probe=probe))

    return draw


async def test_the_first_row_is_left_to_the_line_that_is_typed_into(draw):
    panel, rows = await draw(made())
    assert rows[0] == ""
    assert panel.query_one(Input).region.height == 1


async def test_each_character_has_its_surprisal_as_colour_and_as_height(draw):
    panel, rows = await draw(made(surprisals=(1.0, 5.9, 0.1)))
    assert rows[1].split() == ["e", "m", "."]
    assert rows[2].split() == ["▂", "█", "▁"]
    letters = [one.style for one in panel.render_line(1) if one.text in "em."]
    assert len({style.bgcolor for style in letters}) == 3


async def test_the_most_surprising_one_is_told_more_closely(draw):
    panel, rows = await draw(made())
    assert rows[3] == "m 5.50  a .41 e .22"
    marked = [one.text for one in panel.render_line(1) if one.style and one.style.underline]
    assert marked == ["m"]


async def test_the_mean_stands_against_that_of_dev(draw):
    _, rows = await draw(made())
    assert rows[4] == "mean 2.20  dev 2.17"
    _, rows = await draw(made(dev=None))
    assert rows[4] == "mean 2.20"


async def test_what_may_follow_stands_likeliest_first_with_bars(draw):
    _, rows = await draw(made())
    assert rows[6] == "after em"
    assert [row[0] for row in rows[7:]] == list(".abcdefgh")
    assert [row[-5:] for row in rows[7:10]] == ["0.400", "0.200", "0.133"]
    lengths = [row.count("█") for row in rows[7:]]
    assert lengths == sorted(lengths, reverse=True)
    assert lengths[:2] == [11, 5]


async def test_in_a_wide_panel_bars_stand_in_columns_as_few_as_hold_them(draw):
    _, rows = await draw(made(), width=90, height=12)
    assert [row[0] for row in rows[6:]] == list(".abcde")
    assert [row[30] for row in rows[6:]] == list("fghijk")
    assert rows[6][60] == "l"
    _, rows = await draw(made(), width=90, height=40)
    assert all(len(row.split()) == 3 for row in rows[7:20])


async def test_the_empty_text_is_the_beginning_and_is_not_read(draw):
    _, rows = await draw(made("", (1.0,)))
    assert rows[1] == "at the start"
    assert rows[2].startswith(". █")


async def test_what_the_model_holds_impossible_is_infinitely_surprising(draw):
    _, rows = await draw(made(surprisals=(1.0, math.inf, 0.1)))
    assert rows[3].startswith("m ∞")
    assert rows[4].startswith("mean ∞")
    assert "█" in rows[2]


async def test_a_text_that_cannot_be_probed_has_its_reason(draw):
    why = "'!' in 'a!' is not a character of the data, which has 26: abcdefghijklmnopqrstuvwxyz"
    _, rows = await draw(Unavailable(why))
    assert "".join("".join(rows).split()) == "".join(why.split())


async def test_as_many_characters_are_asked_for_as_there_is_room(draw):
    panel, _ = await draw(made(), width=19, height=16)
    assert panel.view() == ProbeView("", 16)
    panel, _ = await draw(made(), width=80, height=10)
    assert panel.view().most == 30


async def test_no_size_does_harm(draw):
    long = "".join("abcdefghij"[i % 10] for i in range(90))
    probes = [
        made(),
        made("", (1.0,)),
        made("日本", (1.0, math.inf, 3.0), tuple(Candidate(one, 0.2) for one in "日本a.")),
        made(long, tuple(i / 10 for i in range(91))),
        made(following=()),
        made(following=tuple(Candidate(one, 0.0) for one in "ab")),
        Unavailable("x" * 300),
    ]
    for probe in probes:
        for width, height in [(1, 1), (3, 9), (19, 2), (19, 16), (57, 11), (116, 36)]:
            _, rows = await draw(probe, width, height)
            assert all(cell_len(row) <= width for row in rows)


async def test_of_a_long_text_the_chosen_character_is_in_view(draw):
    surprisals = [0.5] * 60
    surprisals[40] = 5.0
    text = "abcdefghij" * 5 + "abcdefghi"
    _, rows = await draw(made(text, tuple(surprisals)))
    assert "▇" in rows[2]
    assert rows[3].startswith("a 5.00")


# Typing


def asked_texts(it):
    views = [view for one in it.engine.refreshes for view in one.views]
    return [view.text for view in views if isinstance(view, ProbeView)]


async def start_typing(it):
    await it.press("/")
    await it.until(lambda: isinstance(it.screen.focused, Input))
    it.screen.focused.value = ""
    await it.until(lambda: asked_texts(it) and asked_texts(it)[-1] == "")


async def stop_typing(it):
    await it.press("escape")
    await it.until(lambda: it.chosen == "probe")


async def test_what_is_typed_is_probed_and_presses_no_other_key(it):
    await start_typing(it)
    signs = ["q", "r", "m", "z", " ", "[", "=", "-", "/", "?", "1", "B", "{", ","]
    await it.press(*signs)
    text = "qrmz [=-/?1B{,"
    await it.until(lambda: asked_texts(it)[-1] == text)
    assert it.engine.commands == []
    assert it.chosen != "loss"
    assert it.app.screen is it.screen
    assert not it.screen.has_class("zoomed")
    await stop_typing(it)


async def test_the_arrows_move_within_the_text_alone(it):
    before = it.screen.query_one("#bigrams").cursor
    await start_typing(it)
    await it.press("e", "m", "m", "a", "up", "down", "left", "left", "left", "right", "x")
    await it.until(lambda: asked_texts(it)[-1] == "emxma")
    assert it.screen.query_one("#bigrams").cursor == before
    await stop_typing(it)


def at_cursor(it):
    """What is told of the character at the cursor."""
    return "".join(it.text("probe").split("\n")[3:4])


async def test_the_character_at_the_cursor_is_told_more_closely(it):
    await start_typing(it)
    await it.press("e", "m", "m", "a")
    await it.until(lambda: at_cursor(it).startswith(". 5.00"))
    await it.press("left", "left", "left", "left")
    await it.until(lambda: at_cursor(it).startswith("e 1.00"))
    await it.press("right")
    await it.until(lambda: at_cursor(it).startswith("m 2.00"))
    await stop_typing(it)


async def test_the_cursor_is_followed_at_rest_too(explorer, snapshot):
    async with explorer(first=snapshot(state="paused")) as it:
        await it.press("/", *"emma")
        await it.until(lambda: at_cursor(it).startswith(". 5.00"))
        await it.until(lambda: not it.screen._timer._active.is_set())
        await it.press("home")
        await it.until(lambda: at_cursor(it).startswith("e 1.00"))


@pytest.mark.parametrize("key", ["escape", "enter"])
async def test_escape_and_enter_give_the_keys_back_and_keep_the_text(it, key):
    await start_typing(it)
    await it.press("a", "b")
    await it.until(lambda: asked_texts(it)[-1] == "ab")
    await it.press(key)
    await it.until(lambda: it.chosen == "probe")
    await it.press("s")
    await it.until(lambda: it.engine.commands)
    assert it.screen.query_one("#probe Input", Input).value == "ab"


async def test_the_footer_offers_no_key_that_would_type(it):
    await start_typing(it)
    footer = lambda: it.painted().split("\n")[-1]  # noqa: E731
    await it.until(lambda: footer().split() == ["enter", "leave", "the", "text"])
    await stop_typing(it)


async def test_the_bars_follow_the_training(it):
    await it.press("7")
    await it.until(lambda: it.chosen == "probe")
    await it.until(lambda: asked_texts(it))
    await it.until(lambda: asked_texts(it).count(asked_texts(it)[-1]) >= 3)


async def test_the_newest_probe_is_drawn(draw, stage, snapshot):
    panel, rows = await draw(made("", (1.0,)))
    panel.show(snapshot(step=5000))
    assert stage.rows(panel) == rows
    probe = made("", (1.0,), (Candidate("x", 0.9),))
    panel.show(replace(snapshot(step=5000), probe=probe))
    assert stage.rows(panel)[2].startswith("x ███")


# Drawn by hand


def value(it):
    return it.screen.query_one(ProbePanel).query_one(Input).value


async def test_enter_draws_a_sample_character_by_character_and_then_the_next(explorer, snapshot):
    async with explorer(first=snapshot(state="paused")) as it:
        await it.press("7", "enter", "enter")
        await it.until(lambda: value(it) == "an" and "n 0.25: 0.20-0.30" in it.text("probe"))
        await it.press("enter", "enter", "enter")
        await it.until(lambda: value(it) == "anna" and ". 0.25: 0.20-0.30" in it.text("probe"))
        await it.press("enter")
        await it.until(lambda: value(it) == "b")
        await it.press("/", "o", "x", "enter")  # which ends the typing only
        await it.until(lambda: it.chosen == "probe" and value(it) == "box")
        await it.until(lambda: "0.25:" not in it.text("probe"))
        await it.press("enter")
        await it.until(lambda: value(it) == "boxa")  # of sample 0 again
        assert not it.engine.commands


AROUND = (
    DrawnPart(".", 0, 0.2), DrawnPart("a", 0.2, 0.21), DrawnPart("b", 0.21, 0.3),
    DrawnPart("c", 0.3, 0.4), DrawnPart("d", 0.4, 0.5),
)  # fmt: skip


async def test_a_draw_stands_among_the_intervals_that_are_laid_end_to_end(draw):
    panel, _ = await draw(made("b", (1.0, 9.0)), width=19, height=11)
    panel._draws = [Draw(0, 0.25, 0.21, 0.3, "b", "b", AROUND)]
    rows = ["".join(one.text for one in row) for row in panel.rows(panel.snapshot, 19, 11)]
    assert rows[1].split() == ["b"]  # that the name ends here is not drawn
    assert rows[3] == "b 0.25: 0.21-0.30"
    assert [row[:2] for row in rows[4:7]] == [" a", "▸b", " c"]
    assert [row[-9:] for row in rows[4:7]] == ["0.20-0.21", "0.21-0.30", "0.30-0.40"]
    assert rows[7] == "after b"


async def test_when_the_end_is_drawn_the_name_is_said_to_be_finished(draw):
    panel, _ = await draw(made("b", (1.0, 9.0)), width=19, height=11)
    panel._draws = [Draw(0, 0.1, 0.0, 0.2, ".", "", AROUND)]
    rows = ["".join(one.text for one in row) for row in panel.rows(panel.snapshot, 19, 11)]
    assert rows[1].split() == ["b", "."]
    assert rows[4].startswith("▸.")
    assert rows[7:] == ["b is finished", "The next draw", "begins another."]


async def test_the_draws_of_a_walk_stand_in_a_ladder_where_there_is_room(draw):
    panel, _ = await draw(made(), width=80, height=30)
    panel._draws = [Draw(0, 0.25, 0.2, 0.3, "e", "e"), Draw(0, 0.5, 0.4, 0.9, ".", "")]
    panel.relayout()
    rows = panel.rows(panel.snapshot, 80, 30)
    lines = ["".join(segment.text for segment in row) for row in rows]
    assert "e drew 0.2500, in [0.2000, 0.3000) of the cumulative" in lines
    assert ". drew 0.5000, in [0.4000, 0.9000) of the cumulative · end" in lines
