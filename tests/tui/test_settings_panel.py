"""The controls: what the engine says the settings are, and the keys that change them."""

import pytest
from msgspec.structs import replace

from makemore_tui.core.results import MixedLosses
from makemore_tui.tui.widgets.settings import SettingsPanel

pytestmark = pytest.mark.asyncio(loop_scope="module")

WIDTHS = [30, 32, 40]  # those of the side column at 100, 120 and 200 cells

NAMES = """model|learning rate|schedule|batch size|context|embedding|hidden|optimizer|method
smoothing|weight decay|dropout|mix order|mix|parameters|counts|steps/s|step|train on|minibatches
init|direct|seed""".replace("\n", "|").split("|")


@pytest.fixture
def draw(stage, snapshot):
    """Draws some settings; name to (value, keys)."""

    async def draw(width=40, settings=None, **fields):
        now = snapshot(**(settings or {}), **fields)
        rows = await stage.play(SettingsPanel(), width, 20, now)
        names = [next(name for name in NAMES if row.startswith(name)) for row in rows if row]
        return {name: row[len(name) :].strip() for name, row in zip(names, rows, strict=False)}

    return draw


async def test_in_a_wide_panel_each_line_says_what_its_setting_is_and_may_be(draw):
    shown = await draw(116)
    assert shown["hidden"].startswith("200")
    assert shown["hidden"].endswith(
        "tanh units in the hidden layer (a whole number from 1 to 4,096)"
    )
    assert "seed of weights" in shown["seed"]


@pytest.mark.parametrize("width", WIDTHS)
async def test_an_mlp_shows_all_its_settings_with_their_keys(draw, width):
    shown = {name: value.split(maxsplit=1) for name, value in (await draw(width)).items()}
    assert shown.pop("step")[0] == "1,200"
    assert shown == {
        "model": ["MLP", "m"],
        "learning rate": ["0.1", "[ ]"],
        "schedule": ["constant", "k"],
        "batch size": ["32", "b B"],
        "context": ["3", "; '"],
        "embedding": ["10", ", ."],
        "hidden": ["200", "- ="],
        "optimizer": ["sgd", "o"],
        "weight decay": ["0", "w W"],
        "dropout": ["0", "x X"],
        "mix": ["0", "M"],
        "parameters": ["11,897"],
        "steps/s": ["2,500"],
        "train on": ["train"],
        "minibatches": ["examples"],
        "init": ["scaled"],
        "direct": ["off"],
        "seed": ["1", "r R"],
    }


async def test_a_mixture_has_its_order_and_the_weight_that_was_found(draw, snapshot):
    mixed = MixedLosses(0.3972, 1.6, 1.97, 1.8, 1.91)
    splits = replace(snapshot().splits, mixed=mixed)
    shown = await draw(settings={"mix": "auto", "mix_order": 5}, splits=splits)
    assert shown["mix"].split() == ["auto", "→", "0.397", "M"]
    assert shown["mix order"] == "5"
    assert (await draw(settings={"mix": 0.3}, splits=splits))["mix"].split() == ["0.3", "M"]


async def test_counts_have_smoothing_and_order_and_no_settings_of_networks(draw):
    shown = await draw(settings={"kind": "ngram", "order": 3, "smoothing": 0.3})
    assert "counts" in shown["model"]
    assert "3" in shown["model"]
    for name in ("learning rate", "schedule", "embedding", "hidden"):
        assert shown[name] == "–"
    assert shown["method"].split() == ["add-k", "o"]
    assert shown["smoothing"].split() == ["0.3", "w", "W"]
    assert shown["context"].split()[0] == "2"
    assert shown["counts"] == "11,897"
    assert "weight decay" not in shown


async def test_kneser_ney_has_no_k(draw):
    shown = await draw(settings={"kind": "ngram", "smoothing_method": "kneser-ney"})
    assert (shown["method"].split(), shown["smoothing"]) == (["kneser-ney", "o"], "–")


async def test_a_neural_bigram_has_no_sizes(draw):
    shown = await draw(settings={"kind": "neural-bigram", "learning_rate": 50, "batch_size": 0})
    assert shown["model"].startswith("neural bigram")
    assert (shown["embedding"], shown["hidden"], shown["dropout"]) == ("–", "–", "–")
    assert shown["learning rate"].split()[0] == "50"
    assert shown["batch size"].split()[0] == "all"


@pytest.mark.parametrize(
    ("settings", "name", "value"),
    [
        ({"learning_rate": 1e-6}, "learning rate", "1e-06"),
        ({"learning_rate": 0.0562}, "learning rate", "0.0562"),
        ({"learning_rate": 1000.0}, "learning rate", "1,000"),
        ({"hidden": 4096}, "hidden", "4,096"),
        ({"batch_size": 65536}, "batch size", "65,536"),
        ({"weight_decay": 0.0001}, "weight decay", "0.0001"),
        ({"optimizer": "adamw"}, "optimizer", "adamw"),
        ({"kind": "neural-bigram"}, "model", "neural bigram"),
        ({"kind": "ngram", "smoothing": 1e6}, "smoothing", "1e+06"),
    ],
)
@pytest.mark.parametrize("width", WIDTHS)
async def test_a_value_is_shown_whole(draw, width, settings, name, value):
    shown = (await draw(width, settings))[name]
    assert shown.startswith(value)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("step", [99, 12_345, 199_999, 1_234_567])
async def test_steps_are_never_cut(draw, width, step):
    shown = (await draw(width, step=step))["step"]
    assert shown.split() == [f"{step:,}", "of", "200k"] or shown == f"{step:,}"


@pytest.mark.parametrize("width", WIDTHS)
async def test_a_decayed_rate_is_the_one_that_is_used(draw, width):
    settings = {"schedule": "linear", "learning_rate": 0.03, "steps": 400}
    rows = await draw(width, settings, step=399)
    shown = rows["learning rate"]
    assert rows["schedule"].split() == ["linear", "k"]  # its row need not say it again
    assert shown.split("→")[1].split() == ["7.5e-05", "[", "]"]
    assert shown.startswith("0.03")
    settings["learning_rate"] = 0.0178
    shown = (await draw(width, settings, step=399))["learning rate"]
    assert shown.split("→")[1].split()[0] == "4.45e-05"


async def test_a_step_beyond_the_plan_is_not_of_it(draw):
    assert (await draw(40, {"steps": 400}, step=4037))["step"] == "4,037"


async def test_without_a_speed_there_is_a_dash(draw):
    assert (await draw(steps_per_second=0.0))["steps/s"] == "–"


async def test_no_width_does_harm(stage, snapshot):
    panel = SettingsPanel()
    await stage.play(panel, 26, 14, snapshot())
    for width in range(1, 60):
        for kind in ("mlp", "ngram", "neural-bigram"):
            expected = 17 if kind == "ngram" else 19
            assert len(panel.rows(snapshot(kind=kind), width, 14)) == expected
