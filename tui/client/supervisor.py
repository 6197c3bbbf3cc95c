"""Keeping a worker running."""

import time
from collections.abc import Callable

from msgspec.structs import replace

from makemore_tui.core.worker.protocol import Snapshot

from .. import messages as say
from ..notices import Labels, Notice, opened
from .engine import Deliver, Engine, WorkerDied
from .request_queue import RequestQueue

_SECONDS_OF_HEALTH = 10.0  # of a worker's life, after which its end counts as the first again
_MAX_RESTARTS = 3  # in a row


class WorkerSupervisor:
    """Starts the worker, replaces one that has died, and gives up on one that keeps dying.

    It needs no screen: what to say of a change is returned. `requests.is_dead` is True once it has
    given up.
    """

    def __init__(
        self, engine: Engine, requests: RequestQueue, deliver: Deliver, labels: Callable[[], Labels]
    ):
        """deliver: takes each reply of the worker, in whichever thread it comes."""
        self._engine = engine
        self._requests = requests
        self._deliver = deliver
        self._labels = labels
        self._last: Snapshot | None = None  # of the worker before
        self._deaths = 0  # in a row
        self._begun = time.monotonic()
        self._reason = ""  # why this worker was started, if it isn't the first
        self.has_begun = False

    def start(self) -> None:
        """Start a worker, which goes on where the one before was."""
        self._requests.begin()
        self._engine.start(self._deliver, self._last)

    def start_by_hand(self) -> None:
        """Start another worker if this gave up."""
        if self._requests.is_dead:
            self._deaths, self._reason = 0, "The worker had ended"
            self.start()

    def began(self, first: Snapshot) -> Notice:
        """Note that a worker has begun, with its first snapshot; say where, if not at step 0."""
        self.has_begun, self._begun = True, time.monotonic()
        reason, self._reason = self._reason, ""
        if not reason:
            return Notice(opened(first, self._labels()) if first.state == "paused" else "")
        said = say.WORKER_RESUMED if first.step else say.WORKER_RESTARTED
        had_more = self._last is not None and (self._last.can_undo or self._last.previous)
        lost = say.HISTORY_LOST if had_more else ""
        note = f" · {first.saving.note}" if first.saving and first.saving.note else ""
        return Notice(said.format(why=reason, step=first.step, lost=lost, note=note), True)

    def died(self, death: WorkerDied) -> Notice | None:
        """Replace a worker that has died, unless they keep dying.

        One that has begun and is then killed has done nothing wrong, however often that happens.
        """
        if self._requests.is_dead:
            return None
        was_healthy = time.monotonic() - self._begun > _SECONDS_OF_HEALTH
        was_only_killed = death.was_killed and self._requests.snapshot is not None
        self._deaths = 1 if was_healthy or was_only_killed else self._deaths + 1
        if self._deaths > _MAX_RESTARTS:
            return self._give_up(death.why)
        self._last = self._requests.snapshot or self._last
        self._reason = death.why
        self.start()
        return Notice(say.WORKER_REPLACED.format(why=death.why), is_warning=True)

    def cannot_resume(self, why: str) -> Notice:
        """Give up: the worker could not open the run that it was to go on with. The next worker
        begins a new run with the same settings."""
        said = self._give_up(why)
        self._last = replace(self._last, saving=None) if self._last else None
        return said

    def _give_up(self, why: str) -> Notice:
        self._last = self._requests.snapshot or self._last
        self._requests.end()
        return Notice(say.WORKER_STOPPED.format(why=why, key=self._labels()), is_warning=True)
