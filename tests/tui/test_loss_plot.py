"""The loss plot as a pure function."""

import math
import re
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from rich.segment import Segment
from rich.style import Style

from makemore_tui.core.results import Baseline, LossCurve, Mark, SavedCurve
from makemore_tui.tui.plots.columns import curve_columns, interpolated
from makemore_tui.tui.plots.figure import CellGrid, distinct_rows, rows_for_labels
from makemore_tui.tui.plots.loss_options import PlotContent
from makemore_tui.tui.plots.loss_plot import canvas_width, loss_plot
from makemore_tui.tui.plots.loss_range import loss_scale
from makemore_tui.tui.style.colours import DARK, LIGHT
from tests.support.loss_plots import draw, made, text

losses = st.floats(0.01, 30)


any_losses = st.one_of(losses, st.sampled_from([math.inf, math.nan, 0.0]))


def per_cell(row):
    return [
        (sign, style.color.triplet if style and style.color else None)
        for sign_text, style, _ in row
        for sign in sign_text
    ]


def braille_rows(rows):
    """For each column the first row that has a line in it."""
    first = {}
    for y, line in enumerate(text(rows)):
        for x, sign in enumerate(line):
            if "⠀" < sign <= "⣿":
                first.setdefault(x, y)
    return [first[x] for x in sorted(first)]


# loss_plot


@pytest.mark.parametrize("log", [False, True])
@pytest.mark.parametrize(("width", "height"), [(16, 4), (40, 8), (80, 20), (200, 60)])
def test_a_plot_has_the_size_asked_for(width, height, log):
    rows = text(draw(made([3 - 0.01 * i for i in range(150)]), width, height, log))
    assert len(rows) == height
    assert all(len(row) <= width for row in rows)


@pytest.mark.parametrize(("width", "height"), [(15, 20), (80, 3), (0, 0), (1, 1)])
def test_where_there_is_no_room_there_is_no_plot(width, height):
    assert draw(made([3.0, 2.0]), width, height) == []


def test_without_points_there_is_no_plot():
    assert draw(LossCurve([], [], [], [], 0)) == []


@pytest.mark.parametrize("log", [False, True])
def test_a_falling_loss_falls(log):
    places = braille_rows(draw(made([4 - 0.01 * i for i in range(200)], spread=0), log=log))
    assert len(places) > 50
    assert places == sorted(places)
    assert places[-1] - places[0] > 10


def loss_labels(rows):
    """The labels of the loss axis, from above."""
    found = [re.match(r"\s*(\S+)[┤├]", row) for row in rows]
    return [label[1] for label in found if label]


def test_axes_have_losses_and_steps():
    rows = text(draw(made([3.2 - 0.01 * i for i in range(100)], every=100)))
    values = [float(label) for label in loss_labels(rows)]
    assert values == sorted(values, reverse=True)
    assert 2 < min(values) < max(values) < 3.6
    assert rows[-1].split() == ["2k", "4k", "6k", "8k"]


@pytest.mark.parametrize("loss", [0.02, 3.0, 99.0, 4000.0, 1e8])
def test_the_axis_stands_in_one_place_whatever_the_losses(loss):
    rows = text(draw(made([loss * (2 - 0.01 * i) for i in range(100)], spread=0)))
    assert {row.index(sign) for row in rows for sign in "┤└" if sign in row} == {5}


@pytest.mark.parametrize("log", [False, True])
@pytest.mark.parametrize("values", [[2.1001, 2.1], [3.0], [2.10, 2.11, 2.12], [4000.0, 3000.0]])
def test_no_two_labels_of_an_axis_are_alike(values, log):
    curve = made(values, spread=0, first=200_000.5)
    rows = text(draw(curve, log=log, baselines=[("uniform", values[0])]))
    losses = loss_labels(rows)
    assert len(losses) == len(set(losses)) > 0
    assert len(rows[-1].split()) == len(set(rows[-1].split()))


def test_the_spread_is_shaded_around_the_line_and_nowhere_else():
    values = [3.0] * 50 + [2.0] * 50
    rows = text(draw(made(values, spread=0.2), 106, 22))
    shaded = [{x for x, sign in enumerate(row) if sign == "░"} for row in rows]
    left = [y for y, places in enumerate(shaded) if 20 in places]
    right = [y for y, places in enumerate(shaded) if 78 in places]
    assert left
    assert right
    assert max(left) < min(right)


def test_the_uniform_loss_is_a_line_across_the_plot():
    dotted = [
        row
        for row in text(draw(made([3.25 - 0.01 * i for i in range(100)])))
        if row.count("╌") > 30
    ]
    assert len(dotted) == 1
    assert "uniform 3.296" in dotted[0]


def test_lines_and_spread_have_the_colours_of_the_palette():
    curve = made([3 - 0.01 * i for i in range(99)], dev=[(5, 3.3), (50, 3.0), (99, 2.8)])
    for palette in (DARK, LIGHT):
        rows = loss_plot(curve, 80, 20, PlotContent(), palette)
        colours = {colour for row in rows for _, colour in per_cell(row) if colour}
        assert {palette.batch, palette.dev, palette.faint, palette.dim} <= {
            tuple(colour) for colour in colours
        }


@pytest.mark.parametrize("log", [False, True])
@given(st.lists(any_losses, min_size=1, max_size=120), st.lists(any_losses, max_size=5))
def test_no_losses_do_harm(log, values, dev):
    points = [(i * 20, loss) for i, loss in enumerate(dev)]
    rows = draw(made(values, spread=0, dev=points), log=log)
    assert len(rows) == 20


@pytest.mark.parametrize("log", [False, True])
@pytest.mark.parametrize("values", [[0.0] * 9, [1e-9] * 9, [1e9, 1.0], [2.0], [5.0] * 3])
def test_extreme_losses_do_no_harm(log, values):
    assert len(draw(made(values, spread=0), log=log)) == 20


@pytest.mark.parametrize("first", [0.5, 1e9])
def test_a_plot_begins_at_any_step(first):
    assert len(draw(made([3.0, 2.9, 2.8], first=first, every=1e6))) == 20


# Lines, previous runs and the scale


def test_a_single_step_has_its_newest_losses_all_along_and_every_baseline_in_view():
    dev = [(1, 3.3), (1, 2.46), (1, 2.894)]  # uncounted, counted, smoothed
    curve = replace(made([2.454]), steps=[1.0], dev=dev)
    baselines = [("uniform", 3.296), ("bigram", 2.46), ("4-gram", 2.105)]
    rows = draw(curve, baselines=baselines)
    assert not re.search("[↑↓]", "".join(text(rows)))
    columns = curve_columns(curve, 50)
    assert columns.dev == [(0, 2.894), (49, 2.894)]
    assert columns.smooth == [2.454] * 50


def test_the_newest_dev_loss_is_in_view_however_it_came_there():
    dev = [(i, 2.46) for i in range(10, 360, 10)] + [(359, 2.894)]
    curve = replace(made([2.45] * 359), dev=dev)
    columns = curve_columns(curve, 50)
    scale, _ = loss_scale(columns, [], PlotContent(), 12)
    assert scale.has(2.894)
    far = curve_columns(replace(curve, dev=[*dev, (359, 9.0)]), 50)
    assert not loss_scale(far, [], PlotContent(), 12)[0].has(9.0)


@pytest.mark.parametrize(
    ("column", "height"), [(-1, None), (0, 5), (1, 4), (2, 3), (3, 3.5), (4, 4), (4.1, None)]
)
def test_the_height_of_a_line_between_its_points(column, height):
    assert interpolated([(0, 5.0), (2, 3.0), (4, 4.0)], column) == height


def test_previous_runs_are_lines_as_far_as_the_present_one_goes():
    points = [(i + 0.5, 3.0) for i in range(500)]
    curve = made([2.0] * 100)
    columns = curve_columns(replace(curve, previous=[points, []]), 50)
    assert [len(line) for line in columns.previous] == [50, 0]
    assert {loss for _, loss in columns.previous[0]} == {3.0}


def test_previous_runs_have_their_names_near_the_ends_of_their_lines(previous):
    curve = made([2.0] * 100, spread=0)
    lines = [[(i + 0.5, loss) for i in range(end)] for end, loss in ((60, 1.6), (100, 1.2))]
    names = ("hidden 100 → 2.31", "lr 1")
    runs = [previous(name) for name in names]
    rows = text(draw(replace(curve, previous=lines), baselines=(), previous=runs))
    first, second = (next(row for row in rows if name in row) for name in names)
    assert rows.index(first) < rows.index(second)
    assert first.index(names[0]) > 6 + 0.55 * 74
    assert second.index(names[1]) > 6 + 0.8 * 74


@pytest.mark.parametrize(
    ("width", "name"),
    [
        (100, "embedding 10, hidden 200, init s… → 2.25"),
        (57, "embedding 10, hid… → 2.25"),
    ],
)
def test_a_long_name_of_a_previous_run_is_cut_so_that_it_has_room(previous, width, name):
    whole = "embedding 10, hidden 200, init scaled, batch 32, step, steps 200,000, on train → 2.25"
    curve = made([3.0 - i / 100 for i in range(100)], spread=0)
    curve = replace(curve, previous=[[(i + 0.5, 2.5) for i in range(100)]])
    rows = text(draw(curve, width, baselines=(), previous=[previous(whole)]))
    assert f" {name} " in "\n".join(rows)


@pytest.mark.parametrize("height", [12, 17, 30])
def test_the_names_of_previous_runs_stand_in_the_order_of_their_losses(previous, height):
    # eight runs that end so near to each other that the lines are no help
    dev = [2.32, 2.29, 2.37, 2.45, 2.25, 2.41, 2.35, 2.27]
    runs = [previous(f"hidden {i} → {loss}", best_dev=loss) for i, loss in enumerate(dev)]
    ends = [(80 - 3 * i, loss - 0.02 * (i % 3)) for i, loss in enumerate(dev)]
    lines = [[(i + 0.5, loss + 0.3 / (i + 1)) for i in range(end)] for end, loss in ends]
    curve = replace(made([2.6 + 0.6 / (i + 1) for i in range(120)], spread=0), previous=lines)
    rows = text(draw(curve, 100, height, baselines=[("uniform", 3.3)], previous=runs))
    said = [float(loss) for row in rows for loss in re.findall(r"→ (\d\.\d+)", row)]
    assert said == sorted(said, reverse=True)
    assert len(said) >= (8 if height > 12 else 6)


def test_lines_that_end_far_from_each_other_keep_their_names(previous):
    runs = [previous("a", best_dev=1.0), previous("b", best_dev=2.0)]  # not as the lines have it
    lines = [[(i + 0.5, loss) for i in range(60)] for loss in (2.0, 1.0)]
    curve = replace(made([2.1] * 100, spread=0), previous=lines)
    rows = text(draw(curve, baselines=(), previous=runs))
    named = {name: next(i for i, row in enumerate(rows) if f" {name} " in row) for name in "ab"}
    assert named["b"] - named["a"] > 10


@given(st.lists(st.tuples(st.integers(0, 9), st.sets(st.integers(0, 9))), max_size=5))
def test_rows_in_order_are_free_and_no_others_would_be_nearer(choices):
    wanted, free = [row for row, _ in choices], [sorted(rows) for _, rows in choices]
    found = rows_for_labels(wanted, free)
    assert len(found) == len(wanted)
    taken = [row for row in found if row is not None]
    assert taken == sorted(set(taken))
    assert all(row is None or row in rows for row, rows in zip(found, free, strict=True))
    ways = [way for way in product(*free) if list(way) == sorted(set(way))]
    if ways:
        distances = [sum(abs(a - b) for a, b in zip(way, wanted, strict=True)) for way in ways]
        assert None not in found
        assert sum(abs(a - b) for a, b in zip(taken, wanted, strict=True)) == min(distances)


def test_each_other_run_has_a_colour_and_a_label_of_its_own(previous):
    lines = [[(i + 0.5, loss) for i in range(0, 60, 2)] for loss in (2.1, 2.2, 2.3)]
    saved = SavedCurve("kept", 2.05, [(i + 0.5, 1.9) for i in range(0, 60, 2)])
    curve = replace(made([2.0] * 99), previous=lines, overlays=[saved])
    runs = [previous("lr 1 → 2.21", id=i) for i in range(3)]
    rows = draw(curve, previous=runs, baselines=())
    colours = {tuple(colour) for row in rows for _, colour in per_cell(row) if colour}
    assert {*DARK.runs} <= colours
    labels = re.findall(r"lr 1 → 2.21(?: \(\d\))?|kept → 2.05", "\n".join(text(rows)))
    assert labels == ["lr 1 → 2.21 (3)", "lr 1 → 2.21 (2)", "lr 1 → 2.21", "kept → 2.05"]


def test_a_hidden_run_is_not_drawn_and_the_others_keep_their_colours(previous):
    lines = [[(i + 0.5, loss) for i in range(0, 60, 2)] for loss in (2.1, 2.2)]
    runs = [previous(name, id=i) for i, name in enumerate(("first", "second"))]
    curve = replace(made([2.0] * 99), previous=lines)
    rows = draw(curve, previous=runs, baselines=(), toggled=frozenset({0}))
    colours = {tuple(colour) for row in rows for _, colour in per_cell(row) if colour}
    assert DARK.runs[1] in colours
    assert DARK.runs[0] not in colours
    assert not any("first" in row for row in text(rows))
    assert any("second" in row for row in text(rows))


@pytest.mark.parametrize("steps", [100, 1000, 20_000])
def test_the_first_steps_do_not_decide_the_scale(steps):
    values = [27.0 * 0.9**i + 2.2 for i in range(steps)]
    rows = text(draw(made(values[:: steps // 100], every=steps // 100), baselines=()))
    highest = max(float(label) for label in loss_labels(rows))
    assert highest < 16 if steps == 100 else highest < 5


@pytest.mark.parametrize("steps", [150, 300, 1000, 100_000])
@pytest.mark.parametrize("log", [False, True])
def test_the_first_hundred_steps_never_decide_it(steps, log):
    every = max(1, steps // 400)
    values = [27.0 * 0.97**step + 2.2 for step in range(0, steps, every)]
    rows = text(draw(made(values, every=every), baselines=(), log_steps=log))
    assert max(float(label) for label in loss_labels(rows)) < 27 * 0.97**97 + 2.2


def cells_of(rows):
    return [[sign for sign, _ in per_cell(row)] for row in rows]


# Marks, baselines, crosshair


def test_an_edit_is_a_line_at_its_step_that_hides_no_curve():
    curve = made([3 - 0.01 * i for i in range(100)])
    plain, marked = (
        cells_of(draw(curve, baselines=(), marks=marks))
        for marks in ((), (Mark(25, "lr 0.01"), Mark(50, "hidden 300")))
    )
    changed = [
        (x, before)
        for old, new in zip(plain, marked, strict=True)
        for x, (before, after) in enumerate(zip(old, new, strict=False))
        if before != after
    ]
    assert all(before in " ░" for _, before in changed)
    lines = {x for row in marked for x, sign in enumerate(row) if sign == "┊"}
    assert lines == {6 + round(24.5 * 73 / 99), 6 + round(49.5 * 73 / 99)}
    said = "\n".join("".join(row) for row in marked)
    assert "hidden 300" in said
    assert "lr 0.01" not in said


def test_a_label_without_room_on_the_right_stands_on_the_left():
    curve = made([3.0 - 0.01 * i for i in range(100)])
    rows = text(draw(curve, baselines=(), marks=(Mark(98, "hidden 300"),)))
    assert re.search(r"hidden 300 ▸┊", "\n".join(rows))


def test_a_label_without_room_above_stands_where_there_is_some():
    curve = made([1.0] * 96 + [30.0] * 4, spread=0)
    rows = text(draw(curve, baselines=(), marks=(Mark(95, "lr 1000, decay 0.3"),)))
    assert any("lr 1000, decay 0.3 ▸┊" in row for row in rows)


@pytest.mark.parametrize("log", [False, True])
@pytest.mark.parametrize("step", [0, 1, 100, 255])
def test_an_edit_within_the_first_point_stands_in_the_first_column(step, log):
    curve = made([3.0 - 0.001 * i for i in range(400)], first=256, every=512)
    rows = text(draw(curve, baselines=(), log_steps=log, marks=(Mark(step, "lr 1"),)))
    assert {x for row in rows for x, sign in enumerate(row) if sign == "┊"} == {6}


def test_marks_outside_what_is_shown_are_not_drawn():
    rows = text(draw(made([3.0] * 9, first=100), marks=(Mark(5, "lr 1"), Mark(500, "lr 2"))))
    assert not any("┊" in row for row in rows)


BASELINES = [("uniform", 3.296), ("bigram", 2.46), ("trigram", 2.45), ("4-gram", 2.44)]


def test_baselines_stand_apart_at_the_right_and_have_a_tick_when_passed():
    rows = text(draw(made([3.2 - 0.01 * i for i in range(100)]), baselines=BASELINES, dev=2.455))
    labels = [row[-17:].strip() for row in rows if re.search(r"\d\.\d{3}", row[-17:])]
    assert labels == ["uniform 3.296 ✓", "bigram  2.460 ✓", "trigram 2.450", "4-gram  2.440"]


def test_a_narrow_plot_has_the_lines_of_baselines_without_names():
    assert canvas_width(50, PlotContent(baselines=(Baseline("uniform", 3.0),))) == 44
    rows = text(draw(made([3.2 - 0.01 * i for i in range(100)]), 50, baselines=BASELINES))
    assert any(row.count("╌") > 20 for row in rows)
    assert not any("uniform" in row for row in rows)


def test_the_crosshair_is_a_line_at_its_step():
    rows = text(draw(made([3.0] * 101, first=0, spread=0), baselines=(), crosshair=50))
    assert {row.index("│", 7) for row in rows[:3]} == {6 + 36}


@given(st.lists(st.integers(0, 19), max_size=12).map(sorted))
def test_rows_apart_differ_and_stay_in_order(wanted):
    rows = distinct_rows(wanted, 20)
    assert rows == sorted(set(rows))
    assert all(0 <= row < 20 for row in rows)
    if len(set(wanted)) == len(wanted):
        assert rows == wanted


def test_only_free_cells_take_a_sign():
    cells = CellGrid([[Segment("ab  c")], []], 5)
    cells.write(0, 1, "xyz", Style.null())
    cells.write(5, 0, "x", Style.null())
    assert text(cells.rows()) == ["abyzc", "     "]


# The range of losses


def rows_between(rows, low, high):
    """How many rows of a plot are between two losses, by its labels."""
    labels = [(i, re.match(r"\s*(\S+)[┤├]", row)) for i, row in enumerate(text(rows))]
    (first, top), *_, (last, bottom) = [(i, float(label[1])) for i, label in labels if label]
    return (high - low) / (top - bottom) * (last - first)


def lecture_like(points):
    """The preset `scaled` of 200,000 steps: the rate falls to a tenth in the middle of them."""
    fall = [0.3 / (1 + 40 * i / points) for i in range(points)]
    return [2.14 + one if i < points / 2 else 2.05 + one / 9 for i, one in enumerate(fall)]


@pytest.mark.parametrize(("width", "height"), [(80, 16), (77, 23), (110, 33), (180, 50)])
def test_the_last_part_of_a_long_run_takes_a_third_of_the_height(width, height):
    mean = lecture_like(160)
    dev = [(int(1250 * (i + 0.5)), loss + 0.06) for i, loss in enumerate(mean)]
    curve = made(mean, spread=0.5, first=625, every=1250, dev=dev)
    rows = draw(curve, width, height, baselines=BASELINES)
    assert rows_between(rows, 2.11, 2.20) >= (height - 2) / 3


def test_the_spread_of_single_batches_never_sets_the_range_and_can_be_left_out():
    values = [3 - 0.01 * i for i in range(100)]
    calm, wild = (text(draw(made(values, spread=spread))) for spread in (0.01, 2.0))
    assert loss_labels(calm) == loss_labels(wild)
    assert "░" in "".join(wild)
    assert "░" not in "".join(text(draw(made(values, spread=2.0), spread=False)))


def test_zooming_shows_less_around_the_end_of_the_curve():
    curve = made([3 - 0.01 * i for i in range(100)])
    sizes = [rows_between(draw(curve, baselines=(), zoom=zoom), 0, 1) for zoom in (-2, 0, 2)]
    assert sizes[0] * 1.4 < sizes[1] < sizes[2] / 1.4
    assert any("2.0" in label for label in loss_labels(text(draw(curve, baselines=(), zoom=2))))


def test_a_name_stands_at_its_line_however_many_others_are_out_of_view():
    low = [(f"low {i}", 1.0 - 0.1 * i) for i in range(9)]
    values = [3.2 - 0.01 * i for i in range(100)]
    rows = text(draw(made(values, spread=0), baselines=[("bigram", 2.5), *low]))
    (named,) = (row for row in rows if "bigram" in row)
    assert "╌" in named
    assert named.index("╌") < named.index("bigram")
    assert 0 < sum("↓low" in row for row in rows) < 9
    assert any("↓low 0" in row for row in rows)


def test_a_baseline_that_is_out_of_view_is_named_with_an_arrow():
    rows = text(draw(made([2.2 - 0.001 * i for i in range(100)]), baselines=BASELINES, dev=2.1))
    assert any("↑uniform 3.296 ✓" in row for row in rows)
    below = text(draw(made([3.2 - 0.001 * i for i in range(100)]), baselines=BASELINES))
    assert any("↓trigram 2.450" in row for row in below)


def test_a_logarithmic_axis_has_logarithmic_ticks_and_no_blank_half():
    memorised = [0.25 + 12 * 0.97**i for i in range(300)]
    dev = [(3 * i, 11.0) for i in range(100)]
    rows = text(draw(made(memorised, spread=0, dev=dev), log=True, baselines=BASELINES))
    assert [float(label) for label in loss_labels(rows)] == [10, 5, 2, 1, 0.5, 0.2]
    lowest = max(braille_rows(draw(made(memorised, spread=0, dev=dev), log=True)))
    assert lowest >= len(rows) - 6


def test_the_target_is_a_line_with_a_tick_once_it_is_passed():
    curve = made([2.3 - 0.002 * i for i in range(100)])
    target = ("target", 2.17)
    rows = text(draw(curve, baselines=[*BASELINES, target], dev=2.165, target=2.17))
    (line,) = [row for row in rows if "target  2.170 ✓" in row]
    assert line.count("╌") > 30
