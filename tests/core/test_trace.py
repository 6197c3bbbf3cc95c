"""Tests of following one example through a model and back, against autograd in float64."""

import itertools
import math

import pytest
import torch
from torch.nn.functional import cross_entropy, one_hot

from makemore_tui.core import Dataset, ModelSettings, Session, TrainSettings
from makemore_tui.core.analysis.softmax import parse_logits, softmax_by_hand
from makemore_tui.core.analysis.trace import Tracer
from makemore_tui.core.errors import UserError
from makemore_tui.core.settings import changed
from makemore_tui.core.training.dropout import Dropout

MODELS = [
    ModelSettings(context=context, embedding=3, hidden=7, direct=direct)
    for context in range(1, 9)
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


def test_the_ladder_of_three_words_is_that_of_a_plain_loop(names):
    session = Session(names, ModelSettings(kind="ngram"), TrainSettings(batch_size=0, smoothing=0))
    session.train(1)
    counts: dict[str, int] = {}
    items = "".join(names.vocabulary.exact(i) for i in names.split("train").tokens.tolist())
    for pair in itertools.pairwise(items):
        counts["".join(pair)] = counts.get("".join(pair), 0) + 1
    product, total, n = 1.0, 0.0, 0
    for word in ("emma", "olivia", "ava"):
        for previous, following in itertools.pairwise(f".{word}."):
            row = sum(count for pair, count in counts.items() if pair[0] == previous)
            p = counts[previous + following] / row
            product, total, n = product * p, total + math.log(p), n + 1
    trace = session.trace("emma olivia ava")
    assert (trace.words, trace.lengths, trace.position) == (("emma", "olivia", "ava"), (5, 7, 4), 3)
    assert len(trace.examples) == n == 16
    assert trace.likelihood == pytest.approx(product)
    assert trace.log_likelihood == pytest.approx(total)
    assert trace.nll == pytest.approx(-total / n)
    first = session.trace("first-3")
    assert first.words == trace.words
    assert first.nll == pytest.approx(session.evaluate("first-3").loss)


def test_in_data_with_spaces_a_text_is_one_word(tmp_path):
    path = tmp_path / "towns.txt"
    path.write_text("new york\n" * 12 + "york\n")
    session = Session(Dataset.load(str(path)), ModelSettings(hidden=5))
    assert session.trace("new york").words == ("new york",)


def test_the_loss_after_repeated_contexts_cannot_be_below_their_entropy(names):
    session = trained_on_five(names)
    trace = session.trace("emma", position=0)  # "..." starts all five names, each its own way
    assert (trace.times, trace.commonest(9)) == (5, [(i, 1) for i in (1, 5, 9, 15, 19)])
    assert trace.floor == pytest.approx(math.log(5))
    assert session.trace("emma", position=1).floor == 0  # ..e is always followed by m


def trained_on_five(names):
    return Session(names, ModelSettings(hidden=5), TrainSettings(train_on="first-5"))


@pytest.mark.parametrize("changes", [
    {}, {"weight_decay": 0.1}, {"batch_size": 0, "train_on": "first-5"}, {"dropout": 0.4},
    {"optimizer": "adamw", "learning_rate": 0.01, "weight_decay": 0.2, "dropout": 0.3},
    {"schedule": "cosine", "steps": 40}, {"schedule": "step", "steps": 60, "optimizer": "adamw"},
    {"kind": "neural-bigram", "weight_decay": 0.5, "learning_rate": 3.0},
], ids=repr)  # fmt: skip
def test_the_loss_after_the_next_step_is_that_of_taking_it(names, changes):
    model, train = changed(ModelSettings(hidden=30), TrainSettings(), changes)
    session, other = Session(names, model, train, seed=2), Session(names, model, train, seed=2)
    for _ in range(3):
        session.train(30)
        other.train(30)
        foretold = session.trace("olivia", position=4, backward=True)
        session.train(1)
        taken = session.trace("olivia", position=4)
        assert foretold.loss_after_next == pytest.approx(taken.loss, rel=1e-12)
        assert foretold.loss_after_next != foretold.loss
        other.train(1)
        for name, tensor in session.model.tensors.items():  # foretelling changed nothing
            assert torch.equal(tensor, other.model.tensors[name])


def test_a_step_on_the_example_alone_is_that_of_plain_descent(names):
    """The optimizer, decay and schedule of the run do not matter: it is -learning_rate * grad."""
    train = TrainSettings(learning_rate=0.2, optimizer="adamw", schedule="linear", steps=100)
    session = Session(names, ModelSettings(hidden=9), train)
    session.train(50)
    trace = session.trace("ava", backward=True)
    tracer = Tracer(names).trace(session.model, "ava", learning_rate=0.1, backward=True)
    assert trace.loss_after == tracer.loss_after


def test_dropout_is_shown_as_the_next_step_has_it_and_not_applied(names):
    settings = TrainSettings(dropout=0.25)
    session = Session(names, ModelSettings(hidden=40), settings)
    session.train(7)
    stages = {stage.name: stage for stage in session.trace("emma").stages}
    mask = Dropout(0.25, 40, session.seed, session.model.tensors["W1"]).mask(7, 32)[0]
    assert torch.equal(stages["mask"].values, mask)
    assert f"{int((mask == 0).sum())} of 40 units" in stages["mask"].about
    p = session.model.in_double_precision().tensors
    torch.testing.assert_close(stages["logits"].values, stages["h"].values @ p["W2"] + p["b2"])


def test_softmax_as_it_is_written_overflows_and_safely_it_is_exact():
    naive, safe = softmax_by_hand(parse_logits("100, 2 -3"))
    assert naive[-1].values.isnan().tolist() == [True, False, False]
    exact = torch.tensor([100.0, 2, -3], dtype=torch.float64).softmax(0)
    torch.testing.assert_close(safe[-1].values.double(), exact, rtol=1e-5, atol=1e-44)
    naive, safe = softmax_by_hand([1.5, 0.2, -3])  # where it can't overflow both agree
    torch.testing.assert_close(naive[-1].values, safe[-1].values)


def test_looking_does_not_change_the_run(names):
    one, other = (trained(names, ModelSettings(hidden=20)) for _ in range(2))
    one.trace("emma", backward=True)
    assert torch.equal(one.train(50), other.train(50))


@pytest.mark.parametrize(
    ("word", "position", "said"),
    [
        ("emmä", None, "not a character"),
        ("emma", 5, "from 0 to 4"),
        ("emma", -1, "from 0 to 4"),
        ("first-101", None, "at most 100 words"),
        ("a " * 101, None, "at most 100 words"),
        ("a" * 1001, None, "longer than 1,000"),
    ],
)
def test_what_cannot_be_followed_is_told(names, word, position, said):
    session = trained(names, ModelSettings(hidden=5))
    with pytest.raises(UserError, match=said):
        session.trace(word, position)


def test_counts_have_no_gradient(names):
    session = Session(names, ModelSettings(kind="ngram"), TrainSettings(batch_size=0))
    with pytest.raises(UserError, match="no gradient"):
        session.trace("emma", backward=True)
