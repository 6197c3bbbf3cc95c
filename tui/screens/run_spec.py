"""The line from which a run can be begun elsewhere, to be read and copied."""

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.widgets import Static

from makemore_tui.core.run_spec import RunSpec

from ..client.session_actions import SessionActions
from .asking import AskingScreen


class SpecScreen(AskingScreen):
    """Shows the line whole, however long it is."""

    DEFAULT_CSS = """
    SpecScreen { align: center middle; }
    SpecScreen > Vertical {
        width: 80; max-width: 100%; height: auto; max-height: 100%;
        border: round $primary; background: $surface; padding: 0 1; border-title-style: bold;
    }
    SpecScreen #about { color: $text-muted; }
    """
    BINDINGS = [Binding("escape,enter,q", "dismiss", "close")]  # noqa: RUF012

    def __init__(self, session: SessionActions):
        super().__init__(session)
        now = self.requests.snapshot
        assert now is not None  # see can_open
        data = now.dataset
        self._line = str(RunSpec(data.source, data.unique, now.model, now.train, now.seed))

    @classmethod
    def can_open(cls, session: SessionActions) -> bool:
        return session.requests.snapshot is not None

    def on_mount(self) -> None:
        self.app.copy_to_clipboard(self._line)

    def compose(self) -> ComposeResult:
        with Vertical() as box:
            box.border_title = "Dataset, settings and seed in a line"
            box.border_subtitle = "esc closes"
            yield Static(self._line, id="line", markup=False)
            about = "makemore-tui --spec LINE begins with them; copied where the terminal takes it"
            yield Static(about, id="about", markup=False)
