"""A pair of runs in the explorer: forked, chosen from, kept, undone."""

import math

import pytest
from msgspec.structs import replace

from makemore_tui.core.results import JUDGED
from makemore_tui.core.worker.protocol import ChooseSide, Edit, Fork, Keep
from makemore_tui.tui.plots.loss_options import LossOptions
from makemore_tui.tui.plots.twins_plot import twins_curve, twins_rows
from makemore_tui.tui.screens.command_palette import commands
from makemore_tui.tui.screens.help import HelpScreen
from makemore_tui.tui.style.colours import DARK
from tests.support.snapshots import dev_difference, paired, twins

pytestmark = pytest.mark.asyncio(loop_scope="module")


def pair_keys(it):
    """The keys of a pair that can be pressed now."""
    return {"V", "f3", "f4"} & it.screen.active_bindings.keys()


def titles(it):
    return [command.title for command in commands(it.app, it.screen)]


async def test_the_keys_of_a_pair_are_offered_while_there_is_one(it):
    assert not pair_keys(it)
    assert "Keep B  (F4)" not in titles(it)
    await it.press("V", "f3")
    await it.ticks(2)
    assert it.engine.commands == []
    await it.press("T")
    await it.until(lambda: pair_keys(it) == {"V", "f3", "f4"})
    assert "Keep B  (F4)" in titles(it)
    await it.until(lambda: "V side  F3 F4 keep A/B" in it.painted())
    await it.press("u")
    await it.until(lambda: not pair_keys(it))
    await it.until(lambda: "keep A/B" not in it.painted())


async def test_what_is_pressed_ahead_acts_on_the_pair_that_will_be_there(it):
    it.engine.answers = False
    await it.press("T", "V", "[", "f4", "T")
    await it.until(lambda: len(it.engine.commands) == 5)
    edit = Edit({"learning_rate": 0.0562})
    assert it.engine.commands == [Fork(), ChooseSide("a"), edit, Keep("b"), Fork()]


async def test_an_edit_ahead_builds_on_the_one_before_the_side_was_left(it):
    it.engine.answers = False
    await it.press("T", "[", "V", "V", "[")
    await it.until(lambda: len(it.engine.commands) == 5)
    rates = [one.changes["learning_rate"] for one in it.engine.commands if isinstance(one, Edit)]
    assert rates == [0.0562, 0.0316]


async def test_each_step_of_a_pair_is_said(it):
    await it.press("T")
    await it.until(lambda: it.notice.startswith("Forked; edits act on B"))
    await it.press("V")
    await it.until(lambda: it.notice.startswith("Keys act on A"))
    await it.press("V")
    await it.until(lambda: it.notice.startswith("Keys act on B"))
    await it.press("f4")
    await it.until(lambda: it.notice == "Kept B; A is a previous run · u to undo")
    await it.press("u")
    await it.until(lambda: it.notice.startswith("A and B again, at step 1,200"))
    await it.press("u")
    await it.until(lambda: it.notice.startswith("Undid fork: A alone"))


@pytest.mark.parametrize("press", ["T", "d", "f2"])
async def test_what_a_pair_refuses_names_the_keys_that_end_it(it, press):
    await it.press("T")
    await it.until(lambda: it.notice.startswith("Forked"))
    await it.press(press)
    said = "Not with two runs side by side · F3 to keep A, F4 to keep B"
    await it.until(lambda: it.notice == said)
    assert it.app.screen is it.screen
    assert not it.screen.lessons.display


async def test_the_status_line_says_both_losses_and_what_can_be_said(it, snapshot):
    better = paired(snapshot(learning_rate=0.05))
    await it.show(better)
    assert " A 2.170 · ▸B 2.170 · B better by 0.0200 ± 0.0020" in it.status
    none = dev_difference(1100, 0.001)
    assert better.pair is not None
    a = replace(better.pair.a, step=900)
    await it.show(paired(better, difference=none, side="a", a=a))
    assert "▸A 2.170 at 900 ·  B 2.170 at 1,200" in it.status


async def test_the_settings_stand_side_by_side_and_what_differs_is_marked(it, snapshot):
    await it.show(paired(snapshot(learning_rate=0.05, hidden=300)))
    assert it.text("settings").split("\n")[0].split() == ["A", "▸B"]
    assert it.value("learning rate").split() == ["learning", "rate", "0.1", "≠", "0.05"]
    assert it.value("hidden").split() == ["hidden", "200", "≠", "300"]
    assert it.value("context").split()[:3] == ["context", "3", "3"]
    await it.press("2", *["j"] * 30)  # to the last one, with which the first are out of sight
    await it.until(lambda: "learning rate" not in it.text("settings"))
    assert it.text("settings").split("\n")[0].split() == ["A", "▸B"]
    await it.press(*["k"] * 30)
    it.engine.requests.clear()
    await it.press("j", "right")
    await it.until(lambda: it.engine.commands == [Edit({"learning_rate": 0.0562})])


async def test_a_value_is_typed_where_that_of_the_chosen_run_stands(it, snapshot):
    for side in ("a", "b"):
        await it.show(paired(snapshot(learning_rate=0.05), side=side))
        await it.press("2", "j", "enter")
        await it.until(lambda: it.chosen == "" and it.screen.query("#settings Input"))
        line = it.screen.focused
        row = it.text("settings").split("\n")
        heading = next(one for one in row if f"▸{side.upper()}" in one)
        assert line.styles.offset.x.value == heading.index("▸")
        await it.press("escape")


def rows(now, width=76, height=17, **options):
    drawn = replace(now, twins=now.twins or twins())
    curve = twins_curve(drawn.twins, 1000)
    lines = twins_rows(drawn, curve, width, height, LossOptions(**options), DARK)
    return ["".join(segment.text for segment in line).rstrip() for line in lines]


async def test_the_loss_plot_shows_both_and_under_them_the_difference(snapshot):
    shown = rows(paired(snapshot()))
    assert len(shown) == 17
    assert " ".join(shown[0].split()) == "━ A 2.158 ╍ dev 2.170 ▸━ B 2.138 ╍ dev 2.170"
    said = "B is better by 0.0200 ± 0.0020 nats at step 1,100 (paired over 3,218 names)"
    below = shown[shown.index(said) :]
    assert len(below) == 7  # the difference, with its axis of steps
    assert [line[:6] for line in below[1:5]] == ["     │", "    0┤", "     │", " -.04┤"]
    assert "─" * 20 in below[2]
    assert "↓ B better" in below[3]
    assert any("░" in line for line in rows(paired(snapshot()), height=40)[25:])


async def test_a_small_plot_has_the_sentence_and_one_narrower_has_it_short(snapshot):
    shown = rows(paired(snapshot()), height=11)
    assert shown[1].startswith("B is better by 0.0200")
    assert len(shown) == 11
    assert rows(paired(snapshot()), width=60, height=11)[1].startswith("B better by 0.0200")
    for width in range(1, 30, 4):
        assert rows(paired(snapshot()), width)
        assert len(rows(paired(snapshot(), difference=None), 60, width)) <= max(2, width)


async def test_minibatches_that_are_not_paired_leave_the_difference_of_dev(snapshot):
    why = "A has batch size 32 and B 64, so their minibatch losses can't be paired"
    shown = rows(replace(paired(snapshot(), unpaired=why), twins=twins(difference=[])))
    assert shown[-7].startswith("A has batch size 32 and B 64")
    assert any("⣀" <= sign <= "⣿" for line in shown[-6:] for sign in line)


async def test_a_b_that_explodes_leaves_a_to_be_seen(snapshot):
    b = [3.0 if step < 500 else math.inf if step > 800 else 40.0 for step in twins().steps]
    found = dev_difference(700, math.inf, math.inf)
    exploded = twins(b=b, difference=[40.0 - 2.2] * 100, dev=[dev_difference(600), found])
    shown = rows(replace(paired(snapshot(), difference=found), twins=exploded))
    assert "The dev loss of B is not finite at step 700, so they can't be compared" in shown[10]
    assert "2.20" in "".join(shown[:10])


async def test_the_help_says_what_is_judged(it):
    await it.press("?")
    await it.until(lambda: isinstance(it.app.screen, HelpScreen))
    assert JUDGED in dict(it.app.screen._sections()["Twins"]).values()
    await it.press("escape")
    await it.until(lambda: it.app.screen is it.screen)
