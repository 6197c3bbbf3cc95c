import math

import pytest
from msgspec.structs import replace

from makemore_tui.core.results import RateSearch
from makemore_tui.tui.plots.lr_plot import rate_plot, rate_ticks
from makemore_tui.tui.style.colours import DARK


def search(mean, low=0.001, high=1.0, suggested: float | None = 0.1):
    n = len(mean)
    return RateSearch(
        low=low, high=high, steps=n, done=n, seeds=3, finished=True,
        rates=[low * (high / low) ** (i / max(1, n - 1)) for i in range(n)],
        lowest=[loss - 0.1 for loss in mean], mean=mean, highest=[loss + 0.1 for loss in mean],
        turns=None, explodes=None, suggested=suggested, why="",
    )  # fmt: skip


def text(rows):
    return ["".join(segment.text for segment in row) for row in rows]


def in_colour(rows, colour):
    """The places (row, column) of the signs in a colour."""
    found = []
    for y, row in enumerate(rows):
        x = 0
        for segment in row:
            if segment.style and segment.style.color and segment.style.color.triplet == colour:
                found += [(y, x + i) for i, sign in enumerate(segment.text) if sign.strip()]
            x += len(segment.text)
    return found


VALLEY = [2 + abs(i - 100) / 100 for i in range(200)]


def test_a_plot_fills_its_room():
    rows = rate_plot(search(VALLEY), 80, 18, DARK)
    assert len(rows) == 18
    assert max(len(row) for row in text(rows)) <= 80


def test_the_mean_falls_and_rises_as_the_losses_do():
    places = in_colour(rate_plot(search(VALLEY, suggested=None), 80, 18, DARK), DARK.batch)
    left = min(places, key=lambda place: place[1])
    lowest = max(places)
    right = max(places, key=lambda place: place[1])
    assert left[0] < lowest[0] > right[0]
    assert 35 <= lowest[1] <= 50  # in the middle of what is right of the axis


def test_the_band_reaches_from_the_lowest_to_the_highest_loss():
    found = search(VALLEY, suggested=None)
    shown = text(rate_plot(found, 80, 18, DARK))
    shaded = [[y for y, row in enumerate(shown[:16]) if row[x] == "░"] for x in range(8, 78)]
    assert all(shaded)
    wide = replace(found, lowest=[one - 0.4 for one in found.mean])
    wider = "".join(text(rate_plot(wide, 80, 18, DARK)))
    assert wider.count("░") > "".join(shown).count("░")


def test_the_suggested_rate_is_a_line_where_its_logarithm_lies():
    places = in_colour(rate_plot(search(VALLEY), 80, 18, DARK), DARK.good)
    columns = {x for _, x in places}
    assert len(columns) == 1
    assert columns.pop() == pytest.approx(6 + 73 * 2 / 3, abs=2)  # 0.1 of 0.001 to 1


def test_the_axis_is_logarithmic():
    labels = text(rate_plot(search(VALLEY), 80, 18, DARK))[-1]
    at = [labels.index(label) + len(label) / 2 for label in ("0.001", "0.01", "0.1")]
    assert at[2] - at[1] == pytest.approx(at[1] - at[0], abs=2)


def test_an_explosion_leaves_the_rest_in_view():
    exploded = [*VALLEY[:150], *[1e6] * 25, *[math.inf] * 25]
    rows = rate_plot(search(exploded), 80, 18, DARK)
    labels = [float(row[:5]) for row in text(rows)[:-2] if row[:5].strip()]
    assert max(labels) <= 5


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (0.001, 1.0, [0.001, 0.01, 0.1, 1]),
        (1e-5, 0.1, [1e-5, 1e-4, 1e-3, 1e-2, 1e-1]),
        (0.02, 50, [0.1, 1, 10]),
        (0.2, 0.5, [0.2, 0.5]),
        (0.5, 2, [0.5, 2]),
    ],
)
def test_ticks_are_powers_of_ten_where_there_are_some(low, high, ticks):
    assert rate_ticks(low, high) == pytest.approx(ticks)


@pytest.mark.parametrize(("width", "height"), [(10, 18), (80, 3)])
def test_without_room_there_is_no_plot(width, height):
    assert rate_plot(search(VALLEY), width, height, DARK) == []


@pytest.mark.parametrize("mean", [[], [math.nan, math.inf]])
def test_without_losses_there_is_no_plot(mean):
    assert rate_plot(search(mean), 80, 18, DARK) == []


def test_few_equal_losses_can_be_drawn():
    assert len(rate_plot(search([2.0, 2.0]), 40, 8, DARK)) == 8
