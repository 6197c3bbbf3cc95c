"""A limit of steps a second, on a clock that the test turns."""

from makemore_tui.core.worker.training import Pace


class Clock:
    now = 50.0

    def __call__(self):
        return self.now


def steps_in(pace, clock, seconds, most=10**9):
    """How many steps are taken in so many seconds, if it is asked as soon as one is due."""
    taken, end = 0, clock.now + seconds
    while clock.now < end:
        due = pace.num_due(most)
        pace.took(due)
        taken += due
        clock.now += pace.seconds_to_wait + 1e-6
    return taken


def test_without_a_limit_every_step_is_due_at_once():
    pace = Pace(Clock())
    assert (pace.seconds_to_wait, pace.num_due(1234)) == (0.0, 1234)


def test_there_are_as_many_steps_a_second_as_the_limit_says():
    for limit in (1, 10, 1000, 50_000):
        clock = Clock()
        pace = Pace(clock)
        pace.change(limit)
        steps_in(pace, clock, 1)
        seconds = min(10, 50_000 // limit)
        assert abs(steps_in(pace, clock, seconds) - seconds * limit) <= max(1, limit / 1000)


def test_after_a_pause_the_first_step_is_due_at_once_and_little_is_made_up_for():
    clock = Clock()
    pace = Pace(clock)
    pace.change(100)
    steps_in(pace, clock, 1)
    clock.now += 3600
    assert 1 <= pace.num_due(10**9) <= 26
    pace.change(1)
    clock.now += 3600
    assert pace.num_due(10**9) == 1


def test_another_limit_counts_from_now_on():
    clock = Clock()
    pace = Pace(clock)
    pace.change(1)
    pace.took(1)
    pace.change(1000)
    assert pace.seconds_to_wait == 0
    pace.took(pace.num_due(10**9))
    pace.change(None)
    assert pace.num_due(7) == 7
