"""A lesson's step as text: what to do, what of it is done, and what the keys are called here."""

import math
import re
from collections.abc import Mapping

from rich.style import Style
from rich.text import Text

from makemore_tui.core.lessons import Lesson, Question, num_done, paragraphs

from ..client.lesson_player import LessonPlayer
from ..keymap import PANELS
from ..style.colours import Palette

_MARKED = re.compile(r"(\{[^{}]+\}|`[^`]+`)")


def step_text(player: LessonPlayer, palette: Palette, labels: Mapping[str, str]) -> Text:
    """The text of the step. labels: how keys are shown, by their ids."""
    if player.step is None:
        return Text()
    if player.is_behind:
        return Text(
            f"Going on at step {player.target + 1}. The keys of the steps before it are pressed "
            "for you, so that all is as it was … (esc stops that)"
        )
    return Text("\n").join(marked(one, palette, labels) for one in paragraphs(player.step.text))


def goal_text(
    player: LessonPlayer, palette: Palette, labels: Mapping[str, str], has_keys: bool
) -> Text:
    """What is to be reached, and what is; the answer and what follows from it; the hints. A guess
    stands alone until it is made, since the rest could tell it. has_keys: True while keys are the
    lesson's."""
    step = player.step
    if step is None or player.is_behind:
        return Text()
    first = "" if has_keys else f"{labels['lessons']}, then "
    met: list[Text] = []
    for condition, is_reached in zip(player.conditions, player.reached, strict=True):
        sign, colour = ("✓", "good") if is_reached or player.is_done else ("○", "dim")
        sentence = marked(condition.sentence, palette, labels)
        met.append(Text(f"{sign} ", palette.style(colour)).append_text(sentence))
    lines = met
    if (question := step.question) is not None:
        said = _answer_lines(question, player.answer, palette, first, player.is_done)
        if player.is_done:
            lines = [*met, *said, marked(question.then, palette, labels)]
        elif not question.is_prediction:
            lines = [*met, *said]
        else:
            lines = said if player.answer is None else [*said, *met]
    if player.is_done:
        then = "the list" if player.is_last else "the next step"
        key = labels["lesson-next" if has_keys else "lessons"]
        done = f"✓ Done · {key} for {then}"
        return Text("\n").join([*lines, Text(done, palette.style("good", bold=True))])
    for hint in step.hints[: player.num_hints]:
        lines.append(Text("› ", palette.style("dev")).append_text(marked(hint, palette, labels)))
    return Text("\n").join(lines)


def _answer_lines(
    question: Question, answer: float | None, palette: Palette, first: str, is_done: bool
) -> list[Text]:
    """How to answer; or what was answered, and whether it is right: of a guess once the step is
    done, which shows it. first: the key that must be pressed before."""
    if answer is None:
        what = "your guess" if question.is_prediction else "the number"
        said = f"{first}type {what}, then enter"
        return [Text(f"○ {said[0].upper()}{said[1:]}", palette.style("dim"))]
    if not question.is_taken(answer):
        return [Text(f"○ {answer:,.6g} is not it · {first}try again", palette.style("dev"))]
    said = f"You {'guessed' if question.is_prediction else 'typed'} {answer:,.6g}"
    if question.is_prediction and not is_done:
        return [Text(said, palette.style("batch"))]
    if not question.is_right(answer):
        return [Text(f"{said} · it is {question.value:,.6g}", palette.style("dev"))]
    is_near = question.is_prediction and not math.isclose(answer, question.value, rel_tol=0.001)
    right = "near enough" if is_near else "right"
    return [Text(f"✓ {said}: {right}", palette.style("good"))]


def keys_text(
    player: LessonPlayer, labels: Mapping[str, str], has_keys: bool, is_typing: bool
) -> tuple[str, str]:
    """The keys of a step, in two parts. has_keys: True while they are the lesson's; else only what
    they will do is said. is_typing: True in the line for an answer, of which enter is the key."""
    if is_typing:
        return f"{labels['lesson-next']} answer · {labels['lesson-hint']} hint", ""
    onward = "next" if player.is_done else "skip"
    words = (
        ("lesson-next", onward), ("lesson-hint", "hint"), ("lesson-show", "show me"),
        ("lesson-list", "list"), ("lesson-reset", "restart"), ("lesson-leave", "leave"),
    )  # fmt: skip
    if not has_keys and player.is_done:
        return f"{labels['lessons']} {'list' if player.is_last else 'next step'}", ""
    if not has_keys:
        words_alone = [word for _, word in words]
        first = f"{labels['lessons']}: {', '.join(words_alone[:3])},"
        return first, ", ".join(words_alone[3:])
    offers = [f"{labels[id]} {word}" for id, word in words]
    return " · ".join(offers[:3]), " · ".join(offers[3:])


def lesson_line(number: int, lesson: Lesson, done: Mapping[str, list[int]]) -> Text:
    """A lesson in one line of the list."""
    count, all_steps = num_done(lesson, done), len(lesson.steps)
    sign = "✓" if count == all_steps else "·" if count else " "
    line = Text(f"{sign} {number:>2} ").append(f"{count}/{all_steps} ", "dim")
    return line.append(lesson.title)


def marked(text: str, palette: Palette, labels: Mapping[str, str]) -> Text:
    """A text with keys by their labels, and code, in colours of their own."""
    styles: dict[str, Style] = {
        "{": palette.style("dev", bold=True) + Style(reverse=True),  # as a key looks: . is a key
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
