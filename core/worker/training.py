"""Whether a session trains between requests, until which step, and how fast."""

import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

from ..errors import UserError
from ..session.session import Session
from ..training.time_slicer import TimeSlicer
from .protocol import State

_SLICE_SECONDS = 0.016
_SPEED_SECONDS = 1.5  # over which the speed is measured
_UNLIMITED = 10**18  # steps


class TrainingControl:
    """The state machine of a session's training.

    training -> paused     on request
    training -> finished   at the last planned step; or when all is counted
    training -> diverged   when the loss is no longer finite
    any      -> training   on request, while the weights are finite

    state: the present one. A new run trains unless the one before was paused.
    """

    def __init__(
        self, session: Session, clock: Callable[[], float] = time.perf_counter, paused: bool = False
    ):
        """paused: don't train yet. Otherwise a run that is past its plan trains without a limit."""
        self.state: State = "paused" if paused else "training"
        self._session = session
        self._clock = clock
        self._unlimited_runs: set[object] = set()  # those resumed after their last planned step
        if session.step >= session.train_settings.steps and not paused:
            self._unlimited_runs.add(session.run)
        self.reset()

    @property
    def is_training(self) -> bool:
        """True while steps are taken between requests."""
        return self.state == "training"

    @property
    def steps_per_second(self) -> float:
        """The speed over the last 1.5 seconds; 0 unless steps were taken since the last pause."""
        if len(self._recent) < 2:
            return 0.0
        (first_time, first_step), (_, last_step) = self._recent[0], self._recent[-1]
        return (last_step - first_step) / max(self._clock() - first_time, 1e-9)

    def reset(self) -> None:
        """Take up the session's weights after they were replaced, by a new run or by undo."""
        self._slicer = TimeSlicer(_SLICE_SECONDS, self._clock)
        self._recent: deque[tuple[float, int]] = deque()  # times and steps
        if self._session.diverged:
            self.state = "diverged"
        elif self.state != "paused":
            self.state = "finished" if self._is_finished else "training"

    def edited(self, changes: Mapping[str, Any], is_resized: bool) -> None:
        """Take up an edit of the settings: of another size a step takes another time, and another
        plan holds even for a run that was resumed after its last planned step."""
        if is_resized:
            self._slicer = TimeSlicer(_SLICE_SECONDS, self._clock)
        if "steps" in changes:
            self._unlimited_runs.discard(self._session.run)

    def pause(self, state: State = "paused") -> None:
        """Stop training, for this reason."""
        self.state = state
        self._recent.clear()

    def resume(self) -> None:
        """Train, without a limit if the last planned step has been taken. Raises UserError if every
        example has been counted, or the weights are not finite."""
        if self._session.trainer.finished:
            raise UserError("every example has been counted; a restart counts again")
        self.check_is_finite()
        if self._session.step >= self._last_step:
            self._unlimited_runs.add(self._session.run)
        self.state = "training"

    def step(self) -> None:
        """Take one step and pause. Raises UserError if the weights are not finite."""
        if self._session.diverged_at is not None:
            self.check_is_finite()
        self.pause()
        self._train(1)

    def advance(self, most: int = _UNLIMITED) -> None:
        """Train for a slice of time, and at most so many steps."""
        if self._session.step < self._last_step:
            self._train(min(most, self._last_step - self._session.step))
        if self.is_training and self._is_finished:
            self.pause("finished")

    def check_is_finite(self) -> None:
        """Raises UserError if the weights are not finite, with what would make them so."""
        if self._session.diverged:
            way_back = self._session.undo_stack.newest_finite_label
            remedy = "lower the learning rate, then restart"
            remedy = remedy if way_back is None else f"undo takes back {way_back}"
            raise UserError(f"the weights are not finite; {remedy}")

    def _train(self, most: int) -> None:
        self._slicer.train(self._session, most)
        now = self._clock()
        self._recent.append((now, self._session.step))
        while self._recent[0][0] < now - _SPEED_SECONDS:
            self._recent.popleft()
        if self._session.diverged_at is not None:
            self.pause("diverged")

    @property
    def _last_step(self) -> int:
        """The step at which the run ends by itself; counting ends when all is counted instead."""
        is_counting = not self._session.model_settings.model_kind.is_network
        is_unlimited = is_counting or self._session.run in self._unlimited_runs
        return _UNLIMITED if is_unlimited else self._session.train_settings.steps

    @property
    def _is_finished(self) -> bool:
        return self._session.trainer.finished or self._session.step >= self._last_step
