"""At rest it rests: nothing is asked, sampled or drawn until something changes."""

import pytest

from makemore_tui.core.worker.protocol import HealthView, LossView, NamesView

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.usefixtures("quick_ticks")]

TICKS = 25  # in which every panel has its turn
PANELS = ("bigrams", "embedding", "names", "probe", "splits")
SIZES = [(200, 60), (120, 40), (80, 24)]


async def come_to_rest(it):
    """Wait until nothing is asked any more."""
    for _ in range(60):
        asked = len(it.engine.requests)
        await it.ticks(TICKS)
        if len(it.engine.requests) == asked:
            return
    raise AssertionError("it never came to rest")


def views_asked(it):
    return [type(view) for refresh in it.engine.refreshes for view in refresh.views]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("state", ["paused", "finished", "diverged"])
async def test_a_resting_explorer_asks_nothing_and_paints_nothing(explorer, snapshot, size, state):
    async with explorer(first=snapshot(state=state), size=size) as it:
        await come_to_rest(it)
        painted = []
        for panel in it.screen.grid.shown:
            panel.refresh = lambda *args, **options: painted.append(args)
        it.engine.requests.clear()
        await it.ticks(TICKS)
        assert it.engine.requests == []
        assert painted == []
        assert not it.screen._timer._active.is_set()


async def test_every_view_on_the_screen_is_drawn_before_it_rests(explorer, snapshot):
    async with explorer(first=snapshot(state="paused"), size=(200, 60)) as it:
        await come_to_rest(it)
        drawn = {name for name, panel in it.screen.grid.panels.items() if panel.drawn}
        assert drawn == {"loss", "bigrams", "names", "embedding", "probe", "health"}


async def test_each_panel_that_is_chosen_at_rest_is_drawn_and_then_it_rests_again(
    explorer, snapshot
):
    async with explorer(first=snapshot(state="paused"), size=(120, 40)) as it:
        for key, panel in zip("36475", PANELS, strict=True):
            await it.press(key)
            await it.until(lambda panel=panel: "…" not in it.text(panel) and it.text(panel).strip())
        await come_to_rest(it)


async def test_the_trace_of_a_word_of_the_data_comes_to_rest(explorer, snapshot):
    async with explorer(first=snapshot(state="paused"), size=(120, 40)) as it:
        await it.press("0", "D", "G")
        trace = it.screen.grid.panels["trace"]
        await it.until(lambda: trace.drawn and trace.drawn.gradients)
        await come_to_rest(it)
        painted = []
        trace.refresh = lambda *args, **options: painted.append(args)
        await it.ticks(TICKS)
        assert painted == []


async def test_another_size_of_the_terminal_is_drawn_at_rest(explorer, snapshot):
    async with explorer(first=snapshot(state="paused"), size=(120, 40)) as it:
        await come_to_rest(it)
        it.engine.requests.clear()
        await it.resize(200, 60)
        await it.until(lambda: {LossView, HealthView} <= set(views_asked(it)))
        await come_to_rest(it)


async def test_names_are_sampled_at_rest_only_when_they_are_asked_for(explorer, snapshot):
    async with explorer(first=snapshot(state="paused")) as it:
        await come_to_rest(it)
        it.engine.requests.clear()
        await it.press("3", "down", "right", "1", "l", "4", "tab")
        await it.until(lambda: it.engine.requests)
        await come_to_rest(it)
        assert NamesView not in views_asked(it)
        await it.press("g")
        await it.until(lambda: NamesView in views_asked(it))
        await come_to_rest(it)


async def test_a_key_for_training_wakes_it(explorer, snapshot):
    async with explorer(first=snapshot(state="paused")) as it:
        await come_to_rest(it)
        it.engine.requests.clear()
        await it.press("space")
        await it.until(lambda: len(it.engine.refreshes) > 5)
