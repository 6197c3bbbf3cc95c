"""Activations, gradients and updates, and what they amount to."""

import math

from rich.style import Style

from makemore_tui.core.analysis.diagnosis import FAR_OFF, LARGE_GAP, MAX_DEAD, MAX_SATURATED
from makemore_tui.core.results import Health, TensorHealth
from makemore_tui.core.worker.protocol import HealthView, Snapshot

from ..style.bars import column
from ..style.text_rows import Row, beside, number, row, wrapped
from .panel import Panel

_SCALE = (-5.0, -1.0)  # log10 of update to weight, its ends
_USUAL = -3.0
_SCALE_WIDTH = 11
_NAMES, _VALUES = 11, 9  # cells
_WIDE = 68  # cells from which two blocks stand side by side


class HealthPanel(Panel):
    """A diagnosis first, and what it rests on: first loss, activations, gradients and updates."""

    def __init__(self, **kwargs):
        super().__init__("Health", **kwargs)
        self._health: Health | None = None

    def view(self) -> HealthView:
        return HealthView()

    def show(self, snapshot: Snapshot) -> None:
        if self.keeps(snapshot.health, snapshot):
            return
        self._health = snapshot.health
        super().show(snapshot)

    def rows(self, snapshot: Snapshot, width: int, height: int) -> list[Row]:
        health = self._health
        if health is None:
            return [row(("…", self.palette.style("dim")))]
        self.border_subtitle = f"at step {health.step:,}"
        diagnosis = self._diagnosis(health, width)
        if width >= _WIDE:
            half = width // 2 - 2
            left = _apart([self._losses(health, half), self._activations(health, half)])
            below = beside(left, self._tensors(health, half, True), half + 4)
            return [*diagnosis, [], *below]
        blocks = [diagnosis, self._losses(health, width), self._activations(health, width)]
        room = height - sum(map(len, blocks)) - len(health.tensors)
        if room < 0:
            blocks[1].pop()  # the gap, which the splits tell too
        blocks.append(self._tensors(health, width, has_title=room > 0))
        return _apart(blocks) if room >= len(blocks) else [line for one in blocks for line in one]

    def _diagnosis(self, health: Health, width: int) -> list[Row]:
        name = health.diagnosis.name
        is_good = name == "healthy"
        colour = "good" if is_good else "dim" if name == "just begun" else "warning"
        sign = "✓" if is_good else "·" if name == "just begun" else "!"
        lines = wrapped(health.diagnosis.sentence, width - 2)
        return [
            row((f"{sign if i == 0 else ' '} {line}", self.palette.style(colour, bold=True)))
            for i, line in enumerate(lines)
        ]

    def _losses(self, health: Health, width: int) -> list[Row]:
        """The first loss against ln V, and the gap."""
        is_far = health.first_loss > health.uniform + FAR_OFF
        is_large = health.gap is not None and health.gap > LARGE_GAP
        uniform = f"ln V {health.uniform:.3f}"
        return [
            self._fact("first loss", number(health.first_loss), is_far, width, uniform),
            self._fact("gap", _signed(health.gap), is_large, width, "dev - train"),
        ]

    def _activations(self, health: Health, width: int) -> list[Row]:
        """How many hidden units are stuck, and where the activations lie."""
        if health.saturated is None or health.dead is None or not health.histogram:
            return [row(("no hidden layer", self.palette.style("dim")))]
        saturated, dead = _percent(health.saturated), f"dead {_percent(health.dead)}"
        is_much, are_many = health.saturated > MAX_SATURATED, health.dead > MAX_DEAD
        return [
            self._fact("saturated", saturated, is_much, width, dead, are_many),
            self._histogram(health.histogram),
        ]

    def _histogram(self, counts: list[int]) -> Row:
        dim, most = self.palette.style("dim"), max(counts) or 1
        columns = "".join(column(count / most) if count else " " for count in counts)
        return row(("tanh  -1 ", dim), (columns, self.palette.style("batch")), (" 1", dim))

    def _fact(
        self, name: str, value: str, is_bad: bool, width: int, beside: str = "", other: bool = False
    ) -> Row:
        """A value with its name, and another beside it; ! where it is beyond what is good."""
        second = f"{beside}{' !' if other else ''}"
        if _NAMES + _VALUES + len(second) > width:
            second = "!" if other else ""
        return row(
            (name.ljust(_NAMES), self.palette.style("dim")),
            (f"{value}{' !' if is_bad else ''}".ljust(_VALUES), self._strong(is_bad)),
            (second, self._strong(True) if other else self.palette.style("dim")),
        )

    def _strong(self, is_bad: bool) -> Style:
        return self.palette.style("warning" if is_bad else "text", bold=True)

    def _tensors(self, health: Health, width: int, has_title: bool) -> list[Row]:
        """Of each parameter tensor, the gradient and how large an update is."""
        lines = [self._tensor(one, health.usual_ratios, width) for one in health.tensors]
        if not has_title or not lines:
            return lines
        words = ("update/weight", "upd/weight", "upd/w")
        titles = (*(f"log₁₀ {word}, ┼ {_USUAL:g}" for word in words), "log₁₀")
        fitting = next((one for one in titles if len(one) + 12 <= width), "")
        title = f"{'':4}{'grad.':<8}{fitting}"
        return [row((title, self.palette.style("dim"))), *lines]

    def _tensor(self, one: TensorHealth, usual: tuple[float, float], width: int) -> Row:
        """A tensor's gradient and ratio; ! where that is too small or too large."""
        colours, ratio = self.palette, one.ratio
        is_bad = ratio is not None and not usual[0] <= ratio <= usual[1]
        told = "–" if ratio is None else f"{ratio:+.1f}"
        parts = [
            (f"{one.name:<4.3}", colours.style("text")),
            (f"{one.gradient:<8.1e}", colours.style("dim")),
            (f"{told:>5}{'!' if is_bad else ' '}", self._strong(is_bad)),
        ]
        if width >= 19 + _SCALE_WIDTH:
            parts += [(" ", Style.null()), *self._on_scale(ratio, is_bad)]
        return row(*parts)

    def _on_scale(self, ratio: float | None, is_bad: bool) -> list[tuple[str, Style]]:
        """A dot where the ratio is, on a line with a mark at -3."""
        faint, last = self.palette.style("dim"), _SCALE_WIDTH - 1
        line = ["·"] * _SCALE_WIDTH
        line[_place(_USUAL, last)] = "┼"
        if ratio is None:
            return [("".join(line), faint)]
        at = _place(ratio, last)
        dot = self.palette.style("warning" if is_bad else "good", bold=True)
        return [("".join(line[:at]), faint), ("●", dot), ("".join(line[at + 1 :]), faint)]


def _percent(share: float) -> str:
    """A share in hundredths, in at most five signs; – where there is none."""
    if math.isnan(share):
        return "–"
    return f"{100 * share:.1f}%" if share < 0.9995 else "100%"


def _signed(gap: float | None) -> str:
    """A difference of losses, in at most seven signs."""
    if gap is None or math.isnan(gap):
        return "–"
    if math.isinf(gap):
        return "∞" if gap > 0 else "-∞"
    return f"{gap:+.3f}" if abs(gap) < 10 else f"{gap:+.3g}"


def _place(ratio: float, last: int) -> int:
    """The place of a ratio on the scale, whose last place is given."""
    low, high = _SCALE
    return round(last * min(1.0, max(0.0, (ratio - low) / (high - low))))


def _apart(blocks: list[list[Row]]) -> list[Row]:
    """Blocks of rows with an empty one between them."""
    return [line for i, block in enumerate(blocks) for line in ([[]] if i else []) + block]
