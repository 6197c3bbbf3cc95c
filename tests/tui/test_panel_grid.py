"""The panels for each size of the terminal: together, or one at a time."""

import pytest
from textual.events import Resize
from textual.geometry import Size
from textual.widgets import Tab, Tabs

from makemore_tui.core.results import Saving
from makemore_tui.core.worker.protocol import (
    Edit,
)
from makemore_tui.tui.screens.help import HelpScreen
from makemore_tui.tui.widgets.panel import Panel
from tests.support.explorer import send_keys

PANELS = ["loss", "settings", "bigrams", "names", "splits"]  # of a screen of ordinary size


ALL_PANELS = [*PANELS, "embedding", "probe", "health", "runs"]  # in the order of their keys


TOGETHER = [(100, 30), (120, 40), (149, 60), (200, 53)]


LARGE = [(150, 54), (200, 60)]


TITLES = {
    "loss": "Loss",
    "settings": "Settings",
    "bigrams": "Bigrams",
    "names": "Names",
    "splits": "Splits",
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


pytestmark = pytest.mark.asyncio(loop_scope="module")


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
        await it.until(lambda: all(TITLES[name] in it.painted() for name in names))
        words = [(name, word) for name in PANELS for word in WORDS[name]]
        await it.until(lambda: all(word in it.text(name) for name, word in words))


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


async def test_a_title_shows_its_number_and_the_panels_that_share_its_place(explorer):
    async with explorer(size=(120, 40)) as it:
        alone = "1 Loss", "2 Settings", "4 Names │ 7 Probe", "5 Splits │ 8 Health │ 9 Runs"
        titles = *(f"─ {title} ─" for title in alone), " │ 6 Embedding │ 0 Trace ─"
        await it.until(lambda: all(title in it.painted() for title in titles))
        region = it.screen.query_one("#splits").region
        await it.pilot.click(offset=(region.x + len("╭─ 5 Splits │ 8 H"), region.y))
        await it.until(lambda: it.chosen == "health")
        await it.press("z")
        await it.until(lambda: it.shown_panels == ["health"])
        await it.until(lambda: "─ 5 Splits │ 8 Health │ 9 Runs ─" in it.painted())


async def test_no_name_of_a_tab_is_cut_in_a_narrow_place(explorer):
    async with explorer(size=(100, 30)) as it:
        await it.until(lambda: "─ 4 Names│7 Probe ─" in it.painted())
        await it.until(lambda: "─ 5 Splits │ 8 Health │ 9 Runs ─" in it.painted())


async def test_in_a_small_terminal_every_tab_is_seen_with_its_number(explorer):
    tabs = "1Loss 2Settings 3Bigrams 4Names 5Splits 6Embedding 7Probe 8Health 9Runs 0Trace"
    async with explorer(size=(80, 24)) as it:
        await it.until(lambda: tabs in it.painted())


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
        for panel in [*ALL_PANELS, "trace"]:
            await it.until(lambda panel=panel: it.shown_panels == [panel])
            words = WORDS.get(panel, [])
            await it.until(lambda panel=panel, words=words: all(w in it.text(panel) for w in words))
            tabs = it.screen.query_one(Tabs)
            await it.until(lambda panel=panel, tabs=tabs: tabs.active == f"tab-{panel}")
            await it.press("tab")
        await it.until(lambda: it.shown_panels == ["loss"])
        await it.press("shift+tab")
        await it.until(lambda: it.shown_panels == ["trace"])


async def test_tabs_pressed_quickly_all_count(it):
    send_keys(it.app, "tab", "tab", "tab")
    await it.until(lambda: it.chosen == PANELS[3])
    await it.ticks(3)
    assert it.chosen == PANELS[3]


async def test_a_click_on_a_tab_shows_its_panel(explorer):
    async with explorer(size=(80, 24)) as it:
        tabs = lambda: it.screen.query(Tab)  # noqa: E731
        await it.until(lambda: tabs() and all(tab.region.area for tab in tabs()))
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
    async with explorer(snapshot(saving=saving), size=(130, 6)) as it:
        shown = []
        for width in range(130, 30, -2):
            await it.resize(width, 6)
            await it.until(lambda width=width: len(it.status) == width)
            left = it.status.partition("●")[0].replace("makemore-tui  ", "makemore-tui · ")
            parts = [part.strip() for part in left.split("·") if part.strip()]
            shown += [parts] if parts not in shown else []
        assert [way for way in ways if way in shown] == shown
        assert [whole, [program, data, run], []] == [shown[0], shown[2], shown[-1]]


async def test_that_the_run_is_not_saved_stays_longest(explorer, snapshot):
    saving = Saving("/runs", "/runs/names-2026-11-25", 3, problem="no space")
    async with explorer(snapshot(saving=saving), size=(130, 6)) as it:
        for width in (130, 110, 90, 80, 60, 40):
            await it.resize(width, 6)
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
