"""Every key, pressed, asks the engine for the right thing."""

import pytest
from textual.actions import parse
from textual.binding import Binding

from makemore_tui.core.results import Baseline
from makemore_tui.core.worker.protocol import (
    Edit,
    EvaluateTest,
    Fork,
    LimitSpeed,
    Pause,
    Restart,
    Resume,
    Step,
)
from makemore_tui.tui.keymap import FOOTER, KEYS, PANELS, screen_bindings

pytestmark = pytest.mark.asyncio(loop_scope="module")

# What each key asks for when the explorer trains the template's MLP with the seed 1.
REQUESTS = {
    "pause": Pause(),
    "step": Step(),
    "rate-down": Edit({"learning_rate": 0.0562}),
    "rate-up": Edit({"learning_rate": 0.178}),
    "rate-tenth": Edit({"learning_rate": 0.01}),
    "rate-tenfold": Edit({"learning_rate": 1.0}),
    "hidden-down": Edit({"hidden": 150}),
    "hidden-up": Edit({"hidden": 250}),
    "embedding-down": Edit({"embedding": 8}),
    "embedding-up": Edit({"embedding": 12}),
    "context-down": Edit({"context": 2}),
    "context-up": Edit({"context": 4}),
    "batch-down": Edit({"batch_size": 16}),
    "batch-up": Edit({"batch_size": 64}),
    "decay-up": Edit({"weight_decay": 0.0001}),
    "dropout-up": Edit({"dropout": 0.05}),
    "mix": Edit({"mix": "auto"}),
    "model": Edit(
        {
            "kind": "ngram",
            "order": 2,
            "batch_size": 32,
            "smoothing_method": "add-k",
            "smoothing": 1.0,
        }
    ),
    "optimizer": Edit({"optimizer": "adamw"}),
    "schedule": Edit({"schedule": "step"}),
    "restart": Restart(1),
    "fork": Fork(),
    "slower": LimitSpeed(1000),
    "new-seed": Restart(2),
    "test": EvaluateTest(),
}
# Keys that ask for nothing but a view, or for nothing at all; each has its own test somewhere.
LOCAL = {
    "side",  # see tests/tui/test_twins.py
    "keep-a",
    "keep-b",
    "finder",
    "presets",
    "steps",
    "faster",  # than without a limit
    "relaunch",  # see tests/tui/test_first_minute.py
    "close-card",
    "lessons",  # see tests/tui/test_lessons.py
    "sweeps",  # see tests/tui/test_sweep_screen.py
    "value",
    "dataset",
    "picture",
    "copy-names",
    "copy-settings",
    "decay-down",  # there is no less than none
    "dropout-down",
    "names",
    "temperature-down",
    "temperature-up",
    "top-k-down",
    "top-k-up",
    "log",
    "log-steps",
    "part",
    "magnify",
    "reduce",
    "smooth",
    "baselines",
    "zoom",
    "undo",
    "redo",
    "spread",
    "auto-range",
    "cursor-up",
    "cursor-down",
    "cursor-left",
    "cursor-right",
    "bigram-mode",
    "bigram-order",
    "probe",
    "next-panel",
    *(
        f"{name}-panel"
        for name in (
            "loss",
            "settings",
            "bigrams",
            "names",
            "splits",
            "embedding",
            "probe",
            "health",
            "runs",
            "trace",
        )
    ),
    "previous-panel",
    "worker",
    "name-run",
    "copy-state",
    "help",
    "interrupt",
    "suspend",
    "quit",
}
BY_ID = {key.id: key for key in KEYS}
PRESSES = [(id, press) for id in REQUESTS for press in BY_ID[id].keys.split(",")]


async def test_every_key_is_tested():
    assert set(REQUESTS) | LOCAL == set(BY_ID)
    assert not set(REQUESTS) & LOCAL


async def test_ids_and_keys_are_unique():
    ids = [key.id for key in KEYS]
    presses = [press for key in KEYS for press in key.keys.split(",")]
    assert len(ids) == len(set(ids))
    assert len(presses) == len(set(presses))


@pytest.mark.parametrize("key", KEYS, ids=lambda key: key.id)
async def test_every_key_has_words_and_an_action_that_its_owner_has(it, key):
    assert all((key.id, key.shown, key.word, key.help))
    namespace, action, _ = parse(key.action)
    owners = {
        "screen": it.app if namespace == "app" else it.screen,
        "panels": it.screen.grid,
        "card": it.screen.card,
        "lessons": it.screen.lessons,
        "lesson": it.screen.lessons.step,
        "chosen": it.screen.grid.panels["names"],
        **it.screen.grid.panels,
    }
    if key.owner in owners:
        assert callable(getattr(owners[key.owner], f"action_{action}"))
    else:
        assert callable(getattr(getattr(it.screen, key.owner), action))


async def test_a_binding_says_what_the_key_says():
    for key, binding in zip(KEYS, screen_bindings(), strict=True):
        assert isinstance(binding, Binding)
        assert (binding.key, binding.action, binding.id) == (key.keys, key.screen_action, key.id)
        assert (binding.description, binding.tooltip) == (key.word, key.help)
        assert (binding.key_display, binding.show) == (key.shown, key.group in FOOTER)


async def test_a_key_of_a_panel_works_wherever_the_focus_is(it):
    loss = it.screen.query_one("#loss")
    await it.press("5")
    await it.until(lambda: it.chosen == "splits")
    await it.press("l")
    await it.until(lambda: loss.border_subtitle == "all steps · log loss")
    await it.press("l")
    await it.until(lambda: loss.border_subtitle == "all steps · linear")


async def test_the_panel_that_has_the_focus_answers_its_own_keys(it):
    active = it.screen.active_bindings
    assert active["l"].node is it.screen.query_one("#loss")
    assert active["z"].node is it.screen.grid
    assert active["space"].node is it.screen


async def asked(it, first, press):
    """What a key asks for when the engine is in a state."""
    await it.show(first)
    it.engine.requests.clear()
    await it.press(press)
    await it.until(lambda: it.engine.commands)
    return it.engine.commands


@pytest.mark.parametrize(("id", "press"), PRESSES)
async def test_a_key_sends_its_request(it, snapshot, id, press):
    assert await asked(it, snapshot(), press) == [REQUESTS[id]]


@pytest.mark.parametrize("sign", ["[", "]", "{", "}", "-", "=", "+", ",", ".", ";", "'", " "])
async def test_the_sign_as_typed_does_the_same(it, snapshot, sign):
    same = {" ": "pause", "+": "hidden-up"} | {key.shown: key.id for key in KEYS}
    assert await asked(it, snapshot(), sign) == [REQUESTS[same[sign]]]


@pytest.mark.parametrize("state", ["paused", "finished", "diverged"])
async def test_space_trains_on_whatever_stopped_it(it, snapshot, state):
    assert await asked(it, snapshot(state=state), "space") == [Resume()]


@pytest.mark.parametrize(
    ("press", "changes"),
    [
        ("W", {"smoothing": 3}),
        ("w", {"smoothing": 0.3}),
        ("apostrophe", {"order": 3}),
        ("semicolon", {"order": 1}),
        ("o", {"smoothing_method": "kneser-ney"}),
    ],
)
async def test_counts_have_keys_for_smoothing_method_and_order(it, snapshot, press, changes):
    assert await asked(it, snapshot(kind="ngram"), press) == [Edit(changes)]


async def test_dropout_goes_down_to_none(it, snapshot):
    assert await asked(it, snapshot(dropout=0.05), "x") == [Edit({"dropout": 0})]


async def test_weight_decay_goes_down_to_none(it, snapshot):
    assert await asked(it, snapshot(weight_decay=0.0001), "w") == [Edit({"weight_decay": 0})]


async def test_the_next_seed_is_after_the_one_the_engine_has(it, snapshot):
    assert await asked(it, snapshot(seed=41, step=0), "R") == [Restart(42)]


@pytest.mark.parametrize("press", ["w", "left_square_bracket", "minus"])
async def test_a_setting_at_its_end_says_so_and_asks_for_nothing(it, snapshot, press):
    ends = snapshot(weight_decay=0.0, learning_rate=1e-6, hidden=1)
    await it.show(ends)
    it.screen.notice.say("")
    it.engine.requests.clear()
    await it.press(press)
    await it.until(lambda: "is at its minimum" in it.notice)
    assert it.engine.commands == []


async def test_g_asks_for_fresh_names(it):
    await it.press("g")
    await it.until(lambda: any(names_asked(one) for one in it.engine.refreshes))


def names_asked(refresh):
    return any(type(view).__name__ == "NamesView" for view in refresh.views)


# What the keys of the loss plot have its border say, pressed one after the other.
SAYS = [
    ("l", "all steps · log loss"),
    ("L", "all steps · log-log"),
    ("l", "all steps · log steps"),
    ("L", "all steps · linear"),
    ("a", "last tenth · linear"),
    ("a", "all steps · linear"),
    ("right_parenthesis", "steps 500 to 995 · linear"),
    ("left_parenthesis", "all steps · linear"),
    ("y", "all steps · linear · smooth"),
    ("y", "all steps · linear · unsmoothed"),
    ("y", "all steps · linear"),
]


async def test_keys_of_the_loss_plot_have_it_say_what_it_shows(it):
    for press, says in SAYS:
        await it.press(press)
        await it.until(lambda says=says: it.screen.query_one("#loss").border_subtitle == says)


async def test_e_shows_other_baselines(it, snapshot):
    counted = [Baseline("bigram", 2.46)]
    await it.show(snapshot(baselines=counted))
    for has_uniform, has_bigram in [(False, True), (True, False), (False, False), (True, True)]:
        await it.press("e")
        await it.until(lambda has=has_uniform: ("uniform 3.296" in it.text("loss")) == has)
        await it.until(lambda has=has_bigram: ("bigram  2.460" in it.text("loss")) == has)


async def test_a_key_that_is_none_says_nothing_and_does_nothing(it):
    await it.ticks(3)
    it.engine.requests.clear()
    await it.press("%", "@", "Q", "~", "f9", "ctrl+y", "insert", "home")
    await it.ticks(2)
    assert it.engine.commands == []
    assert it.notice == ""
    assert it.app.screen is it.screen


@pytest.mark.parametrize("panel", ["settings", "bigrams"])
async def test_j_and_k_move_in_a_list(it, panel):
    await it.press(str(list(PANELS).index(panel) + 1))
    await it.until(lambda: it.chosen == panel)
    listed = it.screen.query_one(f"#{panel}")
    before = listed.cursor
    it.engine.requests.clear()
    await it.press("j")
    await it.until(lambda: listed.cursor != before)
    await it.press("k")
    await it.until(lambda: listed.cursor == before)
    assert it.engine.commands == []
