"""The dialogs: a name for the present run, a number of steps, and the line that spells a run."""

import math

from textual.app import ComposeResult
from textual.binding import Binding
from textual.widgets import Input, Static

from makemore_tui.core.errors import UserError
from makemore_tui.core.run_spec import whole_number
from makemore_tui.core.settings import SETTINGS
from makemore_tui.core.text import shown
from makemore_tui.core.worker.protocol import Failed, NameRun, Refused, Reply, Snapshot

from .. import messages as say
from ..client.engine import WorkerDied
from ..client.session_actions import SessionActions
from ..plots.loss_options import MAX_TARGET, is_target
from ..widgets.text_input import Line
from .asking import AskingScreen, box

MAX_STEPS = SETTINGS["steps"].metadata["high"]


class NamingScreen(AskingScreen):
    """Asks for a name, by which the present run is kept; what can't be one is refused in place."""

    DEFAULT_CSS = """
    NamingScreen > Vertical { width: 64; }
    NamingScreen #where { color: $text-muted; height: auto; }
    """

    def __init__(self, session: SessionActions):
        super().__init__(session)
        self._is_asked = False

    @classmethod
    def can_open(cls, session: SessionActions) -> bool:
        now = session.latest()
        if now is not None and now.saving is None:
            session.notices.say(say.SAVED_NOWHERE, is_warning=True)
        return now is not None and now.saving is not None

    def compose(self) -> ComposeResult:
        now = self.requests.latest
        saving = now.saving if now else None
        name = saving.name if saving and saving.named else ""
        with box("Name this run", "enter save · esc cancel"):
            yield Line(name, placeholder="a name", select_on_focus=True)
            place = saving.directory if saving else ""
            yield Static(
                f"Saved in {shown(place)}, and kept until you delete it.", id="where", markup=False
            )
            yield Static(id="refused", markup=False)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        from makemore_tui.core.runs.catalog import check_name

        name = event.value.strip()
        try:
            check_name(name)
        except UserError as error:
            self.refuse(str(error))
        else:
            self._is_asked = True
            self.session.ask(NameRun(name))

    def take(self, reply: Reply | WorkerDied) -> bool:
        match reply:
            case Refused(why) if self._is_asked:
                self.refuse(why)
                return True
            case Snapshot(is_refresh=False) if self._is_asked:
                self.dismiss()
            case Failed() | WorkerDied():
                self.dismiss()
        return False

    def refuse(self, why: str) -> None:
        super().refuse(why)
        self._is_asked = False
        self.query_one("#where").display = False  # which a small terminal has no room for too


class StepsLine(Line):
    """The line for a number of steps, which are taken at once, so that the next key is the
    panels'; what can't be taken is refused once the screen knows what was typed."""

    async def action_submit(self) -> None:
        assert isinstance(self.screen, StepsScreen)
        if not self.screen.take_steps(self.value):
            await super().action_submit()


class StepsScreen(AskingScreen):
    """Asks for a number of steps, which are taken; it begins as the last one."""

    DEFAULT_CSS = "StepsScreen > Vertical { width: 50; }"

    def compose(self) -> ComposeResult:
        with box("Take steps and pause", "enter train · esc cancel"):
            yield StepsLine(f"{self.session.step_count:,}", select_on_focus=True)
            yield Static(id="refused", markup=False)

    def on_input_submitted(self) -> None:
        self.refuse(f"Must be a whole number from 1 to {MAX_STEPS:,}")

    def take_steps(self, text: str) -> bool:
        """Take as many steps as were typed; False if that is no number of steps."""
        steps = whole_number(text)
        if steps is None or not 1 <= steps <= MAX_STEPS:
            return False
        self.session.take_steps(steps)
        self.dismiss()
        return True


class TargetScreen(AskingScreen):
    """Asks for a dev loss to draw on the loss plot. Its result is the loss, 0 for none any more;
    None where it was cancelled."""

    DEFAULT_CSS = "TargetScreen > Vertical { width: 60; }"

    def __init__(self, session: SessionActions, target: float | None):
        super().__init__(session)
        self._target = target

    def compose(self) -> ComposeResult:
        with box("Target on the loss plot", "enter apply · empty to remove · esc cancel"):
            target = "" if self._target is None else f"{self._target:g}"
            yield Line(target, placeholder="2.17", select_on_focus=True)
            yield Static(id="refused", markup=False)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        value = event.value.strip()
        try:
            target = float(value) if value else 0.0
        except ValueError:
            target = math.nan
        if value and not is_target(target):
            self.refuse(f"The target must be a loss between 0 and {MAX_TARGET:g} nats")
        else:
            self.dismiss(target)


class SpecScreen(AskingScreen):
    """Shows the line from which the run can be begun elsewhere, whole, and copies it."""

    BINDINGS = [Binding("enter,q", "dismiss", "close")]  # noqa: RUF012

    @classmethod
    def can_open(cls, session: SessionActions) -> bool:
        return session.requests.snapshot is not None

    def compose(self) -> ComposeResult:
        now = self.requests.snapshot
        assert now is not None  # see can_open
        line = str(now.spec)
        self.app.copy_to_clipboard(line)
        with box("This run in one line", "esc close"):
            yield Static(line, id="line", markup=False)
            about = (
                "Dataset, settings and seed. Start from this with makemore-tui --spec LINE "
                "(copied if your terminal allows it)"
            )
            yield Static(about, id="about", markup=False)
