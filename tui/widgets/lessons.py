"""The lessons beside the explorer: their list, or the present step of one."""

import asyncio
from functools import cached_property

from textual.binding import Binding
from textual.containers import Vertical
from textual.geometry import Size
from textual.message import Message
from textual.widgets import Input, OptionList
from textual.widgets.option_list import Option

from makemore_tui.core.lessons import (
    Lesson,
    first_step_left,
    lesson_named,
    lesson_to_open,
    num_done,
)

from ..client.lesson_player import LessonPlayer
from ..client.session_actions import SessionActions
from ..keymap import bindings_of, key_labels
from .lesson_rows import lesson_line
from .lesson_step import LessonStep
from .loss import LossPanel
from .panel_grid import PanelGrid

_WIDTH, _LARGE_WIDTH = 40, 52  # beside the panels
_HEIGHT = 10  # below them, where that leaves room for all panels together


class LessonList(OptionList):
    """The lessons to choose from. What is chosen is opened at once, so that the next key is for
    what that leads to."""

    BINDINGS = [  # noqa: RUF012
        Binding("left,right", "stay", show=False),  # which would move a panel's cursor
    ]

    def __init__(self, side: "LessonSide"):
        super().__init__(compact=True)
        self._side = side

    def action_select(self) -> None:
        """Open the lesson."""
        self._side.open_highlighted()

    def action_stay(self) -> None:
        """Do nothing."""


class LessonSide(Vertical):
    """Shows a lesson beside the panels, or below them. It takes the focus by itself only where a
    step begins with a guess, and asks nothing of the session but a lesson's run. What is in it is
    made when it is first opened, so that the explorer starts without."""

    DEFAULT_CSS = f"""
    LessonSide {{
        dock: right; width: {_WIDTH}; height: 100%; display: none; padding: 0 1;
        border: round $panel-lighten-2; border-title-style: bold; background: $surface;
        border-title-color: $foreground; border-subtitle-color: $text-muted;
    }}
    LessonSide:focus-within {{ border: round $primary; }}
    LessonSide OptionList {{
        height: 1fr; border: none; padding: 0; background: transparent; scrollbar-size-vertical: 1;
    }}
    LessonSide.below {{ dock: bottom; width: 100%; height: {_HEIGHT}; }}
    LessonSide.below VerticalScroll {{ layout: horizontal; }}
    LessonSide.below #lesson-text {{ width: 3fr; }}
    LessonSide.below #lesson-goal {{ width: 2fr; margin: 0 0 0 2; }}
    LessonSide.below #lesson-keys {{ display: none; }}
    """
    BINDINGS = bindings_of("lessons")

    class Rearranged(Message):
        """The side was opened or closed, so that the panels have another room."""

    def __init__(self, session: SessionActions, grid: PanelGrid):
        super().__init__(id="lessons")
        self._session, self._grid = session, grid

    @cached_property
    def player(self) -> LessonPlayer:
        """Which lesson is open, and how far it is done."""
        loss = self._grid.panels["loss"]
        assert isinstance(loss, LossPanel)
        return LessonPlayer(self._session, lambda runs: loss.change(earlier=runs))

    @cached_property
    def step(self) -> LessonStep:
        """The step at which the player is."""
        return LessonStep(self, self.player)

    def on_mount(self) -> None:
        self.watch(self.screen, "focused", self.look, init=False)  # a text was typed to its end
        self.watch(self.screen, "focused", self.draw, init=False)

    @property
    def has_keys(self) -> bool:
        """True while the focus is here, so that keys are not the panels'."""
        focused = self.screen.focused
        return focused is not None and self in focused.ancestors_with_self

    def room(self, size: Size) -> Size:
        """The part of a screen of that size that is left to the panels."""
        if not self.display:
            return size
        is_below = 100 <= size.width < 150 and size.height >= 30 + _HEIGHT
        self.set_class(is_below, "below")
        self.draw()
        if is_below:
            self.styles.width = "100%"
            return Size(size.width, size.height - _HEIGHT)
        width = min(_LARGE_WIDTH if size.width >= 150 else _WIDTH, size.width // 2)
        self.styles.width = width
        return Size(size.width - width, size.height)

    async def action_open(self) -> None:
        """Open the lessons; later, go on to the next step if this one is done, or let the keys be
        the lessons'."""
        if not self.display:
            if self._session.is_single():
                await self.show()
                self.action_list()
        elif self.player.lesson is None:
            self.screen.set_focus(self._choices)
        elif self._choices.display:
            self.show_step()
            self.step.take_keys()
        elif self.player.is_done:
            self.step.action_go(1)
        else:
            self.step.take_keys()

    def action_back(self) -> None:
        """Let the keys be the panels', beside the lesson; without one there is nothing to show."""
        if self.player.lesson is None:
            self._close()
        else:
            self.show_step()

    async def show(self) -> None:
        """Show the side; the first time, read the lessons."""
        if not self.children:
            self.player.load()
            self._choices = LessonList(self)
            await self.mount(self.step, self._choices)
        self.display = True
        self.post_message(self.Rearranged())

    async def open_at(self, name: str, index: int | None = None) -> None:
        """Open at a lesson, by its name or number, and a step of it: as in `begin`."""
        await self.show()
        self.begin(lesson_named(self.player.lessons, name), index)

    def begin(self, lesson: Lesson, index: int | None = None) -> None:
        """Begin a lesson, with the panels as they are at the start. index: of the step to go on at;
        None for the first that is not done."""
        index = first_step_left(lesson, self.player.done) if index is None else index
        self._grid.action_choose("loss")
        if self._grid.has_class("zoomed"):
            self._grid.action_zoom()
        for panel in self._grid.panels.values():
            panel.reset()
        self.player.enter(lesson, index)
        self.show_step(is_new=True)
        self.workers.cancel_group(self, "catch up")
        if self.player.is_behind:
            self.run_worker(self._catch_up(), group="catch up")

    async def _catch_up(self) -> None:
        """Do the steps before the one at which the lesson goes on, so that the run is as it was."""
        player = self.player
        while player.is_behind:
            if player.is_begun and not (await self.step.do() and player.move(1)):
                break
            await asyncio.sleep(0.01)
        if player.lesson is not None:
            player.catch_up()
            self.show_step(is_new=True)

    def _close(self) -> None:
        self.give_keys_back()
        self.display = False
        self.post_message(self.Rearranged())

    def give_keys_back(self) -> None:
        """Let the keys be those of the chosen panel."""
        if self.has_keys:
            self.screen.set_focus(self._grid.panels[self._grid.chosen])

    def action_list(self) -> None:
        """List the lessons, the one to go on with highlighted, if they are open."""
        if not self.display:
            return
        player = self.player
        lines = [lesson_line(i, one, player.done) for i, one in enumerate(player.lessons, 1)]
        self._choices.clear_options()
        self._choices.add_options([Option(line) for line in lines])
        self._choices.add_options([Option(one, disabled=True) for one in player.problems])
        self._choices.highlighted = lesson_to_open(player.lessons, player.done) if lines else None
        self._choices.display, self.step.display = True, False
        self.screen.set_focus(self._choices)
        self.draw()

    def show_step(self, is_new: bool = False) -> None:
        """Show the step at which the player is; the keys are the panels'. is_new: the player has
        just come to it, so that a guess, which comes first, has the keys."""
        self.give_keys_back()
        self._choices.display, self.step.display = False, True
        self.step.body.scroll_home(animate=False)
        self.draw()
        self.look()
        if not is_new:
            return
        self.step.line.value = ""  # of the step that was left
        question = self.player.question
        if question is not None and question.is_prediction and not self.player.is_behind:
            self.step.take_keys()

    def draw(self) -> None:
        """Show the step, or the list's frame, as it is."""
        if not (self.is_attached and self.display and self.children):
            return
        player, labels, has_keys = self.player, key_labels(self.app), self.has_keys
        if self._choices.display or player.lesson is None:
            found = player.lessons
            num = sum(num_done(one, player.done) == len(one.steps) for one in found)
            self.border_title = f"{len(found)} lessons, {num} done"
            self.border_subtitle = f"enter to open · {labels['lesson-back']} to close"
            return
        self.step.draw(has_keys)
        number, steps = player.lessons.index(player.lesson) + 1, len(player.lesson.steps)
        title = f"{number} {player.lesson.title} {player.index + 1}/{steps}"
        focus = "the line" if self.screen.focused is self.step.line else "the lesson"
        keys = f"{labels['lesson-back']} to leave {focus}" if has_keys else ""
        if self.has_class("below"):  # where they stand in the border
            title += f" · {player.lesson.lecture}"
            keys = " · ".join(filter(None, (*self.step.offers(has_keys), keys)))
        else:
            keys = keys or player.lesson.lecture  # both have no room
        self.border_title = title
        pressed = self.step.pressed
        self.border_subtitle = f"pressing {pressed} · esc to stop" if pressed else keys

    def look(self) -> None:
        """Compare what the session and the panels are now with the goal."""
        if not self.children or (self.player.lesson is None and not self.player.is_leaving):
            return
        focused = self.screen.focused
        if isinstance(focused, Input) and focused is not self.step.line:
            return  # not before it is typed to its end
        panels = self._grid.panels.values()
        views = [view for panel in panels if (view := panel.view()) is not None]
        cursors = {name: fact for one in panels for name, fact in one.cursor_facts().items()}
        if self.player.look(views, cursors, self._grid.chosen):
            self.draw()
            if self.player.is_done:
                self.step.body.scroll_end(animate=False)

    def open_highlighted(self) -> None:
        """Open the lesson that the list's cursor is on; the one that is open goes on, until its end
        was reached."""
        index, player = self._choices.highlighted, self.player
        lesson = None if index is None else player.lessons[index]
        is_over = player.is_last and player.is_done
        if lesson is None or (lesson is player.lesson and not is_over):
            self.action_back()
        else:
            self.begin(lesson)

    def action_leave(self) -> None:
        """Close the lesson, and bring the own run back."""
        self.workers.cancel_group(self, "catch up")
        self.player.leave()
        self._close()
