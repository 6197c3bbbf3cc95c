"""The trace panel: its words, the stages under the cursor, the ladder, and softmax by hand."""

import math

import pytest
from msgspec.structs import replace
from textual.widgets import Input

from makemore_tui.core.analysis.trace_drawing import softmax_drawing
from makemore_tui.core.results import TracedExample, Unavailable
from makemore_tui.core.worker.protocol import TraceView
from makemore_tui.tui.style.cells import cell_len
from makemore_tui.tui.widgets.trace import TracePanel
from tests.support.snapshots import trace

pytestmark = pytest.mark.asyncio(loop_scope="module")

EMMA = trace("emma", None, False)
BACK = replace(trace("emma", None, True), loss_after=0.25, loss_after_next=0.8, learning_rate=0.1)
THREE = tuple(
    TracedExample("...", target, 0.5, math.log(2), (0, 0, 0, 1)) for target in "emma.olivia.ava."
)


@pytest.fixture
def draw(stage, snapshot):
    """Draws traces in so many cells, one after the other; the panel and the text of its rows."""

    async def draw(*drawn, width=76, height=24, moves=(), state="paused"):
        panel = TracePanel()
        shown = (snapshot(trace=one, state=state) for one in drawn)
        await stage.play(panel, width, height, *shown)
        for down, right in moves:
            panel.action_move(down, right)
        return panel, stage.rows(panel)

    return draw


async def test_the_example_stands_in_its_word_with_p_and_loss(draw):
    _, rows = await draw(EMMA)
    assert rows[1].split() == ["▸", "e", "m", "m", "[a]", "."]
    assert "emm → a   p 0.4000   ln p -0.9163   loss 0.9163   uniform 1/27: 3.2958" in rows[2]
    said = " ".join(rows[3:5])
    assert "emm occurs 85 times in train, followed by a 42, e 20, …" in said
    assert "On average over all 85 the loss can't be below 0.9000; of one it can." in said


async def test_up_and_down_choose_a_stage_and_left_and_right_a_value_of_it(draw):
    panel, rows = await draw(EMMA, moves=[(1, 0), (1, 0), (1, 0), (0, 1), (0, 1)])
    assert "▸ h " in "\n".join(rows)
    assert any(row.startswith("h = code of h: What h is for.") for row in rows)
    assert any(row.startswith(f"h[2] = {math.sin(2):.6g}") for row in rows)
    assert panel.border_subtitle.endswith("value · G gradients")
    assert panel.view().position is None  # of the word, which stays


async def test_stages_that_have_no_room_are_said_to_be_below(draw):
    _, rows = await draw(BACK, height=15)
    place, text = next((i, row) for i, row in enumerate(rows) if "+ above 0" in row)
    listed = sum("code of" in row for row in rows[:place])
    stages = len(BACK.stages + BACK.gradients)
    assert text.startswith(f"  {stages - listed} more ↓ · + above 0, - below")
    _, rows = await draw(BACK, height=15, moves=[(stages, 0)])
    assert "more ↓" not in "\n".join(rows)


async def test_on_the_words_left_and_right_choose_the_position(draw):
    panel, _ = await draw(EMMA, moves=[(0, -1), (0, -1)])  # ahead of what is drawn
    assert panel.view().position == 1
    panel, _ = await draw(EMMA, moves=[(0, 9)])
    assert panel.view().position == 4


async def test_a_word_has_its_product_its_sum_and_its_mean(draw):
    _, rows = await draw(EMMA, moves=[(1, 0)])
    total = sum(math.log(p / 10) for p in range(1, 6))
    assert "0.100 x 0.200 x 0.300 x 0.400 x 0.500 = 0.0012" in rows[-3]
    assert f"= {total:.3f}" in rows[-2]
    assert f"{-total:.3f} / 5 = {-total / 5:.4f} nats" in rows[-1]


async def test_several_words_have_a_line_each_and_one_for_all(draw):
    several = replace(EMMA, text="emma olivia ava", examples=THREE, lengths=(5, 7, 4))
    _, rows = await draw(several, moves=[(1, 0)])
    assert [row.split()[0] for row in rows[-4:]] == ["emma.", "olivia.", "ava.", "all"]
    assert f"ln {16 * math.log(0.5):.3f}".replace(" ", "  ") in rows[-1]
    assert rows[-1].endswith("NLL 0.6931")


async def test_a_step_taken_while_paused_is_shown_before_and_after(draw):
    example = replace(EMMA.examples[3], probability=0.5, loss=math.log(2))
    after = replace(EMMA, step=1201, examples=(*EMMA.examples[:3], example, EMMA.examples[4]))
    _, rows = await draw(EMMA, after)
    assert "step 1,200 → 1,201   loss 0.9163 → 0.6931   p 0.4000 → 0.5000" in rows[5]
    _, rows = await draw(EMMA, after, state="training")
    assert "→ 1,201" not in "\n".join(rows)
    _, rows = await draw(EMMA, replace(after, position=2))  # another example
    assert "→ 1,201" not in "\n".join(rows)


async def test_nothing_is_compared_with_another_run(draw, stage, snapshot):
    panel, _ = await draw(EMMA, state="finished")
    for one in (None, replace(EMMA, step=1201)):
        panel.show(snapshot(trace=one, state="finished", runs=2))
    assert "→ 1,201" not in "\n".join(stage.rows(panel))


async def test_a_rare_character_has_digits_and_an_impossible_one_an_infinite_loss(draw):
    rare, never = ("a", 4.28504e-5, 10.0578), ("b", 0.0, math.inf)
    words = tuple(TracedExample("m", *one, (13, 1)) for one in (*[rare] * 5, never))
    drawing = replace(EMMA, position=0, examples=words, lengths=(6,))
    _, rows = await draw(drawing, height=30)
    assert "m → a   p 4.3e-5   ln p -10.0578   loss 10.0578" in rows[2]
    text = "\n".join(rows)
    assert "4.3e-5   4.29e-5  -10.06  -10.06" in text  # of the table
    assert "0.0000         0      -∞      -∞" in text
    _, rows = await draw(replace(drawing, position=5), moves=[(1, 0)])
    assert "m → b   p 0.0000   ln p -∞   loss ∞" in rows[2]
    assert [line.rpartition(" = ")[2] for line in rows[-3:]] == ["0", "-∞", "∞ nats"]


async def test_gradients_say_what_the_next_step_will_change(draw):
    _, rows = await draw(BACK)
    assert "next step: loss → 0.8000   on this example alone, by 0.1: → 0.2500" in rows[5]


async def test_the_gradients_are_seen_at_once_and_the_cursor_goes_back(draw, stage, snapshot):
    logits = (*[0.02] * 4, -0.96, *[0.01] * 22)  # of the character with id 4, which does follow
    first = replace(BACK.gradients[0], name="dlogits", shape=(27,), values=logits, rows=())
    first = replace(first, strongest=(((4,), -0.96), ((0,), 0.02)))
    back = replace(BACK, gradients=(first, *BACK.gradients))
    panel, _ = await draw(EMMA, width=36, height=17, moves=[(1, 0)])
    panel.action_switch_back()
    panel.show(snapshot(trace=back, state="paused"))
    text = "\n".join(stage.rows(panel))
    assert panel.cursor_facts() == {"trace.stage": "dlogits"}
    assert "dlogits[d] = -0.96" in text
    assert "farthest from 0:  d -0.96  . +0.02" in text
    assert panel.border_subtitle == "↑↓ stage · ←→ value · G gradients"
    panel.action_switch_back()
    panel.show(snapshot(trace=EMMA, state="paused"))
    assert panel.cursor_facts() == {"trace.stage": "ids"}


@pytest.mark.parametrize(("width", "height"), [(57, 12), (36, 17), (36, 10), (76, 17), (24, 12)])
async def test_no_total_is_cut_and_no_key_in_the_border(draw, width, height):
    unlikely = [replace(one, probability=0.0345, loss=-math.log(0.0345)) for one in EMMA.examples]
    before = replace(EMMA, step=0, examples=tuple(unlikely))
    panel, rows = await draw(before, replace(before, step=1), width=width, height=height)
    text = "\n".join(rows)
    assert "= 4.89e-8" in text
    assert "= -16.834" in text
    assert "3.3668 nats" in text
    assert "loss 3.3668 → 3.3668" in text or width < 30
    assert len(panel.border_subtitle) <= width - 2
    assert panel.border_subtitle.endswith("G gradients")


async def test_what_a_context_means_for_the_loss_is_said_whole(draw):
    for width, height in [(57, 12), (36, 17), (36, 10)]:
        _, rows = await draw(EMMA, width=width, height=height)
        assert " ".join(rows).replace("  ", " ").count("0.9000") == 1
    once = replace(EMMA, times=1, followers=(("a", 1),), floor=0.0)
    _, rows = await draw(once)
    assert "emm occurs once in train, followed by a 1." in rows[3]


async def test_signs_are_explained_and_a_row_that_is_cut_says_so(draw):
    _, rows = await draw(EMMA, width=36, height=17, moves=[(1, 0)] * 4 + [(0, 9)])
    line = next(i for i, row in enumerate(rows) if row.startswith("▸ probs"))
    assert rows[line].endswith("…")
    assert "  1 more ↓ · + above 0, - below" in rows


async def test_a_wide_panel_shows_every_stage_with_what_happens_there(draw):
    _, rows = await draw(BACK, width=190, height=50)
    text = "\n".join(rows)
    for stage in (*BACK.stages, *BACK.gradients):
        assert f"  {stage.name} " in text
        assert stage.about in text
    assert "product" in text


async def test_a_long_sentence_is_wrapped_and_too_many_stages_are_a_list(draw):
    stages = tuple(replace(one, about="word " * 40 + "at last.") for one in BACK.stages)
    _, rows = await draw(replace(BACK, stages=stages), width=150, height=60)
    assert "\n".join(rows).count("at last.") == len(stages) + 1  # one is shown closely, too
    _, rows = await draw(replace(BACK, stages=stages), width=150, height=38)
    assert "at last." not in "\n".join(rows)
    assert all(any(f"  {one.name} " in line for line in rows) for one in stages)


async def test_softmax_by_hand_stands_beside_the_safe_one(draw):
    _, rows = await draw(softmax_drawing([100.0, 2.0, -3.0]))
    assert rows[3].split() == ["100", "inf", "nan", "nan", "0", "1", "1", "0"]
    assert rows[6].split() == ["sum", "inf", "nan", "sum", "1", "1"]
    _, rows = await draw(softmax_drawing([1000.0, 2.0]))
    assert rows[4].split()[-3:] == ["0", "0", "998"]  # p has become 0, its logarithm is known
    _, rows = await draw(softmax_drawing([100.0, 2.0, -3.0]), width=36, height=18)
    assert rows[7].split() == ["with", "the", "largest", "subtracted"]  # below it
    assert rows[12].split() == ["sum", "1", "1"]


@pytest.mark.parametrize(("width", "height", "most"), [(57, 13, 9), (36, 24, 8), (28, 13, 3)])
async def test_each_logit_has_a_row_or_is_counted(draw, width, height, most):
    for many in (most, most + 1):
        typed = softmax_drawing([float(i) for i in range(1, many + 1)])
        _, rows = await draw(typed, width=width, height=height)
        p = [f"{one:.4g}" for one in typed.safe[-1].values]
        has_row = [sum(one in row.split() for row in rows) > 0 for one in p]
        assert all(has_row) == (many == most)
        assert any("… 2 more · z" in row for row in rows) == (many > most)


async def test_no_size_does_harm(draw):
    drawn = [EMMA, BACK, softmax_drawing([1.0] * 100), Unavailable("x" * 300)]
    long = tuple(TracedExample("日本語", "日", 0.0, math.inf, (1, 2, 3, 4)) for _ in range(200))
    drawn.append(replace(EMMA, examples=long, lengths=(100, 100), position=150, followers=()))
    for one in drawn:
        for width, height in [(1, 1), (3, 9), (19, 2), (40, 16), (57, 17), (196, 54)]:
            _, rows = await draw(one, width=width, height=height, moves=[(1, 0), (0, 1), (-1, 0)])
            assert all(cell_len(row) <= width for row in rows)


def asked(it):
    views = [view for one in it.engine.refreshes for view in one.views]
    return [view for view in views if isinstance(view, TraceView)]


async def test_words_are_typed_or_taken_from_the_data(it):
    await it.press("0", "enter")
    await it.until(lambda: isinstance(it.screen.focused, Input))
    await it.press(*"ava")
    await it.until(lambda: asked(it) and asked(it)[-1].text == "ava")
    await it.press("enter", "D")
    await it.until(lambda: asked(it)[-1].item == 0)
    await it.press("D")
    await it.until(lambda: asked(it)[-1].item == 1)
    await it.press("G")
    await it.until(lambda: asked(it)[-1].backward)
    assert asked(it)[-1].item == 1
