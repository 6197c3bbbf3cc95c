"""Commands on a saved run: samples and losses."""

import math

import pytest
from msgspec.structs import asdict

from makemore_tui.core.analysis.coverage import context_coverage
from makemore_tui.core.analysis.regularization import regularization
from makemore_tui.core.datasets.dataset import Dataset
from makemore_tui.core.models.kneser_ney import KneserNey
from makemore_tui.core.runs.header import read_record
from makemore_tui.core.runs.locks import RunLock
from makemore_tui.core.session.session import Session
from tests.support.command_line import ITEMS, Terminal

# sample


def test_as_many_samples_as_asked_for(run_json, saved):
    samples = run_json("sample", saved.path, "-n", 7)["samples"]
    assert len(samples) == 7
    assert all(set(one) == {"text", "seen"} for one in samples)
    assert len(run_json("sample", saved.path)["samples"]) == 20


def test_samples_say_whether_they_stand_in_the_data(run_json, saved):
    samples = run_json("sample", saved.path, "-n", 3000)["samples"]
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
    done = run("sample", saved.path, "-n", 40, out=Terminal())
    assert (done.code, done.err) == (0, "")
    assert done.out.count("in data") + done.out.count("new") >= 40


def test_samples_to_a_pipe_are_bare_names_one_a_line(run, run_json, saved):
    samples = run_json("sample", saved.path, "-n", 40, "--top-k", 5)["samples"]
    done = run("sample", saved.path, "-n", 40, "--top-k", 5)
    assert (done.code, done.err) == (0, "")
    assert done.out == "".join(f"{one['text']}\n" for one in samples)


def test_fewer_samples_are_the_beginning_of_more(run, saved):
    few, many = (run("sample", saved.path, "-n", n, "--new-only").out for n in (5, 20))
    assert many.startswith(few)
    assert many.count("\n") == 20


def test_of_one_likeliest_character_every_sample_is_the_likeliest(run, saved):
    cold, one = ("--temperature", 0), ("--top-k", 1)
    assert run("sample", saved.path, *cold).out == run("sample", saved.path, *one).out


# evaluate


def test_evaluate_gives_back_the_losses_of_the_training(run_json, saved):
    found = run_json("evaluate", saved.path)
    assert set(found) == {"train", "dev"}
    assert found["train"] == pytest.approx(saved.report["train_loss"], abs=1e-6)
    assert found["dev"] == pytest.approx(saved.report["dev_loss"], abs=1e-6)


@pytest.mark.parametrize("split", ["train", "dev", "test"])
def test_evaluate_one_split(run_json, saved, split):
    assert set(run_json("evaluate", saved.path, "--split", split)) == {split}


def test_an_evaluation_of_test_is_counted_or_it_is_said_why_not(run, saved, tmp_path):
    path = tmp_path / "run.safetensors"
    Session.load(saved.path).save(path)
    before = read_record(path).test_peeks
    assert run("evaluate", path, "--split", "test").err == ""
    assert read_record(path).test_peeks == before + 1
    lock = RunLock(path)
    try:
        done = run("evaluate", path, "--split", "test")
    finally:
        lock.release()
    assert (done.code, read_record(path).test_peeks) == (0, before + 1)
    assert done.err.endswith("test split is not counted: run is open in an explorer\n")


def test_the_loss_of_a_word_is_the_mean_of_its_surprisals(run_json, tmp_path):
    run_json("train", "--preset", "bigram", "--out", tmp_path / "run")
    word = run_json("evaluate", tmp_path / "run", "--split", "dev", "--word", "andrejq")["word"]
    assert set(word) == {"characters", "probabilities", "surprises", "mean"}
    assert word["characters"] == list("andrejq.")
    assert word["surprises"] == pytest.approx([-math.log(p) for p in word["probabilities"]])
    assert word["mean"] == pytest.approx(sum(word["surprises"]) / 8)
    assert word["surprises"].index(max(word["surprises"])) == 6  # jq is what surprisals


def test_evaluate_tells_the_losses_of_network_counts_and_mixture(run, run_json, saved, tmp_path):
    session = Session.load(saved.path)
    session.edit(mix="auto", mix_order=3)
    session.save(tmp_path / "mixed")
    found = run_json("evaluate", tmp_path / "mixed")
    before = run_json("evaluate", saved.path)
    for split in ("train", "dev"):
        assert found[split] == found["mixture"][split] < max(before[split], found["counts"][split])
        assert found["network"][split] == pytest.approx(before[split], abs=1e-9)
    assert 0 <= found["weight"] <= 1
    done = run("evaluate", tmp_path / "mixed")
    for word in ("  network ", "  counts ", f"whose weight is {found['weight']:.3f}"):
        assert word in done.out


def test_discounts_that_were_clamped_are_told(run, run_json, items, tmp_path):
    path = tmp_path / "counts"
    options = "--preset", "kneser-ney", "--set", "order=2", "--data", items, "--out", path
    said = "Kneser-Ney: too few counts to estimate every discount of order"
    for words in (("train", *options), ("evaluate", path)):
        assert said in " ".join(run(*words).out.split())
    assert (
        run_json("evaluate", path)["clamped_orders"]
        == KneserNey.of(Dataset(items), 2).clamped_orders
    )


def test_evaluate_for_people_has_a_table_and_the_word(run, saved):
    done = run("evaluate", saved.path, "--word", "andrei")
    assert (done.code, done.err) == (0, "")
    for word in ("train", "dev", "probability", "surprisal", "mean"):
        assert word in done.out
    assert "test" not in done.out


def test_evaluate_takes_the_first_items_and_several_words(run, run_json, saved):
    words = [word for text in ("andrei", "dod", "") for word in ("--word", text)]
    found = run_json("evaluate", saved.path, "--split", "first-3", *words)
    assert set(found) == {"first-3", "word", "words", "words_mean"}
    assert [one["text"] for one in found["words"]] == ["andrei", "dod", ""]
    assert found["words"][0] == {"text": "andrei"} | found["word"]
    surprises = [nats for one in found["words"] for nats in one["surprises"]]
    assert found["words_mean"] == pytest.approx(sum(surprises) / 12)
    done = run("evaluate", saved.path, "--split", "first-3", *words)
    assert "first-3" in done.out
    assert f"12 characters of the 3 words: {found['words_mean']:.4f}" in done.out


def test_the_loss_of_the_first_items_is_the_mean_over_their_words(run_json, saved):
    words = [word for text in ITEMS[:3] for word in ("--word", text)]
    found = run_json("evaluate", saved.path, "--split", "first-3", *words)
    assert found["first-3"] == pytest.approx(found["words_mean"], abs=1e-6)


def test_contexts_are_told_on_request(run, run_json, saved):
    session = Session.load(saved.path)
    found = run_json("evaluate", saved.path, "--contexts")["contexts"]
    coverage = context_coverage(session.model, session.dataset)
    assert found == asdict(coverage) | {"possible": session.dataset.vocabulary.size**3}
    done = run("evaluate", saved.path, "--contexts")
    for words in ("never seen", f"loss, counts + {found['k']:.2g}", f" = {found['possible']:,}"):
        assert words in done.out


def test_a_neural_bigrams_penalty_stands_apart(run, run_json, items, tmp_path):
    words = ("--preset", "neural-bigram", "--steps", 5, "--set", "weight-decay=0.01")
    run_json("train", "--data", items, *words, "--out", tmp_path / "run")
    found = run_json("evaluate", tmp_path / "run")
    session = Session.load(tmp_path / "run.safetensors")
    wanted = regularization(session.model, session.dataset, "train", 0.01)
    assert wanted is not None
    assert found["regularization"] == asdict(wanted)
    total = f"{found['train'] + wanted.penalty:.3f}"
    assert f"+ penalty {wanted.penalty:.4f} = {total}" in run("evaluate", tmp_path / "run").out


# trace


def test_an_example_is_followed_and_back(run, run_json, saved):
    found = run_json("trace", saved.path, "--word", "anda", "--position", 1, "--backward")
    keys = ["word", "position", "context", "target", "stages", "probabilities", "loss"]
    keys += ["occurrences", "floor", "likelihood", "log_likelihood", "nll"]
    assert list(found) == [*keys, "gradients", "loss_after", "loss_after_next"]
    assert (found["word"], found["position"], found["target"]) == ("anda", 1, "n")
    probs = next(one["values"] for one in found["stages"] if one["name"] == "probs")
    assert probs == found["probabilities"]
    assert sum(probs) == pytest.approx(1)
    assert found["loss_after"] < found["loss"]
    printed = run("trace", saved.path, "--word", "anda", "--backward").out
    for name in ("emb", "hpreact", "logits", "dlogits", "dW1"):
        assert name in printed


def test_several_words_and_the_first_of_the_data_stand_in_one_ladder(run, run_json, saved):
    several = run_json("trace", saved.path, "--word", ITEMS[0], "--word", f"{ITEMS[1]} {ITEMS[2]}")
    first = run_json("trace", saved.path, "--split", "first-3")
    assert several == first
    loss = run_json("evaluate", saved.path, "--split", "first-3")["first-3"]
    assert first["nll"] == pytest.approx(loss, abs=1e-6)
    assert math.exp(first["log_likelihood"]) == pytest.approx(first["likelihood"])
    assert f"{first['nll']:.4f}" in run("trace", saved.path, "--split", "first-3").out
    assert "first-N" in run("trace", saved.path, "--split", "dev").err
    assert "exclude" in run("trace", saved.path, "--split", "first-3", "--word", "a").err


def test_softmax_of_typed_logits_overflows_as_written_and_not_safely(run, run_json):
    found = run_json("trace", "--logits", "100 2 -3")
    naive, safe = ({one["name"]: one["values"] for one in found[way]} for way in ("naive", "safe"))
    assert (naive["counts"][0], naive["probs"][0]) == ("Infinity", None)
    assert sum(safe["probs"]) == pytest.approx(1)
    assert "nan" in run("trace", "--logits", "100,2,-3").out
    for words in (["--logits", "1 two"], []):
        assert run("trace", *words).code == 2


def test_a_position_that_the_word_lacks_is_refused(run, saved):
    result = run("trace", saved.path, "--word", "and", "--position", 4)
    assert result.code == 2
    assert "position must be from 0 to 3" in result.err
