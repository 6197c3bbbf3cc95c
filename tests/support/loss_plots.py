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
    mean, newest = list(values), values[-1] if values else None
    return LossCurve(steps, low, mean, high, len(values), list(dev), smooth=mean, newest=newest)


def text(rows):
    return ["".join(segment.text for segment in row) for row in rows]


def draw(
    curve, width=80, height=20, log=False, baselines=(("uniform", UNIFORM),), log_steps=False,
    crosshair=None, marks=(), previous=(), dev=None, **options,
):  # fmt: skip
    baselines = tuple(Baseline(*one) for one in baselines)
    shown = LossOptions(log_loss=log, log_steps=log_steps, crosshair=crosshair, **options)
    look = PlotContent(shown, baselines, marks, previous, dev)
    return loss_plot(curve, width, height, look, DARK)
