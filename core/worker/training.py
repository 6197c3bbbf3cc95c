"""Whether a session trains between requests, until which step, and how fast."""

import time
from collections import deque
from collections.abc import Callable

from ..errors import UserError
from ..session.session import Session
from ..session.twins import can_train
from ..training.time_slicer import TimeSlicer, Trainable
from .protocol import State

_SLICE_SECONDS = 0.016
_SPEED_SECONDS = 1.5  # over which the speed is measured
_MAX_STEPS = 10**18  # of counting
_MAX_LAG = 0.25  # seconds behind a limit of the speed that are made up for


class TrainingControl:
    """The state machine of a session's training, or of that of a pair.

    Of a pair, one that has diverged for good stops and the other goes on.

    training -> paused     on request, or when the steps that were asked for are taken
    training -> finished   at the last planned step; or when all is counted
    training -> diverged   when the loss explodes or is no longer finite
    finished -> paused     when a longer plan is set; counts of other examples: -> training
    any      -> training   on request, while the weights are finite; a finished run needs a longer
                           plan for that

    state: the present one. A new run trains unless the one before was paused, or was to take a
    number of steps only.
    pace: how fast it trains; what is trained doesn't depend on it.
    """

    def __init__(
        self, session: Session, clock: Callable[[], float] = time.perf_counter, paused: bool = False
    ):
        """paused: don't train yet."""
        self.state: State = "paused" if paused else "training"
        self.pace: Pace = Pace(clock)
        self._stop_at: int | None = None  # the step at which it pauses by itself
        self._clock = clock
        self.use(session, session)

    def use(self, trained: Trainable, *sessions: Session) -> None:
        """Train these sessions from now on: one, or those of a pair, which `trained` trains."""
        self._trained, self._sessions = trained, sessions
        self.reset()

    @property
    def is_training(self) -> bool:
        """True while steps are taken between requests."""
        return self.state == "training"

    @property
    def seconds_to_wait(self) -> float | None:
        """How long until the next step is due; None while no step will be."""
        return self.pace.seconds_to_wait if self.is_training else None

    @property
    def steps_per_second(self) -> float:
        """The speed over the last 1.5 seconds; 0 unless steps were taken since the last pause."""
        if len(self._recent) < 2:
            return 0.0
        (first_time, first_step), (last_time, last_step) = self._recent[0], self._recent[-1]
        return (last_step - first_step) / max(last_time - first_time, 1e-9)

    def reset(self) -> None:
        """Take up the session's weights after they were replaced, by a new run or by undo."""
        self._slicer = TimeSlicer(_SLICE_SECONDS, self._clock)
        self._recent: deque[tuple[float, int]] = deque()  # times and steps
        if self._stop_at is not None:
            self.state, self._stop_at = "paused", None
        if self._is_diverged:
            self.state = "diverged"
        elif self.state != "paused":
            self.state = "finished" if self.is_finished else "training"

    def edited(self, is_resized: bool) -> None:
        """Take up an edit of the settings. Counts that begin anew are counted at once."""
        if is_resized:  # a step takes another time
            self._slicer = TimeSlicer(_SLICE_SECONDS, self._clock)
        if self.state == "finished" and not self.is_finished:
            is_empty = not any(one.model.num_parameters for one in self._sessions)
            self.state = "training" if is_empty else "paused"

    def pause(self, state: State = "paused") -> None:
        """Stop training, for this reason."""
        self.state = "diverged" if self._is_diverged else state
        self._stop_at = None
        self._recent.clear()

    def resume(self) -> None:
        """Train. Raises UserError if every example has been counted, or the weights are not
        finite."""
        if all(one.trainer.finished for one in self._sessions):
            raise UserError("all examples have been counted; restart to count again")
        self.check_is_finite()
        self.state, self._stop_at = "training", None

    def step(self, count: int) -> None:
        """Take one step and pause; or train until more are taken. Raises UserError if the weights
        are not finite."""
        self.check_is_finite()
        if count == 1:
            self._train(1)
            self.pause()
        else:
            self.state, self._stop_at = "training", self._step + count

    def advance(self, most: int = _MAX_STEPS) -> None:
        """Train for a slice of time, as far as the pace allows, and at most so many steps; or do a
        part of what comes before the next step."""
        if self.is_training and any(one.trainer.prepare() for one in self._sessions):
            return
        end = self._last_step if self._stop_at is None else min(self._stop_at, self._last_step)
        if not self.is_finished and (steps := self.pace.num_due(min(most, end - self._step))):
            begun = self._step
            self._train(steps)
            self.pace.took(self._step - begun)
        if self.is_training and self.is_finished:
            self.pause("finished")
        elif self._stop_at is not None and self._step >= self._stop_at:
            self.pause()

    def check_is_finite(self) -> None:
        """Raises UserError if the weights are not finite, with what would make them so."""
        session = self._sessions[0]
        if not any(one.model.is_finite for one in self._sessions):
            way_back = session.timeline.before_divergence()
            remedy = "lower the learning rate, then restart"
            remedy = remedy if way_back is None else f"undo {way_back.label}"
            raise UserError(f"the weights are not finite; {remedy}")

    @property
    def is_finished(self) -> bool:
        """True when the last planned step has been taken, or every example has been counted."""
        return all(one.trainer.finished for one in self._sessions) or self._step >= self._last_step

    @property
    def _is_diverged(self) -> bool:
        return all(one.diverged_at is not None for one in self._sessions)

    @property
    def _step(self) -> int:
        """The step of the session, or of the one of a pair that is behind and can be trained."""
        steps = [one.step for one in self._sessions if can_train(one)]
        return min(steps or [one.step for one in self._sessions])

    def _train(self, most: int) -> None:
        was_diverged = self._is_diverged  # and was resumed all the same
        self._slicer.train(self._trained, most)
        now = self._clock()
        self._recent.append((now, self._step))
        while self._recent[0][0] < now - _SPEED_SECONDS:
            self._recent.popleft()
        if self._is_diverged and not was_diverged:
            self.pause("diverged")

    @property
    def _last_step(self) -> int:
        """The step at which the run, or the first of a pair that goes on, ends by itself."""
        trainers = (one.trainer for one in self._sessions)
        return min((one.last_step for one in trainers if not one.finished), default=0)


class Pace:
    """Says when steps may be taken so that there are at most `limit` of them a second.

    limit: None for as many as the machine can do.
    """

    def __init__(self, clock: Callable[[], float] = time.perf_counter):
        self.limit: int | None = None
        self._clock = clock
        self._next = 0.0  # when the next step is due

    @property
    def seconds_to_wait(self) -> float:
        """How long until a step may be taken; 0 if one may be taken now."""
        return 0.0 if self.limit is None else max(0.0, self._next - self._clock())

    def num_due(self, most: int) -> int:
        """How many of at most `most` steps may be taken now."""
        if self.limit is None:
            return most
        late = self._clock() - self._next
        return 0 if late < 0 else min(most, 1 + int(min(late, _MAX_LAG) * self.limit))

    def took(self, steps: int) -> None:
        """Note that so many steps were taken."""
        if self.limit is not None:
            self._next = max(self._next, self._clock() - _MAX_LAG) + steps / self.limit

    def change(self, limit: int | None) -> None:
        """Take another limit, from now on."""
        self.limit, self._next = limit, 0.0
