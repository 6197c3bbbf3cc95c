"""A saved run trained again from its seed, through every edit, and compared with what was saved."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from ..analysis.evaluation import evaluate
from ..errors import UserError
from ..runs.checkpoint import Run, load_run
from ..runs.record import check_path
from ..training.time_slicer import TimeSlicer
from .session import Session

_SLICE_SECONDS = 0.05


@dataclass(frozen=True)
class Replay:
    """A run that was trained again.

    identical: whether all its parameters are those saved, bit for bit. largest_difference: of any
    parameter. loss_difference: of the dev losses, in nats. All None where the replay was stopped
    before the step that was saved. steps: how many were taken. recorded_torch: the version of
    torch that the run was saved with; same_build: whether it is this one.
    """

    session: Session
    identical: bool | None
    largest_difference: float | None
    loss_difference: float | None
    steps: int
    recorded_torch: str
    same_build: bool


def replay_run(
    folder: Path | str,
    until: int | None = None,
    advance: Callable[[int, Tensor], None] = lambda step, losses: None,
) -> Replay:
    """Train a saved run again, growth and all, to the step that was saved, or to `until`.

    On the same build of torch, with as many threads as the run was trained with (`threads` of its
    record), the result is identical.

    advance: called after each slice of training with the step and the losses of the slice.

    Raises:
        UserError: the run is damaged, or `until` lies beyond its steps.
    """
    saved = load_run(folder)
    record, last = saved.record, saved.steps
    check_path(saved.folder, record)
    if until is not None and not 0 <= until <= last:
        raise UserError(f"{folder} has {last:,} steps, so it can't be replayed until {until:,}")
    end = last if until is None else until
    session = _trained(saved, end, advance)
    recorded = record.versions.get("torch", "unknown")
    differences = _differences(session, saved) if end == last else (None, None, None)
    return Replay(session, *differences, session.step, recorded, recorded == torch.__version__)


def _trained(saved: Run, end: int, advance: Callable[[int, Tensor], None]) -> Session:
    """A new session, trained as the saved one was as far as a step."""
    record, last = saved.record, saved.steps
    session, slicer = (
        Session(saved.dataset, *record.first, seed=saved.seed),
        TimeSlicer(_SLICE_SECONDS),
    )

    def train(to: int) -> None:
        while session.step < to and not session.trainer.finished:
            losses = slicer.train(session, to - session.step)
            advance(session.step, losses)

    for step, changes in record.journal:
        if step > end or step == end < last:
            break
        train(step)
        session.change(changes)  # of which nobody wants to go back
        slicer = TimeSlicer(_SLICE_SECONDS)  # a step may take another time
    train(end)
    return session


def _differences(session: Session, saved: Run) -> tuple[bool, float, float]:
    """Whether all parameters are identical, and the largest difference of them and of the loss."""
    identical, largest = True, 0.0
    for name, tensor in session.model.tensors.items():
        other = saved.model.tensors[name]
        if not torch.equal(_bits(tensor), _bits(other)):
            identical = False
            largest = max(largest, float((tensor.double() - other.double()).abs().max()))
    if identical:
        return True, 0.0, 0.0
    losses = [
        evaluate(model, session.dataset, "dev").loss for model in (session.model, saved.model)
    ]
    difference = abs(losses[0] - losses[1]) if math.isfinite(losses[1]) else math.nan
    return False, largest, difference


def _bits(tensor: Tensor) -> Tensor:
    return tensor.contiguous().view(torch.int32)
