"""The main screen: panels around one snapshot."""

import gc
import threading
from dataclasses import dataclass, replace
from importlib import import_module

from textual.app import ComposeResult
from textual.containers import Container
from textual.events import DescendantFocus
from textual.message import Message
from textual.widgets import Static, Tab, Tabs

from makemore_tui.core.messages import (
    DatasetOverview,
    Edit,
    EvaluateTest,
    Failed,
    Pause,
    Redo,
    Refused,
    Reply,
    Request,
    Restart,
    Resume,
    ReturnTo,
    Snapshot,
    Starting,
    Step,
    Undo,
)
from makemore_tui.core.settings import changed

from ..conversation import Conversation
from ..engine import Engine, WorkerDied
from ..keys import KEYS
from ..knobs import turned
from ..notices import NOTHING_TO_REDO, NOTHING_TO_UNDO, notice
from ..widgets.bigrams import BigramPanel
from ..widgets.controls import ControlsPanel
from ..widgets.embedding import EmbeddingPanel
from ..widgets.footer import SteadyFooter
from ..widgets.health import HealthPanel
from ..widgets.loss import LossPanel
from ..widgets.names import NamesPanel
from ..widgets.panel import Panel
from ..widgets.probe import ProbePanel
from ..widgets.runs import RunsPanel
from ..widgets.splits import SplitsPanel
from ..widgets.status import StatusBar
from . import layout
from .hands import Hands
from .help import HelpScreen

_TICK_SECONDS = 0.1
_TURNS = {  # every so many ticks, and when
    "loss": (3, 1),
    "bigrams": (5, 0),
    "names": (10, 2),
    "embedding": (4, 2),
    "probe": (4, 2),
    "health": (6, 4),
}


class MainScreen(Hands):
    """Asks the engine for a snapshot ten times a second, one request at a time, and shows it."""

    CSS_PATH = "main.tcss"
    BINDINGS = [key.binding() for key in KEYS]  # noqa: RUF012

    @dataclass
    class Answered(Message):
        """The engine has answered, or died."""

        reply: Reply | WorkerDied

    @dataclass
    class Unusable(Message):
        """The engine could not begin with what it was given."""

        why: str

    def __init__(self, engine: Engine):
        super().__init__()
        self.conversation = Conversation(engine, self._deliver)
        self._tick = 0
        self._has_begun = False
        self._has_put_off = False
        self._chosen = "loss"
        self._places = layout.Occupancy()

    @property
    def snapshot(self) -> Snapshot | None:
        """The newest snapshot, which all panels show."""
        return self.conversation.snapshot

    def compose(self) -> ComposeResult:
        yield StatusBar()
        yield Tabs(*(Tab(title, id=f"tab-{name}") for name, title in layout.PANELS), id="tabs")
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
        yield SteadyFooter(compact=True, show_command_palette=False)

    def on_mount(self) -> None:
        self.query_one(Tabs).can_focus = False
        self.query_one(LossPanel).focus()
        self.query_one(StatusBar).wait_for("starting the worker …")
        self.set_interval(_TICK_SECONDS, self._on_tick)
        self.begin_as_remembered()
        self.call_after_refresh(self._start_engine)

    def on_resize(self) -> None:
        self._lay_out()

    # Talking to the engine

    def _start_engine(self) -> None:
        """Start the engine, after the first paint, and load what the first plot will need."""
        self.conversation.start()
        threading.Thread(target=import_module, args=("plotext",), daemon=True).start()

    def _deliver(self, reply: Reply | WorkerDied) -> None:
        """Take a reply, in whichever thread it came."""
        if self.is_attached:
            self.post_message(self.Answered(reply))

    def _on_tick(self) -> None:
        self._tick += 1
        if self.is_current:
            self.conversation.refresh(self._due_panels())

    def _due_panels(self) -> list[Panel]:
        """The panels on the screen that draw a view, and whose turn it is."""
        shown = {panel.id: panel for panel in self._shown_panels()}
        return [
            shown[name]
            for name, (every, when) in _TURNS.items()
            if name in shown and self._tick % every == when
        ]

    def on_main_screen_answered(self, message: Answered) -> None:
        self.pass_on(message.reply)
        match message.reply:
            case Snapshot() as snapshot:
                self._take(snapshot)
            case Starting(what):
                self.query_one(StatusBar).wait_for(f"{what} …")
            case Refused(why):
                self.conversation.answered()
                self.say(why, warning=True)
            case DatasetOverview():
                self.conversation.answered()
            case Failed(why) if not self._has_begun:
                self.app.post_message(self.Unusable(why))
            case Failed(why) | WorkerDied(why) if not self.conversation.is_dead:
                self.conversation.end()
                self.query_one(StatusBar).wait_for("no worker · F5 starts a new one")
                self.say(f"{why}; F5 starts a new one, at step 0", warning=True)

    def _take(self, snapshot: Snapshot) -> None:
        before, asked = self.conversation.take(snapshot)
        self._has_begun = True
        snapshot = self._without_what_holds_up(snapshot)
        self.query_one(StatusBar).show(snapshot)
        for panel in self._shown_panels():
            panel.show(snapshot)
        if before is None:
            gc.freeze()  # what is there by now stays: no later collection needs to look at it
            self._lay_out()
            self.conversation.refresh(self._shown_panels())
        else:
            self._say_what_changed(asked, before, snapshot)
        if snapshot.is_refresh:
            self.conversation.refresh_wanted(self._shown_panels())

    def _without_what_holds_up(self, snapshot: Snapshot) -> Snapshot:
        """The snapshot; without its loss curve, which takes long to draw, while a key's answer is
        on its way. The next curve is drawn whatever is."""
        if not snapshot.is_refresh or snapshot.loss is None or not snapshot.loss.steps:
            return snapshot
        self._has_put_off = self.conversation.awaits_answer and not self._has_put_off
        if not self._has_put_off:
            return snapshot
        self.conversation.want(self.query_one(LossPanel))
        return replace(snapshot, loss=None)

    def _say_what_changed(self, asked: Request | None, before: Snapshot, now: Snapshot) -> None:
        if said := notice(asked, before, now):
            self.say(*said)

    def say(self, sentence: str, warning: bool = False) -> None:
        """Show a sentence in the line above the footer."""
        notice = self.query_one("#notice", Static)
        notice.set_class(warning, "warning")
        notice.update(sentence)

    # Arranging the panels

    def _lay_out(self) -> None:
        """Lay the panels out for the screen's size: together, or one at a time."""
        width, height = self.size
        together = layout.fits_together(width, height)
        self.set_class(not together, "tabbed")
        self.set_class(layout.is_short(height), "short")
        if together:
            grid = layout.grid(
                width, height, self.snapshot.dataset.characters if self.snapshot else 27
            )
            styles = self.query_one("#panels").styles
            styles.grid_size_rows = grid.size
            styles.grid_columns, styles.grid_rows = grid.columns, grid.rows
        self._show_chosen()

    def _show_chosen(self) -> None:
        """Show all panels, or the chosen one alone where there is no room or it is zoomed."""
        alone = self.has_class("tabbed") or self.has_class("zoomed")
        self._places.choose(self._chosen)
        together = self._places.shown(layout.has_much_room(*self.size))
        for panel in self.query(Panel):
            panel.display = panel.id == self._chosen if alone else panel.id in together
        self.query_one("#panels").set_class(alone, "alone")
        self.query_one(Tabs).active = f"tab-{self._chosen}"

    def _shown_panels(self) -> list[Panel]:
        return [panel for panel in self.query(Panel) if panel.display]

    def on_tabs_tab_activated(self, event: Tabs.TabActivated) -> None:
        if event.tab.id and event.tab.id == event.tabs.active:  # not one left behind meanwhile
            self._choose(event.tab.id.removeprefix("tab-"))

    def on_descendant_focus(self, event: DescendantFocus) -> None:
        panel = event.widget if isinstance(event.widget, Panel) else event.widget.parent
        if isinstance(panel, Panel) and event.widget is self.focused and panel.id:
            self._choose(panel.id)

    def _choose(self, name: str) -> None:
        """Choose a panel: it has the focus, and is the one shown where only one is."""
        if name == self._chosen:
            return
        self._chosen = name
        self._show_chosen()
        panel = self.query_one(f"#{name}", Panel)
        if self.focused is None or self.focused.parent is not panel:  # what is in it may have it
            self.set_focus(panel)
        if self.snapshot:
            panel.show(self.snapshot)
            self.conversation.refresh([panel])

    # Keys

    def action_turn(self, knob: str, by: int) -> None:
        now = self.conversation.latest
        if now is None:
            return
        changes = turned(now, knob, by)
        if isinstance(changes, str):
            self.say(changes)
        else:
            model, train = changed(now.model, now.train, changes)
            self.conversation.command(Edit(changes), replace(now, model=model, train=train))

    def action_pause(self) -> None:
        if (now := self.conversation.latest) is not None:
            training = now.state == "training"
            request = Pause() if training else Resume()
            self.conversation.command(
                request, replace(now, state="paused" if training else "training")
            )

    def action_step(self) -> None:
        if (now := self.conversation.latest) is not None:
            self.conversation.command(Step(), replace(now, state="paused"))

    def action_restart(self, next_seed: int) -> None:
        if (now := self.conversation.latest) is not None:
            seed = now.seed + next_seed
            self.conversation.command(Restart(seed), replace(now, seed=seed))

    def action_undo(self) -> None:
        if (now := self.conversation.latest) is not None:
            if now.can_undo is None:
                self.say(NOTHING_TO_UNDO)
            else:
                self.conversation.command(Undo(), now)

    def action_redo(self) -> None:
        if (now := self.conversation.latest) is not None:
            if now.can_redo is None:
                self.say(NOTHING_TO_REDO)
            else:
                self.conversation.command(Redo(), now)

    def on_runs_panel_chosen(self, message: RunsPanel.Chosen) -> None:
        if (now := self.conversation.latest) is not None:
            self.conversation.command(ReturnTo(message.index), now)

    def action_test(self) -> None:
        if (now := self.conversation.latest) is not None:
            self.conversation.command(EvaluateTest(), now)

    def action_panel(self, name: str, method: str = "", arguments: tuple = ()) -> None:
        """Call a method of a panel, and have its view drawn anew."""
        panel = self.query_one(f"#{name}", Panel)
        if method:
            getattr(panel, method)(*arguments)
        if panel.display:
            self.conversation.refresh([panel])

    def action_move(self, down: int, right: int) -> None:
        """Move the chosen panel's cursor."""
        self.action_panel(self._chosen, "move", (down, right))

    def action_probe(self) -> None:
        self._choose("probe")
        self.query_one(ProbePanel).edit()

    def on_probe_panel_text_changed(self) -> None:
        self.conversation.refresh([self.query_one(ProbePanel)])

    def action_zoom(self) -> None:
        self.toggle_class("zoomed")
        self._lay_out()

    def action_choose(self, name: str) -> None:
        self._choose(name)

    def action_next_panel(self, by: int) -> None:
        names = [name for name, _ in layout.PANELS]
        self._choose(names[(names.index(self._chosen) + by) % len(names)])

    def action_new_worker(self) -> None:
        if self.conversation.is_dead:
            for panel in self.query(Panel):
                panel.snapshot = None
            self._start_engine()
            self.say("")

    def action_help(self) -> None:
        self.app.push_screen(HelpScreen())

    def action_quit_explorer(self) -> None:
        self.app.exit()
