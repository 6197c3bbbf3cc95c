"""Tests of following one example through a model and back, against autograd in float64."""

import math

import pytest
import torch
from torch.nn.functional import cross_entropy, one_hot

from makemore_tui.core import Dataset, ModelSettings, Session, TrainSettings
from makemore_tui.core.analysis.trace import Tracer
from makemore_tui.core.errors import UserError

MODELS = [
    ModelSettings(context=context, embedding=3, hidden=7, direct=direct)
    for context in (1, 2, 3, 5, 8)
    for direct in (False, True)
] + [ModelSettings(kind="neural-bigram", init="lecture")]


@pytest.fixture(scope="module")
def names():
    return Dataset.load("names")


def trained(names, model, steps=30):
    session = Session(names, model, TrainSettings(learning_rate=0.1), seed=3)
    session.train(steps)
    return session


def reference(model, ids, target):
    """Every intermediate value, plainly, with autograd; and the gradients."""
    p = {name: t.double().clone().requires_grad_() for name, t in model.tensors.items()}
    if "W" in p:
        x = one_hot(torch.tensor(ids[-1]), len(p["W"])).double()
        found = {"xenc": x, "logits": x @ p["W"]}
    else:
        emb = p["C"][torch.tensor(ids)]
        x = emb.reshape(-1)
        hpreact = x @ p["W1"] + p["b1"]
        h = hpreact.tanh()
        found = {"emb": emb, "x": x, "hpreact": hpreact, "h": h, "logits": h @ p["W2"] + p["b2"]}
        if "W3" in p:
            found["logits"] = found["logits"] + x @ p["W3"]
    for value in found.values():
        if value.requires_grad:
            value.retain_grad()
    loss = cross_entropy(found["logits"][None], torch.tensor([target]))
    loss.backward()
    gradients = {f"d{name}": t.grad for name, t in (found | p).items() if t.grad is not None}
    return found, gradients, float(loss.detach()), p


@pytest.mark.parametrize("settings", MODELS, ids=repr)
@pytest.mark.parametrize(("word", "position"), [("emma", 2), ("emma", 4), ("bb", 0)])
def test_every_array_is_that_of_autograd(names, settings, word, position):
    model = trained(names, settings).model
    trace = Tracer(names).trace(model, word, position, learning_rate=0.3, backward=True)
    example = trace.example
    found, gradients, loss, p = reference(model, example.context_ids, example.target_id)
    values = {stage.name: stage.values for stage in trace.stages}
    for name, value in found.items():
        torch.testing.assert_close(values[name], value.detach(), rtol=1e-6, atol=1e-12)
    assert trace.loss == pytest.approx(loss, rel=1e-6)
    assert float(values["loss"]) == pytest.approx(loss, rel=1e-6)
    assert float(trace.probabilities.sum()) == pytest.approx(1)
    back = {stage.name: stage.values for stage in trace.gradients}
    assert {f"d{name}" for name in model.tensors} <= back.keys()
    for name, value in back.items():
        torch.testing.assert_close(value, gradients[name], rtol=1e-6, atol=1e-12)
    with torch.no_grad():
        for name, tensor in p.items():
            tensor.sub_(gradients[f"d{name}"], alpha=0.3)
    after = reference_loss(p, example)
    assert trace.loss_after == pytest.approx(after, rel=1e-6)
    assert trace.loss_after is not None
    assert trace.loss_after < trace.loss


def reference_loss(p, example):
    ids = torch.tensor(example.context_ids)
    if "W" in p:
        logits = p["W"][ids[-1]]
    else:
        x = p["C"][ids].reshape(-1)
        logits = (x @ p["W1"] + p["b1"]).tanh() @ p["W2"] + p["b2"]
        logits = logits + x @ p["W3"] if "W3" in p else logits
    return float(cross_entropy(logits[None], torch.tensor([example.target_id])).detach())


@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_counts_are_those_of_a_plain_loop(names, order):
    session = Session(names, ModelSettings(kind="ngram", order=order), TrainSettings(batch_size=0))
    session.train(1)
    trace = session.trace("emma", position=3)
    context, followers = "emm"[3 - (order - 1) :] if order > 1 else "", dict.fromkeys("maz", 0)
    items = "".join(names.vocabulary.exact(i) for i in names.split("train").tokens.tolist())
    for item in items.strip(".").split("."):
        padded = "." * (order - 1) + item + "."
        for i in range(order - 1, len(padded)):
            if padded[i - order + 1 : i] == context and padded[i] in followers:
                followers[padded[i]] += 1
    values = {stage.name: stage.values for stage in trace.stages}
    for character, count in followers.items():
        assert int(values["N"][names.vocabulary.encode(character)[0]]) == count
    assert torch.equal(values["N + k"], values["N"] + 1)
    torch.testing.assert_close(values["probs"], (values["N"] + 1) / (values["N"] + 1).sum())
    assert trace.probabilities.sum() == pytest.approx(1)
    if order > 1:
        assert trace.times == int(values["row sum"])
        assert torch.equal(trace.followers.double(), values["N"])


def test_emma_has_five_bigrams_with_the_lectures_ids(names):
    trace = trained(names, ModelSettings(kind="neural-bigram")).trace("emma")
    assert [example.context_ids[-1] for example in trace.examples] == [0, 5, 13, 13, 1]
    assert [example.target_id for example in trace.examples] == [5, 13, 13, 1, 0]
    assert [example.context + example.target for example in trace.examples] == [
        ".e", "em", "mm", "ma", "a."
    ]  # fmt: skip


def test_the_ladder_is_product_sum_and_mean(names):
    trace = trained(names, ModelSettings()).trace("olivia")
    product = math.prod(example.probability for example in trace.examples)
    assert math.exp(trace.log_likelihood) == pytest.approx(product)
    assert trace.nll == pytest.approx(-math.log(product) / 7)


def test_looking_does_not_change_the_run(names):
    one, other = (trained(names, ModelSettings(hidden=20)) for _ in range(2))
    one.trace("emma", backward=True)
    assert torch.equal(one.train(50), other.train(50))


@pytest.mark.parametrize(
    ("word", "position", "said"),
    [("emmä", None, "not a character"), ("emma", 5, "from 0 to 4"), ("emma", -1, "from 0 to 4")],
)
def test_what_cannot_be_followed_is_told(names, word, position, said):
    session = trained(names, ModelSettings(hidden=5))
    with pytest.raises(UserError, match=said):
        session.trace(word, position)


def test_counts_have_no_gradient(names):
    session = Session(names, ModelSettings(kind="ngram"), TrainSettings(batch_size=0))
    with pytest.raises(UserError, match="no gradient"):
        session.trace("emma", backward=True)
