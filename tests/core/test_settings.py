import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from makemore_tui.core.errors import UserError
from makemore_tui.core.presets import DEFAULT_PRESET, PRESETS, preset_named
from makemore_tui.core.run_spec import RunSpec, parse_seed
from makemore_tui.core.settings import (
    SETTINGS,
    ModelSettings,
    TrainSettings,
    allowed_values,
    changed,
    effect_of,
    first_n,
    parse_changes,
    parse_value,
    plan_edit,
    setting_name,
    setting_text,
    settings_label,
    short_label,
)

LIMITS = [
    ("order", 1, 8),
    ("context", 1, 16),
    ("embedding", 1, 512),
    ("hidden", 1, 4096),
    ("learning_rate", 1e-6, 1000),
    ("batch_size", 0, 65536),
    ("steps", 1, 10**9),
    ("weight_decay", 0, 100),
    ("dropout", 0, 0.9),
    ("smoothing", 0, 10**6),
]


def change(**changes):
    return changed(ModelSettings(), TrainSettings(), changes)


# Validation


@pytest.mark.parametrize(("name", "low", "high"), LIMITS)
def test_the_limits_themselves_are_allowed(name, low, high):
    for value in (low, high):
        model, train = change(**{name: value})
        assert getattr(train if hasattr(train, name) else model, name) == value


@pytest.mark.parametrize(("name", "low", "high"), LIMITS)
def test_a_value_beyond_its_limits_is_refused_with_what_is_allowed(name, low, high):
    for value in (low - 1, high * 2, math.nan, math.inf, "many", None, True):
        with pytest.raises(UserError) as refusal:
            change(**{name: value})
        assert str(refusal.value) == f"{name} must be {allowed_values(name)}, not {value!r}"


@pytest.mark.parametrize("name", ["order", "context", "embedding", "hidden", "batch_size", "steps"])
def test_a_count_must_be_whole(name):
    with pytest.raises(UserError, match=f"{name} must be a whole number from"):
        change(**{name: 2.0})


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("kind", "mlp or ngram or neural-bigram"),
        ("init", "lecture or scaled"),
        ("optimizer", "sgd or adamw"),
        ("schedule", "constant or step or linear or cosine"),
        ("direct", "true or false"),
        ("train_on", "train, all or first-N"),
    ],
)
def test_a_word_that_is_no_choice_is_refused_with_the_choices(name, words):
    with pytest.raises(UserError, match=f"{name} must be {words}.*, not 'other'"):
        change(**{name: "other"})


@pytest.mark.parametrize("value", ["train", "all", "first-1", "first-5", "first-999999999"])
def test_train_on_may_be_train_all_or_the_first_items(value):
    assert TrainSettings(train_on=value).train_on == value


@pytest.mark.parametrize(
    "value", ["", "dev", "first-", "first-0", "first--1", "first-x", "5", "first-²", 5, None]
)
def test_train_on_is_nothing_else(value):
    with pytest.raises(UserError, match="train_on must be train, all or first-N"):
        TrainSettings(train_on=value)


def test_first_n_has_a_number():
    assert first_n("first-12") == 12
    assert first_n("train") is None


@pytest.mark.parametrize(
    ("settings", "length"),
    [
        (ModelSettings(kind="mlp", context=8), 8),
        (ModelSettings(kind="ngram", order=4), 3),
        (ModelSettings(kind="neural-bigram", context=8), 1),
    ],
)
def test_each_kind_has_a_context_length(settings, length):
    assert settings.context_length == length


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("hidden=1e2", 100),
        ("hidden=1,000", 1000),
        ("schedule=Cosine", "cosine"),
        ("kind=MLP", "mlp"),
    ],
)
def test_a_value_may_be_written_in_other_ways(word, value):
    assert list(parse_changes([word]).values()) == [value]


@pytest.mark.parametrize("word", ["hidden=1e-1", "hidden=inf", "hidden=nan", "hidden=2.5"])
def test_a_number_that_is_not_whole_is_refused(word):
    with pytest.raises(UserError, match="hidden must be a whole number"):
        parse_changes([word])


# Changes


def test_changes_go_to_the_settings_they_name():
    model, train = change(hidden=7, learning_rate=0.5)
    assert model == ModelSettings(hidden=7)
    assert train == TrainSettings(learning_rate=0.5)


def test_an_unknown_setting_is_refused_with_all_the_known():
    with pytest.raises(UserError) as refusal:
        change(hiden=7)
    assert "'hiden'" in str(refusal.value)
    assert all(name in str(refusal.value) for name in SETTINGS)


@pytest.mark.parametrize(
    ("kind", "names", "effect"),
    [
        ("mlp", ["learning_rate", "batch_size", "weight_decay", "smoothing"], "next step"),
        ("ngram", ["schedule", "dropout", "train_on", "steps"], "next step"),
        ("mlp", ["optimizer", "learning_rate"], "new optimizer"),
        ("mlp", ["hidden"], "resized"),
        ("mlp", ["context", "embedding", "optimizer", "learning_rate"], "resized"),
        ("neural-bigram", ["hidden"], "restart"),
        ("ngram", ["context"], "restart"),
        ("mlp", ["kind", "optimizer"], "restart"),
        ("mlp", ["hidden", "direct"], "restart"),
        ("mlp", ["order"], "restart"),
        ("mlp", ["learning_rate", "init"], "restart"),
    ],
)
def test_the_effect_is_that_of_the_weightiest_change(kind, names, effect):
    assert effect_of(dict.fromkeys(names), kind) == effect


@pytest.mark.parametrize(
    ("changes", "label"),
    [
        ({"hidden": 300, "learning_rate": 0.01}, "hidden 300, lr 0.01"),
        ({"batch_size": 0}, "batch all"),
        ({"batch_size": 64, "optimizer": "adamw"}, "batch 64, adamw"),
        ({"schedule": "cosine", "steps": 20_000}, "cosine, steps 20,000"),
        ({"weight_decay": 1e-4, "smoothing": 3}, "decay 0.0001, smoothing 3"),
        ({"kind": "ngram", "order": 3}, "counts, order 3"),
        ({"kind": "mlp", "hidden": 1500, "learning_rate": 1000.0}, "MLP, hidden 1,500, lr 1,000"),
        ({"batch_size": 65536, "steps": 1_234_567}, "batch 65,536, steps 1,234,567"),
        ({"direct": False, "train_on": "first-5"}, "direct off, on first-5"),
        ({"direct": True, "seed": 4000}, "direct, seed 4000"),
    ],
)
def test_a_short_label(changes, label):
    assert short_label(changes) == label


@pytest.mark.parametrize(
    ("changes", "label"),
    [
        ({}, "MLP 3, 10, 200, lr 0.1, batch 32, sgd, seed 7"),
        (
            {"direct": True, "init": "lecture", "dropout": 0.2, "batch_size": 0},
            "MLP 3, 10, 200, init lecture, direct, dropout 0.2, lr 0.1, batch all, sgd, seed 7",
        ),
        ({"kind": "ngram", "order": 3, "dropout": 0.2}, "counts of 3, smoothing 1, seed 7"),
        (
            {"kind": "neural-bigram", "schedule": "cosine", "hidden": 9},
            "neural bigram, cosine, lr 0.1, batch 32, sgd, seed 7",
        ),
    ],
)
def test_a_label_of_all_settings(changes, label):
    settings = changed(ModelSettings(), TrainSettings(), changes)
    assert settings_label(*settings, 7) == label


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("kind", "neural-bigram", "neural bigram"),
        ("batch_size", 0, "all"),
        ("batch_size", 65536, "65,536"),
        ("learning_rate", 0.001, "0.001"),
        ("smoothing", 1e5, "100,000"),
        ("direct", True, "on"),
        ("train_on", "first-5", "first-5"),
    ],
)
def test_a_value_in_words(name, value, text):
    assert setting_text(name, value) == text


@pytest.mark.parametrize(
    ("word", "changes"),
    [
        ("hidden=300", {"hidden": 300}),
        ("steps=200,000", {"steps": 200_000}),
        ("learning_rate=1e-3", {"learning_rate": 0.001}),
        ("weight_decay=1", {"weight_decay": 1.0}),
        ("direct=true", {"direct": True}),
        ("direct=No", {"direct": False}),
        (" kind = ngram ", {"kind": "ngram"}),
        ("train_on=first-5", {"train_on": "first-5"}),
    ],
)
def test_a_word_becomes_a_change(word, changes):
    assert parse_changes([word]) == changes


def test_of_two_words_for_one_setting_the_last_counts():
    assert parse_changes(["hidden=1", "order=3", "hidden=2"]) == {"hidden": 2, "order": 3}


@pytest.mark.parametrize(
    ("word", "sentence"),
    [
        ("hidden", "'hidden' must be name=value, such as hidden=300"),
        ("=3", "there is no setting ''; the settings are kind, order, "),
        ("size=3", "there is no setting 'size'; the settings are kind, order, "),
        ("hidden=", "hidden must be a whole number from 1 to 4,?096, not ''"),
        ("hidden=3.5", "hidden must be a whole number from 1 to 4,?096, not '3.5'"),
        ("hidden=0", "hidden must be a whole number from 1 to 4,?096, not 0"),
        ("learning_rate=fast", "learning_rate must be a number from .* to 1,?000, not 'fast'"),
        ("learning_rate=nan", "learning_rate must be a number from .* to 1,?000, not nan"),
        ("direct=perhaps", "direct must be true or false, not 'perhaps'"),
        ("optimizer=Adam", "optimizer must be sgd or adamw, not 'Adam'"),
        ("learning_rate=0", "learning_rate must be a number from .* to 1,?000, not 0$"),
        ("learning_rate=1e400", "learning_rate must be a number from .* to 1,?000, not 1e400$"),
        ("smoothing=-0.10", "smoothing must be a number from 0 to 1,?000,?000, not -0.10$"),
    ],
)
def test_a_word_that_cannot_be_a_change_is_refused_with_what_can(word, sentence):
    with pytest.raises(UserError, match=sentence):
        parse_changes([word])


def test_a_refusal_calls_a_setting_as_it_is_called_there():
    with pytest.raises(UserError, match=r"^batch size must be a whole number .*, not -1$"):
        parse_value("batch_size", "-1", called="batch size")


@given(st.sampled_from([*SETTINGS, "other", ""]), st.text(max_size=8))
def test_any_word_is_a_valid_change_or_a_user_error(name, text):
    try:
        changes = parse_changes([f"{name}={text}"])
    except UserError:
        return
    change(**changes)


# Schedules


def test_a_constant_rate_never_changes():
    train = TrainSettings(learning_rate=0.3, steps=10)
    assert {train.learning_rate_at(step) for step in range(25)} == {0.3}


def test_a_step_rate_is_a_tenth_from_half_way():
    train = TrainSettings(learning_rate=0.3, schedule="step", steps=10)
    rates = [train.learning_rate_at(step) for step in range(12)]
    assert rates == pytest.approx([0.3] * 5 + [0.03] * 7)


def test_a_linear_rate_falls_by_equal_parts():
    train = TrainSettings(learning_rate=2.0, schedule="linear", steps=4)
    rates = [train.learning_rate_at(step) for step in range(4)]
    assert rates == pytest.approx([2.0, 1.5, 1.0, 0.5])


def test_a_cosine_rate_follows_half_a_wave():
    train = TrainSettings(learning_rate=2.0, schedule="cosine", steps=6)
    wave = [1 + math.cos(math.radians(30 * step)) for step in range(6)]
    assert [train.learning_rate_at(step) for step in range(6)] == pytest.approx(wave)


@pytest.mark.parametrize("schedule", ["constant", "step", "linear", "cosine"])
@pytest.mark.parametrize("steps", [1, 2, 7, 1000])
def test_beyond_the_planned_end_the_last_rate_stays(schedule, steps):
    train = TrainSettings(schedule=schedule, steps=steps)
    last = train.learning_rate_at(steps - 1)
    assert last > 0
    assert train.learning_rate_at(steps) == last
    assert train.learning_rate_at(10 * steps) == last


# Presets


def test_the_presets_are_those_of_the_lectures_and_the_tuned_one():
    assert list(PRESETS) == [
        *("bigram", "trigram", "kneser-ney", "neural-bigram", "first-mlp", "lecture", "scaled"),
        *("overfit", "fast", "tuned", "best"),
    ]
    assert DEFAULT_PRESET in PRESETS


def test_the_lectures_preset_trains_as_the_lecture_does():
    preset = preset_named("lecture")
    assert preset.model == ModelSettings(context=3, embedding=10, hidden=200, init="lecture")
    assert (preset.train.batch_size, preset.train.optimizer) == (32, "sgd")
    rates = [preset.train.learning_rate_at(step) for step in (0, 99_999, 100_000, 199_999)]
    assert rates == pytest.approx([0.1, 0.1, 0.01, 0.01])


def test_the_scaled_preset_differs_only_in_its_initialisation():
    lecture, scaled = preset_named("lecture"), preset_named("scaled")
    assert scaled.train == lecture.train
    assert changed(lecture.model, lecture.train, {"init": "scaled"})[0] == scaled.model


def test_an_unknown_preset_is_refused_with_all_the_known():
    with pytest.raises(UserError, match=f"'worst'; the presets are {', '.join(PRESETS)}"):
        preset_named("worst")


@pytest.mark.parametrize(
    ("typed", "name"),
    [("lr", "learning_rate"), ("learning rate", "learning_rate"), ("batch", "batch_size"),
     ("weight-decay", "weight_decay"), ("decay", "weight_decay"), ("on", "train_on"),
     ("model", "kind"), ("Hidden", "hidden")],
)  # fmt: skip
def test_a_setting_is_known_by_what_the_screen_calls_it(typed, name):
    assert setting_name(typed) == name


def test_settings_by_another_name_are_the_same_settings():
    assert parse_changes(["lr=0.3"]) == {"learning_rate": 0.3}
    plan = plan_edit(ModelSettings(), TrainSettings(), {"lr": 0.3})
    assert (plan.changes, plan.train.learning_rate) == ({"learning_rate": 0.3}, 0.3)
    assert RunSpec.parse("names/lr=0.3").train.learning_rate == 0.3
    with pytest.raises(UserError, match="learning_rate more than once"):
        RunSpec.parse("names/lr=0.3/learning_rate=0.2")


def test_what_was_meant_is_suggested():
    for wrong, meant in (("hiden", "hidden"), ("learningrate", "learning_rate"), ("bach", "batch")):
        with pytest.raises(UserError, match=f"'{wrong}'; did you mean {meant}"):
            setting_name(wrong)
    with pytest.raises(UserError, match="the settings are kind, order"):
        setting_name("size_of_it_all")
    with pytest.raises(UserError, match="sgd or adamw, not 'adam'; did you mean adamw"):
        parse_changes(["optimizer=adam"])
    with pytest.raises(UserError, match="'scalde'; did you mean scaled"):
        preset_named("scalde")


def test_a_seed_is_refused_alike_in_a_spec_and_where_it_is_typed():
    assert RunSpec.parse("names/seed=3").seed == parse_seed(" 3 ") == 3
    for text in ("-1", "x", "", str(2**62 + 1)):
        with pytest.raises(
            UserError, match=r"seed must be a whole number from 0 to 4,611"
        ) as typed:
            parse_seed(text)
        with pytest.raises(UserError) as spelt:
            RunSpec.parse(f"names/seed={text}")
        assert str(spelt.value) == str(typed.value)
