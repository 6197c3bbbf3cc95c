"""How the main screen deals with saved runs, and with a worker that has ended."""

import time
from typing import Any

from msgspec.structs import replace

from makemore_tui.core.errors import UserError
from makemore_tui.core.worker.protocol import OpenRun, ReturnTo, Snapshot

from ..client.engine import WorkerDied
from ..keymap import signs_of
from ..notices import opened
from ..widgets.panel import Panel
from ..widgets.runs import RunsPanel
from ..widgets.status import StatusBar
from .hands import Hands
from .run_spec import StateScreen

_LONG_ENOUGH = 10.0  # seconds of a worker's life after which its end is another story
_MAX_RESTARTS = 3  # in a row, after which no new worker is started by itself
_SECONDS_BETWEEN_LISTS = 5.0


class Keeping(Hands):
    """A part of the main screen: it lists, names and opens saved runs, and goes on with one."""

    def __init__(self):
        super().__init__()
        self._ends = 0  # of workers, in a row
        self._begun = time.monotonic()
        self._last: Snapshot | None = None  # of the worker that has ended
        self._why = ""
        self._listed = -_SECONDS_BETWEEN_LISTS
        self._list: Any = None

    def start_engine(self, after: Snapshot | None = None) -> None:
        """Start a worker, to go on where this snapshot was."""
        raise NotImplementedError

    # A worker that has ended

    def go_on_after(self, died: WorkerDied) -> None:
        """Start another worker where the last one was, unless they keep ending.

        One that has begun and is then killed has done nothing wrong, however often that happens.
        """
        has_begun, lived = self.requests.snapshot is not None, time.monotonic() - self._begun
        self._last = self.requests.snapshot or self._last
        is_another_story = lived > _LONG_ENOUGH or (died.was_killed and has_begun)
        self._ends = 1 if is_another_story else self._ends + 1
        if self._ends > _MAX_RESTARTS:
            self.give_up(died.why)
            return
        self.requests.end()
        self._why = died.why
        self.say(f"{died.why}; starting another", warning=True)
        self.start_engine(self._last)

    def give_up(self, why: str) -> None:
        """Wait for the person to have another worker started."""
        key = signs_of(self.app)["worker"]
        self._last = self.requests.snapshot or self._last
        self.requests.end()
        self.query_one(StatusBar).wait_for(f"no worker · {key} starts a new one")
        self.say(f"{why}; {key} starts a new one", warning=True)

    def cannot_go_on(self, why: str) -> None:
        """A worker could not open the run that it was to go on with: the next begins anew."""
        self._last = replace(self._last, saving=None) if self._last else None
        self.give_up(why)

    def action_new_worker(self) -> None:
        if self.requests.is_dead:
            for panel in self.query(Panel):
                panel.snapshot = None
            self._ends, self._why = 0, "the worker had ended"
            self.start_engine(self._last)

    def greet(self, first: Snapshot) -> None:
        """Say where a worker has begun, if that isn't at the beginning."""
        self._begun = time.monotonic()
        if self._why:
            where = f"goes on from step {first.step:,}" if first.step else "begins at step 0"
            had_more = self._last is not None and (self._last.can_undo or self._last.previous)
            gone = "; what could be undone or returned to is gone" if had_more else ""
            note = f"; {first.saving.note}" if first.saving and first.saving.note else ""
            self.say(f"{self._why}; a new one {where}{gone}{note}", warning=True)
        elif first.state == "paused":
            self.say(opened(first, signs_of(self.app)))
        else:
            self.say("")  # that the worker was still starting
        self._why = ""

    # Saved runs

    def list_runs(self) -> None:
        """Read the saved runs in a thread, now and then while their panel is shown."""
        panel, snapshot = self.query_one(RunsPanel), self.snapshot
        if not panel.display or snapshot is None or snapshot.saving is None:
            return
        if time.monotonic() - self._listed < _SECONDS_BETWEEN_LISTS:
            return
        self._listed = time.monotonic()
        directory = snapshot.saving.directory
        self.run_worker(lambda: self._read_runs(directory), thread=True, exclusive=True)

    def _read_runs(self, directory: str) -> None:
        from pathlib import Path

        from makemore_tui.core.runs.catalog import RunList

        self._list = self._list or RunList(Path(directory))
        try:
            runs = self._list.read()
        except UserError:
            runs = []  # where they can't be read they can't be saved either, which is told
        self.app.call_from_thread(self.query_one(RunsPanel).list_saved, runs)

    def on_runs_panel_chosen(self, message: RunsPanel.Chosen) -> None:
        if (now := self.present()) is not None:
            self.requests.command(ReturnTo(message.index), now)

    def on_runs_panel_opened(self, message: RunsPanel.Opened) -> None:
        if message.problem:
            self.say(message.problem, warning=True)
        elif (now := self.present()) is not None:
            self.requests.command(OpenRun(message.folder), now)

    def action_name_run(self) -> None:
        now = self.present()
        if now is not None and now.saving is None:
            self.say("runs are not saved here, so this one can't have a name", warning=True)
        elif now is not None:
            self._open("name_run", "NamingScreen")

    def action_copy_state(self) -> None:
        from makemore_tui.core.run_spec import RunSpec

        if (now := self.requests.snapshot) is not None:
            data = now.dataset
            line = str(RunSpec(data.source, data.unique, now.model, now.train, now.seed))
            self.app.copy_to_clipboard(line)
            self.app.push_screen(StateScreen(line))
