"""The main screen as a picture, in five sizes and three themes, compared with pictures that were
looked at.

`make snapshots` takes them anew. What differs is written beside pytest's other temporary files.
"""

import gzip
import os
import re
from pathlib import Path

import pytest
from msgspec.structs import replace

from makemore_tui.core.results import Baseline, Mark, TestLoss
from makemore_tui.tui.style.themes import OWN

FOLDER = Path(__file__).with_name("snapshots")
SIZES = ((80, 24), (100, 30), (120, 40), (160, 50), (200, 60))
KEYS = {(100, 30): "8", (160, 50): "6", (200, 60): "6781"}  # panels that are chosen first
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


@pytest.mark.asyncio
@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
async def test_the_main_screen_looks_as_it_did(explorer, scene, size, tmp_path):
    differing = []
    async with explorer(scene, size) as it:
        await it.press(*KEYS.get(size, ""))
        await it.ticks(10)  # in which every view has its turn
        for theme in OWN:
            it.app.theme = theme.name
            file = FOLDER / f"{size[0]}x{size[1]}-{theme.name}.svg.gz"
            now = await settled(it)
            if os.environ.get("MAKEMORE_TUI_SNAPSHOTS") == "anew":
                FOLDER.mkdir(exist_ok=True)
                file.write_bytes(gzip.compress(now.encode(), mtime=0))
            if now != gzip.decompress(file.read_bytes()).decode():
                seen = tmp_path / file.stem
                seen.write_text(now)
                differing.append(f"{seen} is not {file}")
    assert not differing, f"{'; '.join(differing)}; make snapshots, if the new ones are right"
