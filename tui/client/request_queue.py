"""What has been asked of the engine, and what it has said."""

from collections import deque
from collections.abc import Callable, Collection

from makemore_tui.core.worker.protocol import Refresh, Reply, Request, Snapshot

from ..widgets.panel import Panel
from .engine import Engine, WorkerDied


class RequestQueue:
    """Asks an engine and keeps count of its answers.

    One refresh is under way at a time: what is wanted meanwhile is asked for when its answer has
    come, so a slow terminal gets fewer snapshots, never a queue. `snapshot` is the newest one, and
    `is_dead` says that nobody is there to ask.
    """

    def __init__(self, engine: Engine, deliver: Callable[[Reply | WorkerDied], None]):
        """deliver: takes each reply, in whichever thread it comes."""
        self._engine = engine
        self._deliver = deliver
        self.snapshot: Snapshot | None = None
        self.is_dead = False
        self._refreshing = False
        self._wanted: set[str | None] = set()  # panels
        self._unanswered: deque[Request] = deque()  # commands
        self._expected: Snapshot | None = None

    def start(self, after: Snapshot | None = None) -> None:
        """Start the engine, or another after the first died, to go on where this snapshot was."""
        self.is_dead, self.snapshot = False, None
        self._engine.start(self._deliver, after)

    def ask(self, request: Request) -> None:
        """Send a request, once there is something to ask about."""
        if not self.is_dead and self.snapshot is not None:
            self._engine.send(request)

    def command(self, request: Request, expected: Snapshot) -> None:
        """Send a command, and reckon with what it will lead to (without showing it): the next key
        may come before the answer."""
        self.ask(request)
        self._unanswered.append(request)
        self._expected = expected

    @property
    def latest(self) -> Snapshot | None:
        """What the next key builds on: what is shown, or what has been asked for meanwhile."""
        return self._expected if self._unanswered else self.snapshot

    @property
    def awaits_answer(self) -> bool:
        """Whether a command's answer is on its way."""
        return bool(self._unanswered)

    @property
    def first_unanswered(self) -> Request | None:
        """The command that has waited longest for its answer."""
        return self._unanswered[0] if self._unanswered else None

    def want(self, panel: Panel) -> None:
        """Ask for this panel's view as soon as the next refresh has been answered."""
        self._wanted.add(panel.id)

    def refresh(self, panels: Collection[Panel]) -> None:
        """Ask for these panels' views, now or when the answer that is under way has come."""
        if self.is_dead or self.snapshot is None:
            return
        if self._refreshing:
            self._wanted |= {panel.id for panel in panels}
            return
        self._refreshing = True
        views = [panel.view() for panel in panels]
        self.ask(Refresh(tuple(view for view in views if view is not None)))

    def refresh_wanted(self, panels: Collection[Panel]) -> None:
        """Ask for what was wanted meanwhile by any of these panels."""
        wanted = [panel for panel in panels if panel.id in self._wanted]
        self._wanted.clear()
        if wanted:
            self.refresh(wanted)

    def take(self, snapshot: Snapshot) -> tuple[Snapshot | None, Request | None]:
        """Take a snapshot; the one before it, and the command that it answers."""
        before, self.snapshot = self.snapshot, snapshot
        if snapshot.is_refresh:
            self._refreshing = False
        elif before is not None:
            return before, self.answered()
        return before, None

    def answered(self) -> Request | None:
        """A command has had its answer: the one that has waited longest."""
        return self._unanswered.popleft() if self._unanswered else None

    def end(self) -> None:
        """Nobody answers any more."""
        self.is_dead = True
        self._refreshing = False
        self._unanswered.clear()
