"""Curves reduced to columns, against a reference computed another way."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from makemore_tui.core.results import LossCurve
from makemore_tui.tui.plots.columns import StepAxis, curve_columns
from makemore_tui.tui.plots.ticks import (
    step_ticks,
)

losses = st.floats(0.01, 30)


any_losses = st.one_of(losses, st.sampled_from([math.inf, math.nan, 0.0]))


def made(values, spread=0.1, first=0.5, every=1.0, dev=()):
    """A curve through some values."""
    steps = [first + every * i for i in range(len(values))]
    low, high = [v - spread for v in values], [v + spread for v in values]
    return LossCurve(steps, low, list(values), high, len(values), list(dev), smooth=list(values))


def plain_spread(curve, width):
    """Lowest and highest of each column, by asking for each column which points are its own."""
    first, last = curve.steps[0], max(curve.steps[-1], curve.steps[0] + 1)
    own = {}
    for step, low, high in zip(curve.steps, curve.low, curve.high, strict=True):
        place = round((step - first) * ((width - 1) / (last - first)))
        own.setdefault(place, []).append((low, high))
    nearest = [min(own, key=lambda place: (abs(place - i), -place)) for i in range(width)]
    low = [min(low for low, _ in own[place]) for place in nearest]
    return low, [max(high for _, high in own[place]) for place in nearest]


# curve_columns


@given(st.lists(losses, min_size=1, max_size=150), st.integers(10, 60), st.floats(0.5, 1000))
def test_low_and_high_are_those_of_the_nearest_points(values, width, every):
    curve = made(values, every=every)
    columns = curve_columns(curve, width)
    assert (columns.low, columns.high) == plain_spread(curve, width)


@given(st.lists(losses, min_size=1, max_size=150), st.integers(10, 60))
def test_the_smooth_line_stays_within_the_losses(values, width):
    means = [mean for mean in curve_columns(made(values), width).smooth if mean is not None]
    assert means
    assert min(values) - 1e-9 <= min(means)
    assert max(means) <= max(values) + 1e-9


@pytest.mark.parametrize("count", [60, 240, 61 * 7])
def test_columns_keep_a_constant_and_nearly_a_slope(count):
    assert curve_columns(made([2.5] * count), 60).smooth == pytest.approx([2.5] * 60)
    slope = curve_columns(made([0.01 * i for i in range(count)]), 60).smooth
    baseline = [0.01 * (count - 1) * i / 59 for i in range(60)]
    assert slope == pytest.approx(baseline, abs=0.01 * count / 60)


def test_columns_keep_a_slope_exactly_where_each_column_has_one_point():
    values = [1 + 0.01 * i for i in range(60)]
    assert curve_columns(made(values), 60).smooth == pytest.approx(values)


def test_fewer_points_than_columns_leave_gaps_in_the_line_but_not_in_the_spread():
    columns = curve_columns(made([3.0, 2.0, 1.0]), 21)
    assert [i for i, mean in enumerate(columns.smooth) if mean is not None] == [0, 10, 20]
    assert columns.low == pytest.approx([2.9] * 5 + [1.9] * 10 + [0.9] * 6)


def test_the_dev_loss_stands_where_its_step_stands():
    curve = made([3.0] * 101, first=0, dev=[(0, 3.1), (50, math.inf), (50, 2.9), (100, 2.8)])
    assert curve_columns(curve, 51).dev == [(0, 3.1), (25, 2.9), (50, 2.8)]


def test_a_dev_loss_beyond_the_last_point_has_room_and_one_before_the_first_has_none():
    curve = made([3.0] * 5, first=100, every=10, dev=[(50, 4.0), (180, 2.0)])
    columns = curve_columns(curve, 41)
    assert (columns.axis.first, columns.axis.last) == (100, 180)
    assert columns.dev == [(40, 2.0)]


@given(st.lists(any_losses, max_size=40), st.integers(10, 60))
def test_losses_that_are_not_finite_are_left_out(values, width):
    columns = curve_columns(made(values), width)
    drawn = [*columns.low, *columns.high, *columns.smooth]
    assert all(value is None or math.isfinite(value) for value in drawn)
    assert {len(columns.low), len(columns.high), len(columns.smooth)} == {width}
    assert (None in columns.low) == (not any(map(math.isfinite, values)))


# The axis of steps


@pytest.mark.parametrize("log", [False, True])
@given(st.floats(0.5, 1e5), st.floats(1, 1e6), st.integers(2, 300), st.floats(0, 1))
def test_a_column_and_its_step_lead_to_each_other(log, first, size, width, share):
    axis = StepAxis(first, first + size, width, log)
    column = share * (width - 1)
    assert axis.column(axis.step(column)) == pytest.approx(column, abs=1e-4)
    assert axis.column(first) == pytest.approx(0)
    assert axis.column(first + size) == pytest.approx(width - 1)


def test_on_a_logarithmic_axis_decades_are_equally_wide():
    axis = StepAxis(1, 10_000, 41, log=True)
    assert [axis.column(10**i) for i in range(5)] == pytest.approx([0, 10, 20, 30, 40])
    assert step_ticks(axis) == [1, 100, 10_000]


@given(st.floats(0.5, 1e5), st.floats(1, 1e7), st.integers(10, 200))
def test_logarithmic_ticks_are_within_and_not_too_many(first, size, width):
    axis = StepAxis(first, first + size, width, log=True)
    ticks = step_ticks(axis)
    assert len(ticks) <= max(2, width // 12)
    assert all(first <= tick * 1.000001 and tick <= (first + size) * 1.000001 for tick in ticks)
