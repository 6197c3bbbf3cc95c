"""Faults: a few of each kind in `make test`, the long counts in `make faults`."""

import os
import time
from queue import SimpleQueue
from threading import Thread

import pytest

from makemore_tui.core.worker.autosave import Autosave
from makemore_tui.core.worker.server import Server

PATIENCE = 60  # seconds, after which a test gives up


class ServedEngine:
    """A real server over a session, in a thread of this process."""

    def __init__(self, session, runs, clock, paused):
        self.inbox = SimpleQueue()
        self.session, self.runs, self.clock, self.paused = session, runs, clock, paused

    def start(self, deliver, after=None):
        autosave = Autosave(self.runs, 10**9, self.clock)
        server = Server(self.session, self.inbox, deliver, self.clock, autosave, self.paused)
        self.thread = Thread(target=server.run, daemon=True)
        self.thread.start()

    def send(self, request):
        self.inbox.put(request)

    def close(self):
        self.inbox.put(None)
        self.thread.join(PATIENCE)


@pytest.fixture
def served_engine(tmp_path):
    """Makes engines for the explorer, each of one session."""

    def served_engine(session, clock=time.perf_counter, paused=True):
        return ServedEngine(session, tmp_path / "runs", clock, paused)

    return served_engine


@pytest.fixture
def many():
    """Chooses how often: many(short, long). MAKEMORE_TUI_FAULTS=long takes the long count."""
    return lambda short, long: long if os.environ.get("MAKEMORE_TUI_FAULTS") == "long" else short
