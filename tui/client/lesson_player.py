"""Which lesson is open, at which step, and how far its goal is reached."""

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from msgspec.structs import asdict

from makemore_tui.core import lessons
from makemore_tui.core.errors import UserError
from makemore_tui.core.lessons import Lesson, Question, Step
from makemore_tui.core.run_spec import RunSpec
from makemore_tui.core.worker.protocol import (
    Begin,
    ChooseSide,
    Keep,
    Pause,
    Redo,
    Resume,
    Snapshot,
    Undo,
    View,
    view_name,
)

from ..keymap import is_key
from .session_actions import SessionActions


class LessonPlayer:
    """Leads through lessons. The run that was there is left for a new one, and undo brings it back.

    lesson: the open one, if any. index: of its step, from 0. conditions: of its goal. reached:
    which of them hold now. answer: to its question. is_done: True once all of them held. seen: the
    panels that were chosen in it. target: the index of the step at which the lesson goes on, once
    those before it are done.
    """

    def __init__(self, session: SessionActions, hide: Callable[[frozenset[int]], None]):
        """hide: leaves some previous runs, by their ids, out of the loss plot."""
        self._session, self._hide = session, hide
        self.lessons: list[Lesson] = []
        self.problems: list[str] = []
        self.done: dict[str, list[int]] = {}
        self.lesson: Lesson | None = None
        self.is_leaving = False
        self.target = 0
        self._is_beginning = False  # until the lesson's run is there
        self._pending: str | None = None  # why a run is to begin, once every command is answered
        self._home: tuple[int, bool] | None = None  # undo levels of the own run; did it train
        self.is_progress_kept = True  # False where the file of what was done can't be read
        self._go_to(0)

    def load(self) -> None:
        """Read the lessons, and which of their steps were done."""
        self.lessons, self.problems = lessons.read_lessons(lessons.lessons_directory(), is_key)
        try:
            self.done = lessons.read_progress(lessons.progress_path())
        except UserError as error:
            self.problems.append(str(error))
            self.is_progress_kept = False

    @property
    def step(self) -> Step | None:
        return self.lesson.steps[self.index] if self.lesson else None

    @property
    def question(self) -> Question | None:
        """The question that waits for an answer."""
        question = self.step.question if self.step else None
        is_open = self.answer is None or (question and not question.is_taken(self.answer))
        return question if is_open else None

    @property
    def awaits_answer(self) -> bool:
        """True while the engine has not answered all that was asked."""
        return self._session.requests.is_waiting

    @property
    def is_behind(self) -> bool:
        """True while steps before the one at which the lesson goes on are to be done."""
        return self.lesson is not None and self.index < self.target

    def catch_up(self) -> None:
        """Be at the step at which the lesson goes on, whatever was done of those before."""
        if self.is_behind:
            self._go_to(self.target)

    @property
    def is_begun(self) -> bool:
        """True once the lesson's run is there, and rests."""
        now = self._session.requests.snapshot
        return not self._is_beginning and now is not None and now.is_resting

    @property
    def is_last(self) -> bool:
        """True at the last step of a lesson."""
        return self.lesson is not None and self.index == len(self.lesson.steps) - 1

    def enter(self, lesson: Lesson, index: int = 0) -> None:
        """Open a lesson in a run of its own. index: of the step at which it goes on, once those
        before it are done."""
        self.target = index
        is_first = self.lesson is None
        self.lesson, self.is_leaving, self._is_beginning = lesson, False, True
        self._go_to(0)
        if is_first or lesson.start:
            self._pending = f"lesson {lesson.title}"
            self._begin()

    def leave(self) -> None:
        """Close the lesson, and take back all that was done in it."""
        self.lesson, self._pending, self.is_leaving = None, None, True
        self._hide(frozenset())
        self._session.lesson = ""
        self._go_home()

    def move(self, by: int) -> bool:
        """Go to the next step, or the one before; False if the lesson has none."""
        index = self.index + by
        if self.lesson is None or not 0 <= index < len(self.lesson.steps):
            return False
        self._go_to(index)
        return True

    def hint(self) -> None:
        """Show one more hint."""
        self.num_hints = min(self.num_hints + 1, 2)

    def look(self, views: Iterable[View], cursors: Mapping[str, Any], chosen: str) -> bool:
        """Compare what the session and the panels are with the goal; True if what is shown of it
        has changed. views: what the panels show. cursors: what is known of where their cursors
        are. chosen: the panel that has the focus."""
        snapshot = self._session.requests.snapshot
        if snapshot is None or (self._is_beginning and self._session.requests.awaits_answer):
            return False
        if self._pending:
            self._begin()
            return False
        if self._is_beginning:
            self._is_beginning = False
            self._hide(frozenset(run.id for run in snapshot.previous))
        if self.is_leaving:
            self._go_home()
        elif self.step is not None and not self.is_done:
            self.seen.add(chosen)
            facts = {**facts_of(snapshot, views), **cursors, "seen": self.seen}
            return self._compare(facts)
        return False

    def _compare(self, facts: Mapping[str, Any]) -> bool:
        reached = [condition.holds(facts) for condition in self.conditions]
        was, self.reached = self.reached, reached
        self.is_done = all(reached) and self.question is None
        if self.is_done and self.lesson is not None:
            steps = {*self.done.pop(self.lesson.name, ()), self.index + 1}
            self.done[self.lesson.name] = sorted(steps)  # now the last one
            self._save()
        return self.is_done or was != reached

    def _save(self) -> None:
        if not self.is_progress_kept:
            return
        try:
            lessons.write_progress(lessons.progress_path(), self.done)
        except UserError as error:
            self._session.notices.say(str(error), is_warning=True)

    def _go_to(self, index: int) -> None:
        self.index, self.num_hints, self.is_done = index, 0, False
        self.answer: float | None = None
        self.seen: set[str] = set()
        self.conditions = self.step.conditions if self.step else []
        self.reached = [False] * len(self.conditions)

    def _begin(self) -> None:
        """Leave the present run for the lesson's, unless a command is still unanswered."""
        now = self._session.latest()
        if now is None or self.lesson is None or self._session.requests.awaits_answer:
            return
        if self._home is None:
            self._home = now.undo_levels, now.state == "training"
        if now.state != "paused":  # a new run would train if the one before did, or had finished
            self._session.ask(Pause())
        if now.pair is not None:
            self._session.ask(Keep("a"))  # which going home undoes
        start = self.lesson.start
        self._session.lesson, self._pending = self._pending or "", None
        begin = Begin(RunSpec.parse(start) if start else now.spec, self._session.lesson)
        self._session.ask(begin)

    def _go_home(self) -> None:
        """Take one more step back to the run that was there before the lessons."""
        now = self._session.latest()
        if now is None or self._home is None or self._session.requests.awaits_answer:
            self.is_leaving = self._home is not None
            return
        levels, was_training = self._home
        if now.pair is not None and now.pair.side == "a":
            self._session.ask(ChooseSide("b"))  # of which undo takes back the fork
        elif now.can_undo is not None and (now.pair or now.undo_levels > levels):
            self._session.ask(Undo())
        elif now.undo_levels < levels and now.can_redo is not None:
            self._session.ask(Redo())  # undo of a run that diverged may have gone too far
        else:
            self.is_leaving, self._home = False, None
            if was_training and now.state == "paused":
                self._session.ask(Resume())


def facts_of(snapshot: Snapshot, views: Iterable[View]) -> dict[str, Any]:
    """What a goal can be about, by its name in `core.lesson_goals`."""
    losses, pair = snapshot.splits, snapshot.pair
    facts: dict[str, Any] = vars(snapshot.model) | vars(snapshot.train)
    facts |= {
        "batch_size": snapshot.train.batch_size or math.inf,  # all examples
        "dataset": snapshot.dataset.name,
        "step": snapshot.step,
        "state": snapshot.state,
        "parameters": snapshot.parameters,
        "train": losses and losses.train,
        "dev": losses and losses.dev,
        "gap": losses and losses.dev - losses.train,
        "test_peeks": snapshot.test_peeks,
        "seed": snapshot.seed,
        "edits": len(snapshot.marks),
        "previous": len(snapshot.previous),
        "finder": snapshot.finder and ("finished" if snapshot.finder.finished else "searching"),
        "twins": pair is not None,
        "twins.looks": pair and pair.difference and pair.difference.looks,
    }
    for view in views:
        name = view_name(view)
        shown = asdict(view)
        if sampling := shown.pop("sampling", None):
            shown |= asdict(sampling)
        facts |= {f"{name}.{field}": value for field, value in shown.items()}
    return facts
