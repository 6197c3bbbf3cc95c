"""A server in a thread, asked as the explorer asks it; or on a clock that the test turns."""

import time
from queue import SimpleQueue
from threading import Thread

from makemore_tui.core.settings import ModelSettings
from makemore_tui.core.worker.protocol import (
    Pause,
    Refresh,
    Snapshot,
)
from makemore_tui.core.worker.server import Server

MODEL = ModelSettings(context=3, embedding=4, hidden=10)
PATIENCE = 60  # seconds, after which a test gives up


class Client:
    """Asks a server in a thread, and waits for states of it."""

    def __init__(self, session, **options):
        self.session = session
        self.inbox, self.replies = SimpleQueue(), SimpleQueue()
        server = Server(session, self.inbox, self.replies.put, **options)
        self.thread = Thread(target=server.run, daemon=True)
        self.thread.start()
        self.first = self.replies.get(timeout=PATIENCE)

    def ask(self, request):
        """Any reply."""
        self.inbox.put(request)
        return self.replies.get(timeout=PATIENCE)

    def do(self, request):
        """A reply that must be a snapshot."""
        reply = self.ask(request)
        assert isinstance(reply, Snapshot), reply
        return reply

    def look(self, *views):
        return self.do(Refresh(views))

    def until(self, condition, *views):
        """The first snapshot of which the condition holds."""
        give_up = time.monotonic() + PATIENCE
        snapshot = self.look(*views)
        while not condition(snapshot):
            assert time.monotonic() < give_up, f"never came: {snapshot}"
            time.sleep(0.005)
            snapshot = self.look(*views)
        return snapshot

    def still(self):
        """Pause, and wait until the losses shown are those of the step shown."""
        self.do(Pause())
        return self.until(lambda s: s.splits is not None and s.splits.step == s.step)

    def end(self):
        self.inbox.put(None)
        self.thread.join(PATIENCE)
        assert not self.thread.is_alive()


class Script:
    """An inbox of requests, and between them numbers: how many slices of work to leave time for."""

    def __init__(self, *acts):
        self.acts = [*acts, None]

    def empty(self):
        if isinstance(self.acts[0], int) and self.acts[0] > 0:
            self.acts[0] -= 1
            return True
        return False

    def get(self, timeout=None):
        while isinstance(self.acts[0], int):
            del self.acts[0]
        return self.acts.pop(0)


class Clock:
    """A clock that goes a hundredth of a second further whenever it is read."""

    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        self.now += 0.01
        return self.now


def play(session, *acts):
    """The snapshots that answer a script's requests, each with the time."""
    replies, clock = [], Clock()
    inbox = Script(*acts)
    server = Server(session, inbox, lambda reply: replies.append((clock.now, reply)), clock)  # type: ignore[arg-type]
    server.run()
    return replies[1:]
