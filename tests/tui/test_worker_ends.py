"""A worker that has ended: another takes its place, or a key starts one."""

import pytest

from makemore_tui.core.results import Divergence, Mark, Saving
from makemore_tui.core.worker.protocol import (
    Failed,
)
from makemore_tui.tui.client.engine import WorkerDied
from makemore_tui.tui.screens.help import HelpScreen

DIED = "the worker was ended by signal 9"


BROKEN = "the worker stopped: no torch today"


pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_killed_worker_is_followed_by_another_that_goes_on_where_it_was(explorer, snapshot):
    async with explorer() as it:
        saving = Saving("/runs", "/runs/mine", 1_100)
        it.engine.become(step=1_234, saving=saving, can_undo="lr 0.2")
        await it.until(lambda: "step 1,234" in it.status)
        it.engine.first = snapshot(step=1_100, saving=saving)
        it.engine.tell(WorkerDied(DIED, was_killed=True))
        await it.until(lambda: it.engine.starts == 2 and DIED in it.notice)
        assert it.engine.after.step == 1_234
        assert it.engine.after.saving == saving
        await it.until(lambda: "goes on from step 1,100" in it.notice)
        assert "undo history and previous runs are lost" in it.notice
        await it.until(lambda: "step 1,100" in it.status)
        await it.until(lambda: it.engine.refreshes)


async def test_an_edit_of_a_diverged_run_leaves_said_that_it_has(it, snapshot):
    divergence = Divergence(1_230, Mark(1_200, "lr 50"), "lr 50")
    await it.show(snapshot(state="diverged", step=1_234, divergence=divergence))
    await it.press("]")
    await it.until(lambda: it.engine.commands)
    await it.until(lambda: "not finite at step 1,230" in it.notice)
    await it.until(lambda: "0.178" in it.value("learning rate"))
    assert "not finite at step 1,230" in it.notice


async def test_that_the_worker_is_starting_is_said_until_it_has_begun(explorer, snapshot):
    async with explorer(first=None) as it:
        await it.press("space")
        await it.until(lambda: it.notice == "The worker is still starting")
        await it.show(snapshot())
        await it.until(lambda: it.notice == "")


async def test_while_no_worker_answers_keys_are_lost(explorer, snapshot):
    async with explorer() as it:
        it.engine.first = None
        it.engine.tell(WorkerDied(DIED, was_killed=True))
        await it.until(lambda: "starting a new worker" in it.notice)
        it.engine.requests.clear()
        await it.press("[", "space", "down", "up", "t", "g", "s")
        await it.until(lambda: it.notice == "The worker is still starting")
        await it.ticks(2)
        assert it.engine.requests == []
        assert "0.1 " in it.value("learning rate")


async def test_workers_that_keep_breaking_are_followed_by_f5_only(explorer, snapshot):
    async with explorer() as it:
        for starts in (2, 3, 4):
            it.engine.tell(WorkerDied(BROKEN))
            await it.until(lambda starts=starts: it.engine.starts == starts)
        it.engine.tell(WorkerDied(BROKEN))
        await it.until(lambda: BROKEN in it.notice and "F5" in it.notice)
        await it.until(lambda: "F5" in it.status)
        await it.ticks(2)
        assert it.engine.starts == 4
        it.engine.first = snapshot(step=3)
        await it.press("f5")
        await it.until(lambda: it.engine.starts == 5 and "step 3" in it.status)
        await it.until(lambda: "goes on from step 3" in it.notice)


async def test_a_run_that_can_not_be_opened_again_is_begun_anew_by_f5(explorer, snapshot):
    async with explorer() as it:
        it.engine.become(step=1_234, saving=Saving("/runs", "/runs/mine", 1_100))
        await it.until(lambda: "step 1,234" in it.status)
        it.engine.first = None
        it.engine.tell(WorkerDied(DIED, was_killed=True))
        await it.until(lambda: it.engine.starts == 2)
        it.engine.tell(Failed("/runs/mine is damaged"))
        await it.until(lambda: "damaged" in it.notice and "F5" in it.notice)
        it.engine.first = snapshot(step=0)
        await it.press("f5")
        await it.until(lambda: it.engine.starts == 3)
        assert it.engine.after.saving is None
        assert it.engine.after.step == 1_234
        await it.until(lambda: "begins at step 0" in it.notice)


async def test_a_worker_that_dies_before_its_first_snapshot_is_followed_by_another(explorer):
    async with explorer(first=None) as it:
        it.engine.tell(WorkerDied(DIED, was_killed=True))
        await it.until(lambda: it.engine.starts == 2)
        assert it.engine.after is None


async def test_a_worker_that_dies_behind_the_help_is_still_reported(it):
    await it.press("?")
    await it.until(lambda: isinstance(it.app.screen, HelpScreen))
    it.engine.tell(WorkerDied(DIED, was_killed=True))
    await it.until(lambda: DIED in it.notice)
    await it.press("escape")
    await it.until(lambda: DIED in it.painted())
