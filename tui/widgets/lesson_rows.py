"""A lesson's step as text: what to do, what of it is done, and what the keys are called here."""

import re
from collections.abc import Mapping

from rich.style import Style
from rich.text import Text

from makemore_tui.core.lessons import Lesson, num_done, paragraphs

from ..client.lesson_player import LessonPlayer
from ..keymap import PANELS
from ..style.colours import Palette

_MARKED = re.compile(r"(\{[^{}]+\}|`[^`]+`)")


def step_text(player: LessonPlayer, palette: Palette, labels: Mapping[str, str]) -> Text:
    """The text of the step. labels: how keys are shown, by their ids."""
    if player.step is None:
        return Text()
    return Text("\n").join(marked(one, palette, labels) for one in paragraphs(player.step.text))


def goal_text(player: LessonPlayer, palette: Palette, labels: Mapping[str, str]) -> Text:
    """What is to be reached, and what is; the answer and what follows from it; the hints."""
    step, key = player.step, labels["lessons"]
    if step is None:
        return Text()
    lines: list[Text] = []
    for condition, is_reached in zip(step.conditions, player.reached, strict=True):
        is_reached |= player.is_done
        sign, colour = ("✓", "good") if is_reached else ("○", "dim")
        lines.append(Text(f"{sign} {condition}", palette.style(colour)))
    question, answer = step.question, player.answer
    if question is not None and answer is None:
        what = "your guess" if question.is_prediction else "the number"
        lines.append(Text(f"○ {key} to type {what}", palette.style("dim")))
    elif question is not None and answer is not None and not question.is_taken(answer):
        lines.append(Text(f"{answer:g} is not it · {key} to try again", palette.style("dev")))
    elif question is not None and answer is not None:
        sign = "✓ " if question.is_right(answer) else "You said "
        lines.append(Text(f"{sign}{answer:g}. ", palette.style("good")))
        lines[-1].append_text(marked(question.then, palette, labels))
    for hint in step.hints[: player.num_hints]:
        lines.append(Text("› ", palette.style("dev")).append_text(marked(hint, palette, labels)))
    if player.is_done:
        then = "the next step" if not player.is_last else "the end: choose another lesson"
        lines.append(Text(f"✓ Done · {key} for {then}", palette.style("good", bold=True)))
    elif not player.num_hints:
        lines.append(Text(f"{key} for a hint, or to be shown", palette.style("dim")))
    return Text("\n").join(lines)


def lesson_line(number: int, lesson: Lesson, done: Mapping[str, list[int]]) -> Text:
    """A lesson in one line of the list."""
    count, all_steps = num_done(lesson, done), len(lesson.steps)
    sign = "✓" if count == all_steps else "·" if count else " "
    line = Text(f"{sign} {number:>2} {lesson.title}", no_wrap=True, overflow="ellipsis")
    return line.append(f"  {count}/{all_steps}", "dim")


def marked(text: str, palette: Palette, labels: Mapping[str, str]) -> Text:
    """A text with keys by their labels, and code, in colours of their own."""
    styles: dict[str, Style] = {
        "{": palette.style("dev", bold=True),
        "`": palette.style("batch"),
    }
    line = Text(style=palette.style("text"))
    for part in _MARKED.split(text):
        style = styles.get(part[:1]) if _MARKED.fullmatch(part) else None
        if style is None:
            line.append(part)
            continue
        name = part[1:-1]
        line.append(labels.get(name, name), style)
        if name.endswith("-panel"):
            line.append(f" {PANELS[name.removesuffix('-panel')]}")  # as its border says
    return line
