import math
from dataclasses import replace
from typing import Any

import pytest
import torch

from makemore_tui.core.analysis.baselines import baseline_losses
from makemore_tui.core.analysis.health import (
    BINS,
    EXAMPLES,
    comparable_baseline,
    recent_fall,
)
from makemore_tui.core.analysis.health import (
    health as health_of,
)
from makemore_tui.core.session.session import Session
from makemore_tui.core.settings import ModelSettings, TrainSettings

MODEL = ModelSettings(context=3, embedding=4, hidden=12, init="lecture")


@pytest.fixture
def trained(small):
    """A session after some steps; settings by name."""

    def trained(steps=20, model=MODEL, **train):
        session = Session(small, model, TrainSettings(**{"batch_size": 8, **train}), seed=3)
        session.train(steps)
        return session

    return trained


def look(session, train: float | None = 2.0, dev: float | None = 2.0) -> Any:
    last_edit = session.journal[-1].step if session.journal else 0
    begun = session.history, session.first_settings, last_edit
    return health_of(session.trainer, *begun, train, dev)


@pytest.fixture
def examples(small, small_splits, plain):
    """The examples that are looked at: contexts (N, T) and targets (N,)."""
    contexts, targets = plain.tensors(small_splits["train"], 3, small.vocabulary.characters)
    return contexts[:EXAMPLES], targets[:EXAMPLES]


def by_autograd(model, contexts, targets):
    """Loss, hidden layer, and gradients by name, the obvious way."""
    p = {name: t.clone().requires_grad_() for name, t in model.tensors.items()}
    h = torch.tanh(p["C"][contexts].flatten(1) @ p["W1"] + p["b1"])
    loss = torch.nn.functional.cross_entropy(h @ p["W2"] + p["b2"], targets)
    loss.backward()
    return loss.item(), h.detach(), {name: t.grad for name, t in p.items()}


def std(values):
    """The standard deviation of some numbers, by plain sums."""
    values = [float(value) for value in values.flatten()]
    mean = sum(values) / len(values)
    return math.sqrt(sum((value - mean) ** 2 for value in values) / len(values))


# Activations


def test_saturated_and_dead_units_are_counted_one_by_one(trained, examples):
    session = trained()
    session.model.tensors["b1"][2] = 50  # always 1
    session.model.tensors["b1"][5] = -50
    _, h, _ = by_autograd(session.model, *examples)
    health = look(session)
    values = h.tolist()
    saturated = sum(abs(x) > 0.97 for row in values for x in row) / (len(values) * 12)
    dead = sum(all(abs(row[i]) > 0.99 for row in values) for i in range(12)) / 12
    assert health.saturated == pytest.approx(saturated)
    assert health.dead == pytest.approx(dead) == pytest.approx(2 / 12)


def test_the_histogram_counts_every_activation_once(trained, examples):
    session = trained()
    _, h, _ = by_autograd(session.model, *examples)
    expected = [0] * BINS
    for value in h.flatten().tolist():
        expected[min(int((value + 1) / 2 * BINS), BINS - 1)] += 1
    found = look(session).histogram
    assert sum(found) == sum(expected) == h.numel()
    # an activation at the edge of a bin may fall to either side
    assert sum(abs(a - b) for a, b in zip(found, expected, strict=True)) <= 4


# Gradients and updates


def test_gradients_and_weights_are_those_of_autograd(trained, examples):
    session = trained()
    _, _, gradients = by_autograd(session.model, *examples)
    health = look(session)
    assert [one.name for one in health.tensors] == list(session.model.tensors)
    for one in health.tensors:
        assert one.gradient == pytest.approx(std(gradients[one.name]), rel=1e-3)
        assert one.weight == pytest.approx(std(session.model.tensors[one.name]), rel=1e-5)


def test_before_the_first_step_the_ratio_is_of_one_along_the_gradient(trained):
    session = trained(0)
    health = look(session)
    assert health.update == "a step along the gradient"
    for one in health.tensors:
        assert one.ratio == pytest.approx(math.log10(0.1 * one.gradient / one.weight))


def test_of_a_model_that_was_resized_there_is_no_last_step(trained):
    session = trained(20)
    session.edit(hidden=15)
    assert look(session).update == "a step along the gradient"
    session.train(1)
    assert look(session).update == "the last step"
    session.timeline.undo()
    assert look(session).update == "a step along the gradient"


@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
@pytest.mark.parametrize("kind", ["mlp", "neural-bigram"])
@pytest.mark.parametrize("weight_decay", [0.0, 0.5])
@pytest.mark.parametrize("schedule", ["constant", "linear"])
def test_the_ratio_is_of_the_very_last_step(trained, optimizer, kind, weight_decay, schedule):
    model = MODEL if kind == "mlp" else ModelSettings(kind=kind)
    train = {"optimizer": optimizer, "learning_rate": 0.01, "weight_decay": weight_decay}
    session = trained(0, model, schedule=schedule, **train)
    session.edit(steps=10)
    session.train(5)
    before = session.model.flat.clone()
    session.train(1)
    updates = session.model.views(session.model.flat - before)
    health = look(session)
    for one in health.tensors:
        assert 10**one.ratio * one.weight == pytest.approx(std(updates[one.name]), rel=1e-3)
    assert health.update == "the last step"


def test_a_new_optimizer_has_taken_no_step(trained):
    session = trained(10)
    session.edit(optimizer="adamw")
    switched = look(session)
    assert all(one.ratio is None for one in switched.tensors)


def test_what_does_not_vary_has_no_ratio(trained):
    ratios = {
        one.name: one.ratio for one in look(trained(0, replace(MODEL, init="scaled"))).tensors
    }
    assert ratios.pop("b2") is None  # all zero
    assert None not in ratios.values()


# Losses


def test_the_first_loss_is_that_of_the_weights_before_any_step(trained, examples):
    fresh = trained(0)
    expected, _, _ = by_autograd(fresh.model, *examples)
    assert look(fresh).first_loss == pytest.approx(expected, rel=1e-5)
    assert look(trained(50)).first_loss == pytest.approx(expected, rel=1e-5)
    assert look(fresh).uniform == math.log(7)


def test_the_first_loss_is_of_the_run_that_is_looked_at(trained):
    session = trained(5)
    first = look(session, None, None).first_loss
    session.timeline.restart(seed=9)
    other = look(session, None, None).first_loss
    assert other != first
    session.timeline.restart(seed=3)
    session.train(7)
    assert look(session, None, None).first_loss == first


def test_the_gap_is_dev_above_train_where_both_are_known(trained):
    session = trained()
    health = look(session, 2.0, 2.3)
    assert (health.train, health.dev, health.gap) == (2.0, 2.3, pytest.approx(0.3))
    assert look(session, None, None).gap is None


def test_the_examples_are_of_what_is_trained_on(trained, small, small_items, plain):
    session = trained(train_on="first-4")
    contexts, targets = plain.tensors(small_items[:4], 3, small.vocabulary.characters)
    _, _, gradients = by_autograd(session.model, contexts, targets)
    health = look(session)
    assert health.examples == len(targets)
    for one in health.tensors:
        assert one.gradient == pytest.approx(std(gradients[one.name]), rel=1e-3)


def test_two_looks_at_the_same_weights_are_equal(trained):
    session = trained()
    assert look(session) == look(session)


@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
def test_looking_changes_nothing(trained, state_hash, optimizer):
    session = trained(optimizer=optimizer)
    before, state = state_hash(session), torch.get_rng_state()
    look(session)
    assert state_hash(session) == before
    assert torch.equal(torch.get_rng_state(), state)


# Other models


def test_counts_have_neither_activations_nor_gradients(trained):
    health = look(trained(1, ModelSettings(kind="ngram"), batch_size=0))
    assert (health.saturated, health.dead, health.histogram) == (None, None, None)
    assert (health.tensors, health.update) == ((), "counts")
    assert health.first_loss == pytest.approx(health.uniform)


def test_the_one_layer_network_has_one_tensor(trained, small, small_splits, plain):
    session = trained(5, ModelSettings(kind="neural-bigram"))
    contexts, targets = plain.tensors(small_splits["train"], 1, small.vocabulary.characters)
    W = session.model.tensors["W"].clone().requires_grad_()
    torch.nn.functional.cross_entropy(W[contexts[:, 0]], targets).backward()
    (found,) = look(session).tensors
    assert len(targets) < EXAMPLES
    assert (found.name, found.gradient) == ("W", pytest.approx(std(W.grad), rel=1e-3))


def test_of_a_diverged_run_all_can_be_looked_at(trained):
    session = trained(100, learning_rate=1000.0, weight_decay=100.0)
    assert session.diverged_at is not None
    health = look(session)
    assert health.diagnosis.name == "diverged"
    assert all(one.ratio is None for one in health.tensors)


# What the diagnosis is made from


@pytest.mark.parametrize(
    ("model", "train", "name"),
    [
        ({"kind": "ngram", "order": 3}, {"train_on": "train"}, "trigram"),
        ({"kind": "ngram", "order": 5}, {"train_on": "train"}, None),
        ({"kind": "ngram", "order": 5}, {"smoothing_method": "kneser-ney"}, "Kneser-Ney"),
        ({"kind": "neural-bigram"}, {"train_on": "train"}, "bigram"),
        ({"kind": "mlp"}, {"train_on": "train"}, "bigram"),
        ({"kind": "mlp"}, {"train_on": "first-9"}, None),
        ({"kind": "mlp"}, {"train_on": "all"}, None),
    ],
)
def test_it_is_compared_with_counting_on_the_same_examples(small, model, train, name):
    compared = ModelSettings(**model), TrainSettings(**train)
    found = comparable_baseline(*compared, baseline_losses(small))
    assert (found and found.name) == name
    assert comparable_baseline(*compared, ()) is None


def test_how_the_loss_falls_is_told_since_the_newest_edit(trained):
    session = trained(100)
    assert recent_fall(session.history, 0)[0] == 100
    session.edit(learning_rate=0.01)
    assert recent_fall(session.history, 100) == (0, 0.0, math.inf)
    session.train(50)
    losses = session.history.curve(100, 64).mean[20:]
    steps, fall, error = recent_fall(session.history, 100)
    earlier, later = losses[:15], losses[15:]
    assert steps == 50
    assert fall == pytest.approx(sum(earlier) / 15 - sum(later) / 15)
    assert error == pytest.approx(math.sqrt((std(torch.tensor(earlier)) ** 2
        + std(torch.tensor(later)) ** 2) / 14))  # fmt: skip


def test_presets_of_the_lecture_are_judged_as_in_the_lecture(names):
    def judged(init, rate):
        settings = TrainSettings(learning_rate=rate)
        session = Session(names, ModelSettings(hidden=50, init=init), settings)
        session.train(200)
        return look(session, None, None).diagnosis.name

    assert judged("scaled", 0.1) == "healthy"
    assert judged("lecture", 0.1) == "first loss"
    assert judged("scaled", 0.0003) == "learning rate too low"
    assert judged("scaled", 5.0) == "learning rate too high"
