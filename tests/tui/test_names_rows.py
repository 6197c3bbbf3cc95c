"""Steps of temperature and top-k, and typed values of them."""

import pytest

from makemore_tui.core.errors import UserError
from makemore_tui.core.worker.protocol import Sampling
from makemore_tui.tui.widgets.names_rows import (
    stepped_temperature,
    stepped_top_k,
    typed_sampling,
)


def test_steps_of_temperature_are_tenths_down_to_0():
    down = [Sampling(0.3)]
    while (then := stepped_temperature(down[-1], -1)) != down[-1]:
        down.append(then)
    assert [one.temperature for one in down] == [0.3, 0.2, 0.1, 0.0]
    assert stepped_temperature(Sampling(100.0), 1) == Sampling(100.0)
    assert stepped_temperature(Sampling(0.85), 1).temperature == pytest.approx(0.95, abs=0.051)


def test_steps_of_top_k_end_with_all_characters():
    one = Sampling(0.5)
    found = [one.top_k]
    while (then := stepped_top_k(one, -1, 27)) != one:
        one = then
        found.append(one.top_k)
    assert found == [None, 20, 15, 10, 8, 6, 5, 4, 3, 2, 1]
    for expected in (*found[-2::-1], None):
        one = stepped_top_k(one, 1, 27)
        assert one == Sampling(0.5, expected)
    assert stepped_top_k(Sampling(top_k=2000), 1, 27).top_k is None


@pytest.mark.parametrize(
    ("text", "sampling"),
    [
        ("0.8", Sampling(0.8)),
        (" 0.8  5 ", Sampling(0.8, 5)),
        ("0, 3", Sampling(0.0, 3)),
        ("100 All", Sampling(100.0)),
    ],
)
def test_typed_temperature_and_top_k(text, sampling):
    assert typed_sampling(text) == sampling


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "such as 0.8 5"),
        ("warm", "such as 0.8 5"),
        ("0.8 many", "such as 0.8 5"),
        ("0.8 2.5", "such as 0.8 5"),
        ("-1", "from 0 to 100"),
        ("nan", "from 0 to 100"),
        ("101", "from 0 to 100"),
        ("1 0", "1 or more, or all"),
    ],
)
def test_what_can_not_be_typed_is_refused(text, says):
    with pytest.raises(UserError, match=says):
        typed_sampling(text)
