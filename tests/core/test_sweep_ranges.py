"""What a sweep tries: ranges as they are written, refusals, grids, rungs."""

import math
from dataclasses import replace

import msgspec
import pytest

from makemore_tui.core.errors import UserError
from makemore_tui.core.presets import PRESETS
from makemore_tui.core.run_spec import RunSpec
from makemore_tui.core.settings import SETTINGS, TrainSettings, parse_value
from makemore_tui.core.sweep.halving import is_behind, rungs
from makemore_tui.core.sweep.messages import Snapshot, Start, to_line
from makemore_tui.core.sweep.ranges import Range, grid, num_combinations, parse_ranges


def spec_of(preset):
    return RunSpec("names", False, PRESETS[preset].model, PRESETS[preset].train)


LECTURE = spec_of("lecture")


def test_a_range_is_written_as_it_is_read():
    words = ["learning_rate=0.001..0.3:log", "hidden=64,128", "dropout=0..0.4", "context=2..8"]
    words.append("steps=1234567..9999999")
    ranges = parse_ranges(words, LECTURE)
    assert [str(one) for one in ranges] == words
    assert ranges[0] == Range("learning_rate", low=0.001, high=0.3, log=True)
    assert [0.3 in ranges[0], 64 in ranges[1], 65 in ranges[1]] == [True, True, False]
    asked = Start("a", str(LECTURE), ranges)
    assert msgspec.json.decode(to_line(asked), type=Start) == asked
    shown = Snapshot("a", "running", str(LECTURE), ranges, 5)
    assert msgspec.json.decode(to_line(shown), type=Snapshot) == shown


@pytest.mark.parametrize("preset", ["lecture", "bigram", "neural-bigram", "tuned"])
def test_every_setting_has_a_sensible_range(preset):
    spec = spec_of(preset)
    for name in spec.model.model_kind.settings:
        if name == "train_on":
            continue
        if name == "mix_order":
            spec = replace(spec, train=replace(spec.train, mix="auto"))
        if name == "smoothing":
            spec = replace(spec, train=replace(spec.train, smoothing_method="add-k"))
        (found,) = parse_ranges([name], spec)
        for value in found.points:  # within its limits
            assert parse_value(name, str(value)) == value
        assert len(set(found.points)) == len(found.points) > 1


@pytest.mark.parametrize(
    ("word", "says"),
    [
        ("hidden=64..9999", "hidden must be a whole number from 1 to 4,096, not 9999"),
        ("learning_rate=0..1:log", "learning_rate must be"),
        ("dropout=0..0.4:log", "a log range must begin above 0"),
        ("hidden=9..3", "must rise"),
        ("hidden=1..9:lin", "is not a range"),
        ("hidden=9:log", "is not a range"),
        ("optimizer=sgd..adamw", "takes a list, not a range"),
        ("optimizer=sgd,adam", "did you mean adamw?"),
        ("smoothing", "smoothing does nothing for the MLP"),
        ("mix_order", "mix_order does nothing while mix is 0"),
        ("train_on=all,train", "train_on can't be tried"),
        ("hiden", "did you mean hidden?"),
        ("seed=1,2", "there is no setting"),
    ],
)
def test_what_can_t_be_tried_is_refused_in_a_sentence(word, says):
    with pytest.raises(UserError, match="(?s)" + says.replace("?", r"\?")):
        parse_ranges([word], LECTURE)


def test_what_another_range_gives_a_use_can_be_tried_with_it():
    assert len(parse_ranges(["mix_order", "mix=0,auto"], LECTURE)) == 2
    assert len(parse_ranges(["kind=mlp,ngram", "order"], LECTURE)) == 2
    with pytest.raises(UserError, match="order does nothing for the MLP and the neural bigram"):
        parse_ranges(["kind=mlp,neural-bigram", "order"], LECTURE)
    with pytest.raises(UserError, match="smoothing does nothing while smoothing_method is"):
        parse_ranges(["smoothing"], spec_of("kneser-ney"))


def test_a_setting_is_given_once_and_one_at_least():
    with pytest.raises(UserError, match="more than once"):
        parse_ranges(["lr", "learning_rate=0.1,0.2"], LECTURE)
    with pytest.raises(UserError, match="--over says which"):
        parse_ranges([], LECTURE)


def test_a_grid_has_every_combination():
    ranges = parse_ranges(["hidden=8,9", "learning_rate=0.01..1:log", "context=2..3"], LECTURE)
    points = grid(ranges)
    assert len(points) == 2 * 5 * 2 == len({tuple(point.values()) for point in points})
    assert sorted({point["learning_rate"] for point in points}) == [0.01, 0.0316, 0.1, 0.316, 1.0]
    assert num_combinations(ranges) == math.inf
    assert num_combinations((ranges[0], ranges[2])) == 4
    assert len(grid(parse_ranges(["hidden=1..99"], LECTURE))) == 5
    assert len(grid(parse_ranges(["hidden=1..99"], LECTURE), is_full=True)) == 99


def test_there_are_six_to_ten_rungs_at_steps_that_all_trials_share():
    for steps in (400, 1000, 24_000, 200_000, 10**9):
        found = rungs(steps, steps)
        assert 6 <= len(found) <= 10
        assert found == sorted(set(found))
        assert found[-1] == steps
    assert set(rungs(1000, 1500)[:-1]) <= set(rungs(1500, 1500))
    assert rungs(1, 1) == [1]


def test_no_trial_is_judged_before_a_falling_schedule_is_low():
    for schedule in ("step", "linear", "cosine"):
        train = TrainSettings(schedule=schedule, steps=1000)
        rates = [train.learning_rate_at(step) for step in rungs(1000, 1000)]
        assert max(rates) < train.learning_rate / 2


def test_at_a_rung_the_worse_half_ends():
    assert not is_behind(9.0, [1.0, 2.0])  # too few to say
    assert not is_behind(1.5, [1.0, 2.0, 3.0])
    assert is_behind(2.5, [1.0, 2.0, 3.0])
    assert is_behind(math.nan, [])
    losses = [i / 100 for i in range(100)]
    kept = [one for one in losses if not is_behind(one, [x for x in losses if x != one])]
    assert kept == losses[:50]


def test_all_settings_have_a_range_or_are_choices():
    assert SETTINGS.keys() - {"train_on"} == {
        name for preset in PRESETS for name in spec_of(preset).model.model_kind.settings
    } - {"train_on"}
