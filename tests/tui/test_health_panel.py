"""The health of a training: the diagnosis first, then what it rests on."""

import math

import pytest
from msgspec.structs import replace

from makemore_tui.core.analysis.diagnosis import RULES
from makemore_tui.core.results import Diagnosis, TensorHealth
from makemore_tui.core.worker.protocol import HealthView
from makemore_tui.tui.screens.help import HelpScreen
from makemore_tui.tui.style.cells import cell_len
from makemore_tui.tui.widgets.health import HealthPanel
from tests.support.explorer import words

LARGE = ("gap", "saturated", "dead")

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture
def draw(stage, snapshot, health):
    """Draws a health, changed by fields; the panel and the text of its rows."""

    async def draw(width=32, height=16, **changes):
        panel = HealthPanel()
        now = replace(snapshot(), health=replace(health, **changes))
        return panel, await stage.play(panel, width, height, now)

    return draw


def line(rows, name):
    """The first row that begins with a name."""
    return next((row for row in rows if row.startswith(name)), "")


async def test_the_diagnosis_comes_first_and_stands_out(draw, health):
    panel, rows = await draw()
    said = " ".join(" ".join(rows[:3]).split())
    assert said == f"✓ {health.diagnosis.sentence}"
    assert panel.render_line(0)._segments[0].style.bold
    assert panel.border_subtitle == "at step 1,200"


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
@pytest.mark.parametrize("width", [30, 32, 40, 76])
async def test_every_diagnosis_fits_with_its_sign(draw, rule, width):
    diagnosis = Diagnosis(rule.name, rule.sentence, rule.help)
    _, rows = await draw(width, 16, diagnosis=diagnosis)
    sign = {"healthy": "✓", "just begun": "·"}.get(rule.name, "!")
    end = next(i for i, row in enumerate(rows) if not row or row.startswith("first loss"))
    assert " ".join(" ".join(rows[:end]).split()) == f"{sign} {rule.sentence}"


async def test_the_first_loss_stands_against_that_of_no_knowledge(draw):
    _, rows = await draw()
    assert line(rows, "first loss").split() == ["first", "loss", "3.316", "ln", "V", "3.296"]
    assert line(rows, "gap").split()[1] == "+0.044"


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"first_loss": 27.9, "unusual": ("first loss",)}, "first loss"),
        ({"gap": 0.31, "unusual": ("gap",)}, "gap"),
        ({"saturated": 0.71, "unusual": ("saturated",)}, "saturated"),
        ({"dead": 0.08, "unusual": ("dead",)}, "saturated"),
    ],
)
async def test_what_is_beyond_what_is_good_has_a_mark(draw, changes, name):
    assert "!" not in line((await draw())[1], name)
    assert "!" in line((await draw(**changes))[1], name)


async def test_what_is_no_longer_bad_has_no_mark_under_a_healthy_diagnosis(draw):
    _, rows = await draw(first_loss=25.7)
    assert line(rows, "first loss").split()[:4] == ["first", "loss", "25.700", "ln"]
    assert not any("!" in row for row in rows)


@pytest.mark.parametrize(
    ("width", "says"),
    [
        (20, "of 512 of train"),
        (30, "of 512 examples of train"),
        (40, "on the first 512 examples of train"),
    ],
)
async def test_the_first_loss_says_of_which_examples_it_is(draw, width, says):
    _, rows = await draw(width, 18)
    assert rows[rows.index(line(rows, "first loss")) + 1].strip() == says


async def test_shares_of_stuck_units_and_the_histogram(draw):
    _, rows = await draw()
    assert line(rows, "saturated").split() == ["saturated", "12.3%", "dead", "0.5%"]
    assert line(rows, "tanh") == "tanh  -1 ▇▅▃▂▂▂▂▂▂▂▂▂▂▂▂▂▂▃▅█ 1"


async def test_an_empty_bin_is_empty(draw):
    _, rows = await draw(histogram=[0] * 10 + [4] * 10)
    assert line(rows, "tanh") == f"tanh  -1 {' ' * 10}{'█' * 10} 1"


async def test_without_a_hidden_layer_it_says_so(draw):
    _, rows = await draw(saturated=None, dead=None, histogram=None)
    assert "no hidden layer" in rows
    assert not line(rows, "tanh")


async def test_what_there_is_to_tell_of_counts_stands_in_that_place(draw):
    counts = {"saturated": None, "dead": None, "histogram": None}
    _, rows = await draw(**counts, note="Kneser-Ney: too few counts for order 1")
    assert "Kneser-Ney: too few counts for order 1" in " ".join(" ".join(rows).split())


async def test_each_tensor_has_its_gradient_and_its_ratio(draw):
    _, rows = await draw()
    assert line(rows, "W1").split()[:3] == ["W1", "4.5e-03", "-2.9"]
    assert line(rows, "b2").split()[:3] == ["b2", "0.0e+00", "–"]


@pytest.mark.parametrize(("width", "height"), [(40, 16), (40, 11), (76, 17)])
async def test_a_dot_stands_where_the_ratio_is_on_a_scale_with_its_mark(draw, width, height):
    tensors = tuple(
        TensorHealth(name, 0.1, 1.0, ratio)
        for name, ratio in [("C", -5.5), ("W1", -3.0), ("b1", -0.5), ("W2", -4.0), ("b2", None)]
    )
    _, rows = await draw(width, height, tensors=tensors)
    scales = [row[-11:] for row in rows if row[-11:].count("·") > 8]
    assert scales == ["●····┼·····", "·····●·····", "·····┼····●", "··●··┼·····", "·····┼·····"]


@pytest.mark.parametrize("usual", [(-4.0, -1.75), (-math.inf, math.inf)])
async def test_a_ratio_has_a_mark_where_the_diagnosis_takes_it_for_unusual(draw, usual):
    tensors = (TensorHealth("W1", 0.1, 1.0, -4.1), TensorHealth("W2", 0.1, 1.0, -1.0))
    _, rows = await draw(40, 16, tensors=tensors, usual_ratios=usual, unusual=("ratio",))
    is_marked = usual[0] == -4
    assert ["!" in line(rows, name) for name in ("W1", "W2")] == [is_marked, is_marked]


async def test_a_ratio_that_is_too_large_or_small_is_not_green(draw):
    tensors = (TensorHealth("W1", 0.1, 1.0, -3.0), TensorHealth("W2", 0.1, 1.0, -1.0))
    panel, rows = await draw(40, 16, tensors=tensors, unusual=("ratio",))
    dots = [
        segment.style.color
        for y in range(len(rows))
        for segment in panel.render_line(y)
        if segment.text == "●"
    ]
    assert len(set(dots)) == 2


async def test_everything_is_there_in_the_lowest_panel_it_has(draw):
    for rule in RULES:
        diagnosis = Diagnosis(rule.name, rule.sentence, rule.help)
        _, rows = await draw(40, 11, diagnosis=diagnosis)
        names = ("first loss", "saturated", "tanh", "C", "W1", "b1", "W2", "b2")
        assert [name for name in names if not line(rows, name)] == []


@pytest.mark.parametrize(
    ("kind", "name", "meaning"),
    [
        ("mlp", "over-fitting", "the model has memorised what does not hold"),
        ("ngram", "over-fitting", "most contexts are too rare for reliable counts"),
        ("mlp", "worse than counting", "weight decay keeps the weights too small"),
        ("neural-bigram", "under-fitting", "what one character tells about the next"),
    ],
)
async def test_a_rule_is_explained_for_the_kind_of_model(
    stage, snapshot, health, kind, name, meaning
):
    now = replace(snapshot(kind=kind), health=health)
    text = words("\n".join(await stage.play(HealthPanel(), 200, 60, now)))
    assert meaning in text[text.index(f" {name} ") :].partition(" saturated ")[0]


async def test_of_the_rule_that_applies_its_own_meaning_is_told(draw):
    for rule in (rule for rule in RULES if "mlp" in rule.kinds):
        diagnosis = Diagnosis(rule.name, rule.sentence, rule.help)
        _, rows = await draw(200, 60, diagnosis=diagnosis)
        text = words("\n".join(rows[next(i for i, row in enumerate(rows) if "▶" in row) :]))
        assert text.startswith(f"▶ {rule.name} {rule.help}")


async def test_a_wide_panel_has_two_blocks(draw):
    _, rows = await draw(76, 17)
    assert "log₁₀" in line(rows, "first loss")


async def test_losses_that_are_not_finite_or_not_known(draw):
    _, rows = await draw(first_loss=math.inf, gap=None, train=None, dev=None)
    assert line(rows, "first loss").split()[2] == "∞"
    assert line(rows, "gap").split()[1] == "–"
    _, rows = await draw(gap=math.nan, first_loss=math.nan, saturated=math.nan, dead=math.nan)
    assert "nan" not in " ".join(rows)
    assert line(rows, "saturated").split() == ["saturated", "–", "dead", "–"]


async def test_whatever_is_large_has_its_mark_and_its_name_beside_it(draw):
    _, rows = await draw(32, 16, gap=258.526, saturated=1.0, dead=1.0, unusual=LARGE)
    assert line(rows, "gap") == "gap        +259 !   dev - train"
    assert line(rows, "saturated") == "saturated  100% !   dead 100% !"
    _, rows = await draw(gap=math.inf, unusual=LARGE)
    assert line(rows, "gap").split()[:3] == ["gap", "∞", "!"]


async def test_it_waits_for_the_first_look_and_keeps_the_last(draw, stage, snapshot):
    assert (await stage.play(HealthPanel(), 32, 16, snapshot()))[0] == "…"
    panel, rows = await draw()
    panel.show(snapshot(step=5000))
    assert stage.rows(panel) == rows
    panel.show(snapshot(runs=2))
    assert stage.rows(panel)[0] == "…"


async def test_no_size_does_harm(draw, health):
    for changes in ({}, {"histogram": None, "saturated": None, "dead": None}, {"tensors": ()}):
        for width, height in [(1, 1), (3, 9), (19, 2), (32, 16), (40, 11), (116, 36), (196, 56)]:
            _, rows = await draw(width, height, **changes)
            assert all(cell_len(row) <= width for row in rows)


async def test_its_key_shows_it_and_asks_for_its_view(it):
    await it.press("8")
    await it.until(lambda: it.chosen == "health")
    await it.until(lambda: any(HealthView() in one.views for one in it.engine.refreshes))
    await it.until(lambda: "healthy" in it.text("health"))


async def test_the_help_screen_has_every_rule(it):
    await it.press("?")
    await it.until(lambda: isinstance(it.app.screen, HelpScreen))
    await it.until(lambda: it.app.screen.query("VerticalScroll"))
    scroll = it.app.screen.query_one("VerticalScroll")
    await it.until(lambda: scroll.max_scroll_y > 0)
    seen = it.painted()
    while scroll.scroll_y < scroll.max_scroll_y:
        before = scroll.scroll_y
        scroll.scroll_page_down(animate=False, force=True)
        await it.until(lambda before=before: scroll.scroll_y > before)
        await it.pilot.pause()
        seen += it.painted()
    assert [rule.name for rule in RULES if rule.name not in seen] == []
    assert [rule.name for rule in RULES if rule.help.split()[-1] not in seen] == []
    await it.press("escape")
    await it.until(lambda: it.app.screen is it.screen)


async def test_a_panel_that_fills_the_screen_has_a_histogram_and_every_rule(draw):
    _, rows = await draw(116, 35)
    text = "\n".join(rows)
    assert "hidden activations (tanh)" in text
    assert [rule.name for rule in RULES if f" {rule.name} " not in text] == []
    assert sum("▶ healthy" in row for row in rows) == 1
