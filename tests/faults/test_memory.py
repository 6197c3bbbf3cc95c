"""Memory while training goes on and on: it does not grow."""

import asyncio
import random
import resource
import time
from pathlib import Path

from makemore_tui.core.constants import KNESER_NEY
from makemore_tui.core.datasets.dataset import Dataset, built_in_path
from makemore_tui.core.session.session import Session
from makemore_tui.core.settings import ModelSettings, TrainSettings
from makemore_tui.tui.app import ExplorerApp
from makemore_tui.tui.screens import main

HASTE = 20  # so three minutes are an hour to the engine: of evaluations, samples and saving
KEYS = ["1", "2", "3", "4", "5", "6", "7", "8", "9", "z", "right_square_bracket", "full_stop"]


def megabytes():
    """The memory that this process has in use."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 1e6


def is_counted(app):
    """True once all baselines are known."""
    now = app.main.requests.latest
    return now is not None and KNESER_NEY in [baseline.name for baseline in now.baselines]


async def test_memory_is_flat_with_every_view_refreshed(many, served_engine, monkeypatch, tmp_path):
    monkeypatch.setattr(main, "_TICK_SECONDS", 0.02)
    path = tmp_path / "items.txt"
    path.write_text("\n".join(built_in_path("names").read_text().split()[:3000]))
    rng = random.Random(1)
    train = TrainSettings(batch_size=1, steps=10**9, learning_rate=0.001)
    session = Session(Dataset.load(path), ModelSettings(hidden=32), train)
    session.timeline.budget = 2_000_000
    engine = served_engine(session, lambda: HASTE * time.perf_counter(), paused=False)
    app = ExplorerApp(engine)
    used = []
    try:
        async with app.run_test(size=(200, 60)):
            while not is_counted(app):  # whose tables take their room once
                app.simulate_key(rng.choice(KEYS))
                await asyncio.sleep(0.03)
            while len(used) < many(100, 3000) or session.step < 500 or len(session.journal) < 11:
                assert len(used) < many(3000, 10_000), session
                app.simulate_key(rng.choice(KEYS))
                await asyncio.sleep(0.03)
                used.append(megabytes())
    finally:
        engine.close()
    settled = len(used) // 4
    assert max(used[settled:]) - used[settled] < 20
