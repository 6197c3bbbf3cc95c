from dataclasses import fields

import pytest

from makemore_tui.core.model_kinds import MODEL_KINDS
from makemore_tui.core.settings import SETTINGS, ModelSettings, TrainSettings, effect_of

ALL = [ModelSettings(kind=kind) for kind in MODEL_KINDS]


@pytest.mark.parametrize("model", ALL, ids=lambda one: one.kind)
def test_all_that_is_named_is_a_setting(model):
    kind = model.model_kind
    assert set(kind.settings) <= set(SETTINGS)
    assert set(kind.resizable) <= set(kind.sizes) <= set(kind.settings)
    assert kind.regularizer in kind.settings
    assert kind.context_setting is None or kind.context_setting in kind.sizes
    optimizers = set(SETTINGS["optimizer"].metadata["choices"]) if kind.is_network else set()
    assert set(kind.learning_rates) == optimizers


@pytest.mark.parametrize("model", ALL, ids=lambda one: one.kind)
def test_a_setting_that_only_other_kinds_have_is_not_relevant(model):
    for setting in (*fields(ModelSettings), *fields(TrainSettings)):
        kinds = {"mlp": {"mlp"}, "ngram": {"ngram"}, "networks": {"mlp", "neural-bigram"}}
        about = setting.metadata["about"].partition(":")[0]
        if about in kinds:
            assert model.is_relevant(setting.name) == (model.kind in kinds[about]), setting.name


def test_sizes_of_the_mlp_and_the_order_of_counts_change_in_place():
    for model in ALL:
        effects = {effect_of({size: 2}, model.kind) for size in model.model_kind.sizes}
        assert effects == {"mlp": {"resized"}, "ngram": {"resized"}}.get(model.kind, set())


def test_the_setting_for_the_context_decides_its_length():
    assert ModelSettings(context=5).context_length == 5
    assert ModelSettings(kind="ngram", order=4).context_length == 3
    assert ModelSettings(kind="neural-bigram", context=5, order=4).context_length == 1
