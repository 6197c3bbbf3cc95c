"""The learning-rate finder: train copies of a model at a rising rate, and see where the loss turns.

The range test of Smith 2017 ("Cyclical Learning Rates for Training Neural Networks", section 3.3):
the rate rises from step to step, by the same factor; the loss falls, turns, and rises. The copies
begin with the session's weights and with its optimizer's state, as a change of the rate would
leave them; they differ in the minibatches they draw.
"""

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ..errors import UserError
from ..models.ngram import NgramCounts
from ..results import RateSearch
from ..settings import SETTINGS, TrainSettings
from ..training.time_slicer import TimeSlicer
from ..training.trainer import GradientTrainer

if TYPE_CHECKING:
    from ..session.session import Session

RANGES = {
    ("mlp", "sgd"): (1e-3, 1.0),
    ("mlp", "adamw"): (1e-5, 0.1),
    ("neural-bigram", "sgd"): (0.1, 1000.0),
    ("neural-bigram", "adamw"): (1e-3, 10.0),
}
STEPS = 1000
SEEDS = 3
MIN_STEPS, MAX_STEPS = 50, 100_000

_SLICE_SECONDS = 0.004
_MEMORY = 50  # the smoothed loss remembers a fiftieth of the steps
_IGNORED = 20  # of the steps, the first twentieth is too noisy to have the lowest loss
_TURNS_ABOVE = 1.1  # times the lowest loss: above the noise of minibatches
_EXPLODES_ABOVE = 4.0
_POINTS = 200


@dataclass(frozen=True)
class _RisingRate(TrainSettings):
    """Settings whose learning rate rises from `low` to `high` in `steps` steps."""

    low: float = 1e-3
    high: float = 1.0

    def learning_rate_at(self, step: int) -> float:
        return self.low * (self.high / self.low) ** (step / (self.steps - 1))


class LearningRateFinder:
    """Finds a learning rate for a session's model as it is now; the session is never changed.

        finder = LearningRateFinder(session)
        while finder.advance():
            pass
        finder.result().suggested

    latest: the minibatch losses of the last slice.
    """

    def __init__(
        self,
        session: "Session",
        low: float | None = None,
        high: float | None = None,
        steps: int = STEPS,
        seeds: int = SEEDS,
        clock: Callable[[], float] | None = None,
    ):
        """Without low or high, the range is the usual one of `RANGES`, by model and optimizer.

        Raises:
            UserError: the range or the number of steps or seeds is not allowed, the model has no
                learning rate, or its weights are not finite.
        """
        model, trainer, settings = session.model, session.trainer, session.train_settings
        if isinstance(model, NgramCounts) or not isinstance(trainer, GradientTrainer):
            raise UserError("a table of counts has no learning rate; another kind of model has")
        usual = RANGES[model.settings.kind, settings.optimizer]
        self._low = usual[0] if low is None else low
        self._high = usual[1] if high is None else high
        _check_range(self._low, self._high)
        _check_number("steps", steps, MIN_STEPS, MAX_STEPS)
        _check_number("seeds", seeds, 1, 20)
        if session.diverged:
            raise UserError("the weights are not finite, so no learning rate helps; restart first")
        self._of, self._steps = model, steps
        self.latest: Tensor = torch.empty(0)
        changes = {"steps": steps, "low": self._low, "high": self._high}
        rising = _RisingRate(**asdict(settings) | changes)
        state = trainer.state_dict()
        self._trainers: list[GradientTrainer] = []
        for seed in range(seeds):
            copy = GradientTrainer(model.copy(), session.tables, rising, session.seed + seed)
            own = {name: copy.state_dict()[name] for name in ("step", "generator", "left")}
            copy.load_state_dict({**state, **own})
            self._trainers.append(copy)
        self._means = [RunningMean(max(1, steps // _MEMORY)) for _ in range(seeds)]
        self._smoothed = torch.zeros(seeds, steps, dtype=torch.float64)
        self._slicer = (
            TimeSlicer(_SLICE_SECONDS) if clock is None else TimeSlicer(_SLICE_SECONDS, clock)
        )

    @property
    def done(self) -> int:
        """How many steps every seed has taken."""
        return min(trainer.step for trainer in self._trainers)

    def is_of(self, session: "Session") -> bool:
        """Whether the session still has the model that was copied, trained on or not."""
        return session.model is self._of

    def advance(self) -> bool:
        """Train for a few milliseconds; False when there is nothing left to do."""
        seed = min(range(len(self._trainers)), key=lambda i: self._trainers[i].step)
        trainer, add = self._trainers[seed], self._means[seed].add
        first = trainer.step
        if first < self._steps:
            self.latest = self._slicer.train(trainer, self._steps - first)
            smoothed = [add(loss) for loss in self.latest.tolist()]
            self._smoothed[seed, first : trainer.step] = torch.tensor(smoothed, dtype=torch.float64)
        return self.done < self._steps

    def result(self) -> RateSearch:
        """What was found so far; a suggestion only at the end."""
        done, finished = self.done, self.done == self._steps
        rates = [self._trainers[0].settings.learning_rate_at(step) for step in range(done)]
        smoothed = self._smoothed[:, :done]
        mean = smoothed.mean(0)  # (done,)
        turns = _first_above(mean, _TURNS_ABOVE, self._steps)
        explodes = _first_above(mean, _EXPLODES_ABOVE, self._steps)
        suggested, why = _suggestion(rates, turns, self._high) if finished else (None, "")
        shown = range(0, done, max(1, -(-self._steps // _POINTS)))
        columns = smoothed[:, list(shown)]
        return RateSearch(
            low=self._low,
            high=self._high,
            steps=self._steps,
            done=done,
            seeds=len(self._trainers),
            finished=finished,
            rates=[rates[step] for step in shown],
            lowest=columns.amin(0).tolist(),
            mean=columns.mean(0).tolist(),
            highest=columns.amax(0).tolist(),
            turns=None if turns is None else rates[turns],
            explodes=None if explodes is None else rates[explodes],
            suggested=suggested,
            why=why,
        )


class RunningMean:
    """A mean of losses in which each counts 1 - 1 / memory as much as the one after it.

    It is divided by the weights that it has so far, as Adam's are (Kingma & Ba 2015).
    """

    def __init__(self, memory: int):
        self._keep = 1 - 1 / memory
        self._total = self._weight = 0.0

    def add(self, loss: float) -> float:
        """The mean with one more loss."""
        self._total = self._keep * self._total + (1 - self._keep) * loss
        self._weight = self._keep * self._weight + (1 - self._keep)
        return self._total / self._weight


def _first_above(mean: Tensor, times: float, steps: int) -> int | None:
    """The first step behind the lowest loss at which the loss is so many times that, or infinite.

    With 1.1 it is where the loss turns. 4 times the lowest is where fastai's finder stops
    (Howard & Gugger 2020, "fastai: A Layered API for Deep Learning").
    """
    ignored = steps // _IGNORED
    later = torch.nan_to_num(mean[ignored:], nan=math.inf, posinf=math.inf)
    if not len(later):
        return None
    lowest = int(later.argmin())
    above = torch.nonzero(~(later[lowest:] <= times * later[lowest]))
    return ignored + lowest + int(above[0]) if len(above) else None


def _suggestion(rates: list[float], turns: int | None, high: float) -> tuple[float | None, str]:
    """A learning rate, and why: a quarter of the rate at which the loss turns.

    Smith 2017, section 3.3: "set base_lr to 1/3 or 1/4 of max_lr", max_lr being the rate at which
    the loss begins to rise; Bengio 2012 ("Practical Recommendations", section 3.1.1): the best rate
    is close, by a factor of two, to the largest that does not diverge.
    """
    if turns is None:
        return None, f"the loss does not turn up to {high:g}; a higher end of the range would tell"
    turn, suggested = (float(f"{rate:.2g}") for rate in (rates[turns], rates[turns] / 4))
    if suggested < rates[0]:
        return None, f"the loss rises from {turn:g} on; a lower end of the range would tell"
    return suggested, f"a quarter of {turn:g}, from where the loss rises (Smith 2017)"


def _check_range(low: float, high: float) -> None:
    least, most = (SETTINGS["learning_rate"].metadata[end] for end in ("low", "high"))
    for name, value in (("low", low), ("high", high)):
        if not least <= value <= most:
            raise UserError(f"{name} must be a number from {least:g} to {most:,g}, not {value:g}")
    if not low < high:
        raise UserError(f"low must be below high; {low:g} is not below {high:g}")


def _check_number(name: str, value: int, least: int, most: int) -> None:
    if not least <= value <= most:
        raise UserError(f"{name} must be a whole number from {least:,} to {most:,}, not {value}")
