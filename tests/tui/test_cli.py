"""The command line: what it prints, what it refuses and how, and what it leaves on disk."""

import io
import json
import math
import os
import random
import re
import shlex
import signal
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from functools import partial
from types import SimpleNamespace

import pytest
from rich.console import Console

from makemore_tui.core.presets import PRESETS
from makemore_tui.core.runs.header import read_record
from makemore_tui.core.settings import SETTINGS
from makemore_tui.tui.cli import main as cli

COMMANDS = (
    "explore", "train", "sample", "evaluate", "find-lr", "data", "presets", "replay",
    "export",
)  # fmt: skip
TRAIN_KEYS = {
    "steps", "seconds", "steps_per_second", "parameters", "initial_loss", "train_loss", "dev_loss",
    "dev_loss_seen", "dev_loss_unseen", "seed", "run",
}  # fmt: skip
DATA_KEYS = {
    "name", "path", "items", "distinct", "vocabulary", "shortest", "longest", "examples", "seen",
    "bigrams",
}  # fmt: skip
ITEMS = [f"{a}{b}{a}" for a in "anders" for b in "iouj"]
SMALL = ("--set", "hidden=4", "--set", "embedding=2")
LONG = "a" * 300  # longer than a file's name can be


def call(*words):
    """Run the program in this process: its exit code, output and errors."""
    out, err = io.StringIO(), io.StringIO()
    argv, sys.argv = sys.argv, ["makemore-tui", *map(str, words)]
    try:
        with redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as left:
            cli.main()
    finally:
        sys.argv = argv
    return SimpleNamespace(code=left.value.code, out=out.getvalue(), err=err.getvalue())


@pytest.fixture(name="run")
def _run():
    return call


@pytest.fixture
def run_json(run):
    """Runs a command with --json: the one object that it printed."""

    def run_json(*words):
        done = run(*words, "--json")
        assert (done.code, done.err) == (0, "")
        return strict(done.out)

    return run_json


def strict(text):
    """The one JSON object that a text is; no NaN, no Infinity."""

    def refuse(constant):
        raise ValueError(f"{constant} is not JSON")

    found = json.loads(text, parse_constant=refuse)
    assert isinstance(found, dict)
    return found


@pytest.fixture
def refused(run):
    """Runs what must be refused: the sentence."""

    def refused(*words):
        done = run(*words)
        assert (done.code, done.out) == (2, "")
        assert done.err.startswith("makemore-tui: ")
        assert done.err.count("\n") == 1
        return done.err

    return refused


@pytest.fixture(scope="session")
def items(tmp_path_factory):
    """A file of a few items."""
    file = tmp_path_factory.mktemp("data") / "items.txt"
    file.write_text("\n".join(ITEMS * 4))
    return file


@pytest.fixture(scope="session")
def saved(items, tmp_path_factory):
    """The file of a run of a small MLP, and the report of its training."""
    path = tmp_path_factory.mktemp("runs") / "first.safetensors"
    words = ("--steps", 60, "--seed", 3, "--out", path.with_suffix(""), *SMALL)
    done = call("train", "--data", items, *words, "--json")
    assert (done.code, done.err) == (0, "")
    return SimpleNamespace(path=path, report=strict(done.out))


# Help


@pytest.mark.parametrize("command", COMMANDS)
def test_help_has_an_example(run, command):
    done = run(command, "--help")
    assert (done.code, done.err) == (0, "")
    assert "Example:" in done.out


def test_help_lists_the_commands(run):
    done = run("--help")
    assert done.code == 0
    assert all(command in done.out for command in COMMANDS)


@pytest.mark.parametrize("command", cli.app.registered_commands, ids=COMMANDS)
def test_an_example_works_as_it_stands(run, command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for line in (command.epilog or "").removeprefix("Example: ").split(" && "):
        program, *words = shlex.split(line)
        done = run(*words)
        assert program == "makemore-tui"
        if words[0] == "explore":
            assert "needs a terminal" in done.err
        else:
            assert (done.code, done.err) == (0, "")
            assert done.out


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
    assert (report["parameters"], report["steps"], report["run"]) == (11897, 1, None)


def test_the_same_seed_gives_the_same_losses(run_json, items):
    words = ("train", "--data", items, "--steps", 20, *SMALL, "--seed")
    first, again, other = (run_json(*words, seed)["train_loss"] for seed in (1, 1, 2))
    assert first == again != other


def test_train_prints_losses_samples_and_a_curve_for_people(run, items):
    done = run("train", "--data", items, "--steps", 40, *SMALL)
    assert (done.code, done.err) == (0, "")
    for word in ("before training", "train", "dev", "new items", "40 steps", "--out", "Names"):
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
        r"makemore-tui: the training diverged at step (\d+): the weights are not finite; a lower "
        r"learning rate would help, such as --set learning_rate=100\n",
        done.err,
    )
    assert found
    report = strict(done.out)
    assert report["train_loss"] is None  # no number
    assert 0 < int(found[1]) <= report["steps"] < 500
    kept = run("train", "--data", items, *DIVERGING, "--out", tmp_path / "run")
    assert kept.code == 1
    assert f"not finite, so {tmp_path / 'run.safetensors'} was not written; a lower" in kept.err
    assert "before training" in kept.out
    assert os.listdir(tmp_path) == []


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
    found = run_json("evaluate", tmp_path / "run", "--word", letter * 2)
    assert found["test"] == found["dev"] == "Infinity"
    assert found["word"]["probabilities"][1] == 0
    assert found["word"]["surprises"][1] == found["word"]["mean"] == "Infinity"


def test_without_smoothing_infinite_losses_are_shown(run, letters, tmp_path):
    words = ("--data", letters, "--preset", "bigram", "--set", "smoothing=0")
    assert "∞" in run("train", *words, "--out", tmp_path / "run").out
    done = run("evaluate", tmp_path / "run", "--split", "train", "--word", trained_on(letters) * 2)
    assert (done.code, done.err) == (0, "")
    assert "∞" in done.out


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
    assert set(found) == {"train", "dev", "test", "all"}
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
    for word in ("train", "dev", "test", "all", "probability", "surprisal", "mean"):
        assert word in done.out


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
    assert "does not turn up to 0.001" in run(*words).out


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
        (["--preset", "bigram"], "counts has no learning rate"),
        (["--preset", "nope"], "lecture"),
        (["--set", "hidden=0"], "from 1 to 4,096"),
    ],
)
def test_searches_that_are_refused(refused, words, says):
    assert says in refused("find-lr", *words)


# data and presets


def test_data_lists_the_built_in_datasets(run, run_json):
    done = run("data")
    assert (done.code, done.err) == (0, "")
    assert all(name in done.out for name in ("names", "surnames", "words", "32,178"))
    listed = run_json("data")["datasets"]
    assert [set(one) for one in listed] == [DATA_KEYS] * 3
    assert [one["name"] for one in listed] == ["names", "surnames", "words"]


def test_data_shows_one(run, run_json):
    done = run("data", "names")
    assert (done.code, done.err) == (0, "")
    assert "32,178" in done.out
    one = run_json("data", "names")
    assert set(one) == DATA_KEYS
    assert set(one["examples"]) == {"train", "dev", "test"}
    assert set(one["seen"]) == {"dev", "test"}
    assert len(one["bigrams"]) == 12


def test_data_shows_a_file(run, run_json, items):
    assert run_json("data", items)["path"] == str(items)
    done = run("data", items)
    assert done.code == 0
    assert "items.txt" in done.out


def test_presets_are_listed_with_all_their_settings(run, run_json):
    done = run("presets")
    assert (done.code, done.err) == (0, "")
    assert all(name in done.out for name in PRESETS)
    listed = run_json("presets")
    assert list(listed) == list(PRESETS)
    assert all(set(settings) == set(SETTINGS) for settings in listed.values())


# Text that looks like markup


@pytest.fixture
def markup(tmp_path):
    """A dataset of markup, in a file whose name is some, and a run of it."""
    file = tmp_path / "[red]x.txt"
    file.write_text("\n".join(["[/b]", "[b]x[/b]", "[/]", "\\[red]"] * 4))
    return SimpleNamespace(file=file, run=tmp_path / "[bold]run")


def test_markup_in_names_is_only_text(run, markup):
    done = run("data", markup.file)
    assert done.code == 0
    assert done.out.startswith("[red]x.txt")
    done = run("train", "--data", markup.file, "--preset", "bigram", "--out", markup.run)
    assert (done.code, done.err) == (0, "")
    assert "[bold]run" in done.out.replace("\n", "")


def test_markup_in_words_is_only_text(run, markup):
    run("train", "--data", markup.file, "--preset", "bigram", "--out", markup.run, "--json")
    done = run("evaluate", markup.run, "--word", "[/b]")
    assert (done.code, done.err) == (0, "")
    assert "[/b]" in done.out
    done = run("sample", markup.run, "--prefix", "[b]")
    assert done.out.count("\n[b]") == 20


# Refusals


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--preset", "nope"], "lecture"),
        (["--set", "nope=3"], "hidden"),
        (["--set", "hidden"], "name=value"),
        (["--set", "hidden="], "whole number"),
        (["--set", "hidden=many"], "whole number"),
        (["--set", "hidden=0"], "from 1 to 4,096"),
        (["--set", "learning_rate=nan"], "learning_rate"),
        (["--set", "kind=gpt"], "mlp"),
        (["--set", "train_on=first-0"], "first-N"),
    ],
)
@pytest.mark.parametrize("command", ["train", "explore"])
def test_settings_that_are_refused(refused, command, words, says):
    assert says in refused(command, *words)


def test_bad_data_is_refused(refused, tmp_path):
    assert "none.txt" in refused("train", "--data", tmp_path / "none.txt")
    assert "none.txt" in refused("data", tmp_path / "none.txt", "--json")
    assert str(tmp_path) in refused("data", tmp_path)
    (tmp_path / "few.txt").write_text("a\nb\n")
    assert "10" in refused("train", "--data", tmp_path / "few.txt", "--json")
    assert refused("data", LONG)


def test_an_existing_run_or_folder_is_never_written_over(refused, saved, tmp_path, monkeypatch):
    monkeypatch.setattr(
        "makemore_tui.core.session.session.Session.train", None
    )  # must not come to that
    before = saved.path.read_bytes()
    assert "already exists" in refused("train", "--out", saved.path)
    assert "already exists" in refused("train", "--out", saved.path.with_suffix(""))
    assert saved.path.read_bytes() == before
    assert "already exists" in refused("train", "--out", tmp_path)


@pytest.mark.parametrize("name", ["file/run", LONG])
def test_a_file_that_cannot_be_is_refused_before_training(refused, tmp_path, monkeypatch, name):
    monkeypatch.setattr("makemore_tui.core.session.session.Session.train", None)
    (tmp_path / "file").write_text("")
    assert refused("train", "--out", tmp_path / name)


@pytest.mark.parametrize("command", ["sample", "evaluate"])
def test_what_is_no_run_is_refused(refused, command, tmp_path):
    assert "no such file" in refused(command, tmp_path / "none")
    assert "run.json" in refused(command, tmp_path, "--json")
    (tmp_path / "run.safetensors").write_text("{")
    assert "damaged" in refused(command, tmp_path / "run")
    assert refused(command, LONG)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["-n", 0], "from 1 to"),
        (["-n", -5], "from 1 to"),
        (["-n", 10**9], "from 1 to"),
        (["--temperature", -1], "temperature"),
        (["--temperature", "nan"], "temperature"),
        (["--temperature", "inf"], "temperature"),
        (["--prefix", "xyz"], "'x'"),
        (["--prefix", "é"], "'é'"),
    ],
)
def test_samples_that_are_refused(refused, saved, words, says):
    assert says in refused("sample", saved.path, *words)


@pytest.mark.parametrize(
    ("words", "says"),
    [(["--split", "nope"], "train, dev, test"), (["--word", "Zoë"], "'Z'")],
)
def test_evaluations_that_are_refused(refused, saved, words, says):
    assert says in refused("evaluate", saved.path, *words)


def test_a_run_whose_dataset_has_changed_is_refused(run, refused, tmp_path):
    file = tmp_path / "items.txt"
    file.write_text("\n".join(ITEMS))
    run("train", "--data", file, "--steps", 1, *SMALL, "--out", tmp_path / "run")
    file.write_text("\n".join([*ITEMS, "anna"]))
    assert "has changed" in refused("sample", tmp_path / "run")
    file.unlink()
    assert "items.txt" in refused("evaluate", tmp_path / "run")


@pytest.mark.parametrize(
    "words",
    [
        ["nope"],
        ["train", "--nope"],
        ["--nope"],
        ["sample"],
        ["train", "--steps", "0"],
        ["train", "--steps", "many"],
        ["train", "--seed", "-1"],
        ["train", "--seed", str(2**70)],
        ["sample", "run", "-n", "many"],
        ["data", "names", "surnames"],
    ],
)
def test_words_that_make_no_command_are_refused(run, words):
    done = run(*words)
    assert (done.code, done.out) == (2, "")
    assert "Traceback" not in done.err
    assert done.err


@pytest.mark.parametrize("words", [[], ["explore"], ["--seed", "4"], ["--data", "surnames"]])
def test_the_explorer_without_a_terminal_names_what_works_without_one(refused, words):
    said = refused(*words)
    assert "needs a terminal" in said
    assert "`makemore-tui train`" in said


# ctrl+c

TELLING = """
import sys
from makemore_tui.core.training import time_slicer as slicer
train = slicer.TimeSlicer.train
def tell(*words):
    print("training", file=sys.stderr, flush=True)
    return train(*words)
slicer.TimeSlicer.train = tell
from makemore_tui.tui.cli.main import main
try:
    main()
finally:
    print([name for name in ("textual",) if name in sys.modules], file=sys.stderr)
"""


def test_ctrl_c_saves_the_run_and_reports_it(items, tmp_path, run_json):
    folder = tmp_path / "run"
    words = ["train", "--data", items, "--steps", 10**9, *SMALL, "--out", folder, "--json"]
    program = subprocess.Popen(
        [sys.executable, "-c", TELLING, *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert program.stderr
    assert program.stderr.readline() == "training\n"
    program.send_signal(signal.SIGINT)
    out, err = program.communicate(timeout=60)
    assert program.returncode == 130
    assert err.replace("training\n", "") == "[]\n"  # nor any screen loaded
    report = strict(out)
    assert set(report) == TRAIN_KEYS
    assert 0 < report["steps"] < 10**9
    assert report["run"] == f"{folder}.safetensors"
    assert read_record(folder).steps == report["steps"]
    assert len(run_json("sample", folder)["samples"]) == 20


def test_on_a_terminal_a_bar_shows_the_loss_until_ctrl_c(run, items, monkeypatch):
    from makemore_tui.core.training.time_slicer import TimeSlicer

    bar = io.StringIO()
    terminal = partial(Console, file=bar, force_terminal=True, width=100)
    monkeypatch.setattr("makemore_tui.tui.cli.progress.Console", lambda stderr: terminal())
    train, slices = TimeSlicer.train, []

    def interrupted(*words):
        slices.append(train(*words))
        if len(slices) == 3:
            signal.raise_signal(signal.SIGINT)
        return slices[-1]

    monkeypatch.setattr(TimeSlicer, "train", interrupted)
    done = run("train", "--data", items, "--steps", 10**9, *SMALL)
    assert (done.code, done.err) == (130, "")
    assert len(slices) == 3
    assert re.search(r"training .*/1000000000.*loss.* \d\.\d{3}", bar.getvalue())
    assert "before training" in done.out
    assert "Minibatch loss" in done.out
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


INTERRUPTED = {
    "explore": "tui.cli.options.preset_named",
    "train": "core.datasets.dataset.Dataset.load",
    "sample x": "core.runs.checkpoint.read",
    "evaluate x": "core.runs.checkpoint.read",
    "find-lr": "core.datasets.dataset.Dataset.load",
    "data": "core.datasets.dataset.Dataset.load",
    "presets": "tui.cli.reports.print_presets",
    "replay x": "tui.cli.runs.load_torch",
    "export x": "core.runs.checkpoint.read",
    "runs": "core.runs.catalog.saved_runs",
    "runs remove x": "core.runs.catalog.remove",
}


@pytest.mark.parametrize("words", INTERRUPTED)
def test_ctrl_c_ends_every_command_without_a_traceback(run, words, monkeypatch):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(f"makemore_tui.{INTERRUPTED[words]}", interrupt)
    done = run(*words.split())
    assert (done.code, done.out, done.err) == (130, "", "")


def test_no_command_was_forgotten():
    assert {words.split()[0] for words in INTERRUPTED} == {*COMMANDS, "runs"}


LOADING = """
import os, signal, sys
wanted = "nothing"
class PressesCtrlC:
    def find_spec(name, path=None, target=None):
        if name == wanted:
            try:
                signal.raise_signal(signal.SIGINT)
            except BaseException:
                os._exit(134)  # as torch's C++ code aborts
sys.meta_path.insert(0, PressesCtrlC)
from makemore_tui.tui.__main__ import main
wanted = "typer"
def ended(words):
    if os.fork() == 0:
        sys.argv[1:] = words
        main()
    return os.waitstatus_to_exitcode(os.wait()[1])
codes = [ended(["presets"])]
wanted = "torch"
from makemore_tui.tui.cli import main as cli
codes += [ended(words.split()) for words in sys.argv[1:]]
print(codes)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="it forks")
def test_ctrl_c_while_things_are_loaded_ends_it_at_once():
    loading = [one for one in INTERRUPTED if one.split()[0] not in ("explore", "presets", "runs")]
    command = [sys.executable, "-c", LOADING, *loading]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"{[130] * (1 + len(loading))}\n"
