"""A figure of plotext's: lines and axes go in, rows of coloured text come out."""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from rich.segment import Segment
from rich.style import Style

from ..style.colours import RGB

AXIS_WIDTH = 6  # cells for the numbers at the left

_ESCAPE = re.compile(r"\x1b\[([0-9;]*)m")


@dataclass(frozen=True)
class Axis:
    """From where to where an axis goes, and its ticks: their places, and what they say."""

    low: float
    high: float
    places: list[float]
    labels: list[str]


class Figure:
    """A figure of `height` rows of `width` cells. There is one at a time: plotext has but one."""

    def __init__(self, width: int, height: int):
        import plotext  # not before the first plot: the first screen is there sooner

        self._plotext: Any = plotext
        self._figure, self._height = plotext.figure, height
        plotext.terminal.limit(False, False)
        self._figure.clear.all()
        self._figure.plot_size(width, height)
        self._figure.canvas("default")

    def upright(self, x: float, colour: RGB) -> None:
        """Draw a dotted line from bottom to top."""
        pixel = self._plotext.pixel(colour)
        self._figure.line(x, orientation=1, pixel=pixel, style="dotted")

    def line(self, xs: list[float], ys: list[float], colour: RGB) -> None:
        """Draw a line through some points."""
        marker = self._plotext.marker("braille", self._plotext.pixel(colour))
        self._figure.draw(self._figure.signal(xs, ys, marker=marker).lines())

    def axes(self, x: Axis, y: Axis, colour: RGB) -> None:
        """Draw the axes, one below and one at the left."""
        pixel = self._plotext.pixel(colour)
        for axis, side in (("x", "upper"), ("y", "right")):
            self._figure.axes(False, axis=axis, side=side)
        for axis, side in (("x", "lower"), ("y", "left")):
            self._figure.axes(True, axis=axis, side=side, pixel=pixel)
        for name, side, axis in (("y", "left", y), ("x", "lower", x)):
            ruler = self._figure.ruler(name, side)
            ruler.lim(axis.low, axis.high).ticks(axis.places, labels=axis.labels)
        for name in ("x", "y"):
            self._figure.ruler(name).pixel(pixel)

    def rows(self) -> list[list[Segment]]:
        """What it looks like."""
        return parse_ansi(self._figure.build().string())[: self._height]


def parse_ansi(text: str) -> list[list[Segment]]:
    """Rows of segments from plotext's text, keeping foreground colours only."""
    rows = []
    for line in text.split("\n"):
        segments, style, end = [], Style.null(), 0
        for escape in _ESCAPE.finditer(line):
            if escape.start() > end:
                segments.append(Segment(line[end : escape.start()], style))
            style = _style_after(style, escape.group(1))
            end = escape.end()
        if end < len(line):
            segments.append(Segment(line[end:], style))
        rows.append(segments)
    return rows


@lru_cache(maxsize=64)
def _style_after(style: Style, codes: str) -> Style:
    if codes in ("", "0"):
        return Style.null()
    if codes.startswith("38;2;"):
        red, green, blue = codes.split(";")[2:5]
        return Style.parse(f"rgb({red},{green},{blue})")
    return style
