"""The main screen: panels around one snapshot."""

import gc
import threading
from dataclasses import dataclass
from importlib import import_module

from msgspec.structs import replace
from textual.app import ComposeResult
from textual.containers import Container
from textual.message import Message
from textual.widgets import Static, Tab, Tabs

from makemore_tui.core.results import DatasetStats
from makemore_tui.core.worker.protocol import Failed, Refused, Reply, Request, Snapshot, Starting

from ..client.engine import Engine, WorkerDied
from ..client.request_queue import RequestQueue
from ..config import Config
from ..keymap import KEYS, signs_of
from ..notices import awaited, notice, saving_notice
from ..widgets.bigrams import BigramPanel
from ..widgets.embedding import EmbeddingPanel
from ..widgets.footer import KeyFooter
from ..widgets.health import HealthPanel
from ..widgets.loss import LossPanel
from ..widgets.names import NamesPanel
from ..widgets.panel import Panel
from ..widgets.probe import ProbePanel
from ..widgets.runs import RunsPanel
from ..widgets.settings import ControlsPanel
from ..widgets.splits import SplitsPanel
from ..widgets.status import StatusBar
from . import layout
from .help import HelpScreen
from .keeping import Keeping
from .remembered import choose_panels, set_panels

_TICK_SECONDS = 0.1
_PATIENCE = 10  # ticks without an answer, after which the screen says what it waits for
_TURNS = {  # every so many ticks, and when
    "loss": (3, 1),
    "bigrams": (5, 0),
    "names": (10, 2),
    "embedding": (4, 2),
    "probe": (4, 2),
    "health": (6, 4),
}


class MainScreen(Keeping):
    """Asks the engine for a snapshot ten times a second, one request at a time, and shows it."""

    CSS_PATH = "main.tcss"
    BINDINGS = [key.binding() for key in KEYS]  # noqa: RUF012

    @dataclass
    class Answered(Message):
        """The engine has answered, or died."""

        reply: Reply | WorkerDied

    @dataclass
    class Begun(Message):
        """A worker has begun, with this snapshot."""

        snapshot: Snapshot

    @dataclass
    class Unusable(Message):
        """The engine could not begin with what it was given."""

        why: str

    def __init__(self, engine: Engine):
        super().__init__()
        self.requests = RequestQueue(engine, self._deliver)
        self._tick = 0
        self._has_begun = False
        self._has_put_off = False
        self._waited = 0  # ticks

    def compose(self) -> ComposeResult:
        choose_panels(self, self._config)
        yield StatusBar()
        tabs = (Tab(title, id=f"tab-{name}") for name, title in layout.PANELS)
        yield Tabs(*tabs, active=f"tab-{self.chosen}", id="tabs")
        with Container(id="panels"):
            yield LossPanel(id="loss")
            yield ControlsPanel(id="controls")
            yield BigramPanel(id="bigrams")
            yield EmbeddingPanel(id="embedding")
            yield NamesPanel(id="names")
            yield ProbePanel(id="probe")
            yield SplitsPanel(id="splits")
            yield HealthPanel(id="health")
            yield RunsPanel(id="runs")
        yield Static(id="notice", markup=False)
        yield KeyFooter()

    @property
    def _config(self) -> Config:
        return getattr(self.app, "config", Config())

    def on_mount(self) -> None:
        self.query_one(Tabs).can_focus = False
        self.query_one(f"#{self.chosen}").focus()
        self.query_one(StatusBar).wait_for("starting the worker …")
        self.set_interval(_TICK_SECONDS, self._on_tick)
        set_panels(self, self._config)
        self.call_after_refresh(self.start_engine)

    # Talking to the engine

    def start_engine(self, after: Snapshot | None = None) -> None:
        """Start the engine, after the first paint, and load what the first plot will need."""
        self.requests.start(after)
        threading.Thread(target=import_module, args=("plotext",), daemon=True).start()

    def _deliver(self, reply: Reply | WorkerDied) -> None:
        """Take a reply, in whichever thread it came."""
        if self.is_attached:
            self.post_message(self.Answered(reply))

    def _on_tick(self) -> None:
        self._tick += 1
        self._say_what_is_awaited()
        if self.is_current:
            self.requests.refresh(self._due_panels())
            self.list_runs()

    def _say_what_is_awaited(self) -> None:
        """Say what the engine is at, once it has not answered for a second."""
        asked = self.requests.first_unanswered
        self._waited = 0 if asked is None else self._waited + 1
        if asked is not None and self._waited == _PATIENCE:
            self.say(awaited(asked))

    def _due_panels(self) -> list[Panel]:
        """The panels on the screen that draw a view, and whose turn it is."""
        shown = {panel.id: panel for panel in self._shown_panels()}
        return [
            shown[name]
            for name, (every, when) in _TURNS.items()
            if name in shown and self._tick % every == when
        ]

    def on_main_screen_answered(self, message: Answered) -> None:
        is_said = self.pass_on(message.reply)
        match message.reply:
            case Snapshot() as snapshot:
                self._take(snapshot)
            case Starting(what):
                self.query_one(StatusBar).wait_for(f"{what} …")
            case Refused(why):
                self.requests.answered()
                if not is_said:
                    self.say(why, warning=True)
            case DatasetStats():
                self.requests.answered()
            case Failed(why) if not self._has_begun:
                self.app.post_message(self.Unusable(why))
            case Failed(why):
                self.cannot_go_on(why)
            case WorkerDied() as died if not self.requests.is_dead:
                self.go_on_after(died)

    def _take(self, snapshot: Snapshot) -> None:
        before, asked = self.requests.take(snapshot)
        self._has_begun = True
        snapshot = self._without_what_holds_up(snapshot)
        self.query_one(StatusBar).show(snapshot)
        for panel in self._shown_panels():
            panel.show(snapshot)
        if before is None:
            gc.freeze()  # what is there by now stays: no later collection needs to look at it
            gc.enable()
            self._lay_out()
            self.requests.refresh(self._shown_panels())
            self.greet(snapshot)
            self.app.post_message(self.Begun(snapshot))
        else:
            self._say_what_changed(asked, before, snapshot)
        if snapshot.is_refresh:
            self.requests.refresh_wanted(self._shown_panels())

    def _without_what_holds_up(self, snapshot: Snapshot) -> Snapshot:
        """The snapshot; without its loss curve, which takes long to draw, while a key's answer is
        on its way. The next curve is drawn whatever is."""
        if not snapshot.is_refresh or snapshot.loss is None or not snapshot.loss.steps:
            return snapshot
        self._has_put_off = self.requests.awaits_answer and not self._has_put_off
        if not self._has_put_off:
            return snapshot
        self.requests.want(self.query_one(LossPanel))
        return replace(snapshot, loss=None)

    def _say_what_changed(self, asked: Request | None, before: Snapshot, now: Snapshot) -> None:
        if said := notice(asked, before, now, signs_of(self.app)) or saving_notice(before, now):
            self.say(*said)
        elif asked and self._waited >= _PATIENCE:
            self.say("")  # what was awaited is there
        if asked:
            self._waited = 0

    def say(self, sentence: str, warning: bool = False) -> None:
        """Show a sentence in the line above the footer."""
        notice = self.query_one("#notice", Static)
        notice.set_class(warning, "warning")
        notice.update(sentence)

    # Keys

    def action_panel(self, name: str, method: str = "", arguments: tuple = ()) -> None:
        """Call a method of a panel, and have its view drawn anew."""
        panel = self.query_one(f"#{name}", Panel)
        if method:
            getattr(panel, method)(*arguments)
        if panel.display:
            self.requests.refresh([panel])

    def action_move(self, down: int, right: int) -> None:
        """Move the chosen panel's cursor."""
        self.action_panel(self.chosen, "move", (down, right))

    def action_probe(self) -> None:
        self._choose("probe")
        self.query_one(ProbePanel).edit()

    def on_probe_panel_text_changed(self) -> None:
        self.requests.refresh([self.query_one(ProbePanel)])

    def on_bigram_panel_moved(self) -> None:
        self.requests.refresh([self.query_one(BigramPanel)])

    def action_help(self) -> None:
        self.app.push_screen(HelpScreen())

    def action_suspend(self) -> None:
        self.app.action_suspend_process()

    def action_quit_explorer(self) -> None:
        self.app.exit()
