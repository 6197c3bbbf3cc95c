"""The app around a fake engine and what it shows, and a stage for one panel."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from msgspec.structs import replace
from textual.app import App
from textual.drivers.headless_driver import HeadlessDriver
from textual.events import Key, Resize
from textual.geometry import Region, Size
from textual.keys import _character_to_key
from textual.pilot import Pilot

from makemore_tui.core.worker.protocol import Snapshot
from makemore_tui.tui.app import ExplorerApp
from makemore_tui.tui.config import Config
from makemore_tui.tui.screens import main
from makemore_tui.tui.screens.main import MainScreen
from makemore_tui.tui.widgets.panel import Panel
from makemore_tui.tui.widgets.panel_grid import PLACES
from makemore_tui.tui.widgets.status import StatusBar
from tests.support.fake_engine import FakeEngine, FakePair
from tests.support.snapshots import TEMPLATE, same_run

PATIENCE = 20  # seconds, after which a test gives up


async def until(pilot: Pilot, condition: Callable[[], Any]) -> None:
    """Wait for a state, and look rarely where looking takes long."""
    give_up, began = time.monotonic() + PATIENCE, time.monotonic()
    while not condition():
        now = time.monotonic()
        assert now < give_up, f"never came about; the screen:\n{painted(pilot.app)}"
        await asyncio.sleep(min(max(0.01, 3 * (now - began)), 0.1))
        began = time.monotonic()


def send_keys(app: App, *keys: str) -> None:
    """Send keys that arrive at once, as those of an impatient person do."""
    for key in keys:
        app._driver.send_message(Key(key, key if len(key) == 1 else None))  # type: ignore[union-attr]


def words(text: str) -> str:
    """A text without frames and line breaks."""
    return " ".join(text.translate(str.maketrans(dict.fromkeys("│╭╮╰╯─", " "))).split())


def painted(app: App) -> str:
    """The text of the whole screen."""
    return "\n".join(strip.text for strip in app.screen._compositor.render_strips())


class Explorer:
    """The app with a fake engine, and what it shows."""

    def __init__(self, pilot: Pilot, engine: FakeEngine):
        assert isinstance(pilot.app, ExplorerApp)
        self.pilot, self.app, self.engine = pilot, pilot.app, engine
        screen = next(one for one in pilot.app.screen_stack if isinstance(one, MainScreen))
        self.screen: MainScreen = screen

    async def press(self, *keys: str) -> None:
        """Send keys or signs, one after the other, without waiting for what they do."""
        driver = self.app._driver
        assert driver is not None
        for key in keys:
            is_sign = len(key) == 1
            name = _character_to_key(key) if is_sign and not key.isalnum() else key
            driver.send_message(Key(name, key if is_sign else None))
            await asyncio.sleep(0.01)

    async def resize(self, width: int, height: int) -> None:
        """Give the terminal another size, and wait until the screen has it.

        Unlike the pilot's, this does not wait until the process is idle, which may take a second.
        """
        size = Size(width, height)
        assert isinstance(self.app._driver, HeadlessDriver)
        self.app._driver._size = size
        self.app.post_message(Resize(size, size))
        await self.until(lambda: self.screen.size == size)

    async def handled(self) -> None:
        """Wait until all that was sent so far has been taken, from what has the focus upwards."""
        above = self.app.focused.ancestors_with_self if self.app.focused else [self.app.screen]
        for pump in (self.app, *above, self.screen):
            taken = asyncio.Event()
            pump.call_later(taken.set)
            await taken.wait()

    async def reset(self) -> None:
        """Back to the template, with nothing asked and nothing said."""
        self.engine.answers, self.engine.first = True, TEMPLATE
        await self.show(replace(TEMPLATE, is_refresh=True))
        self.screen.grid.front = {place[0]: place[0] for place in PLACES}
        self.screen.set_focus(self.screen.grid.panels["loss"])
        self.screen.grid.follow_focus()
        self.screen.grid.fit(self.screen.size)
        await self.until(lambda: self.chosen == "loss")
        self.screen.notice.say("")
        self.screen.requests._unanswered.clear()
        self.engine.pair = FakePair(self.engine)
        self.engine.past.clear()
        self.engine.future.clear()
        self.engine.requests.clear()

    async def show(self, now: Snapshot) -> None:
        """Let the engine say a snapshot, and wait until the screen has it."""
        self.engine.tell(now)
        await self.handled()
        await self.until(lambda: self.snapshot and same_run(self.snapshot, now))

    def text(self, panel: str) -> str:
        """The text of a panel, without its border."""
        found = self.screen.query_one(f"#{panel}", Panel)
        return "\n".join(found.render_line(y).text for y in range(found.content_size.height))

    def value(self, name: str) -> str:
        """The line of a setting on its panel."""
        lines = self.text("settings").split("\n")
        return next((line for line in lines if line.startswith(name)), "")

    @property
    def status(self) -> str:
        return self.screen.query_one(StatusBar).render_line(0).text

    @property
    def notice(self) -> str:
        return self.screen.notice.text

    @property
    def snapshot(self) -> Snapshot | None:
        """The newest that the screen has."""
        return self.screen.requests.snapshot

    @property
    def shown_panels(self) -> list[str]:
        return [panel.id or "" for panel in self.screen.query(Panel) if panel.display]

    @property
    def chosen(self) -> str:
        """The panel that has the focus."""
        return (self.screen.focused.id or "") if self.screen.focused else ""

    def painted(self, region: Region | None = None) -> str:
        """The text of the screen, or of a region of it."""
        lines = painted(self.app).split("\n")
        within = region or self.app.screen.region
        return "\n".join(line[within.x : within.right] for line in lines[within.y : within.bottom])

    @property
    def is_laid_out(self) -> bool:
        """Whether every panel that is shown has its place and, of a snapshot, its rows there."""
        if self.app.screen is not self.screen or self.screen.size.height < 5:  # no room for panels
            return True
        return all(
            panel.region.area and (panel.snapshot is None or panel._painted_with is not None)
            for panel in self.screen.grid.shown
        )

    async def until(self, condition: Callable[[], Any]) -> None:
        """Wait for a state, and for the place of what is shown in it."""
        await until(self.pilot, lambda: condition() and self.is_laid_out)

    async def ticks(self, count: int) -> None:
        """Wait until a timer as fast as the screen's has gone off so many times."""
        rung = []
        timer = self.screen.set_interval(main._TICK_SECONDS, lambda: rung.append(True))
        await self.until(lambda: len(rung) >= count)
        timer.stop()


@asynccontextmanager
async def running_explorer(
    first: Snapshot | None = TEMPLATE,
    size: tuple[int, int] = (120, 40),
    answers: bool = True,
    config: Config | None = None,
) -> AsyncIterator[Explorer]:
    engine = FakeEngine(first, answers)
    config = config or Config()
    values = {"welcome": False, **config.values}  # as after the card of the first launch
    app = ExplorerApp(engine, Config(values, config.keys))
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: engine.starts and isinstance(app.screen, MainScreen))
        running = Explorer(pilot, engine)
        if first is not None and answers:
            await running.until(lambda: engine.refreshes and running.snapshot)
        yield running


class Stage(App):
    """An app for one panel at a time, in any size."""

    async def play(self, panel: Panel, width: int, height: int, *snapshots: Snapshot) -> list[str]:
        """Show snapshots in a panel of so many cells within its border; the text of its rows."""
        await self.screen.remove_children()
        panel.styles.width, panel.styles.height = width + 4, height + 2
        await self.screen.mount(panel)
        await until(self.pilot, lambda: panel.content_size == (width, height))
        for one in snapshots:
            panel.show(one)
        return self.rows(panel)

    def rows(self, panel: Panel) -> list[str]:
        """The text of a panel's rows, every one as wide as the panel."""
        strips = [panel.render_line(y) for y in range(panel.content_size.height)]
        assert {strip.cell_length for strip in strips} == {panel.content_size.width}
        return [strip.text.rstrip() for strip in strips]

    pilot: Pilot
