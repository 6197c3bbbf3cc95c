"""The runs of a session, kept on disk while it trains: a little work at a time."""

import contextlib
import itertools
import os
import re
import time
from collections import deque
from collections.abc import Callable, Generator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from filelock import FileLock

from ..errors import UserError
from ..results import Saving
from ..runs.catalog import check_name, lock, pruning, remove
from ..runs.checkpoint import RunSnapshot, metrics_of, run_snapshot, write_run
from ..runs.files import cannot_write, stamp
from ..runs.record import read_record
from ..session.session import Session

_SECONDS = 3.5  # from one save to the next
_MOMENT = 0.012  # seconds of work at a time
_SECONDS_TO_RETRY = 2.5
_MAX_STEM_LENGTH = 40  # characters
_BLINK = 0.0005  # seconds


@dataclass
class _Place:
    """Where a run is kept, or is going to be.

    marker: of what was last saved. stamp: of the files then; if it differs, others have changed
    them. is_new_name: whether it has a name that is to be told once it is there. instead_of: where
    it was kept before it got that.
    """

    folder: Path
    named: bool = False
    is_there: bool = False
    step: int = 0
    marker: tuple | None = None
    stamp: tuple[int, ...] = ()
    is_new_name: bool = False
    instead_of: "_Place | None" = None


_Work = Generator[bool | None, None, None]  # yields whether it waits for the thread


class Autosave:
    """Saves the run that a session is on, every few seconds, and each run in a folder of its own.

    `advance` is called again and again between slices of training. It does a few milliseconds of
    the work; a thread writes to the disk. A failure is told in `facts`, and saving is tried again.
    """

    def __init__(
        self, directory: Path, most_bytes: int, clock: Callable[[], float] = time.perf_counter
    ):
        """directory: where runs are kept. most_bytes: of all that were saved without a name."""
        self._directory = directory
        self._most_bytes = most_bytes
        self._clock = clock
        self._places: dict[object, _Place] = {}  # by the identity of the run
        self._present: _Place | None = None
        self._lock: FileLock | None = None
        self._jobs: deque[tuple[RunSnapshot, _Place]] = deque()
        self._work: _Work | None = None
        self._writer = ThreadPoolExecutor(1)
        self._next = clock() + _SECONDS
        self._note = ""
        self._problem: str | None = None

    # What is done between slices of training

    def advance(self, session: Session) -> bool:
        """Do a little of what there is to do; whether there was anything."""
        if self._work is None:
            if self._clock() >= self._next:
                self._next = self._clock() + _SECONDS
                self.keep(session)
            if not self._jobs:
                return False
            self._work = self._save(*self._jobs.popleft())
        until, is_waiting = self._clock() + _MOMENT, None
        while self._work is not None and not is_waiting and self._clock() < until:
            try:
                is_waiting = next(self._work)
            except StopIteration:
                self._work = None
        return True

    def has_work(self, session: Session, is_training: bool) -> bool:
        """Whether `advance` should be called: at once, where training has stopped."""
        if not is_training and self._problem is None and self._is_unsaved(session):
            self._next = min(self._next, self._clock())
        is_due = self._clock() >= self._next and self._is_unsaved(session)
        return self._work is not None or bool(self._jobs) or is_due

    def keep(self, session: Session) -> None:
        """See to it that what is unsaved of the present run is saved, whatever follows."""
        if self._is_unsaved(session):
            self._note = ""
            place = self._place_of(session)
            state = session.last_finite_state()
            if not session.diverged or not place.is_there or state.step > place.step:
                snapshot = run_snapshot(session, named=place.named, state=state)
            else:
                snapshot = run_snapshot(session)  # of which only the divergence is noted
            self._jobs.append((snapshot, place))
            place.marker = _marker(session)

    def leave(self, session: Session, is_last_chance: bool = False) -> None:
        """Another run may take the place of the present one: keep it, unless it has just begun and
        can be returned to."""
        if is_last_chance or session.run in self._places or self._clock() >= self._next:
            self.keep(session)

    def begin(self, session: Session) -> None:
        """Go on with the run that the session is on now; in a new folder, if another explorer has
        taken up the one that it was in."""
        place = self._places.get(session.run)
        if place is None:
            self._next = self._clock() + _SECONDS
            self._hold(None)
        elif place is self._present:
            return  # which nobody else can have changed, for it is locked
        elif place.is_there and place.folder.is_dir() and stamp(place.folder) != place.stamp:
            self._copy(session, f"{place.folder.name} has been changed by another explorer")
        else:
            try:
                self._hold(place)
            except UserError as error:
                self._copy(session, _brief(error, place.folder))

    # What a person asks for

    def resume(self, session: Session, folder: Path) -> None:
        """Go on saving to the folder that a session was loaded from; or, where another explorer
        has it open or it can't be written, to a new one."""
        self._hold(None)
        try:
            place = _Place(folder, read_record(folder).named)
            place.is_there, place.step, place.marker = True, session.step, _marker(session)
            place.stamp = stamp(folder)
            self._hold(place)
        except UserError as error:
            self._copy(session, _brief(error, folder))
        else:
            self._places[session.run] = place

    def name(self, session: Session, name: str) -> None:
        """Have the present run saved by a name that a person has given it.

        Raises:
            UserError: it can't be had, or the weights are not finite.
        """
        check_name(name)
        if session.diverged:
            raise UserError("the weights are not finite, so the run can't be kept by a name")
        place, folder = self._places.get(session.run), self._directory / name
        if place is None or place.folder != folder:
            known = [one.folder for one in self._places.values()]
            if folder in known or os.path.lexists(folder):
                raise UserError(f"there is a run {name!r} already; another name would be right")
            place = self._places[session.run] = _Place(folder, instead_of=place)
            self._hold(place)
        place.named, place.is_new_name, place.marker = True, True, None
        self.keep(session)
        self._note = f"it is being saved as {name}"

    @property
    def facts(self) -> Saving:
        """What there is to say of it."""
        place = self._present
        is_saved = place is not None and place.is_there
        return Saving(
            directory=str(self._directory),
            folder=str(place.folder) if place and is_saved else "",
            step=place.step if place and is_saved else 0,
            named=place is not None and place.named,
            note=self._note,
            problem=self._problem,
        )

    def folder_of(self, run: object) -> str:
        """Where a run is saved, by its identity; "" where it isn't."""
        place = self._places.get(run)
        return str(place.folder) if place is not None and place.is_there else ""

    # The end

    def finish(self) -> None:
        """Do all that is under way."""
        while self._work is not None or self._jobs:
            self._work = self._work or self._save(*self._jobs.popleft())
            for _ in self._work:
                time.sleep(_BLINK)
            self._work = None

    def close(self, session: Session) -> None:
        """Save what is unsaved, and let go."""
        self.keep(session)
        self.finish()
        self._writer.shutdown()
        self._hold(None)

    # Saving

    def _save(self, snapshot: RunSnapshot, place: _Place) -> _Work:
        """Save a run, a little at a time; what stands in the way is told, and tried again."""
        is_new = not place.is_there
        try:
            yield from self._write(snapshot, place)
            if is_new:
                for _ in pruning(self._directory, self._most_bytes):
                    yield
        except (UserError, OSError) as error:
            is_told = isinstance(error, UserError)
            self._problem = str(error if is_told else cannot_write(place.folder, error))
            place.marker = None
            self._next = self._clock() + _SECONDS_TO_RETRY
            return
        self._problem = None
        if place.is_new_name:
            self._end_naming(place)

    def _write(self, snapshot: RunSnapshot, place: _Place) -> _Work:
        """Have the thread write a run's files; a folder that was removed is made anew."""
        was_removed = place.is_there and not place.folder.is_dir()
        if was_removed:
            self._note = f"{place.folder.name} was removed, so the run was saved there again"
        if not place.is_there:
            place.folder = _free(place.folder)
        is_finite = snapshot.state.is_finite
        table = (yield from metrics_of(snapshot)) if is_finite else None
        yield from _waiting(self._writer.submit(write_run, snapshot, place.folder, table))
        is_new, place.is_there = not place.is_there, True
        place.stamp = stamp(place.folder)
        if is_finite:
            place.step = snapshot.state.step
        if place is self._present and (is_new or was_removed):
            self._hold(place)

    def _end_naming(self, place: _Place) -> None:
        """The run is there by its name: it need not be where it was by itself."""
        before, place.instead_of, place.is_new_name = place.instead_of, None, False
        self._note = f"saved as {place.folder.name}"
        if before is not None and before.is_there and not before.named:
            with contextlib.suppress(UserError):  # then there are two of it
                remove(before.folder.parent, [before.folder.name])

    def _is_unsaved(self, session: Session) -> bool:
        place = self._places.get(session.run)
        if place is None:
            return session.step > 0
        return place.marker != _marker(session)

    def _place_of(self, session: Session) -> _Place:
        place = self._places.get(session.run)
        if place is None:
            stem = re.sub(r"[^A-Za-z0-9_-]+", "_", Path(session.dataset.name).stem)
            name = f"{stem[:_MAX_STEM_LENGTH]}-{datetime.now():%Y-%m-%d-%H%M%S}"
            place = self._places[session.run] = _Place(self._directory / name)
            self._present = place
        return place

    def _copy(self, session: Session, why: str) -> None:
        """Keep the present run in a new folder from now on."""
        self._note = f"{why}, so this is a copy"  # which will have a folder of its own
        self._places.pop(session.run, None)
        self._hold(None)
        self._next = self._clock() + _SECONDS

    def _hold(self, place: _Place | None) -> None:
        """Lock the folder of a run, and no other any more."""
        if self._lock is not None:
            self._lock.release()
        self._lock, self._present = None, place
        if place is not None and place.is_there and place.folder.is_dir():
            self._lock = lock(place.folder)


def _marker(session: Session) -> tuple:
    """What differs as soon as there is something to save."""
    evaluated = session.dev_losses.points[-1:]
    return session.step, tuple(session.journal), session.diverged_at, evaluated


def _brief(error: UserError, folder: Path) -> str:
    """What is wrong with a folder, by its name, for a line of the screen."""
    return str(error).replace(str(folder), folder.name)


def _free(folder: Path) -> Path:
    """A folder of that name, or of a similar one, that is not there yet."""
    names = (folder.with_name(f"{folder.name}-{i}") for i in itertools.count(2))
    return next(one for one in itertools.chain([folder], names) if not os.path.lexists(one))


def _waiting(future: Future) -> _Work:
    """Wait for a thread between slices of training; its error is raised here."""
    while not future.done():
        yield True
    future.result()
