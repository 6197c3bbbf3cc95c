"""The learning-rate finder: its curve while it runs, and what it suggests."""

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget
from textual.widgets import Input, Label, Static

from makemore_tui.core.results import RateSearch
from makemore_tui.core.settings import SETTINGS
from makemore_tui.core.worker.protocol import (
    CancelFinder,
    Edit,
    Failed,
    FindLearningRate,
    Refused,
    Reply,
    Resume,
    Snapshot,
)

from ..client.engine import WorkerDied
from ..client.session_actions import SessionActions
from ..plots.lr_plot import rate_plot
from ..style.colours import palette_of
from ..widgets.text_input import Line
from .asking import AskingScreen

_SEARCHING = "it is still searching; esc cancels"


class RateCurve(Widget, can_focus=True):
    """The losses at rising rates, on a logarithmic axis."""

    DEFAULT_CSS = "RateCurve { height: 1fr; }"

    def __init__(self):
        super().__init__()
        self._search: RateSearch | None = None
        self._strips: list[Strip] = []

    def show(self, search: RateSearch | None) -> None:
        """Draw a search, if it has come further."""
        if search is not None and search != self._search:
            self._search = search
            self._draw()

    def on_resize(self) -> None:
        self._draw()

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._draw()

    def render_line(self, y: int) -> Strip:
        if y < len(self._strips):
            return self._strips[y]
        return Strip.blank(self.size.width, self.rich_style)

    def _draw(self) -> None:
        width, height = self.size
        if self._search is None or not width or not height:
            return
        rows = rate_plot(self._search, width, height, palette_of(self.app))
        style = self.rich_style
        self._strips = [Strip(row).adjust_cell_length(width).apply_style(style) for row in rows]
        self.refresh(Region(0, 0, width, height))


class FinderScreen(AskingScreen):
    """Runs the finder on a copy of the model; what it suggests can be taken."""

    DEFAULT_CSS = """
    FinderScreen { align: center middle; }
    FinderScreen > Vertical {
        width: 100; max-width: 100%; height: 30; max-height: 100%;
        border: round $primary; background: $surface; padding: 0 1;
        border-title-style: bold;
    }
    FinderScreen Horizontal { height: 1; }
    FinderScreen Label { color: $text-muted; }
    FinderScreen Input { width: 14; background: $panel; margin-right: 2; }
    FinderScreen Input:focus { background: $panel-lighten-2; }
    FinderScreen #found { height: auto; min-height: 2; max-height: 4; }
    FinderScreen #refused { height: auto; color: $text-warning; text-style: bold; display: none; }
    """
    AUTO_FOCUS = "RateCurve"
    BINDINGS = [  # noqa: RUF012
        Binding("enter", "take", "take it"),
        Binding("escape", "cancel", "cancel"),
    ]

    def __init__(self, session: SessionActions):
        super().__init__(session)
        now = self.requests.latest
        self._has_paused = now is not None and now.state == "training"  # as the engine does
        self._has_begun = self._is_new = False
        self._refusal = ""
        self._search: RateSearch | None = None

    def compose(self) -> ComposeResult:
        with Vertical() as box:
            box.border_title = "Find a learning rate"
            box.border_subtitle = "enter takes it · tab to the range · esc cancels"
            with Horizontal():
                yield Label("from ")
                yield Line(compact=True, id="low", select_on_focus=True)
                yield Label("to ")
                yield Line(compact=True, id="high", select_on_focus=True)
            yield RateCurve()
            yield Static("starting …", id="found", markup=False)
            yield Static(id="refused", markup=False)

    def on_mount(self) -> None:
        if not self.query(RateCurve):
            return  # closed again before it was there
        self._find(FindLearningRate())

    def take(self, reply: Reply | WorkerDied) -> bool:
        match reply:
            case Refused(why) if self.is_mounted:
                self._refuse(why)
                if self._search is None:
                    self.query_one("#found", Static).update("")
                self._has_paused &= self._has_begun
                self._is_new = False
                return True
            case Snapshot(is_refresh=True, finder=RateSearch() as search):
                if self.is_mounted and not self.requests.awaits_answer:
                    self._show(search)  # which is no longer the search before
            case Failed() | WorkerDied():
                self.dismiss()
        return False

    def _find(self, request: FindLearningRate) -> None:
        self._refuse("")
        self._search, self._is_new = None, True
        self.query_one("#found", Static).update("starting …")
        self.session.ask(request)

    def _show(self, search: RateSearch) -> None:
        if not self._has_begun:
            self._has_begun = True
            for name, rate in (("low", search.low), ("high", search.high)):
                line = self.query_one(f"#{name}", Input)
                line.value = line.value or f"{rate:g}"  # it may be being typed
        if self._is_new:
            self._is_new = False
            self.set_focus(self.query_one(RateCurve))
        if search.finished and self._refusal == _SEARCHING:
            self._refuse("")
        self._search = search
        self.query_one(RateCurve).show(search)
        self.query_one("#found", Static).update(_in_words(search, self.requests.latest))

    def _refuse(self, why: str) -> None:
        self._refusal = why
        line = self.query_one("#refused", Static)
        line.update(why)
        line.display = bool(why)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Search again, in the range that stands there."""
        event.stop()
        ends = {}
        for name in ("low", "high"):
            text = self.query_one(f"#{name}", Input).value
            try:
                ends[name] = float(text)
            except ValueError:
                self._refuse(f"the range must be two numbers such as 0.001 and 1, not {text!r}")
                return
        self._find(FindLearningRate(**ends))

    def action_take(self) -> None:
        """Take what is suggested, and leave."""
        search = self._search
        if search is None or not search.finished:
            self._refuse(_SEARCHING)
        elif search.suggested is None:
            self._refuse("there is no suggestion; another range may have one")
        else:
            now = self.requests.latest
            rate = _to_set(search.suggested, now) if now else search.suggested
            self.session.ask(Edit({"learning_rate": rate}))
            self.action_cancel()

    def action_cancel(self) -> None:
        """Leave, and train on if that was so before."""
        self.session.ask(CancelFinder())
        if self._has_paused:
            self.session.ask(Resume())
        self.dismiss()


def _to_set(rate: float, now: Snapshot) -> float:
    """The setting that the schedule makes this rate of now; as near to it as is allowed."""
    limits, setting = SETTINGS["learning_rate"].metadata, now.train.learning_rate
    factor = now.train.learning_rate_at(now.step) / setting
    wanted = rate / factor if factor > 0 else rate
    return float(f"{max(limits['low'], min(wanted, limits['high'])):.3g}")


def _in_words(search: RateSearch, now: Snapshot | None) -> str:
    seeds = f"mean of {search.seeds} seeds between their lowest and highest loss"
    if not search.finished:
        share = 100 * search.done // max(1, search.steps)
        return f"{share} % of {search.steps:,} steps · {seeds}"
    turns = f"turns at {search.turns:.3g}" if search.turns else "does not turn"
    explodes = f", explodes from {search.explodes:.3g}" if search.explodes else ""
    if search.suggested is None:
        return f"no suggestion: {search.why}\nthe loss {turns}{explodes}"
    rate = _to_set(search.suggested, now) if now else search.suggested
    is_scheduled = f"{rate:.3g}" != f"{search.suggested:.3g}"
    setting = f" · enter sets {rate:.3g}, as the schedule is" if is_scheduled else ""
    return (
        f"suggested {search.suggested:.3g}: {search.why}{setting}\n"
        f"the loss {turns}{explodes} · {seeds}"
    )
