"""What has been asked of the engine, and what it has answered."""

from collections import deque
from collections.abc import Callable, Iterable

from makemore_tui.core.worker.protocol import Refresh, Request, Snapshot, View

_PATIENCE = 10  # ticks without an answer to a command, after which a person is told

ViewsByType = dict[type, View]


class RequestQueue:
    """Sends requests to the engine and matches its answers to them.

    One refresh is under way at a time: views that are wanted meanwhile are asked for when its
    answer has come, so a slow terminal gets fewer snapshots, never a queue.

    snapshot: the newest one. is_dead: True once the worker has ended and no other was started.
    """

    def __init__(self, send: Callable[[Request], None]):
        """send: passes a request to the engine."""
        self._send = send
        self._expected: Snapshot | None = None
        self._waited = 0  # ticks
        self.begin()

    def begin(self) -> None:
        """A worker was started: nothing is known of its session yet."""
        self.snapshot: Snapshot | None = None
        self.end(is_dead=False)

    def end(self, is_dead: bool = True) -> None:
        """The worker has ended: no request will be answered."""
        self.is_dead = is_dead
        self._unanswered: deque[Request] = deque()  # commands
        self._asked: ViewsByType | None = None  # of the refresh under way
        self._wanted: ViewsByType = {}
        self._drawn: ViewsByType = {}  # those answered since the engine came to rest

    def command(self, request: Request, expected: Snapshot) -> None:
        """Send a command.

        expected: the snapshot that it will lead to, for keys that are pressed before its answer;
        it is never shown.
        """
        if self.is_dead or self.snapshot is None:
            return
        self._send(request)
        self._unanswered.append(request)
        self._expected = expected

    @property
    def latest(self) -> Snapshot | None:
        """What the next command builds on: the newest snapshot, or the one that is expected."""
        return self._expected if self._unanswered else self.snapshot

    @property
    def awaits_answer(self) -> bool:
        """True while a command has no answer."""
        return bool(self._unanswered)

    @property
    def num_unanswered(self) -> int:
        """How many commands have no answer yet."""
        return len(self._unanswered)

    def overdue(self) -> Request | None:
        """The command that has waited longest, once: at the tick at which it is overdue."""
        self._waited = self._waited + 1 if self._unanswered else 0
        return self._unanswered[0] if self._waited == _PATIENCE else None

    @property
    def is_overdue(self) -> bool:
        """True while a command has waited for so long that a person was told."""
        return self._waited >= _PATIENCE

    def answered(self) -> Request | None:
        """Note that a command was answered: the one that has waited longest, which is returned."""
        self._waited = 0
        return self._unanswered.popleft() if self._unanswered else None

    def refresh(self, views: Iterable[View]) -> None:
        """Ask for views: now, or when the refresh under way is answered."""
        if self.is_dead or self.snapshot is None:
            return
        self._wanted |= {type(view): view for view in views}
        if self._asked is None:
            self._asked, self._wanted = self._wanted, {}
            self._send(Refresh(tuple(self._asked.values())))

    def refresh_wanted(self) -> None:
        """Ask for the views that were wanted during the last refresh."""
        if self._wanted:
            self.refresh(())

    def want(self, view: View) -> None:
        """Ask for a view with the next refresh that is wanted."""
        self._wanted[type(view)] = view

    def is_drawn(self, view: View) -> bool:
        """True if the engine rests and has answered this very view since it came to rest."""
        return self._drawn.get(type(view)) == view

    @property
    def is_waiting(self) -> bool:
        """True while a command or a view has no answer."""
        return self._asked is not None or bool(self._unanswered or self._wanted)

    def is_at_rest(self, views: Iterable[View]) -> bool:
        """True if there is nothing to ask: the engine rests, and all these views are drawn."""
        is_resting = self.snapshot is not None and self.snapshot.is_resting
        return is_resting and not self.is_waiting and all(map(self.is_drawn, views))

    def take(self, snapshot: Snapshot) -> tuple[Snapshot | None, Request | None]:
        """Take a snapshot; return the one before it, and the command that it answers."""
        before, self.snapshot = self.snapshot, snapshot
        if not snapshot.is_refresh:
            self._drawn = {}
            return before, None if before is None else self.answered()
        self._drawn = self._drawn | (self._asked or {}) if snapshot.is_resting else {}
        self._asked = None
        return before, None
