"""A fake engine that answers with made snapshots, the app around it, and a stage for one panel."""

import asyncio
import math
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import pytest_asyncio
from hypothesis import settings
from msgspec.structs import replace
from textual.app import App
from textual.events import Key
from textual.geometry import Region
from textual.keys import _character_to_key
from textual.pilot import Pilot
from textual.widgets import Static

from makemore_tui.core.results import (
    BigramsView,
    BigramTable,
    Candidate,
    DatasetFacts,
    DatasetStats,
    Diagnosis,
    EmbeddingMap,
    Follower,
    Health,
    LossCurve,
    PairFacts,
    PreviousRun,
    Probe,
    ProbedCharacter,
    RateSearch,
    Resizing,
    Sample,
    SplitLosses,
    TensorHealth,
    TestLoss,
)
from makemore_tui.core.settings import (
    SETTINGS,
    ModelSettings,
    TrainSettings,
    changed,
    effect_of,
    short_label,
)
from makemore_tui.core.worker.protocol import (
    CancelFinder,
    ChangeDataset,
    DescribeDataset,
    Edit,
    EmbeddingView,
    EvaluateTest,
    FindLearningRate,
    HealthView,
    LossView,
    NameRun,
    NamesView,
    OpenRun,
    Pause,
    ProbeView,
    Redo,
    Refresh,
    Refused,
    Reply,
    Request,
    Restart,
    Resume,
    ReturnTo,
    Snapshot,
    Step,
    Undo,
    View,
)
from makemore_tui.tui.app import ExplorerApp
from makemore_tui.tui.client.engine import Deliver, WorkerDied
from makemore_tui.tui.config import Config
from makemore_tui.tui.screens.layout import Occupancy
from makemore_tui.tui.screens.main import MainScreen
from makemore_tui.tui.widgets.panel import Panel
from makemore_tui.tui.widgets.status import StatusBar

settings.register_profile("tui", deadline=None, max_examples=60, database=None, derandomize=True)
settings.load_profile("tui")

PATIENCE = 20  # seconds, after which a test gives up
LABELS = tuple(".abcdefghijklmnopqrstuvwxyz")
TEMPLATE = Snapshot(
    state="training",
    step=1200,
    steps_per_second=2500.0,
    seed=1,
    model=ModelSettings(),
    train=TrainSettings(),
    learning_rate=0.1,
    parameters=11897,
    dataset=DatasetFacts("names", 32178, LABELS),
    splits=SplitLosses(1100, 2.126, 2.17, 2.03, 2.19, train_share=1.0),
    test=None,
    runs=1,
)
NAMES = (Sample("carmahela", False), Sample("kaleigh", True), Sample("jhovi", False))


def snapshot(**changes: Any) -> Snapshot:
    """A snapshot as the template has it, but for some settings, or some fields by name."""
    settings = {name: changes.pop(name) for name in list(changes) if name in SETTINGS}
    model, train = changed(TEMPLATE.model, TEMPLATE.train, settings)
    rate = train.learning_rate_at(changes.get("step", TEMPLATE.step))
    return replace(TEMPLATE, model=model, train=train, learning_rate=rate, **changes)


def previous(name: str = "hidden 100", **changes: Any) -> PreviousRun:
    """A previous run."""
    run = PreviousRun(name, TEMPLATE.model, TEMPLATE.train, 1, 5000, 2.21, 2.25, id=hash(name))
    return replace(run, **changes)


def facts(*labels: str, name: str = "made") -> DatasetFacts:
    """A dataset of some characters."""
    return DatasetFacts(name, 1000, labels)


def probability(previous: int, following: int) -> float:
    return (previous * 7 + following * 3) % 10 / 20


def table(view: BigramsView, characters: int) -> BigramTable:
    """The window that a view asks for, of a made table."""
    previous, following = view.cursor
    rows = range(view.top, min(view.top + view.rows, characters))
    columns = range(view.left, min(view.left + view.columns, characters))
    order = tuple(range(characters))
    if view.order == "frequency":
        order = order[::-1]
    sign = -1 if view.mode == "difference" else 1
    previous, following = order[previous], order[following]
    return BigramTable(
        view.top,
        view.left,
        [[sign * probability(order[i], order[j]) for j in columns] for i in rows],
        PairFacts(
            previous,
            following,
            count=previous * 1000 + following,
            probability=probability(previous, following),
            rank=following % 27 + 1,
            counted=0.125,
            followers=tuple(Follower(i, 0.4 - 0.05 * i, 0.3) for i in range(min(5, characters))),
            words=("anna", "hannah"),
        ),
        mode=view.mode,
        order=order,
        cursor=view.cursor,
        divergences=[order[i] / 100 for i in rows],
    )


def curve(points: int = 100, every: int = 10) -> LossCurve:
    """Losses that fall from 3.3 to 2.1, with a dev loss a little above."""
    steps = [every * (i + 0.5) for i in range(points)]
    mean = [2.1 + 1.2 / (1 + i / 5) for i in range(points)]
    dev = [(int(step), loss + 0.05) for step, loss in zip(steps, mean, strict=True)][::10]
    low, high = [loss - 0.2 for loss in mean], [loss + 0.2 for loss in mean]
    return LossCurve(steps, low, mean, high, total_steps=points * every, dev=dev)


def embedding(labels: tuple[str, ...]) -> EmbeddingMap:
    """Characters around a circle."""
    turns = [6.28 * i / len(labels) for i in range(len(labels))]
    points = [(math.cos(turn), math.sin(turn)) for turn in turns]
    return EmbeddingMap(labels, points, [x in "aeiou" for x in labels], 10, (0.4, 0.2))


def probe(text: str, most: int) -> Probe:
    """Every character as likely as its place in the alphabet is early; surprisals rise."""
    candidates = tuple(Candidate(label, 0.3 / (1 + i)) for i, label in enumerate(LABELS))
    characters = tuple(
        ProbedCharacter(label, math.exp(-i - 1), i + 1.0, candidates[1:4])
        for i, label in enumerate(f"{text}.")
    )
    mean = sum(one.surprisal for one in characters) / len(characters)
    return Probe(text, candidates[:most], characters, mean, dev=2.17)


HEALTH = Health(
    step=1200,
    examples=512,
    first_loss=3.316,
    uniform=3.296,
    saturated=0.123,
    dead=0.005,
    histogram=[30, 20, 10, 8, 6, 5, 5, 5, 5, 5, 5, 5, 5, 5, 6, 6, 8, 10, 20, 40],
    tensors=(
        TensorHealth("C", 0.0123, 1.0, -3.2),
        TensorHealth("W1", 0.0045, 0.3, -2.9),
        TensorHealth("b1", 0.0021, 0.1, -1.2),
        TensorHealth("W2", 0.0071, 0.1, -4.6),
        TensorHealth("b2", 0.0, 0.0, None),
    ),
    usual_ratios=(-4.0, -1.75),
    update="the learning rate times the gradient",
    train=2.126,
    dev=2.17,
    gap=0.044,
    diagnosis=Diagnosis(
        "healthy", "healthy: updates and activations are as they should be", "None."
    ),
)


def drawn(view: View, now: Snapshot) -> dict[str, Any]:
    """What a view becomes in a snapshot."""
    match view:
        case LossView():
            return {"loss": now.loss or curve()}
        case BigramsView():
            return {"bigrams": table(view, now.dataset.characters)}
        case NamesView(count):
            return {"names": tuple(NAMES[i % len(NAMES)] for i in range(count))}
        case EmbeddingView():
            return {"embedding": now.embedding or embedding(now.dataset.labels)}
        case ProbeView(text, most):
            return {"probe": now.probe or probe(text, most)}
        case HealthView():
            return {"health": now.health or HEALTH}
    raise AssertionError(view)


def rate_search(low: float | None, high: float | None, done: int = 1000) -> RateSearch:
    """A search that has come so far; at its end it suggests a rate."""
    low, high = low or 0.001, high or 1.0
    rates = [low * (high / low) ** (i / 1000) for i in range(0, done, 5)]
    mean = [3.2 - min(i, 120) / 100 + max(0, i - 150) ** 2 / 300 for i in range(len(rates))]
    finished = done == 1000
    return RateSearch(
        low, high, 1000, done, 3, finished, rates,
        [loss - 0.1 for loss in mean], mean, [loss + 0.1 for loss in mean],
        turns=0.4 if finished else None,
        explodes=0.8 if finished else None,
        suggested=0.2 if finished else None,
        why="half of where the loss turns" if finished else "",
    )  # fmt: skip


class FakeEngine:
    """An engine without a worker: it keeps what it is asked, and answers with made snapshots."""

    def __init__(self, first: Snapshot | None = TEMPLATE, answers: bool = True):
        self.first = first
        self.answers = answers
        self.requests: list[Request] = []
        self.starts = 0
        self.closed = False
        self.is_dead = False
        self.past: list[tuple[str, Snapshot]] = []  # what was done, and the state before
        self.future: list[tuple[str, Snapshot]] = []
        self._deliver: Deliver | None = None

    @property
    def commands(self) -> list[Request]:
        """What was asked, but for the refreshing."""
        return [request for request in self.requests if not isinstance(request, Refresh)]

    @property
    def refreshes(self) -> list[Refresh]:
        return [request for request in self.requests if isinstance(request, Refresh)]

    def start(self, deliver: Deliver, after: Snapshot | None = None) -> None:
        self.starts += 1
        self.is_dead = False
        self.after = after
        self._deliver = deliver
        if self.first is not None:
            self.now = self.first
            deliver(self.first)

    def send(self, request: Request) -> None:
        self.requests.append(request)
        if self.answers and not self.is_dead:
            self.tell(self._answer(request))

    def close(self) -> None:
        self.closed = True

    def tell(self, reply: Any) -> None:
        """Say something, asked or unasked."""
        assert self._deliver is not None
        if isinstance(reply, Snapshot):
            self.now = plain(reply)
        self.is_dead = isinstance(reply, WorkerDied)
        self._deliver(reply)

    def become(self, **changes: Any) -> None:
        """Say that something has changed."""
        self.tell(replace(self.now, **changes))

    def _did(self, label: str, then: Snapshot) -> Snapshot:
        """The state after something that can be undone."""
        self.past.append((label, self.now))
        self.future.clear()
        if then.runs != self.now.runs:
            then = replace(then, previous=(*self.now.previous, previous(f"{label} → 2.21")))
        return self._with_ways(then)

    def _move(self, source: list, target: list, word: str) -> Reply:
        if not source:
            return Refused(f"there is nothing to {word}")
        label, state = source.pop()
        target.append((label, self.now))
        return self._with_ways(replace(state, runs=self.now.runs))  # no run is begun by it

    def _with_ways(self, state: Snapshot) -> Snapshot:
        nearest = [levels[-1][0] if levels else None for levels in (self.past, self.future)]
        return replace(state, can_undo=nearest[0], can_redo=nearest[1])

    def _answer(self, request: Request) -> Reply:
        now = self.now
        match request:
            case Refresh(views):
                fields = [drawn(view, now) for view in views]
                return replace(
                    now, is_refresh=True, **{k: v for one in fields for k, v in one.items()}
                )
            case Edit(changes):
                model, train = changed(now.model, now.train, changes)
                effect, label = effect_of(changes, now.model.kind), short_label(changes)
                then = replace(now, model=model, train=train)
                if effect == "restart":
                    then = replace(then, step=0, runs=now.runs + 1)
                elif effect == "resized":
                    then = replace(then, resized=Resizing(now.step, label))
                return self._did(label, then)
            case Pause():
                return replace(now, state="paused")
            case Resume():
                return replace(now, state="training")
            case Step():
                return replace(now, state="paused", step=now.step + 1)
            case Restart(seed):
                label = "restart" if seed == now.seed else f"seed {seed}"
                return self._did(label, replace(now, seed=seed, step=0, runs=now.runs + 1))
            case Undo():
                return self._move(self.past, self.future, "undo")
            case Redo():
                return self._move(self.future, self.past, "redo")
            case ReturnTo(index):
                run = now.previous[index]
                there = replace(now, model=run.model, train=run.train, step=run.steps)
                return self._did(f"return to {run.name}", there)
            case FindLearningRate(low, high):
                return replace(now, state="paused", finder=rate_search(low, high))
            case CancelFinder():
                return replace(now, finder=None)
            case DescribeDataset(name, unique):
                known = name in ("names", "surnames", "words") or name.endswith(".txt")
                if not known:
                    return Refused(f"{name}: there is no such file")
                examples = (800, 100, 100)
                return DatasetStats(name, unique, name, 1000, 990, 27, 2, 15, examples, (3, 4))
            case ChangeDataset(name):
                data = replace(now.dataset, name=name.rpartition("/")[2])
                return replace(now, dataset=data, step=0, runs=now.runs + 1)
            case NameRun(name):
                assert now.saving is not None
                folder = f"{now.saving.directory}/{name}"
                return replace(now, saving=replace(now.saving, folder=folder, named=True))
            case OpenRun():
                return replace(now, state="paused", runs=now.runs + 1)
            case EvaluateTest():
                return replace(now, test=TestLoss(now.step, 2.168), test_asked=now.test_asked + 1)
        raise AssertionError(request)


async def until(pilot: Pilot, condition: Callable[[], Any]) -> None:
    """Wait for a state."""
    give_up = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < give_up, f"never came about; the screen:\n{painted(pilot.app)}"
        await asyncio.sleep(0.01)


def painted(app: App) -> str:
    """The text of the whole screen."""
    return "\n".join(strip.text for strip in app.screen._compositor.render_strips())


def plain(now: Snapshot) -> Snapshot:
    """A snapshot without what was drawn for it."""
    undrawn = dict.fromkeys(("loss", "bigrams", "names", "embedding", "probe", "health"))
    return replace(now, is_refresh=False, **undrawn)


def same_run(one: Snapshot, other: Snapshot) -> bool:
    """Whether two snapshots agree on everything but what was drawn for them."""
    return plain(one) == plain(other)


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

    async def reset(self) -> None:
        """Back to the template, with nothing asked and nothing said."""
        self.engine.answers, self.engine.first = True, TEMPLATE
        await self.show(replace(TEMPLATE, is_refresh=True))
        self.screen.places = Occupancy()
        self.screen.query_one("#loss").focus()
        await self.until(lambda: self.chosen == "loss")
        self.screen._show_chosen()
        self.screen.say("")
        self.screen.requests._unanswered.clear()
        self.engine.past.clear()
        self.engine.future.clear()
        self.engine.requests.clear()

    async def show(self, now: Snapshot) -> None:
        """Let the engine say a snapshot, and wait until the screen has it."""
        self.engine.tell(now)
        await self.until(lambda: self.screen.snapshot and same_run(self.screen.snapshot, now))

    def text(self, panel: str) -> str:
        """The text of a panel, without its border."""
        found = self.screen.query_one(f"#{panel}", Panel)
        return "\n".join(found.render_line(y).text for y in range(found.content_size.height))

    def value(self, name: str) -> str:
        """The line of a setting on the controls."""
        lines = self.text("controls").split("\n")
        return next((line for line in lines if line.startswith(name)), "")

    @property
    def status(self) -> str:
        return self.screen.query_one(StatusBar).render_line(0).text

    @property
    def notice(self) -> str:
        return str(self.screen.query_one("#notice", Static).content)

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

    async def until(self, condition: Callable[[], Any]) -> None:
        await until(self.pilot, condition)

    async def ticks(self, count: int) -> None:
        """Wait until a timer as fast as the screen's has gone off so many times."""
        rung = []
        timer = self.screen.set_interval(0.1, lambda: rung.append(True))
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
    app = ExplorerApp(engine, config)
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: engine.starts and isinstance(app.screen, MainScreen))
        running = Explorer(pilot, engine)
        if first is not None and answers:
            await running.until(lambda: engine.refreshes and running.screen.snapshot)
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


@pytest.fixture(name="snapshot", scope="session")
def _snapshot():
    return snapshot


@pytest.fixture(name="previous", scope="session")
def _previous():
    return previous


@pytest.fixture(name="facts", scope="session")
def _facts():
    return facts


@pytest.fixture(name="curve", scope="session")
def _curve():
    return curve


@pytest.fixture(name="rate_search", scope="session")
def _rate_search():
    return rate_search


@pytest.fixture(name="bigram_table", scope="session")
def _bigram_table():
    return table


@pytest.fixture(name="health", scope="session")
def _health():
    return HEALTH


@pytest.fixture(name="explorer", scope="session")
def _explorer():
    """`async with explorer(first, size, answers) as it:` runs the app."""
    return running_explorer


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def _shared():
    async with running_explorer(size=(120, 40)) as it:
        yield it


@pytest_asyncio.fixture(loop_scope="module")
async def it(_shared):
    """An explorer of 120x40 that shows the template; the tests of a module share it."""
    await _shared.reset()
    return _shared


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage():
    """One stage for all tests of a module."""
    app = Stage()
    async with app.run_test(size=(250, 80)) as pilot:
        app.pilot = pilot
        yield app
