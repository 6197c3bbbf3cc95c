"""Make docs/explorer.svg: the real explorer trains and takes keys, as one animated picture.

python docs/make_picture.py [FILE]
"""

import asyncio
import sys
from pathlib import Path
from typing import NamedTuple

from animated_svg import animated

from makemore_tui.core.presets import DEFAULT_PRESET, preset_named
from makemore_tui.core.run_spec import RunSpec
from makemore_tui.core.worker.protocol import Start
from makemore_tui.tui.app import ExplorerApp
from makemore_tui.tui.client.engine import WorkerEngine
from makemore_tui.tui.config import Config

_SIZE = (104, 38)
_MAX_SECONDS = 600  # for all of it, on a busy machine


class Scene(NamedTuple):
    """Keys to press, then frames to take.

    steps: after how many steps of training, counted from the keys, each frame is taken.
    seconds: how long each is shown."""

    title: str
    keys: str
    steps: tuple[int, ...]
    seconds: float = 0.6


_STORY = (
    Scene("makemore-tui: a small network learns to make names", "",
          (300, 1000, 2000, 3500, 5000, 7500, 10_000, 13_000, 16_000, 20_000)),
    Scene("{  learning rate to a tenth", "{", (0, 1000, 3000, 6000, 10_000), 0.8),
    Scene("= =  more hidden units, weights kept", "==", (0, 2000, 5000, 9000), 0.9),
    Scene("3  the model's bigram table", "3", (0, 1000)),
    Scene("v  bigrams as counted", "v", (0,), 1.6),
    Scene("v v  the model minus the counts", "vv", (0,), 1.6),
    Scene("v  back to the model's", "v", (0,), 1.2),
    Scene("u u  undo: settings, weights and curve are back", "uu", (0, 1500, 4000), 1.5),
)  # fmt: skip


class _Film:
    """Screenshots of an explorer that is running, and for how many seconds each is shown."""

    def __init__(self, app: ExplorerApp, pilot):
        self._app, self._pilot = app, pilot
        self.frames: list[tuple[str, float]] = []

    @property
    def _snapshot(self):
        return self._app.main.requests.snapshot

    async def shoot(self, scene: Scene) -> None:
        """Press the keys of a scene and take its frames."""
        for key in scene.keys:
            await self._pilot.press(key)
            await self._refreshed()
        await self._refreshed()
        begun = self._snapshot.step
        for steps in scene.steps:
            while self._snapshot.step < begun + steps:
                await self._refreshed()
            picture = self._app.export_screenshot(title=scene.title)
            self.frames.append((picture, scene.seconds))

    async def _refreshed(self) -> None:
        """Wait until a new snapshot has come and is drawn."""
        before = self._snapshot
        while self._snapshot is before:
            await asyncio.sleep(0.02)
        await self._pilot.pause()


async def film() -> str:
    """The story, told by the real explorer with its worker."""
    preset = preset_named(DEFAULT_PRESET)
    engine = WorkerEngine(Start(RunSpec("names", model=preset.model, train=preset.train)))
    app = ExplorerApp(engine, Config({"welcome": False}))
    async with asyncio.timeout(_MAX_SECONDS), app.run_test(size=_SIZE) as pilot:
        made = _Film(app, pilot)
        for scene in _STORY:
            await made.shoot(scene)
    engine.close()
    return animated(made.frames)


if __name__ == "__main__":
    file = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).with_name("explorer.svg")
    file.write_text(asyncio.run(film()), encoding="utf-8")
