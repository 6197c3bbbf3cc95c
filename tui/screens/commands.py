"""The keys that ask the engine for something: knobs, restarts, undo."""

import time

from msgspec.structs import replace
from textual.widgets import Static

from makemore_tui.core.settings import changed, effect_of
from makemore_tui.core.worker.protocol import (
    Edit,
    EvaluateTest,
    Pause,
    Redo,
    Restart,
    Resume,
    Snapshot,
    Step,
    Undo,
)

from ..keymap import signs_of
from ..notices import NOTHING_TO_REDO, NOTHING_TO_UNDO, is_precious, no_further, restart_to_come
from ..setting_steps import turned
from .arranged import Arranged

_SECONDS_TO_AGREE = 10.0
_WHATEVER = "whatever"  # it is that begins a new run


class Commands(Arranged):
    """A part of the main screen: what a key asks the engine for."""

    def __init__(self):
        super().__init__()
        self._announced = ("", 0.0)  # the restart that was announced last, and when

    def say(self, sentence: str, warning: bool = False) -> None:
        """Show a sentence in the line above the footer."""
        raise NotImplementedError

    def present(self) -> Snapshot | None:
        """What a key builds on; where nobody could answer it, that is said."""
        if self.requests.is_dead:
            self.say(f"there is no worker to ask; {signs_of(self.app)['worker']} starts one", True)
        elif self.requests.latest is None:
            self.say("the worker is still starting")
        return None if self.requests.is_dead else self.requests.latest

    def ask_for(self, request: Edit | Restart) -> None:
        """Ask the engine for other settings, or for another seed."""
        if (now := self.present()) is None:
            return
        if isinstance(request, Restart):
            self.requests.command(request, replace(now, seed=request.seed))
        else:
            model, train = changed(now.model, now.train, request.changes)
            self.requests.command(request, replace(now, model=model, train=train))

    def action_turn(self, knob: str, by: int) -> None:
        if (now := self.present()) is None:
            return
        changes = turned(now, knob, by)
        if isinstance(changes, str):
            shown = str(self.query_one("#notice", Static).content)
            self.say(no_further(changes, self.requests.snapshot or now, shown))
        elif effect_of(changes, now.model.kind) != "restart" or self._is_agreed(now, knob):
            self.ask_for(Edit(changes))

    def action_restart(self, next_seed: int) -> None:
        now = self.present()
        if now is not None and (not next_seed or self._is_agreed(now, "seed")):
            self.ask_for(Restart(max(0, now.seed + next_seed)))

    def agree(self) -> None:
        """The next key may begin a new run: whoever chose it by name was told what it does."""
        self._announced = (_WHATEVER, time.monotonic())

    def _is_agreed(self, now: Snapshot, setting: str) -> bool:
        """Whether a new run may begin: there is nothing to lose, or it was announced just before.

        It is announced where that is not so.
        """
        announced, when = self._announced
        is_recent = time.monotonic() - when < _SECONDS_TO_AGREE
        if not is_precious(now) or (is_recent and announced in (setting, _WHATEVER)):
            self._announced = ("", 0.0)
            return True
        self._announced = (setting, time.monotonic())
        self.say(restart_to_come(now, setting, signs_of(self.app)))
        return False

    def action_pause(self) -> None:
        if (now := self.present()) is not None:
            training = now.state == "training"
            request = Pause() if training else Resume()
            self.requests.command(request, replace(now, state="paused" if training else "training"))

    def action_step(self) -> None:
        if (now := self.present()) is not None:
            self.requests.command(Step(), replace(now, state="paused"))

    def action_undo(self) -> None:
        if (now := self.present()) is not None:
            if now.can_undo is None:
                self.say(NOTHING_TO_UNDO)
            else:
                self.requests.command(Undo(), now)

    def action_redo(self) -> None:
        if (now := self.present()) is not None:
            if now.can_redo is None:
                self.say(NOTHING_TO_REDO)
            else:
                self.requests.command(Redo(), now)

    def action_test(self) -> None:
        if (now := self.present()) is not None:
            self.requests.command(EvaluateTest(), now)
