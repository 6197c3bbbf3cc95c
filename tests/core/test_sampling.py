import math
from collections import Counter

import pytest
import torch

from makemore_tui.core.analysis.sampling import MAX_SAMPLES, draw_texts, sample
from makemore_tui.core.datasets.dataset import Dataset
from makemore_tui.core.errors import UserError
from makemore_tui.core.models.mlp import MLP
from makemore_tui.core.session.session import Session
from makemore_tui.core.settings import ModelSettings, TrainSettings


def seeded(seed=1):
    return torch.Generator().manual_seed(seed)


def counted(dataset, order=2, smoothing=1.0):
    settings = TrainSettings(batch_size=0, smoothing=smoothing)
    session = Session(dataset, ModelSettings(kind="ngram", order=order), settings)
    session.train(1)
    return session.model


@pytest.fixture(scope="module")
def bigram(names):
    return counted(names)


@pytest.fixture(scope="module")
def network():
    """An MLP with strong opinions."""
    settings = ModelSettings(context=3, embedding=10, hidden=50, init="lecture")
    return MLP(settings, 27, seeded(6))


def chi_squared(counts, probabilities):
    n = sum(counts)
    pairs = [(c, n * p) for c, p in zip(counts, probabilities, strict=True) if n * p >= 5]
    return sum((count - expected) ** 2 / expected for count, expected in pairs)


# Temperature


def test_temperature_zero_takes_the_likeliest_character_every_time(network, names):
    signs = "\n" + names.vocabulary.characters
    window, text = [0, 0, 0], ""
    while len(text) < 30:
        best = int(network.logits(torch.tensor([window]))[0].argmax())
        if best == 0:
            break
        window, text = [*window[1:], best], text + signs[best]
    texts = draw_texts(network, names.vocabulary, 5, seeded(), temperature=0, limit=30)
    assert texts == [text] * 5


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_frequencies_follow_the_probabilities(network, names, temperature):
    texts = draw_texts(network, names.vocabulary, 20_000, seeded(), temperature, limit=1)
    logits = network.logits(torch.zeros(1, 3, dtype=torch.int64))[0].tolist()
    weights = [math.exp(logit / temperature) for logit in logits]
    counts = Counter(texts)
    drawn = [counts[sign] for sign in ["", *names.vocabulary.characters]]
    # 26 degrees of freedom: 70 has a chance of about 1 in 100,000
    assert chi_squared(drawn, [weight / sum(weights) for weight in weights]) < 70


def test_whole_names_have_the_pairs_of_the_table_they_come_from(bigram, names):
    texts = draw_texts(bigram, names.vocabulary, 3000, seeded())
    signs = "\n" + names.vocabulary.characters
    pairs = Counter(pair for text in texts for pair in zip("\n" + text, text + "\n", strict=True))
    for row, previous in enumerate(signs):
        probabilities = torch.softmax(bigram.logits(torch.tensor([[row]])), 1)[0].tolist()
        assert chi_squared([pairs[previous, sign] for sign in signs], probabilities) < 75


def test_what_has_no_probability_is_never_drawn(names, name_splits):
    model = counted(names, smoothing=0)
    known = {
        pair for item in name_splits["train"] for pair in zip("\n" + item, item + "\n", strict=True)
    }
    texts = draw_texts(model, names.vocabulary, 3000, seeded(), temperature=100, limit=20)
    finished = [text for text in texts if len(text) < 20]
    assert finished
    drawn = {pair for text in finished for pair in zip("\n" + text, text + "\n", strict=True)}
    assert drawn <= known


def test_a_tiny_temperature_is_like_zero(network, names):
    cold, frozen = (
        draw_texts(network, names.vocabulary, 20, seeded(), temperature, limit=12)
        for temperature in (1e-300, 0)
    )
    assert cold == frozen


@pytest.mark.parametrize("temperature", [-0.1, 100.1, math.nan, math.inf])
def test_a_temperature_out_of_range_is_refused(bigram, names, temperature):
    with pytest.raises(UserError, match="temperature must be a number from 0 to 100, not"):
        sample(bigram, names, 3, seeded(), temperature=temperature)


# Prefix, limit, number


@pytest.mark.parametrize("prefix", ["e", "em", "emmanuela"])
def test_every_name_begins_with_the_prefix(network, names, prefix):
    texts = draw_texts(network, names.vocabulary, 50, seeded(), prefix=prefix)
    assert all(text.startswith(prefix) for text in texts)
    assert len(set(texts)) > 1


def test_what_follows_a_prefix_is_drawn_with_the_prefix_as_context(network, names):
    texts = draw_texts(network, names.vocabulary, 20_000, seeded(), prefix="em", limit=3)
    context = torch.tensor([[0, *names.vocabulary.encode("em")]])
    probabilities = torch.softmax(network.logits(context), 1)[0].tolist()
    counts = Counter(text[2:] for text in texts)
    drawn = [counts[sign] for sign in ["", *names.vocabulary.characters]]
    assert chi_squared(drawn, probabilities) < 70


def test_a_prefix_with_an_unknown_character_is_refused(bigram, names):
    with pytest.raises(UserError, match="'E' in 'Em' is not a character of the data"):
        sample(bigram, names, 3, seeded(), prefix="Em")


@pytest.mark.parametrize("limit", [1, 2, 7])
def test_no_name_is_longer_than_the_limit(bigram, names, limit):
    samples = sample(bigram, names, 200, seeded(), limit=limit)
    assert max(len(one.text) for one in samples) == limit


def test_a_limit_cuts_the_same_names_short(bigram, names):
    long, short = (
        draw_texts(bigram, names.vocabulary, 1, seeded(2), limit=limit)[0] for limit in (50, 3)
    )
    assert len(long) > 3
    assert short == long[:3]


def test_without_a_limit_a_name_ends_at_twice_the_longest_item(names):
    never = MLP(ModelSettings(embedding=2, hidden=2), 27, seeded())
    never.tensors["b2"][0] = -1000
    lengths = {len(one.text) for one in sample(never, names, 5, seeded())}
    assert lengths == {2 * names.longest}
    long = "abcdefgh" * 6
    lengths = {len(one.text) for one in sample(never, names, 5, seeded(), prefix=long)}
    assert lengths == {len(long) + names.longest}


@pytest.mark.parametrize("n", [1, 7, 1000])
def test_there_are_as_many_names_as_were_asked_for(bigram, names, n):
    assert len(sample(bigram, names, n, seeded())) == n


@pytest.mark.parametrize("n", [0, -1, MAX_SAMPLES + 1])
def test_a_number_out_of_range_is_refused(bigram, names, n):
    with pytest.raises(UserError, match=f"must be from 1 to 100,000, not {n}"):
        sample(bigram, names, n, seeded())


@pytest.mark.parametrize("order", [1, 2, 5])
def test_any_order_of_counts_can_be_sampled(small, order):
    samples = sample(counted(small, order), small, 30, seeded())
    assert len({one.text for one in samples}) > 1


def test_the_same_seed_gives_the_same_names(network, names):
    first, again, other = (sample(network, names, 20, seeded(seed)) for seed in (1, 1, 2))
    assert first == again
    assert first != other


# Seen and new


def test_a_name_is_seen_when_it_stands_anywhere_in_the_data(names, name_items):
    samples = sample(counted(names, order=5), names, 500, seeded())
    known = set(name_items)
    assert [one.seen for one in samples] == [one.text in known for one in samples]
    assert {one.seen for one in samples} == {True, False}


def test_new_only_leaves_out_what_stands_in_the_data(names, name_items):
    samples = sample(counted(names, order=5), names, 300, seeded(), new_only=True)
    assert len(samples) == 300
    known = set(name_items)
    assert not any(one.seen or one.text in known or not one.text for one in samples)


def test_an_empty_name_is_not_a_new_one(names):
    model = counted(names, smoothing=1e6)  # nearly uniform: every 27th name ends at once
    assert any(not one.text for one in sample(model, names, 300, seeded()))
    assert all(one.text for one in sample(model, names, 300, seeded(), new_only=True))


def test_a_model_that_only_repeats_the_data_has_no_new_names(write):
    dataset = Dataset(write("abc\n" * 20))
    model = counted(dataset, smoothing=0)
    with pytest.raises(UserError, match="only 0 of 5 new names came of"):
        sample(model, dataset, 5, seeded(), new_only=True)


def test_one_likeliest_name_that_is_new_can_be_had_many_times(names):
    model = counted(names)
    samples = sample(model, names, 5, seeded(), temperature=0, prefix="qq", new_only=True)
    assert len(samples) == 5
