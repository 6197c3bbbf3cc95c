"""Giving the present run a name, by which it is kept."""

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.widgets import Input, Static

from makemore_tui.core.errors import UserError
from makemore_tui.core.worker.protocol import Failed, NameRun, Refused, Reply, Snapshot

from ..client.engine import WorkerDied
from ..client.session_actions import SessionActions
from ..widgets.text_input import PlainLine
from .asking import AskingScreen


class NamingScreen(AskingScreen):
    """Asks for a name; what can't be one is refused in place."""

    DEFAULT_CSS = """
    NamingScreen { align: center middle; }
    NamingScreen > Vertical {
        width: 64; max-width: 100%; height: auto; max-height: 100%;
        border: round $primary; background: $surface; padding: 0 1;
        border-title-style: bold;
    }
    NamingScreen Input { background: $panel; }
    NamingScreen Input:focus { background: $panel-lighten-2; }
    NamingScreen #where { color: $text-muted; height: auto; }
    NamingScreen #refused {
        height: auto; color: $text-warning; text-style: bold; display: none;
    }
    """
    BINDINGS = [Binding("escape", "cancel", "cancel")]  # noqa: RUF012

    def __init__(self, session: SessionActions):
        super().__init__(session)
        self._asked: NameRun | None = None

    @classmethod
    def can_open(cls, session: SessionActions) -> bool:
        now = session.latest()
        if now is not None and now.saving is None:
            text = "runs are not saved here, so this one can't have a name"
            session.notices.say(text, is_warning=True)
        return now is not None and now.saving is not None

    def compose(self) -> ComposeResult:
        now = self.requests.latest
        saving = now.saving if now else None
        name = saving.name if saving and saving.named else ""
        with Vertical() as box:
            box.border_title = "Name this run"
            box.border_subtitle = "enter saves it · esc cancels"
            yield PlainLine(name, compact=True, placeholder="a name", select_on_focus=True)
            place = saving.directory if saving else ""
            yield Static(f"Kept in {place} until you remove it.", id="where", markup=False)
            yield Static(id="refused", markup=False)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        from makemore_tui.core.runs.catalog import check_name

        name = event.value.strip()
        try:
            check_name(name)
        except UserError as error:
            self._refuse(str(error))
        else:
            self._asked = NameRun(name)
            self.session.ask(self._asked)

    def take(self, reply: Reply | WorkerDied) -> bool:
        match reply:
            case Refused(why) if self._asked:
                self._refuse(why)
                return True
            case Snapshot(is_refresh=False) if self._asked:
                self.dismiss()
            case Failed() | WorkerDied():
                self.dismiss()
        return False

    def action_cancel(self) -> None:
        self.dismiss()

    def _refuse(self, why: str) -> None:
        self._asked = None
        refused = self.query_one("#refused", Static)
        refused.update(why)
        refused.display = True
        self.query_one("#where").display = False  # which a small terminal has no room for too
