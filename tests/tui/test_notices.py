"""What the screen says of an edit, an undo, and the end of training."""

import pytest
from msgspec.structs import replace

from makemore_tui.core.results import Divergence, Mark, Resizing
from makemore_tui.core.settings import TrainSettings
from makemore_tui.core.worker.protocol import (
    Fork,
    Redo,
    Refused,
    ReturnTo,
    Undo,
)
from makemore_tui.tui.keymap import LABELS
from makemore_tui.tui.notices import notice
from tests.support.snapshots import pair

pytestmark = pytest.mark.asyncio(loop_scope="module")


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
    await it.until(lambda: "[red]that[/red]" in it.painted())
    assert "0.1 " in it.value("learning rate")


async def test_a_key_that_does_not_concern_the_model_says_so(it, snapshot):
    await it.show(snapshot(kind="ngram"))
    await it.press("=")
    await it.until(lambda: it.notice == "Counts have no hidden layer · m to change the model")
    assert it.engine.commands == []


async def test_an_edit_from_the_next_step_is_said_with_the_step(it):
    await it.press("[")
    await it.until(lambda: it.notice == "Learning rate 0.1 → 0.0562 · from step 1,200")


async def test_an_edit_of_counts_is_said_without_a_step(it, snapshot):
    await it.show(snapshot(kind="ngram", smoothing=1.0))
    await it.press("w")
    await it.until(lambda: it.notice == "Smoothing 1 → 0.3")


async def test_a_change_of_size_is_said_with_the_step(it):
    await it.press("=")
    await it.until(lambda: it.notice == "Hidden 200 → 250, weights kept · loss unchanged")
    assert "step 1,200" in it.status


async def test_what_shrinking_cost_is_said(it, snapshot):
    it.engine.answers = False
    await it.press("-")
    await it.until(lambda: it.engine.commands)
    shrunk = Resizing(1200, "hidden 150", before=2.17, after=2.345, dev_share=0.5)
    it.engine.tell(snapshot(hidden=150, resized=shrunk))
    said = "Hidden 200 → 150, weights kept · dev ≈ 2.170 → ≈ 2.345"
    await it.until(lambda: it.notice == said)


async def test_the_test_loss_is_said_wherever_it_was_asked_for(it):
    await it.press("8", "t")
    await it.until(lambda: it.notice == "Test loss 2.168 at step 1,200 · asked once")
    await it.press("t")
    await it.until(lambda: it.notice == "Test loss 2.168 at step 1,200 · asked 2 times")


async def test_another_model_begins_a_new_run_at_once_says_so_and_u_brings_the_old_one_back(it):
    await it.press("m")
    await it.until(lambda: it.notice == "New run: counts · u brings the MLP back")
    assert "step 0" in it.status
    await it.press("u")
    await it.until(lambda: "Undid" in it.notice)
    assert "step 1,200" in it.status
    assert it.value("model").split()[1] == "MLP"


@pytest.mark.parametrize(
    ("press", "said"),
    [
        ("R", "Restarted with seed 2 · u to undo"),
        ("m", "New run: counts · u brings the MLP back"),
    ],
)
async def test_in_80_columns_what_to_press_is_said_in_full(explorer, press, said):
    async with explorer(size=(80, 24)) as it:
        await it.press(press)
        await it.until(lambda: said in it.painted())


async def test_of_a_long_sentence_the_keys_are_within_80_columns(snapshot, previous):
    many = "neural bigram, init lecture, lr 50, batch all, constant, decay 0.01, steps 100,000"
    before = snapshot(can_undo=many, can_redo=many, previous=(previous(many),))
    now = replace(before, state="paused", step=1_234_567)

    def said(asked, now=now):
        return (notice(asked, before, now, LABELS) or ("", False))[0][:78]

    for asked, key in ((Undo(), "U to redo"), (Redo(), "u to undo")):
        assert key in said(asked)
    assert "u to undo" in said(ReturnTo(0))
    other = replace(
        now,
        runs=before.runs + 1,
        train=TrainSettings(
            **dict.fromkeys(("learning_rate", "batch_size", "steps", "weight_decay"), 99),
            optimizer="adamw",
        ),
    )
    assert "u to undo" in said(None, replace(other, state=before.state))
    lost = replace(now, state="diverged", divergence=Divergence(1_234_000, None, many))
    assert "u to undo neural" in said(None, lost)
    alone = replace(lost, divergence=Divergence(1_234_000, None))
    assert "then r to restart" in said(None, alone)


async def test_a_change_is_told_in_the_words_of_the_settings_panel(snapshot):
    before = snapshot()
    now = snapshot(direct=True, batch_size=64_000, steps=100_000, learning_rate=1000.0, runs=2)
    settings = "direct connections on, learning rate 1,000, batch size…"
    assert notice(None, before, now, LABELS) == (f"New run: {settings} · u to undo", False)
    edited = snapshot(batch_size=0, schedule="cosine", can_undo="batch all")
    changes = "Batch size 32 → all, schedule constant → cosine"
    assert notice(None, before, edited, LABELS) == (f"{changes} · from step 1,200", False)


async def test_at_a_limit_what_the_last_change_did_stays(it, snapshot):
    shrunk = Resizing(1200, "context 1", before=2.17, after=2.345, dev_share=1.0)
    await it.show(snapshot(context=2))
    it.engine.answers = False
    await it.press(";")
    await it.until(lambda: it.engine.commands)
    it.engine.tell(snapshot(context=1, resized=shrunk))
    await it.until(lambda: "dev 2.170 → 2.345" in it.notice)
    await it.press(";", ";")
    await it.until(lambda: "Context is at its minimum, 1" in it.notice)
    await it.ticks(2)
    assert it.notice.count("dev 2.170 → 2.345") == 1
    assert it.notice.count("minimum") == 1
    it.screen.notice.say("something else")
    await it.press(";")
    await it.until(lambda: it.notice == "Context is at its minimum, 1")


async def test_a_restart_with_the_settings_as_they_were_is_said(it):
    await it.press("r")
    await it.until(lambda: it.notice == "Restarted, same settings, seed 1 · u to undo")


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
    await it.until(lambda: "Hidden 200 → 250" in it.notice)
    it.engine.become(state="diverged", step=1234, divergence=Divergence(1230, after, back))
    await it.until(lambda: "not finite at step 1,230" in it.notice)
    assert ("last edit: lr 100 at step 1,200" in it.notice) == (after is not None)
    way_out = "u to undo lr 100" if back else "lower the learning rate, then r to restart"
    assert way_out in it.notice


# Undo, redo and previous runs


async def test_an_edit_is_undone_and_done_again(it):
    await it.press("=", "u")
    await it.until(lambda: "Undid hidden 250, back at step 1,200 · U to redo" in it.notice)
    assert "200" in it.value("hidden")
    await it.press("U")
    await it.until(lambda: "Redid hidden 250, at step 1,200 · u to undo" in it.notice)
    assert "250" in it.value("hidden")
    assert it.engine.commands[1:] == [Undo(), Redo()]


async def test_an_edit_is_undone_and_done_again_before_it_is_answered(explorer):
    async with explorer() as it:
        it.engine.answers = False
        await it.press("=", "u", "U")
        await it.until(lambda: it.engine.commands[1:] == [Undo(), Redo()])


async def test_of_a_paused_run_an_undo_says_which_key_resumes(snapshot):
    before = snapshot(can_undo="lr 100")
    said = notice(Undo(), before, replace(before, state="paused"), LABELS)
    assert said == ("Undid lr 100, back at step 1,200 · U to redo · space to resume", False)


async def test_a_restart_is_undone(it):
    await it.press("r", "u")
    await it.until(lambda: "Undid restart" in it.notice)
    assert "step 1,200" in it.status


@pytest.mark.parametrize(("key", "what"), [("u", "Nothing to undo"), ("U", "Nothing to redo")])
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
    await it.until(lambda: it.notice.startswith("Back in “kind ngram” at step"))
    await it.press("5")


@pytest.mark.parametrize(("kind", "says"), [("mlp", "steps"), ("ngram", "counted")])
async def test_the_end_of_training_is_said(it, snapshot, kind, says):
    await it.show(snapshot(kind=kind))
    it.engine.become(state="finished")
    await it.until(lambda: says in it.notice)
    assert "finished" in it.status


async def test_at_the_end_it_is_said_what_going_on_does_before_it_does_it(it, snapshot):
    await it.show(snapshot(schedule="linear", learning_rate=0.03, steps=400, step=390))
    it.engine.become(state="finished", step=400)
    stretched = "linear schedule stretched, lr 7.5e-05 → 0.015"
    await it.until(lambda: f"Finished 400 steps · space to go on to 800 · {stretched}" in it.notice)
    await it.press("space")
    await it.until(lambda: f"Going on to step 800 · u to undo · {stretched}" in it.notice)
    assert it.engine.now.train.steps == 800


async def test_a_rate_that_a_longer_plan_does_not_change_is_not_said(it, snapshot):
    await it.show(snapshot(schedule="step", step=200_000, steps=200_000))
    it.engine.become(state="finished")
    await it.until(lambda: it.notice.endswith("to 400,000 · step schedule stretched"))


async def test_a_loss_that_exploded_can_be_trained_on_after_an_edit(it, snapshot):
    exploded = Divergence(1230, Mark(1200, "lr 30"), "lr 30", is_finite=True)
    it.engine.become(state="diverged", divergence=exploded)
    await it.until(lambda: "Loss exploded at step 1,230 · u to undo lr 30" in it.notice)
    assert "last edit: lr 30 at step 1,200" in it.notice
    await it.press("[")
    await it.until(lambda: "Learning rate 0.1 → 0.0562 · space to resume" in it.notice)


@pytest.mark.parametrize(
    ("fork", "b"),
    [
        (Fork(0), "“lr 0.01”"),
        (Fork(0, from_start=True), "“lr 0.01”, both from step 0"),
        (Fork(folder="/runs/first.safetensors"), "first"),
        (Fork(from_start=True), "its fork, both from step 0"),
    ],
)
async def test_two_runs_that_are_compared_are_named(snapshot, previous, fork, b):
    before = snapshot(previous=(previous("lr 0.01 → 2.30"),))
    said = notice(fork, before, replace(before, pair=pair()), LABELS)
    assert said
    assert said.text == f"A is this run, B is {b} · F3 keeps A, F4 keeps B"
