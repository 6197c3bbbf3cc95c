"""Timing two functions alternately, so that a busy machine slows both alike."""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """One figure.

    value: ours, in `unit`. baseline: what it is compared with, in the same unit. ratio: how many
    times better ours is, as the median over pairs. low, high: quartiles of that ratio.
    """

    name: str
    value: float
    unit: str
    baseline: float | None = None
    ratio: float | None = None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Timings:
    """Seconds that one call of each of two functions took, pair by pair."""

    ours: list[float]
    theirs: list[float]

    @property
    def seconds(self) -> float:
        """The median of ours."""
        return statistics.median(self.ours)

    def row(self, name: str, unit: str, our_scale: float, their_scale: float | None = None) -> Row:
        """A row of times; the scales convert the seconds of a call into the unit."""
        their_scale = our_scale if their_scale is None else their_scale
        ours = [seconds * our_scale for seconds in self.ours]
        theirs = [seconds * their_scale for seconds in self.theirs]
        return paired_row(name, unit, ours, theirs)


def in_turn(ours: Callable[[], object], theirs: Callable[[], object], rounds: int) -> Timings:
    """Call the two alternately, `rounds` times each, after one call of each to warm up."""
    ours()
    theirs()
    pairs = [(seconds_of(ours), seconds_of(theirs)) for _ in range(rounds)]
    return Timings([mine for mine, _ in pairs], [other for _, other in pairs])


def seconds_of(work: Callable[[], object]) -> float:
    """The duration of one call, in seconds."""
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def paired_row(
    name: str, unit: str, ours: list[float], theirs: list[float], more_is_better: bool = False
) -> Row:
    """A row from pairs of figures: medians, and the median and quartiles of the pairs' ratios."""
    ratios = [
        mine / other if more_is_better else other / mine
        for mine, other in zip(ours, theirs, strict=True)
    ]
    low, middle, high = quartiles(ratios)
    return Row(name, statistics.median(ours), unit, statistics.median(theirs), middle, low, high)


def quartiles(values: list[float]) -> tuple[float, float, float]:
    """The lower quartile, the median and the upper quartile."""
    if len(values) == 1:
        return values[0], values[0], values[0]
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return low, middle, high
