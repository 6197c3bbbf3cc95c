"""The names panel: names, marks and columns."""

import pytest
from msgspec.structs import replace

from makemore_tui.core.results import Sample
from makemore_tui.core.worker.protocol import NamesView, Sampling
from makemore_tui.tui.style.cells import cell_len
from makemore_tui.tui.widgets.names import NamesPanel
from tests.support.snapshots import pair, sampled

pytestmark = pytest.mark.asyncio(loop_scope="module")


def names(*texts, seen=()):
    return sampled(*(Sample(text, text in seen) for text in texts))


@pytest.fixture
def draw(stage, snapshot):
    """Draws names in so many cells; the text of the rows."""

    async def draw(made, width=20, height=6, panel=None):
        return await stage.play(panel or NamesPanel(), width, height, snapshot(names=made))

    return draw


async def test_each_name_is_marked_as_new_or_in_the_data(draw):
    panel = NamesPanel()
    rows = await draw(names("carmahela", "kaleigh", seen=["kaleigh"]), panel=panel)
    assert [row.split() for row in rows[:2]] == [["carmahela", "new"], ["kaleigh", "in", "data"]]
    assert set(rows[2:]) == {""}
    assert panel.border_subtitle == "T 1 · top-k all"


async def test_below_the_names_stand_the_shares_of_the_last_ones(draw):
    made = names("ann", "ann", "kaleigh", seen=["kaleigh"])
    rows = await draw(made, width=20, height=12)
    assert rows[-3:] == ["67% new", "67% distinct", "4.3 long, data 6.1"]
    assert [row.split()[0] for row in rows[:3]] == ["ann", "ann", "kaleigh"]
    rows = await draw(made, width=30, height=8)
    assert rows[-2:] == ["67% new · 67% distinct", "4.3 long, data 6.1"]
    rows = await draw(made, width=70, height=4)
    assert rows[-1] == "67% new · 67% distinct · 4.3 long, data 6.1 · last 3"
    rows = await draw(made, width=70, height=3)
    assert not any("distinct" in row for row in rows)


async def test_in_a_narrow_panel_a_sign_marks_them(draw):
    rows = await draw(names("ann", "kaleigh", seen=["kaleigh"]), width=12)
    assert [row.split() for row in rows[:2]] == [["ann", "+"], ["kaleigh", "="]]


async def test_a_wide_panel_has_columns(draw):
    rows = await draw(names("ann", "bob", "cid", "dora", "eve"), width=72, height=3)
    assert [row.split() for row in rows] == [
        ["ann", "new", "bob", "new", "cid", "new"],
        ["dora", "new", "eve", "new"],
        [],
    ]
    assert rows[0].index("bob") == rows[1].index("eve") == 24


@pytest.mark.parametrize("width", [48, 60, 76, 100])
async def test_columns_stand_apart(draw, width):
    made = names("a" * 30, "b" * 30, "c" * 30, "d" * 30, seen=["a" * 30, "b" * 30, "c" * 30])
    rows = await draw(made, width=width)
    assert "in data   bbb" in rows[0]


SCRIPTS = ["கி", "கே", "हिन्दी", "ก็", "שָׁלוֹם", "مُحَمَّد", "e\u0301", "👨\u200d👩\u200d👧", "👍🏽", "🇩🇪"]


@pytest.mark.parametrize(
    "text", ["[red]x[/red]", "[/]", "日本語", "日" * 20, "é", "a" * 60, "\\x", *SCRIPTS]
)
async def test_any_name_is_shown_as_text_with_the_marks_in_one_column(draw, text):
    rows = await draw(names("ann", text), width=20)
    marks = [cell_len(row[: row.index("new")]) for row in rows[:2]]
    assert marks[0] == marks[1]
    shown = rows[1][: rows[1].index("new")].strip()
    assert shown == text or (shown.endswith("…") and text.startswith(shown[:-1].strip()))


async def test_names_are_shown_without_what_a_terminal_acts_on(draw):
    rows = await draw(names("a\x1b[2Jb", "\u0301e", "க\u0bbf"), width=30)
    assert [row.split()[0] for row in rows[:3]] == ["a␛[2Jb", "◌\u0301e", "க\u0bbf"]


async def test_a_long_name_is_cut_where_the_mark_begins(draw):
    rows = await draw(names("a" * 40), width=20)
    assert rows[0] == "a" * 10 + "… new"


async def test_an_empty_name_is_named(draw):
    assert (await draw(names("")))[0].split() == ["(empty)", "new"]


async def test_it_waits_for_the_first_names(stage, snapshot):
    assert (await stage.play(NamesPanel(), 20, 4, snapshot()))[0] == "…"


async def test_the_names_stay_until_the_next_ones_or_another_run(draw, stage, snapshot):
    panel = NamesPanel()
    rows = await draw(names("ann"), panel=panel)
    panel.show(snapshot(step=9))
    assert stage.rows(panel) == rows
    panel.show(replace(snapshot(runs=2), names=names("bob")))
    assert stage.rows(panel)[0].startswith("bob")
    panel.show(snapshot(runs=3))
    assert stage.rows(panel)[0] == "…"


@pytest.mark.parametrize(
    ("width", "height", "count"), [(20, 6, 6), (20, 12, 9), (72, 10, 27), (200, 60, 472)]
)
async def test_as_many_names_are_asked_for_as_there_is_room(draw, width, height, count):
    panel = NamesPanel()
    await draw(names("ann"), width=width, height=height, panel=panel)
    assert panel.view().count == count


async def test_no_width_does_harm(draw, snapshot):
    panel = NamesPanel()
    made = names("ann", "日本語", "", "a" * 90, "[red]", seen=["ann"])
    await draw(made, panel=panel)
    for width in range(1, 100):
        assert panel.rows(snapshot(), width, 5)


@pytest.mark.parametrize("side", ["a", "b"])
async def test_names_of_a_pair_stand_side_by_side_with_what_differs_underlined(
    stage, snapshot, side
):
    of_a, of_b = names("carmaya", "ann", "e\u0301a", ""), names("carmahela", "ann", "eu", "bo")
    chosen, other = (of_a, of_b) if side == "a" else (of_b, of_a)
    now = snapshot(names=replace(chosen, other=other.samples), pair=pair(side))
    panel = NamesPanel()
    rows = await stage.play(panel, 30, 6, now)
    assert [row.replace("+", "").split() for row in rows[:5]] == [
        ["A", "B"], ["carmaya", "carmahela"], ["ann", "ann"], ["e\u0301a", "eu"], ["(empty)", "bo"],
    ]  # fmt: skip
    assert underlined(panel) == ["ya", "hela", "e\u0301a", "eu", "(empty)", "bo"]
    assert panel.view().count == 5
    assert "4 Names · A and B" in str(panel.border_title)
    rows = await stage.play(panel := NamesPanel(), 22, 6, now)
    assert [row.split()[0] for row in rows[:2]] == [chosen.samples[0].text, "ann"]
    assert underlined(panel)[0] == ("ya" if side == "a" else "hela")
    assert f"4 Names · {side.upper()}" in str(panel.border_title)


def underlined(panel):
    """The underlined parts of a panel's rows."""
    lines = (panel.render_line(y) for y in range(panel.content_size.height))
    parts = (part for line in lines for part in line if part.text and part.style)
    return [part.text for part in parts if part.style.underline]


# Temperature and top-k


async def test_keys_change_how_names_are_sampled_wherever_the_focus_is(it):
    panel = it.screen.query_one(NamesPanel)
    await it.press("h", "h", "J")
    await it.until(lambda: panel.sampling == Sampling(0.8, 20))
    await it.until(lambda: Sampling(0.8, 20) in samplings_asked(it))
    await it.until(lambda: "temperature 0.8 · top-k 20" in it.notice)
    assert panel.border_subtitle == "T 0.8 · top-k 20"
    await it.press("K", "H", "H")
    await it.until(lambda: panel.sampling == Sampling())
    assert it.engine.commands == []


async def test_temperature_and_top_k_are_typed_ahead_in_the_chosen_panel(it):
    panel = it.screen.query_one(NamesPanel)
    await it.press("4", "enter")
    await it.until(
        lambda: str(it.screen.query_one("#names").border_subtitle) == "temperature top-k"
    )
    await it.press(*"0.5 7", "enter")
    await it.until(lambda: panel.sampling == Sampling(0.5, 7))
    await it.until(lambda: it.app.focused is panel)
    await it.press("enter", *"x", "enter")
    await it.until(lambda: "such as 0.8 5" in it.notice)
    assert it.app.focused is not panel
    await it.press("escape")
    await it.until(lambda: it.app.focused is panel)
    assert panel.sampling == Sampling(0.5, 7)
    await it.press("enter", *"1 all", "enter")
    await it.until(lambda: panel.sampling == Sampling())


def samplings_asked(it):
    return [
        view.sampling
        for refresh in it.engine.refreshes
        for view in refresh.views
        if isinstance(view, NamesView)
    ]
