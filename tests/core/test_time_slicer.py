import torch

from makemore_tui.core.training.time_slicer import TimeSlicer


class SlowSession:
    """A session whose every step takes the same time on its own clock."""

    def __init__(self, seconds_a_step):
        self.seconds_a_step = seconds_a_step
        self.now = 100.0
        self.slices = []

    def clock(self):
        return self.now

    def train(self, steps):
        self.slices.append(steps)
        self.now += steps * self.seconds_a_step
        return torch.zeros(steps)


def test_slices_grow_to_the_time_they_may_take():
    session = SlowSession(0.001)
    slicer = TimeSlicer(0.1, session.clock)
    for _ in range(20):
        slicer.train(session, 10**9)  # type: ignore[arg-type]
    assert session.slices[:3] == [1, 2, 4]
    assert 95 <= session.slices[-1] <= 100


def test_slices_shrink_when_steps_become_slower():
    session = SlowSession(0.001)
    slicer = TimeSlicer(0.1, session.clock)
    for _ in range(20):
        slicer.train(session, 10**9)  # type: ignore[arg-type]
    session.seconds_a_step = 1.0
    for _ in range(3):
        slicer.train(session, 10**9)  # type: ignore[arg-type]
    assert session.slices[-1] == 1


def test_a_slice_is_never_longer_than_was_asked_for():
    session = SlowSession(0.0)
    slicer = TimeSlicer(0.1, session.clock)
    losses = [slicer.train(session, 3) for _ in range(9)]  # type: ignore[arg-type]
    assert max(session.slices) == 3
    assert [len(some) for some in losses] == session.slices
