import random

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from makemore_tui.core.training.history import LossHistory


def losses_of(steps, seed=1):
    return torch.rand(steps, generator=torch.Generator().manual_seed(seed)) * 3


def history_of(losses, capacity, slices=()):
    history, first = LossHistory(capacity), 0
    for n in slices:
        history.append(losses[first : first + n])
        first += n
    history.append(losses[first:])
    return history


def assert_is_curve_of(curve, losses, width):
    """Each point stands for `width` losses: their lowest, mean and highest."""
    values = losses.tolist()
    for step, low, mean, high in zip(curve.steps, curve.low, curve.mean, curve.high, strict=True):
        first = int(step - width / 2)
        some = values[first : first + width]
        assert len(some) == width
        assert (low, high) == (min(some), max(some))
        assert mean == pytest.approx(sum(some) / width, rel=1e-5)


def test_a_short_history_holds_every_loss():
    losses = losses_of(100)
    curve = history_of(losses, 128).curve(0, 1000)
    assert curve.low == curve.mean == curve.high == losses.tolist()
    assert curve.steps == [step + 0.5 for step in range(100)]
    assert curve.total_steps == 100


def test_an_empty_history_has_an_empty_curve():
    curve = LossHistory().curve(0, 10)
    assert (curve.steps, curve.low, curve.mean, curve.high) == ([], [], [], [])
    assert curve.total_steps == 0


@pytest.mark.parametrize("steps", [63, 64, 65, 128, 500, 1024, 5000])
def test_a_long_history_holds_lowest_mean_and_highest(steps):
    losses = losses_of(steps)
    history = history_of(losses, 64)
    curve = history.curve(0, 64)
    assert_is_curve_of(curve, losses, history.width)
    assert len(curve.steps) == steps // history.width


@given(st.lists(st.integers(0, 100), max_size=20), st.sampled_from([2, 4, 16, 64]))
def test_the_history_does_not_depend_on_how_the_losses_came(slices, capacity):
    losses = losses_of(sum(slices) + 1)
    divided, whole = history_of(losses, capacity, slices), history_of(losses, capacity)
    assert_is_curve_of(divided.curve(0, capacity), losses, divided.width)
    assert divided.width == whole.width
    assert divided.curve(0, capacity).steps == whole.curve(0, capacity).steps


def test_slices_of_changing_size_lose_no_loss():
    rng = random.Random(4)
    losses = losses_of(40_000)
    history = history_of(losses, 256, [rng.randint(1, 77) for _ in range(1000)])
    curve = history.curve(0, 256)
    assert_is_curve_of(curve, losses, history.width)
    assert len(curve.steps) == len(losses) // history.width


@pytest.mark.parametrize("steps", [64, 1000, 10_000, 1 << 15])
def test_memory_stays_bounded_and_well_used(steps):
    history = history_of(losses_of(steps), 64)
    points = len(history.curve(0, 10**9).steps)
    assert 32 <= points <= 64


@given(st.integers(0, 3000), st.integers(0, 4000), st.integers(0, 4000), st.integers(1, 200))
def test_a_curve_of_a_range_is_a_part_of_it(steps, first, last, most):
    history = history_of(losses_of(steps), 256)
    curve = history.curve(first, most, last)
    assert len(curve.steps) <= most
    assert all(step <= last + history.width for step in curve.steps)
    if 256 >= steps > last > first + 1 and most >= last - first:
        assert curve.mean == losses_of(steps).tolist()[first:last]


@given(st.integers(0, 3000), st.integers(0, 4000), st.integers(1, 200))
def test_a_curve_has_at_most_so_many_points_of_equal_width(steps, first, most):
    losses = losses_of(steps)
    history = history_of(losses, 256)
    curve = history.curve(first, most)
    assert len(curve.steps) <= most
    if len(curve.steps) > 1:
        assert_is_curve_of(curve, losses, int(curve.steps[1] - curve.steps[0]))


@given(st.integers(300, 3000), st.integers(2, 200))
def test_a_curve_of_the_whole_reaches_from_the_first_step_nearly_to_the_last(steps, most):
    curve = history_of(losses_of(steps), 256).curve(0, most)
    width = curve.steps[0] * 2
    assert curve.steps[-1] + width / 2 > steps - width - steps / 128


def test_a_curve_of_the_last_part_begins_near_the_step_asked_for():
    history = history_of(losses_of(3000), 4096)
    curve = history.curve(2700, 100)
    assert len(curve.steps) >= 50
    assert 2690 <= curve.steps[0] <= 2710


def test_points_do_not_change_as_steps_are_added():
    losses = losses_of(2000)
    history = history_of(losses[:1500], 4096)
    before = history.curve(0, 200)
    history.append(losses[1500:1510])
    after = history.curve(0, 200)
    assert after.low[: len(before.low)] == before.low
    assert after.steps[: len(before.steps)] == before.steps


def test_points_do_not_change_as_the_beginning_moves():
    history = history_of(losses_of(3000), 4096)
    earlier, later = history.curve(901, 100), history.curve(910, 100)
    assert set(zip(later.steps, later.mean, strict=True)) <= set(
        zip(earlier.steps, earlier.mean, strict=True)
    )


def test_infinite_losses_are_kept_as_they_are():
    history = LossHistory(16)
    history.append(torch.tensor([1.0, float("inf"), 2.0]))
    curve = history.curve(0, 16)
    assert curve.high == [1.0, float("inf"), 2.0]
