"""The losses of the splits, evaluated a block at a time between slices of training."""

from collections.abc import Callable
from typing import NamedTuple

from ..analysis.evaluation import Evaluation, RunningEvaluation
from ..results import MixedLosses, SplitLosses, TestLoss
from ..session.session import Session
from ..session.twins import Twins

_MIN_WAIT = 0.5  # seconds from one evaluation to the next while training
_MAX_WAIT = 4.0
_MAX_TIME_SHARE = 0.01  # of the time is spent on evaluation, unless the wait is the longest
_SHORT_PLAN = 2000  # steps, in which there are more evaluations than one each `_MIN_WAIT`:
_MAX_IN_PLAN = 64  # evenly along the plan, and before that at steps that double,
_PLAN_SECONDS = 0.5  # unless they would take longer than this in all
_MIN_SLICES = 8  # of training from the one to the next, while one is under way
_MAX_EXAMPLES = 1 << 20  # of a split
_MAX_MIXED_EXAMPLES = 1 << 18  # of a split, with a mixture, which is evaluated by example
_MAX_TRAIN_EXAMPLES = 1 << 15  # of the train split, for a slow model:
_SLOW = 100_000  # multiplications an example
_NEVER = 1 << 60  # steps


class _Evaluating(NamedTuple):
    """The evaluations of a session as it was at a step."""

    session: Session
    step: int
    dev: RunningEvaluation
    train: RunningEvaluation

    def advance(self) -> bool:
        """Evaluate one more block; False if none is left."""
        return self.dev.advance() or self.train.advance()

    def results(self) -> tuple[Evaluation, Evaluation]:
        """Those of what is trained on and of dev, once all blocks are evaluated."""
        return self.train.result(), self.dev.result()


class EvalScheduler:
    """Evaluates train and dev from time to time as the weights move, and test on request.

    Of a pair of runs both are evaluated at the same step, half as often, and compared by item.

    splits, test: the newest losses on the session's present path, None before the first.
    other_splits: those of `other`, the run that is trained beside the session. twins: the pair.
    tests_requested: how often the test loss was asked for, over all runs.
    """

    def __init__(self, clock: Callable[[], float]):
        self._clock = clock
        self.tests_requested: int = 0
        self.twins: Twins | None = None
        self.other: Session | None = None
        self.reset()

    def reset(self) -> None:
        """Drop all losses, because the session's weights were replaced."""
        self.splits: SplitLosses | None = None
        self.other_splits: SplitLosses | None = None
        self.test: TestLoss | None = None
        self._testing: tuple[int, RunningEvaluation] | None = None
        self._evaluating: list[_Evaluating] | None = None
        self._is_level = False  # True when what is being evaluated is a pair at the same step
        self._cost = 0.0  # seconds that the present evaluation has taken
        self._next = 0.0  # when the next is due; 0 is at once, even of the same step
        self._next_step = _NEVER  # at which it is due, if that is sooner
        self._apart = 0  # steps from one to the next

    def edited(
        self, session: Session, is_resized: bool, is_another_loss: bool, is_recounted: bool = False
    ) -> None:
        """Evaluate again after an edit.

        is_resized: True when the model has another size. is_another_loss: True when the same
        weights have another loss, or it is measured on another split. is_recounted: True when
        nothing is counted until the next step; what is evaluated is what will be then.
        """
        if is_resized or is_recounted:
            self._evaluating = None
        if not is_recounted:
            self._next = 0.0
        if is_resized or is_another_loss:
            self.test = None
            if self._testing is not None:
                self._begin_test(session)

    def counts_have_come(self, session: Session) -> None:
        """Evaluate again, because there are counts now to mix the network with."""
        self._next = 0.0
        if self.test is not None or self._testing is not None:
            self._begin_test(session)

    def request_test(self, session: Session) -> None:
        """Evaluate the test split."""
        self.tests_requested += 1
        self._begin_test(session)

    def has_work(self, session: Session, is_training: bool) -> bool:
        """True when `advance` should be called: while training, only from time to time."""
        if self._testing is not None or self._evaluating is not None:
            return True
        newest = [(self.splits, session)]
        if self.other is not None:
            newest.append((self.other_splits, self.other))
        is_outdated = self._next == 0.0 or any(
            splits is None or splits.step != one.step for splits, one in newest
        )
        is_due = self._clock() >= self._next or session.step >= self._next_step
        return is_outdated and (not is_training or is_due)

    def steps_until_due(self, session: Session) -> int:
        """How many steps may be taken before `advance` should be called, at least 1."""
        if self._evaluating is not None:
            return max(1, self._apart // _MIN_SLICES)
        return max(1, self._next_step - session.step)

    def advance(self, session: Session, is_training: bool) -> bool:
        """Evaluate another block of examples. Returns False if there was nothing to do."""
        if self._testing is not None:
            step, evaluation = self._testing
            if not evaluation.advance():
                found = evaluation.result()
                mixed = found.parts and (found.parts.counts.loss, found.loss)
                self.test = TestLoss(step, found.network.loss, *(mixed or ()))
                self._testing = None
            return True
        is_due = self.has_work(session, is_training)
        if is_due:
            self._advance_splits(session)
        return is_due

    def _begin_test(self, session: Session) -> None:
        self._testing = session.step, session.mixing.running("test")

    def pair(self, twins: Twins | None, other: Session | None, splits: SplitLosses | None) -> None:
        """Evaluate another run beside the session too, and compare the two; None for no longer.

        splits: the losses of the other that are known.
        """
        self.twins, self.other, self.other_splits = twins, other, splits
        self._evaluating, self._next = None, 0.0

    def swap(self, other: Session) -> None:
        """Have the session that was the other become the session, and the other way round."""
        self.other = other
        self.splits, self.other_splits = self.other_splits, self.splits
        self.test = self._testing = None

    def _advance_splits(self, session: Session) -> None:
        begun = self._clock()
        if self._evaluating is None:
            self._cost, self._next = 0.0, begun  # not 0: an edit meanwhile sets it to 0 again
            self._evaluating, self._next_step = self._begin_splits(session), _NEVER
            self._is_level = self.twins is not None and self.twins.is_level
            if session.trainer.last_step > _SHORT_PLAN:
                self._apart = _NEVER
        found = self._evaluating
        more = any(one.advance() for one in found)
        if more:
            self._cost += self._clock() - begun
            return
        results = [one.results() for one in found]
        self._cost += self._clock() - begun
        is_first = self.splits is None  # which had to build the context tables as well
        self._evaluating, step = None, found[0].step
        for one, (train, dev) in zip(found, results, strict=True):
            losses = _split_losses(one.step, train, dev)
            one.session.mixing.record(one.step, dev)
            if one.session is session:
                self.splits = losses
            else:
                self.other_splits = losses
        if (twins := self.twins) is not None and self._is_level:
            a, b = sorted(found, key=lambda one: one.session is twins.b)
            twins.compare((a.step, b.step), a.dev, b.dev)
        if self._next:
            longest = _MAX_WAIT * len(found)
            wait = 0.0 if is_first else min(self._cost / _MAX_TIME_SHARE, longest)
            self._next = self._clock() + max(_MIN_WAIT, wait)
        planned = session.trainer.last_step
        if planned <= _SHORT_PLAN:
            share = 0.0 if is_first else self._cost / _PLAN_SECONDS
            self._apart = min(round(planned * max(share, 1 / _MAX_IN_PLAN)), step)
            self._next_step = step + max(1, self._apart)

    def _begin_splits(self, session: Session) -> list[_Evaluating]:
        """Evaluations of dev and of what is trained on; of large splits in part."""
        sessions = [session] if self.other is None else [session, self.other]
        is_pair, is_mixed = len(sessions) > 1, any(one.mixing.is_on for one in sessions)
        begun = []
        for one in sessions:
            is_slow = one.model.multiplications > _SLOW
            most = _MAX_TRAIN_EXAMPLES if is_slow else _MAX_EXAMPLES
            most = min(most, _MAX_MIXED_EXAMPLES) if is_mixed else most
            most_dev = _MAX_MIXED_EXAMPLES if is_mixed else _MAX_EXAMPLES
            dev = one.mixing.running("dev", most_dev, by_example=is_pair)
            train = one.mixing.running(one.train_settings.train_on, most, dev)
            begun.append(_Evaluating(one, one.step, dev, train))
        return begun


def _split_losses(step: int, train: Evaluation, dev: Evaluation) -> SplitLosses:
    one, other = train.network, dev.network
    mixed = None
    if train.parts and dev.parts:
        counts = train.parts.counts.loss, dev.parts.counts.loss
        mixed = MixedLosses(dev.parts.weight, *counts, train.loss, dev.loss)
    seen = other.seen, other.unseen
    return SplitLosses(step, one.loss, other.loss, *seen, train.share, dev.share, mixed)
