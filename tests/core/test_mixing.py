"""A network mixed with counts: what is predicted, the weight, and what never depends on it."""

import math

import pytest
import torch
from msgspec.structs import replace

from makemore_tui.core.analysis.bigrams import BigramAnalysis
from makemore_tui.core.analysis.evaluation import evaluate
from makemore_tui.core.analysis.mixing import best_weight
from makemore_tui.core.datasets.dataset import Dataset
from makemore_tui.core.errors import UserError
from makemore_tui.core.models.kneser_ney import KneserNey
from makemore_tui.core.models.mixture import Mixture
from makemore_tui.core.results import BigramsView, Probe
from makemore_tui.core.run_spec import RunSpec
from makemore_tui.core.session.replay import replay
from makemore_tui.core.session.session import Session
from makemore_tui.core.session.twins import Twins
from makemore_tui.core.settings import ModelSettings, TrainSettings, parse_value, plan_edit
from makemore_tui.core.sweep.ranges import parse_ranges
from makemore_tui.core.worker.protocol import Edit, EvaluateTest, Pause, Refresh, Undo
from tests.support.serving import play

MODEL = ModelSettings(context=3, embedding=4, hidden=12)


@pytest.fixture(scope="module")
def dataset(name_items, tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "items.txt"
    path.write_text("\n".join(name_items[:2000]))
    return Dataset(path)


@pytest.fixture(scope="module")
def mixed(dataset):
    """A session that is mixed by `auto`; no test changes it."""
    train = TrainSettings(0.01, 256, "adamw", mix="auto", mix_order=5)
    session = Session(dataset, MODEL, train)
    session.train(400)
    return session


def parameters(session):
    return session.trainer.state_dict()["parameters"]


def parts(evaluation):
    assert evaluation.parts is not None
    return evaluation.parts


def test_a_mixture_has_the_weighted_mean_of_both_probabilities(dataset):
    session = Session(dataset, MODEL, TrainSettings(mix=0.25, mix_order=6))
    mixture, counts = session.mixing.model(), KneserNey.of(dataset, 6)
    assert isinstance(mixture, Mixture)
    assert mixture.context == 5
    contexts, targets = dataset.split("dev").examples_at(torch.arange(1, 400), 5)
    p = torch.softmax(session.model.logits(contexts[:, 2:]).double(), 1)
    expected = 0.75 * p + 0.25 * counts.probabilities(contexts)
    torch.testing.assert_close(mixture.logits(contexts).exp(), expected, atol=1e-7, rtol=1e-6)
    rows = torch.arange(399)
    found = mixture.log_likelihoods(contexts, rows, targets)
    torch.testing.assert_close(found.exp(), expected[rows, targets], atol=1e-7, rtol=1e-6)


def test_the_losses_are_those_of_network_counts_and_mixture(dataset, mixed):
    for split in ("dev", "train"):
        found = mixed.evaluate(split)
        alone = evaluate(mixed.model, dataset, split)
        assert found.network == alone
        again = evaluate(mixed.mixing.model(), dataset, split)  # through another way
        assert found.loss == pytest.approx(again.loss, abs=1e-6)
        if split == "dev":
            assert (found.seen, found.unseen) == pytest.approx((again.seen, again.unseen), abs=1e-6)
            assert found.loss < min(alone.loss, parts(found).counts.loss)
        examples = torch.arange(1, found.split_examples + 1)
        counts = KneserNey.of(dataset, 5).log_prob(*dataset.split(split).examples_at(examples, 4))
        assert parts(found).counts.loss == pytest.approx(-float(counts.mean()), abs=1e-9)


def test_auto_is_the_weight_with_the_lowest_dev_loss(dataset, mixed):
    found, session = mixed.evaluate("dev"), Session.from_state(mixed.state())
    for weight in (parts(found).weight - 0.02, parts(found).weight + 0.02):
        session.edit(mix=weight)
        assert session.evaluate("dev").loss > found.loss
    session.edit(mix=parts(found).weight)
    assert session.evaluate("dev").loss == found.loss


def test_the_best_weight_is_0_or_1_where_one_of_both_is_better_everywhere():
    better, worse = torch.full((2, 10), 0.5).double().log() * torch.tensor([[1.0], [2.0]])
    assert best_weight(better, worse) == 0
    assert best_weight(worse, better) == 1


def test_training_never_depends_on_the_mix(dataset):
    plain = Session(dataset, MODEL)
    edited = Session(dataset, MODEL, TrainSettings(mix="auto"))
    for changes in ({"mix": 0.3}, {"mix_order": 3}, {"mix": 0.0}, {"mix": "auto"}):
        plain.train(17)
        edited.train(17)
        assert edited.edit(**changes) == "next step"
        edited.evaluate()
        edited.sample(2)
    assert torch.equal(parameters(plain), parameters(edited))
    assert plain.evaluate().loss == edited.evaluate().network.loss
    assert replay(edited.state()).identical


def test_names_probe_trace_and_bigrams_speak_for_the_mixture(dataset, mixed):
    mixture, alone = mixed.mixing.model(), Session.from_state(mixed.state())
    alone.edit(mix=0.0)
    assert [one.text for one in mixed.sample(20, 1)] != [one.text for one in alone.sample(20, 1)]
    probes = [session.probe("anna") for session in (mixed, alone)]
    assert isinstance(probes[0], Probe)
    assert isinstance(probes[1], Probe)
    assert probes[0].mean != pytest.approx(probes[1].mean, abs=1e-3)
    trace = mixed.trace("anna", backward=True)
    stages = {stage.name: stage.values for stage in trace.stages}
    both = (1 - mixture.weight) * stages["probs"] + mixture.weight * stages["counted"]
    torch.testing.assert_close(stages["mix"], both)
    assert float(stages["w"]) == mixture.weight
    assert trace.loss == pytest.approx(probes[0].characters[3].surprisal, abs=1e-6)
    assert trace.loss == pytest.approx(float(stages["loss"]))
    assert trace.loss_after < trace.loss
    of_network = {
        stage.name: stage.values for stage in alone.trace("anna", backward=True).gradients
    }
    for stage in trace.gradients:
        torch.testing.assert_close(stage.values, of_network[stage.name])
    rows = mixed.bigrams()
    torch.testing.assert_close(rows.sum(1), torch.ones(len(rows)).double())
    assert not torch.allclose(rows, alone.bigrams(), atol=1e-2)


def test_the_table_of_a_mixed_neural_bigram_still_has_its_weights_and_gradient(dataset):
    session = Session(dataset, ModelSettings(kind="neural-bigram"), TrainSettings(mix=0.5))
    session.train(20)
    mixture, view = session.mixing.model(), BigramsView(0, 0, 5, 5, (1, 2))
    for mode in ("weights", "gradient"):
        tables = [
            BigramAnalysis(dataset, model.context).table(model, replace(view, mode=mode))
            for model in (session.model, mixture)
        ]
        assert tables[1].mode == mode
        values = (torch.tensor(table.values) for table in tables)
        torch.testing.assert_close(*values)


def test_it_is_saved_undone_and_resized_like_any_setting(dataset, mixed, tmp_path):
    mixed.evaluate()
    mixed.save(tmp_path / "run")
    again = Session.load(tmp_path / "run")
    assert again.train_settings == mixed.train_settings
    assert again.mixed_losses.points == mixed.mixed_losses.points
    assert again.state().best_dev == mixed.mixed_losses.best < mixed.dev_losses.best
    assert again.sample(5, 1) == mixed.sample(5, 1)
    again.edit(context=5)
    assert parts(again.evaluate()).network.loss == pytest.approx(mixed.dev_losses.last, abs=1e-5)
    again.edit(mix=0.0)
    assert again.mixing.model() is again.model
    again.timeline.undo()
    again.timeline.undo()
    assert again.evaluate() == mixed.evaluate()


def test_its_repr_says_how_it_mixes(dataset, mixed):
    assert repr(mixed.mixing) == "Mixing(weight auto, order 5)"
    assert repr(Session(dataset, MODEL, TrainSettings(mix=0.25)).mixing) == (
        "Mixing(weight 0.25, order 6)"
    )
    assert repr(Session(dataset, MODEL).mixing) == "Mixing(off)"


def test_counts_of_their_own_are_not_mixed(dataset):
    session = Session(dataset, ModelSettings(kind="ngram"), TrainSettings(mix="auto"))
    assert session.mixing.model() is session.model
    assert not session.model_settings.is_relevant("mix")


def test_twins_are_compared_by_what_they_predict(dataset):
    twins = Twins(Session(dataset, MODEL))
    twins.edit(mix="auto")
    twins.train(50)
    found = twins.evaluate()
    assert torch.equal(parameters(twins.a), parameters(twins.b))
    losses = [one.evaluate().loss for one in (twins.a, twins.b)]
    assert found.difference == pytest.approx(losses[1] - losses[0])


def test_the_values_of_the_setting():
    assert parse_value("mix", "AUTO") == "auto"
    assert parse_value("mix", "0.4") == 0.4
    for text in ("best", "1.5", "-0.1", "nan", ""):
        with pytest.raises(UserError, match="a number from 0 to 1, or auto"):
            parse_value("mix", text)
    assert plan_edit(MODEL, TrainSettings(), {"mix": "auto"}).effect == "next step"
    spec = RunSpec.parse("names/mix=auto/mix_order=4")
    assert RunSpec.parse(str(spec)).train == TrainSettings(mix="auto", mix_order=4)


def test_a_sweep_may_try_it(dataset):
    spec = RunSpec("names")
    (one,) = parse_ranges(["mix"], spec)
    assert one.choices == (0.0, "auto")
    assert "auto" not in parse_ranges(["mix=0..0.5"], spec)[0]
    with pytest.raises(UserError, match="takes a list, not a range"):
        parse_ranges(["mix=auto..0.5"], spec)


def test_a_worker_counts_in_the_background_and_finds_the_weight_at_each_evaluation(dataset):
    session = Session(dataset, MODEL)
    acts = (10, Edit({"mix": "auto", "mix_order": 4}), 5, Pause(), 300, EvaluateTest(), 60)
    edited, *_, last, undone = play(session, *acts, Refresh(()), Undo())
    assert session.mixing.in_background
    assert edited[1].splits.mixed is None
    splits = last[1].splits
    assert splits.mixed.dev < min(splits.dev, splits.mixed.dev_counts)
    assert 0 < splits.mixed.weight <= 1
    assert last[1].test.mixed is not None
    assert last[1].is_resting
    assert undone[1].train.mix == 0
    other = Session(dataset, MODEL, TrainSettings(mix="auto", mix_order=4))
    other.train(last[1].step)
    found = other.evaluate()
    assert (splits.dev, splits.mixed.dev) == pytest.approx((found.network.loss, found.loss))
    assert splits.mixed.weight == parts(found).weight


def test_weights_that_are_not_finite_have_a_loss_that_is_none(dataset):
    session = Session(dataset, MODEL, TrainSettings(mix="auto"))
    parameters(session).fill_(math.nan)
    found = session.evaluate()
    assert math.isnan(found.loss)
    with pytest.raises(UserError, match="not finite"):
        session.sample(1)
