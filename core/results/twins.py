"""What comes out of two runs that are trained side by side, A and B: frozen and torch-free.

Losses and differences are in nats a character; a difference is always B's minus A's.
"""

import math
from typing import Literal

from msgspec import Struct

from ..settings import ModelSettings, TrainSettings
from .losses import SplitLosses

JUDGED = (
    "This judges these two runs, on items like these. Whether one setting is better than another "
    "takes several seeds: makemore-tui compare --seeds 5."
)

KEEP_FIRST = "A and B are trained side by side; keep one of them first"


class DevDifference(Struct, frozen=True):
    """The dev losses of A and B, and their difference.

    step, b_step: those of A and of B, which are the same unless one has stopped.
    standard_error: of the difference paired by item. unpaired_error: what it would be if the two
    were evaluated on items of their own. multiple: how many standard errors the difference must
    exceed so that all of the `looks` so far, this one included, are right with 95%; infinite of too
    few items. items: how many were evaluated; noun: what they are, in the plural.
    """

    step: int
    b_step: int
    a: float
    b: float
    difference: float
    standard_error: float
    unpaired_error: float
    multiple: float
    looks: int = 1
    items: int = 0
    noun: str = "items"

    @property
    def different(self) -> bool:
        """True when the difference is more than chance would explain, at every look so far."""
        return abs(self.difference) > self.multiple * self.standard_error

    @property
    def sentence(self) -> str:
        """What can be said of these two runs at this step."""
        at, over = f"at step {self.step:,}", f"{self.items:,} {self.noun}"
        if self.step != self.b_step:
            at = f"at steps {self.step:,} and {self.b_step:,}"
        if not math.isfinite(self.difference):
            sides = {"A": self.a, "B": self.b}
            which = " and ".join(side for side in sides if not math.isfinite(sides[side]))
            return f"The dev loss of {which} is not finite {at}, so they can't be compared"
        if not math.isfinite(self.multiple):
            return f"{over} are too few to compare A and B"
        size = f"{abs(self.difference):.4f} ± {self.standard_error:.4f} nats"
        if self.different:
            which = "better" if self.difference < 0 else "worse"
            return f"B is {which} by {size} {at} (paired over {over})"
        return f"No difference that {over} could show {at}: {size}"


class SeedsDifference(Struct, frozen=True):
    """The difference of two settings over several seeds, with its 95% t interval.

    differences: of each seed. unpaired_error: what the standard error would be if A and B had not
    been paired by seed.
    """

    differences: tuple[float, ...]
    difference: float
    standard_error: float
    unpaired_error: float
    low: float
    high: float

    @property
    def different(self) -> bool:
        """True when the interval excludes 0."""
        return self.low > 0 or self.high < 0

    @property
    def sentence(self) -> str:
        """What can be said of the two settings."""
        seeds = f"{len(self.differences)} seeds"
        if not math.isfinite(self.difference):
            return f"A dev loss is not finite, so the {seeds} can't be compared"
        interval = f"95% interval {self.low:.4f} to {self.high:.4f}"
        if self.different:
            which = "better" if self.difference < 0 else "worse"
            return f"B is {which} by {abs(self.difference):.4f} nats over {seeds} ({interval})"
        found = round(self.difference, 4) + 0.0  # not -0
        return f"No difference that {seeds} could show: {found:+.4f} nats ({interval})"


Side = Literal["a", "b"]


class TwinLosses(Struct, frozen=True):
    """The minibatch losses of A and B, smoothed alike, at the same steps, and their difference;
    that is empty where the two don't draw the same minibatches. dev: the dev differences."""

    steps: list[float]
    a: list[float]
    b: list[float]
    difference: list[float]
    dev: list[DevDifference]


class SideFacts(Struct, frozen=True):
    """One run of a pair: its settings and losses. diverged_at: the step, if it
    has; is_finite: False if it can't be trained on."""

    step: int
    seed: int
    model: ModelSettings
    train: TrainSettings
    learning_rate: float
    parameters: int
    splits: SplitLosses | None
    diverged_at: int | None
    is_finite: bool


class Pair(Struct, frozen=True):
    """Two runs that are trained side by side. side: the one that requests and views are about.
    difference: of the dev losses, the newest; None before the first. unpaired: why their
    minibatches are not the same, in a sentence; "" if they are."""

    side: Side
    a: SideFacts
    b: SideFacts
    forked_at: int
    difference: DevDifference | None
    unpaired: str
