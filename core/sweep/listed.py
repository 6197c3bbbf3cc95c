"""A sampler of trials that are listed from the start: a grid, or every combination."""

import random
from collections.abc import Sequence
from typing import Any

import optuna
from optuna.distributions import BaseDistribution
from optuna.trial import FrozenTrial


class ListedSampler(optuna.samplers.RandomSampler):
    """Proposes the points of a list, each once, in random order.

    points: the settings of each trial.
    """

    def __init__(self, points: Sequence[dict[str, Any]], seed: int):
        """Nothing is proposed before `advance`."""
        super().__init__(seed)
        self.points: list[dict[str, Any]] = random.Random(seed).sample(points, len(points))
        self._next: dict[str, Any] = {}

    def advance(self, found: Sequence[FrozenTrial]) -> bool:
        """Go to the next point that none of the trials has. False if all have been tried."""
        tried = {frozenset(trial.params.items()) for trial in found}
        left = (point for point in self.points if frozenset(point.items()) not in tried)
        self._next = next(left, {})
        return bool(self._next)

    def sample_independent(
        self,
        study: optuna.Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        """The next point's value of a setting; see `BaseSampler`. Where another machine has just
        taken the last trial that waited, there is no point, and it is a random one."""
        if param_name in self._next:
            return self._next[param_name]
        return super().sample_independent(study, trial, param_name, param_distribution)
