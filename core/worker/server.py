"""The worker's loop: requests in, replies out, and work in between."""

import time
from collections.abc import Callable
from queue import SimpleQueue

from ..errors import UserError
from ..session.session import Session
from ..text import shown
from .autosave import Autosave
from .handlers import handle
from .protocol import Refresh, Refused, Reply, Request, Unsaved
from .runner import SessionRunner
from .snapshots import make_snapshot


class Server:
    """Serves one session until None is in the inbox, and saves its run then."""

    def __init__(
        self,
        session: Session,
        inbox: "SimpleQueue[Request | None]",
        send: Callable[[Reply], None],
        clock: Callable[[], float] = time.perf_counter,
        autosave: Autosave | None = None,
        paused: bool = False,
    ):
        """send: takes each reply. clock: in seconds. autosave: None saves nothing. paused: don't
        train before that is asked for."""
        self.runner: SessionRunner = SessionRunner(session, clock, autosave, paused)
        self._inbox = inbox
        self._send = send

    def run(self) -> None:
        """Answer requests and work in between, until None comes."""
        try:
            self._serve()
        finally:
            self._save()

    def _serve(self) -> None:
        self._send(make_snapshot(self.runner))
        while True:
            while not (self.runner.has_work and self._inbox.empty()):
                request = self._inbox.get()
                if request is None:
                    return
                self._send(self.answer(request))
            self.runner.advance()

    def answer(self, request: Request) -> Reply:
        """Carry out a request; its reply."""
        try:
            reply = handle(request, self.runner)
        except UserError as error:
            return Refused(str(error))
        except OSError as error:
            return Refused(_sentence(error))
        if reply is not None:
            return reply
        if isinstance(request, Refresh):
            return make_snapshot(self.runner, request.views, is_refresh=True)
        return make_snapshot(self.runner)

    def _save(self) -> None:
        """Save what is unsaved, and tell if that can't be done."""
        autosave = self.runner.autosave
        if autosave is None:
            return
        try:
            autosave.close(self.runner.session)
            problem = autosave.facts.problem
        except (UserError, OSError) as error:
            problem = _sentence(error) if isinstance(error, OSError) else str(error)
        if problem is not None:
            self._send(Unsaved(problem))


def _sentence(error: OSError) -> str:
    """What the system has refused."""
    what = shown(str(error.filename)) if error.filename else "a file"
    return f"{what} can't be used: {error.strerror or error}"
