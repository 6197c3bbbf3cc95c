"""Runs, previous and saved ones, and what was done to them."""

from pathlib import PurePath
from typing import NamedTuple

from msgspec import Struct

from ..constants import RUN_SUFFIX
from ..settings import ModelSettings, TrainSettings


class Mark(NamedTuple):
    """The step from which edits took effect, and a short label of them: "hidden 300"."""

    step: int
    label: str


class Resizing(Struct, frozen=True):
    """A change of the model's size during training, and the dev loss before and after it on a share
    of dev (None if the model only grew, which does not change the loss)."""

    step: int
    label: str
    before: float | None = None
    after: float | None = None
    dev_share: float = 1.0


class Divergence(Struct, frozen=True):
    """The first step whose loss had exploded or was not finite, the last edit before it, and the
    edit that undo takes back to before that (None if it can't). is_finite: False if the weights
    are not, so that training can't go on."""

    step: int
    after: Mark | None
    way_back: str | None = None
    is_finite: bool = False


class PreviousRun(Struct, frozen=True):
    """A previous run, named by the settings in which it differs from the present run and its best
    dev loss, of counts the newest. id: unique among the runs of a session. folder: where it is
    saved; "" if it is not. test_peeks: how often its test split was evaluated. is_pinned: kept
    whatever comes after it."""

    name: str
    model: ModelSettings
    train: TrainSettings
    seed: int
    steps: int
    best_dev: float | None
    id: int = 0
    folder: str = ""
    test_peeks: int = 0
    is_pinned: bool = False

    @property
    def settings(self) -> str:
        """Its name without the dev loss."""
        return self.name.partition(" → ")[0]


class Saving(Struct, frozen=True):
    """How the present run is saved: the directory of all runs, its own folder ("" before it is
    first saved), the last step that is saved, what was just done in a sentence (`note`), and why
    the last attempt to save failed (`problem`)."""

    directory: str
    folder: str
    step: int
    named: bool = False
    note: str = ""
    problem: str | None = None

    @property
    def name(self) -> str:
        """The run's name; "" before it is first saved."""
        return PurePath(self.folder).name.removesuffix(RUN_SUFFIX)
