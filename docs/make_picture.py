"""Make docs/explorer.svg: a screenshot of the real explorer, half a minute into a run.

python docs/make_picture.py [FILE] [WIDTH HEIGHT [SECONDS [KEY ...]]]
"""

import asyncio
import sys
from pathlib import Path

from makemore_tui.core.presets import DEFAULT_PRESET, preset_named
from makemore_tui.core.worker.protocol import Start
from makemore_tui.tui.app import ExplorerApp
from makemore_tui.tui.client.engine import WorkerEngine


async def picture(file: Path, width: int, height: int, seconds: float, keys: list[str]) -> None:
    """Run the explorer for some seconds, press keys, and save what it shows."""
    preset = preset_named(DEFAULT_PRESET)
    engine = WorkerEngine(Start("names", False, preset.model, preset.train, 1))
    app = ExplorerApp(engine)
    async with app.run_test(size=(width, height)) as pilot:
        await asyncio.sleep(seconds)
        for key in keys:
            await pilot.press(key)
            await asyncio.sleep(0.5)
        file.write_text(app.export_screenshot(title="makemore-tui"))
    engine.close()


if __name__ == "__main__":
    words = sys.argv[1:]
    file = Path(words[0]) if words else Path(__file__).with_name("explorer.svg")
    width, height = (int(words[1]), int(words[2])) if len(words) > 2 else (120, 40)
    seconds = float(words[3]) if len(words) > 3 else 30
    asyncio.run(picture(file, width, height, seconds, words[4:]))
