"""What the main screen shows, by the names that the configuration has for it."""

from collections.abc import Mapping, Sequence
from typing import Any

from makemore_tui.core.constants import BASELINES
from makemore_tui.core.results import BigramOrder

from ..config import Config
from ..widgets.bigrams import BigramPanel
from ..widgets.loss import LossPanel
from ..widgets.panel import Panel
from ..widgets.panel_grid import PanelGrid

_AXES = {False: "linear", True: "logarithmic"}
_PARTS = {False: "all steps", True: "last tenth"}
_ORDERS: dict[BigramOrder, str] = {"id": "character", "frequency": "frequency"}
USUAL = {
    "panel": "loss",
    "panels": [],
    "zoomed": False,
    "welcome": True,
    "loss.axis": "linear",
    "loss.steps": "linear",
    "loss.smoothing": "light",
    "loss.part": "all steps",
    "loss.baselines": list(BASELINES),
    "loss.spread": True,
    "bigrams.values": "model",
    "bigrams.order": "character",
}


def panel_grid(panels: Sequence[Panel], config: Config) -> PanelGrid:
    """The grid of panels as the configuration says."""
    grid = PanelGrid(panels, config.get("panel", "loss"), config.get("zoomed", False))
    for name in config.get("panels", []):
        grid.bring_to_front(name)
    grid.bring_to_front(grid.chosen)
    return grid


def set_panels(grid: PanelGrid, config: Config) -> None:
    """Set the panels as the configuration says."""
    values = {**USUAL, **config.values}
    loss, bigrams = _loss_and_bigrams(grid)
    loss.change(
        log_loss=values["loss.axis"] == "logarithmic",
        log_steps=values["loss.steps"] == "logarithmic",
        last_part=values["loss.part"] == "last tenth",
        smoothing=values["loss.smoothing"],
        baselines=tuple(values["loss.baselines"]),
        spread=values["loss.spread"],
        target=values.get("loss.target"),
    )
    mode, order = values["bigrams.values"], values["bigrams.order"]
    bigrams.set_view(mode, next(id for id, word in _ORDERS.items() if word == order))


def changes(grid: PanelGrid, config: Config) -> Mapping[str, Any]:
    """What is no longer as the configuration says, by name."""
    loss, bigrams = _loss_and_bigrams(grid)
    now = {
        "panel": grid.chosen,
        "panels": [name for first, name in grid.front.items() if name != first],
        "zoomed": grid.has_class("zoomed"),
        "loss.axis": _AXES[loss.options.log_loss],
        "loss.steps": _AXES[loss.options.log_steps],
        "loss.smoothing": loss.options.smoothing,
        "loss.part": _PARTS[loss.options.last_part],
        "loss.baselines": list(loss.options.baselines),
        "loss.spread": loss.options.spread,
        "bigrams.values": bigrams.mode,
        "bigrams.order": _ORDERS[bigrams.order],
    }
    return {name: value for name, value in now.items() if value != config.get(name, USUAL[name])}


def _loss_and_bigrams(grid: PanelGrid) -> tuple[LossPanel, BigramPanel]:
    loss, bigrams = grid.panels["loss"], grid.panels["bigrams"]
    assert isinstance(loss, LossPanel)
    assert isinstance(bigrams, BigramPanel)
    return loss, bigrams
