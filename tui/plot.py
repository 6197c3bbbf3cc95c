"""The loss plot, drawn with plotext: a curve comes in, rows of coloured text go out."""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from rich.segment import Segment
from rich.style import Style

from makemore_tui.core.messages import LossCurve

from .palette import RGB, Palette

_ESCAPE = re.compile(r"\x1b\[([0-9;]*)m")
_AXIS_WIDTH = 6
_LOWEST = 1e-3  # nats, the lowest loss that a logarithmic axis shows
_SMOOTHING = 0.08  # of the plot's width, either side


@dataclass(frozen=True)
class Columns:
    """A curve with one value a column: None where there is nothing to draw."""

    low: list[float | None]
    high: list[float | None]
    mean: list[float | None]
    dev: list[tuple[float, float]]
    first_step: float
    last_step: float


def in_columns(curve: LossCurve, width: int) -> Columns:
    """Reduce a curve to `width` columns: the lowest, highest and mean loss of each.

    Where there are fewer points than columns, a point serves every column nearer to it than to
    its neighbours.
    """
    steps = curve.steps
    first = steps[0] if steps else 0.0
    last = max([*steps[-1:], *[step for step, _ in curve.dev[-1:]], first + 1.0])
    scale = (width - 1) / (last - first)
    places = [round((step - first) * scale) for step in steps]
    low: list[float | None] = [None] * width
    high, mean, count = list(low), [0.0] * width, [0] * width
    for i, place in enumerate(places):
        if not math.isfinite(curve.mean[i]):
            continue
        previous_low, previous_high = low[place], high[place]
        low[place] = curve.low[i] if previous_low is None else min(previous_low, curve.low[i])
        high[place] = curve.high[i] if previous_high is None else max(previous_high, curve.high[i])
        mean[place] += curve.mean[i]
        count[place] += 1
    means = [total / n if n else None for total, n in zip(mean, count, strict=True)]
    dev = [(step - first) * scale for step, _ in curve.dev]
    return Columns(
        low=_filled(low),
        high=_filled(high),
        mean=_smoothed(means),
        dev=[
            (x, y) for x, (_, y) in zip(dev, curve.dev, strict=True) if math.isfinite(y) and x >= 0
        ],
        first_step=first,
        last_step=last,
    )


def loss_plot(
    curve: LossCurve, width: int, height: int, uniform: float, log: bool, palette: Palette
) -> list[list[Segment]]:
    """The loss plot in `height` rows of `width` cells.

    Shown are the lowest and highest minibatch loss of each column, shaded, the smoothed mean as a
    line, the dev loss as another, and the uniform loss as a dashed line.
    """
    import plotext

    canvas_width = width - _AXIS_WIDTH
    if canvas_width < 10 or height < 4 or not curve.steps:
        return []
    columns = in_columns(curve, canvas_width)
    low, high = _limits(columns, uniform)
    y = _log if log else _same

    figure = plotext.figure
    plotext.terminal.limit(False, False)
    figure.clear.all()
    figure.plot_size(width, height)
    figure.canvas("default")
    if low < uniform < high:
        pixel = plotext.pixel(palette.dim)
        figure.line(y(uniform), orientation=0, pixel=pixel, style="dotted")
    mean = [(float(i), value) for i, value in enumerate(columns.mean) if value is not None]
    _draw_line(figure, mean, low, high, y, palette.batch)
    _draw_line(figure, columns.dev, low, high, y, palette.dev)
    _draw_axes(figure, columns, low, high, y, canvas_width, palette.dim)
    rows = parse_ansi(figure.build().string())[:height]
    plot_rows = height - 2  # above the axis and its labels
    return [
        *_shaded(rows[:plot_rows], columns, y(low), y(high), y, palette.style("faint")),
        *rows[plot_rows:],
    ]


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


def tick_label(step: float) -> str:
    """A number of steps, short: 500, 20k, 1.5M."""
    rounded = float(f"{step:.3g}")
    for size, unit in ((1e6, "M"), (1e3, "k")):
        if rounded >= size:
            return f"{rounded / size:g}{unit}"
    return f"{step:.0f}"


def nice_ticks(low: float, high: float, most: int) -> list[float]:
    """Round numbers (1, 2 or 5 times a power of ten) within a range, at most `most`."""
    if not high > low or most < 1:
        return []
    size = 10 ** math.floor(math.log10((high - low) / most))
    for multiple in (1, 2, 5, 10, 20, 50):
        first, last = math.ceil(low / (multiple * size)), math.floor(high / (multiple * size))
        if last - first < most:
            return [i * multiple * size for i in range(first, last + 1)]
    return []


def loss_labels(ticks: list[float], width: int) -> tuple[list[float], list[str]]:
    """Ticks and their labels, all `width` wide and no two alike, with two decimals or more.

    Ticks that no label of that width tells from another are left out.
    """
    for decimals in range(2, width - 1):
        labels = [f"{tick:.{decimals}f}" for tick in ticks]
        if len(set(labels)) == len(labels) and max(map(len, labels), default=0) <= width:
            return ticks, [label.rjust(width) for label in labels]
    told_apart = {tick_label(tick)[:width]: tick for tick in ticks}
    return list(told_apart.values()), [label.rjust(width) for label in told_apart]


def step_labels(ticks: list[float]) -> tuple[list[float], list[str]]:
    """Ticks and their labels, no two alike: short ones, or whole numbers where those are."""
    labels = [tick_label(tick) for tick in ticks]
    if len(set(labels)) == len(labels):
        return ticks, labels
    told_apart = {f"{tick:,.0f}": tick for tick in ticks}
    return list(told_apart.values()), list(told_apart)


def _limits(columns: Columns, uniform: float) -> tuple[float, float]:
    """The lowest and highest loss to show: the lines, but for their very first steps, and ln V."""
    means = [value for value in columns.mean if value is not None]
    settled = means[len(means) // 20 :] or means
    dev = [value for _, value in columns.dev[1:]] or [value for _, value in columns.dev]
    lines = [*settled, *dev, *([uniform] if columns.first_step < columns.last_step / 2 else [])]
    low, high = min(lines, default=0.0), max(lines, default=uniform)
    margin = max(0.12 * (high - low), 0.02)
    return max(low - margin, _LOWEST), high + margin / 2


def _shaded(
    rows: list[list[Segment]],
    columns: Columns,
    bottom: float,
    top: float,
    y: Callable[[float], float],
    style: Style,
) -> list[list[Segment]]:
    """The rows with the spread put into their empty cells."""
    per_row = (top - bottom) / len(rows)
    spans = [
        (0.0, -1.0)
        if low is None or high is None
        else ((top - y(high)) / per_row, (top - y(low)) / per_row)
        for low, high in zip(columns.low, columns.high, strict=True)
    ]
    return [_shade_row(row, i, spans, style) for i, row in enumerate(rows)]


def _shade_row(
    row: list[Segment], i: int, spans: list[tuple[float, float]], style: Style
) -> list[Segment]:
    shade = "".join("░" if first < i + 0.7 and last > i + 0.3 else " " for first, last in spans)
    shaded, column = [], -_AXIS_WIDTH
    for text, own, _ in row:
        if column >= 0 and not text.strip():
            shaded.append(Segment(shade[column : column + len(text)], style))
        else:
            shaded.append(Segment(text, own))
        column += len(text)
    return shaded


def _draw_line(figure, points: list[tuple[float, float]], low, high, y, colour: RGB) -> None:
    import plotext

    if points:
        xs = [x for x, _ in points]
        ys = [y(min(max(value, low), high)) for _, value in points]
        marker = plotext.marker("braille", plotext.pixel(colour))
        figure.draw(figure.signal(xs, ys, marker=marker).lines())


def _draw_axes(figure, columns: Columns, low, high, y, canvas_width: int, colour: RGB) -> None:
    import plotext

    pixel = plotext.pixel(colour)
    for axis, side in (("x", "upper"), ("y", "right")):
        figure.axes(False, axis=axis, side=side)
    for axis, side in (("x", "lower"), ("y", "left")):
        figure.axes(True, axis=axis, side=side, pixel=pixel)
    losses = nice_ticks(low, high, 6)
    losses, labels = loss_labels(losses, _AXIS_WIDTH - 1)
    figure.ruler("y", "left").lim(y(low), y(high)).ticks([y(v) for v in losses], labels=labels)
    steps = nice_ticks(columns.first_step, columns.last_step, max(2, canvas_width // 12))
    scale = (canvas_width - 1) / (columns.last_step - columns.first_step)
    steps, names = step_labels(steps)
    places = [(step - columns.first_step) * scale for step in steps]
    figure.ruler("x", "lower").lim(0, canvas_width - 1).ticks(places, labels=names)
    for axis in ("x", "y"):
        figure.ruler(axis).pixel(pixel)


def _filled(values: list[float | None]) -> list[float | None]:
    """Each gap filled with the value of the nearer neighbour."""
    known = [i for i, value in enumerate(values) if value is not None]
    if not known:
        return values
    filled, after = list(values), 0
    for i in range(len(values)):
        while after + 1 < len(known) and abs(known[after + 1] - i) <= abs(known[after] - i):
            after += 1
        filled[i] = values[known[after]]
    return filled


def _smoothed(values: list[float | None]) -> list[float | None]:
    """Each value averaged with its neighbours, weighted by a triangle; gaps stay gaps."""
    reach = max(1, round(len(values) * _SMOOTHING))
    smooth: list[float | None] = []
    for i, value in enumerate(values):
        if value is None:
            smooth.append(None)
            continue
        room = min(reach, i, len(values) - 1 - i)  # as far to the left as to the right
        window = range(i - room, i + room + 1)
        pairs = [(room + 1 - abs(j - i), values[j]) for j in window]
        total = sum(weight for weight, near in pairs if near is not None)
        smooth.append(sum(weight * near for weight, near in pairs if near is not None) / total)
    return smooth


def _log(value: float) -> float:
    return math.log10(max(value, _LOWEST))


def _same(value: float) -> float:
    return value


@lru_cache(maxsize=64)
def _style_after(style: Style, codes: str) -> Style:
    if codes in ("", "0"):
        return Style.null()
    if codes.startswith("38;2;"):
        red, green, blue = codes.split(";")[2:5]
        return Style.parse(f"rgb({red},{green},{blue})")
    return style
