"""The main screen around a fake engine: what it asks, what it shows, what it says."""

import math
import re

import pytest
import pytest_asyncio
from msgspec.structs import replace
from textual.command import Hit
from textual.containers import VerticalScroll
from textual.events import Key, Resize
from textual.geometry import Size
from textual.widgets import Input, Tabs

from makemore_tui.core.results import BigramsView, Divergence, Mark, Resizing, Saving, SplitLosses
from makemore_tui.core.worker.protocol import (
    Edit,
    Failed,
    LossView,
    NameRun,
    NamesView,
    OpenRun,
    Redo,
    Refused,
    ReturnTo,
    Starting,
    Step,
    Undo,
)
from makemore_tui.tui.client.engine import WorkerDied
from makemore_tui.tui.keymap import KEYS, LABELS
from makemore_tui.tui.notices import notice
from makemore_tui.tui.screens.command_palette import Actions, Palette
from makemore_tui.tui.screens.help import HelpScreen
from makemore_tui.tui.screens.name_run import NamingScreen
from makemore_tui.tui.screens.run_spec import SpecScreen
from makemore_tui.tui.widgets.panel import Panel
from makemore_tui.tui.widgets.status import StatusBar

PANELS = ["loss", "settings", "bigrams", "names", "splits"]  # of a screen of ordinary size
ALL_PANELS = [*PANELS, "embedding", "probe", "health", "runs"]  # in the order of their keys
TOGETHER = [(100, 30), (120, 40), (149, 60), (200, 53)]
LARGE = [(150, 54), (200, 60)]
TITLES = {
    "loss": "Loss",
    "settings": "Settings",
    "bigrams": "Bigrams",
    "names": "Names",
    "splits": "Split losses",
    "embedding": "Embedding",
    "probe": "Probe",
    "health": "Health",
    "runs": "Runs",
}
WORDS = {
    "loss": ["minibatch", "dev 2.170", "└"],
    "settings": ["model", "learning rate", "batch size", "hidden", "weight decay", "11,897"],
    "bigrams": [".a", "0.150", "counted"],
    "names": ["carmahela", "new", "kaleigh", "in data"],
    "splits": ["train", "2.126", "dev", "2.170", "new items", "2.190", "2.030", "press t"],
}
DIED = "the worker was ended by signal 9"
BROKEN = "the worker stopped: no torch today"


pytestmark = pytest.mark.asyncio(loop_scope="module")


def send_keys(app, *keys):
    """Keys that arrive at once, as those of an impatient person do."""
    for key in keys:
        app._driver.send_message(Key(key, None))


def words(text):
    """A text without frames and line breaks."""
    return " ".join(text.translate(str.maketrans(dict.fromkeys("│╭╮╰╯─", " "))).split())


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


# Refreshing


@pytest_asyncio.fixture(loop_scope="module")
async def unanswered(it):
    """An explorer that waits for the answer to a refresh."""
    it.engine.answers = False
    it.engine.requests.clear()
    await it.until(lambda: it.engine.refreshes)
    return it


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


# What the engine says of an edit


async def test_an_edit_shows_only_when_the_engine_has_answered(it, snapshot):
    it.engine.answers = False
    await it.press("[", "=", "space")
    await it.until(lambda: len(it.engine.commands) == 3)
    await it.ticks(2)
    assert "0.1 " in it.value("learning rate")
    assert "200" in it.value("hidden")
    assert "training" in it.status
    it.engine.tell(snapshot(learning_rate=0.0562, hidden=250, state="paused", runs=2))
    await it.until(lambda: "0.0562" in it.value("learning rate"))
    assert "250" in it.value("hidden")
    assert "paused" in it.status


async def test_a_refusal_is_said_and_leaves_the_value(it):
    it.engine.answers = False
    await it.press("[")
    it.engine.tell(Refused("learning_rate must be a number, not [red]that[/red]"))
    await it.until(lambda: it.notice)
    assert it.notice == "learning_rate must be a number, not [red]that[/red]"
    assert "[red]that[/red]" in it.painted()
    assert "0.1 " in it.value("learning rate")


async def test_a_key_that_does_not_concern_the_model_says_so(it, snapshot):
    await it.show(snapshot(kind="ngram"))
    await it.press("=")
    await it.until(lambda: "hidden is a setting of the MLP" in it.notice)
    assert it.engine.commands == []


async def test_an_edit_from_the_next_step_is_said_with_the_step(it):
    await it.press("[")
    await it.until(lambda: "0.0562" in it.notice)
    assert "step 1,200" in it.notice
    assert "learning rate" in it.notice


async def test_a_change_of_size_is_said_with_the_step(it):
    await it.press("=")
    await it.until(lambda: "hidden 250" in it.notice)
    assert "from step 1,200" in it.notice
    assert "in place" in it.notice
    assert "the loss stays" in it.notice
    assert "step 1,200" in it.status


async def test_what_shrinking_cost_is_said(it, snapshot):
    it.engine.answers = False
    await it.press("-")
    await it.until(lambda: it.engine.commands)
    shrunk = Resizing(1200, "hidden 150", before=2.17, after=2.345, dev_share=0.5)
    it.engine.tell(snapshot(hidden=150, resized=shrunk))
    await it.until(lambda: "dev loss ≈ 2.170 → ≈ 2.345" in it.notice)
    assert "hidden 150" in it.notice


async def test_another_model_begins_a_new_run_at_once_says_so_and_u_brings_the_old_one_back(it):
    await it.press("m")
    await it.until(lambda: "a new run from step 0" in it.notice)
    assert "model counts" in it.notice
    assert "u undoes it" in it.notice
    assert "step 0" in it.status
    await it.press("u")
    await it.until(lambda: "undone" in it.notice)
    assert "step 1,200" in it.status
    assert it.value("model").split()[1] == "MLP"


@pytest.mark.parametrize("press", ["R", "m"])
async def test_in_80_columns_what_to_press_is_said_in_full(explorer, press):
    async with explorer(size=(80, 24)) as it:
        await it.press(press)
        await it.until(lambda: "a new run from step 0, seed" in it.painted())
        assert "u undoes it" in it.painted()


async def test_of_a_long_sentence_the_keys_are_within_80_columns(snapshot, previous):
    many = "neural bigram, init lecture, lr 50, batch all, constant, decay 0.01, steps 100,000"
    before = snapshot(can_undo=many, can_redo=many, previous=(previous(many),))
    now = replace(before, state="paused", step=1_234_567)

    def said(asked, now=now):
        return (notice(asked, before, now, LABELS) or ("", False))[0][:78]

    for asked, key in ((Undo(), "U does it again"), (Redo(), "u undoes it")):
        assert key in said(asked)
    assert "u undoes it" in said(ReturnTo(0))
    lost = replace(now, state="diverged", divergence=Divergence(1_234_000, None, many))
    assert "u takes back" in said(None, lost)
    alone = replace(lost, divergence=Divergence(1_234_000, None))
    assert "then r restarts" in said(None, alone)


async def test_a_change_is_told_in_the_words_of_the_settings_panel(snapshot):
    before = snapshot()
    now = snapshot(direct=True, batch_size=64_000, steps=100_000, learning_rate=1000.0, runs=2)
    begun = "a new run from step 0, seed 1"
    settings = "direct true, learning rate 1,000, batch size 64,000, steps 100,000"
    assert notice(None, before, now, LABELS) == (f"{begun}: {settings}", False)
    counts = snapshot(kind="ngram", batch_size=0, runs=2)
    expected = f"{begun}: model counts, batch size all"
    assert notice(None, before, counts, LABELS) == (expected, False)


async def test_at_a_limit_what_the_last_change_did_stays(it, snapshot):
    shrunk = Resizing(1200, "context 1", before=2.17, after=2.345, dev_share=1.0)
    await it.show(snapshot(context=2))
    it.engine.answers = False
    await it.press(";")
    await it.until(lambda: it.engine.commands)
    it.engine.tell(snapshot(context=1, resized=shrunk))
    await it.until(lambda: "dev loss 2.170 → 2.345" in it.notice)
    await it.press(";", ";")
    await it.until(lambda: "context goes no further than 1" in it.notice)
    await it.ticks(2)
    assert it.notice.count("dev loss 2.170 → 2.345") == 1
    assert it.notice.count("goes no further") == 1
    it.screen.notice.say("something else")
    await it.press(";")
    await it.until(lambda: it.notice == "context goes no further than 1")


async def test_a_restart_with_the_settings_as_they_were_is_said(it):
    await it.press("r")
    await it.until(lambda: "new run" in it.notice)
    assert "seed 1" in it.notice


async def test_a_restart_with_another_seed_is_said(it):
    await it.press("R")
    await it.until(lambda: "seed 2" in it.notice)
    assert "seed 2" in it.status


async def test_a_loss_that_is_not_finite_is_said(it):
    it.engine.become(state="diverged", step=1234)
    await it.until(lambda: "not finite" in it.notice)
    assert "1,234" in it.notice
    assert "diverged" in it.status


@pytest.mark.parametrize("after", [None, Mark(1200, "lr 100")])
@pytest.mark.parametrize("back", ["lr 100", None])
async def test_a_divergence_is_said_with_the_edit_before_and_a_way_out(it, after, back):
    await it.press("=")  # which undo could take back, but the weights would stay as they are
    await it.until(lambda: "hidden 250" in it.notice)
    it.engine.become(state="diverged", step=1234, divergence=Divergence(1230, after, back))
    await it.until(lambda: "not finite at step 1,230" in it.notice)
    assert ("after lr 100 at step 1,200" in it.notice) == (after is not None)
    way_out = "u takes back lr 100" if back else "lower the learning rate, then r"
    assert way_out in it.notice


# Undo, redo and previous runs


async def test_an_edit_is_undone_and_done_again(it):
    await it.press("=", "u")
    await it.until(lambda: "undone: hidden 250" in it.notice)
    assert "200" in it.value("hidden")
    await it.press("U")
    await it.until(lambda: "done again: hidden 250" in it.notice)
    assert "250" in it.value("hidden")
    assert it.engine.commands[1:] == [Undo(), Redo()]


async def test_a_restart_is_undone(it):
    await it.press("r", "u")
    await it.until(lambda: "undone: restart" in it.notice)
    assert "step 1,200" in it.status


@pytest.mark.parametrize(("key", "what"), [("u", "nothing to undo"), ("U", "nothing to redo")])
async def test_where_there_is_nothing_to_undo_or_redo_a_sentence_says_so(it, key, what):
    await it.press(key)
    await it.until(lambda: what in it.notice)
    assert it.engine.commands == []


async def test_the_runs_panel_goes_back_to_a_previous_run(it, snapshot, previous):
    runs = (previous("lr 0.01 → 2.30"), previous("kind ngram → 2.46"), previous("seed 3 → 2.17"))
    await it.show(snapshot(previous=runs))
    await it.press("9")
    await it.until(lambda: it.chosen == "runs" and "› seed 3" in it.text("runs"))
    await it.press("down", "down", "down", "up", "enter")
    await it.until(lambda: it.engine.commands == [ReturnTo(1)])
    await it.until(lambda: "back in the run “kind ngram → 2.46”" in it.notice)
    await it.press("5")


@pytest.mark.parametrize(("kind", "says"), [("mlp", "steps"), ("ngram", "counted")])
async def test_the_end_of_training_is_said(it, snapshot, kind, says):
    await it.show(snapshot(kind=kind))
    it.engine.become(state="finished")
    await it.until(lambda: "finished" in it.notice)
    assert says in it.notice
    assert "finished" in it.status


# The worker's end


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
        assert "what could be undone or returned to is gone" in it.notice
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
        await it.until(lambda: it.notice == "the worker is still starting")
        await it.show(snapshot())
        await it.until(lambda: it.notice == "")


async def test_while_no_worker_answers_keys_are_lost(explorer, snapshot):
    async with explorer() as it:
        it.engine.first = None
        it.engine.tell(WorkerDied(DIED, was_killed=True))
        await it.until(lambda: "starting another" in it.notice)
        it.engine.requests.clear()
        await it.press("[", "space", "down", "up", "t", "g", "s")
        await it.until(lambda: it.notice == "the worker is still starting")
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


# Saving


@pytest.fixture
def save_run(tmp_path):
    """Saves a small run by a name; the directory that it is in."""
    from makemore_tui.core.datasets.dataset import Dataset
    from makemore_tui.core.session.session import Session

    def save_run(name):
        (tmp_path / "items.txt").write_text(
            "\n".join(f"{a}{b}{a}" for a in "anders" for b in "iouj")
        )
        Session(Dataset.load(str(tmp_path / "items.txt"))).save(tmp_path / "runs" / name)
        return tmp_path / "runs"

    return save_run


async def test_the_first_line_tells_where_the_run_is_kept_or_that_it_is_not(explorer):
    async with explorer() as it:
        it.engine.become(saving=Saving("/runs", "/runs/names-2026", 1_100))
        await it.until(lambda: "names-2026" in it.status)
        it.engine.become(saving=Saving("/runs", "", 0, problem="/runs can't be written: full"))
        await it.until(lambda: "not saved" in it.status)
        assert "/runs can't be written: full" in it.notice
        it.engine.become(saving=Saving("/runs", "/runs/names-2026", 1_200))
        await it.until(lambda: "saved again" in it.notice)
        assert "not saved" not in it.status


async def test_what_happens_to_the_folder_is_said(explorer):
    async with explorer() as it:
        it.engine.become(saving=Saving("/runs", "/runs/a", 1_100))
        it.engine.become(saving=Saving("/runs", "/runs/a", 1_100, note="/runs/a was removed"))
        await it.until(lambda: "/runs/a was removed" in it.notice)


async def test_a_run_gets_a_name(explorer):
    async with explorer() as it:
        it.engine.become(saving=Saving("/runs", "/runs/names-2026", 1_100))
        await it.until(lambda: it.snapshot.saving is not None)
        await it.press("ctrl+s")
        await it.until(lambda: isinstance(it.app.screen, NamingScreen))
        await it.press(".", "enter")
        await it.until(lambda: "Names may contain" in it.painted())
        await it.press("backspace")  # which a letter right behind it may overtake
        await it.until(lambda: not it.app.screen.query_one(Input).value)
        await it.press(*"mine", "enter")
        await it.until(lambda: it.engine.commands == [NameRun("mine")])
        await it.until(lambda: it.app.screen is it.screen)


async def test_a_name_that_is_taken_is_refused_in_place(explorer):
    async with explorer() as it:
        it.engine.become(saving=Saving("/runs", "/runs/names-2026", 1_100))
        await it.until(lambda: it.snapshot.saving is not None)
        it.engine.answers = False
        await it.press("ctrl+s")
        await it.until(lambda: isinstance(it.app.screen, NamingScreen))
        await it.press(*"mine", "enter")
        await it.until(lambda: it.engine.commands == [NameRun("mine")])
        it.engine.tell(Refused("there is a run 'mine' already"))
        await it.until(lambda: "there is a run 'mine' already" in it.painted())
        await it.press("escape")
        await it.until(lambda: it.app.screen is it.screen)


async def test_where_nothing_is_saved_a_run_gets_no_name(it):
    await it.press("ctrl+s")
    await it.until(lambda: "not saved here" in it.notice)


async def test_a_saved_run_is_opened_from_its_panel(explorer, save_run):
    async with explorer() as it:
        directory = save_run("older")
        it.engine.become(saving=Saving(str(directory), "", 0))
        await it.press("9")
        await it.until(lambda: "older" in it.text("runs"))
        await it.press("enter")
        await it.until(
            lambda: it.engine.commands == [OpenRun(str(directory / "older.safetensors"))]
        )


async def test_the_state_is_copied_as_one_line(explorer):
    async with explorer() as it:
        data = replace(it.snapshot.dataset, source="names")
        it.engine.become(dataset=data)
        await it.until(lambda: it.snapshot.dataset.source)
        await it.press("Y")
        await it.until(lambda: "names/seed=1" in it.painted())
        assert it.app.clipboard.startswith("names/seed=1")
        await it.press("escape")
        await it.until(lambda: it.app.screen is it.screen)


@pytest.mark.parametrize("size", [(80, 24), (40, 12)])
async def test_the_state_is_shown_whole_however_small_the_screen(explorer, snapshot, size):
    many = snapshot(hidden=123, embedding=12, batch_size=64, optimizer="adamw", dropout=0.25)
    async with explorer(first=many, size=size) as it:
        data = replace(it.snapshot.dataset, source="/home/somebody/lists/some-towns.txt")
        it.engine.become(dataset=data)
        await it.until(lambda: it.snapshot.dataset.source)
        await it.press("Y")
        await it.until(lambda: isinstance(it.app.screen, SpecScreen))
        await it.until(lambda: "esc closes" in it.painted())
        shown = "".join(re.sub(r"[│╭╮╰╯─\s]", "", it.painted()))
        assert re.sub(r"[─\s]", "", it.app.clipboard) in shown


async def test_f5_does_nothing_while_the_worker_lives(it):
    starts = it.engine.starts
    await it.press("f5")
    await it.ticks(2)
    assert it.engine.starts == starts


# Arrangement


def shown(it):
    return [panel for panel in it.screen.query(Panel) if panel.display]


@pytest.mark.parametrize("size", TOGETHER + LARGE)
async def test_the_panels_stand_together(explorer, size):
    async with explorer(size=size) as it:
        names = [panel.id for panel in shown(it)]
        assert set(names) == (set(ALL_PANELS) - {"runs"} if size in LARGE else set(PANELS))
        assert not any(tabs.display for tabs in it.screen.query(Tabs))
        regions = [panel.region for panel in shown(it)]
        assert all(it.screen.region.contains_region(region) for region in regions)
        assert all(min(panel.content_size) > 2 for panel in shown(it))
        assert not any(a.overlaps(b) for a in regions for b in regions if a is not b)
        await it.until(lambda: "carmahela" in it.text("names"))
        painted = it.painted()
        assert all(TITLES[name] in painted for name in names)
        assert all(word in it.text(name) for name in PANELS for word in WORDS[name])


@pytest.mark.parametrize(
    ("key", "instead"), [("6", "bigrams"), ("7", "names"), ("8", "splits"), ("9", "splits")]
)
async def test_a_panel_takes_the_place_that_it_shares(it, key, instead):
    name, place = ALL_PANELS[int(key) - 1], it.screen.query_one(f"#{instead}").region
    await it.press(key)
    await it.until(lambda: it.chosen == name)
    await it.until(lambda: it.screen.query_one(f"#{name}").region == place)
    assert set(it.shown_panels) == set(PANELS) - {instead} | {name}
    await it.press("1")
    await it.until(lambda: it.chosen == "loss")
    assert name in it.shown_panels
    await it.press(str(ALL_PANELS.index(instead) + 1))
    await it.until(lambda: it.shown_panels == PANELS)


async def test_on_a_large_screen_runs_and_health_share_a_place(explorer):
    async with explorer(size=(200, 60)) as it:
        for key, hidden in (("9", "health"), ("5", "runs"), ("9", "health"), ("8", "runs")):
            await it.press(key)
            await it.until(lambda gone=hidden: set(it.shown_panels) == set(ALL_PANELS) - {gone})


@pytest.mark.parametrize("number", range(1, 10))
async def test_a_digit_chooses_its_panel(it, number):
    await it.press("tab", str(number))
    await it.until(lambda: it.chosen == ALL_PANELS[number - 1])


async def test_in_a_small_terminal_tab_goes_through_the_panels_each_shown_whole(explorer):
    async with explorer(size=(80, 24)) as it:
        for panel in ALL_PANELS:
            await it.until(lambda panel=panel: it.shown_panels == [panel])
            words = WORDS.get(panel, [])
            await it.until(lambda panel=panel, words=words: all(w in it.text(panel) for w in words))
            assert it.screen.query_one(Tabs).active == f"tab-{panel}"
            await it.press("tab")
        await it.until(lambda: it.shown_panels == ["loss"])
        await it.press("shift+tab")
        await it.until(lambda: it.shown_panels == [ALL_PANELS[-1]])


async def test_tabs_pressed_quickly_all_count(it):
    send_keys(it.app, "tab", "tab", "tab")
    await it.until(lambda: it.chosen == PANELS[3])
    await it.ticks(3)
    assert it.chosen == PANELS[3]


async def test_a_click_on_a_tab_shows_its_panel(explorer):
    async with explorer(size=(80, 24)) as it:
        await it.pilot.click("#tab-names")
        await it.until(lambda: it.shown_panels == ["names"])
        await it.until(lambda: "carmahela" in it.text("names"))


async def test_a_click_on_a_panel_chooses_it(it):
    await it.pilot.click("#splits")
    await it.until(lambda: it.chosen == "splits")
    await it.press("z")
    await it.until(lambda: it.shown_panels == ["splits"])
    await it.press("z")
    await it.until(lambda: it.shown_panels == PANELS)


async def test_a_panel_fills_the_screen_and_goes_back(it):
    loss = it.screen.query_one("#loss")
    await it.until(lambda: 20 < loss.region.width < 100)
    before = loss.region
    await it.press("z")
    await it.until(lambda: it.shown_panels == ["loss"] and loss.region.width == 120)
    await it.press("tab")
    await it.until(lambda: it.shown_panels == ["settings"])
    await it.press("shift+tab")
    await it.until(lambda: it.shown_panels == ["loss"])
    await it.press("z")
    await it.until(lambda: it.shown_panels == PANELS and loss.region == before)


async def test_the_layout_suits_the_characters_as_soon_as_they_are_known(explorer, snapshot, facts):
    labels = [chr(0x100 + i) for i in range(60)]
    async with explorer(first=snapshot(dataset=facts(*labels)), size=(200, 50)) as it:
        await it.ticks(2)
        first = it.screen.query_one("#bigrams").region
        await it.press("z")
        await it.until(lambda: it.shown_panels == ["loss"])
        await it.press("z")
        await it.until(lambda: it.shown_panels == PANELS)
        await it.ticks(2)
        assert it.screen.query_one("#bigrams").region == first


async def test_a_narrow_status_line_leaves_out_whole_parts(explorer, snapshot):
    program, data, items, run = "makemore-tui", "names", "32,178 items", "names-2026-11-25"
    whole = [program, data, items, "27 characters", run]
    ways = [
        whole,
        [program, data, items, run],
        [program, data, run],
        [program, data, items],
        [program, data],
        [program],
        [],
    ]
    saving = Saving("/runs", "/runs/names-2026-11-25", 3)
    async with explorer(snapshot(saving=saving), size=(130, 24)) as it:
        shown = []
        for width in range(130, 30, -1):
            await it.pilot.resize_terminal(width, 24)
            await it.until(lambda width=width: len(it.status) == width)
            left = it.status.partition("●")[0].replace("makemore-tui  ", "makemore-tui · ")
            parts = [part.strip() for part in left.split("·") if part.strip()]
            shown += [parts] if parts not in shown else []
        assert [way for way in ways if way in shown] == shown
        assert [whole, [program, data, run], []] == [shown[0], shown[2], shown[-1]]


async def test_that_the_run_is_not_saved_stays_longest(explorer, snapshot):
    saving = Saving("/runs", "/runs/names-2026-11-25", 3, problem="no space")
    async with explorer(snapshot(saving=saving), size=(130, 24)) as it:
        for width in (130, 110, 90, 80, 60, 40):
            await it.pilot.resize_terminal(width, 24)
            await it.until(lambda width=width: len(it.status) == width)
            assert "▲ not saved" in it.status


async def test_a_narrow_status_line_keeps_the_state(explorer):
    async with explorer(size=(20, 5)) as it:
        assert "training" in it.status


@pytest.mark.parametrize("size", [(20, 5), (1, 1)])
async def test_a_tiny_terminal_does_no_harm(explorer, size):
    async with explorer(size=size) as it:
        await it.press("tab", "tab", "z", "tab", "z", "?")
        await it.until(lambda: isinstance(it.app.screen, HelpScreen))
        await it.press("escape")
        await it.until(lambda: it.app.screen is it.screen)
        await it.press("[")
        await it.until(lambda: Edit({"learning_rate": 0.0562}) in it.engine.commands)


async def test_resizing_while_snapshots_arrive_does_no_harm(explorer):
    sizes = [(20, 5), (1, 1), (119, 6), (250, 80), (7, 60), (99, 30), (100, 30), (2, 2), (120, 40)]
    async with explorer() as it:
        for i, (width, height) in enumerate(sizes):
            it.engine.become(step=2000 + i)
            it.app.post_message(Resize(Size(width, height), Size(width, height)))
            it.engine.become(state="paused" if i % 2 else "training")
            await it.until(lambda at=(width, height): it.screen.size == at)
            if i % 3 == 0:
                await it.press("tab")
        await it.until(lambda: it.shown_panels == PANELS)
        await it.until(lambda: "2,008" in it.status and "carmahela" in it.text("names"))


# Keys of the screen's own


async def test_the_cursor_names_the_pair_that_the_engine_answers(explorer):
    async with explorer() as it:
        await it.press("3", "down", "right", "right")
        await it.until(lambda: "ac  1,003 times" in it.text("bigrams"))
        await it.press("up", "up", "left", "left", "left", "left")
        await it.until(lambda: "..  0 times" in it.text("bigrams"))


async def test_keys_typed_ahead_do_nothing_once_the_screen_is_taken_down(explorer):
    async with explorer() as it:
        send_keys(it.app, "3", *["down"] * 200)


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
    async with explorer(size=(120, 160)) as it:
        await it.press("?")
        await it.until(lambda: "esc closes" in it.painted())
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
    for key in KEYS:
        found = [one for title, one in commands.items() if key.word in title.lower()]
        assert key.help in {one.help for one in found}
    step = next(one for one in commands.values() if one.help == "Take one step, and pause")
    await step.callback()
    await it.until(lambda: it.engine.commands == [Step()])


async def test_an_action_can_be_chosen_in_the_palette_by_its_name(it):
    await it.press("ctrl+p")
    await it.until(lambda: isinstance(it.app.screen.focused, Input))
    await it.press(*"new seed")
    await it.until(lambda: it.app.screen.query_one(Input).value == "new seed")
    await it.until(lambda: "New seed" in it.painted() and "Restart" not in it.painted())
    await it.press("down", "enter")
    await it.until(lambda: "seed 2" in it.status)


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
        ("Screenshot", "Picture  (i)"),
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
        await it.until(lambda: it.screen.requests.latest.can_undo)
        it.engine.answers = False
        await it.press("u")
        assert "training again" not in it.notice
        await it.until(lambda: "training again from an earlier state" in it.notice)
        it.engine.tell(it.engine.answer(it.engine.commands[-1]))
        await it.until(lambda: "undone: lr" in it.notice)
        await it.press("space")
        await it.until(lambda: "still at what was asked for" in it.notice)
        it.engine.tell(it.engine.answer(it.engine.commands[-1]))
        await it.until(lambda: it.notice == "")


async def test_however_narrow_the_first_line_is_it_never_cuts_the_step(explorer, snapshot):
    async with explorer(size=(60, 10)) as it:
        for width, shows in [(60, "● training  step 1,200"), (26, "● training  step 1,200"),
                             (25, " ● training 1,200"), (17, " ● training 1,200"),
                             (16, "● 1,200"), (7, "● 1,200"), (6, "1,200")]:  # fmt: skip
            await it.pilot.resize_terminal(width, 10)
            await it.until(lambda width=width: it.screen.query_one(StatusBar).size.width == width)
            assert shows in it.status
