import math
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


# Smoothing


def noise(steps, seed):
    generator = torch.Generator().manual_seed(seed)
    return 2.3 + 0.2 * torch.randn(steps, generator=generator)


def plain_smoothed(losses, step, window):
    """The same as `smoothed`, a loss at a time, where nothing is near an edge."""
    weights = {i: 1 - abs(i + 0.5 - step) * 2 / window for i in range(len(losses))}
    inside = {i: weight for i, weight in weights.items() if weight > 0}
    return sum(w * float(losses[i]) for i, w in inside.items()) / sum(inside.values())


@pytest.mark.parametrize("window", [64, 300, 1000])
def test_a_smoothed_loss_is_a_mean_weighted_by_a_triangle(window):
    losses = noise(6000, 1)
    smooth = history_of(losses, 1 << 14).smoothed([3000.0, 4000.5], window)
    expected = [plain_smoothed(losses, step, window) for step in (3000.0, 4000.5)]
    assert smooth.tolist() == pytest.approx(expected, abs=0.002)


@pytest.mark.parametrize("window", [1000, 5000])
@pytest.mark.parametrize("steps", [200, 1000, 5000, 20_000])
def test_the_newest_end_is_as_smooth_as_the_middle(steps, window):
    ends = []
    for seed in range(300):
        smooth = history_of(noise(steps, seed), 1 << 14).smoothed([steps / 2, steps * 1.0], window)
        ends.append(smooth.tolist())
    middle, newest = (torch.tensor(values).std() for values in zip(*ends, strict=True))
    assert newest <= 1.2 * middle


def test_smoothing_is_the_same_whatever_is_shown_and_however_long_the_run_is():
    losses = noise(4000, 2)
    history = history_of(losses, 1 << 14)
    near, whole = history.curve(1000, 500, 1500, 300), history.curve(0, 4000, None, 300)
    assert near.smooth == pytest.approx(whole.smooth[1000:1500])
    shorter = history_of(losses[:2000], 1 << 14).curve(1000, 500, 1500, 300)
    assert shorter.smooth == pytest.approx(near.smooth)


def test_smoothing_keeps_a_constant_and_drags_no_start_along():
    steep = 2.0 + 3.0 * 0.9 ** torch.arange(400)
    history = history_of(steep, 512)
    assert history.curve(0, 400, None, 1000).smooth[0] == steep[0]
    assert history.smoothed([100.5, 300.5, 400.0], 1000).tolist() == pytest.approx(
        [2.0, 2.0, 2.0], abs=0.001
    )
    flat = history_of(torch.full((5000,), 2.5), 64)
    assert flat.smoothed([0.0, 300.0, 2500.0, 5000.0], 1000)[1:].tolist() == pytest.approx(
        [2.5] * 3
    )


def test_nothing_is_smoothed_across_an_edit():
    losses = torch.tensor([2.0] * 500 + [8.0] * 500)
    history = history_of(losses, 1024)
    assert history.curve(0, 1000, None, 300, edits=(500,)).smooth == losses.tolist()
    assert history.curve(0, 1000, None, 300).smooth[499] == pytest.approx(5, abs=0.1)
    merged = history_of(losses, 64).curve(0, 64, None, 300, edits=(504,))  # within a bucket
    assert merged.smooth[:31] == [2.0] * 31
    assert merged.smooth[32:] == [8.0] * (len(merged.smooth) - 32)


def test_losses_that_exploded_are_not_smoothed_into_others():
    losses = torch.tensor([2.0] * 100 + [math.inf, math.nan, 1e30] + [3.0] * 100)
    smooth = history_of(losses, 256).curve(0, 256, None, 10).smooth
    assert smooth[90:99] == pytest.approx([2.0] * 9, abs=0.01)
    assert smooth[110:] == pytest.approx([3.0] * 93)


def test_an_edit_after_the_last_step_changes_no_loss():
    history = LossHistory()
    history.append(torch.tensor([2.0, 3.0]).repeat(1000))
    assert history.newest([2000]) == history.newest() == pytest.approx(2.5, abs=0.01)
    assert history.newest([1999]) == 3.0


def test_the_newest_loss_does_not_depend_on_what_is_shown():
    history = history_of(torch.cat([noise(5000, 3), torch.full((1000,), 2.0)]), 256)
    assert history.newest() == pytest.approx(2.0, abs=0.01)
    assert LossHistory().newest() is None
    assert history_of(torch.tensor([1.0, math.inf]), 16).newest() == math.inf
