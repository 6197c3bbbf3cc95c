"""The learning-rate finder: train copies of a model at a rising rate, and see where the loss turns.

The range test of Smith 2017 ("Cyclical Learning Rates for Training Neural Networks", section 3.3):
the rate rises from step to step, by the same factor; the loss falls, turns, and rises. The copies
begin with the trainer's weights and optimizer state, as a change of the rate would leave them; they
differ in the minibatches they draw.
"""

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass

import torch
from torch import Tensor

from ..errors import UserError
from ..models.model import Model
from ..results import RateSearch
from ..settings import SETTINGS, TrainSettings
from ..training.time_slicer import TimeSlicer
from ..training.trainer import AnyTrainer

STEPS = 1000
SEEDS = 3
_SLICE_SECONDS = 0.004
_MEMORY = 50  # the running mean reaches back a fiftieth of the steps
_IGNORED = 20  # the first twentieth of the steps is too noisy to hold the lowest loss
_TURNS_ABOVE = 1.1  # times the lowest loss: above the noise of minibatches
_EXPLODES_ABOVE = 4.0
_MAX_POINTS = 200


def find_lr(
    trainer: AnyTrainer,
    low: float | None = None,
    high: float | None = None,
    steps: int = STEPS,
    seeds: int = SEEDS,
) -> RateSearch:
    """Search for a learning rate for a trainer's model as it is now; the trainer isn't changed.

    low, high: the range, by default the usual one of the model and optimizer. steps: of each copy.
    seeds: how many copies; they draw their minibatches from the trainer's seed and the next ones.
    Raises UserError if the range or the number of steps or seeds is not allowed, the model has no
    learning rate, or its weights are not finite.
    """
    finder = LearningRateFinder(trainer, low, high, steps, seeds)
    while finder.advance():
        pass
    return finder.result()


@dataclass(frozen=True)
class _RisingRate(TrainSettings):
    """Settings whose learning rate rises from `low` to `high` within `steps` steps."""

    low: float = 1e-3
    high: float = 1.0

    def learning_rate_at(self, step: int) -> float:
        return self.low * (self.high / self.low) ** (step / (self.steps - 1))


class LearningRateFinder:
    """A search that is done a few milliseconds at a time, between other work.

    model: the one that the search is for. latest: the minibatch losses of the last slice.
    """

    def __init__(
        self,
        trainer: AnyTrainer,
        low: float | None = None,
        high: float | None = None,
        steps: int = STEPS,
        seeds: int = SEEDS,
        clock: Callable[[], float] | None = None,
    ):
        """Arguments and errors as for `find_lr`. clock: that of the slices, in seconds."""
        self.model: Model = trainer.model
        self.latest: Tensor = torch.empty(0)
        self._low, self._high = _range(trainer, low, high)
        for name, value, least, most in (("steps", steps, 50, 100_000), ("seeds", seeds, 1, 20)):
            if not least <= value <= most:
                allowed = f"a whole number from {least:,} to {most:,}"
                raise UserError(f"{name} must be {allowed}, not {value}")
        if not trainer.model.is_finite:
            raise UserError("the weights are not finite, so no learning rate helps; restart first")
        changes = {"steps": steps, "low": self._low, "high": self._high}
        rising = _RisingRate(**asdict(trainer.settings) | changes)
        self._trainers = [trainer.fork(rising, trainer.seed + i) for i in range(seeds)]
        self._steps = steps
        self._means = [RunningMean(max(1, steps // _MEMORY)) for _ in range(seeds)]
        self._smoothed = torch.zeros(seeds, steps, dtype=torch.float64)
        self._slicer = TimeSlicer(_SLICE_SECONDS, **({} if clock is None else {"clock": clock}))

    @property
    def done(self) -> int:
        """How many steps every copy has taken."""
        return min(trainer.step for trainer in self._trainers)

    def advance(self) -> bool:
        """Train for a few milliseconds; False if nothing is left to do."""
        seed = min(range(len(self._trainers)), key=lambda i: self._trainers[i].step)
        trainer, add = self._trainers[seed], self._means[seed].add
        first = trainer.step
        if first < self._steps:
            self.latest = self._slicer.train(trainer, self._steps - first)
            smoothed = [add(loss) for loss in self.latest.tolist()]
            self._smoothed[seed, first : trainer.step] = torch.tensor(smoothed, dtype=torch.float64)
        return self.done < self._steps

    def result(self) -> RateSearch:
        """The search so far; it has a suggestion only at the end."""
        done, finished = self.done, self.done == self._steps
        rates = [self._trainers[0].settings.learning_rate_at(step) for step in range(done)]
        smoothed = self._smoothed[:, :done]  # (seeds, done)
        mean = smoothed.mean(0)  # (done,)
        turns = _first_above(mean, _TURNS_ABOVE, self._steps)
        explodes = _first_above(mean, _EXPLODES_ABOVE, self._steps)
        suggested, why = _suggestion(rates, turns, self._high) if finished else (None, "")
        shown = range(0, done, max(1, -(-self._steps // _MAX_POINTS)))
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
    """An exponentially weighted mean: each loss weighs 1 - 1 / memory times the one after it.

    It is divided by the sum of the weights so far, as Adam's are (Kingma & Ba 2015).
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
    """The first step after the lowest loss at which the loss is `times` that, or infinite.

    mean: (done,). steps: of the whole search. 1.1 times is where the loss turns; 4 times is where
    fastai's finder stops (Howard & Gugger 2020, "fastai: A Layered API for Deep Learning").
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
        return None, f"the loss still falls at {high:g}; try a higher range"
    turn, suggested = (float(f"{rate:.2g}") for rate in (rates[turns], rates[turns] / 4))
    if suggested < rates[0]:
        return None, f"the loss rises from {turn:g} on; try a lower range"
    return suggested, f"a quarter of {turn:g}, from where the loss rises (Smith 2017)"


def _range(trainer: AnyTrainer, low: float | None, high: float | None) -> tuple[float, float]:
    """The range to search: as given, or the usual one of the model and optimizer."""
    kind = trainer.model.settings.model_kind
    if not kind.is_network:
        raise UserError("counts have no learning rate; the other models have")
    usual: tuple[float, float] = kind.learning_rates[trainer.settings.optimizer]
    low = usual[0] if low is None else low
    high = usual[1] if high is None else high
    least, most = (SETTINGS["learning_rate"].metadata[end] for end in ("low", "high"))
    for name, value in (("low", low), ("high", high)):
        if not least <= value <= most:
            raise UserError(f"{name} must be a number from {least:g} to {most:,g}, not {value:g}")
    if not low < high:
        raise UserError(f"low must be below high; {low:g} is not below {high:g}")
    return low, high
