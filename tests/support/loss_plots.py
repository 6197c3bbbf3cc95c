"""Curves that are made, and the loss plot of them as text."""

import math

from makemore_tui.core.results import Baseline, LossCurve
from makemore_tui.tui.plots.loss_plot import PlotContent, loss_plot
from makemore_tui.tui.style.colours import DARK

UNIFORM = math.log(27)


def made(values, spread=0.1, first=0.5, every=1.0, dev=()):
    """A curve through some values."""
    steps = [first + every * i for i in range(len(values))]
    low, high = [v - spread for v in values], [v + spread for v in values]
    return LossCurve(steps, low, list(values), high, len(values), list(dev))


def text(rows):
    return ["".join(segment.text for segment in row) for row in rows]


def draw(curve, width=80, height=20, log=False, baselines=(("uniform", UNIFORM),), **look):
    baselines = tuple(Baseline(*one) for one in baselines)
    return loss_plot(
        curve, width, height, PlotContent(log_loss=log, baselines=baselines, **look), DARK
    )
