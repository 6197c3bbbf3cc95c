"""The dialog that starts a sweep around the present settings."""

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal
from textual.widgets import Input, Label, Static

from makemore_tui.core.errors import UserError
from makemore_tui.core.run_spec import whole_number
from makemore_tui.core.runs.catalog import automatic_name
from makemore_tui.core.sweep.files import check_installed
from makemore_tui.core.sweep.messages import Start
from makemore_tui.core.sweep.ranges import parse_ranges, why_useless

from ..client.session_actions import SessionActions, runs_of
from ..client.sweep import MAX_TRIALS, NUM_KEPT, around, num_workers, seconds_of
from ..widgets.text_input import Line
from .asking import AskingScreen, box
from .dataset import Tick

_SENSIBLE = ("learning_rate", "hidden", "dropout", "order", "smoothing")
_TRIALS, _TIME = "50", "10m"
_FIELD = "the list of settings"
_ABOUT = (
    "hidden=64,128 tries these two, dropout=0..0.4 anything between, and "
    "learning_rate=0.001..0.3:log too, where equal ratios are equally likely."
)


class DetachTick(Tick, inherit_bindings=False):
    """A checkbox that space ticks, so that enter starts the sweep wherever the focus is."""

    BINDINGS = [Binding("space", "toggle_button", "toggle")]  # noqa: RUF012


class SweepStart(AskingScreen):
    """Asks what a sweep around the present settings tries, and for how long. Its result is a
    `Start`; None where it was cancelled."""

    DEFAULT_CSS = """
    SweepStart Horizontal { height: 1; }
    SweepStart Label { color: $text-muted; }
    SweepStart .number { width: 12; margin-right: 2; }
    SweepStart DetachTick > .toggle--button { color: $foreground; background: $panel-lighten-3; }
    SweepStart #about { height: auto; }
    """
    BINDINGS = [Binding("enter", "start", "start")]  # noqa: RUF012

    def __init__(self, session: SessionActions):
        super().__init__(session)
        now = self.requests.latest
        assert now is not None  # see can_open
        self._spec = now.spec
        self._runs = runs_of(session)

    def compose(self) -> ComposeResult:
        names = [name for name in _SENSIBLE if not why_useless(name, self._spec)]
        over = " ".join(map(str, parse_ranges(names, self._spec)))
        keys = "enter start · tab next field · esc cancel"
        with box("Start a sweep around the present settings", keys):
            yield Label("Settings to try, each with or without a range:")
            yield Line(over, id="over")
            with Horizontal():
                yield Label("trials ")
                yield Line(_TRIALS, id="number", classes="number", select_on_focus=True)
                yield Label("time ")
                yield Line(_TIME, id="time", classes="number", select_on_focus=True)
            yield DetachTick("Go on when the explorer is left (space)", compact=True)
            yield Static(_ABOUT, id="about", markup=False)
            yield Static(id="refused", markup=False)

    def on_input_submitted(self) -> None:
        self.action_start()

    def action_start(self) -> None:
        """Ask for the sweep, or say what is wrong."""
        try:
            start = self._start()
        except UserError as error:
            self.refuse(str(error))
        else:
            self.dismiss(start)

    def _start(self) -> Start:
        """What the fields ask for. Raises UserError for what can't be had."""
        over, number, time = (
            self.query_one(f"#{name}", Input).value.strip() for name in ("over", "number", "time")
        )
        check_installed("optuna")
        trials = whole_number(number)
        if trials is None or not 1 <= trials <= MAX_TRIALS:
            raise UserError(f"trials must be a whole number from 1 to {MAX_TRIALS:,}")
        spec, ranges = around(self._spec, over.split(), _FIELD)
        return Start(
            study=automatic_name(spec.dataset),
            spec=str(spec),
            over=ranges,
            trials=trials,
            seconds=seconds_of(time, "time") if time else None,
            workers=num_workers(),
            runs=self._runs,
            keep=NUM_KEPT if self._runs else 0,
            detached=self.query_one(DetachTick).value,
        )
