"""The commands `runs`, `replay` and `train --resume`; the list of runs, its locks and pruning."""

import json
import os
import shutil
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from makemore_tui.core.errors import UserError
from makemore_tui.core.runs import catalog as run_list
from makemore_tui.core.runs.directory import runs_directory
from makemore_tui.core.runs.header import read_record
from makemore_tui.core.runs.locks import RunLock, is_locked
from makemore_tui.core.runs.record import JournalEntry
from makemore_tui.core.settings import SETTINGS
from makemore_tui.tui.cli import main as cli
from tests.support.run_damage import change_record

SMALL = ("--set", "hidden=4", "--set", "embedding=2")


@pytest.fixture
def run(capsys):
    """Runs the program in this process: its exit code, output and errors."""

    def run(*words):
        argv, sys.argv = sys.argv, ["makemore-tui", *map(str, words)]
        try:
            with pytest.raises(SystemExit) as left:
                cli.main()
        finally:
            sys.argv = argv
        return left.value.code, *capsys.readouterr()

    return run


@pytest.fixture
def run_json(run):
    def run_json(*words, code=0):
        done, out, err = run(*words, "--json")
        assert (done, err) == (code, "")
        return json.loads(out)

    return run_json


@pytest.fixture
def refused(run):
    def refused(*words):
        code, out, err = run(*words)
        assert (code, out) == (2, "")
        assert err.count("\n") == 1
        return err

    return refused


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A saved run of 30 steps."""
    from makemore_tui.core.datasets.dataset import Dataset
    from makemore_tui.core.session.session import Session
    from makemore_tui.core.settings import ModelSettings, TrainSettings

    folder = tmp_path_factory.mktemp("data")
    (folder / "items.txt").write_text("\n".join(f"{a}{b}{a}" for a in "anders" for b in "iouj"))
    model, train = ModelSettings(hidden=4, embedding=2), TrainSettings(steps=30)
    session = Session(Dataset.load(str(folder / "items.txt")), model, train, seed=3)
    session.train(12)
    session.edit(hidden=6)
    session.train(18)
    session.evaluate("dev")
    session.save(folder / "run")
    return folder / "run.safetensors"


@pytest.fixture
def place(whole, tmp_path):
    """A directory of four runs, "a" the oldest; "a", "b" and "d" were saved by themselves."""
    directory = tmp_path / "runs"
    directory.mkdir()
    for i, name in enumerate("abcd"):
        path = directory / f"{name}.safetensors"
        shutil.copy(whole, path)
        change(path, saved=f"2026-01-0{i + 1}T00:00:00+00:00", named=name == "c")
    return directory


def change(path, **changes):
    change_record(path, lambda record: record | changes)


def names_in(directory):
    """Everything in a directory, without the suffix of runs."""
    return sorted(name.removesuffix(".safetensors") for name in os.listdir(directory))


# Listing


def test_runs_are_listed_the_newest_first(run_json, place, monkeypatch):
    monkeypatch.setenv("MAKEMORE_TUI_RUNS", str(place))
    answer = run_json("runs")
    assert answer["directory"] == str(place)
    assert [one["name"] for one in answer["runs"]] == list("dcba")
    first = answer["runs"][0]
    told = (first["dataset"], first["model"], first["steps"], first["problem"], first["named"])
    assert told == ("items.txt", "MLP 3, 2, 6", 30, None, False)
    assert first["saved"] == "2026-01-04T00:00:00+00:00"
    assert (first["test_peeks"], first["seed"]) == (0, 3)
    assert first["path"] == str(place / "d.safetensors")
    assert set(first["settings"]) == set(SETTINGS)
    assert first["settings"]["hidden"] == 6
    assert 0 < first["best_dev"] < 5


def test_runs_for_people_have_a_line_each_and_damaged_ones_say_so(run, place, monkeypatch):
    monkeypatch.delenv("COLUMNS", raising=False)
    (place / "b.safetensors").write_text("{")
    os.truncate(place / "a.safetensors", 200)
    (place / "letters").mkdir()
    (place / ".hidden").mkdir()
    (place / "file").touch()
    code, out, err = run("runs", "--run-dir", place)
    assert (code, err) == (0, "")
    words = " ".join(out.split())
    assert "name data model lr batch optimizer steps dev test peeks when" in words
    assert "d items.txt MLP 3, 2, 6 0.1 32 sgd 30" in words
    assert f"b: {place}/b.safetensors is damaged".replace(" ", "") in "".join(out.split())
    assert f"a: {place}/a.safetensors is damaged".replace(" ", "") in "".join(out.split())
    assert "letters" in out
    assert ".hidden" not in out
    assert f"{place}/file" not in "".join(out.split())


def test_a_name_is_shown_whole_in_a_narrow_terminal(run, place, monkeypatch):
    (place / "a.safetensors").rename(place / "names-2026-11-24-170149.safetensors")
    monkeypatch.setenv("COLUMNS", "50")
    assert "names-2026-11-24-170149" in run("runs", "--run-dir", place)[1]


def test_a_directory_that_is_not_there_has_no_runs(run, run_json, tmp_path):
    assert run_json("runs", "--run-dir", tmp_path / "none")["runs"] == []
    assert "no runs in" in run("runs", "--run-dir", tmp_path / "none")[1]


def test_help_has_an_example(run):
    for words in (("runs",), ("runs", "remove"), ("replay",)):
        assert "Example:" in run(*words, "--help")[1]


def test_runs_are_sorted_and_filtered(run, run_json, place):
    def names(*words):
        return "".join(one["name"] for one in run_json("runs", "--run-dir", place, *words)["runs"])

    for name, best in zip("abcd", (2.5, 2.2, 2.9, 2.1), strict=True):
        change(place / f"{name}.safetensors", dev_losses={"points": [], "best": best})
    change(place / "b.safetensors", test_peeks=3)
    assert names("--sort", "dev") == "dbac"
    assert names("--sort", "name") == "abcd"
    assert names("--sort", "test peeks") == "bdca"
    assert names("--filter", "hidden=6 items") == "dcba"
    assert names("--filter", "hidden=60") == names("--filter", "nothing") == ""
    assert "matches 'nothing'" in run("runs", "--run-dir", place, "--filter", "nothing")[1]


def test_looking_at_the_test_split_is_counted_in_the_run(run_json, place):
    path = place / "a.safetensors"
    assert set(run_json("evaluate", path)) == {"train", "dev"}
    assert read_record(path).test_peeks == 0
    assert set(run_json("evaluate", path, "--split", "test")) == {"test"}
    assert set(run_json("evaluate", path, "--split", "all")) == {"train", "dev", "test", "all"}
    assert read_record(path).test_peeks == 2
    assert run_json("replay", path)["identical"]


# Removing


def test_a_run_is_removed_by_its_path(run, refused, place, tmp_path):
    assert run("runs", "remove", place / "a.safetensors")[0] == 0
    (tmp_path / "other.safetensors").write_text("weights of another program")
    assert "not a safetensors file" in refused("runs", "remove", tmp_path / "other.safetensors")
    assert names_in(place) == ["b", "c", "d"]


def test_runs_are_removed_by_name(run, place):
    said = "".join(f"removed {name} ({place / name}.safetensors)\n" for name in "ac")
    assert run("runs", "remove", "a", "c", "--run-dir", place) == (0, said, "")
    assert names_in(place) == ["b", "d"]
    assert run("runs", "--run-dir", place, "remove", "d")[0] == 0
    assert names_in(place) == ["b"]


@pytest.mark.parametrize("name", ["../a", "/etc", ".", "..", "", "none", "a/b", "link", "letters"])
def test_what_is_no_run_of_the_directory_is_not_removed(refused, place, name):
    (place / "letters").mkdir()
    (place / "link.safetensors").symlink_to(place / "a.safetensors")
    before = names_in(place)
    refused("runs", "remove", "--run-dir", place, "--", "b", name)
    assert names_in(place) == before


HOLDING = """
import sys
from pathlib import Path
from makemore_tui.core.runs.locks import RunLock
held = RunLock(Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def held():
    """Holds a run in another process, until the end of the test."""
    started = []

    def hold(folder):
        pipes = partial(subprocess.Popen, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        process = pipes([sys.executable, "-c", HOLDING, str(folder)])
        started.append(process)
        assert process.stdout
        assert process.stdout.readline() == "held\n"
        return process

    yield hold
    for process in started:
        process.kill()
        process.communicate()


def test_a_run_that_is_open_is_neither_removed_nor_pruned_nor_opened_again(refused, place, held):
    path = place / "a.safetensors"
    process = held(path)
    assert "is open in an explorer" in refused("runs", "remove", "a", "--run-dir", place)
    assert run_list.prune(place, 0, keep=0) == ["b", "d"]
    with pytest.raises(UserError, match="is open in another explorer"):
        RunLock(path)
    process.kill()
    process.wait()
    assert not is_locked(path)
    assert run_list.prune(place, 0, keep=0) == ["a"]
    assert names_in(place) == ["c"]


def test_a_lock_that_is_released_leaves_nothing(place):
    lock = RunLock(place / "a.safetensors")
    assert ".a.lock" in os.listdir(place)
    lock.release()
    assert names_in(place) == list("abcd")


def test_what_can_not_be_removed_is_said_and_stays(place, refused, monkeypatch):
    def refuse(*words, **options):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("tempfile.mkdtemp", refuse)
    monkeypatch.setattr(Path, "unlink", refuse)
    said = refused("runs", "remove", "a", "--run-dir", place)
    assert f"{place / 'a.safetensors'} can't be removed: Permission denied" in said
    assert "a" in names_in(place)


# Pruning


def test_pruning_removes_the_oldest_of_those_saved_by_themselves(place):
    one = (place / "d.safetensors").stat().st_size
    assert run_list.prune(place, 4 * one) == []
    assert run_list.prune(place, 2 * one + 9) == ["a"]
    assert names_in(place) == ["b", "c", "d"]
    assert run_list.prune(place, 0, keep=1) == ["b"]
    assert names_in(place) == ["c", "d"]


def test_pruning_leaves_damaged_runs_links_and_other_things(place, whole):
    (place / "b.safetensors").write_text("{")
    (place / "link.safetensors").symlink_to(place / "a.safetensors")
    (place / "letters").mkdir()
    outside = place.parent / "outside.safetensors"
    shutil.copy(place / "a.safetensors", outside)
    (place / "other.safetensors").symlink_to(outside)
    (place / ".a.lock").symlink_to(place.parent / "lock")
    assert run_list.prune(place, 0, keep=0) == ["d"]
    assert names_in(place) == [".a.lock", "a", "b", "c", "letters", "link", "other"]
    assert not (place.parent / "lock").exists()


def test_pruning_removes_what_a_killed_process_left_long_ago(place):
    (place / ".unfinished.folder").mkdir()
    (place / ".unfinished.folder" / "file").write_bytes(b"1")
    for name in (".unfinished.1a2b", ".unfinished.new", ".mine"):
        (place / name).write_bytes(b"1")
    for name in (".unfinished.folder", ".unfinished.1a2b", ".mine"):
        os.utime(place / name, (0, 0))
    (place / ".unfinished.link").symlink_to(place / "a.safetensors")
    assert run_list.prune(place, 10**9) == []
    hidden = sorted(name for name in os.listdir(place) if name.startswith("."))
    assert hidden == [".mine", ".unfinished.link", ".unfinished.new"]
    assert len(os.listdir(place)) == 7


def test_the_place_of_runs(monkeypatch, tmp_path):
    monkeypatch.setenv("MAKEMORE_TUI_RUNS", str(tmp_path))
    assert runs_directory() == tmp_path
    assert runs_directory("there") == Path("there")
    assert runs_directory("~no-such-user/runs") == Path("~no-such-user/runs")
    monkeypatch.delenv("MAKEMORE_TUI_RUNS")
    assert runs_directory().parts[-2:] == ("makemore-tui", "runs")


def test_the_list_loads_no_torch():
    program = "import sys, makemore_tui.core.runs.catalog; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout == "False\n", done.stderr


# Runs by name


@pytest.mark.parametrize(
    "words",
    [
        ("sample", "a"),
        ("evaluate", "a"),
        ("replay", "a"),
        ("export", "a", "--as", "spec", "--out", "-"),
        ("train", "--resume", "a", "--steps", "40"),
    ],
)
def test_a_run_is_known_by_its_name(words, run, place, monkeypatch):
    monkeypatch.setenv("MAKEMORE_TUI_RUNS", str(place))
    by_name = run(*words)
    assert by_name[0] == 0, by_name
    by_folder = run(*(str(place / "a.safetensors") if word == "a" else word for word in words))
    assert by_folder[0] == 0, by_folder


def test_a_file_here_comes_before_a_name(run_json, whole, place, tmp_path, monkeypatch):
    change(place / "a.safetensors", seed=4)
    (tmp_path / "here").mkdir()
    shutil.copy(whole, tmp_path / "here" / "a.safetensors")
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("MAKEMORE_TUI_RUNS", str(place))
    assert run_json("replay", "a")["identical"] is True


def test_a_name_that_no_run_has_is_refused(refused, place, monkeypatch):
    monkeypatch.setenv("MAKEMORE_TUI_RUNS", str(place))
    for words in (("sample",), ("evaluate",), ("replay",), ("export",), ("train", "--resume")):
        said = refused(*words, "nobody")
        assert f"no run named nobody in {place} or in the current folder. See makemore" in said
    said = refused("runs", "remove", "nobody")
    assert f"no run named nobody in {place}, so nothing was removed" in said


def test_a_folder_here_does_not_hide_a_run_of_its_name(run, place, tmp_path, monkeypatch):
    monkeypatch.setenv("MAKEMORE_TUI_RUNS", str(place))
    (tmp_path / "here" / "a").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "here")
    assert run("sample", "a", "-n", "1")[0] == 0


# Replaying


def test_a_replay_says_that_it_is_identical(run, run_json, whole):
    assert run_json("replay", whole) == {
        "identical": True,
        "largest_difference": 0.0,
        "loss_difference": 0.0,
        "steps": 30,
    }
    code, out, err = run("replay", whole)
    assert (code, err) == (0, "")
    assert "identical" in out


def test_a_replay_that_differs_ends_with_one(run_json, place):
    change(place / "a.safetensors", seed=4)
    answer = run_json("replay", place / "a", code=1)
    assert answer["identical"] is False
    assert answer["largest_difference"] > 0
    assert answer["loss_difference"] > 0


def test_a_replay_until_a_step_is_saved_and_gone_on_with(run_json, whole, tmp_path):
    answer = run_json("replay", whole, "--until", 20, "--out", tmp_path / "twenty")
    assert answer == {
        "identical": None,
        "largest_difference": None,
        "loss_difference": None,
        "steps": 20,
    }
    report = run_json("train", "--resume", tmp_path / "twenty", "--out", tmp_path / "thirty")
    assert report["steps"] == 30
    records = [read_record(path) for path in (whole, tmp_path / "thirty")]
    assert records[0].journal == records[1].journal
    assert run_json("replay", tmp_path / "thirty")["identical"]
    dev = [run_json("evaluate", f, "--split", "dev") for f in (whole, tmp_path / "thirty")]
    assert dev[0] == dev[1]


def test_a_replay_is_saved_with_the_threads_that_it_took(run, place, tmp_path):
    change(place / "a.safetensors", threads=2)
    run("replay", place / "a", "--out", tmp_path / "again")
    threads = read_record(place / "a").usable_threads  # as far as this machine has them
    assert read_record(tmp_path / "again").threads == threads


def test_replays_that_are_refused(refused, whole, tmp_path):
    assert "can't be replayed until 31" in refused("replay", whole, "--until", 31)
    assert "already exists" in refused("replay", whole, "--out", whole)
    assert "is not a run" in refused("replay", tmp_path / "none")


def test_another_torch_is_said(run, place):
    change(place / "a.safetensors", versions={"torch": "1.0"})
    code, out, err = run("replay", place / "a")
    assert code == 0
    assert "identical" in out
    assert "saved with torch 1.0" in err


# Going on


def test_a_run_goes_on_to_more_steps_and_other_settings(run_json, whole, tmp_path):
    words = ("--steps", 50, "--set", "learning_rate=0.01", "--out", tmp_path / "on")
    assert run_json("train", "--resume", whole, *words)["steps"] == 50
    record = read_record(tmp_path / "on")
    assert record.journal[-1] == JournalEntry(30, {"learning_rate": 0.01, "steps": 50})
    assert run_json("replay", tmp_path / "on")["identical"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ((), "has taken all of its 30 steps; --steps 60 continues it"),
        (("--steps", 20), "has taken all of its 30 steps"),
        (("--data", "names", "--steps", 50), "--data can't be combined with --resume"),
        (("--seed", 4, "--steps", 50), "--seed can't be combined with --resume"),
        (("--set", "direct=true"), "direct would start a new run"),
        (("--set", "nonsense=1"), "there is no setting 'nonsense'"),
    ],
)
def test_what_cannot_be_gone_on_with_is_refused(refused, whole, tmp_path, words, says):
    assert says in refused("train", "--resume", whole, "--out", tmp_path / "on", *words)
    assert not os.listdir(tmp_path)


# Words that are no command


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["train", "--stepz", "3"], "train has no option --stepz; did you mean --steps? See make"),
        (["train", "--steps", "-1"], "--steps must be a whole number from 1 to 1,000,000,000, not"),
        (
            ["train", "--steps", "abc"],
            "--steps must be a whole number, not 'abc'. See makemore-tui",
        ),
        (["train", "--steps"], "--steps needs a value. See makemore-tui train --help"),
        (["find-lr", "--low", "x"], "--low must be a number, not 'x'. See makemore-tui find-lr"),
        (["replay"], "replay needs RUN. See makemore-tui replay --help"),
        (["replay", "x", "--until", "z"], "--until must be a whole number, not 'z'"),
        (["runs", "bogus"], "no such command 'bogus'. See makemore-tui runs --help"),
        (["runs", "remove"], "runs remove needs RUN..."),
        (["runs", "--sort", "size"], "--sort must be one of name, data, model, lr, batch"),
        (["fly"], "no such command 'fly'. See makemore-tui --help"),
        (["evalute"], "no such command 'evalute'. Did you mean 'evaluate'? See"),
    ],
)
def test_words_that_are_none_are_refused_in_a_sentence(refused, words, says):
    assert refused(*words).startswith(f"makemore-tui: {says}")
