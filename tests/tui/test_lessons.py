"""The lessons beside the explorer: every one done by its keys, the way in and out, the room."""

import json
import shutil
from types import SimpleNamespace

import pytest
from rich.console import Console
from textual.events import Key

from makemore_tui.core import lessons
from makemore_tui.core.worker.protocol import Begin, Edit, Pause, Resume, Undo
from makemore_tui.tui.cli.lessons import check_lessons
from makemore_tui.tui.client.lesson_player import LessonPlayer
from makemore_tui.tui.client.request_queue import RequestQueue
from makemore_tui.tui.config import Config
from makemore_tui.tui.keymap import LABELS, is_key
from makemore_tui.tui.style.colours import DARK
from makemore_tui.tui.widgets.lesson_rows import goal_text, step_text
from makemore_tui.tui.widgets.lesson_step import typed_number
from tests.tui.test_first_minute import NEW

pytestmark = pytest.mark.asyncio(loop_scope="module")
LESSONS, _ = lessons.read_lessons(lessons.lessons_directory(), is_key)


async def test_the_keys_of_every_lesson_reach_its_goals_and_no_goal_holds_without_them(
    tmp_path, monkeypatch
):
    files = shutil.copytree(lessons.lessons_directory(), tmp_path / "lessons")
    (files / "99-wrong.toml").write_text(
        'title = "Wrong"\nlecture = ""\nstart = "names/kind=ngram"\n[[steps]]\ntext = "Step."\n'
        'goal = ["step >= 1", "order >= 2"]\nhints = ["a", "b"]\nkeys = "{step}"'
    )
    monkeypatch.setenv("MAKEMORE_TUI_LESSONS", str(files))
    found, problems = lessons.read_lessons(files, is_key)[0], {}
    await check_lessons(found, lambda lesson, _, problem: problems.update({lesson.name: problem}))
    wrong = {"wrong": "step 1: holds before a key is pressed: order >= 2"}
    assert problems == {lesson.name: None for lesson in LESSONS} | wrong


async def test_a_lesson_is_not_judged_by_the_run_that_it_leaves(snapshot):
    sent = []
    requests = RequestQueue(sent.append)
    requests.take(now := snapshot(step=9000))
    session = SimpleNamespace(
        requests=requests,
        latest=lambda: requests.latest,
        ask=lambda request: requests.command(request, now),
    )
    player = LessonPlayer(session, set)  # type: ignore[arg-type]
    requests.command(Resume(), now)  # which the engine has not answered when the lesson is opened
    player.enter(next(one for one in LESSONS if one.name == "a-learning-rate"))
    assert not any(isinstance(one, Begin) for one in sent)
    requests.answered()
    for _ in range(3):  # its run is asked for, and not there yet
        player.look((), {}, "loss")
    assert isinstance(sent[-1], Begin)
    assert player.reached == [False]


@pytest.mark.parametrize("size", [(80, 24), (100, 30), (120, 40), (200, 60)])
async def test_every_step_is_whole_and_longer_ones_are_seen_to_scroll(explorer, size):
    """Text, goal and line are in sight without scrolling, also once there is an answer; with both
    hints some steps scroll."""
    async with explorer(size=size) as it:
        side, console = it.screen.lessons, Console(width=200)
        player, step = side.player, side.step
        await side.open_at("the-data", index=0)  # which asks for a number, so that there is a line
        await it.until(lambda: step.line.region.height == 1 and step.goal.size.width > 20)
        is_tabbed = it.screen.grid.has_class("tabbed")
        await it.until(lambda: not is_tabbed or "1Loss" in it.painted())
        rows, is_below, needs = step.body.size.height, side.has_class("below"), {}
        for player.lesson in LESSONS:
            for index in range(len(player.lesson.steps)):
                player._go_to(index)
                room = rows if player.question else rows + 1
                text = step_text(player, DARK, LABELS).wrap(console, step.text.size.width)
                answer = player.question and player.question.value
                for player.num_hints, player.answer in ((0, answer), (0, None), (2, None)):
                    goal = goal_text(player, DARK, LABELS, has_keys=False)
                    lines = len(goal.wrap(console, step.goal.size.width))
                    need = max(len(text), lines) if is_below else len(text) + 1 + lines
                    assert need <= room or player.num_hints, (player.lesson.name, index + 1, need)
                if player.question:
                    needs[need - room] = player.lesson, index
        player.lessons = LESSONS
        player.lesson, index = needs[max(needs)]
        player._go_to(index)
        side.show_step()
        if max(needs) > 0:
            await it.press("f2", "escape", "h", "h")
            await it.until(lambda: step.body.show_vertical_scrollbar)
            await it.until(lambda: step.body.scroll_y == step.body.max_scroll_y > 0)


async def test_keys_in_the_lesson_reach_no_panel(it):
    side = it.screen.lessons
    options = it.screen.grid.panels["loss"].options
    await side.open_at("the-data", index=0)
    await it.press("f2", "1", "up", "down", "escape", "up", "left", "right")
    await it.until(lambda: it.screen.focused is side.step)
    await it.press("h", "2")  # which begins the answer anew
    await it.until(lambda: it.screen.focused is side.step.line)
    assert side.step.line.value.endswith("2")
    await it.press("escape", "backspace")  # there is no step before
    await it.until(lambda: it.screen.focused is side.step)
    await it.press("l", "left", "right", "f2")  # to the list, and back to the step
    await it.until(lambda: side.step.display and it.screen.focused is side.step.line)
    await it.press("f2", "escape", "escape")
    await it.until(lambda: it.chosen == "loss")
    assert it.screen.grid.panels["loss"].options == options
    side.action_leave()


async def test_runs_from_before_a_lesson_are_not_drawn_in_it_unless_pinned(
    explorer, snapshot, previous
):
    runs = previous(id=1), previous(id=2, is_pinned=True), previous(id=3)
    async with explorer(first=snapshot(state="paused", previous=runs)) as it:
        loss, side = it.screen.grid.panels["loss"], it.screen.lessons
        drawn = lambda: [run.id for run in runs if loss.options.shows(run)]  # noqa: E731
        await side.open_at("descent", index=0)
        await it.until(lambda: drawn() == [2])
        assert loss.options.shows(previous(id=4))  # one of the lesson
        loss.toggle_run(3)
        assert drawn() == [2, 3]
        side.action_leave()
        assert drawn() == [1, 2, 3]


async def test_a_guess_has_the_keys_and_letters_do_nothing_meanwhile_but_for_a_hint(it):
    side = it.screen.lessons
    await side.open_at("a-network", index=0)  # which begins with one
    await it.until(lambda: it.screen.focused is side.step.line)
    await it.press("h", *"3.3")  # a hint, and then the number
    await it.until(lambda: (side.player.num_hints, side.step.line.value) == (1, "3.3"))
    asked = len(it.engine.commands)
    await it.press("r", "x", "space")  # of which each would undo something, if one could guess so
    await it.until(lambda: "esc for keys" in it.painted())
    assert (side.player.lesson.name, len(it.engine.commands)) == ("a-network", asked)
    await it.press("enter")
    await it.until(lambda: side.player.is_done)
    await it.press("f2")  # on
    await it.until(lambda: side.player.index == 1)
    assert side.player.done["a-network"] == [1]
    side.action_leave()


async def test_a_guess_stands_alone_and_is_judged_once_the_step_has_shown_the_answer():
    player = LessonPlayer(SimpleNamespace(), set)  # type: ignore[arg-type]
    player.lesson = next(one for one in LESSONS if one.name == "descent")
    player._go_to(1)
    said = lambda: goal_text(player, DARK, LABELS, has_keys=True).plain.split("\n")  # noqa: E731
    assert said() == ["○ Type your guess, then enter"]
    player.answer = 9.0
    assert said() == ["You guessed 9", "○ Reach step 1"]
    player.is_done = True
    assert said()[:2] == ["✓ Reach step 1", "You guessed 9 · it is 3.406"]
    assert said()[2].startswith("3.406 on dev")
    player.answer = 3.4
    assert said()[1] == "✓ You guessed 3.4: near enough"


@pytest.mark.parametrize(
    ("text", "number"),
    [("3,481", 3481), ("-0.96", -0.96), ("1/4", 0.25), ("4 %", 0.04), ("1/0", None), ("", None)],
)
async def test_an_answer_is_a_number_a_fraction_or_a_percentage(text, number):
    assert typed_number(text) == number


async def test_what_is_typed_into_a_panel_is_judged_when_the_line_is_left(it):
    side = it.screen.lessons
    await side.open_at("the-data", index=0)
    side.step.line.value = "12"
    await side.open_at("the-data", index=0)
    assert side.step.line.value == ""  # of the lesson before
    side.player._go_to(4)
    side.show_step(is_new=True)
    await it.press("0", "enter", "o", "l")
    await it.until(lambda: it.screen.grid.panels["trace"].view().text == "ol")
    side.look()
    assert not side.player.is_done
    await it.press("enter")
    await it.until(lambda: side.player.is_done)
    side.action_leave()


async def test_an_unfinished_lesson_goes_on_as_it_was(explorer):
    async with explorer(size=(80, 24)) as it:
        side = it.screen.lessons
        await side.show()
        side.player.done = {"sampling": [1], "the-data": [1, 3], "splits": [1, 2, 3, 4]}
        side.player.is_progress_kept = False
        side.action_list()
        assert side._choices.highlighted == 16  # after the one that was done last
        await side.open_at("the-data")
        assert "Going on at step 2" in side.step.text.visual.plain
        await it.until(lambda: "How many letters has the longest" in it.painted())
        assert (side.player.index, list(side.player.done)[-1]) == (1, "the-data")  # by its keys
        side.player.index, side.player.is_done = 5, True  # its end, though a step is not done
        side.action_list()
        side.open_highlighted()
        assert (side.player.index, side.player.target) == (0, 1)
        await it.press("q", "escape")  # of which the one does nothing now, and the other stops that
        await it.until(lambda: not side.player.is_behind)
        assert side.player.index == 0


async def test_a_lesson_has_a_run_of_its_own_and_leaving_brings_the_former_one_back(
    explorer, tmp_path, monkeypatch
):
    path = tmp_path / "lessons.json"
    monkeypatch.setenv("MAKEMORE_TUI_PROGRESS", str(path))
    async with explorer(size=(80, 24)) as it:
        before = it.snapshot
        await it.press("f2")
        await it.until(lambda: "1 0/6 The data" in it.painted())
        await it.press("enter")
        await it.until(lambda: "A list of names" in it.painted())
        assert [type(one) for one in it.engine.commands] == [Pause, Begin]
        assert it.chosen == "loss"  # which has the keys, as ever
        await it.press("f2", *"7", "enter")
        await it.until(lambda: "7 is not it" in it.painted())
        await it.press(*"32178", "enter")
        await it.until(lambda: "✓ Done" in it.painted() and path.exists())
        assert json.loads(path.read_text()) == {"the-data": [1]}
        await it.press("escape", "f2")  # to the panels; then on, since the step is done
        await it.until(lambda: "The data 2/6" in it.painted())
        assert it.chosen == "loss"  # which has the keys at each new step but where one guesses
        side = it.screen.lessons
        await it.press("f2", "escape", "x")
        await it.until(lambda: isinstance(it.engine.commands[-1], Resume))
        assert isinstance(it.engine.commands[-2], Undo)
        await it.until(lambda: not side.display and it.screen.grid.size.width == 80)
        await it.until(lambda: it.notice.startswith("Undid lesson The data"))
        assert (it.snapshot.model, it.snapshot.step) == (before.model, before.step)


async def test_undo_never_takes_a_person_out_of_a_lesson(it):
    side = it.screen.lessons
    await side.open_at("descent", index=0)
    await it.until(lambda: side.player.is_begun and not side.player.awaits_answer)
    asked = len(it.engine.commands)
    await it.press("]", "u", "u")
    await it.until(lambda: it.notice.startswith("Nothing more to undo in this lesson · F2, then x"))
    assert [type(one) for one in it.engine.commands[asked:]] == [Edit, Undo]
    side.action_leave()
    await it.until(lambda: not side.player.is_leaving)


async def test_twins_end_with_the_lesson_that_they_were_forked_in(it):
    side, grid, before = it.screen.lessons, it.screen.grid, it.snapshot
    player, loss = side.player, grid.panels["loss"]
    await side.open_at("beat-it", index=0)
    await it.until(lambda: player.is_begun and not player.awaits_answer)
    for end in (side.step.action_reset, side.action_leave):
        await it.press("T", "V", "l", "z")
        await it.until(lambda: it.snapshot.pair and it.snapshot.pair.side == "a")
        await it.until(lambda: loss.options.log_loss and grid.has_class("zoomed"))
        end()
        if end == side.action_leave:
            await it.press("l", "z")
        await it.until(lambda: not loss.options.log_loss and not grid.has_class("zoomed"))
        await it.until(lambda: it.snapshot.pair is None and not player.is_leaving)
    assert (it.snapshot.model, it.snapshot.step) == (before.model, before.step)


async def test_hints_come_one_by_one_and_the_keys_are_pressed_for_one_who_asks(
    explorer, monkeypatch
):
    monkeypatch.setattr("makemore_tui.tui.widgets.lesson_step._SECONDS_A_KEY", 0.02)
    async with explorer(size=(200, 60), config=Config({"lesson": "the-data"})) as it:
        await it.until(lambda: "1 The data" in it.painted())
        side = it.screen.lessons
        await it.press("f2", "escape", "h")
        await it.until(lambda: "at the very top" in it.painted())
        assert "32,178 items." not in it.painted()
        await it.press("h", "s")
        await it.until(lambda: side.border_subtitle.startswith("pressing"))
        side.step.action_show_me()  # once more, which does nothing
        assert not side.step.lets_through(Key("q", "q"))  # which would lead the others astray
        assert not side.step.lets_through(Key("escape", None))  # which stops them
        await it.until(lambda: side.step.pressed == "")
        assert side.player.answer is None
        await it.press("f2", "escape", "s")
        await it.until(lambda: "✓ Done" in it.painted())
        assert side.player.answer == 32178


async def test_the_palette_has_the_keys_of_a_step_while_one_is_open(it):
    titles = lambda: {one.help for one in it.app.get_system_commands(it.screen)}  # noqa: E731
    hint, side = "Lessons: a hint, then a second one", it.screen.lessons
    assert hint not in titles()
    await it.screen.run_action("run('lessons', 'list')")  # which does nothing yet
    assert not side.display
    await side.open_at("the-data", index=0)
    commands = {one.help: one for one in it.app.get_system_commands(it.screen)}
    await commands[hint].callback()
    assert side.player.num_hints == 1
    side.action_leave()


async def test_the_card_names_the_lessons_which_never_open_by_themselves(explorer):
    async with explorer(size=(80, 24), config=NEW) as it:
        await it.until(lambda: "F2  Lessons" in it.painted())
        assert not it.screen.lessons.display
        await it.press("f2")
        await it.until(lambda: "21 lessons, 0 done" in it.painted())
        await it.until(lambda: not it.screen.card.display)  # which would lie over them
