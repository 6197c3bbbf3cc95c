"""Lessons: files that say what to do, what to look at, and when a step is done. Torch-free.

docs/lessons.md describes the form of a file.
"""

import operator
import os
import re
import textwrap
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from .atomic import write_atomically
from .errors import UserError, did_you_mean
from .run_spec import RunSpec
from .settings import SETTINGS, parse_value, setting_text

MAX_LINES, LINE_WIDTH = 12, 36  # of a step's text, where the terminal is smallest
# What a goal can be about, besides the settings, and what the screen calls it.
FACTS = {
    "dataset": "dataset", "step": "step", "state": "state", "parameters": "parameters",
    "train": "train loss", "dev": "dev loss", "gap": "dev minus train", "test_peeks": "test looks",
    "seed": "seed", "edits": "edits", "previous": "previous runs", "seen": "panel",
    "finder": "finder",
    "bigrams.mode": "bigrams", "bigrams.order": "sorted by", "bigrams.pair": "pair",
    "probe.text": "probe", "trace.text": "traced", "trace.position": "position",
    "trace.backward": "gradients",
    "names.temperature": "temperature", "names.top_k": "top-k",
}  # fmt: skip
_SIGNS = {">=": "≥", "<=": "≤", "!=": "≠"}
_TESTS: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq, "!=": operator.ne, "has": operator.contains,
    ">=": operator.ge, "<=": operator.le, ">": operator.gt, "<": operator.lt,
}  # fmt: skip
_CONDITION = re.compile(r"(\S+) +(=|!=|has|>=|<=|>|<) +(.+)")
_KEY = re.compile(r"\{([^{}]+)\}")
_PLACE = re.compile(r" - at `\$(.*)`$")


class Condition(Struct, frozen=True):
    """One condition of a goal: a setting or another fact, a comparison, and a value."""

    name: str
    comparison: str
    value: Any

    def __str__(self) -> str:
        """The condition in words: "step ≥ 300"."""
        name = FACTS.get(self.name) or self.name.replace("_", " ")
        value = self.value
        if isinstance(value, float):
            value = f"{value:,g}"
        elif self.name in SETTINGS:
            value = setting_text(self.name, value)
        return f"{name} {_SIGNS.get(self.comparison, self.comparison)} {value}"

    def holds(self, facts: Mapping[str, Any]) -> bool:
        """True if what is known meets it. Of a set, such as the panels seen, one must be equal."""
        known = facts.get(self.name)
        if isinstance(known, frozenset | set):
            return self.value in known
        try:
            return known is not None and _TESTS[self.comparison](known, self.value)
        except TypeError:  # a text can't be compared with a number
            return False


class Question(Struct, frozen=True, forbid_unknown_fields=True):
    """A number to type: predicted before the program shows it, or read off the screen.

    value, within: the right answer, and how far off one may be. then: what is said once there is an
    answer. is_prediction: True to take any number, so that a wrong guess costs nothing.
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
    keys: those that reach the goal, `{...}` for one by its id or its name, others as characters.
    """

    text: str
    keys: str
    hints: tuple[str, str]
    goal: tuple[str, ...] = ()
    question: Question | None = None

    @property
    def conditions(self) -> list[Condition]:
        return [_condition(text) for text in self.goal]


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
    return Path(os.environ.get("MAKEMORE_TUI_LESSONS") or own).expanduser()


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
        text = path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise UserError(f"{path} can't be read: {error}") from None
    try:
        lesson = msgspec.convert(tomllib.loads(text), Lesson)
        _check(lesson, is_key)
    except tomllib.TOMLDecodeError as error:
        at = re.search(r"line (\d+)", str(error))
        line = int(at[1]) if at else len(text.splitlines())
        raise UserError(f"{path}, line {line}: not TOML: {error}") from None
    except msgspec.ValidationError as error:
        place = _PLACE.search(str(error))
        why = _PLACE.sub("", str(error))
        line = _line_of(text, place[1] if place else "")
        raise UserError(f"{path}, line {line}: {why[0].lower()}{why[1:]}") from None
    return msgspec.structs.replace(lesson, name=re.sub(r"^\d+-", "", path.stem))


def lesson_named(lessons: list[Lesson], name: str) -> Lesson:
    """A lesson by its name or its number; raises UserError if there is none."""
    names = [lesson.name for lesson in lessons]
    if name.isascii() and name.isdigit() and 0 < int(name) <= len(names):
        return lessons[int(name) - 1]
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
                _condition(text)
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
    plain = _KEY.sub("k", text).replace("`", "")
    return sum(max(1, len(textwrap.wrap(one, LINE_WIDTH))) for one in paragraphs(plain))


def _condition(text: str) -> Condition:
    """A condition from text; raises UserError if it says nothing that can be known."""
    found = _CONDITION.fullmatch(text.strip())
    if found is None:
        raise UserError(f"a condition is like 'step >= 300', not {text!r}")
    name, comparison, value = found.groups()
    if name in SETTINGS:
        return Condition(name, comparison, parse_value(name, value))
    if name not in FACTS:
        meant = did_you_mean(name, [*FACTS, *SETTINGS])
        known = meant or f"there are {', '.join(FACTS)} and the settings"
        raise UserError(f"nothing is known as {name!r}; {known}")
    if comparison == "has":
        return Condition(name, comparison, value)
    if value in ("true", "false"):
        return Condition(name, comparison, value == "true")
    try:
        return Condition(name, comparison, float(value))
    except ValueError:
        return Condition(name, comparison, value)


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
    return Path(os.environ.get("MAKEMORE_TUI_PROGRESS") or default).expanduser()


def read_progress(path: Path) -> dict[str, list[int]]:
    """The steps that were done of each lesson, by its name, counted from 1.

    Raises UserError if the file can't be read.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, list[int]])
    except FileNotFoundError:
        return {}
    except (OSError, msgspec.MsgspecError) as error:
        raise UserError(f"{path} can't be read: {error}") from None


def write_progress(path: Path, done: Mapping[str, Iterable[int]]) -> None:
    """Write which steps were done. Raises UserError if that can't be."""
    record = msgspec.json.encode({name: sorted(steps) for name, steps in done.items()})
    write_atomically(path, msgspec.json.format(record, indent=1), b"\n")


def num_done(lesson: Lesson, done: Mapping[str, Iterable[int]]) -> int:
    """How many steps of a lesson were done."""
    return len({*done.get(lesson.name, ())} & {*range(1, len(lesson.steps) + 1)})
