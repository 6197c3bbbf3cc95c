"""The loss panel: legend, plot, and what it says before there are steps."""

import math

import pytest
from msgspec.structs import replace

from makemore_tui.core.results import Baseline, LossCurve, Mark, MixedLosses
from makemore_tui.tui.screens.command_palette import commands
from makemore_tui.tui.screens.dialogs import TargetScreen
from makemore_tui.tui.widgets.loss import LossPanel, _axis_of

pytestmark = pytest.mark.asyncio(loop_scope="module")

EMPTY = LossCurve([], [], [], [], 0)


def flat(loss, points=20):
    steps, losses = [i + 0.5 for i in range(points)], [loss] * points
    return LossCurve(steps, losses, losses, losses, points, smooth=losses, newest=loss)


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
    newest = curve().newest
    rows = await draw()
    assert f"minibatch {newest:.3f}" in rows[0]
    assert "dev 2.170" in rows[0]
    assert any(f"uniform {math.log(27):.3f}" in row for row in rows)


async def test_the_dev_loss_is_the_newest_one_also_when_it_comes_without_a_curve(
    shown, stage, snapshot
):
    panel = await shown()
    now = snapshot()
    panel.show(replace(now, splits=replace(now.splits, dev=2.137)))
    assert "dev 2.137" in stage.rows(panel)[0]
    assert "minibatch 2." in stage.rows(panel)[0]


async def test_counts_that_an_edit_has_changed_have_no_minibatch_yet(draw):
    edit = Mark(1000, "order 3")
    rows = await draw(kind="ngram", marks=(edit,), step=1000)
    assert "minibatch –   ╍ dev 2.170" in rows[0]
    rows = await draw(kind="ngram", marks=(edit,), step=1001)
    assert "minibatch 2." in rows[0]


async def test_a_narrow_legend_keeps_the_two_losses(draw):
    rows = await draw(width=40)
    assert "minibatch 2." in rows[0]
    assert "dev 2.170" in rows[0]


async def test_the_plot_fills_the_panel(draw):
    rows = await draw()
    assert rows[-2].lstrip().startswith("└")
    assert rows[-1].split() == ["200", "400", "600", "800"]
    assert any("░" in row for row in rows)


@pytest.mark.parametrize(("state", "says"), [("training", "No steps"), ("paused", "Press space")])
async def test_without_steps_it_says_what_there_is_to_do(draw, state, says):
    rows = await draw(loss=EMPTY, state=state, splits=None)
    assert "minibatch –" in rows[0]
    assert "dev –" in rows[0]
    assert says in "".join(rows[1:])


@pytest.mark.parametrize(("loss", "shown"), [(math.inf, "∞"), (math.nan, "not a number")])
async def test_a_loss_that_is_not_finite_is_named(draw, loss, shown):
    rows = await draw(loss=flat(loss))
    assert f"minibatch {shown}" in rows[0]


async def test_the_dev_loss_of_a_mixture_is_named_and_drawn(draw, snapshot, curve):
    splits = replace(snapshot().splits, mixed=MixedLosses(0.4, 1.6, 1.97, 1.8, 1.914))
    alone = replace(curve(), dev=[])
    mixed = replace(alone, mixed=[(step, 1.9) for step in alone.steps])
    rows = await draw(loss=mixed, splits=splits)
    assert "mixed 1.914" in rows[0]
    assert "mixed" not in (await draw(width=40, loss=mixed, splits=splits))[0]
    lowest = [row for row in rows if " 1.9" in row][-1]
    assert any("⠀" < sign <= "⣿" for sign in lowest)


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
    assert "No steps yet" in "".join(stage.rows(panel))


async def test_the_logarithmic_axis_draws_at_once(draw, stage):
    panel = LossPanel()
    rows = await draw(panel=panel)
    panel.action_next("log_loss")
    assert stage.rows(panel)[0] == rows[0]
    assert stage.rows(panel)[1:] != rows[1:]
    panel.action_next("log_loss")
    assert stage.rows(panel) == rows


async def test_the_view_has_two_points_a_column_and_the_part_chosen(draw):
    panel = LossPanel()
    await draw(panel=panel, width=80)
    assert (panel.view().from_share, panel.view().points) == (0.0, 160)
    panel.action_toggle_part()
    assert panel.view().from_share == 0.9


@pytest.fixture
def shown(draw, curve):
    """A panel of 80 columns that shows 1,000 steps."""

    async def shown(**changes):
        panel = LossPanel()
        await draw(panel=panel, **changes)
        return panel

    return shown


async def test_the_crosshair_reads_step_and_both_losses(shown, stage, curve):
    panel = await shown()
    panel.action_move(0, -1)
    rows = stage.rows(panel)
    assert "step 995" in rows[0]
    assert f"minibatch {curve().mean[-1]:.3f}" in rows[0]
    assert f"dev {curve().dev[-1][1]:.3f}" in rows[0]
    for _ in range(100):
        panel.action_move(0, -1)
    rows = stage.rows(panel)
    assert "step 5 " in rows[0]
    assert f"minibatch {curve().mean[0]:.3f}" in rows[0]


async def test_the_crosshair_is_put_away_beyond_the_newest_step(shown, stage):
    panel = await shown()
    before = stage.rows(panel)
    panel.action_move(0, -1)
    assert stage.rows(panel) != before
    panel.action_move(0, 1)
    assert panel.options.crosshair is None
    assert stage.rows(panel) == before


async def test_up_and_down_leave_the_crosshair_alone(shown):
    panel = await shown()
    panel.action_move(1, 0)
    assert panel.options.crosshair is None


async def test_a_crosshair_beyond_where_an_undo_led_is_put_away(shown, snapshot):
    panel = await shown()
    panel.action_move(0, -1)
    panel.show(snapshot(step=500))
    assert panel.options.crosshair is None


async def test_a_click_sets_the_crosshair(shown, stage):
    panel = await shown()
    await stage.pilot.click(panel, offset=(2 + 6 + 20, 5))
    await stage.pilot.pause()
    assert (axis := _axis_of(panel))
    assert panel.options.crosshair == pytest.approx(axis.step(20))
    assert stage.rows(panel)[3][6 + 20] == "│"


async def test_magnifying_asks_for_half_the_steps_up_to_the_newest(shown):
    panel = await shown()
    panel.action_magnify(0.5)
    first, last = panel.view().steps
    assert last - first == pytest.approx(500, abs=10)
    assert last == pytest.approx(1000, abs=10)
    assert panel.border_subtitle.startswith("steps ")


async def test_the_ends_of_a_small_range_are_told_apart(shown):
    panel = await shown()
    steps = [193_000.5 + 5 * i for i in range(100)]
    panel.drawn = replace(panel.drawn, steps=steps, total_steps=193_500)
    panel.action_magnify(0.5)
    assert panel.border_subtitle == "steps 193,248 to 193,496 · linear"


async def test_magnifying_keeps_the_crosshair_in_the_middle(shown):
    panel = await shown()
    panel.change(crosshair=400.0)
    panel.action_magnify(0.5)
    first, last = panel.view().steps
    assert (first + last) / 2 == pytest.approx(400, abs=2)


async def test_reducing_as_far_as_can_be_shows_all_steps(shown):
    panel = await shown()
    panel.action_magnify(0.5)
    panel.action_magnify(8.0)
    assert panel.view().steps is None
    assert panel.border_subtitle.startswith("all steps")


async def test_there_is_a_smallest_range(shown):
    panel = await shown()
    for _ in range(20):
        panel.action_magnify(0.001)
    first, last = panel.view().steps
    assert last - first >= 10


async def test_a_range_ends_with_the_run(shown, snapshot):
    panel = await shown()
    panel.action_magnify(0.5)
    panel.show(snapshot(runs=2, step=0))
    assert panel.view().steps is None


async def test_the_last_tenth_takes_the_place_of_a_range_and_goes(shown):
    panel = await shown()
    panel.action_magnify(0.5)
    panel.action_toggle_part()
    assert (panel.view().steps, panel.view().from_share) == (None, 0.0)
    panel.action_toggle_part()
    assert panel.view().from_share == 0.9


async def test_smoothing_goes_round_and_is_named(shown):
    panel = await shown()
    named, windows = [], []
    for _ in range(3):
        named.append(panel.border_subtitle)
        windows.append(panel.view().window)
        panel.action_next("smoothing")
    assert windows == [1000, 5000, 0]
    assert panel.view().window == windows[0]
    assert [one.count("smooth") for one in named] == [0, 1, 1]
    assert "unsmoothed" in named[2]


async def test_baselines_go_round(shown, stage):
    names = ("uniform", "bigram", "trigram")
    baselines = tuple(Baseline(*one) for one in zip(names, (3.296, 2.46, 2.2), strict=True))
    panel = await shown(baselines=baselines)
    found = []
    for _ in range(5):
        rows = "".join(stage.rows(panel))
        found.append([name for name in names if name in rows])
        panel.action_next("baselines")
    assert found == [list(names), ["bigram", "trigram"], ["uniform"], [], list(names)]


async def test_a_logarithmic_axis_of_steps_is_named_and_has_decades(shown, stage):
    panel = await shown()
    panel.action_next("log_steps")
    assert "log steps" in panel.border_subtitle
    assert "100" in stage.rows(panel)[-1].split()
    panel.action_next("log_loss")
    assert "log-log" in panel.border_subtitle


async def test_previous_runs_are_counted_in_the_legend(shown, stage, previous):
    panel = await shown(previous=(previous(), previous()))
    assert "2 previous runs" in stage.rows(panel)[0]


async def test_before_there_are_steps_no_control_does_harm(draw):
    panel = LossPanel()
    await draw(panel=panel, loss=EMPTY, step=0, splits=None)
    panel.action_move(0, -1)
    panel.action_magnify(0.5)
    panel.action_next("smoothing")
    panel.action_next("baselines")
    assert (panel.options.crosshair, panel.options.span) == (None, None)


async def test_no_size_does_harm(draw, snapshot, curve):
    panel = LossPanel()
    await draw(panel=panel)
    for width in (1, 2, 7, 15, 16, 17, 30, 200):
        for height in (1, 2, 4, 5, 6, 60):
            rows = panel.rows(snapshot(), width, height)
            assert rows


async def test_up_and_down_change_the_range_of_losses_until_it_is_automatic_again(shown, stage):
    panel = await shown()
    before = stage.rows(panel)
    panel.action_move(-1, 0)
    panel.action_move(-1, 0)
    assert "losses x 2.2" in panel.border_subtitle
    assert stage.rows(panel) != before
    panel.action_auto_range()
    assert stage.rows(panel) == before
    for _ in range(100):
        panel.action_move(1, 0)
    assert stage.rows(panel) != before


async def test_the_target_is_asked_for_and_the_step_that_passed_it_is_told(shown, stage):
    panel = await shown()
    panel.change(target=2.17)
    assert panel.view().target == 2.17
    assert "target 2.17 not passed yet" in stage.rows(panel)[0]
    panel.drawn = replace(panel.drawn, target_step=12_345)
    panel.relayout()
    assert "target 2.17 passed at step 12,345" in stage.rows(panel)[0]


async def test_other_runs_are_hidden_and_overlaid(shown, stage, previous):
    panel = await shown(previous=(previous(id=1), previous(id=2)))
    panel.toggle_run(1)
    assert stage.rows(panel)[0].endswith("1 previous run")
    panel.toggle_run(1)
    assert "2 previous runs" in stage.rows(panel)[0]
    panel.toggle_run("/runs/a.safetensors")
    assert panel.view().overlays == ("/runs/a.safetensors",)
    panel.toggle_run("/runs/a.safetensors")
    assert panel.view().overlays == ()


async def test_the_palette_sets_a_target_refuses_what_is_none_and_removes_it(explorer):
    async with explorer() as it:
        loss = it.screen.grid.panels["loss"]
        for words, target in (("2.17", 2.17), ("", None)):
            command = next(one for one in commands(it.app, it.screen) if one.title == "Target")
            command.callback()
            await it.until(lambda: isinstance(it.app.screen, TargetScreen))
            await it.press("0", "enter")
            await it.until(lambda: "must be a loss between 0 and 100 nats" in it.painted())
            await it.press("backspace", *words, "enter")
            await it.until(lambda: it.app.screen is it.screen)
            await it.until(lambda target=target: loss.options.target == target)
