"""What the screens above the main one have in common."""

from textual.screen import ModalScreen

from makemore_tui.core.worker.protocol import Reply

from ..client.engine import WorkerDied
from ..client.session_actions import SessionActions


class AskingScreen(ModalScreen):
    """A screen that may ask something of the session, and is told of every answer."""

    def __init__(self, session: SessionActions):
        super().__init__()
        self.session = session
        self.requests = session.requests

    @classmethod
    def can_open(cls, session: SessionActions) -> bool:
        """Return whether this screen can be opened now; if not, a notice may say why."""
        return session.latest() is not None

    def take(self, reply: Reply | WorkerDied) -> bool:
        """Take an answer; return whether it is said here, so that the main screen need not."""
        return False
