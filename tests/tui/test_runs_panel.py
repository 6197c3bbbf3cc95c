"""The panel of previous and saved runs: what it lists, and its cursor."""

from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import pytest
from msgspec.structs import replace
from textual.events import Key, MouseScrollDown, MouseScrollUp

from makemore_tui.core.results import Saving
from makemore_tui.core.runs.catalog import SavedRun
from makemore_tui.core.settings import ModelSettings, TrainSettings
from makemore_tui.core.worker.protocol import Edit, Fork, OpenRun, PinRun, ReturnTo
from makemore_tui.tui.widgets.runs import RunsPanel
from tests.support.explorer import send_keys
from tests.support.snapshots import pair

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture
def draw(stage, snapshot):
    """Draws previous runs in so many cells; the panel and the text of its rows."""

    async def draw(*runs, width=34, height=14):
        panel = RunsPanel()
        return panel, await stage.play(panel, width, height, snapshot(previous=runs))

    return draw


async def test_p_pins_a_previous_run_which_comes_first_and_p_again_unpins_it(
    it, snapshot, previous
):
    runs = (previous("lr 0.01 → 2.30"), previous("seed 3 → 2.17"))
    await it.show(snapshot(previous=runs))
    await it.press("9")
    await it.until(lambda: it.chosen == "runs" and "lr 0.01" in it.text("runs"))
    await it.press("down", "down", "p")
    await it.until(lambda: it.notice.startswith("Pinned lr 0.01, first in the list"))
    await it.until(lambda: it.text("runs").split("\n")[1].startswith("› lr 0.01"))
    assert "pinned" in it.text("runs")
    await it.press("p")
    await it.until(lambda: it.notice == "Unpinned lr 0.01")
    assert it.engine.commands == [PinRun(0), PinRun(0)]
    await it.press("up", "up", "p")
    await it.until(lambda: it.notice.startswith("Only previous runs of this session"))


async def test_t_trains_a_run_beside_the_open_one_and_n_both_from_step_0(it, snapshot, previous):
    await it.show(snapshot(previous=(previous("lr 0.01 → 2.30"), previous("seed 3 → 2.17"))))
    await it.press("9")
    await it.until(lambda: it.chosen == "runs" and "lr 0.01" in it.text("runs"))
    it.engine.answers = False
    await it.press("down", "down", "T", "N", "up", "up", "T")
    await it.until(lambda: len(it.engine.commands) == 3)
    assert it.engine.commands == [Fork(0), Fork(0, from_start=True), Fork()]


async def test_what_the_panel_asks_comes_before_what_the_next_key_asks(it):
    it.engine.answers = False
    await it.press("9")
    await it.until(lambda: it.chosen == "runs")
    send_keys(it.app, "T", "left_square_bracket")  # in one read
    await it.until(lambda: len(it.engine.commands) == 2)
    assert it.engine.commands == [Fork(), Edit({"learning_rate": 0.0562})]


async def test_without_previous_runs_it_says_how_there_come_to_be_some(draw):
    _, rows = await draw()
    assert "●" in rows[1] or "›" in rows[1]  # the run that is open
    words = " ".join(" ".join(rows).split())
    assert "No other runs yet · a restart, a new seed or another model (r, R, m)" in words


async def test_the_newest_stands_first_with_name_steps_and_dev_loss(draw, previous):
    _, rows = await draw(previous("lr 0.01 → 2.30"), previous("hidden 100 → 2.21", steps=48_000))
    assert rows[2].split() == ["›", "hidden", "100", "48k", "2.210"]
    assert rows[3].split() == ["lr", "0.01", "5k", "2.210"]


async def test_a_run_without_a_dev_loss_has_a_dash(draw, previous):
    _, rows = await draw(previous(best_dev=None))
    assert rows[2].split()[-1] == "–"


async def test_the_settings_of_the_run_under_the_cursor_are_told(draw, previous, stage):
    counts = previous("ngram → 2.46", model=ModelSettings(kind="ngram", order=2))
    panel, rows = await draw(counts, previous())
    assert "MLP 3, 10, 200" in " ".join(rows)
    assert "(MLP: context, embedding, hidden)" in " ".join(rows)
    assert "seed 1" in " ".join(rows)
    panel.action_move(1, 0)
    assert "counts of 2, smoothing 1" in " ".join(stage.rows(panel))


async def test_a_wide_panel_has_a_column_for_each_of_the_main_settings(draw, previous):
    _, rows = await draw(previous(), previous(), width=130)
    heads = "name data model lr batch optimizer steps dev test peeks when"
    assert rows[0].split() == heads.split()
    for line in rows[2:4]:
        facts = "names MLP 3, 10, 200 0.1 32 sgd 5k 2.210 0 this session"
        assert line.split()[-len(facts.split()) :] == facts.split()
    assert "open now" in rows[1]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"init": "lecture"}, "init lecture"),
        ({"direct": True}, "direct"),
        ({"dropout": 0.1}, "dropout 0.1"),
        ({"weight_decay": 0.001}, "decay 0.001"),
        ({"schedule": "cosine"}, "cosine"),
        ({"train_on": "first-500"}, "on first-500"),
    ],
)
async def test_runs_that_differ_in_what_is_seldom_changed_are_told_apart(
    draw, previous, snapshot, stage, changes, says
):
    there = snapshot(**changes)
    runs = previous(model=there.model, train=there.train), previous()
    panel, rows = await draw(*runs, width=130)
    assert says not in " ".join(rows)
    panel.action_move(1, 0)
    assert f"MLP 3, 10, 200, {says}, lr 0.1" in " ".join(stage.rows(panel))


async def test_a_name_that_has_no_room_is_told_whole_below(draw, previous):
    name = "init scaled, hidden 100, lr 0.05"
    _, rows = await draw(previous(f"{name} → 2.21"), width=32)
    assert rows[2].startswith("› init scaled, hid… ")
    assert f"{name}: MLP" in " ".join(row.strip() for row in rows[3:])


async def test_a_wide_panel_has_much_room_for_names(draw, previous):
    name = "init scaled, hidden 100, lr 0.05"
    _, rows = await draw(previous(f"{name} → 2.21"), width=116)
    assert rows[2].startswith(f"› {name} ")


async def test_the_cursor_stays_among_the_runs(draw, previous, stage):
    panel, _ = await draw(previous("lr 1"), previous("lr 2"), previous("lr 3"))
    moves = ((-9, "this run"), (1, "lr 3"), (1, "lr 2"), (1, "lr 1"), (1, "lr 1"), (-1, "lr 2"))
    for down, name in moves:
        panel.action_move(down, 0)
        assert [row for row in stage.rows(panel) if row.startswith(f"› {name}")]


async def test_a_new_previous_run_takes_the_cursor_to_the_newest(draw, previous, snapshot, stage):
    panel, _ = await draw(previous("lr 1"), previous("lr 2"))
    panel.action_move(1, 0)
    panel.show(snapshot(previous=(previous("lr 1"), previous("lr 2"), previous("lr 3"))))
    assert stage.rows(panel)[2].startswith("› lr 3")


async def test_the_list_follows_the_cursor_where_lines_are_few(draw, previous, stage):
    panel, _ = await draw(*(previous(f"lr {i}") for i in range(8)), height=4)
    for _ in range(7):
        panel.action_move(1, 0)
    assert any(row.startswith("› lr 0") for row in stage.rows(panel))


async def test_no_size_does_harm(draw, previous, snapshot):
    panel, _ = await draw(previous("seed 3, learning rate 0.001, 日本 → 2.2"))
    for width in (1, 2, 7, 15, 17, 18, 30, 79, 80, 200):
        for height in (1, 2, 3, 4, 5, 60):
            assert panel.rows(panel.snapshot, width, height)


def wheel(panel, kind):
    return kind(panel, 1, 1, 0, 0, 0, False, False, False)


# Saved runs


@pytest.fixture
def saved():
    """Makes a saved run, each a second older than the one before."""
    seconds = count()

    def saved(name, **facts):
        when = datetime.now(UTC) - timedelta(hours=3, seconds=next(seconds))
        settings = {"model_settings": ModelSettings(), "train_settings": TrainSettings()}
        known = {"dataset": "names", "steps": 48_000, "best_dev": 2.21, **settings}
        when = facts.pop("saved", when)
        return SavedRun(name, Path("/runs") / name, when, **(known | facts))

    return saved


async def test_saved_runs_stand_below_previous_ones(draw, previous, saved, stage):
    panel, _ = await draw(previous("lr 0.01 → 2.30"))
    panel.saved.take([saved("first"), saved("[red]second")])
    rows = stage.rows(panel)
    assert rows[3].strip() == "saved"
    assert rows[4].split() == ["first", "48k", "2.210"]
    assert rows[5].split() == ["[red]second", "48k", "2.210"]


async def test_the_saved_run_under_the_cursor_is_told_and_opened(draw, saved, stage):
    panel, _ = await draw()
    panel.saved.take([saved("first"), saved("second")])
    panel.action_move(1, 0)
    rows = stage.rows(panel)
    assert rows[4].startswith("› second")
    assert "names, saved 3 h ago, MLP 3, 10, 200, lr 0.1" in " ".join(" ".join(rows).split())
    asked = []
    panel.ask = asked.append
    panel.action_open()
    assert asked == [OpenRun("/runs/second")]


async def test_the_open_run_stands_first_once_and_is_not_opened_again(
    draw, saved, snapshot, stage, monkeypatch
):
    panel, _ = await draw()
    panel.show(snapshot(saving=Saving("/runs", "/runs/first.safetensors", 3)))
    panel.saved.take([saved("first.safetensors"), saved("second")])
    rows = stage.rows(panel)
    assert rows[1].startswith("● first ")
    assert sum("first" in row for row in rows) == 1
    panel.action_move(-9, 0)
    said = []
    with monkeypatch.context() as only_here:
        only_here.setattr(panel, "post_message", said.append)
        panel.action_open()
    assert said[0].text == "This run is open already"


async def test_a_previous_run_is_not_listed_again_among_the_saved_ones(
    draw, previous, saved, stage
):
    panel, _ = await draw(previous("lr 1", folder="/runs/first"))
    panel.saved.take([saved("first"), saved("second")])
    assert not any("first" in row for row in stage.rows(panel))


async def test_the_cursor_stays_on_its_run_whatever_the_list_becomes(
    draw, previous, saved, snapshot, stage
):
    panel, _ = await draw(previous("lr 1"), previous("lr 2"), height=20)
    panel.saved.take([saved("first"), saved("second")])
    panel.action_move(3, 0)
    assert any(row.startswith("› second") for row in stage.rows(panel))
    now = datetime.now(UTC)
    panel.saved.take([saved("newer", saved=now), saved("first"), saved("second")])
    assert any(row.startswith("› second") for row in stage.rows(panel))
    panel.show(snapshot(previous=(previous("lr 2"),)))
    assert any(row.startswith("› second") for row in stage.rows(panel))
    panel.saved.take([saved("newer"), saved("first")])
    assert any(row.startswith("› lr 2") for row in stage.rows(panel))


async def test_of_a_long_name_the_end_is_seen_too(draw, saved, stage):
    panel, _ = await draw(width=34)
    panel.saved.take([saved(f"names-2026-11-25-08183{i}") for i in range(3)])
    rows = stage.rows(panel)
    assert [row.split()[0 if "›" not in row else 1][-6:] for row in rows[3:6]] == [
        f"08183{i}" for i in range(3)
    ]


async def test_the_mouse_chooses_a_run_and_opens_the_chosen_one(explorer, previous, snapshot):
    async with explorer(first=snapshot(previous=(previous("lr 1"), previous("lr 2")))) as it:
        await it.press("9")
        await it.until(lambda: "lr 1" in it.text("runs"))
        await it.pilot.click("#runs", offset=(6, 4))
        await it.until(lambda: "› lr 1" in it.text("runs"))
        panel = it.screen.query_one("#runs")
        panel.post_message(wheel(panel, MouseScrollUp))
        await it.until(lambda: "› lr 2" in it.text("runs"))
        panel.post_message(wheel(panel, MouseScrollDown))
        await it.until(lambda: "› lr 1" in it.text("runs"))
        assert not it.engine.commands
        await it.pilot.click("#runs", offset=(6, 4))
        await it.until(lambda: it.engine.commands == [ReturnTo(0)])


async def test_a_run_that_can_not_be_read_says_why(draw, saved, stage):
    panel, _ = await draw()
    panel.saved.take([saved("first", problem="first is damaged", best_dev=None)])
    assert "first is damaged" in " ".join(stage.rows(panel))


async def test_the_cursor_is_seen_among_many_saved_runs(draw, previous, saved, stage):
    panel, _ = await draw(previous(), previous(), height=8)
    panel.saved.take([saved(f"run {i}") for i in range(30)])
    for _ in range(40):
        panel.action_move(1, 0)
        assert any(row.startswith("› ") for row in stage.rows(panel))
    assert any(row.startswith("› run 29") for row in stage.rows(panel))


@pytest.fixture
def whole_runs(tmp_path):
    """A directory of two small runs on disk."""
    from makemore_tui.core import Dataset, Session

    dataset = Dataset.load("names")
    for name, hidden in (("wide", 8), ("narrow", 6)):
        Session(dataset, ModelSettings(hidden=hidden, embedding=2)).save(tmp_path / name)
    return tmp_path


async def test_runs_are_sorted_by_each_column_in_turn(draw, saved, stage):
    panel, _ = await draw(width=130)
    slow, fast = (TrainSettings(learning_rate=rate) for rate in (0.01, 1))
    runs = [
        saved("b", best_dev=2.3, steps=9, train_settings=fast, test_peeks=2),
        saved("a", best_dev=2.1, steps=5, train_settings=slow),
    ]
    panel.saved.take(runs)
    found = {}
    for _ in range(10):
        panel.action_sort()
        rows = [row.lstrip("›● ")[:1] for row in stage.rows(panel)[1:5]]
        found[panel.sort] = "".join(letter for letter in rows if letter in "ab")
    by_a, by_b = ["name", "lr", "dev"], ["steps", "test peeks", "when"]
    assert [found[name] for name in (*by_a, *by_b)] == ["ab"] * 3 + ["ba"] * 3
    assert panel.sort == "when"


async def test_keys_of_the_panel_move_sort_filter_and_delete(explorer, snapshot, whole_runs):
    first = snapshot(saving=Saving(str(whole_runs), "", 0))
    async with explorer(first=first) as it:
        await it.press("9")
        await it.until(lambda: "wide" in it.text("runs") and "narrow" in it.text("runs"))
        await it.press("k", "k", "k", "j")
        await it.until(lambda: "› wide" in it.text("runs") or "› narrow" in it.text("runs"))
        await it.press("o")
        await it.until(lambda: it.screen.query_one("#runs").sort == "name")
        await it.press("F", *"hidden=6", "enter")
        await it.until(lambda: "wide" not in it.text("runs") and "› narrow" in it.text("runs"))
        await it.until(lambda: it.chosen == "runs")  # no longer the line of the filter
        await it.press("delete")
        await it.until(lambda: not (whole_runs / "narrow.safetensors").exists())
        await it.until(lambda: "Deleted narrow" in it.notice)
        await it.until(lambda: "deleted ·" in " ".join(it.text("runs").split()))
        await it.press("delete")
        await it.until(lambda: (whole_runs / "narrow.safetensors").exists())
        await it.press("delete")
        await it.until(lambda: "Deleted narrow" in it.notice)
        assert not it.engine.commands
    assert sorted(path.name for path in whole_runs.iterdir()) == ["wide.safetensors"]


async def test_the_filter_is_seen_while_it_is_typed_into_or_has_words_only(explorer, snapshot):
    async with explorer(first=snapshot()) as it:
        await it.press("9")
        panel = it.screen.query_one("#runs")
        for _ in range(2):  # the second time the line is there already
            await it.press("F")
            await it.ticks(2)
            assert it.screen.focused is panel._filter
            assert panel._filter.display
            assert panel.border_subtitle == "enter apply · esc show all"
            await it.press("a", "escape")
            await it.ticks(2)
            assert it.screen.focused is panel
            assert not panel._filter.display
            assert "enter open" in panel.border_subtitle


async def test_a_list_that_was_read_before_a_run_was_deleted_does_not_bring_it_back(
    explorer, snapshot, whole_runs
):
    async with explorer(first=snapshot(saving=Saving(str(whole_runs), "", 0))) as it:
        await it.press("9")
        await it.until(lambda: "wide" in it.text("runs") and "narrow" in it.text("runs"))
        panel = it.screen.query_one("#runs")
        read_before = list(panel.saved.runs)
        await it.press("delete")
        await it.until(lambda: "Deleted " in it.notice)
        panel.saved.take(read_before)
        assert len(panel.saved.runs) == 1
        assert (it.text("runs").count("narrow"), it.text("runs").count("wide")) == (1, 1)


async def test_a_saved_run_is_drawn_on_the_loss_plot_until_the_key_is_pressed_again(
    explorer, snapshot, whole_runs
):
    async with explorer(first=snapshot(saving=Saving(str(whole_runs), "", 0))) as it:
        await it.press("9")
        await it.until(lambda: "wide" in it.text("runs") and "narrow" in it.text("runs"))
        await it.press("v")
        await it.until(lambda: "Shown on the loss plot" in it.notice)
        (path,) = it.screen.grid.panels["loss"].view().overlays
        assert path in {str(one) for one in whole_runs.iterdir()}
        await it.press("v")
        await it.until(lambda: "Hidden on the loss plot" in it.notice)
        assert it.screen.grid.panels["loss"].view().overlays == ()


async def test_keys_typed_ahead_filter_first_and_then_delete_what_is_left(
    explorer, snapshot, whole_runs
):
    async with explorer(first=snapshot(saving=Saving(str(whole_runs), "", 0))) as it:
        await it.press("9")
        await it.until(lambda: "wide" in it.text("runs") and "narrow" in it.text("runs"))
        driver = it.app._driver
        for key in ("F", *"narrow", "enter", "delete"):  # without waiting for anything
            driver.send_message(Key(key, key if len(key) == 1 else None))
        await it.until(lambda: "Deleted narrow" in it.notice)
        assert it.chosen == "runs"


# Compared with the open run


async def test_a_saved_run_is_compared_by_its_file_and_those_of_pairs_are_marked(
    draw, saved, stage
):
    panel, _ = await draw()
    panel.saved.take([saved("one", twin="two"), saved("two"), saved("three", twin="gone")])
    rows = stage.rows(panel)
    assert [row[2:].split("  ")[0] for row in rows[3:6]] == ["A · one", "B · two", "three"]
    assert "A of a pair with two" in " ".join(" ".join(rows).split())
    asked = []
    panel.ask = asked.append
    panel.action_compare()
    assert asked == [Fork(folder="/runs/one")]


async def test_the_open_runs_of_a_pair_stand_first_each_with_its_settings(stage, snapshot, saved):
    panel = RunsPanel()
    slow = replace(pair().b, train=TrainSettings(learning_rate=0.01), step=7)
    now = snapshot(pair=replace(pair(), b=slow), saving=Saving("/runs", "/runs/one", 3))
    rows = await stage.play(panel, 80, 14, now)
    assert [row.split()[1:4] for row in rows[1:3]] == [["A", "·", "one"], ["B", "·", "not"]]
    panel.saved.take([saved("one", twin="two"), saved("two"), saved("three")])
    rows = stage.rows(panel)
    assert [row.split()[3] for row in rows[1:3]] == ["one", "two"]
    assert " 0.01 " in rows[2]
    assert " 7 " in rows[2]
    assert "two" not in " ".join(rows[3:6])
