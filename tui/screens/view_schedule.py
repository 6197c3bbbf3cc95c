"""When the panels' views are asked for."""

from collections.abc import Iterable

from msgspec.structs import replace

from makemore_tui.core.worker.protocol import Snapshot, View

from ..client.request_queue import RequestQueue
from ..widgets.panel import Panel

_TURNS = {  # of each panel: every so many ticks, and at which of them
    "loss": (3, 1),
    "bigrams": (8, 0),
    "names": (10, 2),
    "embedding": (4, 2),
    "probe": (4, 2),
    "trace": (4, 0),
    "splits": (10, 6),
    "health": (10, 4),
}


class ViewSchedule:
    """Asks for the views of panels: in turn while the engine works, and once when it rests."""

    def __init__(self, requests: RequestQueue):
        self._requests = requests
        self._ticks = 0
        self._has_held_back = False

    def tick(self, panels: Iterable[Panel]) -> bool:
        """Ask for what is due of some panels; False if nothing is until something changes."""
        self._ticks += 1
        views, now = _views_of(panels), self._requests.snapshot
        if self._requests.is_dead or self._requests.is_at_rest(views.values()):
            return False
        if now is not None and now.is_resting:
            due = [view for view in views.values() if not self._requests.is_drawn(view)]
        else:
            turns = {name: self._ticks % every == at for name, (every, at) in _TURNS.items()}
            due = [view for name, view in views.items() if turns[name]]
        self._requests.refresh(due)
        return True

    def ask_for(self, panels: Iterable[Panel], is_anew: bool = False) -> None:
        """Ask for the views of some panels at once; is_anew: those that are drawn already too."""
        views = _views_of(panels).values()
        wanted = [view for view in views if is_anew or not self._requests.is_drawn(view)]
        if wanted:
            self._requests.refresh(wanted)

    def without_what_holds_up(self, snapshot: Snapshot, loss: Panel) -> Snapshot:
        """A snapshot; without its loss curve, which takes long to draw, while a command's answer is
        on its way. The next curve is drawn in any case."""
        curve = snapshot.loss or snapshot.twins
        if not snapshot.is_refresh or curve is None or not curve.steps:
            return snapshot
        self._has_held_back = self._requests.awaits_answer and not self._has_held_back
        view = loss.view()
        if not self._has_held_back or view is None:
            return snapshot
        self._requests.want(view)
        return replace(snapshot, loss=None, twins=None)


def _views_of(panels: Iterable[Panel]) -> dict[str, View]:
    """The views of panels, by their ids."""
    views = ((panel.id or "", panel.view()) for panel in panels)
    return {name: view for name, view in views if view is not None}
