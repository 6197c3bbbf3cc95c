"""What keys ask of the session."""

from collections.abc import Callable
from typing import Any, Protocol

from msgspec import structs
from msgspec.structs import replace

from makemore_tui.core.presets import preset_named
from makemore_tui.core.results import Pair, Side, SideFacts
from makemore_tui.core.settings import plan_edit
from makemore_tui.core.worker import protocol
from makemore_tui.core.worker.protocol import Request, Snapshot

from .. import messages as say
from ..notices import Labels, at_limit
from ..setting_steps import SPEED_LIMITS, next_on, stepped
from .request_queue import RequestQueue

_MAX_STEPS_AHEAD = 5  # of a held key, so that it stops when it is let go


class NoticeBoard(Protocol):
    """Where a sentence is shown: the newest one, which is its text."""

    @property
    def text(self) -> str: ...

    def say(self, text: str, is_warning: bool = False) -> None: ...


class SessionActions:
    """The actions of the keys for training and settings.

    Each builds on what was asked before, whether or not it is answered. If nobody could answer,
    that is said.

    launched: the first snapshot of all. step_count: how many steps were last asked for at once.
    lesson: what began the run of the open lesson, which only leaving the lesson takes back; "" of
    none.
    """

    def __init__(self, requests: RequestQueue, notices: NoticeBoard, labels: Callable[[], Labels]):
        self.requests = requests
        self.notices = notices
        self._labels = labels
        self.launched: Snapshot | None = None
        self.step_count = 100
        self.lesson = ""

    def latest(self) -> Snapshot | None:
        """What a key builds on; None, and a notice, if there is no worker to ask."""
        if self.requests.is_dead:
            self.notices.say(say.NO_WORKER.format(key=self._labels()), is_warning=True)
            return None
        if self.requests.latest is None:
            self.notices.say(say.STILL_STARTING)
        return self.requests.latest

    def is_single(self) -> bool:
        """False, and a notice, while a pair of runs is trained."""
        if (now := self.requests.latest) is None or now.pair is None:
            return True
        self.notices.say(say.NOT_OF_PAIR.format(key=self._labels()))
        return False

    def ask(self, request: Request) -> None:
        """Send a command, unless there is nothing that it could undo or redo."""
        if (now := self.latest()) is None:
            return
        match request:
            case protocol.Undo() if now.can_undo is None:
                self.notices.say(say.NOTHING_TO_UNDO)
            case protocol.Redo() if now.can_redo is None:
                self.notices.say(say.NOTHING_TO_REDO)
            case _:
                self.requests.command(request, expected_after(request, now))

    def change(self, setting: str, by: int) -> None:
        """Change a setting by some steps."""
        if setting == "seed":
            self.restart(by)
        elif (now := self.latest()) is not None:
            changes = stepped(now, setting, by, self._labels())
            if isinstance(changes, str):
                self.notices.say(at_limit(changes, self.notices.text))
            else:
                self.ask(protocol.Edit(changes))

    def restart(self, seeds: int = 0) -> None:
        """Begin a new run, with a seed so many higher."""
        if (now := self.latest()) is not None:
            self.ask(protocol.Restart(max(0, now.seed + seeds)))

    def restart_as_launched(self) -> None:
        """Begin a new run as the first one began: its dataset, settings and seed."""
        if self.latest() is not None and self.launched is not None:
            self.ask(protocol.Begin(self.launched.spec, "restart as launched"))

    def take_preset(self, name: str) -> None:
        """Begin a new run with a preset, on the present dataset and with the present seed."""
        if (now := self.latest()) is not None:
            preset = preset_named(name)
            spec = replace(now, model=preset.model, train=preset.train).spec
            self.ask(protocol.Begin(spec, f"preset {name}"))

    def limit_speed(self, by: int) -> None:
        """Limit the steps a second to another number, higher or lower."""
        if (now := self.latest()) is None:
            return
        limit = next_on(SPEED_LIMITS, now.speed_limit, by)
        if limit != now.speed_limit:
            self.ask(protocol.LimitSpeed(limit))
        elif limit is None:
            self.notices.say(say.NO_SPEED_LIMIT_YET)
        else:
            self.notices.say(say.LOWEST_SPEED_LIMIT)

    def pause(self) -> None:
        """Pause training, or resume it."""
        if (now := self.latest()) is not None:
            self.ask(protocol.Pause() if now.state == "training" else protocol.Resume())

    def step(self) -> None:
        """Take one step, unless the engine is behind with steps that were asked for."""
        if self.requests.num_unanswered < _MAX_STEPS_AHEAD:
            self.ask(protocol.Step())

    def take_steps(self, count: int) -> None:
        """Take so many steps and pause."""
        self.step_count = count
        self.ask(protocol.Step(count))

    def fork(self) -> None:
        """Train a fork of the run beside it."""
        self.ask(protocol.Fork())

    def undo(self) -> None:
        """Take back the last edit, but not the beginning of a lesson."""
        now = self.requests.latest
        if self.lesson and now is not None and now.can_undo == self.lesson:
            self.notices.say(say.LESSON_IS_LEFT_BY_KEY.format(key=self._labels()))
        else:
            self.ask(protocol.Undo())

    def redo(self) -> None:
        """Do again what was undone."""
        self.ask(protocol.Redo())

    def test(self) -> None:
        """Evaluate the test split."""
        self.ask(protocol.EvaluateTest())


class PairActions:
    """The actions of the keys that there are while a pair of runs is trained."""

    def __init__(self, session: SessionActions):
        self._session = session

    def switch(self) -> None:
        """Have keys and panels be about the other run."""
        if (now := self._session.latest()) is not None and now.pair is not None:
            self._session.ask(protocol.ChooseSide("a" if now.pair.side == "b" else "b"))

    def keep(self, side: Side) -> None:
        """Go on with one of the two alone."""
        self._session.ask(protocol.Keep(side))


def expected_after(request: Request, now: Snapshot) -> Snapshot:
    """What a request will lead to, as far as the next key depends on it."""
    match request:
        case protocol.Edit(changes):
            plan = plan_edit(now.model, now.train, changes)
            return replace(now, model=plan.model, train=plan.train, can_undo="")
        case protocol.Restart(seed):
            return replace(now, seed=seed, can_undo="")
        case protocol.Begin(spec):
            settings = {"model": spec.model, "train": spec.train, "seed": spec.seed}
            return replace(now, **settings, can_undo="")
        case protocol.Undo():
            return replace(now, can_redo=now.can_redo or "")
        case protocol.Fork():
            side = SideFacts(**_facts_of(now), diverged_at=None, is_finite=True)
            pair = Pair("b", side, side, now.step, None, "")
            return replace(now, can_undo="fork", can_redo=None, pair=pair)
        case protocol.ChooseSide(side):
            return of_side(now, side)
        case protocol.Keep(side):
            return replace(of_side(now, side), pair=None, can_undo=f"keep {side.upper()}")
        case protocol.LimitSpeed(limit):
            return replace(now, speed_limit=limit)
        case protocol.Pause() | protocol.Step(1):
            return replace(now, state="paused")
        case protocol.Resume() | protocol.Step():
            return replace(now, state="training")
    return now


def of_side(now: Snapshot, side: Side) -> Snapshot:
    """The snapshot as it would be with this run of a pair chosen; of a single run as it is."""
    if (pair := now.pair) is None:
        return now
    left = replace(getattr(pair, pair.side), **_facts_of(now))  # it may have been edited since
    pair = replace(pair, **{pair.side: left}, side=side)
    facts = structs.asdict(getattr(pair, side))
    same = {name: value for name, value in facts.items() if hasattr(now, name)}
    return replace(now, **same, pair=pair)


def _facts_of(now: Snapshot) -> dict[str, Any]:
    """What a snapshot says of the chosen side of a pair, or of a single run."""
    return {name: getattr(now, name) for name in SideFacts.__struct_fields__ if hasattr(now, name)}


def runs_of(session: SessionActions) -> str:
    """The directory that runs are saved in; "" if that is not known, or none are saved."""
    now = session.requests.latest
    return now.saving.directory if now and now.saving else ""
