"""The losses of the splits, evaluated a block at a time between slices of training."""

from collections.abc import Callable

from ..analysis.evaluation import RunningEvaluation
from ..results import SplitLosses, TestLoss
from ..session.session import Session

_EVALUATION_SECONDS = 0.5  # at the least, from one evaluation to the next
_EVALUATION_SHARE = 0.01  # of the time, at the most, unless that means too long a wait
_MAX_WAIT = 4.0
_MAX_EXAMPLES = 1 << 20  # of a split
_MAX_TRAIN_EXAMPLES = 1 << 15  # of train, for a model that takes long
_LONG = 100_000  # multiplications


class EvalScheduler:
    """Evaluates train and dev now and then while the weights move, and test when that is asked for.

    splits, test: the newest losses of the session's present path, None before the first.
    asked: how often test was asked for.
    """

    def __init__(self, clock: Callable[[], float]):
        self._clock = clock
        self.asked: int = 0
        self.forget()

    def forget(self) -> None:
        """The session has other weights than the next step of before would have led to."""
        self.splits: SplitLosses | None = None
        self.test: TestLoss | None = None
        self._testing: tuple[int, RunningEvaluation] | None = None
        self._evaluating: tuple[int, RunningEvaluation, RunningEvaluation] | None = None
        self._cost = 0.0
        self._next = 0.0

    def heed_edit(self, session: Session, is_resized: bool, is_another_loss: bool) -> None:
        """Evaluate anew after an edit.

        is_resized: whether the model has another size. is_another_loss: whether the same weights
        have another loss now, or are evaluated on something else.
        """
        if is_resized:
            self._evaluating = None
        self._next = 0.0
        if is_resized or is_another_loss:
            self.test = None  # it was another model's
            if self._testing is not None:
                self._begin_test(session)

    def ask_for_test(self, session: Session) -> None:
        """Evaluate the test split."""
        self.asked += 1
        self._begin_test(session)

    def has_work(self, session: Session, is_training: bool) -> bool:
        """True when `advance` should be called."""
        is_under_way = self._testing is not None or self._evaluating is not None
        return is_under_way or self._is_due(session, is_training)

    def advance(self, session: Session, is_training: bool) -> bool:
        """Evaluate another block of examples. Returns False if there was nothing to do."""
        if self._testing is not None:
            self._test_a_block(*self._testing)
            return True
        if self._evaluating is None and not self._is_due(session, is_training):
            return False
        self._evaluate_a_block(session)
        return True

    def _begin_test(self, session: Session) -> None:
        evaluation = RunningEvaluation(session.model, session.tables, "test")
        self._testing = session.step, evaluation

    def _test_a_block(self, step: int, evaluation: RunningEvaluation) -> None:
        if not evaluation.advance():
            self.test = TestLoss(step, evaluation.result().loss)
            self._testing = None

    def _is_due(self, session: Session, is_training: bool) -> bool:
        """True when the losses are out of date; while training, only from time to time."""
        evaluated = self.splits.step if self.splits else -1
        is_outdated = evaluated != session.step or self._next == 0.0
        return is_outdated and (not is_training or self._clock() >= self._next)

    def _evaluate_a_block(self, session: Session) -> None:
        begun = self._clock()
        if self._evaluating is None:
            self._cost, self._next = 0.0, begun  # so that an edit meanwhile can ask for another
            self._evaluating = session.step, *_evaluations(session)
        step, dev, train = self._evaluating
        more = dev.advance() or train.advance()
        self._cost += self._clock() - begun
        if not more:
            self._evaluating = None
            self._finish(session, step, dev, train)

    def _finish(
        self, session: Session, step: int, dev: RunningEvaluation, train: RunningEvaluation
    ) -> None:
        of_dev, of_train = dev.result(), train.result()
        is_first = self.splits is None  # its cost was that of building the context tables
        self.splits = SplitLosses(
            step=step,
            train=of_train.loss,
            dev=of_dev.loss,
            dev_seen=of_dev.seen,
            dev_unseen=of_dev.unseen,
            train_share=of_train.examples / of_train.of,
            dev_share=of_dev.examples / of_dev.of,
        )
        session.dev_losses.append(step, of_dev.loss)
        if self._next:
            cost = 0.0 if is_first else self._cost
            wait = max(_EVALUATION_SECONDS, min(cost / _EVALUATION_SHARE, _MAX_WAIT))
            self._next = self._clock() + wait


def _evaluations(session: Session) -> tuple[RunningEvaluation, RunningEvaluation]:
    """Of dev, and of what is trained on; of large splits in part."""
    takes_long = session.model.multiplications > _LONG
    most = _MAX_TRAIN_EXAMPLES if takes_long else _MAX_EXAMPLES
    on = session.train_settings.train_on
    return (
        RunningEvaluation(session.model, session.tables, "dev", _MAX_EXAMPLES),
        RunningEvaluation(session.model, session.tables, on, most),
    )
