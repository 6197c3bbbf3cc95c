import math
from collections import Counter

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from makemore_tui.core.models.factory import make_model
from makemore_tui.core.models.mlp import MLP
from makemore_tui.core.models.model import Network
from makemore_tui.core.models.neural_bigram import NeuralBigram
from makemore_tui.core.models.ngram import NgramCounts
from makemore_tui.core.presets import PRESETS
from makemore_tui.core.session.session import Session
from makemore_tui.core.settings import ModelSettings, TrainSettings


def seeded(seed=1):
    return torch.Generator().manual_seed(seed)


def mlp(context=3, embedding=10, hidden=200, init="lecture", direct=False, vocabulary=27):
    settings = ModelSettings(
        context=context, embedding=embedding, hidden=hidden, init=init, direct=direct
    )
    return MLP(settings, vocabulary, seeded())


def counted(dataset, order, smoothing):
    """A table of all items' n-grams."""
    session = Session(
        dataset,
        ModelSettings(kind="ngram", order=order),
        TrainSettings(batch_size=0, train_on="all", smoothing=smoothing),
    )
    session.train(1)
    return session


@pytest.mark.parametrize("kind", ["neural-bigram", "mlp"])
def test_a_models_state_goes_into_another_like_it(kind):
    settings = ModelSettings(kind=kind, hidden=5, init="lecture")
    model, other = (make_model(settings, 9, seeded(seed)) for seed in (1, 2))
    assert isinstance(model, Network)
    assert isinstance(other, Network)
    next(iter(model.tensors.values()))[1, 2] = 3
    contexts = torch.ones(1, model.context, dtype=torch.int64)
    assert not torch.equal(model.logits(contexts), other.logits(contexts))
    other.load_state_dict(model.state_dict())
    assert torch.equal(model.logits(contexts), other.logits(contexts))
    assert model.state_dict().keys() == model.tensors.keys()


def test_hidden_activations_are_those_of_the_formula_where_there_is_a_hidden_layer():
    model, contexts = mlp(), torch.randint(27, (40, 3), generator=seeded())
    p = model.tensors
    expected = torch.tanh(p["C"][contexts].flatten(1) @ p["W1"] + p["b1"])
    torch.testing.assert_close(model.hidden_activations(contexts), expected)
    few = model.hidden_activations(contexts[:5])
    torch.testing.assert_close(few, expected[:5])
    for kind in ("ngram", "neural-bigram"):
        other = make_model(ModelSettings(kind=kind), 27, seeded())
        assert other.hidden_activations(contexts) is None


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_model_with_a_number_that_is_not_finite_says_so(value):
    model = mlp()
    assert model.is_finite
    model.tensors["W2"][3, 4] = value
    assert not model.is_finite
    assert make_model(ModelSettings(kind="ngram"), 27, None).is_finite


# Counts


@pytest.mark.parametrize("smoothing", [0, 1])
def test_bigram_loss_on_all_names_is_that_of_a_plain_loop(names, name_items, smoothing):
    pairs, previous = Counter(), Counter()
    for name in name_items:
        for first, second in zip("." + name, name + ".", strict=True):
            pairs[first, second] += 1
            previous[first] += 1
    nll = 0.0
    for (first, _), count in pairs.items():
        nll -= count * math.log((count + smoothing) / (previous[first] + 27 * smoothing))
    loss = counted(names, 2, smoothing).evaluate("all").loss
    assert loss == pytest.approx(nll / sum(pairs.values()), abs=1e-6)


@pytest.mark.parametrize("order", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("smoothing", [0, 0.5])
def test_each_order_has_the_probabilities_of_dict_counting(
    small, small_items, plain, order, smoothing
):
    model = counted(small, order, smoothing).model
    examples = plain.examples(small_items, order - 1)
    pairs, contexts = Counter(examples), Counter(context for context, _ in examples)
    signs = "\n" + small.vocabulary.characters
    for context, count in contexts.items():
        ids = [signs.index(sign) for sign in context] or [0]
        probabilities = torch.softmax(model.logits(torch.tensor([ids])), 1)[0].tolist()
        assert probabilities == pytest.approx(
            [
                (pairs[context, sign] + smoothing) / (count + smoothing * len(signs))
                for sign in signs
            ]
        )


def test_an_unseen_pair_without_smoothing_has_infinite_loss(small, small_items):
    signs = "\n" + small.vocabulary.characters
    text = "\n" + "\n".join(small_items) + "\n"
    unseen = next((a, b) for a in signs for b in signs if a + b not in text)
    context, target = (torch.tensor([signs.index(sign)]) for sign in unseen)
    loss = F.cross_entropy(counted(small, 2, 0).model.logits(context[:, None]), target)
    assert loss.item() == math.inf


@pytest.mark.parametrize("smoothing", [0, 1e-9, 2.5])
def test_an_unseen_context_is_uniform(smoothing):
    model = NgramCounts(ModelSettings(kind="ngram", order=3), 6, smoothing)
    logits = model.logits(torch.tensor([[1, 2], [0, 0]]))
    assert torch.softmax(logits, 1).flatten().tolist() == pytest.approx([1 / 6] * 12)


def test_logits_of_counts_are_log_probabilities(small):
    logits = counted(small, 3, 1).model.logits(torch.tensor([[0, 1], [2, 3]]))
    assert logits.exp().sum(1).tolist() == pytest.approx([1, 1])


def test_only_ngrams_that_occur_take_memory(small, small_items, plain):
    model = counted(small, 3, 1).model
    assert model.num_parameters == len(set(plain.examples(small_items, 2)))
    assert NgramCounts(ModelSettings(kind="ngram", order=8), 100_000).num_parameters == 0


# The one-layer network


def test_neural_bigram_logits_are_the_row_of_the_last_character():
    model = NeuralBigram(ModelSettings(kind="neural-bigram", init="lecture"), 5, seeded())
    rows = model.tensors["W"].tolist()
    assert model.logits(torch.tensor([[3], [0], [3]])).tolist() == [rows[3], rows[0], rows[3]]


def test_neural_bigram_begins_normal_or_uniform():
    lecture = NeuralBigram(ModelSettings(kind="neural-bigram", init="lecture"), 60, seeded())
    scaled = NeuralBigram(ModelSettings(kind="neural-bigram", init="scaled"), 60, seeded())
    assert lecture.flat.std().item() == pytest.approx(1, abs=0.05)
    assert lecture.flat.mean().item() == pytest.approx(0, abs=0.05)
    loss = F.cross_entropy(scaled.logits(torch.tensor([[7]])), torch.tensor([3]))
    assert loss.item() == pytest.approx(math.log(60))


# The multilayer perceptron


def logits_by_hand(model, context):
    """The formula of Bengio et al., one number at a time."""
    p = {name: tensor.tolist() for name, tensor in model.tensors.items()}
    x = [number for character in context for number in p["C"][character]]
    hidden = [
        math.tanh(bias + sum(xi * row[j] for xi, row in zip(x, p["W1"], strict=True)))
        for j, bias in enumerate(p["b1"])
    ]
    logits = []
    for v, bias in enumerate(p["b2"]):
        logit = bias + sum(hj * row[v] for hj, row in zip(hidden, p["W2"], strict=True))
        if "W3" in p:
            logit += sum(xi * row[v] for xi, row in zip(x, p["W3"], strict=True))
        logits.append(logit)
    return logits


@given(
    st.integers(1, 4), st.integers(1, 4), st.integers(1, 5), st.integers(2, 6), st.booleans(),
    st.data(),
)  # fmt: skip
def test_mlp_logits_are_those_of_the_formula(context, embedding, hidden, size, direct, data):
    model = mlp(context, embedding, hidden, direct=direct, vocabulary=size)
    ids = st.lists(st.integers(0, size - 1), min_size=context, max_size=context)
    contexts = data.draw(st.lists(ids, min_size=1, max_size=3))
    logits = model.logits(torch.tensor(contexts)).tolist()
    for row, one in zip(logits, contexts, strict=True):
        assert row == pytest.approx(logits_by_hand(model, one), rel=1e-4, abs=1e-5)


def test_the_lectures_mlp_has_11897_parameters():
    assert mlp(3, 10, 200).num_parameters == 11_897


def test_direct_connections_add_a_matrix_from_the_embeddings_to_the_output():
    plain, direct = mlp(3, 10, 200), mlp(3, 10, 200, direct=True)
    assert direct.tensors["W3"].shape == (30, 27)
    assert direct.num_parameters == plain.num_parameters + 30 * 27


def test_direct_connections_are_a_bigram_model_when_the_hidden_layer_is_silent():
    model = mlp(1, 4, 3, direct=True, vocabulary=5)
    model.tensors["W2"].zero_()
    model.tensors["b2"].zero_()
    table = model.tensors["C"] @ model.tensors["W3"]
    torch.testing.assert_close(model.logits(torch.arange(5)[:, None]), table)


@pytest.mark.parametrize("direct", [False, True])
def test_the_scaled_initialisation_begins_near_the_uniform_loss(names, direct):
    settings = ModelSettings(init="scaled", direct=direct)
    for seed in (1, 2, 3):
        loss = Session(names, settings, seed=seed).evaluate("train").loss
        assert loss == pytest.approx(math.log(27), abs=0.02)


def test_the_lectures_initialisation_is_standard_normal_everywhere():
    model = mlp(8, 24, 300, init="lecture", direct=True)
    for name in ("C", "W1", "W2", "W3", "b1"):
        assert model.tensors[name].std().item() == pytest.approx(1, abs=0.15), name
        assert model.tensors[name].mean().item() == pytest.approx(0, abs=0.2), name
    assert model.tensors["W1"].std().item() == pytest.approx(1, abs=0.02)


LECTURES_SEED = 2147483647


def lectures_parameters(hidden=100, embedding=2, context=3, direct=False):
    """Drawn as the second lecture draws them, and the weights of direct connections after those."""
    g, inputs = seeded(LECTURES_SEED), context * embedding
    drawn = {
        "C": torch.randn((27, embedding), generator=g),
        "W1": torch.randn((inputs, hidden), generator=g),
        "b1": torch.randn(hidden, generator=g),
        "W2": torch.randn((hidden, 27), generator=g),
        "b2": torch.randn(27, generator=g),
    }
    return drawn | ({"W3": torch.randn((inputs, 27), generator=g)} if direct else {})


@pytest.mark.parametrize("sizes", [{}, {"hidden": 200, "embedding": 10}, {"hidden": 7}])
@pytest.mark.parametrize("direct", [False, True])
def test_the_lectures_initialisation_is_the_lectures_number_by_number(sizes, direct):
    drawn = lectures_parameters(**sizes, direct=direct)
    settings = ModelSettings(
        init="lecture", **{"embedding": 2, "hidden": 100} | sizes, direct=direct
    )
    model = MLP(settings, 27, seeded(LECTURES_SEED))
    assert model.tensors.keys() == drawn.keys()
    assert all(torch.equal(model.tensors[name], drawn[name]) for name in drawn)


def test_the_neural_bigrams_initialisation_is_the_lectures():
    model = NeuralBigram(
        ModelSettings(kind="neural-bigram", init="lecture"), 27, seeded(LECTURES_SEED)
    )
    assert torch.equal(model.tensors["W"], torch.randn((27, 27), generator=seeded(LECTURES_SEED)))


def test_the_first_five_names_have_the_lectures_losses(names):
    preset = PRESETS["overfit"]
    session = Session(names, preset.model, preset.train, seed=LECTURES_SEED)
    assert session.evaluate("first-5").loss == pytest.approx(17.7697, abs=5e-5)
    p = {name: t.requires_grad_() for name, t in lectures_parameters().items()}
    X, Y = [], []
    for word in ("emma", "olivia", "ava", "isabella", "sophia"):
        context = [0, 0, 0]
        for character in f"{word}`":  # the one before a
            X.append(context)
            Y.append(ord(character) - 96)
            context = [*context[1:], Y[-1]]
    X, Y = torch.tensor(X), torch.tensor(Y)

    def loss():
        h = torch.tanh(p["C"][X].view(-1, 6) @ p["W1"] + p["b1"])
        return F.cross_entropy(h @ p["W2"] + p["b2"], Y)

    assert loss().item() == pytest.approx(17.7697, abs=5e-5)
    for _ in range(1000):
        gradients = torch.autograd.grad(loss(), list(p.values()))
        for tensor, gradient in zip(p.values(), gradients, strict=True):
            tensor.data -= 0.1 * gradient
    session.train(1000)
    after = session.evaluate("first-5").loss
    assert after == pytest.approx(loss().item(), abs=1e-4)
    assert after == pytest.approx(0.256, abs=5e-4)


def test_the_scaled_initialisation_has_the_gain_of_tanh():
    model = mlp(8, 24, 300, init="scaled", direct=True)
    std = {name: tensor.std().item() for name, tensor in model.tensors.items()}
    assert std["C"] == pytest.approx(1, abs=0.1)
    assert std["W1"] == pytest.approx(torch.nn.init.calculate_gain("tanh") / 192**0.5, rel=0.03)
    assert std["b1"] == pytest.approx(0.01, rel=0.15)
    assert std["W2"] == pytest.approx(0.01, rel=0.03)
    assert std["W3"] == pytest.approx(0.01, rel=0.05)
    assert std["b2"] == 0


# All of them


@pytest.mark.parametrize("kind", ["mlp", "neural-bigram"])
def test_a_copy_is_equal_and_independent(kind):
    settings = ModelSettings(kind=kind, init="lecture", direct=True)
    model = make_model(settings, 9, seeded())
    contexts = torch.tensor([[1, 2, 3]])[:, -model.context :]
    copy = model.copy()
    before = model.logits(contexts)
    assert torch.equal(copy.logits(contexts), before)
    for tensor in model.tensors.values():
        tensor.add_(torch.arange(tensor.numel()).view_as(tensor).to(tensor.dtype))
    assert torch.equal(copy.logits(contexts), before)
    assert not torch.equal(model.logits(contexts), before)


@pytest.mark.parametrize("method", ["add-k", "kneser-ney"])
def test_a_copy_of_counts_stays_as_it_was_when_more_is_counted(small, method):
    train = TrainSettings(batch_size=50, smoothing_method=method)
    session = Session(small, ModelSettings(kind="ngram", order=3), train)
    session.train(2)
    contexts = torch.cartesian_prod(torch.arange(7), torch.arange(7))
    copy, before = session.model.copy(), session.model.logits(contexts)
    session.train(2)
    assert torch.equal(copy.logits(contexts), before)
    assert not torch.equal(session.model.logits(contexts), before)


@pytest.mark.parametrize("kind", ["mlp", "neural-bigram"])
def test_a_networks_tensors_are_views_of_one_vector(kind):
    model = make_model(ModelSettings(kind=kind, direct=True, init="lecture"), 9, seeded())
    assert not isinstance(model, NgramCounts)
    assert sum(tensor.numel() for tensor in model.tensors.values()) == model.num_parameters
    parts = [tensor.flatten() for tensor in model.tensors.values()]
    assert torch.equal(torch.cat(parts).sort().values, model.flat.sort().values)
    model.flat.fill_(3)
    assert all(bool((tensor == 3).all()) for tensor in model.tensors.values())


@pytest.mark.parametrize("kind", ["mlp", "ngram", "neural-bigram"])
def test_every_model_turns_contexts_into_a_row_a_context(kind):
    model = make_model(ModelSettings(kind=kind, order=3), 9, seeded())
    for rows in (0, 1, 5):
        contexts = torch.zeros(rows, model.context, dtype=torch.int64)
        assert model.logits(contexts).shape == (rows, 9)


def test_the_same_generator_gives_the_same_model():
    settings = ModelSettings(hidden=20)
    same = [make_model(settings, 9, seeded(seed)).tensors["W1"] for seed in (1, 1, 2)]
    assert torch.equal(same[0], same[1])
    assert not torch.equal(same[0], same[2])
