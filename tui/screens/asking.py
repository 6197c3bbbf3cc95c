"""What the screens above the main one have in common."""

import contextlib
from typing import ClassVar

from textual import on
from textual.binding import Binding
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList, Static

from makemore_tui.core.worker.protocol import Reply

from ..client.engine import WorkerDied
from ..client.session_actions import SessionActions


class AskingScreen(ModalScreen):
    """A box that may ask something of the session, and is told of every answer.

    Escape closes it. NEEDS_WORKER: False if it can be opened without one. refusal: what its line
    with the id `refused` says, until something else is typed.
    """

    NEEDS_WORKER: ClassVar[bool] = True

    DEFAULT_CSS = """
    AskingScreen { align: center middle; }
    AskingScreen > Vertical, AskingScreen > VerticalScroll {
        width: 80; max-width: 100%; height: auto; max-height: 100%;
        border: round $primary; background: $surface; padding: 0 1;
    }
    AskingScreen > Vertical { border-title-style: bold; }
    AskingScreen Input { background: $panel; }
    AskingScreen Input:focus { background: $panel-lighten-2; }
    AskingScreen #about { color: $text-muted; }
    AskingScreen #refused { height: auto; color: $text-warning; text-style: bold; display: none; }
    """

    BINDINGS = [Binding("escape", "dismiss", "cancel")]  # noqa: RUF012

    def __init__(self, session: SessionActions):
        super().__init__()
        self.session = session
        self.requests = session.requests
        self.refusal = ""

    @classmethod
    def can_open(cls, session: SessionActions) -> bool:
        """Return whether this screen can be opened now; if not, a notice may say why."""
        return not cls.NEEDS_WORKER or session.latest() is not None

    def take(self, reply: Reply | WorkerDied) -> bool:
        """Take an answer; return whether it is said here, so that the main screen need not."""
        return False

    def choose(self, name: str) -> None:
        """Take what was chosen from a list."""

    @on(Input.Changed)
    def take_refusal_back(self) -> None:
        """Say no longer that what was typed before can't be had."""
        if self.refusal:
            self.refuse("")

    def refuse(self, why: str) -> None:
        """Say in place why something can't be had; with an empty text, no longer."""
        self.refusal = why
        line = self.query_one("#refused", Static)
        line.update(why)
        line.display = bool(why)


def box(title: str, keys: str) -> Vertical:
    """The box of a screen, with a title above and what its keys do below."""
    found = Vertical()
    found.border_title, found.border_subtitle = title, keys
    return found


class Choices(OptionList):
    """Textual's, whose page keys would break it where no line has room, and whose choice would be
    taken after the next keys."""

    DEFAULT_CSS = "Choices { height: auto; border: none; padding: 0; }"

    def action_select(self) -> None:
        """Take what is highlighted at once, so that the next key is for what that leads to."""
        option = self.highlighted_option
        if option is not None and isinstance(self.screen, AskingScreen):
            self.screen.choose(option.id or "")

    def action_page_up(self) -> None:
        with contextlib.suppress(LookupError):
            super().action_page_up()

    def action_page_down(self) -> None:
        with contextlib.suppress(LookupError):
            super().action_page_down()
