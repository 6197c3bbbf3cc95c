"""The main screen: panels around one snapshot."""

import gc
import threading
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from textual import on
from textual.actions import parse
from textual.app import ComposeResult
from textual.containers import Container
from textual.events import Resize
from textual.geometry import Size
from textual.message import Message
from textual.screen import Screen
from textual.widget import AwaitMount

from makemore_tui.core.results import KEEP_FIRST, DatasetStats
from makemore_tui.core.text import shown
from makemore_tui.core.worker.protocol import Failed, Refused, Reply, Snapshot, Starting

from .. import messages as say
from ..client.engine import Engine, WorkerDied
from ..client.exporting import export_run, new_path
from ..client.request_queue import RequestQueue
from ..client.session_actions import PairActions, SessionActions
from ..client.supervisor import WorkerSupervisor
from ..config import Config
from ..keymap import key_labels, screen_bindings
from ..notices import Notice, notice, saving_notice
from ..widgets.bigrams import BigramPanel
from ..widgets.embedding import EmbeddingPanel
from ..widgets.footer import KeyFooter
from ..widgets.health import HealthPanel
from ..widgets.lessons import LessonSide
from ..widgets.loss import LossPanel
from ..widgets.names import NamesPanel
from ..widgets.notice import NoticeLine
from ..widgets.panel import Panel
from ..widgets.panel_grid import is_short
from ..widgets.probe import ProbePanel
from ..widgets.runs import RunsPanel
from ..widgets.settings import SettingsPanel
from ..widgets.splits import SplitsPanel
from ..widgets.status import StatusBar
from ..widgets.trace import TracePanel
from . import view_state
from .asking import AskingScreen
from .card import Card
from .view_schedule import ViewSchedule

_SECONDS_TO_PLOTS = 0.2  # when the first paint is done
_TICK_SECONDS = 0.125
_PANELS = (  # in the order in which they stand on a screen
    LossPanel, SettingsPanel, BigramPanel, EmbeddingPanel, TracePanel, NamesPanel, ProbePanel,
    SplitsPanel, HealthPanel, RunsPanel,
)  # fmt: skip


class MainScreen(Screen):
    """Asks the engine for snapshots, one request at a time, and hands them to the panels.

    While the engine works it is asked eight times a second; once it rests and all that is shown is
    drawn, it is asked nothing until something changes.
    """

    BINDINGS = screen_bindings()

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

    def __init__(self, engine: Engine, config: Config | None = None):
        super().__init__()
        self._config = config or Config()
        self.notice, self.status, self.card = NoticeLine(), StatusBar(), Card()
        self.grid = view_state.panel_grid([panel() for panel in _PANELS], self._config)
        labels = lambda: key_labels(self.app)  # noqa: E731
        self.requests = RequestQueue(engine.send)
        self.session = SessionActions(self.requests, self.notice, labels)
        self.pair = PairActions(self.session)
        for panel in self.grid.panels.values():
            panel.ask = self.session.ask
            if isinstance(panel, SettingsPanel):
                panel.change = self.session.change
        self.lessons = LessonSide(self.session, self.grid)
        self.supervisor = WorkerSupervisor(engine, self.requests, self._deliver, labels)
        self._schedule = ViewSchedule(self.requests)

    def compose(self) -> ComposeResult:
        yield self.status
        yield Container(self.grid, self.lessons)
        yield self.notice
        yield KeyFooter()
        yield self.card

    def on_mount(self) -> None:
        self.status.wait_for("starting the worker …")
        view_state.set_panels(self.grid, self._config)
        self._timer = self.set_interval(_TICK_SECONDS, self._on_tick)
        self.call_after_refresh(self._begin)

    def _begin(self) -> None:
        """Start the engine, after the first paint; a little later load what plots will need."""
        self.supervisor.start()
        if self._config.get("welcome", True):
            self.card.action_show()
        loading = threading.Thread(target=import_module, args=("plotext",), daemon=True)
        self.set_timer(_SECONDS_TO_PLOTS, loading.start)

    @on(Resize)
    @on(LessonSide.Rearranged)
    def lay_out(self) -> None:
        """Fit what is shown to the terminal's size."""
        self.set_class(is_short(self.size.height), "short")
        self.grid.fit(self.lessons.room(self.size))
        self.card.fit(Size(0, 0) if self.lessons.display else self.size)  # not over the lessons

    def _deliver(self, reply: Reply | WorkerDied) -> None:
        """Take a reply, in whichever thread it comes."""
        if self.is_attached:
            self.post_message(self.Answered(reply))

    def _on_tick(self) -> None:
        if self.requests.overdue() is not None:
            self.notice.say(say.STILL_WORKING)
        if self.is_current and not self._schedule.tick(self.grid.shown):
            self._timer.pause()

    def on_main_screen_answered(self, message: Answered) -> None:
        self._timer.resume()
        above = self.app.screen
        is_said = isinstance(above, AskingScreen) and above.take(message.reply)
        match message.reply:
            case Snapshot() as snapshot:
                self._take(snapshot)
            case Starting(what):
                self.status.wait_for(f"{what} …")
            case Refused(why):
                self.requests.answered()
                if not is_said:
                    key = key_labels(self.app)
                    why = say.NOT_OF_PAIR.format(key=key) if why == KEEP_FIRST else why
                    self.notice.say(why, is_warning=True)
            case DatasetStats():
                self.requests.answered()
            case Failed(why) if not self.supervisor.has_begun:
                self.app.post_message(self.Unusable(why))
            case Failed(why):
                self._say_of_worker(self.supervisor.cannot_resume(why))
            case WorkerDied() as death:
                self._say_of_worker(self.supervisor.died(death))

    def _say_of_worker(self, said: Notice | None) -> None:
        if said is not None:
            self.notice.say(*said)
        if self.requests.is_dead:
            key = key_labels(self.app)["worker"]
            self.status.wait_for(f"no worker · {key} to start one")

    def _take(self, snapshot: Snapshot) -> None:
        was_overdue = self.requests.is_overdue
        before, asked = self.requests.take(snapshot)
        snapshot = self._schedule.without_what_holds_up(snapshot, self.grid.panels["loss"])
        self.status.show(snapshot)
        for panel in self.grid.shown:
            panel.show(snapshot)
        self.lessons.look()
        side = snapshot.pair and snapshot.pair.side
        if before is None:  # the first one of a worker
            self.refresh_bindings()
            gc.freeze()  # what is there by now stays: no later collection needs to look at it
            gc.enable()
            self.session.launched = self.session.launched or snapshot
            self.grid.characters = snapshot.dataset.characters
            self.lay_out()
            self._schedule.ask_for(self.grid.shown)
            self.notice.say(*self.supervisor.began(snapshot))
            self.app.post_message(self.Begun(snapshot))
            return
        if side != (before.pair and before.pair.side):
            self.refresh_bindings()
            self.call_after_refresh(self._schedule.ask_for, self.grid.shown)
        labels = key_labels(self.app)
        if said := notice(asked, before, snapshot, labels) or saving_notice(before, snapshot):
            self.notice.say(*said)
        elif asked and was_overdue:
            self.notice.say("")  # what was awaited is there
        if snapshot.is_refresh:
            self.requests.refresh_wanted()

    def on_panel_said(self, message: Panel.Said) -> None:
        self.notice.say(message.text, message.is_warning)

    def on_panel_view_changed(self, message: Panel.ViewChanged) -> None:
        self._timer.resume()
        if message.panel.display:
            self._schedule.ask_for([message.panel], is_anew=message.is_anew)
        self.lessons.look()

    def on_panel_grid_rearranged(self) -> None:
        self._timer.resume()
        if (now := self.requests.snapshot) is not None:
            for panel in self.grid.shown:
                panel.show(now)
            self._schedule.ask_for([self.grid.panels[self.grid.chosen]])
            self.lessons.look()

    async def action_run(self, owner: str, action: str, is_chosen_first: bool = False) -> None:
        """Run an action of what owns it: the session, the pair, the supervisor, the grid, or a
        panel."""
        if owner in ("session", "pair", "supervisor"):
            _, name, arguments = parse(action)
            getattr(getattr(self, owner), name)(*arguments)
            return
        if is_chosen_first:
            self.grid.action_choose(owner)
        chosen = self.grid.panels[self.grid.chosen]
        nodes = {
            "panels": self.grid, "chosen": chosen, "card": self.card, "lessons": self.lessons,
            "lesson": self.lessons.step,
        }  # fmt: skip
        await nodes.get(owner, self.grid.panels.get(owner)).run_action(action)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """The keys of a pair do nothing, and are not offered, unless there is one."""
        latest = self.requests.latest
        return parameters[:1] != ("pair",) or bool(latest and latest.pair)

    def action_open(self, module: str, name: str) -> AwaitMount | None:
        """Open a screen that is loaded when it is first wanted, so that the start stays fast; the
        next key waits until it is there."""
        screen: Any = getattr(import_module(f".{module}", __package__), name)
        can_open = screen.can_open(self.session)
        return self.app.push_screen(screen(self.session)) if can_open else None

    def action_export(self, form: str) -> None:
        """Export the run as it was last saved, into this folder; training goes on."""
        saving = self.requests.snapshot.saving if self.requests.snapshot else None
        if saving is None or not saving.folder:
            self.notice.say(say.NOTHING_TO_EXPORT)
            return
        run, out, name = saving.folder, new_path(saving.name, form), shown(saving.name)
        self.notice.say(say.EXPORTING.format(name=name, step=saving.step, form=form))

        def export() -> None:
            self.app.call_from_thread(self.notice.say, *export_run(run, form, out))

        self.run_worker(export, thread=True)
