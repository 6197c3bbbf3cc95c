"""Lessons: files that say what to do, what to look at, and when a step is done. Torch-free.

docs/lessons.md describes the form of a file.
"""

import os
import re
import textwrap
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import msgspec
from msgspec import Struct

from .atomic import write_atomically
from .errors import UserError, did_you_mean
from .lesson_goals import Condition, condition_of
from .paths import could_block, expanded
from .run_spec import RunSpec
from .text import digits

MAX_LINES, LINE_WIDTH = 12, 36  # of a step's text, where the terminal is smallest
_KEY = re.compile(r"\{([^{}]+?)(?: \d+)?\}")
_PLACE = re.compile(r" - at `\$(.*)`$")


class Question(Struct, frozen=True, forbid_unknown_fields=True):
    """A number to type: predicted before the program shows it, or read off the screen.

    value, within: the right answer, and how far off one may be. then: what is said once the step is
    done. is_prediction: True to take any number, so that a wrong guess costs nothing.
    """

    value: float
    within: float
    then: str
    is_prediction: bool = True

    def is_right(self, answer: float) -> bool:
        return abs(answer - self.value) <= self.within

    def is_taken(self, answer: float) -> bool:
        """True if the step goes on with this answer."""
        return self.is_prediction or self.is_right(answer)


class Step(Struct, frozen=True, forbid_unknown_fields=True):
    """One step of a lesson.

    text: paragraphs, and lines that begin with two spaces, which stay as they are; `{pause}` is the
    key of that id. goal: conditions that must all hold. hints: the second says more than the first.
    keys: those that reach the goal, `{...}` for one by its id or its name, `{... 4}` for four
    presses of it, others as characters.
    """

    text: str
    keys: str
    hints: tuple[str, str]
    goal: tuple[str, ...] = ()
    question: Question | None = None

    @property
    def conditions(self) -> list[Condition]:
        return [condition_of(text) for text in self.goal]


class Lesson(Struct, frozen=True, forbid_unknown_fields=True):
    """A lesson. lecture: the part and time that it follows. start: the line of a `RunSpec`; "" to
    go on where the lesson before has ended."""

    title: str
    lecture: str
    steps: tuple[Step, ...]
    start: str = ""
    name: str = ""


def lessons_directory() -> Path:
    """Where the lessons' files are: MAKEMORE_TUI_LESSONS, or those that come with the program."""
    own = Path(__file__).parent.parent / "data" / "lessons"
    return expanded(os.environ.get("MAKEMORE_TUI_LESSONS") or own)


def read_lessons(directory: Path, is_key: Callable[[str], bool]) -> tuple[list[Lesson], list[str]]:
    """The lessons of a directory in the order of their files; and a sentence for each file that is
    not as it should be. is_key: True for the id or the name of a key."""
    lessons, problems = [], []
    for path in sorted(directory.glob("*.toml")):
        try:
            lessons.append(read_lesson(path, is_key))
        except UserError as error:
            problems.append(str(error))
    if not lessons and not problems:
        problems.append(f"there are no lessons in {directory}")
    return lessons, problems


def read_lesson(path: Path, is_key: Callable[[str], bool]) -> Lesson:
    """The lesson of a file, which is called as the file is, without the number before it.

    Raises UserError with file and line if it is not as it should be.
    """
    import tomllib

    try:
        text = _content(path).decode().replace("\r\n", "\n")
    except (OSError, ValueError) as error:
        raise UserError(f"{path} can't be read: {error}") from None
    try:
        lesson = msgspec.convert(tomllib.loads(text), Lesson)
        _check(lesson, is_key)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        at = re.search(r"line (\d+)", str(error))
        line = int(at[1]) if at else len(text.splitlines())
        raise UserError(f"{path}, line {line}: not TOML: {error}") from None
    except msgspec.ValidationError as error:
        place = _PLACE.search(str(error))
        why = _PLACE.sub("", str(error))
        line = _line_of(text, place[1] if place else "")
        raise UserError(f"{path}, line {line}: {why[0].lower()}{why[1:]}") from None
    return msgspec.structs.replace(lesson, name=re.sub(r"^\d+-", "", path.stem))


def _content(path: Path) -> bytes:
    """The bytes of a file. Raises OSError if it can't be read, or is no plain file."""
    if could_block(path):
        raise OSError("not a regular file")
    return path.read_bytes()


def lesson_named(lessons: list[Lesson], name: str) -> Lesson:
    """A lesson by its name or its number; raises UserError if there is none."""
    names = [lesson.name for lesson in lessons]
    number = digits(name) or 0
    if 0 < number <= len(names):
        return lessons[number - 1]
    if name not in names:
        meant = did_you_mean(name, names)
        known = meant or f"they are {', '.join(names)}"
        raise UserError(f"there is no lesson {name!r}; {known}")
    return lessons[names.index(name)]


def paragraphs(text: str) -> list[str]:
    """The paragraphs of a text, each in one line; lines that begin with two spaces, and empty
    ones, stay as they are."""
    lines: list[str] = []
    is_open = False  # a paragraph, which the next line may go on with
    for line in text.strip("\n").splitlines():
        is_kept = not line.strip() or line.startswith("  ")
        if is_open and not is_kept:
            lines[-1] += f" {line.strip()}"
        else:
            lines.append(line.rstrip())
        is_open = not is_kept
    return lines


def _check(lesson: Lesson, is_key: Callable[[str], bool]) -> None:
    """Raise a ValidationError if something means nothing: a key, a condition, the start."""
    if not lesson.steps:
        raise msgspec.ValidationError("a lesson needs [[steps]]")
    try:
        if lesson.start:
            RunSpec.parse(lesson.start)
    except UserError as error:
        raise msgspec.ValidationError(f"{error} - at `$.start`") from None
    for i, step in enumerate(lesson.steps):
        for field, text in (("text", step.text), ("keys", step.keys), ("hints", str(step.hints))):
            if unknown := next((one for one in _KEY.findall(text) if not is_key(one)), None):
                why = f"{unknown!r} is no key, nor the id of one"
                raise msgspec.ValidationError(f"{why} - at `$.steps[{i}].{field}`")
        for text in step.goal:
            try:
                condition_of(text)
            except UserError as error:
                raise msgspec.ValidationError(f"{error} - at `$.steps[{i}].goal`") from None
        if not step.goal and step.question is None:
            why = "a step needs a goal or a question"
            raise msgspec.ValidationError(f"{why} - at `$.steps[{i}]`")
        if (lines := num_lines(step.text)) > MAX_LINES:
            why = f"the text takes {lines} lines of {LINE_WIDTH} characters; {MAX_LINES} fit"
            raise msgspec.ValidationError(f"{why} - at `$.steps[{i}].text`")


def num_lines(text: str) -> int:
    """How many lines a text takes where the terminal is smallest."""
    plain = _KEY.sub("k", re.sub(r"\{(\w+)-panel\}", r"0 \1", text))  # as "0 Trace" is
    lines = paragraphs(plain.replace("`", ""))
    return sum(max(1, len(textwrap.wrap(line, LINE_WIDTH))) for line in lines)


def _line_of(text: str, place: str) -> int:
    """The line of a file at which a place such as `.steps[2].question.value` is."""
    lines = text.splitlines()
    first, found = 0, re.match(r"\.steps\[(\d+|\.\.\.)\]", place)
    if found and found[1].isdigit():
        starts = [i for i, line in enumerate(lines) if line.strip() == "[[steps]]"]
        first = starts[min(int(found[1]), len(starts) - 1)] if starts else 0
    line = first
    for key in re.findall(r"\.([a-z_]+)", place[found.end() if found else 0 :]):
        pattern = re.compile(rf"\s*(\[steps\.)?{key}\b")
        line = next((i for i in range(line, len(lines)) if pattern.match(lines[i])), line)
    return line + 1


def progress_path() -> Path:
    """Where it is kept which steps were done: MAKEMORE_TUI_PROGRESS, or beside the runs."""
    from platformdirs import user_data_dir

    default = Path(user_data_dir("makemore-tui")) / "lessons.json"
    return expanded(os.environ.get("MAKEMORE_TUI_PROGRESS") or default)


def read_progress(path: Path) -> dict[str, list[int]]:
    """The steps that were done of each lesson, by its name, counted from 1; the lesson that was
    worked on last comes last.

    Raises UserError if the file can't be read.
    """
    try:
        return msgspec.json.decode(_content(path), type=dict[str, list[int]])
    except FileNotFoundError:
        return {}
    except (OSError, msgspec.MsgspecError) as error:
        raise UserError(f"{path} can't be read: {error}") from None


def write_progress(path: Path, done: Mapping[str, Iterable[int]]) -> None:
    """Write which steps were done. Raises UserError if that can't be."""
    record = msgspec.json.encode({name: sorted(steps) for name, steps in done.items()})
    write_atomically(path, msgspec.json.format(record, indent=1), b"\n")


def first_step_left(lesson: Lesson, done: Mapping[str, Iterable[int]]) -> int:
    """The index of the first step of a lesson that was not done; 0 if all were."""
    left = {*range(1, len(lesson.steps) + 1)} - {*done.get(lesson.name, ())}
    return min(left, default=1) - 1


def lesson_to_open(lessons: list[Lesson], done: Mapping[str, Iterable[int]]) -> int:
    """The index of the lesson that was worked on last, which is the last one in `done`, or of the
    next one that has steps left."""
    names = [lesson.name for lesson in lessons]
    last = next((names.index(name) for name in reversed([*done]) if name in names), 0)
    ahead = (i % len(lessons) for i in range(last, last + len(lessons)))
    return next((i for i in ahead if num_done(lessons[i], done) < len(lessons[i].steps)), last)


def num_done(lesson: Lesson, done: Mapping[str, Iterable[int]]) -> int:
    """How many steps of a lesson were done."""
    return len({*done.get(lesson.name, ())} & {*range(1, len(lesson.steps) + 1)})
