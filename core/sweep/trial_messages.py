"""What the coordinator and the processes that train trials say to each other. Torch-free."""

import math
from dataclasses import dataclass
from pathlib import Path

from ..run_spec import RunSpec
from .messages import Point


@dataclass(frozen=True)
class Task:
    """A trial to train: how it starts, with how many seeds, and the rungs' largest step.

    is_judged: the coordinator says at each rung, or after each seed, whether to go on.
    """

    trial: int
    spec: RunSpec
    seeds: int
    most_steps: int
    is_judged: bool


@dataclass(frozen=True)
class Verdict:
    """The answer to a `Reached`: go on, or end because of `why`, which may be said at any time."""

    trial: int
    why: str = ""


@dataclass(frozen=True)
class Keep:
    """Save the run of the trial that was finished last."""

    path: Path


@dataclass(frozen=True)
class Reached:
    """A trial's progress: its steps, of all seeds together, and its curves.

    at: the rung, or the number of seeds before this one; None for a report between. value: the dev
    loss there. dev, losses: see `messages.Trial`.
    """

    trial: int
    steps: int
    dev: list[Point]
    losses: list[Point]
    at: int | None = None
    value: float = math.nan


@dataclass(frozen=True)
class Ended:
    """A trial was trained to its end, with this dev loss, or was ended because of `why`."""

    trial: int
    last: Reached
    value: float | None = None
    why: str = ""
    has_failed: bool = False


@dataclass(frozen=True)
class Kept:
    """The run is saved; or it is not, because of `problem`."""

    problem: str = ""
