"""The runs of a session, saved while it trains; a thread writes them."""

import contextlib
import os
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from pathlib import Path

from ..constants import RUN_SUFFIX
from ..errors import UserError
from ..paths import numbered
from ..results import Saving
from ..runs import checkpoint
from ..runs.catalog import automatic_name, check_name, prune, remove, stamp
from ..runs.header import existing_run, find, run_name
from ..runs.locks import RunLock, is_locked
from ..runs.record import TwinRecord
from ..runs.state import RunState
from ..session.session import Session

_SECONDS = 3.5  # from one save to the next
_SECONDS_TO_RETRY = 2.5
_PATIENCE = 0.005  # seconds to wait for the thread at a time, when nothing trains


@dataclass
class _Target:
    path: Path
    named: bool = False
    steps: int | None = None  # of the newest state in the file; None before the first save
    marker: tuple | None = None  # of the newest state handed to the thread
    stamp: tuple[int, ...] = ()  # of the file as saved; another process may have changed it since
    is_new_name: bool = False
    replaces: Path | None = None  # the run that is removed once this one is saved by its name


class Autosave:
    """Saves the run that a session is on every few seconds, each run to a file of its own.

    `advance` is called between slices of training; it copies the run's state and hands it to a
    thread. A failure is reported in `facts`, and saving is tried again.

    twin: what the run's file says of the run that is trained beside it.
    """

    def __init__(
        self, directory: Path, most_bytes: int, clock: Callable[[], float] = time.perf_counter
    ):
        """directory: where runs are kept. most_bytes: for all that were saved without a name."""
        self._directory = directory
        self._most_bytes = most_bytes
        self._clock = clock
        self._targets: dict[object, _Target] = {}  # by `Session.run`
        self._present: _Target | None = None
        self._lock: RunLock | None = None
        self._writes: deque[tuple[Future[None], _Target, RunState]] = deque()
        self._writer = ThreadPoolExecutor(1)
        self.twin: Callable[[], TwinRecord | None] = lambda: None
        self._next = clock() + _SECONDS
        self._note = ""
        self._problem: str | None = None

    def advance(self, session: Session, is_training: bool) -> bool:
        """Save if it is time to, and collect what the thread has written, for which training does
        not wait; False if nothing is to do."""
        if not self._writes and self._clock() >= self._next:
            self._next = self._clock() + _SECONDS
            self.keep(session)
        if not self._writes:
            return False
        wait([self._writes[0][0]], 0 if is_training else _PATIENCE)
        self._collect()
        return True

    def has_work(self, session: Session, is_training: bool) -> bool:
        """True when `advance` should be called: as soon as training has stopped, or on time."""
        is_unsaved = self._is_unsaved(session)
        if not is_training and self._problem is None and is_unsaved:
            self._next = min(self._next, self._clock())
        return bool(self._writes) or (is_unsaved and self._clock() >= self._next)

    def keep(self, session: Session) -> None:
        """Hand what is unsaved of the present run to the thread."""
        if not self._is_unsaved(session):
            return
        self._note = ""
        if session.run not in self._targets:
            name = automatic_name(session.dataset.name)
            self._targets[session.run] = _Target(self._directory / f"{name}{RUN_SUFFIX}")
        target, state = self._targets[session.run], _last_finite_state(session)
        target.marker = _marker(session, self.twin())
        if target.steps is None and self._lock is None:
            paths = numbered(target.path.parent, run_name(target.path), RUN_SUFFIX)
            free = (one for one in paths if not (os.path.lexists(one) or is_locked(one)))
            target.path = next(free)
            self._try_lock(target)
        elif target.steps is not None and not stamp(target.path):
            self._note = f"{run_name(target.path)} was removed, so the run was saved there again"
            self._hold(None)  # the lock's file may be gone too; it is taken anew
        self._present = target
        is_in_file = target.steps is not None and state.step <= target.steps
        if is_in_file and not session.model.is_finite:
            state = session.state()  # the file has more: only the divergence is noted in it
        is_first = target.steps is None
        named, twin = target.named, self.twin()
        write = self._writer.submit(self._write, target.path, named, is_first, state, twin)
        self._writes.append((write, target, state))

    def leave(self, session: Session, is_last_chance: bool = False) -> None:
        """Keep the present run, since another may take its place; but not one that has just begun
        and can be returned to."""
        if is_last_chance or session.run in self._targets or self._clock() >= self._next:
            self.keep(session)

    def begin(self, session: Session) -> None:
        """Save the run that the session is on now; to a new file, if another explorer has opened
        or changed the one it had."""
        self._collect()
        target = self._targets.get(session.run)
        if target is None:
            self._next = self._clock() + _SECONDS
            self._hold(None)
        elif target is not self._present:  # that one is locked, so nobody can have changed it
            try:
                is_being_written = any(one is target for _, one, _ in self._writes)
                is_known = is_being_written or target.steps is None
                if not is_known and target.stamp != stamp(target.path) != ():
                    raise UserError(f"{target.path} has been changed by another explorer")
                self._hold(target)
            except UserError as error:
                self._copy(session, error, target.path)

    def resume(self, session: Session, path: Path, named: bool) -> None:
        """Go on saving to the file that the session's run was read from; of a folder of format 2,
        to a file of its name; and if another explorer has it open or it can't be written, to a new
        file. named: True when a person gave the run its name."""
        self._hold(None)
        try:
            path = find(path)
            target = _Target(path, named, session.step, stamp=stamp(path))
            if path.is_dir():
                target = _Target(path.with_name(f"{path.name}{RUN_SUFFIX}"), named)
            target.marker = _marker(session, self.twin())
            self._hold(target)
        except UserError as error:
            self._copy(session, error, path)
        else:
            self._targets[session.run] = target

    def name(self, session: Session, name: str) -> None:
        """Save the present run by a name that a person has given it. Raises UserError if it can't
        have this name, or its parameters are not finite."""
        check_name(name)
        if not session.model.is_finite:
            raise UserError("the weights are not finite, so the run can't be named")
        name = name.removesuffix(RUN_SUFFIX)
        target, path = self._targets.get(session.run), self._directory / f"{name}{RUN_SUFFIX}"
        if target is None or target.path != path:
            taken = [one.path for one in self._targets.values()]
            if existing_run(path.with_name(name)) or path in taken:
                raise UserError(f"there is already a run named {name!r}")
            is_replaced = target is not None and target.steps is not None and not target.named
            target = _Target(path, replaces=target.path if target and is_replaced else None)
            self._targets[session.run] = target
            self._try_lock(target)
        target.named, target.is_new_name, target.marker = True, True, None
        self.keep(session)
        self._note = f"Saving as {name} …"

    @property
    def facts(self) -> Saving:
        """Where the present run is saved, and what is wrong."""
        target = self._present or _Target(self._directory)
        return Saving(
            directory=str(self._directory),
            folder="" if target.steps is None else str(target.path),
            step=target.steps or 0,
            named=target.named,
            note=self._note,
            problem=self._problem,
        )

    def folder_of(self, run: object) -> str:
        """The file of a run, by `Session.run`; "" if it isn't saved."""
        target = self._targets.get(run)
        return str(target.path) if target and target.steps is not None else ""

    def beside(self) -> "Autosave":
        """Another, for a run that is trained beside this one; both write in the same thread."""
        other = Autosave(self._directory, self._most_bytes, self._clock)
        other._writer = self._writer
        return other

    def adopt(self, other: "Autosave", run: object) -> None:
        """Go on saving a run to the file that another, of the same thread, has saved it to."""
        if target := other._targets.pop(run, None):
            self._targets[run] = target
            writes, other._writes = other._writes, deque()
            for write in writes:
                (self if write[1] is target else other)._writes.append(write)
            if other._present is target:
                other._hold(None)

    def finish(self) -> None:
        """Wait until all that was kept is written."""
        wait([write for write, _, _ in self._writes])
        self._collect()

    def close(self, session: Session, is_last: bool = True) -> None:
        """Save what is unsaved, and release the lock. is_last: True to end the thread too."""
        self.finish()
        self.keep(session)
        self.finish()
        if is_last:
            self._writer.shutdown()
        self._hold(None)

    def _write(
        self, path: Path, named: bool, is_first: bool, state: RunState, twin: TwinRecord | None
    ) -> None:
        """Write a state, and make room for a new run; in the thread."""
        if state.is_finite:
            checkpoint.write(state, path, named=named, twin=twin)
            if is_first:
                prune(self._directory, self._most_bytes)
        else:
            checkpoint.note_divergence(path, state.diverged_at)

    def _collect(self) -> None:
        """Note what the thread has finished."""
        while self._writes and self._writes[0][0].done():
            write, target, state = self._writes.popleft()
            try:
                write.result()
            except (UserError, OSError) as error:
                self._problem = str(error)
                target.marker = None
                self._next = self._clock() + _SECONDS_TO_RETRY
                continue
            self._problem = None
            target.stamp = stamp(target.path)
            if state.is_finite:
                target.steps = state.step
            if target is self._present and self._lock is None:
                self._try_lock(target)
            if target.is_new_name:
                self._note, target.is_new_name = f"Saved as {run_name(target.path)}", False
                if target.replaces is not None:
                    with contextlib.suppress(UserError):  # then there are two of it
                        remove(target.replaces.parent, [run_name(target.replaces)])

    def _is_unsaved(self, session: Session) -> bool:
        target = self._targets.get(session.run)
        return (
            session.step > 0 if target is None else target.marker != _marker(session, self.twin())
        )

    def _copy(self, session: Session, error: UserError, path: Path) -> None:
        """Save the present run to a new file from now on, because of an error with its own."""
        self._note = f"{str(error).replace(str(path), run_name(path))}, so this is a copy"
        self._targets.pop(session.run, None)
        self._hold(None)
        self._next = self._clock() + _SECONDS

    def _hold(self, target: _Target | None) -> None:
        """Lock the file of a run, and release the one before. Raises UserError if another explorer
        has it open, or it can't be locked."""
        if self._lock is not None:
            self._lock.release()
        self._lock, self._present = None, target
        if target is not None:
            self._lock = RunLock(target.path)

    def _try_lock(self, target: _Target) -> None:
        """Lock the file of the present run; why it can't be written, `_write` tells."""
        with contextlib.suppress(UserError):
            self._hold(target)


def _last_finite_state(session: Session) -> RunState:
    """The newest state of the present run with finite parameters: now, before an edit that is not
    undone, or at step 0."""
    if session.model.is_finite:
        return session.state()
    state = session.timeline.newest_finite(session.run)
    if state is None:
        state = session.state().beginning()
    return replace(state, diverged_at=session.diverged_at)


def _marker(session: Session, twin: TwinRecord | None) -> tuple:
    """A value that differs as soon as there is something to save."""
    evaluated, file = session.dev_losses.points[-1:], twin and twin.file
    path = session.step, tuple(session.journal), session.diverged_at
    return *path, evaluated, session.test_peeks, file
