import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from makemore_tui.core.analysis.diagnosis import RULES, Facts, diagnosis, unusual
from makemore_tui.core.results import Baseline
from makemore_tui.core.settings import ModelSettings, TrainSettings

BIGRAM, COUNTS = ModelSettings(kind="neural-bigram"), ModelSettings(kind="ngram")
DECAY, LITTLE_SMOOTHED = TrainSettings(weight_decay=0.1), TrainSettings(smoothing=0.01)
HEALTHY = Facts(
    step=5000, uniform=3.3, first_loss=3.3, loss=2.1, saturated=0.2, ratio=-3.0,
    train=2.1, dev=2.15, steps_since_edit=5000, fall=0.1,
)  # fmt: skip
COUNTED = Facts(
    step=1, uniform=3.3, first_loss=3.3, loss=2.4, train=2.4, dev=2.41, is_counted=True,
    model=COUNTS,
)  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({}, "healthy"),
        ({"loss": math.nan}, "diverged"),
        ({"ratio": -1.5}, "learning rate too high"),
        ({"ratio": -2.5, "loss": 3.5}, "learning rate too high"),
        ({"ratio": -2.5, "loss": 3.4, "first_loss": 20}, "learning rate too high"),
        ({"step": 50, "ratio": -1.5}, "just begun"),
        ({"step": 50, "first_loss": 20, "loss": 10}, "first loss"),
        ({"step": 500, "first_loss": 20, "loss": 10}, "first loss"),
        ({"step": 500, "first_loss": 20, "loss": 3}, "healthy"),
        ({"saturated": 0.7}, "saturated"),
        ({"dead": 0.1}, "saturated"),
        ({"train": 1.5}, "over-fitting"),
        ({"ratio": -4.5}, "learning rate too low"),
        ({"ratio": -4.5, "is_decayed": True}, "healthy"),
        ({"train": 2.14, "fall": 0.001}, "under-fitting"),
        ({"train": 2.14}, "healthy"),
        ({"train": 2.14, "fall": 0.001, "steps_since_edit": 1500}, "healthy"),
        ({"train": 2.14, "fall": 0.001, "fall_error": 0.02}, "healthy"),
        ({"train": math.nan, "dev": math.nan}, "healthy"),
        ({"train": 2.14, "fall": 0.001, "is_held_out": False}, "healthy"),
        ({"train": 1.5, "is_held_out": False}, "healthy"),
    ],
)
def test_a_diagnosis_for_each_state_of_affairs(changes, name):
    assert diagnosis(replace(HEALTHY, **changes)).name == name


PAIRS = Baseline("bigram", 2.0, k=0.1)  # reaches less than dev is in these runs


@pytest.mark.parametrize(
    ("changes", "advice"),
    [
        ({"train_settings": DECAY, "fall": 0.0}, "try less weight decay"),
        ({"train_settings": DECAY, "fall": 0.1}, None),
        ({"fall": 0.0}, None),
        ({"train_settings": DECAY, "fall": 0.0, "dev": 2.02, "train": 2.0}, None),
        ({"model": BIGRAM, "fall": 0.1}, "try another learning rate"),
        ({"model": BIGRAM, "step": 1000}, None),
        ({"model": COUNTS, "is_counted": True}, "try less smoothing"),
        (
            {"model": COUNTS, "is_counted": True, "train_settings": TrainSettings(smoothing=0.01)},
            None,
        ),
    ],
)
def test_a_model_that_counting_beats_is_told_why(changes, advice):
    found = diagnosis(replace(HEALTHY, baseline=PAIRS, **changes))
    assert (found.name == "worse than counting") == bool(advice)
    assert found.sentence.endswith(advice or "")


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({}, "under-fitting"),
        ({"is_counted": False}, "just begun"),
        ({"dev": 2.9}, "over-fitting"),
        ({"dev": math.inf, "loss": math.inf}, "over-fitting"),
        ({"dev": 2.46}, "healthy"),
    ],
)
def test_counts_have_diagnoses_of_their_own(changes, name):
    found = diagnosis(replace(COUNTED, **changes))
    assert found.name == name
    assert not {"hidden", "updates", "activations"} & set(found.sentence.split())


def test_the_neural_bigram_is_told_what_it_can_do():
    facts = replace(HEALTHY, model=BIGRAM, train=2.14, fall=0.0)
    assert diagnosis(facts).sentence.endswith("one character tells no more, try the MLP")
    assert "activations" not in diagnosis(replace(facts, fall=0.1)).sentence


def test_no_advice_is_what_has_been_done_already():
    saturated = replace(HEALTHY, saturated=0.9)
    assert "init=scaled" not in diagnosis(saturated).sentence
    assert (
        "init=scaled" in diagnosis(replace(saturated, model=ModelSettings(init="lecture"))).sentence
    )


def test_where_dev_is_trained_on_its_loss_tells_nothing():
    found = diagnosis(replace(HEALTHY, train=2.14, fall=0.001, is_held_out=False))
    assert "dev is trained on" in found.sentence


def test_what_a_ratio_usually_is_depends_on_the_run():
    assert HEALTHY.usual_ratios == (-4, -1.75)
    assert replace(HEALTHY, is_decayed=True).usual_ratios == (-math.inf, -1.75)
    assert replace(HEALTHY, model=BIGRAM).usual_ratios == (-4, math.inf)
    assert replace(HEALTHY, step=10).usual_ratios == (-math.inf, math.inf)


def test_every_rule_has_a_sentence_and_a_help_text():
    for rule in RULES:
        assert rule.sentence.startswith(rule.name)
        assert rule.help.endswith(".")
        assert len(rule.sentence) <= 100
    under = diagnosis(replace(HEALTHY, train=2.14, fall=0.0))
    assert under.sentence == "under-fitting: train and dev are equal, try a larger hidden layer"


# What is shown and what is advised


@given(
    facts=st.builds(
        Facts,
        model=st.sampled_from([ModelSettings(), COUNTS, BIGRAM]),
        step=st.sampled_from([0, 50, 99, 100, 900, 1000, 5000]),
        uniform=st.just(3.3),
        first_loss=st.sampled_from([2.0, 3.3, 4.0, 25.7]),
        loss=st.sampled_from([2.1, 3.4, 9.0]),
        saturated=st.floats(0, 1),
        dead=st.floats(0, 1),
        ratio=st.sampled_from([math.nan, -5, -3, -1.5]),
        train=st.sampled_from([math.nan, 1.5, 2.1]),
        dev=st.sampled_from([math.nan, 2.15, 2.3]),
        is_decayed=st.booleans(),
        is_counted=st.booleans(),
        is_held_out=st.booleans(),
    )
)
def test_nothing_is_marked_under_a_healthy_diagnosis(facts):
    if facts.model is COUNTS:
        facts = replace(facts, first_loss=3.3, saturated=0, dead=0, ratio=math.nan)
    assert diagnosis(facts).name != "healthy" or unusual(facts) == ()


@pytest.mark.parametrize(
    ("model", "advice"),
    [
        ({"embedding": 2, "hidden": 300}, "a larger embedding, the bottleneck at size 2"),
        ({"embedding": 10, "hidden": 100}, "a larger hidden layer"),
        ({"embedding": 512, "hidden": 4096}, "a longer context"),
        ({"context": 1, "embedding": 10, "hidden": 300}, "a longer context"),
    ],
)  # fmt: skip
def test_under_fitting_names_what_there_is_too_little_of(model, advice):
    under = replace(HEALTHY, train=2.14, fall=0.0, model=ModelSettings(**model))
    assert diagnosis(under).sentence.endswith(f"try {advice}")


@pytest.mark.parametrize(
    ("train", "hidden", "advice"),
    [
        ({}, 200, "dropout, weight decay or fewer hidden units"),
        ({"dropout": 0.2, "weight_decay": 0.1}, 5, "more dropout or more weight decay"),
        ({"dropout": 0.8}, 5, "weight decay"),
        ({"train_on": "first-5"}, 200, "more items to train on"),
    ],
)
def test_over_fitting_is_held_back_by_what_there_is_more_of(train, hidden, advice):
    changes = {"model": ModelSettings(hidden=hidden), "train_settings": TrainSettings(**train)}
    assert diagnosis(replace(HEALTHY, train=1.5, **changes)).sentence.endswith(f"try {advice}")
    if not train:
        bigram = replace(HEALTHY, model=BIGRAM, train=1.5)
        assert diagnosis(bigram).sentence.endswith("try weight decay")


@pytest.mark.parametrize(
    ("rate", "ratio", "advice"),
    [(300.0, -1.0, "0.3"), (1.5, -1.0, "0.3"), (0.6, -1.0, "a third of it"),
     (1e-6, -5.0, "0.001"), (0.001, -5.0, "three times as much")],
)  # fmt: skip
def test_another_rate_is_one_that_can_be_of_use(rate, ratio, advice):
    facts = replace(HEALTHY, ratio=ratio, train_settings=TrainSettings(learning_rate=rate))
    assert diagnosis(facts).sentence.endswith(f"try {advice}")


def test_an_exploded_loss_is_diverged_though_it_is_finite():
    found = diagnosis(replace(HEALTHY, loss=400.0, is_diverged=True))
    assert (found.name, "exploded" in found.sentence) == ("diverged", True)
