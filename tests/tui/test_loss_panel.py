"""The loss panel: legend, plot, and what it says before there are steps."""

import math
from dataclasses import replace

import pytest

from makemore_tui.core.messages import LossCurve
from makemore_tui.tui.widgets.loss import LossPanel

pytestmark = pytest.mark.asyncio(loop_scope="module")

EMPTY = LossCurve([], [], [], [], 0)


def flat(loss, points=20):
    steps, losses = [i + 0.5 for i in range(points)], [loss] * points
    return LossCurve(steps, losses, losses, losses, points)


@pytest.fixture
def draw(stage, snapshot, curve):
    """Draws a snapshot with a curve in so many cells; the text of the rows."""

    async def draw(width=80, height=20, loss=None, panel=None, **changes):
        loss = curve() if loss is None else loss
        return await stage.play(
            panel or LossPanel(), width, height, replace(snapshot(**changes), loss=loss)
        )

    return draw


async def test_the_legend_has_the_newest_losses_and_the_uniform_one(draw, curve):
    newest = sum(curve().mean[-8:]) / 8
    rows = await draw()
    assert f"minibatch {newest:.3f}" in rows[0]
    assert "dev 2.170" in rows[0]
    assert any(f"uniform {math.log(27):.3f}" in row for row in rows)


async def test_a_narrow_legend_keeps_the_two_losses(draw):
    rows = await draw(width=40)
    assert "minibatch 2." in rows[0]
    assert "dev 2.170" in rows[0]


async def test_the_plot_fills_the_panel(draw):
    rows = await draw()
    assert rows[-2].lstrip().startswith("└")
    assert rows[-1].split() == ["200", "400", "600", "800"]
    assert any("░" in row for row in rows)


@pytest.mark.parametrize(("state", "says"), [("training", "no steps"), ("paused", "press space")])
async def test_without_steps_it_says_what_there_is_to_do(draw, state, says):
    rows = await draw(loss=EMPTY, state=state, splits=None)
    assert "minibatch –" in rows[0]
    assert "dev –" in rows[0]
    assert says in "".join(rows[1:])


@pytest.mark.parametrize(("loss", "shown"), [(math.inf, "∞"), (math.nan, "not a number")])
async def test_a_loss_that_is_not_finite_is_named(draw, loss, shown):
    rows = await draw(loss=flat(loss))
    assert f"minibatch {shown}" in rows[0]


async def test_an_infinite_dev_loss_is_named(draw, snapshot):
    splits = replace(snapshot().splits, dev=math.inf)
    assert "dev ∞" in (await draw(splits=splits))[0]


async def test_the_curve_stays_until_the_next_one(draw, stage, snapshot):
    panel = LossPanel()
    rows = await draw(panel=panel)
    panel.show(snapshot(step=5000))
    assert stage.rows(panel) == rows


async def test_another_run_begins_with_an_empty_plot(draw, stage, snapshot):
    panel = LossPanel()
    await draw(panel=panel)
    panel.show(snapshot(runs=2, step=0, splits=None))
    assert "no steps yet" in "".join(stage.rows(panel))


async def test_the_logarithmic_axis_draws_at_once(draw, stage):
    panel = LossPanel()
    rows = await draw(panel=panel)
    panel.toggle_log()
    assert stage.rows(panel)[0] == rows[0]
    assert stage.rows(panel)[1:] != rows[1:]
    panel.toggle_log()
    assert stage.rows(panel) == rows


async def test_the_view_has_two_points_a_column_and_the_part_chosen(draw):
    panel = LossPanel()
    await draw(panel=panel, width=80)
    assert (panel.view().from_share, panel.view().points) == (0.0, 160)
    panel.toggle_part()
    assert panel.view().from_share == 0.9


async def test_no_size_does_harm(draw, snapshot, curve):
    panel = LossPanel()
    await draw(panel=panel)
    for width in (1, 2, 7, 15, 16, 17, 30, 200):
        for height in (1, 2, 4, 5, 6, 60):
            rows = panel.rows(snapshot(), width, height)
            assert rows
