"""The first minute: the card, presets, the teacher's pace, and beginning again as launched."""

import pytest
from msgspec.structs import replace

from makemore_tui.core.presets import PRESETS
from makemore_tui.core.worker.protocol import Begin, LimitSpeed, Pause, Restart, Step
from makemore_tui.tui.config import Config
from makemore_tui.tui.screens.dialogs import StepsScreen
from makemore_tui.tui.screens.presets import PresetList, PresetsScreen
from tests.support.explorer import send_keys

pytestmark = pytest.mark.asyncio(loop_scope="module")
NEW = Config({"welcome": True})


# The card


async def test_a_first_launch_shows_a_card_that_takes_no_key_but_its_own(explorer):
    async with explorer(size=(80, 24), config=NEW) as it:
        await it.until(lambda: "Welcome to makemore-tui" in it.painted())
        await it.press("space")
        await it.until(lambda: it.engine.commands == [Pause()])
        await it.until(lambda: "space  Pause training" in it.painted())
        await it.press("escape")
        await it.until(lambda: "Welcome" not in it.painted())
        it.app.exit()
        assert it.app.changes["welcome"] is False


async def test_a_card_that_was_not_closed_is_shown_again_at_the_next_launch(explorer):
    async with explorer(config=NEW) as it:
        await it.until(lambda: "Welcome" in it.painted())
        it.app.exit()
        assert "welcome" not in it.app.changes


async def test_once_closed_the_card_is_in_the_help_and_the_palette_only(it):
    assert "Welcome" not in it.painted()
    await it.press("?")
    await it.until(lambda: "a character at a time" in it.painted())
    await it.press("escape")
    commands = {one.title: one for one in it.app.get_system_commands(it.screen)}
    await commands["Welcome card"].callback()
    await it.until(lambda: "Welcome to makemore-tui" in it.painted())
    await it.press("escape")
    await it.until(lambda: "Welcome" not in it.painted())


async def test_the_card_waits_for_a_terminal_that_has_room_for_it(explorer):
    async with explorer(size=(60, 12), config=NEW) as it:
        assert "Welcome" not in it.painted()
        await it.resize(120, 40)
        await it.until(lambda: "Welcome" in it.painted())


# Presets


async def test_a_preset_is_taken_as_a_new_run(it, snapshot):
    await it.show(snapshot(seed=5))
    it.engine.requests.clear()
    await it.press("P")
    await it.until(lambda: isinstance(it.app.screen, PresetsScreen))
    for preset in PRESETS.values():
        said = f"dev {preset.dev_loss}", preset.about[1:]
        await it.until(lambda said=said: all(one in it.painted() for one in said))
    down = ["j"] * list(PRESETS).index("neural-bigram")
    await it.press("home", *down, "enter")
    await it.until(lambda: it.app.screen is it.screen and it.engine.commands)
    (begin,) = it.engine.commands
    preset = PRESETS["neural-bigram"]
    assert isinstance(begin, Begin)
    assert (begin.spec.model, begin.spec.train) == (preset.model, preset.train)
    assert (begin.spec.seed, begin.label) == (5, "preset neural-bigram")
    await it.until(lambda: it.notice == "New run: preset neural-bigram · u to undo")


async def test_keys_that_are_typed_ahead_of_a_dialog_s_end_are_for_the_panels(it):
    send_keys(it.app, "P", *"fast", "enter", "5", "n", *"300", "enter", "4")
    await it.until(lambda: it.app.screen is it.screen and it.chosen == "names")
    begin, step = it.engine.commands
    assert (begin.label, step) == ("preset fast", Step(300))


async def test_the_present_preset_is_the_one_that_is_highlighted(it, snapshot):
    preset = PRESETS["fast"]
    await it.show(replace(snapshot(), model=preset.model, train=preset.train))
    await it.press("P")
    await it.until(lambda: isinstance(it.app.screen, PresetsScreen))
    await it.until(lambda: "dev 2.135" in it.painted())
    assert it.app.screen.query_one(PresetList).highlighted == list(PRESETS).index("fast")
    await it.press("escape")
    await it.until(lambda: it.app.screen is it.screen)


async def test_the_palette_takes_presets(it):
    commands = {one.title: one for one in it.app.get_system_commands(it.screen)}
    await commands["Preset: overfit"].callback()
    await it.until(lambda: it.engine.commands)
    assert it.engine.commands[0].spec.train.train_on == "first-5"


# Pace


async def test_the_limit_of_the_speed_goes_from_one_to_none_and_is_shown(it):
    await it.press("<", "<")
    await it.until(lambda: it.notice == "At most 500 steps a second · > for more")
    assert it.engine.commands == [LimitSpeed(1000), LimitSpeed(500)]
    await it.until(lambda: "limit 500/s" in it.status)
    await it.press(">", ">")
    await it.until(lambda: it.notice == "No speed limit" and "limit" not in it.status)
    await it.press(">")
    await it.until(lambda: it.notice == "There is no speed limit")
    await it.press(*"<" * 11)
    await it.until(lambda: it.notice == "The speed limit is at its minimum, 1 step a second")


async def test_a_number_of_steps_is_taken_and_remembered(it):
    await it.press("n")
    await it.until(lambda: isinstance(it.app.screen, StepsScreen))
    await it.press(*"0", "enter")
    await it.until(lambda: "from 1 to 1,000,000,000" in it.painted())
    await it.press("backspace", *"2,500", "enter")
    await it.until(lambda: it.app.screen is it.screen and it.engine.commands)
    assert it.engine.commands == [Step(2500)]
    await it.until(lambda: it.notice == "Training 2,500 steps · space to pause")
    it.engine.become(state="paused", step=3700, is_refresh=True)
    await it.until(lambda: it.notice.startswith("Paused at step 3,700 · n for more steps"))
    await it.press("n")
    await it.until(lambda: isinstance(it.app.screen, StepsScreen))
    await it.press("enter")
    await it.until(lambda: it.engine.commands == [Step(2500)] * 2)


async def test_a_held_step_key_asks_for_no_more_than_a_few_steps_ahead(it):
    it.engine.answers = False
    await it.press(*"s" * 40, "t")
    await it.until(lambda: len(it.engine.commands) == 6)
    assert it.engine.commands[:5] == [Step()] * 5


async def test_ctrl_r_begins_again_as_the_explorer_was_started(explorer, snapshot):
    async with explorer(first=snapshot(seed=9, hidden=150)) as it:
        first = it.snapshot
        await it.press("=", "R")
        await it.until(lambda: Restart(10) in it.engine.commands)
        await it.press("ctrl+r")
        await it.until(lambda: it.engine.commands[-1] == Begin(first.spec, "restart as launched"))
        await it.until(lambda: it.notice == "New run: restart as launched · u to undo")
        assert (it.snapshot.seed, it.snapshot.model.hidden) == (9, 150)


async def test_a_new_run_that_waits_says_how_it_is_started(explorer, snapshot):
    async with explorer(first=snapshot(state="paused", step=0)) as it:
        await it.until(lambda: it.notice == "Paused at step 0 · space to start")
