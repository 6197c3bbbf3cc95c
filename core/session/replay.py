"""A saved run trained again from its seed, through every edit, and compared with what was saved."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from ..analysis.evaluation import evaluate
from ..errors import UserError
from ..models.ngram import NgramCounts
from ..runs.checkpoint import read_with_record
from ..runs.state import RunState
from ..training.time_slicer import TimeSlicer
from .session import Session

_SLICE_SECONDS = 0.05


@dataclass(frozen=True, repr=False)
class Replay:
    """A run that was trained again.

    identical: True when all its parameters are those saved, bit for bit. largest_difference: of any
    parameter. loss_difference: of the dev losses, in nats. All None where the replay was stopped
    before the step that was saved. steps: how many were taken. recorded_torch: the version of
    torch that the run was saved with; same_build: True when it is this one.
    """

    session: Session
    identical: bool | None
    largest_difference: float | None
    loss_difference: float | None
    steps: int
    recorded_torch: str
    same_build: bool

    def __repr__(self) -> str:
        return f"Replay({self.session!r}, identical={self.identical})"


def replay(
    run: Path | str | RunState,
    until: int | None = None,
    advance: Callable[[int, Tensor], None] = lambda step, losses: None,
) -> Replay:
    """Train a run again, resizings and all, to the step that was saved, or to `until`.

    On the same build of torch, with as many threads as the run was trained with (`threads` of its
    record), the result is identical.

    run: a saved run, or a state. advance: called after each slice of training with the step and
    the losses of the slice. Raises UserError if the run is damaged, or `until` is beyond its steps.
    """
    if isinstance(run, RunState):
        saved, recorded = run, torch.__version__
    else:
        saved, record = read_with_record(run, partial=True)
        recorded = record.versions.get("torch", "unknown")
    if until is not None and not 0 <= until <= saved.step:
        raise UserError(f"{run} has {saved.step:,} steps, so it can't be replayed until {until:,}")
    end = saved.step if until is None else until
    session = _trained(saved, end, advance)
    differences = _differences(session, saved) if end == saved.step else (None, None, None)
    return Replay(session, *differences, session.step, recorded, recorded == torch.__version__)


def _trained(saved: RunState, end: int, advance: Callable[[int, Tensor], None]) -> Session:
    session = Session.from_state(saved.beginning())
    slicer = TimeSlicer(_SLICE_SECONDS)

    def train(to: int) -> None:
        for losses in slicer.train_to(session, to):
            advance(session.step, losses)

    for entry in saved.journal:
        if entry.step > end or entry.step == end < saved.step:
            break
        train(entry.step)
        session.edit(**entry.changes)
        slicer = TimeSlicer(_SLICE_SECONDS)  # a step may take another time
    train(end)
    return session


def _parameters(session: Session, saved: RunState) -> tuple[Tensor, Tensor]:
    """The parameters or counts of a session, and those saved."""
    model = session.model
    if not isinstance(model, NgramCounts):
        return model.flat, saved.trainer["parameters"]
    if "counts" in saved.trainer:  # of a format that stored the whole table
        V, order = model.vocabulary_size, model.settings.order
        contexts = torch.cartesian_prod(*[torch.arange(V)] * (order - 1)).view(
            -1, max(1, order - 1)
        )
        return model.counts_after(contexts), saved.trainer["counts"]
    again = Session.from_state(saved).model
    return model.counts, again.tensors["counts"]


def _differences(session: Session, saved: RunState) -> tuple[bool, float, float]:
    """Whether all parameters are identical, and the largest difference of them and of the loss."""
    ours, theirs = _parameters(session, saved)
    if torch.equal(ours.view(torch.int32), theirs.view(torch.int32)):  # bit for bit
        return True, 0.0, 0.0
    largest = float((ours.double() - theirs.double()).abs().max())
    other = Session.from_state(saved)
    losses = [evaluate(one.model, one.dataset, "dev").loss for one in (session, other)]
    difference = abs(losses[0] - losses[1]) if math.isfinite(losses[1]) else math.nan
    return False, largest, difference
