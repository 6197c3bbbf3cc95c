"""Pictures: one a panel, and four whole screens, compared with pictures that were looked at.

`make snapshots` takes them anew. What differs is written beside pytest's other temporary files.
"""

import gzip
import os
import re
from pathlib import Path

import pytest
from msgspec.structs import replace

from makemore_tui.core.results import Baseline, Mark, TestLoss
from makemore_tui.tui.keymap import PANELS
from makemore_tui.tui.style.themes import OWN
from tests.support.snapshots import paired

FOLDER = Path(__file__).with_name("snapshots")
SCREENS = [((80, 24), OWN[0]), ((120, 40), OWN[0]), ((200, 60), OWN[2])]
PANEL_SIZE = (76, 24)
pytestmark = pytest.mark.usefixtures("quick_ticks")
BASELINES = (
    Baseline("uniform", 3.296),
    Baseline("unigram", 2.82),
    Baseline("bigram", 2.455),
    Baseline("trigram", 2.22),
    Baseline("4-gram", 2.11),
)


@pytest.fixture(scope="module")
def scene(snapshot, previous, curve):
    """A run with everything that the main screen can show of one."""
    earlier = [[(10.0 * i, 2.3 + 1.0 / (1 + i / 4)) for i in range(64)]]
    return snapshot(
        hidden=300,
        baselines=BASELINES,
        marks=(Mark(300, "lr 0.0562"), Mark(640, "hidden 300")),
        previous=(previous("hidden 100, lr 0.1 → 2.31"),),
        loss=replace(curve(), previous=earlier),
        can_undo="hidden 300",
        test=TestLoss(1000, 2.168),
        test_asked=2,
    )


def picture(app) -> str:
    """The screen as SVG, without what is another at every run."""
    return re.sub(r"terminal-\d+", "terminal", app.export_screenshot(title="makemore-tui"))


async def settled(it) -> str:
    """The picture, as soon as it stays the same."""
    before = ""
    for _ in range(40):
        await it.ticks(2)
        now = picture(it.app)
        if now == before:
            return now
        before = now
    raise AssertionError("the screen never came to rest")


def compare(name: str, now: str, folder: Path) -> None:
    """See that a picture is the one that was looked at, or take it anew."""
    file = FOLDER / f"{name}.svg.gz"
    if os.environ.get("MAKEMORE_TUI_SNAPSHOTS") == "anew":
        FOLDER.mkdir(exist_ok=True)
        file.write_bytes(gzip.compress(now.encode(), mtime=0))
    if now != gzip.decompress(file.read_bytes()).decode():
        (folder / f"{name}.svg").write_text(now)
        raise AssertionError(
            f"{folder / name}.svg is not {file}; make snapshots, if the new one is right"
        )


@pytest.mark.asyncio
@pytest.mark.parametrize(("size", "theme"), SCREENS)
async def test_a_screen_looks_as_it_did(explorer, scene, size, theme, tmp_path):
    async with explorer(scene, size) as it:
        it.app.theme = theme.name
        await it.ticks(10)  # in which every view has its turn
        compare(f"screen-{size[0]}x{size[1]}-{theme.name}", await settled(it), tmp_path)


@pytest.mark.asyncio
async def test_a_lesson_looks_as_it_did(explorer, scene, tmp_path):
    """With a number to type, a goal that is reached, and a hint; in light colours."""
    async with explorer(replace(scene, state="paused"), (120, 40)) as it:
        it.app.theme = OWN[1].name
        await it.screen.lessons.open_at("rows-to-probabilities", index=0)
        it.screen.lessons.player.move(3)
        it.screen.lessons.show_step()
        await it.press("v", "v", "v", "v", "f2", "escape", "h")
        await it.ticks(10)
        compare("lesson", await settled(it), tmp_path)


async def compare_panel(it, panel: str, name: str, folder: Path) -> None:
    """Compare a panel alone on a screen of 80x24, but for the lines above and below it."""
    await it.press(*str(list(PANELS).index(panel) + 1), "z")
    await it.until(lambda: it.shown_panels == [panel])
    await it.ticks(10)
    compare(name, await settled(it), folder)


@pytest.mark.asyncio
@pytest.mark.parametrize("panel", PANELS)
async def test_a_panel_looks_as_it_did(explorer, scene, panel, tmp_path):
    async with explorer(replace(scene, state="paused"), PANEL_SIZE) as it:
        await compare_panel(it, panel, f"panel-{panel}", tmp_path)


@pytest.mark.asyncio
@pytest.mark.parametrize("panel", ["loss", "settings", "names", "splits"])
async def test_a_panel_of_a_pair_looks_as_it_did(explorer, scene, panel, tmp_path):
    pair = paired(replace(scene, state="paused", previous=(), loss=None))
    async with explorer(pair, PANEL_SIZE) as it:
        await compare_panel(it, panel, f"pair-{panel}", tmp_path)
