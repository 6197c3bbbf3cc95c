"""An axis of a picture: from values to places on it, and the round values it is marked with."""

import math
from dataclasses import dataclass

_ROUND = (1, 2, 5, 10)
_OF_A_DECADE = (1, 1.5, 2, 3, 5, 7)


@dataclass(frozen=True)
class Axis:
    """The values from `low` to `high` (low < high), on the places from `begin` to `end`.

    log: equal factors are equally far apart; low is above 0 then.
    """

    low: float
    high: float
    begin: float
    end: float
    log: bool = False

    def place(self, value: float) -> float:
        """Where a value lies, to a tenth."""
        low, high, value = (math.log(v) if self.log else v for v in (self.low, self.high, value))
        return round(self.begin + (self.end - self.begin) * (value - low) / (high - low), 1)

    def ticks(self, most: int = 6, least_step: float = 0) -> list[float]:
        """Round values between its ends, at most about so many and no nearer than `least_step`."""
        if self.log:
            decades = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
            values = [round(digit * 10.0**e, 12) for e in decades for digit in _OF_A_DECADE]
            found = [value for value in values if self.low <= value <= self.high]
            return found[:: -(-len(found) // (2 * most)) or 1]
        step = max(_round_up((self.high - self.low) / most), least_step)
        first, last = math.ceil(self.low / step), math.floor(self.high / step)
        return [round(i * step, 12) for i in range(first, last + 1)]


def _round_up(value: float) -> float:
    """The lowest of 1, 2 and 5 times a power of ten that is not below a value above 0."""
    power = 10.0 ** math.floor(math.log10(value))
    return next(digit * power for digit in _ROUND if digit * power >= value * (1 - 1e-9))


def apart(places: list[float], gap: float) -> list[float]:
    """Ascending places, moved on where they lie nearer than `gap` to the one before."""
    found: list[float] = []
    for place in places:
        found.append(max(place, found[-1] + gap) if found else place)
    return found
