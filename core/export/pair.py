"""The part of a page that is about a pair of runs: what differs, both losses, their difference."""

import math
from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from ..results import JUDGED
from ..session.session import Session
from ..session.twins import Twins
from ..settings import setting_text
from .figures import BATCH, DEV, DIM, inline_svg, styled

_SIZE = 8.8, 4.8  # inches
_MAX_POINTS = 200


def pair_section(twins: Twins) -> dict[str, Any]:
    """What the page's template says of a pair."""
    a, b = (
        vars(one.model_settings) | vars(one.train_settings) | {"seed": one.seed}
        for one in (twins.a, twins.b)
    )
    differ = [
        (name.replace("_", " "), *(setting_text(name, one[name]) for one in (a, b)))
        for name in a
        if a[name] != b[name]
    ]
    if twins.differences:
        newest = twins.differences[-1]
    else:  # of copies, which leaves both as they are
        newest = Twins(*(Session.from_state(one.state()) for one in (twins.a, twins.b))).evaluate()
    return {
        "settings": differ,
        "losses": (f"{newest.a:.4f}", f"{newest.b:.4f}"),
        "sentence": newest.sentence,
        "note": twins.unpaired or JUDGED,
        "picture": inline_svg(pair_figure(twins), "loss", "The losses of A and B, and B - A"),
    }


@styled()
def pair_figure(twins: Twins) -> Figure:
    """The minibatch losses of A and B, smoothed alike, and under them B - A with its zero line; the
    dev differences with two standard errors either way."""
    losses = twins.losses(_MAX_POINTS)
    figure = Figure(figsize=_SIZE, layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
    for values, color, label in ((losses.a, BATCH, "A"), (losses.b, DEV, "B")):
        above.plot(losses.steps, values, color=color, lw=1.4, label=label)
    above.legend(loc="upper right", ncols=2)
    above.set_ylabel("nats per character")
    below.axhline(0, color=DIM, lw=0.9)
    if losses.difference:
        below.plot(losses.steps, losses.difference, color=DEV, lw=1.2, label="B - A, minibatches")
    dev = [one for one in losses.dev if math.isfinite(one.difference)]
    if dev:
        errors = [2 * one.standard_error for one in dev]
        values = [one.difference for one in dev]
        looks: dict[str, Any] = {"color": BATCH, "ms": 5, "lw": 1.2, "label": "B - A, dev ± 2 SE"}
        below.errorbar([one.step for one in dev], values, errors, fmt=".", **looks)
    if dev or losses.difference:
        below.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=2)
    below.set_xlabel("steps", loc="right")
    below.xaxis.set_major_formatter(FuncFormatter(lambda step, _: f"{step:,.0f}"))
    return figure
