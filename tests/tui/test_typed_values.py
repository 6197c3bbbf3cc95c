"""Values of settings that are typed, turned by a wheel, or clicked."""

import pytest
import pytest_asyncio
from textual.events import MouseScrollDown, MouseScrollUp
from textual.widgets import Input

from makemore_tui.core.settings import SETTINGS
from makemore_tui.core.worker.protocol import Edit, Restart
from makemore_tui.tui.config import Config
from makemore_tui.tui.widgets.settings import SettingsPanel
from makemore_tui.tui.widgets.settings_rows import settings_entries

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module")
async def panel(it):
    """The settings' panel, chosen, with the cursor on its first setting."""
    found = it.screen.query_one(SettingsPanel)
    if found.is_open:
        found._line.action_leave()
    found._cursor = "kind"
    found.focus()
    await it.until(lambda: it.chosen == "settings")
    return found


async def open_at(it, panel, setting):
    """Move to a setting by key, and open its line."""
    settings = [line.setting for line in settings_entries(panel.snapshot) if line.setting]
    await it.press(*["down"] * settings.index(setting))
    await it.until(lambda: panel.cursor == setting)
    await it.press("enter")
    await it.until(lambda: isinstance(it.app.focused, Input))
    return panel.query_one(Input)


async def test_the_cursor_follows_the_keymap(explorer):
    keys = {"cursor-down": "Q", "cursor-up": "N", "cursor-right": "j", "value": "f9"}
    async with explorer(config=Config(keys=keys)) as it:
        await it.press("2")
        await it.until(lambda: it.chosen == "settings")
        panel = it.screen.query_one(SettingsPanel)
        await it.press("Q", "Q", "Q", "N", "down", "enter")
        await it.until(lambda: panel.cursor == "schedule")
        await it.press("j")
        await it.until(lambda: it.engine.commands == [Edit({"schedule": "step"})])
        assert not panel.is_open
        assert panel.border_subtitle.startswith("f9 to edit")
        await it.press("f9")
        await it.until(lambda: panel.is_open)


async def type_text(it, line, text):
    line.value = ""
    await it.press(*text)
    await it.until(lambda: line.value == text)
    await it.handled()


@pytest.mark.parametrize(
    ("setting", "text", "request_"),
    [
        ("learning_rate", "0.05", Edit({"learning_rate": 0.05})),
        ("hidden", "123", Edit({"hidden": 123})),
        ("batch_size", "all", Edit({"batch_size": 0})),
        ("steps", "50,000", Edit({"steps": 50_000})),
        ("train_on", "first-5", Edit({"train_on": "first-5"})),
        ("init", "lecture", Edit({"init": "lecture"})),
        ("direct", "true", Edit({"direct": True})),
        ("schedule", "cosine", Edit({"schedule": "cosine"})),
        ("seed", "42", Restart(42)),
    ],
)
async def test_a_typed_value_is_asked_for(it, panel, setting, text, request_):
    line = await open_at(it, panel, setting)
    await type_text(it, line, text)
    await it.press("enter")
    await it.until(lambda: it.engine.commands)
    assert it.engine.commands == [request_]
    await it.until(lambda: it.chosen == "settings")
    assert not panel.is_open


@pytest.mark.parametrize("word", ["ngram", "counts", "Counts"])
async def test_a_typed_kind_brings_settings_that_suit_it(it, panel, word):
    line = await open_at(it, panel, "kind")
    await type_text(it, line, word)
    await it.press("enter")
    await it.until(lambda: it.engine.commands)
    assert it.engine.commands[0].changes["kind"] == "ngram"
    assert "smoothing" in it.engine.commands[0].changes


async def test_a_kind_that_is_none_is_refused_with_the_names_on_the_screen(it, panel):
    line = await open_at(it, panel, "kind")
    await type_text(it, line, "rnn")
    await it.press("enter")
    await it.until(lambda: "must be MLP" in it.text("settings"))


async def test_the_footer_offers_no_key_that_would_type(it, panel):
    await open_at(it, panel, "hidden")
    offers = ["enter", "apply", "esc", "cancel"]
    await it.until(lambda: it.painted().split("\n")[-1].split() == offers)


@pytest.mark.parametrize(
    ("setting", "does"), [("init", "enter new run"), ("hidden", "enter apply")]
)
async def test_what_enter_will_do_is_said_before(it, panel, setting, does):
    await open_at(it, panel, setting)
    await it.until(lambda: f"{does} · esc cancel" in it.painted())


@pytest.mark.parametrize(
    ("setting", "value"), [("embedding", "10"), ("kind", "MLP"), ("steps", "200000")]
)
async def test_the_line_begins_with_the_value(it, panel, setting, value):
    line = await open_at(it, panel, setting)
    assert line.value == value
    await it.press("enter")
    await it.until(lambda: not panel.is_open)
    assert it.engine.commands == []


@pytest.mark.parametrize(
    ("setting", "text"),
    [
        ("hidden", "99999"),
        ("learning_rate", "fast"),
        ("learning_rate", "0"),
        ("weight_decay", "1e400"),
        ("seed", "-1"),
        ("train_on", "first-0"),
    ],
)
async def test_a_refusal_is_said_in_place_and_nothing_is_lost(it, panel, setting, text):
    line = await open_at(it, panel, setting)
    await type_text(it, line, text)
    await it.press("enter")
    name = setting.replace("_", " ")
    await it.until(lambda: f"{name} must be" in it.text("settings"))
    refusal = " ".join(it.text("settings").split())
    assert f"not {text} " in refusal or f"not '{text}'" in refusal
    assert "**" not in refusal
    assert panel.is_open
    assert line.value == text
    assert it.engine.commands == []
    await it.press("backspace")
    await it.until(lambda: "must be" not in it.text("settings"))
    await it.press("escape")
    await it.until(lambda: not panel.is_open)


async def test_escape_leaves(it, panel):
    line = await open_at(it, panel, "hidden")
    await type_text(it, line, "77")
    await it.press("escape")
    await it.until(lambda: it.chosen == "settings" and not panel.is_open)
    assert it.engine.commands == []
    assert it.value("hidden").split()[1] == "200"


async def test_choosing_another_panel_leaves(it, panel):
    await open_at(it, panel, "hidden")
    await it.press("tab")
    await it.until(lambda: not panel.is_open)
    assert it.chosen != "settings"


async def test_enter_from_another_panel_opens_the_line(it):
    await it.press("enter")
    await it.until(lambda: isinstance(it.app.focused, Input))
    await it.press("escape")
    await it.until(lambda: it.chosen == "settings")


async def test_right_and_left_turn_the_setting_under_the_cursor(it, panel):
    await it.press("down", "right")
    await it.until(lambda: it.engine.commands)
    assert it.engine.commands == [Edit({"learning_rate": 0.178})]


async def test_a_setting_that_the_model_has_not_says_so(it, panel, snapshot):
    await it.show(snapshot(kind="ngram"))
    await it.press("down", "enter")
    await it.until(lambda: it.notice == "Counts have no learning rate · m to change the model")
    assert not panel.is_open


@pytest.mark.parametrize("kind", ["mlp", "ngram", "neural-bigram"])
async def test_every_setting_that_a_model_reads_has_a_line(snapshot, kind):
    listed = {line.setting for line in settings_entries(snapshot(kind=kind))}
    assert "seed" in listed
    assert {"order", "smoothing"} <= listed if kind == "ngram" else True
    if kind == "mlp":
        assert set(SETTINGS) - listed == {"order", "smoothing", "smoothing_method", "mix_order"}


async def test_a_low_panel_scrolls_with_the_cursor(explorer):
    async with explorer(size=(80, 14)) as it:
        panel = it.screen.query_one(SettingsPanel)
        await it.press("2")
        await it.until(lambda: panel.has_focus)
        assert "seed" not in it.text("settings")
        await it.press(*["down"] * 20)
        await it.until(lambda: "seed" in it.text("settings"))
        await it.press("enter")
        await it.until(lambda: isinstance(it.app.focused, Input))
        line = it.app.focused
        await it.until(lambda: line.region and panel.content_region.contains_region(line.region))


def place_of(it, panel, name):
    """The cell where a setting's line begins, on the screen."""
    lines = it.text("settings").split("\n")
    y = next(i for i, line in enumerate(lines) if line.startswith(name))
    return panel.content_region.x + 2, panel.content_region.y + y


def wheel(it, panel, name, event):
    x, y = place_of(it, panel, name)
    it.app.screen._forward_event(
        event(panel, x, y, 0, 0, 0, False, False, False, screen_x=x, screen_y=y)
    )


@pytest.mark.parametrize(("event", "hidden"), [(MouseScrollUp, 250), (MouseScrollDown, 150)])
async def test_a_wheel_turns_the_setting_below_it(it, panel, event, hidden):
    wheel(it, panel, "hidden", event)
    await it.until(lambda: it.engine.commands)
    assert it.engine.commands == [Edit({"hidden": hidden})]


async def test_a_wheel_begins_no_new_run(it, panel):
    wheel(it, panel, "model", MouseScrollUp)
    await it.until(
        lambda: it.notice == "A change of model starts a new run · press enter to confirm"
    )
    assert it.engine.commands == []


async def test_enter_after_a_wheel_opens_the_setting_below_it(it, panel):
    panel._cursor = "hidden"
    it.screen.query_one("#loss").focus()
    await it.until(lambda: it.chosen == "loss")
    wheel(it, panel, "init", MouseScrollUp)
    await it.until(lambda: "press enter" in it.notice)
    await it.press("enter")
    await it.until(lambda: panel.is_open)
    assert panel.cursor == "init"


async def test_a_click_chooses_a_setting_and_a_second_one_opens_it(it, panel):
    it.screen.query_one("#loss").focus()
    await it.until(lambda: it.chosen == "loss")
    x, y = place_of(it, panel, "hidden")
    await it.pilot.click(offset=(x, y))
    await it.until(lambda: panel.cursor == "hidden" and panel.has_focus)
    assert not panel.is_open
    await it.pilot.click(offset=(x, y))
    await it.until(lambda: panel.is_open)
    await it.press("escape")
    await it.until(lambda: not panel.is_open)


async def test_i_saves_a_picture_and_says_where(it, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    await it.press("i")
    await it.until(lambda: ".svg" in it.notice)
    (picture,) = tmp_path.glob("*.svg")
    assert str(picture) in it.notice
    assert picture.read_text().startswith("<svg")


async def test_c_copies_the_names(it):
    await it.press("c")
    await it.until(lambda: "Copied" in it.notice)
    assert "carmahela" in it.app.clipboard.split("\n")


async def test_capital_c_copies_the_settings_as_words(it, snapshot):
    await it.show(snapshot(hidden=300, direct=True, batch_size=0))
    await it.press("C")
    await it.until(lambda: "Copied" in it.notice)
    words = it.app.clipboard.split()
    assert "hidden=300" in words
    assert "direct=true" in words
    assert "batch_size=0" in words
    assert words[-2:] == ["--seed", "1"]
