"""What a sweep tries of each setting: `learning_rate=0.001..0.3:log`. Torch- and Optuna-free."""

import math
from collections.abc import Iterable, Sequence
from itertools import product
from typing import Any

from msgspec import Struct

from ..errors import UserError
from ..model_kinds import MODEL_KINDS
from ..run_spec import RunSpec
from ..settings import SETTINGS, allowed_values, parse_value, setting_name, value_text

_GRID_POINTS = 5  # of a range
_EXAMPLE = "such as learning_rate=0.001..0.3:log or hidden=64,128,256"
# The range of a setting that is given without one; that of a learning rate is its model's.
_SENSIBLE = {
    "order": "1..5",
    "context": "2..8",
    "embedding": "4..64:log",
    "hidden": "50..800:log",
    "batch_size": "16,32,64,128,256,512",
    "steps": "1000..200000:log",
    "weight_decay": "0.0001..0.3:log",
    "dropout": "0..0.5",
    "smoothing": "0.01..100:log",
    "mix": "0,auto",
    "mix_order": "3..8",
}

# What decides whether a setting does anything, and where it doesn't.
_SWITCHES = {"mix_order": ("mix", 0), "smoothing": ("smoothing_method", "kneser-ney")}


class Range(Struct, frozen=True, omit_defaults=True):
    """What a sweep may try of a setting: some values, or all from `low` to `high`.

    log: True if equal ratios are equally likely, rather than equal differences.
    """

    setting: str
    choices: tuple[bool | int | float | str, ...] = ()
    low: int | float = 0
    high: int | float = 0
    log: bool = False

    def __str__(self) -> str:
        if self.choices:
            return f"{self.setting}={','.join(map(value_text, self.choices))}"
        log = ":log" if self.log else ""
        return f"{self.setting}={self.low:.10g}..{self.high:.10g}{log}"

    def __contains__(self, value: Any) -> bool:
        if self.choices or isinstance(value, str):
            return value in self.choices
        return self.low <= value <= self.high

    @property
    def is_whole(self) -> bool:
        """True if only whole numbers are possible."""
        return isinstance(SETTINGS[self.setting].default, int)

    @property
    def values(self) -> Sequence[Any] | None:
        """All that it has; None for fractions, of which there is no end."""
        if self.choices or not self.is_whole:
            return self.choices or None
        return range(int(self.low), int(self.high) + 1)

    @property
    def points(self) -> Sequence[Any]:
        """What a grid has of it: each of its values, or some that are spread over it."""
        if self.choices:
            return self.choices
        shares = [i / (_GRID_POINTS - 1) for i in range(_GRID_POINTS)]
        if self.log:
            found = [self.low * (self.high / self.low) ** share for share in shares]
        else:
            found = [self.low + (self.high - self.low) * share for share in shares]
        if self.is_whole:
            return sorted({round(value) for value in found})
        return [self.low, *(float(f"{value:.3g}") for value in found[1:-1]), self.high]


def parse_ranges(words: Iterable[str], spec: RunSpec, source: str = "--over") -> tuple[Range, ...]:
    """Ranges from words such as `dropout=0..0.4`, `hidden=64,128` or `hidden`.

    spec: how the trials start but for that. source: where the words are from, for errors. Raises
    UserError if there is none, or one is no range, goes beyond a setting's limits, or names one
    that is no use to this model or was named before.
    """
    ranges = tuple(_parse(word, spec) for word in words)
    names = [one.setting for one in ranges]
    if not names:
        raise UserError(f"{source} says which setting to try, {_EXAMPLE}")
    for name in names:
        if names.count(name) > 1:
            raise UserError(f"{source} has {name} more than once; once is right")
        if why := why_useless(name, spec, ranges):
            raise UserError(why)
    return ranges


def why_useless(name: str, spec: RunSpec, ranges: Sequence[Range] = ()) -> str:
    """Why it makes no difference to try a setting, together with some ranges; "" if it does."""
    tried = {one.setting: one.choices for one in ranges}
    kinds = [MODEL_KINDS[str(kind)] for kind in tried.get("kind", [spec.model.kind])]
    if not any(name in kind.settings for kind in kinds):
        return f"{name} does nothing for the {' and the '.join(kind.label for kind in kinds)}"
    switch, off = _SWITCHES.get(name, ("", None))
    if switch and switch not in tried and getattr(spec.train, switch) == off:
        return f"{name} does nothing while {switch} is {off}; set or try {switch} too"
    return ""


def grid(ranges: Sequence[Range], is_full: bool = False) -> list[dict[str, Any]]:
    """All combinations of the points of some ranges; of all their values if it is to be full."""
    names = [one.setting for one in ranges]
    points = (one.values or () if is_full else one.points for one in ranges)
    return [dict(zip(names, values, strict=True)) for values in product(*points)]


def num_combinations(ranges: Sequence[Range]) -> float:
    """How many different trials are possible; infinite with a range of fractions."""
    return math.prod(math.inf if one.values is None else len(one.values) for one in ranges)


def _parse(word: str, spec: RunSpec) -> Range:
    name, equals, text = (part.strip() for part in word.partition("="))
    name = setting_name(name)
    if name == "train_on":
        raise UserError("train_on can't be tried: what is trained on decides what dev is")
    text = text if equals else _sensible(name, spec)
    body, colon, scale = text.partition(":")
    low, dots, high = body.partition("..")
    if not dots and not colon:
        values = tuple(dict.fromkeys(parse_value(name, part.strip()) for part in body.split(",")))
        return Range(name, choices=values)
    if not dots or (colon and scale != "log"):
        raise UserError(f"{word!r} is not a range, {_EXAMPLE}")
    if "low" not in SETTINGS[name].metadata or {low, high} & {SETTINGS[name].metadata.get("word")}:
        raise UserError(f"{name} is {allowed_values(name)}, so it takes a list, not a range")
    ends = parse_value(name, low), parse_value(name, high)
    if ends[0] >= ends[1]:
        raise UserError(f"the range of {name} must rise, and {low} is not below {high}")
    if colon and ends[0] <= 0:
        raise UserError(f"a log range must begin above 0, and that of {name} begins at {low}")
    return Range(name, low=ends[0], high=ends[1], log=bool(colon))


def _sensible(name: str, spec: RunSpec) -> str:
    """The range of a setting that is given without one."""
    metadata = SETTINGS[name].metadata
    if name == "learning_rate":
        low, high = spec.model.model_kind.learning_rates.get(spec.train.optimizer, (1e-3, 1.0))
        return f"{low}..{high}:log"
    if name in _SENSIBLE:
        return _SENSIBLE[name]
    return ",".join(metadata.get("choices", ("false", "true")))
