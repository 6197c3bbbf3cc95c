import math

import pytest
import torch

from makemore_tui.core.analysis.probe import probe
from makemore_tui.core.models.mlp import MLP
from makemore_tui.core.models.ngram import NgramCounts
from makemore_tui.core.results import Probe, Unavailable
from makemore_tui.core.session.session import Session
from makemore_tui.core.settings import ModelSettings, TrainSettings


@pytest.fixture(scope="module")
def model(names):
    settings = ModelSettings(context=4, embedding=5, hidden=20, init="lecture")
    return MLP(settings, names.vocabulary.size, torch.Generator().manual_seed(3))


def probed(model, dataset, text, **options):
    found = probe(model, dataset.vocabulary, text, **{"max_following": 100, **options})
    assert isinstance(found, Probe)
    return found


def plain_distribution(model, dataset, before):
    """(character, probability) of what follows some text, likeliest first, in plain Python."""
    ids = [0] * model.context + dataset.vocabulary.encode(before)
    logits = model.logits(torch.tensor([ids[-model.context :]]))[0].double().tolist()
    sizes = [math.exp(x - max(logits)) for x in logits]
    pairs = zip(dataset.vocabulary.labels(), (x / sum(sizes) for x in sizes), strict=True)
    return sorted(pairs, key=lambda pair: -pair[1])


def as_pairs(candidates):
    return [(one.label, pytest.approx(one.probability, rel=1e-5)) for one in candidates]


@pytest.mark.parametrize("prefix", ["", "e", "emm", "alexandr"])
def test_what_may_follow_a_prefix_is_sorted_and_whole(model, names, prefix):
    found = probed(model, names, prefix)
    assert as_pairs(found.following) == plain_distribution(model, names, prefix)
    assert len(found.following) == 27
    assert sum(one.probability for one in found.following) == pytest.approx(1)


def test_only_so_many_followers_are_told(model, names):
    found = probed(model, names, "em", max_following=4)
    assert as_pairs(found.following) == plain_distribution(model, names, "em")[:4]
    assert probed(model, names, "em", max_following=0).following == ()


def test_each_character_has_its_surprisal_and_alternatives(model, names):
    word = "andrejq"
    found = probed(model, names, word)
    assert [one.label for one in found.characters] == [*word, "."]
    for i, one in enumerate(found.characters):
        distribution = plain_distribution(model, names, word[:i])
        probability = dict(distribution)[one.label]
        assert one.probability == pytest.approx(probability, rel=1e-5)
        assert one.surprisal == pytest.approx(-math.log(probability))
        others = [pair for pair in distribution if pair[0] != one.label]
        assert as_pairs(one.alternatives) == others[:3]


def test_the_mean_stands_beside_that_of_dev(model, names):
    found = probed(model, names, "emma", dev=2.17)
    surprisals = [one.surprisal for one in found.characters]
    assert (found.mean, found.dev) == (pytest.approx(sum(surprisals) / 5), 2.17)


def test_an_empty_text_is_an_item_that_ends_at_once(model, names):
    found = probed(model, names, "")
    assert [one.label for one in found.characters] == ["."]


def test_what_is_impossible_is_infinitely_surprising(names):
    session = Session(
        names, ModelSettings(kind="ngram"), TrainSettings(batch_size=0, smoothing=0.0)
    )
    session.train(1)
    last_two = probed(session.model, names, "aqx").characters[-2:]
    assert (last_two[0].probability, last_two[0].surprisal) == (0, math.inf)
    assert math.isinf(probed(session.model, names, "aqx").mean)


def test_certainty_is_no_surprisal_at_all(names):
    settings = ModelSettings(kind="ngram", order=1)
    session = Session(names, settings, TrainSettings(smoothing=0.0, batch_size=1))
    session.train(1)
    assert isinstance(session.model, NgramCounts)
    session.model.counts.zero_()[1] = 5  # an a, whatever came before
    first = probed(session.model, names, "a").characters[0]
    assert (first.probability, math.copysign(1, first.surprisal)) == (1, 1)
    assert [one.probability for one in first.alternatives] == [0, 0, 0]


@pytest.mark.parametrize("text", ["Zoë", "a b", "emma.", "\n"])
def test_characters_that_the_data_lacks_are_told_in_words(model, names, text):
    found = probe(model, names.vocabulary, text, 10)
    assert isinstance(found, Unavailable)
    assert "is not a character of the data" in found.why


def test_a_text_of_endless_length_is_not_probed(model, names):
    found = probe(model, names.vocabulary, "a" * 1001, 10)
    assert isinstance(found, Unavailable)
    assert "longer than 1,000" in found.why


def test_weights_that_are_not_finite_are_told_in_words(names):
    settings = ModelSettings(hidden=3)
    broken = MLP(settings, names.vocabulary.size, torch.Generator().manual_seed(3))
    broken.tensors["b2"][4] = math.nan
    assert probe(broken, names.vocabulary, "a", 10) == Unavailable("the weights are not finite")
