"""The split losses: train and dev as they come, test only on request."""

import math

import pytest
from msgspec.structs import replace

from makemore_tui.core.results import (
    Baseline,
    ContextCoverage,
    MixedLosses,
    Regularization,
    SplitDetails,
    TestLoss,
)
from makemore_tui.core.worker.protocol import DetailsView
from makemore_tui.tui.widgets.splits import SplitsPanel
from tests.support.snapshots import pair

pytestmark = pytest.mark.asyncio(loop_scope="module")

WIDTHS = [30, 32, 40]  # those of the side column at 100, 120 and 200 cells


@pytest.fixture
def draw(stage, snapshot):
    """Draws a snapshot, its split losses changed; the rows that say something."""

    async def draw(height=12, width=32, losses=(), **changes):
        now = snapshot(**changes)
        if now.splits:
            now = replace(now, splits=replace(now.splits, **dict(losses)))
        return [row for row in await stage.play(SplitsPanel(), width, height, now) if row]

    return draw


def values(rows):
    """Name to value, by the two columns."""
    return {row[:16].strip(): row[16:].strip() for row in rows}


@pytest.mark.parametrize("height", [7, 12])
async def test_train_and_dev_losses_with_seen_and_unseen_apart(draw, height):
    shown = values(await draw(height))
    assert (shown["train"], shown["dev"]) == ("2.126", "2.170")
    assert (shown["new items"], shown["also in train"]) == ("2.190", "2.030")
    assert shown["dev - train"] == "+0.044"
    assert shown["at step"] == "1,100"


@pytest.mark.parametrize("width", WIDTHS)
async def test_a_mixture_has_the_losses_of_network_counts_and_both(draw, width):
    mixed = MixedLosses(0.397, 1.609, 1.9685, 1.78, 1.914)
    test = TestLoss(1200, 2.18, 1.977, 1.923)
    rows = await draw(width=width, losses={"mixed": mixed}, test=test)
    assert [row.split() for row in rows[:5]] == [
        ["network", "counts", "mixed"],
        ["train", "2.126", "1.609", "1.780"],
        ["dev", "2.170", "1.968", "1.914"],
        ["weight", "of", "counts", "0.397"],
        ["at", "step", "1,100"],
    ]
    assert rows[5].split() == ["test", "2.180", "1.977", "1.923"]


async def test_it_says_that_it_is_evaluating(draw):
    rows = await draw(splits=None)
    assert "evaluating …" in rows
    assert values(rows)["test"] == "press t"


async def test_a_loss_of_part_of_train_is_about(draw):
    assert values(await draw(losses={"train_share": 0.18}))["train"] == "≈ 2.126"


async def test_a_smaller_dev_loss_has_a_minus(draw):
    assert values(await draw(losses={"dev": 2.026}))["dev - train"] == "-0.100"


async def test_a_difference_that_is_too_small_to_be_shown_has_no_minus(draw):
    assert values(await draw(losses={"dev": 2.1259}))["dev - train"] == "+0.000"


async def test_the_parts_of_dev_are_explained_where_there_is_room(draw):
    said = "also in train: items of dev that occur in train too"
    assert " ".join(await draw(height=12, width=34)).endswith(said)
    assert "items of dev" not in " ".join(await draw(height=10, width=34))


async def test_infinite_losses(draw):
    losses = {"train": 2.0, "dev": math.inf, "dev_unseen": math.inf, "dev_seen": math.nan}
    shown = values(await draw(losses=losses))
    assert (shown["dev"], shown["new items"]) == ("∞", "∞")
    assert shown["also in train"] == "not a number"
    assert shown["dev - train"] == "–"


@pytest.mark.parametrize("loss", [math.inf, math.nan])
async def test_two_losses_that_are_not_finite_have_no_difference(draw, loss):
    assert values(await draw(losses={"train": loss, "dev": loss}))["dev - train"] == "–"


async def test_a_loss_of_no_items_is_a_dash(draw):
    shown = values(await draw(losses={"dev_seen": None, "dev_unseen": None}))
    assert (shown["new items"], shown["also in train"]) == ("–", "–")


@pytest.mark.parametrize(("asked", "says"), [(1, "asked once"), (3, "asked 3 times")])
async def test_the_test_loss_says_how_often_it_was_asked_for(draw, asked, says):
    rows = await draw(test=TestLoss(step=1200, loss=2.168), test_asked=asked)
    assert values(rows)["test"] == "2.168"
    assert rows[-1] == says


@pytest.mark.parametrize("width", WIDTHS)
async def test_an_old_test_loss_says_of_which_step(draw, width):
    rows = await draw(width=width, test=TestLoss(step=1000, loss=math.inf), test_asked=2)
    assert values(rows)["test"] == "∞"
    assert " ".join(rows).endswith("asked 2 times, at step 1,000")


async def test_the_test_loss_fits_into_the_smallest_panel_with_the_others(draw):
    rows = await draw(height=8, test=TestLoss(step=1000, loss=2.168), test_asked=2)
    assert rows[-1].startswith("asked 2 times")
    assert "dev" in values(rows)


@pytest.mark.parametrize(("train_on", "name"), [("first-5", "first 5"), ("all", "all")])
async def test_the_split_that_is_trained_on_is_named(draw, train_on, name):
    shown = values(await draw(train_on=train_on))
    assert shown[name] == "2.126"
    assert shown[f"dev - {name}"] == "+0.044"


@pytest.mark.parametrize("width", WIDTHS)
async def test_training_on_everything_holds_nothing_out(draw, width):
    assert "not held out" in " ".join(await draw(width=width, train_on="all"))
    assert "not held out" not in " ".join(await draw(width=width))


async def test_a_panel_that_fills_the_screen_compares_the_losses_with_counting(stage, snapshot):
    baselines = (Baseline("uniform", 3.296), Baseline("bigram", 2.46))
    rows = await stage.play(SplitsPanel(), 116, 35, snapshot(baselines=baselines))
    place = next(i for i, line in enumerate(rows) if "perplexity" in line)
    found = [line.split()[:4] for line in rows[place + 1 : place + 5]]
    assert found == [
        ["uniform", "3.296", "4.755", "27.0"],
        ["bigram", "2.460", "3.549", "11.7"],
        ["dev", "2.170", "3.131", "8.8"],
        ["train", "2.126", "3.067", "8.4"],
    ]
    assert rows[place + 1].count("█") > rows[place + 2].count("█") > rows[place + 3].count("█")
    rows = await stage.play(SplitsPanel(), 43, 35, snapshot())
    assert not any("perplexity" in line for line in rows)


async def test_a_loss_as_before_training_leaves_a_gap_before_its_perplexity(stage, snapshot):
    splits = replace(snapshot().splits, train=17.7697, dev=18.269)
    rows = await stage.play(SplitsPanel(), 116, 35, snapshot(splits=splits))
    found = [line.split()[:4] for line in rows if "█" in line]
    assert ["dev", "18.269", "26.357", "8.59e7"] in found
    assert ["train", "17.770", "25.636", "5.22e7"] in found


COVERAGE = ContextCoverage(
    context=3, characters=27, train_on="train", train_contexts=5450, dev_contexts=3016,
    unseen_contexts=136, examples=22953, unseen_examples=137, model_seen=2.17, model_unseen=2.44,
    counts_seen=2.1, counts_unseen=None, k=0.1,
)  # fmt: skip


@pytest.mark.parametrize("size", [(76, 18), (116, 35), (196, 55)])
async def test_where_there_is_room_the_losses_are_told_by_context(stage, snapshot, size):
    details = SplitDetails(COVERAGE, Regularization(0.0182, 7.78, 0.0011))
    panel, now = SplitsPanel(), snapshot(details=details)
    rows = await stage.play(panel, *size, now)
    place = next(i for i, line in enumerate(rows) if line.startswith("contexts of 3"))
    assert [line.split()[-2:] for line in rows[place + 1 : place + 5]] == [
        ["2,880", "136"], ["22,816", "137"], ["2.170", "2.440"], ["2.100", "–"],
    ]  # fmt: skip
    assert rows[place + 5] == "train has 5,450 of 27^3 = 19,683"
    if size[1] > 20:
        assert "train 2.126 + penalty 0.0182 = 2.144" in rows
        assert "most like counts + 7.78: KL 0.0011 nats" in rows
    panel.show(replace(now, details=None))
    assert stage.rows(panel) == rows
    panel.show(replace(now, details=None, runs=2))
    assert "contexts of 3" not in "".join(stage.rows(panel))


async def test_a_small_panel_asks_for_nothing(stage, snapshot):
    panel = SplitsPanel()
    await stage.play(panel, 40, 16, snapshot(details=SplitDetails(COVERAGE)))
    assert panel.view() is None
    await stage.play(panel, 116, 35, snapshot())
    assert panel.view() == DetailsView()


# Of a pair


@pytest.mark.parametrize("width", WIDTHS)
async def test_a_pair_has_a_column_each_and_the_difference_with_its_paired_error(draw, width):
    rows = await draw(width=width, pair=pair())
    assert [row.split() for row in rows[:4]] == [
        ["A", "▸B"],
        ["train", "2.126", "2.126"],
        ["dev", "2.170", "2.158"],
        ["B", "-", "A", "-0.0121", "±", "0.0016"],
    ]
    said = "B is better by 0.0121 ± 0.0016 nats at step 1,100 (paired over 3,218 names)"
    assert " ".join(rows).endswith(said)


async def test_a_low_panel_leaves_out_what_the_dev_losses_come_from(draw):
    rows = await draw(height=8, pair=pair("a", unpaired="A has seed 1 and B 2"))
    assert rows[0].split() == ["▸A", "B"]
    assert not any("new items" in row for row in rows)
    assert rows[6].startswith("B is better")


async def test_a_pair_that_was_not_compared_or_diverged_says_so(draw):
    rows = await draw(pair=pair(difference=math.nan))
    assert values(rows)["B - A"] == "–"
    assert "The dev loss of B is not finite at step 1,100" in " ".join(rows)
    nothing = replace(pair().b, splits=None)
    rows = await draw(pair=replace(pair(), b=nothing, difference=None))
    assert rows[1].split() == ["train", "2.126", "–"]
    assert rows[-1] == "Not compared on dev yet"


async def test_where_there_is_room_it_says_how_exact_the_difference_is(stage, snapshot):
    panel = SplitsPanel()
    now = snapshot(pair=pair(), details=SplitDetails(COVERAGE))
    rows = await stage.play(panel, 116, 38, now)
    text = " ".join(rows)
    assert "unpaired it would be ± 0.0112, 7.0 times as wide" in text
    assert "At look 12 a difference must exceed 3.10 standard errors" in text
    assert "This judges these two runs" in text
    assert {row.split(" ")[1] for row in rows if row.startswith("dev, ")} == {"A", "B"}
    assert "contexts of 3" in text
    panel.show(snapshot(pair=pair("a")))  # whose contexts are not there yet
    assert "contexts of 3" not in " ".join(stage.rows(panel))
