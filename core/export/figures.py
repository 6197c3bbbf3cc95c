"""The figures of a run, drawn with matplotlib: losses, bigram table, embedding.

A figure becomes the bytes of a file, or the markup of a page.
"""

import io
import math
import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from operator import itemgetter
from typing import Any

import matplotlib
from markupsafe import Markup, escape
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter
from torch import Tensor

from ..analysis.baselines import RunningBaselines
from ..datasets.dataset import Dataset
from ..errors import UserError
from ..results import Baseline, EmbeddingMap, Mark
from ..runs.state import journal_marks
from ..session.session import Session
from ..session.twins import Twins
from ..text import shown

_LOSS_SIZE = 8.8, 4.8  # inches
_SQUARE_SIZE = 5.4, 5.4
_HEADING_ROOM = 0.5  # inches
_LEGEND_ROOM = 0.3
_EDITS_ROOM = 0.42
_LABEL_ROWS = (5, 17)  # points above the axes, of the labels of edits
_LABEL_GAP = 11  # points between the labels at the right
_MAX_POINTS, _PAIR_POINTS = 400, 200  # of the curve, and of those of a pair
_MIN_LOG_RATIO = 4  # of the highest to the lowest loss, for a logarithmic axis
_NUM_BASELINES = 3  # uniform, unigram and bigram
# The curves have colours of Okabe and Ito, which colour-blind people can tell apart.
INK, DIM, FAINT = "#1e222a", "#646a76", "#e6e9ee"
BATCH, DEV, EDIT = "#0072b2", "#d55e00", "#009e73"
# The name of each colour in a page, and what it is there on a dark ground.
DARK = {
    INK: ("ink", "#dee2e9"),
    DIM: ("dim", "#8c94a2"),
    FAINT: ("faint", "#1c222d"),
    BATCH: ("batch", "#56b4e9"),
    DEV: ("dev", "#e69f00"),
    EDIT: ("edit", "#28be91"),
}
_STYLE: dict[Any, Any] = {
    "axes.axisbelow": True, "axes.grid": True, "axes.grid.axis": "y", "axes.facecolor": "none",
    "axes.edgecolor": FAINT, "axes.labelcolor": DIM, "axes.labelsize": 9,
    "axes.spines.bottom": False, "axes.spines.left": False,
    "axes.spines.right": False, "axes.spines.top": False,
    "font.size": 9, "grid.color": FAINT, "grid.linewidth": 0.8,
    "legend.borderpad": 0, "legend.columnspacing": 1.6, "legend.fontsize": 8.5,
    "legend.frameon": False, "legend.handlelength": 1.6, "legend.labelcolor": DIM,
    "lines.dash_capstyle": "butt", "lines.solid_capstyle": "round",
    "lines.solid_joinstyle": "round",
    "pdf.fonttype": 42, "savefig.dpi": 200, "svg.fonttype": "none", "svg.hashsalt": "makemore-tui",
    "text.parse_math": False,  # a $ in a name is only a character
    "xtick.bottom": False, "xtick.labelcolor": DIM, "xtick.labelsize": 8.5,
    "ytick.left": False, "ytick.minor.left": False, "ytick.labelcolor": DIM, "ytick.labelsize": 8.5,
}  # fmt: skip
# What would differ from one writing of the same figure to the next.
_NO_METADATA = {
    "svg": {"Date": None, "Creator": None},
    "png": {"Software": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
}


@contextmanager
def styled() -> Iterator[None]:
    """Draw in our style, whatever a person's matplotlibrc says."""
    usual: dict[Any, Any] = dict(matplotlib.rcParamsDefault)
    del usual["backend"]
    with matplotlib.rc_context(usual | _STYLE), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from")
        yield


def first_baselines(dataset: Dataset) -> tuple[Baseline, ...]:
    """The dev losses of the uniform, unigram and bigram model, which are quick to compute."""
    running = RunningBaselines(dataset)
    while len(running.result()) < _NUM_BASELINES and running.advance():
        pass
    return running.result()


@styled()
def loss_figure(session: Session, baselines: Sequence[Baseline], heading: str = "") -> Figure:
    """Minibatch losses (mean and range), dev losses, edits and baselines by step.

    heading: a title above it, in which `$` is only a character. Raises UserError if the run has no
    finite loss.
    """
    curve = session.history.curve(0, _MAX_POINTS)
    rows = list(zip(curve.steps, curve.low, curve.mean, curve.high, strict=True))
    rows = [row for row in rows if all(map(math.isfinite, row))]
    if not rows:
        raise UserError("the run has no finite loss, so there is no curve to draw")
    dev, mixed = (
        [point for point in losses.points if math.isfinite(point[1])]
        for losses in (session.dev_losses, session.mixed_losses)
    )
    marks = journal_marks(session.journal)
    figure, axes = _loss_axes(bool(heading), bool(marks))
    losses = [loss for row in rows for loss in row[1:]]
    losses += [loss for _, loss in (*dev, *mixed)] + [one.loss for one in baselines]
    _set_scales(axes, max(1, session.step), min(losses), max(losses))
    at, low, mean, high = (list(column) for column in zip(*rows, strict=True))
    if len(rows) == 1:  # one point is drawn as a level
        at, low, mean, high = [0.0, float(session.step)], low * 2, mean * 2, high * 2
    axes.fill_between(at, low, high, color=BATCH, alpha=0.18, lw=0)
    axes.plot(at, mean, color=BATCH, lw=1.3, label="minibatches, mean and range")
    if dev:
        looks: dict[str, Any] = {"color": DEV, "lw": 1.8, "ms": 7, "label": "dev"}
        axes.plot(*zip(*dev, strict=True), ".-", clip_on=False, **looks)
    if mixed:
        looks = {"color": DEV, "lw": 1.8, "ms": 7, "label": "dev, mixed with counts"}
        axes.plot(*zip(*mixed, strict=True), ".:", clip_on=False, **looks)
    _draw_edits(figure, axes, marks)
    _draw_levels(figure, axes, baselines, dev)
    _write_above(figure, axes, shown(heading), has_edits=bool(marks))
    return figure


@styled()
def bigram_figure(labels: Sequence[str], probabilities: Tensor, counts: Tensor) -> Figure:
    """P(next | previous) as a heat map: (V, V) float, (V, V) int. A cell is as dark as the root of
    its probability, so that rare pairs can be seen."""
    V = len(labels)
    figure = Figure(figsize=_SQUARE_SIZE)
    axes = figure.add_axes((0, 0, 1, 1), xlim=(-1.1, V), ylim=(V, -1.1))
    axes.set_axis_off()
    for i, label in enumerate(labels):
        for x, y in ((i + 0.46, -0.5), (-0.5, i + 0.46)):
            text = axes.text(x, y, label, ha="center", va="center", color=DIM)
            text.set(size=min(9.0, 250 / V), family="monospace")
    shades, p, count = probabilities.sqrt().tolist(), probabilities.tolist(), counts.tolist()
    for i, previous in enumerate(labels):
        for j, following in enumerate(labels):
            cell = Rectangle((j, i), 0.92, 0.92, color=BATCH, alpha=shades[i][j], lw=0)
            share = f"{100 * p[i][j]:.2g} %"
            cell.set_gid(f"{previous} → {following}: {share}, counted {count[i][j]:,}")
            axes.add_artist(cell)  # unlike add_patch, it leaves the limits alone
    return figure


@styled()
def embedding_figure(found: EmbeddingMap, chosen: Sequence[int]) -> Figure:
    """Some characters, by id, at their places in the plane; vowels are bold."""
    points = [found.points[i] for i in chosen]
    ranges = [(min(values), max(values)) for values in zip(*points, strict=True)]
    reach = 1.1 * max(1e-9, *((high - low) / 2 for low, high in ranges))  # one scale for both
    xlim, ylim = (((low + high) / 2 - reach, (low + high) / 2 + reach) for low, high in ranges)
    figure = Figure(figsize=_SQUARE_SIZE)
    place = 0.005, 0.005, 0.99, 0.99
    axes = figure.add_axes(place, xlim=xlim, ylim=ylim, xticks=[], yticks=[])
    axes.spines[:].set(visible=True, color=FAINT)
    for i, (x, y) in zip(chosen, points, strict=True):
        text = axes.text(x, y, found.labels[i], size=12, ha="center", va="center", color=INK)
        if found.vowels[i]:
            text.set(color=DEV, weight="bold")
    return figure


@styled()
def pair_figure(twins: Twins) -> Figure:
    """The minibatch losses of A and B, smoothed alike, and under them B - A with its zero line; the
    dev differences with two standard errors either way."""
    losses = twins.losses(_PAIR_POINTS)
    figure = Figure(figsize=_LOSS_SIZE, layout="constrained")
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


def _loss_axes(has_heading: bool, has_edits: bool) -> tuple[Figure, Axes]:
    """A figure with room for labels at the right and for what stands above."""
    width, height = _LOSS_SIZE
    above = _LEGEND_ROOM + _EDITS_ROOM * has_edits + _HEADING_ROOM * has_heading
    figure = Figure(figsize=_LOSS_SIZE)
    left, right, bottom = 0.5, 1.05, 0.5
    share = (width - left - right) / width, (height - bottom - above) / height
    axes = figure.add_axes((left / width, bottom / height, *share))
    axes.set_xlabel("steps", loc="right")
    return figure, axes


def _set_scales(axes: Axes, steps: int, low: float, high: float) -> None:
    """Steps from 0; losses on an axis that is logarithmic where they differ by a large factor."""
    axes.set_xlim(0, steps)
    axes.xaxis.set_major_locator(MaxNLocator(8, integer=True))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda step, _: f"{step:,.0f}"))
    if 0 < low * _MIN_LOG_RATIO < high:
        axes.set_yscale("log")
        axes.set_ylim(low, high)
        subs = (1.0, 1.5, 2.0, 3.0, 5.0, 7.0) if high < 100 * low else (1.0,)
        axes.yaxis.set_major_locator(LogLocator(subs=subs, numticks=12))
        axes.yaxis.set_minor_formatter(NullFormatter())
    else:
        room = (high - low or 1) * 0.03
        axes.set_ylim(low - room, high + room)
        axes.yaxis.set_major_locator(MaxNLocator(6))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda loss, _: f"{loss:g}"))


def _draw_edits(figure: Figure, axes: Axes, marks: Sequence[Mark]) -> None:
    """A vertical line for each edit, with its label where one of the rows has room for it."""
    taken: dict[float, float] = dict.fromkeys(_LABEL_ROWS, -math.inf)  # pixels, of each row
    renderer = FigureCanvasAgg(figure).get_renderer()
    for mark in marks:
        title = f"after step {mark.step:,}: {mark.label}"
        line = axes.axvline(mark.step, color=EDIT, lw=1.1, ls=(0, (3, 2)), gid=title)
        line.set_label("edits" if mark is marks[0] else "")
        x = axes.transData.transform((mark.step, 0))[0]
        at: dict[str, Any] = {"xycoords": axes.get_xaxis_transform(), "xytext": (0, 0)}
        at["textcoords"] = "offset points"
        label = axes.annotate(mark.label, (mark.step, 1), **at, color=INK, size=8, gid=title)
        width = label.get_window_extent(renderer).width
        fits = x + width < figure.bbox.x1
        begin = x if fits else x - width
        row = next((row for row, end in taken.items() if end < begin), None)
        if row is None:
            label.remove()
            continue
        taken[row] = begin + width + 6
        label.set(position=(0, row), ha="left" if fits else "right")


def _draw_levels(
    figure: Figure, axes: Axes, baselines: Sequence[Baseline], dev: Sequence[tuple[int, float]]
) -> None:
    """The baselines, and their names and the last dev loss, moved apart where they meet."""
    for one in baselines:
        label = "n-gram baselines, dev" if one is baselines[0] else None
        line = axes.axhline(one.loss, color=DIM, lw=0.9, ls=(0, (4, 3)), alpha=0.7, label=label)
        line.set_zorder(1)
    levels = [(one.loss, f"{one.name} {one.loss:.2f}", DIM, "normal") for one in baselines]
    levels += [(dev[-1][1], f"dev {dev[-1][1]:.2f}", DEV, "bold")] if dev else []
    levels.sort(key=itemgetter(0))
    last = -math.inf
    for loss, text, color, weight in levels:
        above = axes.transData.transform((0, loss))[1] - axes.bbox.y0  # pixels
        last = max(above * 72 / figure.dpi, last + _LABEL_GAP)
        at: dict[str, Any] = {"xycoords": "axes fraction", "xytext": (7, last), "va": "center"}
        looks: dict[str, Any] = {"color": color, "weight": weight, "size": 8.5}
        axes.annotate(text, (1, 0), textcoords="offset points", **at, **looks)


def _write_above(figure: Figure, axes: Axes, heading: str, has_edits: bool) -> None:
    """The legend, and above it the heading."""
    height = axes.bbox.height / figure.dpi  # inches
    above = 1 + (_EDITS_ROOM * has_edits + 0.02) / height
    axes.legend(loc="lower left", bbox_to_anchor=(-0.01, above), ncols=4)
    axes.set_ylabel("nats per character")
    if heading:
        y = above + (_LEGEND_ROOM + 0.06) / height
        axes.text(0, y, heading, transform=axes.transAxes, size=12, weight="bold", color=INK)


@styled()
def file_bytes(figure: Figure, form: str, ground: str = "white") -> bytes:
    """A figure as an svg, png or pdf file; equal figures give equal bytes."""
    file = io.BytesIO()
    figure.savefig(file, format=form, facecolor=ground, metadata=_NO_METADATA[form])
    return file.getvalue()


def svg_file(figure: Figure, title: str) -> str:
    """A figure as an SVG file, in which the parts that have a group id show it as a tooltip."""
    head, tag, rest = _svg_parts(figure, "white")
    return f"{head}{tag}\n <title>{escape(title)}</title>{rest}"


def inline_svg(figure: Figure, name: str, title: str) -> Markup:
    """A figure, of class `name`, as the markup of a page whose style sheet has its colours."""
    _, tag, rest = _svg_parts(figure, "none")
    view = re.findall(r'viewBox="[^"]*"', tag)[0]
    rest = re.sub(r"<(metadata|style|clipPath)\b.*?</\1>\s*", "", rest, flags=re.DOTALL)
    rest = re.sub(r' clip-path="[^"]*"', "", rest)
    for color, (variable, _) in DARK.items():
        rest = rest.replace(color, f"var(--{variable})")
    svg = f'<svg class="{name}" {view} role="img"><title>{escape(title)}</title>'
    return Markup(svg + rest.strip())


def _svg_parts(figure: Figure, ground: str) -> list[str]:
    """What is before the svg tag, the tag, and the rest. Ids of groups that are sentences become
    tooltips; matplotlib's own ids go."""
    svg = file_bytes(figure, "svg", ground).decode()
    svg = re.sub(r'<g id="([^"]* [^"]*)">', r"<g><title>\1</title>", svg)
    return re.split(r"(<svg [^>]*>)", re.sub('<g id="[^"]*">', "<g>", svg), maxsplit=1)
