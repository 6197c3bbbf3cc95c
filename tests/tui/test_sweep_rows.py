"""What is drawn of a sweep, as rows."""

import pytest
from msgspec.structs import replace

from makemore_tui.core.sweep.messages import Trial
from makemore_tui.tui.plots.sweep_plots import best_rows, curve_rows, slice_rows
from makemore_tui.tui.plots.sweep_rows import (
    Board,
    board_rows,
    headline,
    importance_rows,
    matching,
    ordered,
    sort_names,
)
from makemore_tui.tui.style.colours import DARK
from tests.tui.test_sweep_screen import study

STUDY = study()


def texts(rows):
    return ["".join(segment.text for segment in row) for row in rows]


def numbers(trials):
    return [one.number for one in trials]


def test_the_headline_counts_trials_by_state():
    begins = "11 of 17 trials · 4 pruned · 1 running"
    assert headline(STUDY) == f"{begins} · stopped · last ran for 1:15"
    shown = headline(replace(STUDY, seeds=3, state="running", seconds_left=80))
    assert shown == f"{begins} · each with 3 seeds · 1:20 left"


def test_by_dev_those_that_were_trained_to_their_end_come_first():
    trials = ordered(STUDY.rows, "dev")
    states = [one.state for one in trials]
    assert states == ["done"] * 7 + ["running"] + ["pruned"] * 4
    assert numbers(trials)[:7] == numbers(STUDY.leaders)


@pytest.mark.parametrize("sort", sort_names(STUDY))
def test_every_column_sorts_all_trials(sort):
    trials = ordered(STUDY.rows, sort)
    assert sorted(numbers(trials)) == list(range(12))
    if sort in ("hidden", "learning_rate"):
        values = [one.settings[sort] for one in trials]
        assert values == sorted(values)


@pytest.mark.parametrize(
    ("words", "test"),
    [
        ("pruned", lambda one: one.state == "pruned"),
        ("hidden=64", lambda one: one.settings["hidden"] == 64),
        ("lr=0.03 done", lambda one: one.settings["learning_rate"] == 0.03 and one.state == "done"),
        ("nothing=1", lambda _: False),
    ],
)
def test_words_filter_by_state_and_by_whole_values(words, test):
    assert matching(STUDY.rows, words) == [one for one in STUDY.rows if test(one)]


def test_the_leaderboard_keeps_the_cursor_in_view_and_says_where_trials_are():
    trials = ordered(STUDY.rows, "trial")
    rows, places = board_rows(trials, Board(("hidden",), "trial", 10, 60, 6, DARK))
    lines = texts(rows)
    assert len(lines) == 6
    assert lines[0].split() == ["trial", "dev", "hidden", "steps", "state"]
    at = next(line for line, i in places.items() if i == 10)
    assert lines[at].startswith("›")
    assert lines[at].split()[1] == "10"
    assert lines[-1].startswith("trial 10: hidden ")
    assert "behind at step 64" in lines[-1]


def test_settings_without_room_have_no_column():
    board = Board(("hidden", "learning_rate"), "dev", 0, 45, 6, DARK)
    assert "learning rate" not in texts(board_rows(STUDY.rows, board)[0])[0]


def test_what_matters_most_comes_first():
    lines = texts(importance_rows(STUDY, 40, DARK))
    assert [line.split()[0] for line in lines] == ["learning", "hidden"]
    assert lines[0].count("█") == 3 * lines[1].count("█")


def test_the_best_so_far_only_falls():
    lines = texts(best_rows(STUDY, 50, 10, DARK))
    assert len(lines) == 10
    tops = [min(y for y in range(8) if lines[y][x] > "⠀") for x in (7, 25, 48)]
    assert tops == sorted(tops)


def test_curves_have_the_numbers_of_the_best_and_of_the_running():
    labels = {line[-5:].strip() for line in texts(curve_rows(STUDY, None, 60, 14, DARK))}
    assert {str(one.number) for one in STUDY.leaders[:5] if one.dev} | {"11"} <= labels


@pytest.mark.parametrize("over", STUDY.over, ids=lambda one: one.setting)
def test_a_slice_marks_the_best_and_the_chosen(over):
    chosen = STUDY.leaders[-1]
    text = "\n".join(texts(slice_rows(STUDY, over, chosen, 50, 12, DARK)))
    assert text.count("◆") == text.count("○") == 1
    assert ("64" in text) == (over.setting == "hidden")


def test_a_slice_says_which_losses_are_above_it():
    rows = tuple(replace(one, value=9.0 if one.number == 2 else one.value) for one in STUDY.rows)
    first, *others = texts(slice_rows(replace(STUDY, rows=rows), STUDY.over[0], None, 50, 12, DARK))
    assert "▴" in first
    assert "▴" not in "".join(others)


@pytest.mark.parametrize("size", [(0, 0), (5, 2), (19, 20), (60, 4)])
def test_without_room_or_trials_nothing_is_drawn(size):
    empty = study(0)
    for width, height in (size, (60, 20)):
        now = STUDY if (width, height) == size else empty
        assert best_rows(now, width, height, DARK) == []
        assert curve_rows(now, None, width, height, DARK) == []
        assert slice_rows(now, now.over[0], None, width, height, DARK) == []


def test_a_trial_without_a_loss_has_a_row():
    trial = Trial(3, "failed", {"hidden": 64}, why="the batch is too large")
    lines = texts(board_rows([trial], Board(("hidden",), "dev", 0, 70, 6, DARK))[0])
    assert "–" in lines[1]
    assert "the batch is too large" in lines[-1]


def test_the_steps_of_a_long_trial_are_not_cut():
    trial = Trial(3, "running", {"hidden": 64}, "", 2.5, 137_500, 200_000)
    lines = texts(board_rows([trial], Board(("hidden",), "dev", 0, 70, 6, DARK))[0])
    assert "138k/200k running" in lines[1] or "137.5k/200k running" in lines[1]
