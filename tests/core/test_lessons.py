"""Lessons' files: what they hold, and what is said of one that is wrong."""

import json
import os
import re

import pytest

from makemore_tui.core import lessons
from makemore_tui.core.errors import UserError
from makemore_tui.core.lessons import Question, Step
from makemore_tui.tui.keymap import is_key

GOOD = """title = "Smoothing"
lecture = "Part 1, 61:52"
start = "names/kind=ngram"

[[steps]]
text = "Press {pause}."
goal = ["step >= 1"]
hints = ["one", "two"]
keys = "{pause}"

[[steps]]
text = "Guess."
hints = ["one", "two"]
keys = "{lessons}3{enter}"

[steps.question]
value = 3.296
within = 0.05
then = "ln 27"
"""


def read(tmp_path, text=GOOD, name="01-smoothing.toml"):
    path = tmp_path / name
    path.write_text(text)
    return lessons.read_lesson(path, is_key)


def test_the_program_s_lessons_follow_both_lectures():
    found, problems = lessons.read_lessons(lessons.lessons_directory(), is_key)
    assert problems == []
    assert len(found) == 21
    assert sum(len(lesson.steps) for lesson in found) >= 80
    assert all(3 <= len(lesson.steps) <= 8 for lesson in found)


@pytest.mark.parametrize(
    ("before", "after", "line", "why"),
    [
        ("title = ", "title ", 1, "not TOML"),
        ("title = ", "titel = ", 1, "titel"),
        ('"names/kind=ngram"', '"names/kind=gram"', 3, "kind must be"),
        ('text = "Press', 'tekst = "Press', 5, "tekst"),
        ("Press {pause}", "Press {paus}", 6, "'paus' is no key"),
        ("Press {pause}", "word " * 100, 6, "the text takes 15 lines"),
        ("step >= 1", "stop >= 1", 7, "did you mean step?"),
        ("step >= 1", "step 1", 7, "a condition is like"),
        ('goal = ["step >= 1"]', "", 5, "a goal or a question"),
        ("value = 3.296", "value = " + "[" * 5000, 19, "not TOML"),
        ('hints = ["one", "two"]\nkeys = "{p', 'hints = ["one"]\nkeys = "{p', 8, "length 2"),
        ("value = 3.296", 'value = "3"', 17, "expected `float`, got `str`"),
    ],
)
def test_a_wrong_file_is_named_with_its_line(tmp_path, before, after, line, why):
    with pytest.raises(UserError) as error:
        read(tmp_path, GOOD.replace(before, after))
    said = str(error.value)
    assert said.startswith(f"{tmp_path / '01-smoothing.toml'}, line {line}: ")
    assert why in said
    assert "\n" not in said


def test_a_number_that_no_lesson_can_have_is_refused(tmp_path):
    with pytest.raises(UserError, match="there is no lesson '999"):
        lessons.lesson_named([read(tmp_path, GOOD)], "9" * 5000)


def test_a_wrong_file_leaves_the_others_usable(tmp_path):
    (tmp_path / "02-wrong.toml").write_text("title = 3")
    read(tmp_path)
    found, problems = lessons.read_lessons(tmp_path, is_key)
    assert [lesson.name for lesson in found] == ["smoothing"]
    assert len(problems) == 1
    assert lessons.lesson_named(found, "1") is lessons.lesson_named(found, "smoothing")
    with pytest.raises(UserError, match="did you mean smoothing"):
        lessons.lesson_named(found, "smoothin")


def test_a_goal_holds_from_what_it_asks_for_on():
    step = Step("text", "k", ("a", "b"), ("step >= 300", "seen = trace", "kind = mlp"))
    facts = {"step": 301, "seen": {"loss", "trace"}, "kind": "mlp"}
    assert all(one.holds(facts) for one in step.conditions)
    assert [one.holds({}) for one in step.conditions] == [False] * 3
    assert [one.sentence for one in step.conditions] == [
        "Reach step 300",
        "Choose {trace-panel}",
        "Set kind to MLP",
    ]


def test_a_prediction_takes_any_number_and_a_reading_the_right_one():
    prediction = Question(3.296, 0.05, "ln 27")
    reading = Question(3.296, 0.05, "ln 27", is_prediction=False)
    assert prediction.is_taken(7)
    assert not prediction.is_right(7)
    assert reading.is_taken(3.3)
    assert not reading.is_taken(7)


def test_every_goal_of_the_program_is_a_sentence():
    found, _ = lessons.read_lessons(lessons.lessons_directory(), is_key)
    conditions = [one for lesson in found for step in lesson.steps for one in step.conditions]
    sentences = [one.sentence for one in conditions]
    assert all(re.match(r"[A-Z][a-z]+ ", one) for one in sentences)
    assert not [one for one in sentences if re.search(r"[<>=_]|false|true", one)]
    assert "See a dev loss of 2.3 or less" in sentences


def test_the_list_goes_on_after_the_lesson_that_was_worked_on_last(tmp_path):
    some = [read(tmp_path, name=f"0{i}-{name}.toml") for i, name in enumerate("abcd")]
    for done, index in (
        ({}, 0),
        ({"b": [1]}, 1),
        ({"a": [1], "b": [1, 2]}, 2),
        ({"d": [1, 2]}, 0),
        ({"gone": [1]}, 0),
        ({name: [1, 2] for name in "abcd"}, 3),
    ):
        assert lessons.lesson_to_open(some, done) == index, done
    assert [lessons.first_step_left(some[0], {"a": one}) for one in ([], [1], [1, 2])] == [0, 1, 0]


def test_progress_is_kept_in_one_file(tmp_path):
    path = tmp_path / "new" / "lessons.json"
    assert lessons.read_progress(path) == {}
    lessons.write_progress(path, {"smoothing": [2, 1]})
    assert json.loads(path.read_text()) == {"smoothing": [1, 2]}
    assert lessons.num_done(read(tmp_path), {"smoothing": [1, 2, 7]}) == 2
    path.write_text("[]")
    with pytest.raises(UserError, match="can't be read"):
        lessons.read_progress(path)


def test_what_is_no_plain_file_is_refused(tmp_path):
    os.mkfifo(tmp_path / "01-pipe.toml")
    with pytest.raises(UserError, match="can't be read: not a regular file"):
        lessons.read_lesson(tmp_path / "01-pipe.toml", lambda _: True)
    with pytest.raises(UserError, match="can't be read: not a regular file"):
        lessons.read_progress(tmp_path / "01-pipe.toml")
