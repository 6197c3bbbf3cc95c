import math
from collections import Counter
from itertools import accumulate, pairwise

import pytest
import torch

from makemore_tui.core.analysis import sampling
from makemore_tui.core.analysis.random_streams import stream_keys, uniform_numbers
from makemore_tui.core.analysis.sampling import MAX_SAMPLES, draw_next, draw_texts, sample
from makemore_tui.core.datasets.dataset import Dataset
from makemore_tui.core.errors import UserError
from makemore_tui.core.models.mlp import MLP
from makemore_tui.core.session.session import Session
from makemore_tui.core.settings import ModelSettings, TrainSettings


def seeded(seed=1):
    return torch.Generator().manual_seed(seed)


def keys(n, seed=1):
    return stream_keys(seed, torch.arange(n))


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
    texts = draw_texts(network, names.vocabulary, keys(5), temperature=0, limit=30)
    assert texts == [text] * 5


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_frequencies_follow_the_probabilities(network, names, temperature):
    texts = draw_texts(network, names.vocabulary, keys(20_000), temperature, limit=1)
    logits = network.logits(torch.zeros(1, 3, dtype=torch.int64))[0].tolist()
    weights = [math.exp(logit / temperature) for logit in logits]
    counts = Counter(texts)
    drawn = [counts[sign] for sign in ["", *names.vocabulary.characters]]
    # 26 degrees of freedom: 70 has a chance of about 1 in 100,000
    assert chi_squared(drawn, [weight / sum(weights) for weight in weights]) < 70


def test_whole_names_have_the_pairs_of_the_table_they_come_from(bigram, names):
    texts = draw_texts(bigram, names.vocabulary, keys(3000))
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
    texts = draw_texts(model, names.vocabulary, keys(3000), temperature=100, limit=20)
    finished = [text for text in texts if len(text) < 20]
    assert finished
    drawn = {pair for text in finished for pair in zip("\n" + text, text + "\n", strict=True)}
    assert drawn <= known


def test_a_tiny_temperature_is_like_zero(network, names):
    cold, frozen = (
        draw_texts(network, names.vocabulary, keys(20), temperature, limit=12)
        for temperature in (1e-300, 0)
    )
    assert cold == frozen


@pytest.mark.parametrize("temperature", [-0.1, 100.1, math.nan, math.inf])
def test_a_temperature_out_of_range_is_refused(bigram, names, temperature):
    with pytest.raises(UserError, match="temperature must be a number from 0 to 100, not"):
        sample(bigram, names, 3, seed=1, temperature=temperature)


# Top-k


@pytest.mark.parametrize("top_k", [1, 3, 26])
def test_only_the_likeliest_characters_are_drawn_as_often_as_before(network, names, top_k):
    texts = draw_texts(network, names.vocabulary, keys(20_000), limit=1, top_k=top_k)
    logits = network.logits(torch.zeros(1, 3, dtype=torch.int64))[0].tolist()
    least = sorted(logits)[-top_k]
    weights = [math.exp(logit) if logit >= least else 0.0 for logit in logits]
    counts = Counter(texts)
    drawn = [counts[sign] for sign in ["", *names.vocabulary.characters]]
    assert sum(count > 0 for count in drawn) <= top_k
    assert chi_squared(drawn, [weight / sum(weights) for weight in weights]) < 70


def test_the_likeliest_one_alone_is_as_temperature_zero_even_among_equals(names):
    uniform = MLP(ModelSettings(embedding=2, hidden=2), 27)  # all parameters zero
    for model in (uniform, counted(names)):
        one = draw_texts(model, names.vocabulary, keys(5), top_k=1, limit=12)
        assert one == draw_texts(model, names.vocabulary, keys(5), temperature=0, limit=12)


def test_as_many_as_there_are_characters_is_all_of_them(network, names):
    every = [sample(network, names, 20, seed=1, top_k=top_k) for top_k in (None, 27, 10**9)]
    assert every[0] == every[1] == every[2]


@pytest.mark.parametrize("top_k", [0, -3])
def test_a_top_k_out_of_range_is_refused(bigram, names, top_k):
    with pytest.raises(UserError, match=f"top-k must be a whole number from 1 up, not {top_k}"):
        sample(bigram, names, 3, seed=1, top_k=top_k)


# Seeds and indices


def plain_numbers(seed, index, count, attempt=0):
    """SplitMix64 in Python's whole numbers."""
    most, gamma = 2**64 - 1, 0x9E3779B97F4A7C15

    def mixed(z):
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & most
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & most
        return z ^ (z >> 31)

    key = mixed((mixed(seed) + attempt * gamma) & most)
    key = mixed((key + index * gamma) & most)
    return [(mixed((key + i * gamma) & most) >> 11) / 2**53 for i in range(1, count + 1)]


def test_the_random_numbers_are_those_of_a_plain_loop():
    for seed, attempt in ((0, 0), (1, 0), (2**62, 3)):
        streams = stream_keys(seed, torch.tensor([0, 1, 99_999]), attempt)
        table = torch.stack([uniform_numbers(streams, place) for place in range(4)], 1)
        expected = [plain_numbers(seed, index, 4, attempt) for index in (0, 1, 99_999)]
        assert table.tolist() == expected


def test_the_random_numbers_are_even_and_independent():
    streams = keys(100_000)
    for place in (0, 1, 40):
        numbers = uniform_numbers(streams, place)
        shares = torch.bincount((numbers * 50).long(), minlength=50).tolist()
        assert chi_squared(shares, [1 / 50] * 50) < 100  # 49 degrees of freedom
        others = torch.stack([numbers, numbers.roll(1), uniform_numbers(streams, place + 1)])
        assert (torch.corrcoef(others) - torch.eye(3)).abs().max() < 0.02


def test_names_are_those_of_a_plain_loop_over_their_own_numbers(network, names):
    signs = "\n" + names.vocabulary.characters

    def plain(index):
        window, text = [0, 0, 0], ""
        for number in plain_numbers(5, index, 2 * names.longest):
            logits = network.logits(torch.tensor([window]))[0].double() / 1.5
            edges = torch.softmax(logits, 0).cumsum(0)
            drawn = int((edges <= number * edges[-1]).sum())
            if drawn == 0:
                break
            window, text = [*window[1:], drawn], text + signs[drawn]
        return text

    found = sample(network, names, 20, seed=5, temperature=1.5)
    assert [one.text for one in found] == [plain(index) for index in range(20)]


@pytest.fixture(scope="module")
def models(names, network, bigram):
    line = Session(names, ModelSettings(kind="neural-bigram", init="lecture"), seed=3)
    return {"mlp": network, "counts": bigram, "neural bigram": line.model}


WAYS = {
    "plain": {},
    "temperature": {"temperature": 0.7},
    "top-k": {"top_k": 4},
    "prefix": {"prefix": "em"},
    "new only": {"new_only": True},
    "all": {"temperature": 1.3, "top_k": 9, "prefix": "a", "new_only": True},
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", ["mlp", "counts", "neural bigram"])
def test_a_name_does_not_depend_on_how_many_are_asked_for(models, names, kind, way):
    many = sample(models[kind], names, 200, seed=1, **WAYS[way])
    for n in (1, 5, 20):
        assert sample(models[kind], names, n, seed=1, **WAYS[way]) == many[:n]
    assert len({one.text for one in many}) > 20


def test_it_does_not_depend_on_the_blocks_either(bigram, names, monkeypatch):
    whole = sample(bigram, names, 100, seed=1)
    monkeypatch.setattr(sampling, "_PER_BLOCK", 7)
    assert sample(bigram, names, 100, seed=1) == whole


def test_new_only_puts_others_in_the_place_of_those_in_the_data(names):
    model = counted(names, order=4)
    every, new = (sample(model, names, 100, seed=1, new_only=only) for only in (False, True))
    is_kept = [not one.seen and bool(one.text) for one in every]
    assert 20 < sum(is_kept) < 95
    assert [a == b for a, b in zip(every, new, strict=True)] == is_kept


def test_two_models_of_one_distribution_make_the_same_names(names):
    one, other = counted(names), counted(names, smoothing=2.0)
    other.tensors["counts"].mul_(2)  # the same probabilities from other numbers
    assert sample(one, names, 50, seed=1) == sample(other, names, 50, seed=1)


# Prefix, limit, number


@pytest.mark.parametrize("prefix", ["e", "em", "emmanuela"])
def test_every_name_begins_with_the_prefix(network, names, prefix):
    texts = draw_texts(network, names.vocabulary, keys(50), prefix=prefix)
    assert all(text.startswith(prefix) for text in texts)
    assert len(set(texts)) > 1


def test_what_follows_a_prefix_is_drawn_with_the_prefix_as_context(network, names):
    texts = draw_texts(network, names.vocabulary, keys(20_000), prefix="em", limit=3)
    context = torch.tensor([[0, *names.vocabulary.encode("em")]])
    probabilities = torch.softmax(network.logits(context), 1)[0].tolist()
    counts = Counter(text[2:] for text in texts)
    drawn = [counts[sign] for sign in ["", *names.vocabulary.characters]]
    assert chi_squared(drawn, probabilities) < 70


def test_a_prefix_with_an_unknown_character_is_refused(bigram, names):
    with pytest.raises(UserError, match="'E' in 'Em' is not a character of the data"):
        sample(bigram, names, 3, seed=1, prefix="Em")


@pytest.mark.parametrize("limit", [1, 2, 7])
def test_no_name_is_longer_than_the_limit(bigram, names, limit):
    samples = sample(bigram, names, 200, seed=1, limit=limit)
    assert max(len(one.text) for one in samples) == limit


def test_a_limit_cuts_the_same_names_short(bigram, names):
    long, short = (
        draw_texts(bigram, names.vocabulary, keys(1, 2), limit=limit)[0] for limit in (50, 3)
    )
    assert len(long) > 3
    assert short == long[:3]


def test_without_a_limit_a_name_ends_at_twice_the_longest_item(names):
    never = MLP(ModelSettings(embedding=2, hidden=2), 27, seeded())
    never.tensors["b2"][0] = -1000
    lengths = {len(one.text) for one in sample(never, names, 5, seed=1)}
    assert lengths == {2 * names.longest}
    long = "abcdefgh" * 6
    lengths = {len(one.text) for one in sample(never, names, 5, seed=1, prefix=long)}
    assert lengths == {len(long) + names.longest}


@pytest.mark.parametrize("n", [1, 7, 1000])
def test_there_are_as_many_names_as_were_asked_for(bigram, names, n):
    assert len(sample(bigram, names, n, seed=1)) == n


@pytest.mark.parametrize("n", [0, -1, MAX_SAMPLES + 1])
def test_a_number_out_of_range_is_refused(bigram, names, n):
    with pytest.raises(UserError, match=f"must be from 1 to 100,000, not {n}"):
        sample(bigram, names, n, seed=1)


@pytest.mark.parametrize("order", [1, 2, 5])
def test_any_order_of_counts_can_be_sampled(small, order):
    samples = sample(counted(small, order), small, 30, seed=1)
    assert len({one.text for one in samples}) > 1


def test_the_same_seed_gives_the_same_names(network, names):
    first, again, other = (sample(network, names, 20, seed) for seed in (1, 1, 2))
    assert first == again
    assert first != other


# Seen and new


def test_a_name_is_seen_when_it_stands_anywhere_in_the_data(names, name_items):
    samples = sample(counted(names, order=5), names, 500, seed=1)
    known = set(name_items)
    assert [one.seen for one in samples] == [one.text in known for one in samples]
    assert {one.seen for one in samples} == {True, False}


def test_new_only_leaves_out_what_stands_in_the_data(names, name_items):
    samples = sample(counted(names, order=5), names, 300, seed=1, new_only=True)
    assert len(samples) == 300
    known = set(name_items)
    assert not any(one.seen or one.text in known or not one.text for one in samples)


def test_an_empty_name_is_not_a_new_one(names):
    model = counted(names, smoothing=1e6)  # nearly uniform: every 27th name ends at once
    assert any(not one.text for one in sample(model, names, 300, seed=1))
    assert all(one.text for one in sample(model, names, 300, seed=1, new_only=True))


def test_a_model_that_only_repeats_the_data_has_no_new_names(write):
    dataset = Dataset(write("abc\n" * 20))
    model = counted(dataset, smoothing=0)
    with pytest.raises(UserError, match="5 of 5 names are still in the data after 200 attempts"):
        sample(model, dataset, 5, seed=1, new_only=True)


def test_one_likeliest_name_that_is_new_can_be_had_many_times(names):
    model = counted(names)
    samples = sample(model, names, 5, seed=1, temperature=0, prefix="qq", new_only=True)
    assert len(samples) == 5


# By hand


def test_drawn_one_by_one_the_characters_are_those_of_a_sample(names):
    session = Session(names, ModelSettings(hidden=20), TrainSettings(learning_rate=0.3), seed=4)
    session.train(300)
    model, vocabulary, seed = session.model, names.vocabulary, 9
    for prefix in ("", "em"):
        for index, wanted in enumerate(sample(model, names, 8, seed, prefix=prefix)):
            text = prefix
            while (drawn := draw_next(model, vocabulary, text, seed, index)).text:
                text += drawn.text
            assert text == wanted.text
            assert drawn.label == "."


@pytest.mark.parametrize("index", range(6))
def test_a_draw_is_where_its_number_falls_among_the_cumulative_probabilities(names, index):
    session = Session(names, ModelSettings(kind="ngram", order=3), TrainSettings(batch_size=0))
    session.train(1)
    drawn = draw_next(session.model, names.vocabulary, "jo", 2, index)
    contexts = torch.tensor([names.vocabulary.encode("jo")])
    p = torch.softmax(session.model.logits(contexts), 1)[0].tolist()
    assert 0 <= drawn.low <= drawn.number < drawn.high <= 1 + 1e-12
    ends = list(accumulate(p))
    which = next(i for i, end in enumerate(ends) if drawn.number < end)
    assert (drawn.low, drawn.high) == pytest.approx(([0.0, *ends][which], ends[which]))
    assert drawn.label == names.vocabulary.label(which)
    assert drawn.index == index
    assert len(drawn.around) == 9
    assert (drawn.label, drawn.low, drawn.high) in drawn.around
    assert all(one.high == next.low for one, next in pairwise(drawn.around))
