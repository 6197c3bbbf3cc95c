"""Two runs side by side: B is a fork of A, or another run on the same data."""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ..analysis.evaluation import RunningEvaluation
from ..analysis.paired import paired_difference
from ..datasets.dataset import Dataset
from ..errors import UserError
from ..results import DevDifference, TwinLosses
from ..runs import checkpoint
from ..runs.header import find
from ..runs.record import TwinRecord
from ..settings import Effect, setting_text
from .session import Session

_MAX_DIFFERENCES = 1 << 9
# Settings that change the minibatches.
_UNPAIRED = ("kind", "batch_size", "minibatches", "context", "train_on")


class Twins:
    """Two runs, A and B, that are trained in lock-step and compared on the same dev items.

        twins = Twins(session)
        twins.edit(learning_rate=0.05)
        twins.train(1000)
        print(twins.evaluate().sentence)

    Each is a `Session` that goes the same way, bit for bit, as if it were alone: it can be edited,
    undone, saved and replayed. As long as they draw from the same place of the same random numbers,
    their minibatches and dropout masks are the same too; `unpaired` says what has ended that.

    a, b: the two sessions. forked_at: the step at which B was forked.
    differences: of the dev losses, the newest last; beyond 512 every other one is dropped.
    looks: how often the dev losses were compared.
    """

    def __init__(self, session: Session, other: Session | None = None):
        """session: A. other: B; without it, a fork of A. Raises UserError if it has another
        dataset."""
        self.a = session
        self.b: Session = other or Session.from_state(session.state().forked())
        self.forked_at: int = session.step
        self.differences: list[DevDifference] = []
        self.looks: int = 0
        check_same_data(session.dataset, self.b.dataset)

    def __repr__(self) -> str:
        return f"Twins(A: {self.a!r}, B: {self.b!r})"

    def edit(self, **changes: Any) -> Effect:
        """Change settings of B; see `Session.edit`."""
        return self.b.edit(**changes)

    def train(self, steps: int) -> Tensor:
        """Take some steps with both; if one is behind, with that alone, until it has caught up.

        A run that can't be trained on, because its weights are not finite or all is counted, is not
        waited for. Returns the minibatch losses of A and B in nats, (2, steps) float32; NaN for
        steps that were not taken. Raises UserError if the two have different datasets.
        """
        check_same_data(self.a.dataset, self.b.dataset)
        losses = torch.full((2, steps), math.nan)
        gap = self.b.step - self.a.step
        for row, (session, other, behind) in enumerate(
            ((self.a, self.b, gap), (self.b, self.a, -gap))
        ):
            most = steps
            if can_train(other) and behind:
                most = min(steps, max(0, behind))
            if can_train(session) and most:
                taken = session.train(most)
                losses[row, : len(taken)] = taken
        return losses

    def evaluate(self) -> DevDifference:
        """Evaluate both on dev, and compare them item by item; adds to the `dev_losses` of each.

        Raises UserError if the two have different datasets.
        """
        check_same_data(self.a.dataset, self.b.dataset)
        found = []
        for session in (self.a, self.b):
            evaluation = session.mixing.running("dev", by_example=True)
            while evaluation.advance():
                pass
            session.mixing.record(session.step, evaluation.result())
            found.append(evaluation)
        return self.compare((self.a.step, self.b.step), *found)

    def compare(
        self, steps: tuple[int, int], a: RunningEvaluation, b: RunningEvaluation
    ) -> DevDifference:
        """Add the difference of two finished evaluations of dev, by item, of A and B at these
        steps."""
        self.looks += 1
        noun = self.a.dataset.name if self.a.dataset.built_in else "items"
        items = a.item_losses(), b.item_losses()
        self.differences.append(paired_difference(*items, steps, self.looks, noun))
        if len(self.differences) > _MAX_DIFFERENCES:
            del self.differences[1::2]
        return self.differences[-1]

    def other(self, session: Session) -> Session:
        """The one of the two that a session is not."""
        return self.b if session is self.a else self.a

    @property
    def is_level(self) -> bool:
        """True when both are at the same step, or the one that is behind has counted all, and the
        weights of both are finite."""
        behind = min(self.a, self.b, key=lambda one: one.step)
        is_finite = self.a.model.is_finite and self.b.model.is_finite
        return is_finite and (self.a.step == self.b.step or behind.trainer.finished)

    @property
    def unpaired(self) -> str:
        """Why the minibatches of A and B are not the same, in a sentence; "" if they are."""
        ends = "so their minibatch losses can't be paired; only dev is compared"
        settings = [vars(one.model_settings) | vars(one.train_settings) for one in (self.a, self.b)]
        if self.a.seed != self.b.seed:
            return f"A has seed {self.a.seed} and B {self.b.seed}, {ends}"
        for name in _UNPAIRED:
            a, b = (setting_text(name, one[name]) for one in settings)
            if a != b:
                return f"A has {name.replace('_', ' ')} {a} and B {b}, {ends}"
        if self.a.step == self.b.step and not self._draw_alike():
            return f"A and B have drawn different minibatches, {ends}"
        return ""

    def losses(
        self,
        max_points: int = 200,
        window: int = 1000,
        steps: tuple[int, int] | None = None,
        from_share: float = 0.0,
    ) -> TwinLosses:
        """The minibatch losses of both, in at most so many points, each the mean over a triangle of
        `window` steps that reaches across no edit of either.

        steps: the first and the last; by default all, or those from a share of them on.
        """
        both = self.a, self.b
        taken = min(one.history.steps for one in both)
        first, last = steps or (int(taken * from_share), taken)
        edits = sorted({self.forked_at, *(entry.step for one in both for entry in one.journal)})
        last = min(last, *(one.history.filled.shape[1] * one.history.width for one in both))
        at = self.a.history.curve(first, max_points, last).steps
        at = [step for step in at if step <= last]
        a, b = (one.history.smoothed(at, window, edits) for one in both)
        return TwinLosses(
            steps=at,
            a=a.tolist(),
            b=b.tolist(),
            difference=[] if self.unpaired else (b - a).tolist(),
            dev=[one for one in self.differences if first <= one.step <= last],
        )

    def _draw_alike(self) -> bool:
        """True when both draw their next minibatches from the same place of the same numbers."""
        a, b = (one.trainer.state_dict() for one in (self.a, self.b))
        if "generator" not in a:
            return True
        return torch.equal(a["generator"], b["generator"]) and torch.equal(a["left"], b["left"])


class SavedTwins(NamedTuple):
    """A pair whose A was read from a file that names B's. named: True when a person named B."""

    twins: Twins
    file: Path
    named: bool


def saved_twins(session: Session, path: Path, twin: TwinRecord | None) -> SavedTwins | None:
    """The pair of a session that was read from this file and the run that was saved beside it.

    twin: what the record says of that; None if there was none. Returns None too if it is gone or
    can't be read.
    """
    if twin is None:
        return None
    try:
        file = find(path).with_name(Path(twin.file).name)
        state, record = checkpoint.read_with_record(file)
        check_same_data(session.dataset, state.dataset)
    except UserError:
        return None
    twins = Twins(session, Session.from_state(replace(state, dataset=session.dataset)))
    twins.forked_at, twins.looks = twin.forked_at, twin.looks
    twins.differences = list(twin.differences)
    return SavedTwins(twins, file, record.named)


def check_same_data(a: Dataset, b: Dataset) -> None:
    """Raises UserError if two datasets are not the same."""
    if a is not b and (a.fingerprint, a.unique) != (b.fingerprint, b.unique):
        raise another_dataset(a.name, b.name)


def another_dataset(a: str, b: str) -> UserError:
    """Why runs on these two datasets can't be compared."""
    return UserError(f"A is trained on {a} and B on {b}; two runs are compared on the same data")


def can_train(session: Session) -> bool:
    """True unless a session's weights are not finite, or it has counted all there is."""
    is_finite = session.diverged_at is None or session.model.is_finite  # the former is quicker
    return is_finite and not session.trainer.finished
