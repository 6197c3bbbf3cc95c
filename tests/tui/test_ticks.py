"""Where the ticks of an axis stand, and what they say."""

import math
import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from makemore_tui.tui.plots.columns import StepAxis
from makemore_tui.tui.plots.ticks import (
    MAX_TICKS,
    even_ticks,
    nice_ticks,
    range_label,
    step_ticks,
    tick_label,
)
from tests.support.loss_plots import draw, made, text


def is_round(size):
    """Whether a number is 1, 2 or 5 times a power of ten."""
    digit = size / 10 ** math.floor(math.log10(size) + 1e-9)
    return any(digit == pytest.approx(round_one, rel=1e-5) for round_one in (1, 2, 5, 10))


@given(st.floats(-1e4, 1e4), st.floats(1e-3, 1e6), st.integers(1, 20))
def test_ticks_are_round_and_within_the_range(low, size, most):
    high = low + size
    ticks = nice_ticks(low, high, most)
    assert all(low - 1e-6 * size <= tick <= high + 1e-6 * size for tick in ticks)
    gaps = [b - a for a, b in pairwise(ticks)]
    assert all(is_round(gap) for gap in gaps)
    assert gaps == pytest.approx(gaps[:1] * len(gaps), rel=1e-5)


@pytest.mark.parametrize(
    ("first", "last", "ticks"), [(0, 2, [0, 1, 2]), (0.4, 1.6, [1]), (0, 10, [*range(11)])]
)
def test_ticks_are_at_whole_steps(first, last, ticks):
    assert step_ticks(StepAxis(first, last, 170)) == ticks


@given(st.floats(-1e4, 1e4), st.floats(1e-3, 1e6), st.integers(1, 20))
def test_there_are_no_more_ticks_than_asked_for(low, size, most):
    assert len(nice_ticks(low, low + size, most)) <= most


@pytest.mark.parametrize(
    ("low", "high", "most", "ticks"),
    [
        (2.03, 3.45, 8, [2.2, 2.4, 2.6, 2.8, 3.0, 3.2, 3.4]),
        (0.5, 99.5, 6, [20, 40, 60, 80]),
        (81_000, 101_000, 5, [85_000, 90_000, 95_000, 100_000]),
        (2, 2, 6, []),
        (3, 2, 6, []),
        (0, 1, 0, []),
        (math.nan, 1, 4, []),
    ],
)
def test_ticks_of_some_ranges(low, high, most, ticks):
    assert nice_ticks(low, high, most) == pytest.approx(ticks)


@given(st.floats(0, 30), st.floats(0.04, 1000), st.integers(12, 80))
def test_even_ticks_are_round_and_whole_rows_apart_on_an_axis_not_much_longer(low, size, rows):
    first, last, ticks = even_ticks(low, low + size, rows)
    assert first <= low + 1e-9 * size
    assert low + size <= last + 1e-9 * last
    assert last - first <= size * 1.6 + 1e-9 * last
    assert 2 <= len(ticks) <= MAX_TICKS + 1
    assert all(is_round(b - a) for a, b in pairwise(ticks))
    places = [(tick - first) / (last - first) * (rows - 1) for tick in ticks]
    assert places == pytest.approx([round(place) for place in places], abs=1e-3)
    assert len({round(b - a) for a, b in pairwise(places)}) == 1


@given(st.floats(0, 30), st.floats(0.04, 1000), st.integers(2, 11))
def test_in_few_rows_ticks_are_within_an_axis_that_is_not_much_longer(low, size, rows):
    first, last, ticks = even_ticks(low, low + size, rows)
    assert last - first <= size * 1.6 + 1e-9 * last
    assert ticks
    assert all(first <= tick + 1e-9 * last and tick <= last + 1e-9 * last for tick in ticks)


@pytest.mark.parametrize("height", range(14, 40))
@pytest.mark.parametrize("lowest", [2.0, 2.07, 2.23, 2.9])
def test_the_ticks_of_a_linear_axis_are_equally_far_apart(height, lowest):
    rows = text(draw(made([lowest + 1 / (i + 1) for i in range(100)]), height=height))
    at = [i for i, row in enumerate(rows) if re.match(r"\s*\S+[┤├]", row)]
    assert len({b - a for a, b in pairwise(at)}) == 1


@pytest.mark.parametrize(
    ("first", "last", "label"),
    [
        (0, 200, "0 to 200"),
        (500, 995, "500 to 995"),
        (100_000, 193_000, "100k to 193k"),
        (193_484, 193_500, "193,484 to 193,500"),
        (193_480, 194_520, "193,480 to 194,520"),
        (1_500_000, 3_000_000, "1.5M to 3M"),
    ],
)
def test_the_ends_of_a_range_say_how_far_apart_they_are(first, last, label):
    assert range_label(first, last) == label


@pytest.mark.parametrize(
    ("step", "label"),
    [
        (0, "0"),
        (5, "5"),
        (500, "500"),
        (999, "999"),
        (1000, "1k"),
        (1500, "1.5k"),
        (20_000, "20k"),
        (200_000, "200k"),
        (999_999, "1M"),
        (1_000_000, "1M"),
        (2_500_000, "2.5M"),
        (50_000_000, "50M"),
        (1_000_000_000, "1000M"),
    ],
)
def test_a_number_of_steps_is_short(step, label):
    assert tick_label(step) == label


@given(st.integers(1, 9), st.sampled_from([1, 2, 5]), st.integers(0, 8))
def test_a_label_says_the_number(times, digit, power):
    step = times * digit * 10**power
    found = tick_label(step)
    unit = {"k": 1e3, "M": 1e6}.get(found[-1], 1)
    assert float(found.rstrip("kM")) * unit == step
