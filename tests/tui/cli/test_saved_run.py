"""Commands on a saved run: samples and losses."""

import math

import pytest

from tests.support.command_line import ITEMS

# sample


def test_as_many_samples_as_asked_for(run_json, saved):
    samples = run_json("sample", saved.path, "-n", 7)["samples"]
    assert len(samples) == 7
    assert all(set(one) == {"text", "seen"} for one in samples)
    assert len(run_json("sample", saved.path)["samples"]) == 20


def test_samples_say_whether_they_stand_in_the_data(run_json, saved):
    samples = run_json("sample", saved.path, "-n", 300)["samples"]
    assert {one["text"] in ITEMS for one in samples} == {True, False}
    assert all(one["seen"] == (one["text"] in ITEMS) for one in samples)


def test_the_same_seed_gives_the_same_samples(run, saved):
    first, again, other = (
        run("sample", saved.path, "--seed", seed, "--json").out for seed in (5, 5, 6)
    )
    assert first == again != other


def test_samples_begin_with_the_prefix(run_json, saved):
    samples = run_json("sample", saved.path, "--prefix", "and")["samples"]
    assert all(one["text"].startswith("and") for one in samples)


def test_only_new_samples(run_json, saved):
    samples = run_json("sample", saved.path, "--new-only", "-n", 50)["samples"]
    assert len(samples) == 50
    assert not any(one["seen"] or one["text"] in ITEMS for one in samples)


def test_without_temperature_every_sample_is_the_likeliest(run_json, saved):
    samples = run_json("sample", saved.path, "--temperature", 0)["samples"]
    assert len({one["text"] for one in samples}) == 1


def test_samples_for_people_are_marked(run, saved):
    done = run("sample", saved.path, "-n", 40)
    assert (done.code, done.err) == (0, "")
    assert done.out.count("in data") + done.out.count("new") >= 40


# evaluate


def test_evaluate_gives_back_the_losses_of_the_training(run_json, saved):
    found = run_json("evaluate", saved.path)
    assert set(found) == {"train", "dev"}
    assert found["train"] == pytest.approx(saved.report["train_loss"], abs=1e-6)
    assert found["dev"] == pytest.approx(saved.report["dev_loss"], abs=1e-6)


@pytest.mark.parametrize("split", ["train", "dev", "test"])
def test_evaluate_one_split(run_json, saved, split):
    assert set(run_json("evaluate", saved.path, "--split", split)) == {split}


def test_the_loss_of_a_word_is_the_mean_of_its_surprisals(run_json, tmp_path):
    run_json("train", "--preset", "bigram", "--out", tmp_path / "run")
    word = run_json("evaluate", tmp_path / "run", "--split", "dev", "--word", "andrejq")["word"]
    assert set(word) == {"characters", "probabilities", "surprises", "mean"}
    assert word["characters"] == list("andrejq.")
    assert word["surprises"] == pytest.approx([-math.log(p) for p in word["probabilities"]])
    assert word["mean"] == pytest.approx(sum(word["surprises"]) / 8)
    assert word["surprises"].index(max(word["surprises"])) == 6  # jq is what surprisals


def test_evaluate_for_people_has_a_table_and_the_word(run, saved):
    done = run("evaluate", saved.path, "--word", "andrei")
    assert (done.code, done.err) == (0, "")
    for word in ("train", "dev", "probability", "surprisal", "mean"):
        assert word in done.out
    assert "test" not in done.out
