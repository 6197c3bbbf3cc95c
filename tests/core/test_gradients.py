"""The hand-written gradient against autograd, in float64."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

import makemore_tui.core.training.gradients as gradients_module
from makemore_tui.core.models.mlp import MLP
from makemore_tui.core.models.neural_bigram import NeuralBigram
from makemore_tui.core.settings import ModelSettings
from makemore_tui.core.training.batches import Batches, RandomStream, full_batch, minibatches
from makemore_tui.core.training.gradients import MLPStep, NeuralBigramStep

LIKE = torch.empty(0, dtype=torch.float64)
BIGRAM = ModelSettings(kind="neural-bigram")

small_number = st.integers(1, 5)
seeds = st.integers(0, 2**32)
sizes = st.integers(2, 7)
examples = st.integers(1, 40)
mlps = st.builds(
    ModelSettings,
    context=small_number,
    embedding=small_number,
    hidden=small_number,
    direct=st.booleans(),
)


def make_step(settings, size, seed=1):
    """In float64. No parameter is above 1/2, so no unit saturates and every gradient is exact."""
    if settings.kind == "mlp":
        step = MLPStep(in_double(MLP(settings, size)))
    else:
        step = NeuralBigramStep(in_double(NeuralBigram(settings, size)))
    draw_parameters(step.model, torch.Generator().manual_seed(seed))
    return step


def in_double(model):
    model.to(torch.float64)
    return model


def draw_parameters(model, generator):
    model.flat.uniform_(-0.5, 0.5, generator=generator)


def make_batches(rows, n, context, size, seed=1):
    """A batch for each of `rows`; its n targets fall on any of its contexts, on some not at all."""
    generator = torch.Generator().manual_seed(seed)
    places, first = [], 0
    for M in rows:
        row = torch.randint(M, (n,), generator=generator)
        places.append(size * first + torch.randint(size, (n,), generator=generator) * M + row)
        first += M
    weights = torch.rand(n, dtype=torch.float64, generator=generator) + 0.1
    contexts = torch.randint(size, (first, context), generator=generator)
    return Batches(rows, contexts, torch.stack(places), weights / weights.sum())


def make_masks(batches, hidden, seed=1):
    generator = torch.Generator().manual_seed(seed)
    drawn = [torch.rand(M, hidden, dtype=torch.float64, generator=generator) for M in batches.rows]
    return [(uniform > 0.4) / 0.6 for uniform in drawn]


def formula(p, contexts, mask=None):
    """The logits (M, V)."""
    if "W" in p:
        return F.one_hot(contexts[:, -1], len(p["W"])).to(p["W"].dtype) @ p["W"]
    x = p["C"][contexts].flatten(1)
    h = torch.tanh(x @ p["W1"] + p["b1"])
    logits = (h if mask is None else h * mask) @ p["W2"] + p["b2"]
    return logits + x @ p["W3"] if "W3" in p else logits


def autograd(model, loss_of):
    """The loss that `loss_of` computes from the parameters by name, and the gradient of each."""
    p = {name: tensor.clone().requires_grad_() for name, tensor in model.tensors.items()}
    loss = loss_of(p)
    loss.backward()
    return loss.item(), {name: tensor.grad for name, tensor in p.items()}


def weighted_loss(batch, weights, mask=None):
    """The loss of a batch, a function of the parameters by name."""
    contexts, rows, targets = batch

    def loss_of(p):
        log_probabilities = torch.log_softmax(formula(p, contexts, mask), 1)  # (M, V)
        return -(weights * log_probabilities[rows, targets]).sum()

    return loss_of


def mean_loss(contexts, targets):
    """The mean loss of some examples, a function of the parameters by name."""
    return lambda p: F.cross_entropy(formula(p, contexts), targets)


def assert_each_close(model, gradient, expected, relative=1e-10):
    found = model.views(gradient)
    assert found.keys() == expected.keys()
    for name, right in expected.items():
        assert (found[name] - right).norm() <= relative * right.norm(), name


@pytest.fixture(autouse=True, scope="module")
def _table_from_one_context_a_character():
    """So that models as small as these use the table too."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gradients_module, "_SUM_COSTS", 0)
        yield


@pytest.mark.parametrize(("embedding", "from_"), [(8, None), (10, 135), (16, 54), (24, 41)])
def test_the_table_is_used_where_it_is_faster(monkeypatch, embedding, from_):
    monkeypatch.setattr(gradients_module, "_SUM_COSTS", 8)
    step = MLPStep(MLP(ModelSettings(embedding=embedding), 27))
    used = [rows for rows in range(1, 2000) if step._uses_table(rows)]
    assert (used[0] if used else None) == from_


def gradients(step, batches, losses, masks=None):
    """The step's gradients, each found in inference mode, as training does; then the losses."""
    prepared = step.prepare(batches)
    iterator = step.gradients(prepared, masks=masks)
    while True:
        with torch.inference_mode():
            gradient = next(iterator, None)
        if gradient is None:
            losses.copy_(prepared.losses())
            return
        yield gradient


def assert_equal_to_autograd(step, batches, plain, masks=None, seed=2):
    """For each batch, all parameters being other ones by then, and the gradient written over."""
    model, generator = step.model, torch.Generator().manual_seed(seed)
    losses = torch.full((len(batches.rows),), torch.nan, dtype=torch.float64)
    each = zip(
        gradients(step, batches, losses, iter(masks) if masks else None),
        plain.batches(batches, model.vocabulary_size),
        masks or [None] * len(batches.rows),
        strict=True,
    )
    expected_losses = []
    for gradient, batch, mask in each:
        loss, expected = autograd(model, weighted_loss(batch, batches.weights, mask))
        assert_each_close(model, gradient, expected)
        expected_losses.append(loss)
        with torch.inference_mode():
            gradient.fill_(torch.nan)
        draw_parameters(model, generator)
    assert losses.tolist() == pytest.approx(expected_losses, rel=1e-10, abs=0)


@given(mlps, sizes, st.lists(st.integers(1, 45), min_size=1, max_size=4), examples, seeds)
def test_mlp_gradients(plain, settings, size, rows, n, seed):
    batches = make_batches(rows, n, settings.context, size, seed)
    assert_equal_to_autograd(make_step(settings, size, seed), batches, plain)


@given(mlps, sizes, st.lists(st.integers(1, 45), min_size=1, max_size=4), examples, seeds)
def test_mlp_gradients_with_dropout(plain, settings, size, rows, n, seed):
    batches = make_batches(rows, n, settings.context, size, seed)
    masks = make_masks(batches, settings.hidden, seed)
    assert_equal_to_autograd(make_step(settings, size, seed), batches, plain, masks)


@given(sizes, st.lists(st.integers(1, 45), min_size=1, max_size=4), examples, seeds)
def test_neural_bigram_gradients(plain, size, rows, n, seed):
    batches = make_batches(rows, n, 1, size, seed)
    assert_equal_to_autograd(make_step(BIGRAM, size, seed), batches, plain)


@pytest.mark.parametrize("dropout", [False, True])
@pytest.mark.parametrize("direct", [False, True])
@pytest.mark.parametrize(
    "rows",
    [[4, 4, 4], [64, 64, 64], [6, 7, 8], [4, 64, 32, 3], [64, 4], [300], [7] * 3],
    ids=str,
)
def test_batches_with_and_without_the_table(plain, rows, direct, dropout):
    settings = ModelSettings(context=3, embedding=4, hidden=6, direct=direct)
    batches = make_batches(rows, 50, 3, 7)
    masks = make_masks(batches, 6) if dropout else None
    assert_equal_to_autograd(make_step(settings, 7), batches, plain, masks)


@pytest.mark.parametrize("settings", [ModelSettings(context=2, embedding=3, hidden=4), BIGRAM])
def test_batches_of_many_sizes(plain, settings):
    rows = [*range(1, 60), *range(60, 0, -1)]
    batches = make_batches(rows, 5, settings.context_length, 5)
    assert_equal_to_autograd(make_step(settings, 5), batches, plain)


def test_more_characters_at_more_places_than_a_small_integer_can_number(plain):
    settings = ModelSettings(context=16, embedding=2, hidden=3)
    batches = make_batches([320] * 30, 40, 16, 80)
    assert_equal_to_autograd(make_step(settings, 80), batches, plain)


@pytest.mark.parametrize("dropout", [False, True])
@pytest.mark.parametrize(
    ("settings", "size"),
    [
        (ModelSettings(context=3, embedding=10, hidden=200), 32),
        (ModelSettings(context=3, embedding=10, hidden=200, direct=True), 32),
        (ModelSettings(context=3, embedding=10, hidden=200), 176),
        (ModelSettings(context=8, embedding=24, hidden=300), 512),
    ],
    ids=["lecture", "direct", "both layers", "tuned"],
)
def test_minibatches_of_the_names(plain, names, settings, size, dropout):
    V, split = names.vocabulary.size, names.split("train")
    batches = minibatches(
        split, RandomStream(1).peek(8 * size).view(8, size), settings.context, LIKE, V
    )
    masks = make_masks(batches, settings.hidden) if dropout else None
    assert_equal_to_autograd(make_step(settings, V), batches, plain, masks)


@pytest.mark.parametrize(
    "settings",
    [
        ModelSettings(context=3, embedding=4, hidden=10),
        ModelSettings(context=3, embedding=4, hidden=10, direct=True),
        BIGRAM,
    ],
    ids=["table", "direct", "bigram"],
)
def test_a_full_batch_has_the_gradient_of_all_examples(plain, small, small_splits, settings):
    V, context = small.vocabulary.size, settings.context_length
    batches = full_batch(list(small.context_tables("train", context)), LIKE)
    step, losses = make_step(settings, V), torch.empty(1, dtype=torch.float64)
    (gradient,) = gradients(step, batches, losses)
    all_examples = plain.tensors(small_splits["train"], context, small.vocabulary.characters)
    loss, expected = autograd(step.model, mean_loss(*all_examples))
    assert losses.item() == pytest.approx(loss, rel=1e-10)
    assert_each_close(step.model, gradient, expected)


@pytest.mark.parametrize("direct", [False, True])
@pytest.mark.parametrize("size", [32, 512])
def test_float32_agrees_as_far_as_it_goes(plain, names, size, direct):
    settings = ModelSettings(context=3, embedding=10, hidden=100, init="lecture", direct=direct)
    model = MLP(settings, 27, torch.Generator().manual_seed(1))
    model.flat.mul_(0.5)
    batches = minibatches(names.split("train"), RandomStream(1).peek(size)[None], 3, model.flat, 27)
    losses = torch.empty(1)
    (gradient,) = gradients(MLPStep(model), batches, losses)
    assert gradient.dtype == batches.weights.dtype == torch.float32
    exact = in_double(model.copy())
    (batch,) = plain.batches(batches, 27)
    loss, expected = autograd(exact, weighted_loss(batch, 1 / size))
    assert losses.item() == pytest.approx(loss, rel=1e-6)
    assert_each_close(exact, gradient.double(), expected, relative=1e-5)


@pytest.fixture
def _empty_memory_is_nan():
    torch.use_deterministic_algorithms(True)
    assert torch.empty(3).isnan().all()
    yield
    torch.use_deterministic_algorithms(False)


@pytest.mark.usefixtures("_empty_memory_is_nan")
@pytest.mark.parametrize("dropout", [False, True])
@pytest.mark.parametrize("direct", [False, True])
def test_no_memory_is_read_before_it_is_written(plain, direct, dropout):
    settings = ModelSettings(context=3, embedding=4, hidden=6, direct=direct)
    batches = make_batches([16, 64, 16, 64], 50, 3, 7)
    masks = make_masks(batches, 6) if dropout else None
    assert_equal_to_autograd(make_step(settings, 7), batches, plain, masks)


@pytest.mark.parametrize("rows", [16, 48])
def test_saturated_units_and_huge_logits_give_a_finite_gradient(plain, rows):
    step = make_step(ModelSettings(context=3, embedding=4, hidden=8), 5)
    step.model.flat.mul_(200)
    batches, losses = make_batches([rows], 20, 3, 5), torch.empty(1, dtype=torch.float64)
    (gradient,) = gradients(step, batches, losses)
    (batch,) = plain.batches(batches, 5)
    loss, expected = autograd(step.model, weighted_loss(batch, batches.weights))
    assert loss > 100
    assert losses.item() == pytest.approx(loss, rel=1e-10)
    for name, found in step.model.views(gradient).items():
        torch.testing.assert_close(found, expected[name], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("rows", [[16, 32], [64, 64]], ids=str)
@pytest.mark.parametrize("direct", [False, True])
def test_the_step_changes_neither_model_nor_batches_nor_masks(rows, direct):
    step = make_step(ModelSettings(context=2, embedding=3, hidden=4, direct=direct), 5)
    batches, losses = make_batches(rows, 9, 2, 5), torch.zeros(2, 2, dtype=torch.float64)
    masks = make_masks(batches, 4)
    given_to_it = [step.model.flat, batches.contexts, batches.places, batches.weights, *masks]
    before = [tensor.clone() for tensor in given_to_it]
    first = [gradient.clone() for gradient in gradients(step, batches, losses[0], iter(masks))]
    again = [gradient.clone() for gradient in gradients(step, batches, losses[1], iter(masks))]
    assert all(map(torch.equal, given_to_it, before))
    assert all(map(torch.equal, first, again))
    assert torch.equal(losses[0], losses[1])


def test_a_mask_of_ones_changes_nothing(plain):
    step = make_step(ModelSettings(context=2, embedding=3, hidden=4), 5)
    batches, losses = make_batches([16, 48], 9, 2, 5), torch.zeros(2, 2, dtype=torch.float64)
    ones = [torch.ones(M, 4, dtype=torch.float64) for M in batches.rows]
    without = [gradient.clone() for gradient in gradients(step, batches, losses[0])]
    with_ones = [gradient.clone() for gradient in gradients(step, batches, losses[1], iter(ones))]
    assert all(map(torch.equal, without, with_ones))
    assert torch.equal(losses[0], losses[1])


@pytest.mark.parametrize("settings", [ModelSettings(context=3, embedding=4, hidden=8), BIGRAM])
def test_without_torchs_private_operation_the_gradients_are_the_same(monkeypatch, settings):
    batches = make_batches([16, 64], 30, settings.context_length, 7)
    found = []
    for is_there in (True, False):
        if not is_there:
            monkeypatch.delattr(torch, "_log_softmax_backward_data")
        step, losses = make_step(settings, 7), torch.empty(2, dtype=torch.float64)
        of_each = [gradient.clone() for gradient in gradients(step, batches, losses)]
        found.append(torch.cat([*of_each, losses]))
    torch.testing.assert_close(*found, rtol=0, atol=1e-6)
