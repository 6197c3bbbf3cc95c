"""The main screen around a fake engine: what it asks and shows, and its keys."""

import math

import pytest
import pytest_asyncio
from textual.command import Hit
from textual.containers import VerticalScroll
from textual.events import Key
from textual.widgets import Input

from makemore_tui.core.results import BigramsView, Saving, SplitLosses
from makemore_tui.core.worker.protocol import (
    Edit,
    Failed,
    LossView,
    NamesView,
    Starting,
    Step,
)
from makemore_tui.tui.keymap import KEYS
from makemore_tui.tui.notices import Notice
from makemore_tui.tui.screens import main
from makemore_tui.tui.screens.command_palette import Actions, Palette
from makemore_tui.tui.screens.finder import FinderScreen
from makemore_tui.tui.screens.help import HelpScreen
from makemore_tui.tui.widgets.panel import Panel
from makemore_tui.tui.widgets.status import StatusBar
from tests.support.explorer import send_keys, words

pytestmark = pytest.mark.asyncio(loop_scope="module")


# Before the first snapshot


async def test_the_first_screen_says_what_it_waits_for(explorer):
    async with explorer(first=None) as it:
        assert "starting the worker" in it.status
        it.engine.tell(Starting("loading torch"))
        await it.until(lambda: "loading torch …" in it.status)
        it.engine.tell(Starting("reading names"))
        await it.until(lambda: "reading names …" in it.status)


async def test_before_the_first_snapshot_no_key_does_harm(explorer, snapshot):
    async with explorer(first=None) as it:
        await it.press("space", "[", "=", "m", "r", "down", "l", "a", "z", "z", "tab")
        await it.ticks(2)
        assert it.engine.requests == []
        it.engine.tell(snapshot())
        await it.until(lambda: "0.1" in it.value("learning rate"))


async def test_an_engine_that_cannot_begin_ends_the_app_with_its_sentence(explorer):
    async with explorer(first=None) as it:
        it.engine.tell(Failed("nowhere.txt: there is no such file"))
        await it.until(lambda: it.app._exit)
        assert it.app.failure == "nowhere.txt: there is no such file"


# What is shown


async def test_every_panel_shows_the_snapshot(it):
    await it.until(lambda: "2.170" in it.text("splits"))
    await it.until(lambda: "carmahela" in it.text("names"))
    await it.until(lambda: "rank 2" in it.text("bigrams"))
    await it.until(lambda: "⠤" in it.text("loss") or "⠒" in it.text("loss"))
    assert "200" in it.value("hidden")
    assert "names · 32,178 items · 27 characters" in it.status
    assert "training  step 1,200  2,500/s  seed 1" in it.status


async def test_the_screen_follows_the_engine(it):
    it.engine.become(step=98765, steps_per_second=0.0, state="paused", seed=7)
    await it.until(lambda: "paused  step 98,765  seed 7" in it.status)
    assert "98,765" in it.value("step")


async def test_a_light_theme_repaints_everything(it):
    panels = list(it.screen.query(Panel))
    await it.until(lambda: "carmahela" in it.text("names"))
    dark = [panel.render_line(0) for panel in panels]
    it.app.theme = "textual-light"
    await it.until(lambda: all(a != b.render_line(0) for a, b in zip(dark, panels, strict=True)))
    it.app.theme = "makemore"
    await it.until(lambda: all(a == b.render_line(0) for a, b in zip(dark, panels, strict=True)))


@pytest_asyncio.fixture(loop_scope="module")
async def unanswered(it):
    """An explorer that waits for the answer to a refresh."""
    it.engine.answers = False
    it.engine.requests.clear()
    await it.until(lambda: it.engine.refreshes)
    return it


# Refreshing


async def test_a_refresh_that_is_not_answered_is_not_repeated(unanswered):
    await unanswered.ticks(6)
    assert len(unanswered.engine.refreshes) == 1


async def test_no_key_puts_a_second_refresh_under_way(unanswered):
    await unanswered.press("down", "up", "g", "tab")
    await unanswered.ticks(2)
    assert len(unanswered.engine.refreshes) == 1


async def test_an_answer_to_something_else_does_not_end_a_refresh(unanswered, snapshot):
    await unanswered.show(snapshot(step=1300))
    await unanswered.ticks(3)
    assert len(unanswered.engine.refreshes) == 1


async def test_a_cursor_moved_while_a_refresh_is_under_way_is_asked_for_after_it(unanswered):
    await unanswered.press("3", "down", "down")
    unanswered.engine.answers = True
    unanswered.engine.send(unanswered.engine.requests.pop())
    await unanswered.until(lambda: "ba " in unanswered.text("bigrams"))
    await unanswered.press("up", "up")
    await unanswered.until(lambda: ".a " in unanswered.text("bigrams"))


async def test_the_views_of_all_panels_on_the_screen_are_asked_for_in_turn(it):
    asked = lambda: {type(view) for one in it.engine.refreshes for view in one.views}  # noqa: E731
    it.engine.requests.clear()
    await it.until(lambda: asked() == {LossView, BigramsView, NamesView})


async def test_a_view_that_is_not_on_the_screen_is_not_asked_for(explorer):
    async with explorer(size=(80, 24)) as it:
        for panel, view in (("loss", LossView), ("settings", None)):
            await it.until(lambda panel=panel: it.shown_panels == [panel])
            await it.ticks(1)
            it.engine.requests.clear()
            await it.until(lambda: len(it.engine.refreshes) > 3)
            asked = {type(one) for refresh in it.engine.refreshes for one in refresh.views}
            assert asked == ({view} if view else set())
            await it.press("tab")


def shown(it):
    return [panel for panel in it.screen.query(Panel) if panel.display]


# Keys of the screen's own


async def test_the_cursor_names_the_pair_that_the_engine_answers(explorer):
    async with explorer() as it:
        await it.press("3", "down", "right", "right")
        await it.until(lambda: "ac  1,003 times" in it.text("bigrams"))
        await it.press("up", "up", "left", "left", "left", "left")
        await it.until(lambda: "..  0 times" in it.text("bigrams"))


async def test_keys_typed_ahead_reach_what_they_were_typed_for(explorer):
    async with explorer() as it:
        send_keys(it.app, "slash", *"mrz", "escape")  # a text, and no key of the explorer
        await it.until(lambda: it.screen.grid.panels["probe"].view().text == "mrz")
        await it.until(lambda: it.chosen == "probe")
        assert it.engine.commands == []
        send_keys(it.app, "2", "down", "down", "down", "enter", *"64", "enter")
        await it.until(lambda: it.engine.commands == [Edit({"batch_size": 64})])


async def test_a_key_waits_for_the_screen_that_a_click_opens(explorer):
    async with explorer() as it:
        it.screen.action_open("finder", "FinderScreen")
        assert isinstance(finder := it.app.screen, FinderScreen)
        await it.app.on_event(Key("enter", None))
        taken = [one for one in it.engine.commands if isinstance(one, Edit)]  # if it was that quick
        assert finder.refusal or taken


async def test_a_key_that_had_nothing_to_do_does_nothing_on_the_next_screen(explorer):
    async with explorer() as it:
        await it.press("f")
        await it.until(lambda: it.app.screen.query("#refused"))
        it.screen.grid.panels["loss"]._forward_event(Key("enter", None))  # pressed before
        await it.ticks(3)
        assert isinstance(finder := it.app.screen, FinderScreen)
        assert finder.refusal == ""


async def test_keys_typed_ahead_do_nothing_once_the_screen_is_taken_down(explorer):
    async with explorer() as it:
        send_keys(it.app, "3", *["down"] * 200)


async def test_keys_typed_ahead_do_nothing_once_the_explorer_is_to_be_left(explorer):
    async with explorer() as it:
        send_keys(it.app, "q", "question_mark", *["k"] * 20)
        await it.until(lambda: not it.app.is_running)


async def test_the_log_axis_and_the_last_part_are_named_and_asked_for(it):
    loss = it.screen.query_one("#loss", Panel)
    assert loss.border_subtitle == "all steps · linear"
    await it.press("l", "a")
    await it.until(lambda: loss.border_subtitle == "last tenth · log loss")
    it.engine.requests.clear()
    await it.until(lambda: shares_asked(it.engine) == {0.9})
    await it.press("l", "a")
    await it.until(lambda: loss.border_subtitle == "all steps · linear")


def shares_asked(engine):
    views = [view for refresh in engine.refreshes for view in refresh.views]
    return {view.from_share for view in views if isinstance(view, LossView)}


async def test_a_loss_that_is_infinite_or_not_a_number_is_shown(it, snapshot):
    losses = SplitLosses(5, math.inf, math.inf, math.nan, math.inf, 1.0)
    await it.show(snapshot(kind="ngram", splits=losses, state="finished"))
    assert "∞" in it.text("splits")
    assert "not a number" in it.text("splits")


async def test_help_lists_every_key(explorer):
    async with explorer(size=(120, 300)) as it:
        await it.press("?")
        await it.until(lambda: "esc close" in it.painted())
        said = words(it.painted(it.app.screen.query_one(VerticalScroll).region))
        for key in KEYS:
            assert f"{key.shown} {key.help}" in said


@pytest.mark.parametrize("press", ["escape", "question_mark", "q"])
async def test_help_closes(it, press):
    await it.press("?")
    await it.until(lambda: isinstance(it.app.screen, HelpScreen))
    await it.press(press)
    await it.until(lambda: it.app.screen is it.screen)


async def test_the_palette_has_every_action_and_runs_it(it):
    commands = {one.title: one for one in it.app.get_system_commands(it.screen)}
    for key in (key for key in KEYS if key.owner != "pair"):  # see tests/tui/test_twins.py
        found = [one for title, one in commands.items() if key.word in title.lower()]
        assert key.help in {one.help for one in found}
    step = next(one for one in commands.values() if one.title.startswith("Step  "))
    await step.callback()
    await it.until(lambda: it.engine.commands == [Step()])


async def test_an_action_can_be_chosen_in_the_palette_by_its_name(it):
    await it.press("ctrl+p")
    await it.until(lambda: isinstance(it.app.screen.focused, Input))
    await it.press(*"new seed")
    await it.until(lambda: it.app.screen.query_one(Input).value == "new seed")
    await it.until(lambda: "New seed  (R)" in it.painted() and "Restart  (r)" not in it.painted())
    await it.press("down", "enter")
    await it.until(lambda: "seed 2" in it.status)


async def test_enter_that_comes_before_the_palette_has_searched_runs_what_was_typed(it):
    await it.press("ctrl+p")
    await it.until(lambda: "All steps" in it.painted())  # what would be run in its place
    before = it.screen.grid.panels["loss"].options
    send_keys(it.app, *"dracula", "enter")
    await it.until(lambda: it.app.theme == "dracula")
    assert it.screen.grid.panels["loss"].options == before
    it.app.theme = "makemore"


async def hits(it, typed):
    """What the palette finds: how good it is, and its title."""
    async for hit in Actions(it.screen).search(typed):
        assert isinstance(hit, Hit)
        yield hit.score, str(hit.match_display)


@pytest.mark.parametrize(
    ("typed", "finds"),
    [
        ("learning rate", "Rate +  (])"),
        ("weight decay", "Decay +  (W)"),
        ("batch size", "Batch -  (b)"),
        ("hidden units", "Hidden -  (-)"),
        ("units hidden", "Hidden -  (-)"),
        ("svg", "Screenshot  (i)"),
        ("dark", "Theme: makemore"),
        ("colour", "Theme: makemore-colour-blind"),
        ("color", "Theme: makemore-colour-blind"),
        ("blind", "Theme: makemore-colour-blind"),
        ("dracula", "Theme: dracula"),
        ("nwsd", "New seed  (R)"),
    ],
)
async def test_the_palette_finds_what_is_meant(it, typed, finds):
    found = [title async for _, title in hits(it, typed)]
    assert finds in found
    assert "Quit  (q)" not in found


async def test_of_what_the_palette_finds_names_come_first(it):
    found = [hit async for hit in hits(it, "colour")]
    assert max(found)[1] == "Theme: makemore-colour-blind"
    assert len(found) > 10


async def test_a_theme_can_be_chosen_in_the_palette(it):
    await it.press("ctrl+p")
    await it.until(lambda: isinstance(it.app.screen.focused, Input))
    await it.press(*"dracula")
    await it.until(lambda: "Theme: dracula" in it.painted())
    await it.press("down", "enter")
    await it.until(lambda: it.app.theme == "dracula")
    it.app.theme = "makemore"


async def test_a_search_of_the_palette_may_go_on_after_it_has_closed(it):
    await it.press("ctrl+p")
    await it.until(lambda: isinstance(it.app.screen.focused, Input))
    palette = it.app.screen
    await it.press("escape")
    await it.until(lambda: it.app.screen is it.screen and not palette.children)
    for is_visible in (True, False):
        palette._list_visible = is_visible
        await palette._watch__show_busy()
    await palette._gather_commands("theme").wait()


async def test_a_screen_closed_twice_leaves_the_main_one_where_it_is(it):
    for open_screen, close in [
        (it.app.action_command_palette, "_action_escape"),
        (lambda: it.screen.action_open("help", "HelpScreen"), "dismiss"),
        (lambda: it.screen.action_open("finder", "FinderScreen"), "dismiss"),
        (lambda: it.screen.action_open("dataset", "DatasetScreen"), "dismiss"),
    ]:
        open_screen()
        await it.until(lambda: it.app.screen is not it.screen and it.app.screen.focused)
        above = it.app.screen
        getattr(above, close)()
        getattr(above, close)()
        await it.until(lambda: it.app.screen is it.screen)


async def test_the_palette_does_no_harm_where_there_is_no_room_for_it(explorer):
    async with explorer(size=(1, 1)) as it:
        for open_palette in (it.app.action_command_palette, it.app.search_themes):
            open_palette()
            await it.until(lambda: isinstance(it.app.screen, Palette))
            await it.press("down", "pagedown", "pageup", "end", "pagedown", "escape")
            await it.until(lambda: it.app.screen is it.screen)


@pytest.mark.parametrize("key", ["q", "ctrl+c"])
async def test_leaving_ends_the_app_without_a_failure(explorer, key):
    async with explorer(answers=False) as it:
        await it.press(key)
        await it.until(lambda: it.app._exit)
        assert it.app.failure == ""
        assert it.app.return_code == 0


async def test_a_plot_waits_for_the_answer_to_a_key_but_not_twice(explorer, snapshot, curve):
    async with explorer() as it:
        await it.ticks(4)
        it.engine.answers = False
        await it.press("]")
        await it.until(lambda: it.screen.requests.awaits_answer)
        shown = it.screen.query_one("#loss").drawn
        for points in (50, 60):
            await it.show(snapshot(loss=curve(points), is_refresh=True, step=points))
            later = it.screen.query_one("#loss").drawn
            assert (later is shown) == (points == 50)


async def test_an_answer_that_takes_long_is_said_to_be_awaited(explorer):
    async with explorer() as it:
        await it.press("]")
        await it.until(lambda: it.snapshot.can_undo)
        it.engine.answers = False
        await it.press("u")
        assert "working" not in it.notice
        await it.until(lambda: it.notice == "Still working …")
        it.engine.tell(it.engine.answer(it.engine.commands[-1]))
        await it.until(lambda: "Undid lr" in it.notice)
        await it.press("space")
        await it.until(lambda: it.notice == "Still working …")
        it.engine.tell(it.engine.answer(it.engine.commands[-1]))
        await it.until(lambda: it.notice == "")


async def test_however_narrow_the_first_line_is_it_never_cuts_the_step(explorer, snapshot):
    async with explorer(size=(60, 10)) as it:
        for width, shows in [(60, "● training  step 1,200"), (26, "● training  step 1,200"),
                             (25, " ● training 1,200"), (17, " ● training 1,200"),
                             (16, "● 1,200"), (7, "● 1,200"), (6, "1,200")]:  # fmt: skip
            await it.resize(width, 10)
            await it.until(lambda width=width: it.screen.query_one(StatusBar).size.width == width)
            assert shows in it.status


async def test_of_a_huge_model_the_first_line_says_how_far_undo_goes_back(it, snapshot):
    assert "undo levels" not in it.status
    it.engine.tell(snapshot(parameters=4_300_000, undo_levels=7))
    await it.until(lambda: "7 undo levels" in it.status)


# Exports and the configuration, by the palette


@pytest.fixture
def commands_of():
    return lambda it: {one.title: one for one in it.app.get_system_commands(it.screen)}


async def test_the_palette_exports_the_run_as_it_was_saved(
    it, snapshot, commands_of, tmp_path, monkeypatch
):
    exported = []

    def export_run(*words):
        exported.append(words)
        if "html" in words:
            return Notice("Not exported: first is damaged", is_warning=True)
        return Notice(f"Exported: {words[-1]}")

    monkeypatch.setattr(main, "export_run", export_run)
    monkeypatch.chdir(tmp_path)
    await commands_of(it)["Export: notebook"].callback()
    assert "Nothing to export yet" in it.notice
    run = f"{tmp_path}/first.safetensors"
    await it.show(snapshot(saving=Saving(str(tmp_path), run, 3)))
    (tmp_path / "first.ipynb").write_text("taken")
    await commands_of(it)["Export: notebook"].callback()
    await it.until(lambda: f"Exported: {tmp_path}/first-2.ipynb" in it.notice)
    await commands_of(it)["Export: report"].callback()
    await it.until(lambda: it.notice == "Not exported: first is damaged")
    notebook, report = tmp_path / "first-2.ipynb", tmp_path / "first.html"
    assert exported == [(run, "notebook", notebook), (run, "html", report)]


async def test_the_palette_shows_the_configuration_and_what_is_wrong_with_it(
    it, commands_of, tmp_path, monkeypatch
):
    path = tmp_path / "config.toml"
    path.write_text('theme = "nord"\n[runs]\nmost_megabytes = 20\n[keys]\npause = "f8"\n')
    monkeypatch.setenv("MAKEMORE_TUI_CONFIG", str(path))
    await commands_of(it)["Configuration"].callback()
    shown = lambda: " ".join(it.painted().split())  # noqa: E731
    await it.until(lambda: "runs.most_megabytes 20 a number from 0" in shown())
    assert "keys.pause f8" in shown()
    assert str(path)[:40] in shown()
    path.write_text("nonsense = 1\n")
    monkeypatch.setenv("EDITOR", "true")
    await it.press("e")
    await it.until(lambda: "Can't open an editor from here" in shown())
    it.app.screen._read()
    await it.until(lambda: "the entries are theme" in shown())
    await it.press("escape")
    await it.until(lambda: it.app.screen is it.screen)


async def test_the_help_is_grouped_and_searched(it):
    await it.press("?")
    await it.until(lambda: isinstance(it.app.screen, HelpScreen))
    await it.until(lambda: "Training" in it.painted() and "Pause training" in it.painted())
    await it.press("slash", "t", "e", "n", "f", "o", "l", "d")
    await it.until(lambda: "Optimizer" in it.painted() and "Training" not in it.painted())
    assert "four presses are tenfold" in it.painted()
    assert "Pause training" not in it.painted()
    await it.press("z")
    await it.until(lambda: "Nothing found for 'tenfoldz'" in it.painted())
    await it.press("escape")
    await it.until(lambda: "Pause training" in it.painted())
    await it.press("escape")
    await it.until(lambda: it.app.screen is it.screen)


@pytest.mark.parametrize("word", ["kl", "saturated", "perplexity", "top-k", "≈"])
async def test_the_words_on_the_panels_are_found_in_the_help(it, word):
    await it.press("?")
    await it.until(lambda: isinstance(it.app.screen, HelpScreen))
    await it.press("slash", *word)
    await it.until(lambda: "Words and signs" in it.painted() and "Training" not in it.painted())
    await it.press("escape", "escape")
    await it.until(lambda: it.app.screen is it.screen)


async def test_the_help_has_two_columns_where_there_is_room(explorer):
    async with explorer(size=(160, 60)) as it:
        await it.press("?")
        await it.until(lambda: "Pause training" in it.painted() and "Settings" in it.painted())
        rows = it.painted().split("\n")
        assert any("Training" in row and row.count("  ") for row in rows)
        assert "Runs" in it.painted()
