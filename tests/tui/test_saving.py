"""What the screen says and asks of saved runs."""

import re

import pytest
from msgspec.structs import replace
from textual.widgets import Input

from makemore_tui.core.results import Saving
from makemore_tui.core.worker.protocol import (
    NameRun,
    OpenRun,
    Refused,
)
from makemore_tui.tui.screens.dialogs import NamingScreen, SpecScreen
from makemore_tui.tui.widgets.panel import Panel

pytestmark = pytest.mark.asyncio(loop_scope="module")


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
        await it.until(lambda: "Saved again" in it.notice)
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
        await it.until(lambda: "esc close" in it.painted())
        shown = "".join(re.sub(r"[│╭╮╰╯─\s]", "", it.painted()))
        assert re.sub(r"[─\s]", "", it.app.clipboard) in shown


async def test_f5_does_nothing_while_the_worker_lives(it):
    starts = it.engine.starts
    await it.press("f5")
    await it.ticks(2)
    assert it.engine.starts == starts


def shown(it):
    return [panel for panel in it.screen.query(Panel) if panel.display]
