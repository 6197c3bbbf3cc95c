"""The sweep screen: a study's leaderboard and plots, running or not."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from textual import on
from textual.app import ComposeResult
from textual.containers import Container
from textual.events import Resize
from textual.screen import ModalScreen
from textual.widgets import Static

from makemore_tui.core.errors import UserError
from makemore_tui.core.run_spec import RunSpec
from makemore_tui.core.sweep.files import StudyFiles, study_names, sweeps_directory
from makemore_tui.core.sweep.messages import Command, Prune, Snapshot, Start, Stop
from makemore_tui.core.text import shown
from makemore_tui.core.worker.protocol import Begin, Fork, OpenRun

from .. import messages as say
from ..client.session_actions import SessionActions, runs_of
from ..client.sweep import SweepProcess, export_table, resumed
from ..keymap import bindings_of, key_labels
from ..notices import Notice
from ..plots.sweep_rows import headline
from ..widgets.leaderboard import Leaderboard
from ..widgets.notice import NoticeLine
from ..widgets.study_plots import StudyPlots
from .sweep_start import SweepStart

_SECONDS_BETWEEN = 0.5  # looks at a study that runs; its sweep writes no oftener
_MIN_WIDTH, _MIN_HEIGHT = 100, 32  # of a screen that has room for all plots
_WIDE = 160  # cells, from which on they stand beside the leaderboard


class SweepScreen(ModalScreen):
    """Follows a study while it runs, and steers it; without one it says how to start one.

    At rest, when no sweep runs, it reads nothing.
    """

    DEFAULT_CSS = """
    SweepScreen { background: $background; layout: vertical; align: left top; overflow: hidden; }
    SweepScreen > #study { height: 1; padding: 0 1; text-overflow: ellipsis; text-wrap: nowrap; }
    SweepScreen > Container { height: 1fr; }
    SweepScreen Leaderboard { height: 1fr; }
    SweepScreen FilterLine { padding: 0 2; background: $panel; }
    SweepScreen FilterLine:focus { padding: 0 2; background: $panel-lighten-2; }
    SweepScreen.wide > Container { layout: horizontal; }
    SweepScreen.wide Leaderboard { height: 100%; width: 1fr; }
    SweepScreen.wide StudyPlots { height: 100%; width: 1fr; }
    SweepScreen > #keys {
        height: 1; padding: 0 1; background: $panel; text-overflow: ellipsis; text-wrap: nowrap;
    }
    """
    AUTO_FOCUS = "Leaderboard"
    BINDINGS = bindings_of("sweeps")

    def __init__(self, session: SessionActions):
        super().__init__()
        self.session = session
        self.snapshot: Snapshot | None = None
        self._studies = study_names(sweeps_directory())
        self._place = 0  # among them
        self._stamp = 0  # of the snapshot that is shown
        self.notice, self.board, self.plots = NoticeLine(), Leaderboard(), StudyPlots()

    @classmethod
    def can_open(cls, session: SessionActions) -> bool:
        """Return True: it needs no worker."""
        return True

    def compose(self) -> ComposeResult:
        yield Static(id="study", markup=False)
        yield self.board.filter
        yield Container(self.board, self.plots)
        yield self.notice
        yield Static(id="keys", markup=False)

    def on_mount(self) -> None:
        start = key_labels(self.app)["sweep-start"]
        self.board.empty = f"No sweep yet · {start} to start one around the present settings"
        self._timer = self.set_interval(_SECONDS_BETWEEN, self._look, pause=True)
        self._look(is_another=True)

    @on(Resize)
    def fit(self) -> None:
        """Show all plots, or one where there is no room for more; beside the trials, or below."""
        is_small = self.size.width < _MIN_WIDTH or self.size.height < _MIN_HEIGHT
        self.plots.set_class(is_small, "single")
        self.set_class(self.size.width >= _WIDE, "wide")
        self._show_keys()

    @property
    def files(self) -> StudyFiles | None:
        """The files of the study that is shown."""
        names = self._studies[self._place : self._place + 1]
        return StudyFiles(sweeps_directory(), names[0]) if names else None

    def _look(self, is_another: bool = False) -> None:
        """Show the study anew if it has changed, and no longer look once it has ended. is_another:
        True for one that was not shown before."""
        if is_another:
            self._stamp = 0
            self._timer.resume()
        if (files := self.files) is None:
            self._timer.pause()
            return
        try:
            stamp = files.snapshot.stat().st_mtime_ns
            if stamp == self._stamp and files.is_running:
                return
            self._stamp, self.snapshot = stamp, files.read()
        except (UserError, OSError) as error:
            self._timer.pause()
            self.notice.say(str(error), is_warning=True)
            return
        if self.snapshot.state != "running":
            self._timer.pause()
            sweeps = reversed(self.app.sweeps)  # type: ignore[attr-defined]
            newest = next((one.problem for one in sweeps if one.study == files.study), "")
            self.notice.say(self.snapshot.problem or newest, is_warning=True)
        many = len(self._studies) > 1
        place = f" · sweep {self._place + 1} of {len(self._studies)}, ← →" if many else ""
        head = f"{shown(self.snapshot.study)} · {headline(self.snapshot)}{place}"
        self.query_one("#study", Static).update(head, layout=False)  # its size stays
        self._show_keys()
        self.board.show(self.snapshot)

    def _show_keys(self) -> None:
        keys = _keys(key_labels(self.app), self.snapshot, self.plots.has_class("single"))
        self.query_one("#keys", Static).update(keys, layout=False)

    @on(Leaderboard.Moved)
    def draw_plots(self) -> None:
        """Draw the plots, in which the trial under the cursor stands out."""
        self.plots.show(self.snapshot, self.board.chosen)

    def action_next(self, what: str) -> None:
        """Show the next plot, or the next setting against dev."""
        {"plot": self.plots.next_plot, "setting": self.plots.next_setting}[what]()

    def action_study(self, by: int) -> None:
        """Show an older or a newer study."""
        shown_now = self._studies[self._place : self._place + 1]
        self._studies = study_names(sweeps_directory())
        self._place = next((self._studies.index(one) for one in shown_now), 0)
        if not 0 <= self._place + by < len(self._studies):
            which = "older" if by > 0 else "newer"
            self.notice.say(say.NO_MORE_STUDIES.format(which=which))
            return
        self._place += by
        self.notice.say("")
        self._look(is_another=True)

    def action_start(self) -> Any:
        """Ask what a new sweep is to try; the next key waits until that is there."""
        if self.session.latest() is None:
            self.notice.say(self.session.notices.text)
            return None
        return self.app.push_screen(SweepStart(self.session), self._begin)

    def action_resume(self) -> None:
        """Go on with the study, until all its trials have ended."""
        if self.snapshot is None:
            self.notice.say(self.board.empty)
            return
        try:
            self._begin(resumed(self.snapshot, runs_of(self.session)))
        except UserError as error:
            self.notice.say(say.NOT_RESUMED.format(why=error), is_warning=True)

    def _begin(self, start: Start | None) -> None:
        """Start a sweep; it ends with the explorer, unless it is detached."""
        if start is not None:
            self.notice.say(say.SWEEP_STARTING.format(study=shown(start.study)))
            process = SweepProcess(start)
            self.app.sweeps.append(process)  # type: ignore[attr-defined]
            self.app.run_worker(self._follow(process))

    async def _follow(self, process: SweepProcess) -> None:
        """Wait until a study can be read, and show it, unless it could not be started; say so here
        or, if this was closed, on the main screen."""
        try:
            await asyncio.to_thread(process.wait_until_open)
        except UserError as error:
            said = Notice(say.SWEEP_FAILED.format(why=error), is_warning=True)
        else:
            how_long = "" if process.is_detached else ", until the explorer is left"
            name, keys = shown(process.study), key_labels(self.app)
            said = Notice(say.SWEEP_STARTED.format(study=name, how_long=how_long, key=keys))
        if not self.is_attached:
            self.session.notices.say(*said)
            return
        self._studies = study_names(sweeps_directory())
        if process.study in self._studies:  # another explorer may have begun or resumed it
            self._place = self._studies.index(process.study)
            self._look(is_another=True)
        self.notice.say(*said)

    def _command(self, command: Command, said: str) -> None:
        """Ask something of the sweep that is shown, if it runs."""
        files = self.files
        if files is None or self.snapshot is None:
            self.notice.say(self.board.empty)
            return
        if self.snapshot.state != "running":
            self.notice.say(say.NO_SWEEP_RUNS.format(key=key_labels(self.app)))
            return
        try:
            files.command(command)
        except UserError as error:
            self.notice.say(str(error), is_warning=True)
        else:
            self.notice.say(said)

    def action_stop(self) -> None:
        """Stop the sweep, whoever has started it."""
        self._command(Stop(), say.SWEEP_STOPPING.format(key=key_labels(self.app)))

    def action_prune(self) -> None:
        """End the trial under the cursor, if it runs."""
        trial = self.board.chosen
        if trial is None or trial.state != "running":
            said = say.NOT_PRUNED.format(trial=trial.number) if trial else say.NO_TRIAL
            self.notice.say(said)
        else:
            self._command(Prune(trial.number), say.TRIAL_PRUNED.format(trial=trial.number))

    def action_open(self, is_twin: bool = False) -> None:
        """Open the trial under the cursor in the explorer: its run, if it is saved, or a new run
        of its settings. A twin is its run, trained beside the present one."""
        if (trial := self.board.chosen) is None:
            self.notice.say(say.NO_TRIAL)
            return
        if trial.run and Path(trial.run).exists():
            request = Fork(folder=trial.run) if is_twin else OpenRun(trial.run)
        elif is_twin:
            key = key_labels(self.app)
            self.notice.say(say.NO_TWIN.format(trial=trial.number, key=key))
            return
        else:
            request = Begin(RunSpec.parse(trial.spec), f"trial {trial.number}")
        self.dismiss()
        self.session.ask(request)

    def action_export(self) -> None:
        """Write the trials as CSV and JSON into this folder."""
        if self.snapshot is None:
            self.notice.say(self.board.empty)
            return
        try:
            paths = export_table(self.snapshot)
        except UserError as error:
            self.notice.say(say.NOT_EXPORTED.format(why=error), is_warning=True)
        else:
            names = " and ".join(shown(str(path)) for path in paths)
            self.notice.say(say.EXPORTED.format(path=names))


def _keys(labels: Mapping[str, str], snapshot: Snapshot | None, is_single: bool) -> str:
    """The keys of this screen that can do something now, the most needed first. is_single: True
    where one plot is shown."""
    state = snapshot.state if snapshot else None
    words = {"stop": "stop", "prune": "prune"} if state == "running" else {"start": "new"}
    if state == "stopped":
        words["resume"] = "resume"
    if snapshot:
        words |= {"open": "open", "twin": "twin"}
        words |= {"plot": "plot"} if is_single else {}
        words["export"] = "export"
    words["leave"] = "close"
    return " · ".join(f"{labels[f'sweep-{id}']} {word}" for id, word in words.items())
