"""The line from which a run can be begun elsewhere, to be read and copied."""

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Static


class StateScreen(ModalScreen):
    """Shows the line whole, however long it is."""

    DEFAULT_CSS = """
    StateScreen { align: center middle; }
    StateScreen > Vertical {
        width: 80; max-width: 100%; height: auto; max-height: 100%;
        border: round $primary; background: $surface; padding: 0 1; border-title-style: bold;
    }
    StateScreen #about { color: $text-muted; }
    """
    BINDINGS = [Binding("escape,enter,q", "dismiss", "close")]  # noqa: RUF012

    def __init__(self, line: str):
        super().__init__()
        self._line = line

    def compose(self) -> ComposeResult:
        with Vertical() as box:
            box.border_title = "Dataset, settings and seed in a line"
            box.border_subtitle = "esc closes"
            yield Static(self._line, id="line", markup=False)
            about = "makemore-tui --spec LINE begins with them; copied where the terminal takes it"
            yield Static(about, id="about", markup=False)
