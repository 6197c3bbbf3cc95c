"""The pair of runs that the worker trains, if it does: forked, chosen from, kept and saved."""

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from msgspec import structs

from ..errors import UserError
from ..results import KEEP_FIRST, Pair, Saving, Side, SideFacts, SplitLosses
from ..runs import checkpoint
from ..runs.record import TwinRecord
from ..runs.state import RunState
from ..session.session import Session
from ..session.timeline import Level
from ..session.twins import SavedTwins, Twins, check_same_data, saved_twins
from .autosave import Autosave
from .eval_scheduler import EvalScheduler
from .training import TrainingControl


class Runner(Protocol):
    """What a pair needs of a `SessionRunner`, which it is part of."""

    session: Session
    autosave: Autosave | None
    training: TrainingControl
    evals: EvalScheduler

    def restart(self) -> None: ...
    def cancel_finder(self) -> None: ...
    def save_before_leaving(self) -> None: ...
    def weights_replaced(self) -> None: ...
    def go_back(self, action: Callable[[], Any]) -> None: ...


class PairControl:
    """What becomes of a pair: the requests that are about it, and how both runs are saved.

    Of a pair, the runner's `session` and `autosave` are those of the chosen side. Each run has a
    file of its own; that of A names that of B.

    twins: None of a single run. side: the chosen one.
    """

    def __init__(self, runner: Runner):
        self.twins: Twins | None = None
        self.side: Side = "a"
        self._runner = runner
        self._savers: Mapping[Side, Autosave] = {}
        self._recorded: TwinRecord | None = None  # what A's file was last said to hold of B
        self._ended: tuple[Level, Twins] | None = None  # the last pair, and what undoes its end

    def fork(self, previous: int | None, folder: str, from_start: bool) -> None:
        """Train another run beside the session; see `protocol.Fork`.

        Raises UserError if there is a pair already, or the other run can't be read or has other
        data.
        """
        self.check_single()
        runner, session = self._runner, self._runner.session
        state = session.state()
        if folder:
            state = checkpoint.read(folder)
            check_same_data(session.dataset, state.dataset)
        elif previous is not None:
            state = session.timeline.previous_run(previous)
        splits = runner.evals.splits if state.run is session.run else None
        if from_start:
            settings = state.model_settings, state.train_settings
            state, splits = RunState.first(session.dataset, *settings, state.seed), None
            runner.restart()
        state = replace(state.forked(), dataset=session.dataset)
        self._join(Twins(session, Session.from_state(state)), splits)

    def choose(self, side: Side) -> None:
        """Have the runner's session be this one. Raises UserError if there is no pair."""
        twins, runner = self._pair(), self._runner
        if side != self.side:
            self.side = side
            runner.cancel_finder()
            runner.evals.swap(runner.session)
            runner.session = twins.other(runner.session)
            runner.autosave = self._savers.get(side)

    def keep(self, side: Side) -> None:
        """End the pair, and go on with one of the two; the other becomes a previous run. Raises
        UserError if there is no pair."""
        twins = self._end()
        session, stack = twins.a, twins.a.timeline
        label = f"keep {side.upper()}"
        if side == "b":
            before = session.state()
            stack.switch_to(twins.b.state(), label)
            if all(one.run is not before.run for one in stack.previous_runs):
                stack.add_previous_run(before)
            self._runner.weights_replaced()
        else:
            present = session.state()
            stack.record(label, present, present)
            stack.add_previous_run(twins.b.state())
        self._ended = stack.past[-1], twins

    def undo(self) -> None:
        """Undo what the chosen run can undo: the end of a pair, or, of a B that has nothing else,
        the fork, which makes B a previous run. Raises UserError if there is nothing to undo."""
        session, runner, ended = self._runner.session, self._runner, self._ended
        if self.can_unfork:
            twins = self._end()
            twins.a.timeline.add_previous_run(twins.b.state())
            return
        stack = session.timeline
        level = stack.next_undo()
        runner.go_back(stack.undo)
        if ended is not None and level is ended[0]:
            stack.future.clear()  # it would end the pair once more
            if runner.autosave is not None:
                self._savers["b"].adopt(runner.autosave, ended[1].b.run)
            self._join(ended[1])

    @property
    def can_unfork(self) -> str | None:
        """What undo would take back of a B that has nothing else to undo."""
        is_bare = self.side == "b" and self.twins and not self.twins.b.timeline.past
        return "fork" if is_bare else None

    def open(self, path: Path, twin: TwinRecord | None) -> None:
        """Train the run beside the session that was saved beside it, if there was one; nothing is
        said of one that is gone or can't be read. twin: what the session's record says of it."""
        if found := saved_twins(self._runner.session, path, twin):
            self._join(found.twins, saved=found)

    def check_single(self) -> None:
        """Raises UserError if there is a pair."""
        if self.twins is not None:
            raise UserError(KEEP_FIRST)

    def extend(self, changes: dict[str, Any]) -> None:
        """Give a longer plan, as the session was given, to the other run too if it has ended."""
        if self.twins is not None:
            other = self.twins.other(self._runner.session)
            if not other.trainer.finished and other.step >= other.trainer.last_step:
                other.edit(**changes)

    def sessions(self) -> list[Session]:
        """The session, or A and B of a pair."""
        return [self._runner.session] if self.twins is None else [self.twins.a, self.twins.b]

    def savers(self) -> list[tuple[Autosave, Session]]:
        """What saves the session, or both of a pair, and what it saves."""
        runner = self._runner
        if runner.autosave is None:
            return []
        if self.twins is None:
            return [(runner.autosave, runner.session)]
        return [(self._savers["a"], self.twins.a), (self._savers["b"], self.twins.b)]

    def saving(self) -> Saving | None:
        """Where the session is saved, or A of a pair, whose file opens both; None if it isn't."""
        facts = [autosave.facts for autosave, _ in self.savers()]
        if len(facts) < 2:
            return facts[0] if facts else None
        a, b = facts
        note = (b if self.side == "b" else a).note
        return structs.replace(a, note=note, problem=a.problem or b.problem)

    def facts(self) -> Pair | None:
        """The pair as it is now."""
        if self.twins is None:
            return None
        twins, evals = self.twins, self._runner.evals
        splits = {self._runner.session: evals.splits, evals.other: evals.other_splits}
        a, b = (_side_facts(one, splits.get(one)) for one in (twins.a, twins.b))
        newest = twins.differences[-1] if twins.differences else None
        return Pair(self.side, a, b, twins.forked_at, newest, twins.unpaired)

    def _pair(self) -> Twins:
        if self.twins is None:
            raise UserError("there is no other run beside this one")
        return self.twins

    def _join(
        self, twins: Twins, splits: SplitLosses | None = None, saved: SavedTwins | None = None
    ) -> None:
        """Train a pair from now on. splits: B's losses, if known. saved: as it was read, if it
        was."""
        runner = self._runner
        self.twins, self.side, self._ended, self._recorded = twins, "a", None, None
        if runner.autosave is not None:
            if not self._savers:
                self._savers = {"a": runner.autosave, "b": runner.autosave.beside()}
                runner.autosave.twin = self._record
            if saved is None:
                self._savers["b"].begin(twins.b)
            else:
                self._savers["b"].resume(twins.b, saved.file, saved.named)
        twins.b.mixing.in_background = True
        runner.evals.pair(twins, twins.b, splits)
        runner.training.use(twins, twins.a, twins.b)
        self.choose("b")

    def _end(self) -> Twins:
        """Train A alone from now on; B's state is saved, and its file is known to A's autosave."""
        twins, runner = self._pair(), self._runner
        self.choose("a")
        if self._savers:
            self._savers["b"].keep(twins.b)
        self.twins = None
        runner.save_before_leaving()  # no longer with the name of B's file
        if runner.autosave is not None:
            runner.autosave.adopt(self._savers["b"], twins.b.run)
        runner.evals.pair(None, None, None)
        runner.training.use(twins.a, twins.a)
        return twins

    def _record(self) -> TwinRecord | None:
        """What A's file says of B, once B is saved."""
        twins = self.twins
        file = twins and self._savers["b"].folder_of(twins.b.run)
        if twins is None or not file:
            return None
        name, known = Path(file).name, self._recorded
        if known is None or (known.file, known.looks) != (name, twins.looks):
            finite = (
                one for one in twins.differences if math.isfinite(one.difference * one.multiple)
            )
            known = TwinRecord(name, twins.forked_at, twins.looks, tuple(finite))
        self._recorded = known
        return known


def _side_facts(session: Session, splits: SplitLosses | None) -> SideFacts:
    return SideFacts(
        step=session.step,
        seed=session.seed,
        model=session.model_settings,
        train=session.train_settings,
        learning_rate=session.train_settings.learning_rate_at(session.step),
        parameters=session.model.num_parameters,
        splits=splits,
        diverged_at=session.diverged_at,
        is_finite=session.model.is_finite,
    )
