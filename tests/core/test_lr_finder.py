import math
import re
from typing import Any

import pytest
import torch

from makemore_tui.core.analysis.lr_finder import LearningRateFinder, RunningMean, find_lr
from makemore_tui.core.errors import UserError
from makemore_tui.core.presets import PRESETS
from makemore_tui.core.session.session import Session
from makemore_tui.core.settings import ModelSettings, TrainSettings

MODEL = ModelSettings(context=3, embedding=4, hidden=10, init="lecture")


@pytest.fixture
def session(small):
    """A session after some steps; settings by name."""

    def session(steps=0, model=MODEL, **train):
        new = Session(small, model, TrainSettings(**{"batch_size": 8, **train}), seed=3)
        new.train(steps)
        return new

    return session


def found(session, *words, **options) -> Any:
    finder = LearningRateFinder(session.trainer, *words, **options)
    while finder.advance():
        pass
    return finder.result()


def plain_means(losses, memory):
    """Running means as a weighted sum over all losses so far."""
    keep = 1 - 1 / memory
    means = []
    for last in range(len(losses)):
        weights = [keep ** (last - i) for i in range(last + 1)]
        total = sum(w * x for w, x in zip(weights, losses, strict=False))
        means.append(total / sum(weights))
    return means


# The suggestion


@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
def test_the_neural_bigram_has_a_range_in_which_there_is_one(names, optimizer):
    settings = TrainSettings(optimizer=optimizer, batch_size=64)
    session = Session(names, ModelSettings(kind="neural-bigram"), settings)
    result = found(session, steps=300)
    assert result.low < result.suggested < result.high


@pytest.mark.parametrize("preset", ["lecture", "scaled"])
def test_for_the_lectures_models_it_is_near_a_tenth(names, preset):
    chosen = PRESETS[preset]
    result = found(Session(names, chosen.model, chosen.train))
    assert result.finished
    assert (result.low, result.high, result.steps, result.seeds) == (1e-3, 1, 1000, 3)
    assert 0.05 <= result.suggested <= 0.2
    assert result.suggested == pytest.approx(result.turns / 4, rel=0.05)
    assert "Smith 2017" in result.why


def test_for_adamw_range_and_suggestion_are_smaller(names):
    settings = TrainSettings(optimizer="adamw")
    result = found(Session(names, PRESETS["scaled"].model, settings))
    assert (result.low, result.high) == (1e-5, 0.1)
    assert 0.001 <= result.suggested <= 0.01


def test_the_loss_turns_where_it_is_a_tenth_above_the_lowest(session):
    result = found(session(), 1e-3, 100, steps=500)
    mean = result.mean
    later = len(mean) // 20
    lowest = min(mean[later:])
    at = mean.index(lowest)
    above = next(rate for rate, loss in zip(result.rates[at:], mean[at:], strict=True)
                 if not loss <= 1.1 * lowest)  # fmt: skip
    assert result.turns == pytest.approx(above, rel=0.1)  # of every step, not of those shown
    exploded = next(rate for rate, loss in zip(result.rates[at:], mean[at:], strict=True)
                    if not loss <= 4 * lowest)  # fmt: skip
    assert result.explodes == pytest.approx(exploded, rel=0.1)
    assert result.turns < result.explodes


def test_a_loss_that_does_not_turn_suggests_nothing_and_says_so(session):
    result = found(session(), 1e-6, 1e-3)
    assert (result.turns, result.explodes, result.suggested) == (None, None, None)
    assert "still falls at 0.001" in result.why


def test_a_range_that_begins_too_high_suggests_nothing_and_says_so(session):
    result = found(session(), 5, 50)
    assert result.turns is not None
    assert result.suggested is None
    assert re.match(r"the loss rises from [\d.]+ on; try a lower", result.why)


def test_losses_beyond_all_numbers_are_an_explosion(session):
    result = found(session(weight_decay=100.0), 1e-3, 1000)
    assert not all(map(math.isfinite, result.mean))
    assert 1e-3 < result.suggested < result.turns <= result.explodes < 1000


# The losses


def test_rates_rise_by_the_same_factor_from_low_to_high(session):
    result = found(session(), 0.01, 1, steps=100)
    assert len(result.rates) == result.done == 100
    assert (result.rates[0], result.rates[-1]) == (0.01, pytest.approx(1))
    factors = [b / a for a, b in zip(result.rates, result.rates[1:], strict=False)]
    assert factors == pytest.approx([100 ** (1 / 99)] * 99)


@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
def test_losses_are_those_of_a_session_whose_rate_is_edited_at_every_step(session, optimizer):
    result = found(session(30, optimizer=optimizer), 0.01, 0.5, steps=60, seeds=1)
    plain = session(30, optimizer=optimizer)
    fresh = session().trainer.state_dict()  # minibatches from the beginning
    stream = {name: fresh[name] for name in ("generator", "left")}
    plain.trainer.load_state_dict(plain.trainer.state_dict() | stream)
    losses = []
    for rate in result.rates:
        plain.edit(learning_rate=rate)
        losses += plain.train(1).tolist()
    assert result.mean == pytest.approx(plain_means(losses, 1), rel=1e-4)


def test_the_band_is_the_spread_of_the_seeds(session):
    three = found(session(20), steps=50, seeds=3)
    singles = []
    for seed in range(3):
        one = session(20)
        one.trainer.seed += seed
        singles.append(found(one, steps=50, seeds=1).mean)
    columns = list(zip(*singles, strict=True))
    assert three.lowest == pytest.approx([min(column) for column in columns])
    assert three.mean == pytest.approx([sum(column) / 3 for column in columns])
    assert three.highest == pytest.approx([max(column) for column in columns])
    assert three.lowest != three.highest


@pytest.mark.parametrize("memory", [1, 4, 50])
def test_running_means_are_weighted_sums(memory):
    losses = [3.0, 1.0, 4.0, 1.0, 5.0, 9.0, 2.0]
    running = RunningMean(memory)
    assert [running.add(loss) for loss in losses] == pytest.approx(plain_means(losses, memory))


def test_of_many_steps_some_points_are_shown(session):
    result = found(session(), steps=2000)
    assert len(result.rates) == len(result.lowest) == len(result.highest) == 200


# In slices, on a copy


def test_slices_do_not_show_in_the_result(session):
    def result(ticks):
        clock = iter(range(0, 10**9, ticks))
        finder = LearningRateFinder(session().trainer, steps=300, clock=lambda: next(clock) / 1e4)
        slices = 1
        while finder.advance():
            slices += 1
        return slices, finder.result()

    (few, first), (many, second) = result(1), result(35)
    assert few < many
    assert first == second


def test_the_whole_search_is_one_call(session):
    assert find_lr(session(25).trainer, 0.01, 1.0, 60, 2) == found(session(25), 0.01, 1.0, 60, 2)


def test_progress_can_be_looked_at_before_the_end(session):
    finder = LearningRateFinder(session().trainer, steps=2000)
    assert finder.result().rates == []
    while finder.advance() and finder.done < 500:
        pass
    result = finder.result()
    assert not result.finished
    assert 500 <= result.done == finder.done < 2000
    assert (result.suggested, result.why) == (None, "")
    whole = found(session(), steps=2000)
    assert whole.mean[: len(result.mean)] == result.mean


@pytest.mark.parametrize("kind", ["mlp", "neural-bigram"])
@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
def test_the_session_is_what_it_was_before(session, state_hash, kind, optimizer):
    model = MODEL if kind == "mlp" else ModelSettings(kind=kind)
    looked, untouched = (session(25, model, optimizer=optimizer) for _ in range(2))
    before, state = state_hash(looked), torch.get_rng_state()
    found(looked, steps=60)
    assert state_hash(looked) == before
    assert torch.equal(torch.get_rng_state(), state)
    looked.train(10)
    untouched.train(10)
    assert state_hash(looked) == state_hash(untouched) != before


def test_all_examples_at_once_and_dropout_are_kept(session):
    whole = found(session(batch_size=0), steps=50)
    assert whole.lowest == pytest.approx(whole.highest)  # all seeds see the same examples
    dropped = found(session(batch_size=0, dropout=0.5), steps=50)
    assert dropped.lowest != pytest.approx(dropped.highest)


def test_it_belongs_to_the_model_that_it_copied(session):
    looked = session()
    finder = LearningRateFinder(looked.trainer)
    looked.train(3)
    assert finder.model is looked.model
    looked.timeline.restart()
    assert finder.model is not looked.model


# Refusals


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"low": 0.0}, "low must be a number from 1e-06 to 1,000, not 0"),
        ({"low": -1.0}, "low must be a number"),
        ({"low": math.nan}, "low must be a number"),
        ({"high": math.inf}, "high must be a number"),
        ({"high": 2000.0}, "high must be a number from 1e-06 to 1,000, not 2000"),
        ({"low": 0.1, "high": 0.1}, "low must be below high; 0.1 is not below 0.1"),
        ({"low": 2.0}, "2 is not below 1"),
        ({"steps": 49}, "steps must be a whole number from 50 to 100,000, not 49"),
        ({"steps": 10**6}, "steps must be"),
        ({"seeds": 0}, "seeds must be"),
    ],
)
def test_what_cannot_be_searched_is_refused_in_words(session, options, says):
    with pytest.raises(UserError, match=says):
        LearningRateFinder(session().trainer, **options)


def test_counts_have_no_learning_rate(session):
    with pytest.raises(UserError, match="counts have no learning rate"):
        LearningRateFinder(session(1, ModelSettings(kind="ngram")).trainer)


def test_a_diverged_run_is_refused(session):
    with pytest.raises(UserError, match="not finite"):
        LearningRateFinder(session(100, learning_rate=1000.0, weight_decay=100.0).trainer)
