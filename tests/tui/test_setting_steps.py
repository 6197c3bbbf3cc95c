"""The next value of a setting, up and down."""

import pytest
from hypothesis import given
from hypothesis import settings as how
from hypothesis import strategies as st
from msgspec.structs import replace

from makemore_tui.core.settings import KINDS, SETTINGS, changed
from makemore_tui.tui import setting_steps
from makemore_tui.tui.keymap import LABELS

STEPPED = ("learning_rate", "hidden", "embedding", "context", "batch_size", "decay",
         "dropout", "kind", "optimizer", "schedule")  # fmt: skip
SIZES = ("hidden", "embedding", "context")
RISING = ("learning_rate", "hidden", "embedding", "context", "weight_decay", "smoothing", "order",
          "dropout")  # fmt: skip


def limits(name):
    metadata = SETTINGS[name].metadata
    return metadata["low"], metadata["high"]


def stepped(snapshot, setting, by):
    return setting_steps.stepped(snapshot, setting, by, LABELS)


ENDS = ("minimum", "maximum")  # in words, down and up


def after(snapshot, setting, by, times=1):
    """A snapshot after some steps that must each change something."""
    for _ in range(times):
        changes = stepped(snapshot, setting, by)
        assert isinstance(changes, dict), changes
        model, train = changed(snapshot.model, snapshot.train, changes)
        snapshot = replace(snapshot, model=model, train=train)
    return snapshot


def values_of(snapshot, setting, by):
    """Every value that stepping a setting gives, up to its end; and the sentence said there."""
    name = "weight_decay" if setting == "decay" else setting
    values = [getattr(snapshot.model if hasattr(snapshot.model, name) else snapshot.train, name)]
    while isinstance(changes := stepped(snapshot, setting, by), dict):
        values.append(changes[name])
        snapshot = after(snapshot, setting, by)
    return values, changes


# Mixture


def test_the_key_of_the_mixture_switches_and_the_arrows_go_by_tenths(snapshot):
    assert stepped(snapshot(), "mixture", 1) == {"mix": "auto"}
    assert stepped(snapshot(mix="auto"), "mixture", 1) == {"mix": 0}
    assert stepped(snapshot(mix=0.3), "mix", 1) == {"mix": 0.4}
    assert stepped(snapshot(mix="auto"), "mix", 1) == {"mix": 0.1}
    assert stepped(snapshot(mix="auto"), "mix", -1) == {"mix": 0}
    assert "minimum, 0" in stepped(snapshot(), "mix", -1)
    assert "Counts have no mixture" in stepped(snapshot(kind="ngram"), "mixture", 1)


# Learning rate


def test_a_quarter_decade_down_and_up_again(snapshot):
    down = [0.0562, 0.0316, 0.0178, 0.01, 0.00562, 0.00316, 0.00178, 0.001]
    now, seen = snapshot(), []
    for _ in down:
        now = after(now, "learning_rate", -1)
        seen.append(now.train.learning_rate)
    assert seen == down
    for _ in down:
        now = after(now, "learning_rate", 1)
        seen.append(now.train.learning_rate)
    assert seen[8:] == [*reversed(down[:-1]), 0.1]


@pytest.mark.parametrize("start", [1e-6, 0.003, 0.1, 1.0, 50.0])
def test_each_turn_is_a_quarter_of_a_decade(snapshot, start):
    now = after(snapshot(learning_rate=start), "learning_rate", 1)
    for _ in range(4):
        higher = after(now, "learning_rate", 1)
        ratio = higher.train.learning_rate / now.train.learning_rate
        assert ratio == pytest.approx(10**0.25, rel=0.01)
        now = higher


@pytest.mark.parametrize("rate", [1.0, 0.1, 0.0562, 0.0316, 0.0178, 0.01, 0.001, 100.0])
def test_a_whole_decade_is_exact(snapshot, rate):
    now = snapshot(learning_rate=rate)
    assert after(now, "learning_rate", 4).train.learning_rate == pytest.approx(10 * rate)
    assert after(now, "learning_rate", -4).train.learning_rate == pytest.approx(rate / 10)
    assert after(after(now, "learning_rate", 4), "learning_rate", -4) == now


@pytest.mark.parametrize(
    ("rate", "down", "up"), [(0.07, 0.0562, 0.1), (0.003, 0.00178, 0.00316), (50, 31.6, 56.2)]
)
def test_from_between_the_grid_a_turn_goes_to_the_next_rate_of_the_grid(snapshot, rate, down, up):
    now = snapshot(learning_rate=rate)
    assert after(now, "learning_rate", -1).train.learning_rate == down
    assert after(now, "learning_rate", 1).train.learning_rate == up


@pytest.mark.parametrize("by", [-4, -1, 1, 4])
def test_the_learning_rate_ends_at_its_limits(snapshot, by):
    values, said = values_of(snapshot(), "learning_rate", by)
    assert values[-1] == limits("learning_rate")[by > 0]
    assert values == sorted(values, reverse=by < 0)
    assert said.startswith(f"Learning rate is at its {ENDS[by > 0]}")


# Ladders


@pytest.mark.parametrize("setting", SIZES)
@pytest.mark.parametrize("by", [-1, 1])
def test_a_size_goes_to_its_limit_and_says_so(snapshot, setting, by):
    values, said = values_of(snapshot(), setting, by)
    assert values[-1] == limits(setting)[by > 0]
    assert values == sorted(set(values), reverse=by < 0)
    assert said == f"{setting.capitalize()} is at its {ENDS[by > 0]}, {values[-1]:,}"


@pytest.mark.parametrize("by", [-1, 1])
def test_weight_decay_goes_to_an_end_and_says_so(snapshot, by):
    values, said = values_of(snapshot(weight_decay=0.01), "decay", by)
    assert values == sorted(set(values), reverse=by < 0)
    assert said.startswith(f"Weight decay is at its {ENDS[by > 0]}")
    assert (values[-1] == 0) == (by < 0)


@pytest.mark.parametrize(
    "settings",
    [{"weight_decay": 50.0}, {"kind": "ngram", "smoothing": 1e5}],
    ids=["decay", "smoothing"],
)
def test_above_its_ladder_a_setting_goes_down_to_it_and_never_up(snapshot, settings):
    now = snapshot(**settings)
    assert isinstance(stepped(now, "decay", 1), str)
    assert after(now, "decay", -1) != now


def test_batches_double_up_to_all_examples(snapshot):
    values, said = values_of(snapshot(), "batch_size", 1)
    assert values == [2**i for i in range(5, 17)] + [0]
    assert said == "Batch size is at its maximum, all"


def test_from_all_examples_batches_halve_down_to_one(snapshot):
    values, _ = values_of(snapshot(batch_size=0), "batch_size", -1)
    assert values[1:] == [2**i for i in range(16, -1, -1)]


@pytest.mark.parametrize(
    ("size", "down", "up"), [(48, 32, 64), (65536, 32768, 0), (60000, 32768, 65536)]
)
def test_a_batch_size_between_two_powers_goes_to_the_next_one(snapshot, size, down, up):
    now = snapshot(batch_size=size)
    assert stepped(now, "batch_size", -1) == {"batch_size": down}
    assert stepped(now, "batch_size", 1) == {"batch_size": up}


def test_a_hidden_size_between_two_rungs_goes_to_the_next_one(snapshot):
    assert stepped(snapshot(hidden=123), "hidden", -1) == {"hidden": 100}
    assert stepped(snapshot(hidden=123), "hidden", 1) == {"hidden": 150}


# Kinds and choices


def test_the_kinds_of_model_go_round(snapshot):
    now, seen = snapshot(), []
    for _ in range(2 * len(KINDS)):
        now = after(now, "kind", 1)
        seen.append(now.model.kind)
    assert seen == ["ngram", "neural-bigram", "mlp"] * 2


def test_each_kind_comes_with_settings_that_suit_it(snapshot):
    counts = after(snapshot(), "kind", 1)
    assert (counts.model.order, counts.train.smoothing) == (2, 1.0)
    network = after(counts, "kind", 1)
    assert (network.train.learning_rate, network.train.batch_size) == (50, 0)
    mlp = after(network, "kind", 1)
    assert (mlp.train.learning_rate, mlp.train.batch_size) == (0.1, 32)
    assert mlp.model.init == "scaled"


def test_the_sizes_of_the_mlp_come_back_with_it(snapshot):
    assert after(snapshot(hidden=77, context=5), "kind", 1, times=3).model.hidden == 77
    assert after(snapshot(hidden=77, context=5), "kind", 1, times=3).model.context == 5


@pytest.mark.parametrize("setting", ["optimizer", "schedule"])
@pytest.mark.parametrize("by", [-1, 1])
def test_choices_go_round(snapshot, setting, by):
    choices = SETTINGS[setting].metadata["choices"]
    now, seen = snapshot(), []
    for _ in choices:
        now = after(now, setting, by)
        seen.append(getattr(now.train, setting))
    assert set(seen) == set(choices)
    assert now == snapshot()


# Where a setting does not concern the model


@pytest.mark.parametrize("kind", ["ngram", "neural-bigram"])
@pytest.mark.parametrize("setting", ["hidden", "embedding"])
def test_a_size_of_the_mlp_says_that_it_is_one(snapshot, kind, setting):
    said = stepped(snapshot(kind=kind), setting, 1)
    has = {"ngram": "Counts have", "neural-bigram": "The neural bigram has"}[kind]
    missing = {"hidden": "hidden layer"}.get(setting, setting)
    assert said == f"{has} no {missing} · m to change the model"


@pytest.mark.parametrize("setting", ["learning_rate", "schedule"])
def test_counting_needs_no_setting_of_training(snapshot, setting):
    said = stepped(snapshot(kind="ngram"), setting, 1)
    assert said == f"Counts have no {setting.replace('_', ' ')} · m to change the model"


def test_of_counts_context_is_order_and_decay_is_smoothing(snapshot):
    now = snapshot(kind="ngram")
    assert stepped(now, "context", 1) == {"order": 3}
    assert stepped(now, "context", -1) == {"order": 1}
    assert stepped(now, "decay", 1) == {"smoothing": 3}
    assert stepped(now, "optimizer", 1) == {"smoothing_method": "kneser-ney"}
    assert "adds no k" in stepped(snapshot(kind="ngram", smoothing_method="kneser-ney"), "decay", 1)
    assert stepped(snapshot(kind="ngram", order=8), "context", 1) == "Order is at its maximum, 8"


def test_the_context_of_a_neural_bigram_stays_one(snapshot):
    assert isinstance(stepped(snapshot(kind="neural-bigram"), "context", 1), str)


# Any settings at all


def numbers(name):
    low, high = limits(name)
    return (
        st.integers(low, high) if isinstance(SETTINGS[name].default, int) else st.floats(low, high)
    )


any_settings = st.fixed_dictionaries(
    {
        "kind": st.sampled_from(KINDS),
        "optimizer": st.sampled_from(SETTINGS["optimizer"].metadata["choices"]),
        "schedule": st.sampled_from(SETTINGS["schedule"].metadata["choices"]),
        **{name: numbers(name) for name in ("order", "context", "embedding", "hidden")},
        **{name: numbers(name) for name in ("learning_rate", "batch_size", "steps")},
        **{name: numbers(name) for name in ("weight_decay", "smoothing", "dropout")},
    }
)


@how(max_examples=200)
@given(any_settings, st.sampled_from(STEPPED), st.sampled_from([-4, -1, 1, 4]))
def test_a_step_gives_valid_settings_or_a_sentence(snapshot, settings, setting, by):
    by = by if setting == "learning_rate" else max(-1, min(by, 1))
    now = snapshot(**settings)
    changes = stepped(now, setting, by)
    if isinstance(changes, str):
        assert len(changes) > 20
        return
    after = changed(now.model, now.train, changes)
    assert after != (now.model, now.train)


@how(max_examples=200)
@given(any_settings, st.sampled_from(STEPPED), st.sampled_from([-1, 1]))
def test_up_never_goes_down_and_down_never_goes_up(snapshot, settings, setting, by):
    now = snapshot(**settings)
    changes = stepped(now, setting, by)
    if isinstance(changes, dict) and setting != "kind":
        ((name, value),) = changes.items()
        before = getattr(now.model if hasattr(now.model, name) else now.train, name)
        if name in RISING:
            assert (value > before) == (by > 0)
