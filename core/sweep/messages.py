"""What a sweep and those who watch it say to each other. Torch- and Optuna-free.

A sweep is a process, `python -m makemore_tui.core.sweep`. Its first line of input is a `Start`, its
one line of output `Started` or `Failed`; each line is a JSON object. From then on it keeps a
`Snapshot` in a file, and takes each `Command` that is appended to another (`files`). So any number
of clients may follow and steer it, and what it found can be read when it has ended.
"""

import math
from typing import Any, Literal

import msgspec
from msgspec import Struct, structs

from .ranges import Range

State = Literal["running", "stopped", "finished"]
TrialState = Literal["waiting", "running", "done", "pruned", "failed"]
Sampler = Literal["tpe", "random", "grid"]
Point = tuple[int, float]  # a step, and a loss in nats


class Message(Struct, frozen=True, tag=True):
    """One line of JSON."""


class Start(Message, frozen=True):
    """Begin a study, or go on with one.

    study: its name. spec: how every trial starts but for the settings of `over`; empty, as `over`
    is, for a study that exists. trials: how many there are to be in all; 0 for as many as were
    asked for before. seconds: how long to go on at most. workers: processes, each with one thread.
    seeds: each trial is trained with so many. prunes: True to end trials that fall behind. storage:
    the URL of a PostgreSQL database; empty for a file in the user's data folder. may_exist: False
    to refuse a study that exists. runs: the directory in which the `keep` best are saved as runs.
    detached: go on when the input ends.
    """

    study: str
    spec: str = ""
    over: tuple[Range, ...] = ()
    trials: int = 50
    seconds: float | None = None
    workers: int = 1
    seeds: int = 1
    sampler: Sampler = "tpe"
    prunes: bool = True
    storage: str = ""
    may_exist: bool = False
    runs: str = ""
    keep: int = 5
    detached: bool = False
    grace_seconds: int = 180  # after which a trial of a machine that says nothing is run again


class Started(Message, frozen=True):
    """The study is open, and a snapshot of it can be read."""


class Failed(Message, frozen=True):
    """The study can't be opened; the process ends."""

    why: str


class Stop(Message, frozen=True):
    """End the sweep; trials that are running are given back, to be run by whoever goes on."""


class Prune(Message, frozen=True):
    """End this trial, which is running."""

    trial: int


Command = Stop | Prune
Reply = Started | Failed


class Trial(Struct, frozen=True, omit_defaults=True):
    """One trial: a row of the leaderboard.

    settings: those that the sweep tries. value: its dev loss, or the newest of a trial that has not
    ended or was pruned. steps: how many of those planned it has taken. run: where it is saved, if
    it is. seconds: how long it took. why: of a trial that failed or was pruned.
    dev, losses: the curves of dev and of the minibatches; empty but for running and best trials.
    """

    number: int
    state: TrialState
    settings: dict[str, Any]
    spec: str = ""
    value: float | None = None
    steps: int = 0
    planned: int = 0
    run: str = ""
    seconds: float = 0.0
    why: str = ""
    dev: tuple[Point, ...] = ()
    losses: tuple[Point, ...] = ()


class Snapshot(Struct, frozen=True, tag=True):
    """A study as it was at some moment.

    trials: how many there are to be. seconds: since this sweep began. seconds_left: a guess while
    it runs. steps: taken by all trials. seeds: of each trial, whose dev loss is their mean. rows:
    the trials by number. best_so_far: (trials that had ended, the lowest dev loss by then), where
    that fell. importances: how much each setting decides whether a trial is among the best, in sum
    1. problem: why the sweep ended early, if that was so.
    """

    study: str
    state: State
    spec: str
    over: tuple[Range, ...]
    trials: int
    seconds: float = 0.0
    seconds_left: float | None = None
    steps: int = 0
    seeds: int = 1
    rows: tuple[Trial, ...] = ()
    best_so_far: tuple[Point, ...] = ()
    importances: dict[str, float] = {}
    storage: str = ""
    problem: str = ""

    def stopped(self, problem: str = "") -> "Snapshot":
        """The same once its sweep is gone: the trials that were running wait to be run again."""
        again = {"state": "waiting", "value": None, "steps": 0, "dev": (), "losses": ()}
        rows = [
            structs.replace(row, **again) if row.state == "running" else row for row in self.rows
        ]
        return structs.replace(
            self, state="stopped", rows=tuple(rows), seconds_left=None, problem=problem
        )

    def count(self, state: TrialState) -> int:
        """How many trials are in a state."""
        return sum(row.state == state for row in self.rows)

    @property
    def num_ended(self) -> int:
        """How many trials have ended, in whatever way."""
        return len(self.rows) - self.count("running") - self.count("waiting")

    @property
    def leaders(self) -> list[Trial]:
        """The trials that were trained to their end, the lowest dev loss first."""
        done = [row for row in self.rows if row.state == "done"]
        return sorted(done, key=lambda row: math.inf if row.value is None else row.value)

    def slice(self, setting: str) -> list[tuple[Any, float]]:
        """A setting's value and the dev loss of each trial that was trained to its end."""
        return [
            (row.settings[setting], row.value)
            for row in self.rows
            if row.state == "done" and row.value is not None
        ]


def to_line(message: Message | Snapshot) -> bytes:
    """A message as a line of JSON."""
    return msgspec.json.encode(message) + b"\n"
