"""Goals of lessons: conditions on what the session and the panels are, as sentences. Torch-free."""

import operator
import re
from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct

from .errors import UserError, did_you_mean
from .settings import SETTINGS, parse_value, setting_text

# What a goal can be about, besides the settings, and what is asked for then: {} is the value.
FACTS = {
    "dataset": "Load the dataset {}",
    "step": "Reach step {}",
    "state": "Have training {}",
    "parameters": "Have {} parameters",
    "train": "See a train loss of {}",
    "dev": "See a dev loss of {}",
    "gap": "See dev {} above train",
    "test_peeks": "Evaluate test: {}",
    "seed": "Begin with seed {}",
    "edits": "Change a setting: {}",
    "previous": "Have previous runs: {}",
    "seen": "Choose {}",
    "finder": "Let the finder be {}",
    "twins": "Have twins: {}",
    "twins.looks": "Train until A and B were compared on dev {} times",
    "bigrams.mode": "Show “{}” in {{bigrams-panel}}",
    "bigrams.order": "Sort the table by {}",
    "bigrams.pair": "Put the table's cursor on `{}`",
    "bigrams.row": "Put the table's cursor on row `{}`",
    "probe.text": "Type {} into {{probe-panel}}",
    "probe.index": "Names drawn to the end and left: {}",
    "trace.text": "Trace {}",
    "trace.position": "Go to example {}, counted from 0",
    "trace.stage": "Go to the stage {}",
    "trace.backward": "Switch gradients to {}",
    "names.temperature": "Set the temperature to {}",
    "names.top_k": "Set top-k to {}",
}
_SAID = {  # of conditions that read better in words of their own
    "state = finished": "Let it finish",
    "state = paused": "Let it pause",
    "state = training": "Let it train",
    "test_peeks >= 1": "Evaluate test once",
    "edits = 0": "In a run without a change of settings",
    "finder = finished": "Let the finder finish",
    "probe.index >= 1": "Draw a name to its end, and once more",
    "trace.backward = true": "Show the gradients",
    "trace.position = 0": "Go to the first example",
    "trace.position = 1": "Go to the second example",
    "bigrams.mode = model": "Show the model's table in {bigrams-panel}",
    "bigrams.mode = difference": "Show “model - counted” in {bigrams-panel}",
    "bigrams.mode = columns": "Show the wrong division",
    "bigrams.mode = weights": "Show W in {bigrams-panel}",
    "bigrams.mode = log-counts": "Show ln N in {bigrams-panel}",
    "bigrams.mode = gradient": "Show W.grad in {bigrams-panel}",
    "schedule != constant": "Choose a schedule that lowers the rate",
    "direct = true": "Switch direct connections on",
    "twins = true": "Fork the run, so that there are A and B",
    "twins = false": "Keep one of the two",
    "mix = auto": "Mix the network with counts",
}
_BOUNDS = {
    ">=": "{} or more", "<=": "{} or less", ">": "more than {}", "<": "less than {}",
    "!=": "another than {}", "has": "a text with {}",
}  # fmt: skip
_TESTS: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq, "!=": operator.ne, "has": operator.contains,
    ">=": operator.ge, "<=": operator.le, ">": operator.gt, "<": operator.lt,
}  # fmt: skip
_CONDITION = re.compile(r"(\S+) +(=|!=|has|>=|<=|>|<) +(.+)")


class Condition(Struct, frozen=True):
    """One condition of a goal: a setting or another fact, a comparison, and a value. text: as it is
    written, `step >= 300`."""

    name: str
    comparison: str
    value: Any
    text: str

    @property
    def sentence(self) -> str:
        """What to do: "Reach step 300"; keys in braces, as in a lesson's text."""
        if self.text in _SAID:
            return _SAID[self.text]
        value = f"{self.value:,g}" if isinstance(self.value, float) else str(self.value)
        if self.name in SETTINGS:
            value = setting_text(self.name, self.value)
        if self.name == "seen":
            value = f"{{{value}-panel}}"
        reached = self.name == "step" and self.comparison == ">="  # "or more" goes without saying
        bound = "{}" if reached else _BOUNDS.get(self.comparison, "{}")
        asked = FACTS.get(self.name) or f"Set {self.name.replace('_', ' ')} to {{}}"
        return asked.format(bound.format(value))

    def holds(self, facts: Mapping[str, Any]) -> bool:
        """True if what is known meets it. Of a set, such as the panels seen, one must be equal."""
        known = facts.get(self.name)
        if isinstance(known, frozenset | set):
            return self.value in known
        try:
            return known is not None and _TESTS[self.comparison](known, self.value)
        except TypeError:  # a text can't be compared with a number
            return False


def condition_of(text: str) -> Condition:
    """A condition from text; raises UserError if it says nothing that can be known."""
    text = text.strip()
    found = _CONDITION.fullmatch(text)
    if found is None:
        raise UserError(f"a condition is like 'step >= 300', not {text!r}")
    name, comparison, value = found.groups()
    if name in SETTINGS:
        return Condition(name, comparison, parse_value(name, value), text)
    if name not in FACTS:
        meant = did_you_mean(name, [*FACTS, *SETTINGS])
        known = meant or f"there are {', '.join(FACTS)} and the settings"
        raise UserError(f"nothing is known as {name!r}; {known}")
    return Condition(name, comparison, _value(value, comparison), text)


def _value(text: str, comparison: str) -> float | bool | str:
    """A number, true or false; or the text itself."""
    if comparison == "has":
        return text
    if text in ("true", "false"):
        return text == "true"
    try:
        return float(text)
    except ValueError:
        return text
