"""The diagnosis of a training: named rules, of which the first that applies gives the sentence.

Torch-free, so that a screen can list the rules too. The rules of thumb are those of Karpathy's
lecture on activations and gradients ("Building makemore, part 3"): the first loss against ln V,
updates of a thousandth of the weights, |h| > 0.97 as saturated, a unit with |h| > 0.99 for every
example as dead. How much is too much was measured on the names:

- Saturation: the lecture's repaired start has 21% and its bad one 70%. The preset that trains best
  in 400 steps ends at 59%; with W1 tripled it is 67%, which costs 0.02 nats after 6,000 steps,
  five times as large 80%, and 0.03. So too much is above 65%. No preset has a dead unit.
- The embedding is what holds an MLP back once it has many hidden units for each number of its
  input: at 100 on 3 x 2 numbers doubling the hidden layer gains 0.010 nats and doubling the
  embedding 0.064, at 300 on 3 x 10 it is -0.005 and 0.022; at 100 on 3 x 10 both gain 0.03
  (4,000 steps of AdamW). So many is above seven, between 3 and 10.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from ..model_kinds import MODEL_KINDS
from ..results import Baseline, Diagnosis
from ..settings import SETTINGS, ModelSettings, TrainSettings, lower_learning_rate, value_text

_FAR_OFF = 0.5  # nats of a first loss above ln V
_LARGE_GAP = 0.1  # nats of dev above train
_MAX_SATURATED, _MAX_DEAD = 0.65, 0.05
_SMALL_GAP = 0.03  # nats
_BEHIND = 0.03  # nats of dev above the n-gram baseline
_OF_ANOTHER_ORDER = 0.003  # nats of dev above Kneser-Ney of the best order
_SLOW = 0.015  # nats of a fall
_NETWORKS = tuple(name for name, kind in MODEL_KINDS.items() if kind.is_network)
_MIN_RATIO = -4.0  # log10 of update to weight
_MIN_STEPS = 100
_HIDDEN_PER_INPUT = 7  # hidden units for each number of the input
_FEW_HIDDEN = 20
_NAMES = (
    "diverged", "learning rate too high", "first loss", "over-fitting", "worse than counting",
    "learning rate too low", "saturated", "under-fitting", "just begun", "healthy",
)  # fmt: skip


@dataclass(frozen=True)
class Facts:
    """What a diagnosis is made from. Losses are in nats; NaN stands for what is not known.

    uniform: ln V. first_loss, loss: of the fixed examples, at the run's beginning and now.
    saturated, dead: as in `Health`. ratio: the median log10 of update to weight of the weight
    matrices. fall, fall_error: see `recent_fall`. baseline: the n-gram counts to compare with, if
    known. is_decayed: the schedule has brought the learning rate below half of its setting.
    is_counted: counts have counted every example. is_held_out: dev is not trained on.
    is_diverged: the loss has exploded or is not finite. model, train_settings: of the next step.
    """

    step: int
    uniform: float
    first_loss: float
    loss: float
    saturated: float = 0.0
    dead: float = 0.0
    ratio: float = math.nan
    train: float = math.nan
    dev: float = math.nan
    steps_since_edit: int = 0
    fall: float = 0.0
    fall_error: float = 0.0
    baseline: Baseline | None = None
    is_decayed: bool = False
    is_counted: bool = False
    is_held_out: bool = True
    is_diverged: bool = False
    model: ModelSettings = field(default_factory=ModelSettings)
    train_settings: TrainSettings = field(default_factory=TrainSettings)

    @property
    def usual_ratios(self) -> tuple[float, float]:
        """The range of ratios of update to weight that are neither too small nor too large."""
        if self.step < _MIN_STEPS:
            return -math.inf, math.inf
        return -math.inf if self.is_decayed else _MIN_RATIO, self.model.model_kind.max_update_ratio

    @property
    def has_settled(self) -> bool:
        """True if the loss hardly falls any more."""
        is_flat = self.fall + self.fall_error < _SLOW
        return self.is_counted or (self.steps_since_edit >= 2000 and is_flat)

    @property
    def is_above_baseline(self) -> bool:
        """True if the dev loss is above that of n-gram counts."""
        return self.baseline is not None and self.dev > self.baseline.loss + _BEHIND

    @property
    def is_kneser_ney(self) -> bool:
        is_method = self.model.is_relevant("smoothing_method")
        return is_method and self.train_settings.smoothing_method == "kneser-ney"

    @property
    def gap(self) -> float:
        """The dev loss minus the train loss."""
        return self.dev - self.train


class Rule(NamedTuple):
    """A sentence for runs of some kinds of model that meet a condition; help: what it means.

    advice: what to try in place of what the sentence ends with, where that depends on the run.
    """

    condition: Callable[[Facts], bool]
    sentence: str
    help: str
    kinds: tuple[str, ...] = tuple(MODEL_KINDS)
    advice: Callable[[Facts], str] | None = None

    def applied(self, facts: Facts) -> str:
        """The sentence, with the advice for this run."""
        if self.advice is None:
            return self.sentence
        return f"{self.sentence.rpartition(', try ')[0]}, try {self.advice(facts)}"

    @property
    def name(self) -> str:
        """What the sentence begins with."""
        return next(name for name in _NAMES if self.sentence.startswith(name))


def _rate_is_too_high(facts: Facts) -> bool:
    if math.isnan(facts.ratio) or facts.step < _MIN_STEPS:
        return False
    too_large = facts.ratio > facts.usual_ratios[1]
    stays_high = facts.step >= 2000 and facts.loss > facts.uniform and facts.ratio > -3
    return too_large or stays_high or facts.loss > facts.first_loss + 0.1


def _begins_far_off(facts: Facts) -> bool:
    is_early = facts.step < (1000 if facts.loss > facts.uniform else _MIN_STEPS)
    return is_early and facts.first_loss > facts.uniform + _FAR_OFF


def _overfits(facts: Facts) -> bool:
    if facts.is_kneser_ney:  # whose longest n-grams fit train closely, and say little elsewhere
        return False
    return facts.is_held_out and facts.train < facts.uniform and facts.gap > _LARGE_GAP


def _is_saturated(facts: Facts) -> bool:
    return facts.step >= _MIN_STEPS and (facts.saturated > _MAX_SATURATED or facts.dead > _MAX_DEAD)


def _underfits(facts: Facts) -> bool:
    return facts.is_held_out and facts.has_settled and facts.gap < _SMALL_GAP


def _is_smoothed_too_much(facts: Facts) -> bool:
    best = facts.baseline.k if facts.baseline is not None else None
    is_much = best is not None and facts.train_settings.smoothing > best
    return facts.is_counted and is_much and facts.is_above_baseline


def _decays_too_much(facts: Facts) -> bool:
    is_decayed = facts.train_settings.weight_decay > 0
    return is_decayed and facts.has_settled and facts.is_above_baseline


def _has_another_order(facts: Facts) -> bool:
    """True if Kneser-Ney of another order reaches a lower dev loss."""
    best, is_counted = facts.baseline, facts.is_counted and facts.is_kneser_ney
    return is_counted and best is not None and facts.dev > best.loss + _OF_ANOTHER_ORDER


def _better_order(facts: Facts) -> str:
    return f"order {facts.baseline.order}" if facts.baseline else "another order"


def _lower_rate(facts: Facts) -> str:
    lower = lower_learning_rate(facts.model, facts.train_settings)
    is_third = lower > facts.train_settings.learning_rate / 4
    return "a third of it" if is_third else value_text(lower)


def _higher_rate(facts: Facts) -> str:
    train, rates = facts.train_settings, facts.model.model_kind.learning_rates
    usual = rates.get(train.optimizer, (0.0, 0.0))
    is_far_below = train.learning_rate * 3 < usual[0]
    return value_text(usual[0]) if is_far_below else "three times as much"


def _less_fitting(facts: Facts) -> str:
    """What holds back a network that over-fits, as far as there is more to be had of it."""
    train, ways = facts.train_settings, []
    settings = facts.model.model_kind.settings
    if train.train_on.startswith("first-"):
        return "more items to train on"
    if "dropout" in settings and train.dropout < 0.5:
        ways.append("more dropout" if train.dropout else "dropout")
    ways.append("more weight decay" if train.weight_decay else "weight decay")
    if "hidden" in settings and facts.model.hidden > _FEW_HIDDEN:
        ways.append("fewer hidden units")
    *first, last = ways
    return f"{', '.join(first)} or {last}" if first else last


def _larger_model(facts: Facts) -> str:
    model = facts.model
    if model.context == 1:
        return "a longer context"
    inputs = model.context * model.embedding
    if model.hidden > _HIDDEN_PER_INPUT * inputs:
        return f"a larger embedding, the bottleneck at size {model.embedding}"
    if model.hidden >= SETTINGS["hidden"].metadata["high"]:
        return "a longer context"
    return "a larger hidden layer"


def _longer_grams(facts: Facts) -> str:
    is_longest = facts.model.order >= SETTINGS["order"].metadata["high"]
    return "the MLP" if is_longest else "a higher order, or the MLP"


def _vaguer_counts(facts: Facts) -> str:
    return "more smoothing" + (" or a lower order" if facts.model.order > 1 else "")


_SATURATED_HELP = (
    "Where tanh is flat hardly any gradient passes. More than 65% of the activations are beyond "
    "0.97, or more than 5% of the units are beyond 0.99 for every example."
)
_BEGUN_HELP = "A diagnosis needs 100 steps, or all examples counted."

# fmt: off
RULES = (
    Rule(lambda facts: not math.isfinite(facts.loss),
         "diverged: the weights are not finite, undo or restart with a lower learning rate",
         "A step was so large that the loss overflowed. No further step recovers it.", _NETWORKS),
    Rule(lambda facts: facts.is_diverged,
         "diverged: the loss has exploded, undo or restart with a lower learning rate",
         "Of the last 100 steps three quarters had a loss above five times ln V, and above twice "
         "what the run began with. The weights are finite, so an edit may recover it.",
         _NETWORKS),
    Rule(_rate_is_too_high,
         "learning rate too high: steps are too large for the weights, try a third of it",
         "An update should be about a thousandth of the weights (a ratio of -3). Here the ratio is "
         "above -1.75, or the loss is above the first one, or after 2,000 steps still above ln V.",
         advice=_lower_rate),
    Rule(_begins_far_off,
         "first loss far above ln V: the first weights are too large, try init=scaled",
         "An untrained model should find all characters about equally likely, a loss of ln V. A "
         "higher loss means that it is confidently wrong, and the first steps only undo that.",
         _NETWORKS),
    Rule(_overfits,
         "over-fitting: dev is well above train, try more smoothing or a lower order",
         "The dev loss is more than 0.1 above the train loss: most contexts are too rare for "
         "reliable counts.", ("ngram",), _vaguer_counts),
    Rule(_overfits,
         "over-fitting: dev is well above train, try dropout, weight decay or fewer hidden units",
         "The dev loss is more than 0.1 above the train loss: the model has memorised what "
         "does not hold for other items.", advice=_less_fitting),
    Rule(_has_another_order,
         "worse than counting: another order of Kneser-Ney reaches a lower dev loss, try it",
         "The dev loss is more than 0.003 above that of the best order. Longer contexts say more, "
         "until most of them are too rare.", ("ngram",), _better_order),
    Rule(_is_smoothed_too_much,
         "worse than counting: dev is above what this order can reach, try less smoothing",
         "The dev loss is more than 0.03 above the best of any smoothing at this order, and this "
         "smoothing is stronger.", ("ngram",)),
    Rule(_decays_too_much,
         "worse than counting: dev is above the bigram baseline, try less weight decay",
         "The dev loss is more than 0.03 above the bigram baseline, and has nearly stopped "
         "falling: weight decay keeps the weights too small.", _NETWORKS),
    Rule(lambda facts: facts.step >= 2000 and facts.is_above_baseline,
         "worse than counting: dev is above the bigram baseline, try another learning rate",
         "After 2,000 steps the dev loss is more than 0.03 above the bigram baseline, which this "
         "model can equal: its steps are too small, or too large to settle.",
         ("neural-bigram",)),
    Rule(lambda facts: facts.ratio < facts.usual_ratios[0],
         "learning rate too low: the weights hardly move, try three times as much",
         "An update should be about a thousandth of the weights (a ratio of -3). Here it is less "
         "than a ten-thousandth, and the schedule is not the cause.",
         advice=_higher_rate),
    Rule(lambda facts: facts.model.init == "scaled" and _is_saturated(facts),
         "saturated: most hidden units are stuck at -1 or 1, try weight decay or a lower rate",
         _SATURATED_HELP),
    Rule(_is_saturated,
         "saturated: most hidden units are stuck at -1 or 1, try init=scaled or a lower rate",
         _SATURATED_HELP),
    Rule(_underfits,
         "under-fitting: train and dev are equal, try a larger hidden layer",
         "The dev loss is within 0.03 of the train loss, and has nearly stopped falling: the model "
         "has learnt what it can, and a larger one could learn more. With more than seven hidden "
         "units per input number, the embedding is the bottleneck.",
         ("mlp",), _larger_model),
    Rule(_underfits,
         "under-fitting: train and dev are equal, one character tells no more, try the MLP",
         "The dev loss is within 0.03 of the train loss, and has nearly stopped falling: the model "
         "has learnt what one character tells about the next.", ("neural-bigram",)),
    Rule(_underfits,
         "under-fitting: train and dev are equal, try a higher order, or the MLP",
         "The dev loss is within 0.03 of the train loss: the model has learnt all that so "
         "short a context tells.", advice=_longer_grams),
    Rule(lambda facts: not facts.is_counted,
         "just begun: too early to tell",
         _BEGUN_HELP, ("ngram",)),
    Rule(lambda facts: facts.step < _MIN_STEPS,
         "just begun: too early to tell",
         _BEGUN_HELP, _NETWORKS),
    Rule(lambda facts: not facts.is_held_out,
         "healthy as far as can be told: dev is trained on, so its loss says nothing",
         "No other diagnosis applies."),
    Rule(lambda _: True,
         "healthy: updates, activations and gap are as they should be",
         "No other diagnosis applies.", ("mlp",)),
    Rule(lambda _: True,
         "healthy: the gap is as it should be",
         "No other diagnosis applies: dev is above train, but not by more than 0.1.",
         ("ngram",)),
    Rule(lambda _: True,
         "healthy: updates and gap are as they should be",
         "No other diagnosis applies."),
)
# fmt: on


def diagnosis(facts: Facts) -> Diagnosis:
    """That of the first of `RULES` that applies."""
    rules = (one for one in RULES if facts.model.kind in one.kinds and one.condition(facts))
    rule = next(rules)
    return Diagnosis(rule.name, rule.applied(facts), rule.help)


def unusual(facts: Facts) -> tuple[str, ...]:
    """The measures that are not as they should be. A rule stands for each, so that a run with one
    of them is never called healthy."""
    is_late, (low, high) = facts.step >= _MIN_STEPS, facts.usual_ratios
    found = {
        "first loss": _begins_far_off(facts),
        "gap": _overfits(facts),
        "saturated": is_late and facts.saturated > _MAX_SATURATED,
        "dead": is_late and facts.dead > _MAX_DEAD,
        "ratio": facts.ratio < low or facts.ratio > high,
    }
    return tuple(name for name, is_unusual in found.items() if is_unusual)
