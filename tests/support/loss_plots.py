"""Curves that are made, and the loss plot of them as text."""

import math

from makemore_tui.core.results import Baseline, LossCurve
from makemore_tui.tui.plots.loss_options import LossOptions, PlotContent
from makemore_tui.tui.plots.loss_plot import loss_plot
from makemore_tui.tui.style.colours import DARK

UNIFORM = math.log(27)


def made(values, spread=0.1, first=0.5, every=1.0, dev=()):
    """A curve through some values."""
    steps = [first + every * i for i in range(len(values))]
    low, high = [v - spread for v in values], [v + spread for v in values]
    return LossCurve(steps, low, list(values), high, len(values), list(dev))


def text(rows):
    return ["".join(segment.text for segment in row) for row in rows]


def draw(
    curve, width=80, height=20, log=False, baselines=(("uniform", UNIFORM),), log_steps=False,
    crosshair=None, **look,
):  # fmt: skip
    baselines = tuple(Baseline(*one) for one in baselines)
    options = LossOptions(log_loss=log, log_steps=log_steps, crosshair=crosshair)
    return loss_plot(curve, width, height, PlotContent(options, baselines, **look), DARK)
