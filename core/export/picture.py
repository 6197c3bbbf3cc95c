"""The loss curve as an SVG picture: each stretch of steps from its lowest loss to its highest, the
mean, the dev losses, the edits, and what counting alone reaches.
"""

import math
from collections.abc import Sequence
from typing import Any

from markupsafe import Markup

from ..analysis.baselines import RunningBaselines
from ..datasets.dataset import Dataset
from ..errors import UserError
from ..results import Baseline, LossCurve, Mark
from ..runs.state import journal_marks
from ..session.session import Session
from .axis import Axis, apart
from .markup import filled

_WIDTH, _HEIGHT = 860, 440
_LEFT, _RIGHT, _BOTTOM = 48, 752, 400
_TOP, _TOP_UNDER_LABELS = 40, 72
_LOG_FROM = 4  # times the lowest loss is the highest where the axis becomes logarithmic
_REFERENCES = 3  # uniform, unigram and bigram
_SIGN_WIDTH = 6.5  # of a character of a label
_LABEL_ROWS = (46, 60)


def export_svg(session: Session) -> str:
    """The picture, light or dark as the viewer is.

    Raises:
        UserError: there is no finite loss.
    """
    return str(loss_picture(session, first_baselines(session.dataset), alone=True))


def first_baselines(dataset: Dataset) -> tuple[Baseline, ...]:
    """The dev losses of the uniform, unigram and bigram model: those that take no time."""
    running = RunningBaselines(dataset)
    while len(running.result()) < _REFERENCES and running.advance():
        pass
    return running.result()


def loss_picture(session: Session, baselines: tuple[Baseline, ...], alone: bool) -> Markup:
    """The picture, `alone` in a file or else within a page.

    Raises:
        UserError: there is no finite loss.
    """
    rows = _finite_rows(session.history.curve(0, 400))
    if not rows:
        raise UserError("the run has no finite loss, so there is no curve to draw")
    dev = [point for point in session.dev_losses.points if math.isfinite(point[1])]
    losses = [loss for row in rows for loss in row[1:]] + [loss for _, loss in dev]
    marks = journal_marks(session.journal)
    top = _TOP_UNDER_LABELS if marks else _TOP
    x = Axis(0, max(1, session.step), _LEFT, _RIGHT)
    y = _loss_axis(losses + [baseline.loss for baseline in baselines], top)

    def path(points: Sequence[tuple[float, float]]) -> str:
        return " ".join(f"{x.place(step):g},{y.place(loss):g}" for step, loss in points)

    low, mean, high = ([(row[0], row[i]) for row in rows] for i in (1, 2, 3))
    return filled(
        "loss.svg.j2",
        alone=alone,
        width=_WIDTH,
        height=_HEIGHT,
        left=_LEFT,
        right=_RIGHT,
        top=top,
        bottom=_BOTTOM,
        steps=[(x.place(tick), f"{tick:,.0f}") for tick in x.ticks(8, least_step=1)],
        losses=[(y.place(tick), f"{tick:g}") for tick in y.ticks()],
        band=path(high + low[::-1]),
        mean=path(mean if len(mean) > 1 else [(0, mean[0][1]), (session.step, mean[0][1])]),
        dev=path(dev),
        dev_points=[(x.place(step), y.place(loss)) for step, loss in dev],
        marks=_marks(marks, x),
        labels=_labels(baselines, dev, y),
    )


def _finite_rows(curve: LossCurve) -> list[tuple[float, float, float, float]]:
    """Step, lowest, mean and highest loss of each stretch, where they are finite."""
    rows = zip(curve.steps, curve.low, curve.mean, curve.high, strict=True)
    return [row for row in rows if all(map(math.isfinite, row))]


def _loss_axis(losses: list[float], top: float) -> Axis:
    """The axis that has room for all of these."""
    low, high = min(losses), max(losses)
    log = 0 < low * _LOG_FROM < high
    room = 0 if log else (high - low or 1) * 0.03
    return Axis(low - room, high + room, _BOTTOM, top, log)


def _marks(marks: list[Mark], x: Axis) -> list[dict[str, Any]]:
    """The edits, each with its label in a row where there is room for it."""
    ends: dict[int, float] = dict.fromkeys(_LABEL_ROWS, 0.0)
    found = []
    for mark in marks:
        place, width = x.place(mark.step), _SIGN_WIDTH * len(mark.label)
        fits = place + width < _WIDTH
        begin = place if fits else place - width
        row = next((y for y, taken in ends.items() if taken < begin), None)
        if row is not None:
            ends[row] = begin + width + 8
        found.append(
            {
                "x": place,
                "y": row,
                "anchor": "start" if fits else "end",
                "label": mark.label,
                "step": f"{mark.step:,}",
            }
        )
    return found


def _labels(
    baselines: tuple[Baseline, ...], dev: list[tuple[int, float]], y: Axis
) -> list[dict[str, Any]]:
    """What stands at the right: the baselines at their lines, and the last dev loss."""
    found = [("baseline", one.name, one.loss) for one in baselines]
    found += [("dev", "dev", dev[-1][1])] if dev else []
    found.sort(key=lambda label: -label[2])
    places = [y.place(loss) for _, _, loss in found]
    return [
        {"kind": kind, "text": f"{name} {loss:.2f}", "line": line, "y": at}
        for (kind, name, loss), line, at in zip(found, places, apart(places, 14), strict=True)
    ]
