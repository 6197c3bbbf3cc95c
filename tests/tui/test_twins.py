"""A pair of runs in the explorer: forked, chosen from, kept, undone."""

import pytest

from makemore_tui.core.worker.protocol import ChooseSide, Edit, Fork, Keep
from makemore_tui.tui.screens.command_palette import commands

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


async def test_what_a_pair_refuses_names_the_keys_that_end_it(it):
    await it.press("T", "T")
    said = "Not with two runs side by side · F3 to keep A, F4 to keep B"
    await it.until(lambda: it.notice == said)
