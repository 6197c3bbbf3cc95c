"""One step of a lesson: what to do, how far it is done, a line for the answer, and the keys."""

import asyncio
import math
import time
from typing import Any, Protocol

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical, VerticalScroll
from textual.events import Key, Paste
from textual.widgets import Static

from makemore_tui.core.lessons import Lesson

from ..client.lesson_player import LessonPlayer
from ..keymap import bindings_of, key_labels
from ..keys import presses
from ..style.colours import palette_of
from .lesson_rows import goal_text, keys_text, step_text
from .text_input import Line

_SECONDS_A_KEY = 0.4  # while the keys are pressed for a person to see
_SECONDS_FOR_MESSAGES = 0.01  # between widgets, of what a key has led to
_NUMERIC = "0123456789.,-%/"
_PATIENCE = 60  # seconds, after which a step's keys have not reached its goal


class Frame(Protocol):
    """What is around a step: the lessons' place on the screen."""

    border_subtitle: Any

    def draw(self) -> None: ...

    def look(self) -> None: ...

    def give_keys_back(self) -> None: ...

    def show_step(self, is_new: bool = False) -> None: ...

    def action_list(self) -> None: ...

    def begin(self, lesson: Lesson, index: int | None = None) -> None: ...


class AnswerLine(Line):
    """The line to type a number into. Enter takes it, the key for a hint gives one, and escape
    leaves the line; a letter types nothing, so that none of a step's keys is pressed too early."""

    BINDINGS = [  # noqa: RUF012
        Binding("enter", "submit", "answer"),
        Binding("escape", "leave", "leave the line"),
    ]

    def __init__(self, step: "LessonStep"):
        super().__init__(placeholder="a number")
        self._step = step

    def check_consume_key(self, key: str, character: str | None) -> bool:
        is_hint = character == key_labels(self.app)["lesson-hint"]
        return not is_hint and super().check_consume_key(key, character)

    async def _on_key(self, event: Key) -> None:
        if event.is_printable and (event.character or " ") not in _NUMERIC:
            event.stop()
            event.prevent_default()
            self._step.ask_for_number()
        else:
            await super()._on_key(event)

    async def action_submit(self) -> None:
        """Take what was typed."""
        self._step.take_answer(self.value)

    def action_leave(self) -> None:
        """Let all keys be the lesson's."""
        self.screen.set_focus(self._step)


class LessonStep(Vertical, can_focus=True):
    """Shows the step at which the player is. While it has the focus its keys are the lesson's, and
    a digit begins the answer that is asked for."""

    DEFAULT_CSS = """
    LessonStep > VerticalScroll { height: 1fr; scrollbar-size-vertical: 1; }
    LessonStep Static { height: auto; }
    LessonStep #lesson-goal { margin-top: 1; }
    LessonStep > #lesson-keys { color: $text-muted; }
    LessonStep AnswerLine { height: 1; background: $panel-lighten-1; }
    """
    BINDINGS = [  # noqa: RUF012
        *bindings_of("lesson"),
        Binding("up,left", "move(-1)", "scroll up", show=False),  # and not a panel's cursor
        Binding("down,right", "move(1)", "scroll down", show=False),
    ]

    def __init__(self, side: Frame, player: LessonPlayer):
        super().__init__()
        self._side, self._player = side, player
        self.text, self.goal = Static(id="lesson-text"), Static(id="lesson-goal")
        self.body = VerticalScroll(self.text, self.goal, can_focus=False)
        self.line, self._keys = AnswerLine(self), Static(id="lesson-keys", markup=False)
        self.pressed = ""  # the key that is being pressed for a person
        self._is_pressing = self._is_stopped = False
        self._own: Key | None = None  # the newest of the keys that are pressed for a person

    def compose(self) -> ComposeResult:
        yield self.body
        yield self.line
        yield self._keys

    def draw(self, has_keys: bool) -> None:
        """Show the step as it is. has_keys: True while keys are the lesson's."""
        player, labels, palette = self._player, key_labels(self.app), palette_of(self.app)
        self.text.update(step_text(player, palette, labels))
        self.goal.update(goal_text(player, palette, labels, has_keys))
        self._keys.update("\n".join(self.offers(has_keys)))
        self.line.display = player.question is not None

    def offers(self, has_keys: bool) -> tuple[str, str]:
        """What keys do in the lesson, in two parts."""
        is_typing = self.screen.focused is self.line
        return keys_text(self._player, key_labels(self.app), has_keys, is_typing)

    def take_keys(self) -> None:
        """Let the keys be the answer's, if one is asked for, or the lesson's."""
        self.screen.set_focus(self.line if self._player.question else self)

    def check_consume_key(self, key: str, character: str | None) -> bool:
        return self._player.question is not None and (character or " ") in _NUMERIC

    async def _on_key(self, event: Key) -> None:
        """Begin an answer with its first character."""
        event.stop()
        self.screen.set_focus(self.line)
        await self.line._on_key(event)

    def action_move(self, by: int) -> None:
        """Scroll a text that is longer than its room."""
        self.body.scroll_relative(y=by, animate=False)

    def ask_for_number(self) -> None:
        """Say what is to be typed."""
        back = key_labels(self.app)["lesson-back"]
        self._side.border_subtitle = f"type 12, 0.5 or 1/2 · {back} for keys"

    def take_answer(self, text: str) -> None:
        """Take an answer to the step's question, if it is a number. What is to be done besides is
        done in the panels, which get the keys."""
        if (answer := typed_number(text)) is None:
            self.ask_for_number()
            return
        self._player.answer, self.line.value = answer, ""
        self._side.look()
        if self._player.is_done:
            self.screen.set_focus(self)
        elif self._player.question is None:
            self._side.give_keys_back()
        self._side.draw()
        self.body.scroll_end(animate=False)

    def action_go(self, by: int) -> None:
        """Go to the next step, or the one before; from the last one, to the list."""
        if self._player.move(by):
            self._side.show_step(is_new=True)
        elif by > 0:
            self._side.action_list()

    def action_hint(self) -> None:
        """Show one more hint."""
        self._player.hint()
        self._side.draw()
        self.body.scroll_end(animate=False)

    def action_reset(self) -> None:
        """Begin the lesson again."""
        if self._player.lesson is not None:
            self._side.begin(self._player.lesson, index=0)

    def action_show_me(self) -> None:
        """Press the keys that reach the goal, one at a time, and say which."""
        if not self._is_pressing:
            self._side.give_keys_back()
            self.run_worker(self.press_keys(_SECONDS_A_KEY))

    def lets_through(self, event: Key | Paste) -> bool:
        """False of a person's keys while others are pressed for them, which theirs would lead
        astray. Escape stops those; ctrl+c still quits."""
        is_busy = self._is_pressing or self._player.is_behind
        key = getattr(event, "key", "")
        if not is_busy or event is self._own or key == "ctrl+c":
            return True
        if key == "escape":
            self._is_stopped, self._player.target = True, self._player.index
        return False

    async def press_keys(self, seconds: float = 0.0) -> None:
        """Press the keys of the step, each when what the last one has led to is there. seconds:
        between them."""
        step = self._player.step
        self._is_pressing, self._is_stopped = True, False
        try:
            for key in presses(step.keys if step else "", self.app.keys):  # type: ignore[attr-defined]
                if self._is_stopped or self._player.step is not step:
                    return
                if seconds:
                    self.pressed = key.character or key.key
                    self._side.draw()
                handled, self._own = asyncio.Event(), key
                self.app.post_message(key)
                self.app.call_later(handled.set)
                await handled.wait()
                await asyncio.sleep(max(seconds, _SECONDS_FOR_MESSAGES))
                while self._player.awaits_answer:
                    await asyncio.sleep(_SECONDS_FOR_MESSAGES)
        finally:
            self._is_pressing, self.pressed = False, ""
            self._side.draw()

    async def do(self) -> bool:
        """Press the keys of the step; True once they have reached its goal."""
        await self.press_keys()
        give_up = time.monotonic() + _PATIENCE
        while not (self._player.is_done or self._is_stopped or time.monotonic() > give_up):
            await asyncio.sleep(_SECONDS_FOR_MESSAGES)
        return self._player.is_done


def typed_number(text: str) -> float | None:
    """A number as it is typed: 3.3, 3,481, 1/27, 4 % (which is 0.04); None if it is none."""
    top, _, bottom = text.replace(",", "").replace("%", "").partition("/")
    try:
        number = float(top) / float(bottom or 1) / (100 if "%" in text else 1)
    except (ValueError, ZeroDivisionError):
        return None
    return number if math.isfinite(number) else None
