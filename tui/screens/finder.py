"""The learning-rate finder: its curve while it runs, and what it suggests."""

from rich.segment import Segments
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal
from textual.reactive import reactive
from textual.widget import Widget
from textual.widgets import Input, Label, Static

from makemore_tui.core.results import RateSearch
from makemore_tui.core.settings import SETTINGS
from makemore_tui.core.worker import protocol

from ..client.engine import WorkerDied
from ..client.session_actions import SessionActions
from ..plots.lr_plot import rate_plot
from ..style.colours import palette_of
from ..style.text_rows import lines_of
from ..widgets.text_input import Line
from .asking import AskingScreen, box

_SEARCHING = "Still searching · esc cancel"


class RateCurve(Widget, can_focus=True):
    """The losses at rising rates, on a logarithmic axis."""

    DEFAULT_CSS = "RateCurve { height: 1fr; }"
    search: reactive[RateSearch | None] = reactive(None)

    def render(self) -> Segments:
        width, height = self.size
        rows = rate_plot(self.search, width, height, palette_of(self.app)) if self.search else []
        return lines_of(rows)


class FinderScreen(AskingScreen):
    """Runs the finder on a copy of the model; what it suggests can be taken."""

    DEFAULT_CSS = """
    FinderScreen > Vertical { width: 100; height: 30; }
    FinderScreen Horizontal { height: 1; }
    FinderScreen Label { color: $text-muted; }
    FinderScreen Input { width: 14; margin-right: 2; }
    FinderScreen #found { height: auto; min-height: 2; max-height: 4; }
    """
    AUTO_FOCUS = "RateCurve"
    BINDINGS = [  # noqa: RUF012
        Binding("enter", "take", "apply"),
        Binding("escape", "cancel", "cancel"),
    ]

    def __init__(self, session: SessionActions):
        super().__init__(session)
        now = self.requests.latest
        self._has_paused = now is not None and now.state == "training"  # as the engine does
        self._has_begun = self._is_new = False
        self._search: RateSearch | None = None
        self._curve = RateCurve()
        self._found = Static("Starting …", id="found", markup=False)

    def compose(self) -> ComposeResult:
        with box("Find a learning rate", "enter apply · tab edit range · esc cancel"):
            with Horizontal():
                yield Label("from ")
                yield Line(id="low", select_on_focus=True)
                yield Label("to ")
                yield Line(id="high", select_on_focus=True)
            yield self._curve
            yield self._found
            yield Static(id="refused", markup=False)

    def on_mount(self) -> None:
        if self._curve.is_attached:  # else it was closed again before it was there
            self._find(protocol.FindLearningRate())

    def take(self, reply: protocol.Reply | WorkerDied) -> bool:
        match reply:
            case protocol.Refused(why) if self.is_mounted:
                self.refuse(why)
                if self._search is None:
                    self._found.update("")
                self._has_paused &= self._has_begun
                self._is_new = False
                return True
            case protocol.Snapshot(is_refresh=True, finder=RateSearch() as search):
                if self.is_mounted and not self.requests.awaits_answer:
                    self._show(search)  # which is no longer the search before
            case protocol.Failed() | WorkerDied():
                self.dismiss()
        return False

    def _find(self, request: protocol.FindLearningRate) -> None:
        self.refuse("")
        self._search, self._is_new = None, True
        self._found.update("Starting …")
        self.session.ask(request)

    def _show(self, search: RateSearch) -> None:
        if not self._has_begun:
            self._has_begun = True
            for name, rate in (("low", search.low), ("high", search.high)):
                line = self.query_one(f"#{name}", Input)
                with line.prevent(Input.Changed):  # nobody has typed it
                    line.value = line.value or f"{rate:g}"  # it may be being typed
        if self._is_new:
            self._is_new = False
            self.set_focus(self._curve)
        if search.finished and self.refusal == _SEARCHING:
            self.refuse("")
        self._search = search
        self._curve.search = search
        self._found.update(_in_words(search, self.requests.latest))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Search again, in the range that stands there."""
        event.stop()
        ends = {}
        for name in ("low", "high"):
            text = self.query_one(f"#{name}", Input).value
            try:
                ends[name] = float(text)
            except ValueError:
                self.refuse(f"The range must be two numbers, such as 0.001 and 1, not {text!r}")
                return
        self._find(protocol.FindLearningRate(**ends))

    def action_take(self) -> None:
        """Take what is suggested, and leave."""
        search = self._search
        if search is None or not search.finished:
            self.refuse(_SEARCHING)
        elif search.suggested is None:
            self.refuse("No suggestion; try another range")
        else:
            rate = _to_set(search.suggested, self.requests.latest)
            self.session.ask(protocol.Edit({"learning_rate": rate}))
            self.action_cancel()

    def action_cancel(self) -> None:
        """Leave, and train on if that was so before."""
        self.session.ask(protocol.CancelFinder())
        if self._has_paused:
            self.session.ask(protocol.Resume())
        self.dismiss()


def _to_set(rate: float, now: protocol.Snapshot | None) -> float:
    """The setting that the schedule makes this rate of now; as near to it as is allowed."""
    if now is None:
        return rate
    limits, setting = SETTINGS["learning_rate"].metadata, now.train.learning_rate
    factor = now.train.learning_rate_at(now.step) / setting
    wanted = rate / factor if factor > 0 else rate
    return float(f"{max(limits['low'], min(wanted, limits['high'])):.3g}")


def _in_words(search: RateSearch, now: protocol.Snapshot | None) -> str:
    seeds = f"mean, lowest and highest of {search.seeds} seeds"
    if not search.finished:
        share = 100 * search.done // max(1, search.steps)
        return f"{share}% of {search.steps:,} steps · {seeds}"
    turns = f"turns at {search.turns:.3g}" if search.turns else "does not turn"
    explodes = f", explodes from {search.explodes:.3g}" if search.explodes else ""
    if search.suggested is None:
        return f"No suggestion: {search.why}\nThe loss {turns}{explodes}"
    rate = _to_set(search.suggested, now)
    is_scheduled = f"{rate:.3g}" != f"{search.suggested:.3g}"
    setting = f" · enter sets {rate:.3g}, before the schedule" if is_scheduled else ""
    return (
        f"Suggested {search.suggested:.3g}: {search.why}{setting}\n"
        f"The loss {turns}{explodes} · {seeds}"
    )
