"""The command `sweep`: what it refuses, shows and returns."""

from pathlib import Path
from unittest.mock import MagicMock

import pytest
from msgspec.structs import replace

from makemore_tui.core.run_spec import RunSpec
from makemore_tui.core.runs.header import read_record
from makemore_tui.core.sweep.files import StudyFiles, study_names, sweeps_directory
from makemore_tui.core.sweep.messages import Snapshot, Stop, Trial
from makemore_tui.core.sweep.ranges import Range
from tests.support.command_line import LONG, SMALL

SNAPSHOT = Snapshot(
    study="shown",
    state="stopped",
    spec="names/seed=1",
    over=(Range("hidden", choices=(64, 128)), Range("learning_rate", low=0.01, high=1)),
    trials=9,
    seconds=75,
    rows=(
        Trial(0, "done", {"hidden": 64, "learning_rate": 0.1}, "", 2.2, 100, 100, "/runs/shown-0"),
        Trial(1, "pruned", {"hidden": 128, "learning_rate": 0.9}, "", 3.0, 10, 100),
        Trial(2, "done", {"hidden": 128, "learning_rate": 0.2}, "", 2.1, 100, 100, "/runs/shown-2"),
        Trial(3, "waiting", {"hidden": 128, "learning_rate": 0.3}, "", None, 0, 100),
    ),
    importances={"hidden": 0.25, "learning_rate": 0.75},
)


@pytest.fixture
def shown():
    """The files of a sweep that has ended."""
    files = StudyFiles(sweeps_directory(), "shown")
    files.write(SNAPSHOT)
    yield files
    files.snapshot.unlink()


def test_a_sweep_finds_settings_and_keeps_the_best_runs(items, run_json):
    over = "--over", "hidden=2,4", "--over", "lr=0.01..1:log"
    words = "sweep", "--data", items, *SMALL, "--steps", 50, *over, "--workers", 1, "--keep", 2
    found = run_json(*words, "--trials", 4, "--name", "first")
    assert found.keys() == {"study", "trials", "pruned", "failed", "seconds", "best"}
    assert (found["study"], found["trials"], found["failed"]) == ("first", 4, 0)
    best = found["best"]
    assert best.keys() == {"value", "settings", "spec", "run"}
    record = read_record(Path(best["run"]))
    assert record.dev_losses.points[-1][1] == best["value"]
    assert RunSpec.parse(best["spec"]).model == record.model
    assert record.model.hidden == best["settings"]["hidden"]
    assert "first" in study_names(sweeps_directory())


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ((), "--over says which setting to try"),
        (("--over", "hidden=1..9999"), "hidden must be a whole number from 1 to 4,096"),
        (("--over", "hidden", "--goal", "test"), "settings are never chosen by test"),
        (("--over", "hidden", "--time", "soon"), "--time must be a time such as 90s"),
        (("--over", "hidden", "--sampler", "best"), "--sampler must be tpe, random or grid"),
        (("--over", "hidden", "--storage", "mysql://u:secret@h/d"), "not h/d"),
        (("--over", "hidden", "--name", "a/b"), "Names may contain"),
        (("--over", "hidden", "--name", LONG), "1 to 60 visible characters"),
        (("--over", "hidden", "--set", "train_on=all"), "no held-out data"),
        (("--over", "hidden", "--data", "nowhere"), "nowhere: no such file or built-in dataset"),
        (("--resume", "--seeds", "3"), "--seeds needs --over"),
        (("--follow", "--over", "hidden"), "--over can't be combined with --follow"),
        (("--follow", "--trials", "5"), "--trials can't be combined with --follow"),
        (("--over", "hidden", "--storage", ""), "--storage must be postgresql"),
        (("--over", "hidden", "--name", ""), "1 to 60 visible characters"),
        (("--over", "hidden", "--run-dir", "/dev/null"), "/dev/null"),
        (("--follow", "--name", "none"), "no sweep named none"),
        (("--stop", "--name", "none"), "no sweep named none"),
    ],
)
def test_what_does_not_fit_together_is_refused(refused, words, says):
    assert says in refused("sweep", *words)


@pytest.mark.parametrize("is_read", [True, False])
def test_what_ends_a_sweep_is_an_error(items, run, monkeypatch, is_read):
    resource = pytest.importorskip("resource")
    if not is_read:  # its snapshot is lost on the full disk too
        read = StudyFiles.read
        monkeypatch.setattr(StudyFiles, "read", lambda it: replace(read(it), problem=""))
    kept = resource.getrlimit(resource.RLIMIT_FSIZE)
    over = "--over", "lr", "--trials", 99, "--keep", 0, "--workers", 1, "--no-prune"
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, kept[1]))  # as if the disk were full
        done = run("sweep", "--data", items, *SMALL, "--steps", 2, *over)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, kept)
    assert done.code == 2
    assert "the database of the study can't be used" in done.err


def test_the_leaderboard_of_a_study_can_be_shown(run, run_json, refused, shown, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    done = run("sweep", "--follow", "--name", "shown")
    assert (done.code, done.err) == (0, "")
    lines = [line.split() for line in done.out.splitlines()]
    assert "shown · 3 of 9 trials · 1 pruned · stopped · last ran for 1:15" in done.out
    assert [line[0] for line in lines if line[-1:] and line[-1].startswith("/runs/")] == ["2", "0"]
    assert "What mattered: learning rate 75%, hidden 25%" in done.out
    assert run_json("sweep", "--follow")["best"]["value"] == 2.1  # the last is meant
    assert "shown is not running" in refused("sweep", "--stop")


def test_a_sweep_in_the_background_names_its_study(items, run, run_json, monkeypatch):
    monkeypatch.setattr("makemore_tui.tui.cli.sweep.SweepProcess", MagicMock())
    words = "sweep", "--data", items, "--over", "hidden=2,4", "--detach", "--name", "away"
    assert run_json(*words) == {"study": "away"}
    assert run(*words).err == "makemore-tui: away runs; --follow shows it, --stop ends it\n"


def test_a_sweep_is_asked_to_stop(run, shown, monkeypatch):
    snapshots = iter([replace(SNAPSHOT, state="running"), SNAPSHOT])
    monkeypatch.setattr(StudyFiles, "read", lambda _: next(snapshots))
    assert run("sweep", "--stop", "--name", "shown").code == 0
    assert shown.new_commands() == [Stop()]
    shown.commands.unlink()


def test_a_sweep_of_which_no_trial_ends_well_says_so(run, shown):
    rows = tuple(replace(row, state="failed", why="too large") for row in SNAPSHOT.rows)
    shown.write(replace(SNAPSHOT, rows=rows, state="finished"))
    done = run("sweep", "--follow", "--name", "shown", "--json")
    assert done.code == 1
    assert done.err == "makemore-tui: no trial was trained to its end: too large\n"
    shown.write(replace(SNAPSHOT, problem="the database is full"))
    assert run("sweep", "--follow", "--name", "shown").code == 2
