"""Models of another size: in float64 where the function must stay; moments by their meaning."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from makemore_tui.core.models.mlp import MLP
from makemore_tui.core.models.resize import resized, shrinks
from makemore_tui.core.session.session import Session
from makemore_tui.core.settings import SIZES, ModelSettings, TrainSettings

V = 7
sizes = st.builds(
    ModelSettings,
    context=st.integers(1, 4),
    embedding=st.integers(1, 5),
    hidden=st.integers(1, 9),
    init=st.sampled_from(["lecture", "scaled"]),
    direct=st.booleans(),
)
more = st.fixed_dictionaries({name: st.integers(0, 4) for name in SIZES})


def seeded(seed=1):
    return torch.Generator().manual_seed(seed)


def mlp(settings, seed=1, double=True):
    """A model whose weights, W2 and biases too, are far from zero, as after training."""
    model = MLP(settings, V)
    if double:
        model.to(torch.float64)
    model.flat.normal_(generator=seeded(seed))
    return model


def contexts(length, n=200, seed=2):
    """Contexts in which some characters are more frequent than others."""
    return (torch.rand(n, length, generator=seeded(seed)) ** 2 * V).long()


def moments_of(model, seed=3):
    """Moments that are all different and not zero."""
    random = torch.rand(2, len(model.flat), generator=seeded(seed), dtype=model.flat.dtype) + 0.1
    return {"mean": random[0] * 2 - 1.5, "square": random[1]}


def larger(settings, by):
    return replace(settings, **{name: getattr(settings, name) + n for name, n in by.items()})


def resize(model, settings, moments=None, seed=4, judged=None):
    judged = contexts(model.context) if judged is None else judged
    return resized(model, settings, moments or {}, judged, seeded(seed))


def by_unit(model, logits_of):
    """The logits written as plain loops over positions, numbers and units, from parameter views."""
    p = model.tensors
    T, D = model.settings.context, model.settings.embedding
    rows = []
    for context in logits_of:
        x = [p["C"][context[t], d] for t in range(T) for d in range(D)]
        hidden = [
            torch.tanh(sum(x[i] * p["W1"][i, j] for i in range(T * D)) + p["b1"][j])
            for j in range(model.settings.hidden)
        ]
        logits = p["b2"].clone()
        for j, unit in enumerate(hidden):
            logits = logits + unit * p["W2"][j]
        if model.settings.direct:
            for i in range(T * D):
                logits = logits + x[i] * p["W3"][i]
        rows.append(logits)
    return torch.stack(rows)


def loss_gradient(model, inputs, targets):
    """The gradient of the mean NLL by autograd, by name."""
    leaves = {name: t.detach().clone().requires_grad_() for name, t in model.tensors.items()}
    x = leaves["C"][inputs].flatten(1)
    logits = torch.tanh(x @ leaves["W1"] + leaves["b1"]) @ leaves["W2"] + leaves["b2"]
    if "W3" in leaves:
        logits = logits + x @ leaves["W3"]
    loss = torch.nn.functional.cross_entropy(logits, targets)
    return dict(zip(leaves, torch.autograd.grad(loss, list(leaves.values())), strict=True))


# Growing


@given(sizes, more, st.integers(0, 99))
def test_a_grown_model_computes_the_same_function(settings, by, seed):
    model = mlp(settings, seed)
    grown, _ = resize(model, larger(settings, by))
    assert grown.settings == larger(settings, by)
    there = contexts(grown.context, seed=seed)
    here = there[:, -model.context :]
    torch.testing.assert_close(grown.logits(there), model.logits(here), atol=1e-10, rtol=1e-10)


@given(sizes, more, st.integers(0, 99))
def test_in_single_precision_too(settings, by, seed):
    model = MLP(settings, V, seeded(seed))
    grown, _ = resize(model, larger(settings, by))
    assert grown.flat.dtype == torch.float32
    there = contexts(grown.context, seed=seed)
    before, after = model.logits(there[:, -model.context :]), grown.logits(there)
    assert float((after - before).abs().max()) <= 1e-6 * max(1.0, float(before.abs().max()))


@hypothesis_settings(max_examples=10)
@given(sizes, more)
def test_the_function_is_the_one_that_its_parameters_spell_out(settings, by):
    model = mlp(settings)
    grown, _ = resize(model, larger(settings, by))
    there = contexts(grown.context, n=3)
    expected = by_unit(model, there[:, -model.context :])
    torch.testing.assert_close(by_unit(grown, there), expected, atol=1e-10, rtol=1e-10)


def test_the_model_before_is_left_as_it_is():
    model = mlp(ModelSettings(context=3, embedding=4, hidden=8))
    moments = moments_of(model)
    before = [model.flat.clone(), *(m.clone() for m in moments.values())]
    resize(model, ModelSettings(context=2, embedding=5, hidden=6), moments)
    assert all(map(torch.equal, before, [model.flat, *moments.values()]))


@pytest.mark.parametrize("init", ["lecture", "scaled"])
def test_what_is_new_is_drawn_as_a_new_models_is(init):
    old = ModelSettings(context=2, embedding=3, hidden=4, init=init, direct=True)
    new = replace(old, context=3, embedding=40, hidden=400)
    grown, _ = resize(mlp(old), new)
    p = grown.tensors
    scale = (5 / 3) / (3 * 40) ** 0.5 if init == "scaled" else 1.0
    assert float(p["W1"][:, 4:].std()) == pytest.approx(scale, rel=0.05)
    assert float(p["b1"][4:].std()) == pytest.approx(0.01 if init == "scaled" else 1, rel=0.2)
    assert float(p["C"][:, 3:].std()) == pytest.approx(1, rel=0.2)
    assert not p["W2"][4:].any()
    assert not p["W1"].unflatten(0, (3, 40))[0, :, :4].any()
    assert not p["W3"].unflatten(0, (3, 40))[:, 3:].any()


def test_new_units_depend_on_the_generator_alone():
    model = mlp(ModelSettings(context=2, embedding=3, hidden=4))
    new = replace(model.settings, hidden=6)
    first, same, other = (resize(model, new, seed=seed)[0] for seed in (1, 1, 2))
    assert torch.equal(first.flat, same.flat)
    assert not torch.equal(first.tensors["W1"][:, 4:], other.tensors["W1"][:, 4:])


@pytest.mark.parametrize("direct", [False, True])
@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
def test_what_is_new_learns_from_the_second_step_on(small, direct, optimizer):
    train = TrainSettings(learning_rate=0.01, batch_size=0, optimizer=optimizer)
    session = Session(small, ModelSettings(context=2, embedding=3, hidden=4, direct=direct), train)
    session.train(5)
    session.edit(context=3, embedding=5, hidden=7)
    session.train(2)
    table = next(session.dataset.context_tables("train", 3))
    inputs, targets = table.contexts[table.rows].clone(), table.targets.clone()
    d = loss_gradient(session.model, inputs, targets)
    d = {n: t.unflatten(0, (3, 5)) if n in ("W1", "W3") else t for n, t in d.items()}
    new_parts = [d["C"][:, 3:], d["W1"][0, :, :4], d["W1"][:, 3:, :4], d["W1"][:, :, 4:]]
    new_parts += [d["b1"][4:], d["W2"][4:]]
    if direct:
        new_parts += [d["W3"][0], d["W3"][:, 3:]]
    assert all((part != 0).float().mean() > 0.9 for part in new_parts)


def test_two_growths_at_one_step_give_units_of_their_own(small):
    session = Session(small, ModelSettings(context=2, embedding=3, hidden=4))
    session.edit(hidden=6)
    session.edit(hidden=8)
    W1 = session.model.tensors["W1"]
    first, second = ({*W1[:, units].flatten().tolist()} for units in (slice(4, 6), slice(6, 8)))
    assert (len(first), len(second), first & second) == (12, 12, set())


@given(sizes, more)
def test_moments_stay_with_their_parameters_and_new_ones_have_none(settings, by):
    """A model made of marked numbers is grown; where a mark went, its moments must be."""
    model = mlp(settings)
    moments = moments_of(model)
    grown, carried = resize(model, larger(settings, by), moments)
    place = {value: i for i, value in enumerate(model.flat.tolist())}
    for name, moment in moments.items():
        expected = [
            float(moment[place[value]]) if value in place else 0.0 for value in grown.flat.tolist()
        ]
        assert carried[name].tolist() == expected


# Shrinking


@given(sizes, more, st.integers(0, 99))
def test_what_was_just_grown_goes_without_a_loss(settings, by, seed):
    model = mlp(settings, seed)
    grown, _ = resize(model, larger(settings, by))
    back, _ = resize(grown, settings)
    assert back.settings == settings
    test = contexts(model.context, seed=seed)
    torch.testing.assert_close(back.logits(test), model.logits(test), atol=1e-6, rtol=1e-6)


@given(sizes, sizes)
def test_any_size_can_follow_any_other(one, other):
    other = replace(other, init=one.init, direct=one.direct)
    model = mlp(one, double=False)
    new, moments = resize(model, other, moments_of(model))
    fresh = MLP(other, V)
    assert new.settings == other
    assert [t.shape for t in new.tensors.values()] == [t.shape for t in fresh.tensors.values()]
    assert bool(torch.isfinite(new.flat).all())
    assert all(len(m) == len(new.flat) and m.isfinite().all() for m in moments.values())
    assert bool((moments["square"] >= 0).all())
    assert shrinks(one, other) == any(getattr(other, n) < getattr(one, n) for n in SIZES)


def test_the_units_that_go_are_those_without_effect():
    model = mlp(ModelSettings(context=2, embedding=3, hidden=8))
    p = model.tensors
    p["W2"][[1, 5]] = 0  # says nothing
    p["W2"][3] = 2.5  # says the same to every character
    p["W1"][:, 6] = 0  # never changes
    small, _ = resize(model, replace(model.settings, hidden=4))
    assert torch.equal(small.tensors["W1"], p["W1"][:, [0, 2, 4, 7]])
    test = contexts(2)
    before, after = (torch.log_softmax(m.logits(test), 1) for m in (model, small))
    torch.testing.assert_close(after, before, atol=1e-4, rtol=0)


@pytest.mark.parametrize("scale", [0, 1e-30, 1e10, 1e20, 1e38])
@pytest.mark.parametrize("direct", [False, True])
def test_weights_on_the_verge_of_divergence_can_change_size_too(scale, direct):
    model = mlp(ModelSettings(context=3, embedding=6, hidden=9, direct=direct), double=False)
    model.flat.mul_(scale).clamp_(-3e38, 3e38)
    for fewer in ({"hidden": 3}, {"embedding": 2}, {"context": 1}, {"embedding": 3, "hidden": 20}):
        new, _ = resize(model, replace(model.settings, **fewer), moments_of(model))
        assert new.settings == replace(model.settings, **fewer)
        assert scale > 1e10 or bool(new.flat.isfinite().all())


def test_a_unit_hands_over_to_its_like():
    model = mlp(ModelSettings(context=2, embedding=3, hidden=6))
    p = model.tensors
    p["W1"][:, 2], p["b1"][2], p["W2"][2] = -p["W1"][:, 4], -p["b1"][4], 0.01 * p["W2"][2]
    small, _ = resize(model, replace(model.settings, hidden=5))
    torch.testing.assert_close(
        small.logits(contexts(2)), model.logits(contexts(2)), atol=1e-4, rtol=0
    )


def test_what_is_handed_over_is_the_least_squares_solution():
    model = mlp(ModelSettings(context=2, embedding=3, hidden=9))
    judged = contexts(2, n=1000)
    small, _ = resize(model, replace(model.settings, hidden=4), judged=judged)

    def hidden(m):
        p = m.tensors
        return torch.tanh(p["C"][judged].flatten(1) @ p["W1"] + p["b1"])

    kept = torch.cat([hidden(small), torch.ones(1000, 1, dtype=torch.float64)], 1)  # (N, H'+1)
    logits = model.logits(judged)
    best = torch.linalg.lstsq(kept, logits).solution
    found = torch.cat([small.tensors["W2"], small.tensors["b2"][None]])
    errors = [float((kept @ W - logits).square().mean()) for W in (best, found)]
    assert errors[0] <= errors[1] <= errors[0] * 1.001
    assert errors[1] < float((logits - logits.mean(0)).square().mean())


def test_a_direction_that_does_not_vary_or_is_not_read_is_the_one_that_goes():
    """In coordinates of their own, one number is constant and another has zero weights."""
    model = mlp(ModelSettings(context=2, embedding=5, hidden=6, direct=True))
    C, W1, W3 = (model.tensors[name] for name in ("C", "W1", "W3"))
    C[:, 1] = 3.0
    W1.unflatten(0, (2, 5))[:, 4] = 0
    W3.unflatten(0, (2, 5))[:, 4] = 0
    test = contexts(2)
    before = model.logits(test)
    turn = torch.linalg.qr(torch.rand(5, 5, generator=seeded(), dtype=torch.float64))[0]
    C.copy_(C @ turn)
    for W in (W1, W3):
        W.copy_((turn.T @ W.unflatten(0, (2, 5))).flatten(0, 1))
    torch.testing.assert_close(model.logits(test), before)
    small, _ = resize(model, replace(model.settings, embedding=3))
    torch.testing.assert_close(small.logits(test), before, atol=2e-3, rtol=0)


@pytest.mark.parametrize("direct", [False, True])
def test_a_position_that_never_varies_goes_without_a_loss(direct):
    model = mlp(ModelSettings(context=3, embedding=4, hidden=6, direct=direct))
    judged = contexts(3)
    judged[:, 0] = 5
    small, _ = resize(model, replace(model.settings, context=2), judged=judged)
    test = contexts(3, seed=8)
    test[:, 0] = 5
    torch.testing.assert_close(small.logits(test[:, 1:]), model.logits(test), atol=1e-10, rtol=0)


def test_the_oldest_position_is_the_one_that_goes():
    model = mlp(ModelSettings(context=3, embedding=2, hidden=5))
    small, _ = resize(model, replace(model.settings, context=1))
    assert torch.equal(small.tensors["W1"], model.tensors["W1"][4:])


def test_shrinking_costs_less_than_cutting_off(names):
    """On a trained model every kind of shrinking must beat leaving off the last parts."""
    session = Session(names, ModelSettings(), TrainSettings())
    session.train(3000)
    model = session.model
    before = session.evaluate("dev").loss
    for name, fewer, most, better in (
        ("hidden", 100, 0.05, 0.1),
        ("embedding", 7, 0.1, 0.05),
        ("context", 2, 0.2, 0.002),
    ):
        session.edit(**{name: fewer})
        after = session.evaluate("dev").loss
        cut_off = Session(names, session.model_settings, TrainSettings())
        for parameter, part in cut_off.model.tensors.items():
            old = model.tensors[parameter]
            if parameter == "W1":
                T, D = model.settings.context, model.settings.embedding
                T1, D1 = session.model_settings.context, session.model_settings.embedding
                old = old.unflatten(0, (T, D))[T - T1 :, :D1].flatten(0, 1)
            part.copy_(old[tuple(slice(n) for n in part.shape)])
        assert before - 0.01 < after < before + most, name
        assert after < cut_off.evaluate("dev").loss - better, name
        session.timeline.undo()


@given(sizes, more, st.integers(0, 9))
def test_moments_of_what_stays_follow_the_chain_rule(settings, by, seed):
    """Were the mean moment one gradient, it must be the gradient of the smaller model, where its
    function is that of the larger; and the square of it the square, where nothing is rotated."""
    model = mlp(settings, seed)
    grown, _ = resize(model, larger(settings, by))
    inputs, targets = contexts(grown.context, n=50), contexts(1, n=50, seed=9)[:, 0]
    d = loss_gradient(grown, inputs, targets)
    flat = torch.zeros_like(grown.flat)
    for name, view in grown.views(flat).items():
        view.copy_(d[name])
    small, carried = resize(grown, settings, {"mean": flat, "square": flat.square()})
    here = inputs[:, -small.context :]
    expected = loss_gradient(small, here, targets)
    for name, view in small.views(carried["mean"]).items():
        torch.testing.assert_close(view, expected[name], atol=1e-5, rtol=1e-4)
    if not by["embedding"]:
        torch.testing.assert_close(carried["square"], carried["mean"].square())


def test_of_weights_far_too_large_the_size_can_be_changed_too(names):
    """Whose hidden units are all alike or no numbers: the least squares have no solution."""
    session = Session(names, ModelSettings(init="lecture"), TrainSettings(learning_rate=10.0))
    session.edit(weight_decay=1.0)
    session.train(22)
    assert session.diverged_at is None
    session.edit(hidden=60, embedding=3, learning_rate=0.1)
    assert (session.model.settings.hidden, session.train_settings.learning_rate) == (60, 0.1)
    assert session.timeline.undo() == "hidden 60, embedding 3, lr 0.1"
