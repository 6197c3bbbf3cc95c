"""What the main screen looks like, by the names that the configuration has for it."""

from collections.abc import Mapping
from typing import Any

from makemore_tui.core.constants import BASELINES
from makemore_tui.core.results import BigramOrder

from ..config import Config
from ..widgets.bigrams import BigramPanel
from ..widgets.loss import LossPanel
from .arranged import Arranged

_AXES = {False: "linear", True: "logarithmic"}
_PARTS = {False: "all steps", True: "last tenth"}
_ORDERS: dict[BigramOrder, str] = {"id": "character", "frequency": "frequency"}
_USUAL = {
    "panel": "loss",
    "panels": [],
    "zoomed": False,
    "loss.axis": "linear",
    "loss.steps": "linear",
    "loss.smoothing": "light",
    "loss.part": "all steps",
    "loss.baselines": list(
        BASELINES,
    ),
    "bigrams.values": "model",
    "bigrams.order": "character",
}


def choose_panels(screen: Arranged, config: Config) -> None:
    """Choose panels as the configuration says, before there are any."""
    for name in config.get("panels", []):
        screen.places.choose(name)
    screen.begin_with(config.get("panel", "loss"), is_zoomed=config.get("zoomed", False))


def set_panels(screen: Arranged, config: Config) -> None:
    """Set the panels as the configuration says."""
    values = {**_USUAL, **config.values}
    loss, bigrams = screen.query_one(LossPanel), screen.query_one(BigramPanel)
    loss.set_view(
        log_loss=values["loss.axis"] == "logarithmic",
        log_steps=values["loss.steps"] == "logarithmic",
        last_part=values["loss.part"] == "last tenth",
        smoothing=values["loss.smoothing"],
        baselines=tuple(values["loss.baselines"]),
    )
    mode, order = values["bigrams.values"], values["bigrams.order"]
    bigrams.set_view(mode, next(id for id, word in _ORDERS.items() if word == order))


def changes(screen: Arranged, config: Config) -> Mapping[str, Any]:
    """What is no longer as the configuration says, by name."""
    loss, bigrams = screen.query_one(LossPanel), screen.query_one(BigramPanel)
    now = {
        "panel": screen.chosen,
        "panels": screen.places.unusual,
        "zoomed": screen.has_class("zoomed"),
        "loss.axis": _AXES[loss.log_loss],
        "loss.steps": _AXES[loss.log_steps],
        "loss.smoothing": loss.smoothing,
        "loss.part": _PARTS[loss.last_part],
        "loss.baselines": list(loss.baselines),
        "bigrams.values": bigrams.mode,
        "bigrams.order": _ORDERS[bigrams.order],
    }
    return {name: value for name, value in now.items() if value != config.get(name, _USUAL[name])}
