import math
from collections import Counter

import pytest
import torch
import torch.nn.functional as F

from makemore_tui.core.analysis.evaluation import RunningEvaluation, evaluate
from makemore_tui.core.analysis.probe import probe
from makemore_tui.core.datasets.dataset import Dataset
from makemore_tui.core.errors import UserError
from makemore_tui.core.models.mlp import MLP
from makemore_tui.core.presets import preset_named
from makemore_tui.core.results import Probe, Unavailable
from makemore_tui.core.session.session import Session
from makemore_tui.core.settings import ModelSettings, TrainSettings


def mlp(context, hidden=40, vocabulary=27):
    settings = ModelSettings(context=context, embedding=6, hidden=hidden, init="lecture")
    return MLP(settings, vocabulary, torch.Generator().manual_seed(2))


def counted(dataset, order=2, smoothing=1.0, train_on="train"):
    settings = TrainSettings(batch_size=0, smoothing=smoothing, train_on=train_on)
    session = Session(dataset, ModelSettings(kind="ngram", order=order), settings)
    session.train(1)
    return session


def preset_session(dataset, name):
    preset = preset_named(name)
    session = Session(dataset, preset.model, preset.train)
    return session, session.train(preset.train.steps)


def pairs_of(items):
    return [pair for item in items for pair in zip("." + item, item + ".", strict=True)]


def plain_loss(model, contexts, targets):
    return F.cross_entropy(model.logits(contexts).double(), targets).item()


# Splits


@pytest.mark.parametrize("context", [3, 8])
@pytest.mark.parametrize("split", ["train", "dev", "test"])
def test_a_splits_loss_is_the_mean_over_its_examples(names, name_splits, plain, split, context):
    model = mlp(context)
    contexts, targets = plain.tensors(name_splits[split], context, names.vocabulary.characters)
    evaluation = evaluate(model, names, split)
    assert evaluation.loss == pytest.approx(plain_loss(model, contexts, targets), rel=1e-5)
    assert evaluation.num_examples == evaluation.split_examples == len(targets)


def test_a_split_of_several_blocks_has_the_mean_over_all_of_them(plain):
    words = Dataset.load("words")
    table = counted(words, train_on="all")
    settings = ModelSettings(context=16, embedding=words.vocabulary.size, hidden=1, direct=True)
    model = MLP(settings, words.vocabulary.size)  # looks so far back, and sees the table
    model.tensors["C"].copy_(torch.eye(words.vocabulary.size))
    every = torch.arange(words.vocabulary.size)[:, None]
    model.tensors["W3"][-words.vocabulary.size :] = table.model.logits(every)
    assert len(list(words.context_tables("all", 16))) > 1
    signs = "\n" + words.vocabulary.characters
    logits = model.tensors["W3"][-words.vocabulary.size :].tolist()
    pairs = Counter(plain.examples(plain.items(words.path.read_bytes()), 1))
    nll = -sum(count * logits[signs.index(a)][signs.index(b)] for (a, b), count in pairs.items())
    loss = evaluate(model, words, "all").loss
    assert loss == pytest.approx(nll / sum(pairs.values()), rel=1e-5)


@pytest.mark.parametrize("split", ["dev", "test"])
def test_seen_and_unseen_items_are_told_apart(names, name_splits, plain, split):
    model, train = mlp(3), set(name_splits["train"])
    nll, examples = {True: 0.0, False: 0.0}, {True: 0, False: 0}
    for item in name_splits[split]:
        contexts, targets = plain.tensors([item], 3, names.vocabulary.characters)
        nll[item in train] += plain_loss(model, contexts, targets) * len(targets)
        examples[item in train] += len(targets)
    evaluation = evaluate(model, names, split)
    assert evaluation.seen == pytest.approx(nll[True] / examples[True], rel=1e-5)
    assert evaluation.unseen == pytest.approx(nll[False] / examples[False], rel=1e-5)


@pytest.mark.parametrize("split", ["train", "all", "first-5"])
def test_only_held_out_splits_have_seen_and_unseen_items(names, split):
    evaluation = evaluate(mlp(3), names, split)
    assert (evaluation.seen, evaluation.unseen) == (None, None)


def test_where_every_held_out_item_is_unseen_there_is_no_seen_loss(write, small_items):
    dataset = Dataset(write("\n".join(small_items)), unique=True)
    evaluation = evaluate(mlp(3, vocabulary=7), dataset, "dev")
    assert evaluation.seen is None
    assert evaluation.unseen == evaluation.loss


def test_where_every_held_out_item_is_seen_there_is_no_unseen_loss(write):
    dataset = Dataset(write("anna\nbert\n" * 20))
    evaluation = evaluate(mlp(3, vocabulary=dataset.vocabulary.size), dataset, "dev")
    assert evaluation.unseen is None
    assert evaluation.seen == evaluation.loss


@pytest.mark.parametrize("most", [1, 1000, 22_000])
def test_of_a_larger_split_the_first_examples_are_evaluated(names, name_splits, plain, most):
    model = mlp(3)
    contexts, targets = plain.tensors(name_splits["dev"], 3, names.vocabulary.characters)
    evaluation = evaluate(model, names, "dev", max_examples=most)
    assert evaluation.loss == pytest.approx(
        plain_loss(model, contexts[:most], targets[:most]), rel=1e-5
    )
    assert (evaluation.num_examples, evaluation.split_examples) == (most, len(targets))


def test_a_split_smaller_than_the_max_examples_is_evaluated_whole(names):
    tables, model = names, mlp(3)
    assert evaluate(model, tables, "dev", 10**6) == evaluate(model, tables, "dev")


def test_first_n_is_evaluated_like_a_split(names, name_items, plain):
    model = mlp(3)
    contexts, targets = plain.tensors(name_items[:5], 3, names.vocabulary.characters)
    evaluation = evaluate(model, names, "first-5")
    assert evaluation.loss == pytest.approx(plain_loss(model, contexts, targets), rel=1e-5)
    assert evaluation.num_examples == 32


def test_an_unknown_split_is_refused(names):
    with pytest.raises(UserError, match="there is no split 'valid'"):
        evaluate(mlp(3), names, "valid")


# Infinite losses


def test_a_pair_that_train_lacks_makes_the_unseen_loss_infinite(names, name_splits):
    pairs = {split: set(pairs_of(name_splits[split])) for split in ("train", "dev")}
    assert pairs["dev"] - pairs["train"]
    evaluation = counted(names, smoothing=0).evaluate("dev")
    assert evaluation.loss == evaluation.unseen == math.inf
    assert evaluation.seen is not None
    assert math.isfinite(evaluation.seen)


def test_what_was_counted_has_a_finite_loss_without_smoothing(names):
    session = counted(names, order=4, smoothing=0)
    assert math.isfinite(session.evaluate("train").loss)


# An evaluation in parts


def test_an_evaluation_in_parts_is_of_the_state_it_began_with(names):
    session = Session(names, ModelSettings(hidden=400), seed=4)
    session.train(5)
    whole = session.evaluate("train")
    running = RunningEvaluation(session.model, session.dataset, "train")
    blocks = 0
    while running.advance():
        session.train(3)
        session.evaluate("dev")
        blocks += 1
    assert blocks > 1
    assert running.result() == whole
    assert session.evaluate("train") != whole


def test_the_result_so_far_is_of_the_examples_so_far(names):
    running = RunningEvaluation(mlp(3, hidden=400), names, "train")
    running.advance()
    first = running.result()
    assert 0 < first.num_examples < first.split_examples
    while running.advance():
        pass
    assert running.result().num_examples == first.split_examples
    assert not running.advance()


# Figures


def test_200_full_batch_steps_of_the_neural_bigram_come_near_the_counted_table(names):
    neural, losses = preset_session(names, "neural-bigram")
    table, _ = preset_session(names, "bigram")
    assert len(losses) == 200
    reached, best = neural.evaluate("train").loss, table.evaluate("train").loss
    assert best < reached < best + 0.04


def test_the_overfit_preset_learns_its_32_examples_by_heart(names):
    session, losses = preset_session(names, "overfit")
    evaluation = session.evaluate("first-5")
    assert evaluation.num_examples == 32
    assert evaluation.loss < 0.4
    assert losses[0] > 2
    assert losses[-1] < 0.4


# A word


def probed(model, dataset, word):
    found = probe(model, dataset.vocabulary, word)
    assert isinstance(found, Probe)
    return found


def surprisals(found):
    return [one.surprisal for one in found.characters]


def probabilities(found):
    return [one.probability for one in found.characters]


def test_andrejq_surprisals_the_bigram_table_as_in_a_hand_count(names, name_splits):
    pairs = Counter(pairs_of(name_splits["train"]))
    rows = Counter()
    for (first, _), count in pairs.items():
        rows[first] += count
    expected = [
        (pairs[pair] + 1) / (rows[pair[0]] + 27)
        for pair in zip(".andrejq", "andrejq.", strict=True)
    ]
    found = probed(counted(names).model, names, "andrejq")
    assert found.text == "andrejq"
    assert [one.label for one in found.characters] == list("andrejq.")
    assert probabilities(found) == pytest.approx(expected)
    assert surprisals(found) == pytest.approx([-math.log(p) for p in expected])
    assert found.mean == pytest.approx(-sum(map(math.log, expected)) / 8)


@pytest.mark.parametrize("context", [3, 8])
def test_andrejq_surprisals_the_mlp_as_in_a_plain_loop(names, plain, context):
    model = mlp(context)
    contexts, targets = plain.tensors(["andrejq"], context, names.vocabulary.characters)
    expected = [
        plain_loss(model, contexts[i : i + 1], targets[i : i + 1]) for i in range(len(targets))
    ]
    assert surprisals(probed(model, names, "andrejq")) == pytest.approx(expected, rel=1e-5)


def test_an_impossible_character_has_an_infinite_surprisal(write):
    session = counted(Dataset(write("ab\n" * 20)), smoothing=0)
    found = probed(session.model, session.dataset, "aab")
    assert probabilities(found) == [1, 0, 1, 1]
    assert surprisals(found) == [0, math.inf, 0, 0]
    assert found.mean == math.inf


def test_the_empty_word_is_only_a_boundary(names):
    assert [one.label for one in probed(counted(names).model, names, "").characters] == ["."]


def test_a_word_with_an_unknown_character_is_refused(names):
    found = probe(counted(names).model, names.vocabulary, "andré")
    assert isinstance(found, Unavailable)
    assert "'é' in 'andré'" in found.why
