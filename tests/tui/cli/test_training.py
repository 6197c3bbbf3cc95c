"""Commands that train: what they print, and what they leave on disk."""

import random
import re
from pathlib import Path

import pytest

from makemore_tui.core.runs.header import read_record
from tests.support.command_line import ITEMS, SMALL, TRAIN_KEYS, strict

# train


def test_train_reports_every_key(saved):
    report = saved.report
    assert set(report) == TRAIN_KEYS
    assert (report["steps"], report["seed"], report["run"]) == (60, 3, str(saved.path))
    assert report["steps_per_second"] == pytest.approx(report["steps"] / report["seconds"])
    assert report["train_loss"] < report["initial_loss"]
    assert [path.name for path in saved.path.parent.iterdir()] == ["first.safetensors"]


def test_the_lecture_s_model_has_the_lecture_s_size(run_json):
    report = run_json("train", "--preset", "lecture", "--steps", 1)
    assert (report["parameters"], report["steps"]) == (11897, 1)


def test_a_run_is_kept_where_the_explorer_keeps_them(run, run_json, items, tmp_path, monkeypatch):
    monkeypatch.setenv("MAKEMORE_TUI_RUNS", str(tmp_path / "runs"))
    words = ("train", "--data", items, "--steps", 2, *SMALL)
    paths = {Path(run_json(*words)["run"]) for _ in range(2)}
    assert len(paths) == 2
    assert {path.parent for path in paths} == {tmp_path / "runs"}
    assert set((tmp_path / "runs").iterdir()) == paths  # no lock is left
    assert not any(read_record(path).named for path in paths)
    name = min(paths).name.removesuffix(".safetensors")
    assert name.startswith("items-")
    assert run("sample", name, "-n", 1).code == 0
    done = run(*words, "--run-dir", tmp_path / "there")
    (path,) = (tmp_path / "there").iterdir()
    assert str(path) in done.out.replace("\n", "")
    assert run_json(*words, "--no-save")["run"] is None
    assert set((tmp_path / "runs").iterdir()) == paths


def test_where_no_run_can_be_kept_training_is_refused(refused, items, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("MAKEMORE_TUI_RUNS", str(tmp_path / "file" / "runs"))
    monkeypatch.setattr("makemore_tui.core.session.session.Session.train", None)
    assert "--no-save trains without" in refused("train", "--data", items, "--steps", 2)
    assert "can't be combined with --no-save" in refused("train", "--no-save", "--out", "a")


def test_the_same_seed_gives_the_same_losses(run_json, items):
    words = ("train", "--data", items, "--steps", 20, *SMALL, "--seed")
    first, again, other = (run_json(*words, seed)["train_loss"] for seed in (1, 1, 2))
    assert first == again != other


def test_train_prints_losses_samples_and_a_curve_for_people(run, items):
    done = run("train", "--data", items, "--steps", 40, *SMALL)
    assert (done.code, done.err) == (0, "")
    for word in ("before training", "train", "dev", "new items", "40 steps", "saved to", "Names"):
        assert word in done.out
    assert done.out.count(" new\n") + done.out.count(" in data") >= 10
    assert "Minibatch loss" in done.out
    assert "└" in done.out


def test_unique_drops_repeated_items(run_json, items):
    every = run_json("data", items)
    distinct = run_json("data", items, "--unique")
    assert (every["items"], every["distinct"]) == (4 * len(ITEMS), len(ITEMS))
    assert distinct["items"] == distinct["distinct"] == len(ITEMS)
    assert run_json("train", "--data", items, "--steps", 1, "--unique", *SMALL)["steps"] == 1


def test_set_takes_several_settings(run_json, items):
    settings = ("--set", "kind=neural-bigram", "--set", "batch_size=0", "--set", "steps=3")
    report = run_json("train", "--data", items, *settings)
    characters = len(set("".join(ITEMS))) + 1
    assert (report["steps"], report["parameters"]) == (3, characters**2)


DIVERGING = ("--steps", 500, "--set", "learning_rate=1000", "--set", "weight_decay=100", *SMALL)


def test_a_training_that_diverges_says_so_and_ends_with_one(run, items, tmp_path):
    done = run("train", "--data", items, *DIVERGING, "--json")
    assert (done.code, done.err.count("\n")) == (1, 1)
    found = re.fullmatch(
        r"makemore-tui: the training diverged at step (\d+): the weights are not finite; try a "
        r"lower learning rate, such as --set learning_rate=0.3\n",
        done.err,
    )
    assert found
    report = strict(done.out)
    assert report["train_loss"] is None  # no number
    assert 0 < int(found[1]) <= report["steps"] < 500
    kept = run("train", "--data", items, *DIVERGING, "--no-save")
    assert (kept.code, kept.err) == (1, done.err)
    kept = run("train", "--data", items, *DIVERGING, "--out", tmp_path / "run")
    assert kept.code == 1
    assert f"not finite, so {tmp_path / 'run.safetensors'} was not written; try a lower" in kept.err
    assert "before training" in kept.out
    assert list(tmp_path.iterdir()) == []


def test_a_loss_that_explodes_ends_a_training_and_the_run_is_kept(run, run_json, items, tmp_path):
    words = ("train", "--data", items, "--steps", 500, "--set", "learning_rate=300", *SMALL)
    done = run(*words, "--out", tmp_path / "run", "--json")
    assert done.code == 1
    assert re.fullmatch(
        r"makemore-tui: the training diverged at step \d+: the loss has exploded to [\d,]+ nats; "
        r"try a lower learning rate, such as --set learning_rate=0.3\n",
        done.err,
    )
    assert strict(done.out)["steps"] < 500
    assert run_json("replay", tmp_path / "run")["identical"]
    again = run("train", "--resume", tmp_path / "run", "--set", "learning_rate=0.1", "--json")
    assert strict(again.out)["steps"] == 500  # though it was diverged to begin with


def test_a_run_to_go_on_with_is_found_by_name_where_runs_are_kept(run_json, items, tmp_path):
    words = ("--data", items, *SMALL, "--steps", 3, "--run-dir", tmp_path)
    first = run_json("train", *words)["run"]
    name = Path(first).stem
    again = run_json("train", "--resume", name, "--run-dir", tmp_path, "--steps", 5)
    assert again["steps"] == 5


# Infinite losses


@pytest.fixture(scope="session")
def letters(tmp_path_factory):
    """A file of letters, each but once: what is held out was never seen."""
    file = tmp_path_factory.mktemp("data") / "letters.txt"
    file.write_text("\n".join("abcdefghijklmnopqrst"))
    return file


def trained_on(letters):
    """One of the letters that do not stand in the held-out splits."""
    items = letters.read_text().split()
    random.Random(42).shuffle(items)
    return items[0]


def test_without_smoothing_infinite_losses_are_valid_json(run_json, letters, tmp_path):
    words = ("--data", letters, "--preset", "bigram", "--set", "smoothing=0")
    report = run_json("train", *words, "--out", tmp_path / "run")
    assert report["dev_loss"] == report["dev_loss_unseen"] == "Infinity"
    assert report["dev_loss_seen"] is None
    assert 0 < report["train_loss"] < 3
    assert read_record(tmp_path / "run").report["dev_loss"] == "Infinity"

    letter = trained_on(letters)
    found = run_json("evaluate", tmp_path / "run", "--word", letter * 2, "--split", "all")
    assert found["test"] == found["dev"] == "Infinity"
    assert found["word"]["probabilities"][1] == 0
    assert found["word"]["surprises"][1] == found["word"]["mean"] == "Infinity"


def test_without_smoothing_infinite_losses_are_shown(run, letters, tmp_path):
    words = ("--data", letters, "--preset", "bigram", "--set", "smoothing=0")
    assert "∞" in run("train", *words, "--out", tmp_path / "run").out
    done = run("evaluate", tmp_path / "run", "--split", "train", "--word", trained_on(letters) * 2)
    assert (done.code, done.err) == (0, "")
    assert "∞" in done.out


# find-lr


SEARCH_KEYS = {
    "low", "high", "steps", "done", "seeds", "finished", "rates", "lowest", "mean", "highest",
    "turns", "explodes", "suggested", "why",
}  # fmt: skip


def test_find_lr_suggests_a_rate_for_the_lecture_s_model(run_json):
    found = run_json("find-lr", "--preset", "lecture")
    assert set(found) == SEARCH_KEYS
    assert (found["low"], found["high"], found["steps"], found["seeds"]) == (0.001, 1, 1000, 3)
    assert 0.05 <= found["suggested"] <= 0.2
    curves = zip(found["lowest"], found["mean"], found["highest"], strict=True)
    assert all(low <= mean <= high for low, mean, high in curves)


def test_find_lr_takes_data_settings_seed_and_range(run_json, items):
    words = ("find-lr", "--data", items, *SMALL, "--steps", 60, "--low", 0.01, "--high", 5)
    first, again = run_json(*words), run_json(*words)
    assert (first["low"], first["high"], first["done"]) == (0.01, 5, 60)
    assert first == again != run_json(*words, "--seed", 2)
    assert run_json("find-lr", "--data", items, "--set", "optimizer=adamw")["high"] == 0.1


def test_find_lr_for_people_has_a_table_and_a_plot(run, items):
    words = ("find-lr", "--data", items, *SMALL, "--steps", 200, "--low", 0.01, "--high", 100)
    done = run(*words)
    assert (done.code, done.err) == (0, "")
    for word in ("0.01 to 100", "turns at", "explodes at", "suggested", "Smith 2017", "└", "10"):
        assert word in done.out
    assert any(0x2800 < ord(sign) < 0x2900 for sign in done.out)  # braille


def test_find_lr_says_when_nothing_can_be_suggested(run, run_json, items):
    words = ("find-lr", "--data", items, "--preset", "scaled", "--low", 0.0001, "--high", 0.001)
    assert run_json(*words)["suggested"] is None
    assert "still falls at 0.001" in run(*words).out


def test_find_lr_beyond_all_numbers_is_valid_json(run, run_json, items):
    decay = ("--set", "weight_decay=100")
    words = ("find-lr", "--data", items, *SMALL, *decay, "--low", 0.001, "--high", 1000)
    found = run_json(*words)
    assert found["mean"][-1] in (None, "Infinity")
    assert found["explodes"]
    assert run(*words).code == 0


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--low", 0], "low must be a number from 1e-06 to 1,000, not 0"),
        (["--low", "nan"], "low must be a number"),
        (["--high", "inf"], "high must be a number"),
        (["--low", 0.1, "--high", 0.01], "0.1 is not below 0.01"),
        (["--low", 2], "2 is not below 1"),
        (["--steps", 3], "steps must be a whole number from 50"),
        (["--steps", 10**9], "steps must be a whole number"),
        (["--preset", "bigram"], "counts have no learning rate"),
        (["--preset", "nope"], "lecture"),
        (["--set", "hidden=0"], "from 1 to 4,096"),
    ],
)
def test_searches_that_are_refused(refused, words, says):
    assert says in refused("find-lr", *words)
