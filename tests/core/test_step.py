"""The hand-written gradient against autograd, in float64."""

from collections import Counter

import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from makemore_tui.core.models import MLP, NeuralBigram
from makemore_tui.core.settings import ModelSettings
from makemore_tui.core.step import Batch, MLPStep, NeuralBigramStep

small_number = st.integers(1, 5)
seeds = st.integers(0, 2**32)
sizes = st.integers(2, 7)
mlps = st.builds(
    ModelSettings,
    context=small_number,
    embedding=small_number,
    hidden=small_number,
    init=st.sampled_from(["lecture", "scaled"]),
    direct=st.booleans(),
)


def draw_examples(seed, n, context, size):
    generator = torch.Generator().manual_seed(seed)
    contexts = torch.randint(size, (n, context), generator=generator)
    return contexts, torch.randint(size, (n,), generator=generator)


def minibatch(contexts, targets):
    """Each example a row, all with the same weight."""
    n = len(targets)
    weights = torch.full((n,), 1 / n, dtype=torch.float64)
    return Batch(contexts, targets * n + torch.arange(n), -weights, weights)


def weighted(contexts, targets):
    """Each distinct context a row, each distinct target with its share."""
    n = len(targets)
    examples = list(zip(map(tuple, contexts.tolist()), targets.tolist(), strict=True))
    rows = {context: row for row, context in enumerate(dict.fromkeys(c for c, _ in examples))}
    shares, row_shares = Counter(examples), Counter(context for context, _ in examples)
    return Batch(
        contexts=torch.tensor(list(rows)),
        targets=torch.tensor([target * len(rows) + rows[context] for context, target in shares]),
        minus_weights=torch.tensor([-count / n for count in shares.values()], dtype=torch.float64),
        row_weights=torch.tensor([row_shares[c] / n for c in rows], dtype=torch.float64),
    )


def take(step, batch):
    """The batch's loss; the gradient is then in `step.gradient`."""
    log_likelihoods = torch.empty_like(batch.minus_weights)
    step(batch, log_likelihoods)
    return log_likelihoods.dot(batch.minus_weights)


def autograd(model, contexts, targets):
    """The mean loss, and its gradient as one vector."""
    flat = model.flat.clone().requires_grad_()
    p = model.views(flat)
    if isinstance(model, NeuralBigram):
        logits = F.one_hot(contexts[:, -1], model.vocabulary_size).double() @ p["W"]
    else:
        x = p["C"][contexts].flatten(1)
        logits = torch.tanh(x @ p["W1"] + p["b1"]) @ p["W2"] + p["b2"]
        if "W3" in p:
            logits = logits + x @ p["W3"]
    loss = F.cross_entropy(logits, targets)
    loss.backward()
    return loss.detach(), flat.grad


def assert_equal_to_autograd(step, batch, contexts, targets):
    loss, gradient = autograd(step.model, contexts, targets)
    torch.testing.assert_close(take(step, batch), loss, rtol=1e-10, atol=0)
    difference = (step.gradient - gradient).norm()
    assert difference <= 1e-10 * gradient.norm()


def mlp_step(settings, size, seed):
    model = MLP(settings, size, torch.Generator().manual_seed(seed))
    model.to_double()
    return MLPStep(model)


def bigram_step(size, seed):
    settings = ModelSettings(kind="neural-bigram", init="lecture")
    model = NeuralBigram(settings, size, torch.Generator().manual_seed(seed))
    model.to_double()
    return NeuralBigramStep(model)


@given(mlps, sizes, st.integers(1, 40), seeds)
def test_mlp_gradient_of_a_minibatch(settings, size, n, seed):
    contexts, targets = draw_examples(seed, n, settings.context, size)
    batch = minibatch(contexts, targets)
    assert_equal_to_autograd(mlp_step(settings, size, seed), batch, contexts, targets)


@given(mlps, sizes, st.integers(1, 40), seeds)
def test_mlp_gradient_of_all_distinct_contexts(settings, size, n, seed):
    contexts, targets = draw_examples(seed, n, settings.context, size)
    batch = weighted(contexts, targets)
    assert_equal_to_autograd(mlp_step(settings, size, seed), batch, contexts, targets)


@given(sizes, st.integers(1, 9), seeds)
def test_neural_bigram_gradient_of_a_minibatch(size, n, seed):
    contexts, targets = draw_examples(seed, n, 1, size)
    batch = minibatch(contexts, targets)
    assert_equal_to_autograd(bigram_step(size, seed), batch, contexts, targets)


@given(sizes, st.integers(1, 40), seeds)
def test_neural_bigram_gradient_of_all_distinct_contexts(size, n, seed):
    contexts, targets = draw_examples(seed, n, 1, size)
    batch = weighted(contexts, targets)
    assert_equal_to_autograd(bigram_step(size, seed), batch, contexts, targets)


@given(mlps, sizes, st.lists(st.integers(1, 9), min_size=2, max_size=4), seeds)
def test_a_step_remembers_nothing_of_the_batch_before(settings, size, numbers, seed):
    step = mlp_step(settings, size, seed)
    for n in numbers:
        contexts, targets = draw_examples(seed + n, n, settings.context, size)
        batch = minibatch(contexts, targets)
        assert_equal_to_autograd(step, batch, contexts, targets)


def test_the_lectures_sizes_in_float64():
    settings = ModelSettings(context=3, embedding=10, hidden=200, init="lecture")
    contexts, targets = draw_examples(4, 32, 3, 27)
    step = mlp_step(settings, 27, 4)
    assert_equal_to_autograd(step, minibatch(contexts, targets), contexts, targets)


def test_saturated_units_and_huge_logits_give_a_finite_gradient():
    step = mlp_step(ModelSettings(context=3, embedding=4, hidden=8, init="lecture"), 5, 1)
    step.model.flat.mul_(100)
    contexts, targets = draw_examples(4, 20, 3, 5)
    loss = take(step, minibatch(contexts, targets))
    assert loss > 100
    reference, gradient = autograd(step.model, contexts, targets)
    torch.testing.assert_close(loss, reference, rtol=1e-10, atol=0)
    torch.testing.assert_close(step.gradient, gradient, rtol=1e-9, atol=1e-9)


def test_the_step_changes_neither_model_nor_batch():
    step = mlp_step(ModelSettings(context=2, embedding=3, hidden=4, direct=True), 5, 1)
    contexts, targets = draw_examples(4, 6, 2, 5)
    batch, before = minibatch(contexts, targets), step.model.flat.clone()
    weights = batch.minus_weights.clone()
    first, gradient = take(step, batch).clone(), step.gradient.clone()
    assert torch.equal(step.model.flat, before)
    assert torch.equal(batch.minus_weights, weights)
    assert torch.equal(take(step, batch), first)
    assert torch.equal(step.gradient, gradient)
