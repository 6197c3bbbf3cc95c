"""The learning-rate finder's screen: what it asks, shows, takes and leaves."""

import dataclasses

import pytest
import pytest_asyncio
from msgspec.structs import replace
from textual.widgets import Input

from makemore_tui.core.worker.protocol import CancelFinder, Edit, FindLearningRate, Refused, Resume
from makemore_tui.tui.client.engine import WorkerDied
from makemore_tui.tui.screens.finder import FinderScreen
from makemore_tui.tui.screens.main import MainScreen

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module")
async def finder(it):
    """Opens the finder over a state of the explorer, and closes it after the test."""

    async def open_finder(**changes):
        await it.show(replace(it.snapshot, is_refresh=False, **changes))
        it.engine.requests.clear()
        await it.press("f")
        await it.until(lambda: it.engine.commands and isinstance(it.app.screen, FinderScreen))
        return it.app.screen

    yield open_finder
    if isinstance(it.app.screen, FinderScreen):
        await it.press("escape")
        await closed(it)


async def closed(it):
    await it.until(lambda: isinstance(it.app.screen, MainScreen))


async def test_it_searches_at_once_and_shows_what_it_found(it, finder):
    await finder()
    await it.until(lambda: "Suggested 0.2" in it.painted())
    assert it.engine.commands == [FindLearningRate()]
    shown = it.painted()
    assert "explodes from 0.8" in shown
    assert "half of where the loss turns" in shown
    assert "└" in shown
    assert [line.value for line in it.app.screen.query(Input)] == ["0.001", "1"]


async def test_while_it_runs_the_curve_grows(it, finder, rate_search):
    await finder()
    it.engine.become(finder=rate_search(None, None, done=300))
    await it.until(lambda: "30% of 1,000 steps" in it.painted())
    await it.press("enter")
    await it.until(lambda: "Still searching" in it.painted())
    it.engine.become(finder=rate_search(None, None, done=700))
    await it.until(lambda: "70% of 1,000 steps" in it.painted())


@pytest.mark.parametrize(("state", "then"), [("training", [Resume()]), ("paused", [])])
async def test_enter_takes_the_suggestion_and_trains_on_if_it_did(it, finder, state, then):
    await finder(state=state)
    await it.until(lambda: "Suggested" in it.painted())
    await it.press("enter")
    await closed(it)
    taken = [Edit({"learning_rate": 0.2}), CancelFinder()]
    assert it.engine.commands == [FindLearningRate(), *taken, *then]
    await it.until(lambda: it.value("learning rate").split()[2] == "0.2")


@pytest.mark.parametrize(("state", "then"), [("training", [Resume()]), ("paused", [])])
async def test_escape_cancels_and_trains_on_if_it_did(it, finder, state, then):
    await finder(state=state)
    await it.press("escape")
    await closed(it)
    assert it.engine.commands == [FindLearningRate(), CancelFinder(), *then]


async def test_the_setting_is_one_that_the_schedule_makes_the_suggestion_of(it, finder):
    train = dataclasses.replace(it.snapshot.train, schedule="step", steps=2_000)
    await finder(step=1_200, train=train)  # at a tenth
    await it.until(lambda: "Suggested 0.2" in it.painted())
    await it.until(lambda: "enter sets 2, before the schedule" in it.painted())
    await it.press("enter")
    await it.until(lambda: Edit({"learning_rate": 2.0}) in it.engine.commands)


async def test_without_a_suggestion_enter_says_so(it, finder, rate_search):
    await finder()
    found = replace(rate_search(None, None), suggested=None, turns=None, why="it fell to the end")
    it.engine.become(finder=found)
    await it.until(lambda: "No suggestion: it fell" in it.painted())
    await it.press("enter")
    await it.until(lambda: "another range" in it.painted())


async def test_another_range_is_searched(it, finder):
    screen = await finder()
    await it.until(lambda: "Suggested" in it.painted())
    await it.press("tab")
    low = screen.query_one("#low", Input)
    await it.until(lambda: low.has_focus)
    low.value = ""
    await it.press(*"0.01")
    await it.press("enter")
    await it.until(lambda: FindLearningRate(0.01, 1.0) in it.engine.commands)
    await it.until(lambda: not low.has_focus)


async def test_a_range_that_is_no_number_is_refused_in_place(it, finder):
    screen = await finder()
    await it.until(lambda: "Suggested" in it.painted())
    screen.query_one("#low", Input).focus()
    await it.until(lambda: screen.query_one("#low").has_focus)
    await it.press("x", "enter")
    await it.until(lambda: "two numbers" in it.painted())
    assert it.engine.commands == [FindLearningRate()]


async def test_what_the_engine_refuses_is_said_in_place(it, finder):
    await finder()
    it.engine.tell(Refused("the range must rise"))
    await it.until(lambda: "the range must rise" in it.painted())


async def type_low(it, screen, text):
    low = screen.query_one("#low", Input)
    low.focus()
    await it.until(lambda: low.has_focus)
    low.value = text
    await it.press("enter")


async def test_a_range_that_is_refused_stays_where_it_was_typed(it, finder):
    screen = await finder()
    await it.until(lambda: "Suggested" in it.painted())
    it.engine.answers = False
    await type_low(it, screen, "50")
    await it.until(lambda: FindLearningRate(50.0, 1.0) in it.engine.commands)
    it.engine.tell(Refused("50 is not below 1"))
    await it.until(lambda: "50 is not below 1" in it.painted())
    it.engine.answers = True
    it.engine.become(step=1300)
    await it.until(lambda: it.snapshot.step == 1300)
    await it.pilot.pause(0.3)
    assert screen.query_one("#low", Input).value == "50"
    assert screen.query_one("#low", Input).has_focus
    assert "50 is not below" not in it.notice


async def test_the_search_before_is_not_taken_for_the_one_that_was_asked_for(it, finder):
    screen = await finder()
    await it.until(lambda: "Suggested" in it.painted())
    it.engine.answers = False
    await type_low(it, screen, "0.05")
    await it.until(lambda: FindLearningRate(0.05, 1.0) in it.engine.commands)
    await it.until(lambda: "Starting" in it.painted())
    await it.pilot.pause(0.3)
    assert "Suggested" not in it.painted()
    it.engine.answers = True


async def test_that_it_still_searches_is_said_until_it_has_found(it, finder, rate_search):
    await finder()
    it.engine.become(finder=rate_search(None, None, done=300))
    await it.until(lambda: "30% of 1,000 steps" in it.painted())
    await it.press("enter")
    await it.until(lambda: "Still searching" in it.painted())
    it.engine.become(finder=rate_search(None, None))
    await it.until(lambda: "Suggested" in it.painted() and "Still searching" not in it.painted())


async def test_a_model_without_a_learning_rate_trains_on(it, snapshot):
    await it.show(snapshot(state="training"))
    it.engine.requests.clear()
    it.engine.answers = False
    await it.press("f")
    await it.until(lambda: it.engine.commands == [FindLearningRate()])
    it.engine.tell(Refused("a table of counts has no learning rate"))
    said = "a table of counts has no learning rate"
    await it.until(lambda: said in it.painted() and "Starting" not in it.painted())
    it.engine.answers = True
    await it.press("escape")
    await closed(it)
    assert it.engine.commands == [FindLearningRate(), CancelFinder()]


async def test_while_the_worker_starts_the_finder_says_so(explorer):
    async with explorer(first=None) as it:
        await it.press("f")
        await it.until(lambda: "still starting" in it.notice)


async def test_it_closes_when_the_worker_dies(explorer):
    async with explorer() as it:
        await it.press("f")
        await it.until(lambda: isinstance(it.app.screen, FinderScreen))
        it.engine.tell(WorkerDied("the worker was ended by signal 9"))
        await closed(it)
        await it.until(lambda: "signal 9" in it.notice)


@pytest.mark.parametrize("size", [(80, 24), (40, 12), (20, 5)])
async def test_no_size_does_harm(explorer, size):
    async with explorer(size=size) as it:
        await it.press("f")
        await it.until(lambda: isinstance(it.app.screen, FinderScreen))
        await it.press("escape")
        await closed(it)
