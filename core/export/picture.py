"""The loss curve as an SVG picture: each stretch of steps from its lowest loss to its highest, the
mean, and the dev losses."""

import math

from ..errors import UserError
from ..session import Session

_WIDTH, _HEIGHT = 800, 400
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 784, 32, 360
_STYLE = (
    "svg{background:#fbfbf9;font:12px sans-serif}text{fill:#646a76}.grid{stroke:#e6e9ee}"
    ".band{fill:#0064aa;opacity:.18}.mean{fill:none;stroke:#0064aa;stroke-width:1.5}"
    ".dev{fill:#b46900}@media(prefers-color-scheme:dark){svg{background:#10141b}"
    "text{fill:#8c94a2}.grid{stroke:#1c222d}.band{fill:#56b4e9}.mean{stroke:#56b4e9}"
    ".dev{fill:#f0aa1e}}"
)


def export_svg(session: Session) -> str:
    """The picture, light or dark as the viewer is.

    Raises:
        UserError: there is no finite loss.
    """
    curve = session.history.curve(0, 400)
    rows = zip(curve.steps, curve.low, curve.mean, curve.high, strict=True)
    drawn = [row for row in rows if all(map(math.isfinite, row))]
    if not drawn:
        raise UserError("the run has no finite loss, so there is no curve to draw")
    dev = [point for point in session.dev_losses.points if math.isfinite(point[1])]
    values = [value for row in drawn for value in row[1:]] + [loss for _, loss in dev]
    low, high = min(values), max(values)
    high = high if high > low else low + 1
    last = max(1, session.step)

    def x(step: float) -> float:
        return _LEFT + (_RIGHT - _LEFT) * step / last

    def y(loss: float) -> float:
        return _BOTTOM - (_BOTTOM - _TOP) * (loss - low) / (high - low)

    def path(some: list[tuple[float, float]]) -> str:
        return " ".join(f"{x(step):.1f},{y(loss):.1f}" for step, loss in some)

    band = [(s, b) for s, _, _, b in drawn] + [(s, a) for s, a, _, _ in reversed(drawn)]
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}">',
        f"<title>Loss by step</title><style>{_STYLE}</style>",
        f'<text x="{_LEFT}" y="18">Loss of each batch, nats a character; points: dev</text>',
    ]
    for i in range(5):
        loss, step = low + (high - low) * i / 4, last * i / 4
        parts.append(f'<path class="grid" d="M{_LEFT} {y(loss):.1f}H{_RIGHT}"/>')
        parts.append(
            f'<text x="{_LEFT - 8}" y="{y(loss) + 4:.1f}" text-anchor="end">{loss:.2f}</text>'
        )
        anchor = "end" if i == 4 else "middle"
        parts.append(f'<text x="{x(step):.1f}" y="384" text-anchor="{anchor}">{step:,.0f}</text>')
    parts.append(f'<polygon class="band" points="{path(band)}"/>')
    parts.append(f'<polyline class="mean" points="{path([(s, m) for s, _, m, _ in drawn])}"/>')
    parts += [f'<circle class="dev" cx="{x(s):.1f}" cy="{y(v):.1f}" r="2.5"/>' for s, v in dev]
    return "\n".join([*parts, "</svg>"]) + "\n"
