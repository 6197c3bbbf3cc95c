"""The lessons beside the explorer: every one done by its keys, the way in and out, the room."""

import json
from types import SimpleNamespace

import pytest
from rich.console import Console

from makemore_tui.core import lessons
from makemore_tui.core.worker.protocol import Begin, Pause, Resume, Undo
from makemore_tui.tui.cli.lessons import check_lessons
from makemore_tui.tui.client.lesson_player import LessonPlayer
from makemore_tui.tui.client.request_queue import RequestQueue
from makemore_tui.tui.config import Config
from makemore_tui.tui.keymap import LABELS, is_key
from makemore_tui.tui.style.colours import DARK
from makemore_tui.tui.widgets.lesson_rows import goal_text, step_text
from tests.tui.test_first_minute import NEW

pytestmark = pytest.mark.asyncio(loop_scope="module")
LESSONS, _ = lessons.read_lessons(lessons.lessons_directory(), is_key)
ROWS = 19  # of the side in a terminal of 80x24


@pytest.mark.parametrize("part", range(2))
async def test_the_keys_of_every_lesson_reach_its_goals_and_no_goal_holds_without_them(part):
    problems, some = {}, LESSONS[part::2]
    await check_lessons(some, lambda lesson, _, problem: problems.update({lesson.name: problem}))
    assert problems == {lesson.name: None for lesson in some}


async def test_a_lesson_is_not_judged_by_the_run_that_it_leaves(snapshot):
    sent = []
    requests = RequestQueue(sent.append)
    requests.take(now := snapshot(step=9000))
    session = SimpleNamespace(
        requests=requests,
        latest=lambda: requests.latest,
        ask=lambda request: requests.command(request, now),
    )
    player = LessonPlayer(session)  # type: ignore[arg-type]
    requests.command(Resume(), now)  # which the engine has not answered when the lesson is opened
    player.enter(next(one for one in LESSONS if one.name == "a-learning-rate"))
    assert not any(isinstance(one, Begin) for one in sent)
    requests.answered()
    for _ in range(3):  # its run is asked for, and not there yet
        player.look((), None, "loss")
    assert isinstance(sent[-1], Begin)
    assert player.reached == [False, False]


async def test_every_step_is_whole_in_the_smallest_terminal(it):
    player, console = it.screen.lessons.player, Console(width=lessons.LINE_WIDTH)
    player.lessons = LESSONS
    for player.lesson in LESSONS:
        for index in range(len(player.lesson.steps)):
            player._go_to(index)
            player.hint()
            text, goal = step_text(player, DARK, LABELS), goal_text(player, DARK, LABELS)
            rows = len(text.wrap(console, console.width)) + 1 + len(goal.wrap(console, 36)) + 1
            assert rows <= ROWS, (player.lesson.name, index + 1, rows)
    player.lesson = None


async def test_a_lesson_has_a_run_of_its_own_and_leaving_brings_the_former_one_back(
    explorer, tmp_path, monkeypatch
):
    path = tmp_path / "lessons.json"
    monkeypatch.setenv("MAKEMORE_TUI_PROGRESS", str(path))
    async with explorer(size=(80, 24)) as it:
        before = it.snapshot
        await it.press("f2")
        await it.until(lambda: "1 The data" in it.painted() and "0/6" in it.painted())
        await it.press("enter")
        await it.until(lambda: "Here is a list" in it.painted())
        assert [type(one) for one in it.engine.commands] == [Pause, Begin]
        assert it.chosen == "loss"  # which has the keys, as ever
        await it.press("f2", *"7", "enter", "f2")
        await it.until(lambda: "7 is not it" in it.painted())
        await it.press(*"32178", "enter")
        await it.until(lambda: "✓ Done" in it.painted() and path.exists())
        assert json.loads(path.read_text()) == {"the-data": [1]}
        await it.press("f2")
        await it.until(lambda: "step 2/6" in it.painted())
        side = it.screen.lessons
        side.focus()
        await it.press("x")
        await it.until(lambda: isinstance(it.engine.commands[-1], Resume))
        assert isinstance(it.engine.commands[-2], Undo)
        await it.until(lambda: not side.display and it.screen.grid.size.width == 80)
        await it.until(lambda: it.notice.startswith("Undid lesson The data"))
        assert (it.snapshot.model, it.snapshot.step) == (before.model, before.step)


async def test_hints_come_one_by_one_and_the_keys_are_pressed_for_one_who_asks(
    explorer, monkeypatch
):
    monkeypatch.setattr("makemore_tui.tui.widgets.lessons._SECONDS_A_KEY", 0.02)
    async with explorer(size=(200, 60), config=Config({"lesson": "the-data"})) as it:
        await it.until(lambda: "1 The data" in it.painted())
        side = it.screen.lessons
        side.focus()
        await it.press("h")
        await it.until(lambda: "at the very top" in it.painted())
        assert "32,178 items." not in it.painted()
        await it.press("h", "s")
        await it.until(lambda: side.border_subtitle.startswith("pressing"))
        side.action_show_me()  # once more, which does nothing
        await it.until(lambda: "✓ Done" in it.painted())
        assert side.player.answer == 32178


async def test_the_card_names_the_lessons_which_never_open_by_themselves(explorer):
    async with explorer(size=(80, 24), config=NEW) as it:
        await it.until(lambda: "F2  Lessons" in it.painted())
        assert not it.screen.lessons.display
