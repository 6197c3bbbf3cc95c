"""The lessons beside the explorer: their list, the present step, and a line for answers."""

import math

from textual import on
from textual.binding import Binding
from textual.containers import Vertical, VerticalScroll
from textual.geometry import Size
from textual.message import Message
from textual.timer import Timer
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from makemore_tui.core.lessons import Lesson, lesson_named
from makemore_tui.core.results import BigramTable

from ..client.lesson_player import LessonPlayer
from ..client.session_actions import SessionActions
from ..keymap import bindings_of, key_labels, presses
from ..style.colours import palette_of
from .lesson_rows import goal_text, lesson_line, step_text
from .panel_grid import PanelGrid
from .text_input import Line

_WIDTH, _LARGE_WIDTH = 40, 52  # beside the panels
_HEIGHT = 10  # below them, where that leaves room for all panels together
_SECONDS_A_KEY = 0.4  # while the keys are pressed for a person


class AnswerLine(Line):
    """The line to type a number into; enter takes it, escape gives the keys back to the panels."""

    BINDINGS = [  # noqa: RUF012
        Binding("enter", "submit", "answer"),
        Binding("escape", "leave", "leave"),
    ]

    def __init__(self, side: "LessonSide"):
        super().__init__(placeholder="a number")
        self._side = side

    async def action_submit(self) -> None:
        """Take what was typed; the next key is the panels' again."""
        self._side.take_answer(self.value)

    def action_leave(self) -> None:
        """Let the keys be the panels' again."""
        self._side.give_keys_back()


class LessonSide(Vertical, can_focus=True):
    """Shows a lesson beside the panels, or below them. It never takes the focus by itself, and
    asks nothing of the session but a lesson's run."""

    DEFAULT_CSS = f"""
    LessonSide {{
        dock: right; width: {_WIDTH}; height: 100%; display: none; padding: 0 1;
        border: round $panel-lighten-2; border-title-style: bold; background: $surface;
        border-title-color: $foreground; border-subtitle-color: $text-muted;
    }}
    LessonSide:focus-within, LessonSide:focus {{ border: round $primary; }}
    LessonSide > VerticalScroll {{ height: auto; max-height: 1fr; scrollbar-size-vertical: 1; }}
    LessonSide Static {{ height: auto; }}
    LessonSide #lesson-goal {{ margin-top: 1; }}
    LessonSide AnswerLine {{ height: 1; background: $panel-lighten-1; }}
    LessonSide OptionList {{ height: 1fr; border: none; padding: 0; background: transparent; }}
    LessonSide.below {{ dock: bottom; width: 100%; height: {_HEIGHT}; }}
    """
    BINDINGS = bindings_of("lessons")

    class Rearranged(Message):
        """The side was opened or closed, so that the panels have another room."""

    def __init__(self, session: SessionActions, grid: PanelGrid):
        super().__init__(id="lessons")
        self.player, self._session = LessonPlayer(session), session
        self._grid = grid
        self._text, self._goal = Static(id="lesson-text"), Static(id="lesson-goal")
        self._line = AnswerLine(self)
        self._choices = OptionList(compact=True)
        self._pressing: Timer | None = None

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
        if is_below:
            self.styles.width = "100%"
            return Size(size.width, size.height - _HEIGHT)
        width = min(_LARGE_WIDTH if size.width >= 150 else _WIDTH, size.width // 2)
        self.styles.width = width
        return Size(size.width - width, size.height)

    async def action_open(self) -> None:
        """Open the lessons; in a lesson, take the keys or give them back, and once a step is done
        go to the next."""
        is_list, player = self._choices.display, self.player
        if not self.display:
            if self._session.is_single():
                await self.show()
                self.action_list()
        elif is_list and player.lesson is None:
            self._close()
        elif is_list:
            self._show_step()
        elif player.is_done:
            self.action_move(1)
        elif self.has_keys:
            self.give_keys_back()
        else:
            self.screen.set_focus(self._line if player.question else self)

    async def show(self) -> None:
        """Show the side; the first time, read the lessons."""
        if not self.children:
            self.player.load()
            scroll = VerticalScroll(self._text, self._goal, can_focus=False)
            await self.mount(scroll, self._line, self._choices)
        self.display = True
        self.post_message(self.Rearranged())

    async def open_at(self, name: str) -> None:
        """Open at a lesson, by its name or number."""
        await self.show()
        self._begin(lesson_named(self.player.lessons, name))

    def _begin(self, lesson: Lesson) -> None:
        """Begin a lesson, with the panels as they are at the start."""
        self._grid.action_choose("loss")
        for panel in self._grid.panels.values():
            panel.reset()
        self.player.enter(lesson)
        self._show_step()

    def _close(self) -> None:
        self.give_keys_back()
        self.display = False
        self.post_message(self.Rearranged())

    def give_keys_back(self) -> None:
        """Let the keys be those of the chosen panel."""
        if self.has_keys:
            self.screen.set_focus(self._grid.panels[self._grid.chosen])

    def action_list(self) -> None:
        """List the lessons, the first that is not done highlighted."""
        player = self.player
        lines = [lesson_line(i, one, player.done) for i, one in enumerate(player.lessons, 1)]
        self._choices.clear_options()
        self._choices.add_options([Option(line) for line in lines])
        self._choices.add_options([Option(one, disabled=True) for one in player.problems])
        unfinished = (i for i, line in enumerate(lines) if not line.plain.startswith("✓"))
        self._choices.highlighted = next(unfinished, 0) if lines else None
        self._choices.display = True
        self.draw()
        self.screen.set_focus(self._choices)

    def _show_step(self) -> None:
        self.give_keys_back()
        self._choices.display = False
        self.draw()
        self.look()

    def draw(self) -> None:
        """Show the step, or the list's frame, as it is."""
        player, labels, palette = self.player, key_labels(self.app), palette_of(self.app)
        is_list = self._choices.display
        self._text.display = self._goal.display = not is_list
        self._line.display = not is_list and player.question is not None
        if is_list or player.lesson is None:
            self.border_title = "Lessons"
            self.border_subtitle = f"enter to open · {labels['lessons']} to close"
            return
        self._text.update(step_text(player, palette, labels))
        self._goal.update(goal_text(player, palette, labels))
        self.border_title = f"{player.lessons.index(player.lesson) + 1} {player.lesson.title}"
        step = f"step {player.index + 1}/{len(player.lesson.steps)}"
        self.border_subtitle = f"{player.lesson.lecture} · {step}"

    def look(self) -> None:
        """Compare what the session and the panels are now with the goal."""
        if self.player.lesson is None and not self.player.is_leaving:
            return
        panels = self._grid.panels
        views = [view for panel in panels.values() if (view := panel.view()) is not None]
        table = panels["bigrams"].drawn
        table = table if isinstance(table, BigramTable) else None
        if self.player.look(views, table, self._grid.chosen):
            self.draw()

    @on(OptionList.OptionSelected)
    def _choose(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self._begin(self.player.lessons[event.option_index])

    def take_answer(self, text: str) -> None:
        """Take an answer to the step's question, if it is a number."""
        if (answer := typed_number(text)) is None:
            self.border_subtitle = "a number, such as 3.3"
            return
        self.player.answer = answer
        self._line.value = ""
        self._show_step()

    def action_move(self, by: int) -> None:
        """Go to the next step, or the one before; from the last one, to the list."""
        if self.player.move(by) or by < 0:
            self._show_step()
        else:
            self.action_list()

    def action_hint(self) -> None:
        """Show one more hint."""
        self.player.hint()
        self.draw()

    def action_reset(self) -> None:
        """Begin the lesson again."""
        if self.player.lesson is not None:
            self._begin(self.player.lesson)

    def action_leave(self) -> None:
        """Close the lesson, and bring the own run back."""
        self.player.leave()
        self._close()

    def action_show_me(self) -> None:
        """Press the keys that reach the goal, one at a time, and say which."""
        if self.player.step is None or self._pressing is not None:
            return
        self.give_keys_back()
        keys = iter(presses(self.player.step.keys, self.app.keys))  # type: ignore[attr-defined]

        def press() -> None:
            if (key := next(keys, None)) is None or not self.display:
                timer.stop()
                self._pressing = None
                self.draw()
                return
            self.border_subtitle = f"pressing {key.character or key.key}"
            self.app.post_message(key)

        timer = self._pressing = self.set_interval(_SECONDS_A_KEY, press)


def typed_number(text: str) -> float | None:
    """A number as it is typed: 3.3, 3,481, 4 %; None if it is none."""
    try:
        number = float(text.replace(",", "").replace("%", "").strip())
    except ValueError:
        return None
    return number if math.isfinite(number) else None
