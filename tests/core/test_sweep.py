"""Sweeps, with workers in threads: trials, their study, the runs that are kept, and the files."""

import math
import threading
import time
import warnings
from pprint import pformat

import optuna
import pytest
import torch
from msgspec.structs import replace
from optuna.distributions import CategoricalDistribution, FloatDistribution
from optuna.storages import RDBStorage
from optuna.trial import TrialState, create_trial

from makemore_tui.core.datasets.dataset import Dataset
from makemore_tui.core.errors import UserError
from makemore_tui.core.run_spec import RunSpec
from makemore_tui.core.runs.catalog import saved_runs
from makemore_tui.core.session.replay import replay
from makemore_tui.core.session.session import Session
from makemore_tui.core.settings import TrainSettings
from makemore_tui.core.sweep import files as sweep_files
from makemore_tui.core.sweep import study as sweep_study
from makemore_tui.core.sweep.coordinator import Coordinator
from makemore_tui.core.sweep.files import StudyFiles, study_names
from makemore_tui.core.sweep.messages import Prune, Stop
from makemore_tui.core.sweep.study import Study
from tests.support.sweeping import MODEL, TRAIN, ThreadWorkers, run_sweep, start

DISTRIBUTIONS = {
    "learning_rate": FloatDistribution(0.001, 0.1, log=True),
    "hidden": CategoricalDistribution((4, 5)),
}


@pytest.fixture(scope="module")
def items(write, small_items):
    return write("\n".join(small_items))


@pytest.fixture(scope="module")
def finished(items, tmp_path_factory):
    """A sweep of 20 trials over two settings: its directory, and its last snapshot."""
    directory = tmp_path_factory.mktemp("sweeps")
    over = "learning_rate=0.001..1:log", "hidden=2,8"
    asked = start(items, *over, trials=20, workers=2, runs=str(directory / "runs"), keep=3)
    return directory, run_sweep(asked, directory)


def ask(study, most=4):
    found = study.ask(most)
    assert found is not None
    return found


def study_of(directory, items, *over, **options):
    asked = start(items, *over, **options)
    return Study(asked, StudyFiles(directory, asked.study).database)


def test_the_first_trial_has_the_settings_of_the_preset(finished, items):
    _, snapshot = finished
    first = snapshot.rows[0]
    assert RunSpec.parse(first.spec) == RunSpec(str(items), False, MODEL, TRAIN)
    assert first.settings == {"learning_rate": 0.1, "hidden": 4}  # which is not in the list
    assert first.state == "done"


def test_every_trial_ends_and_says_how(finished):
    _, snapshot = finished
    assert (snapshot.state, snapshot.trials, len(snapshot.rows)) == ("finished", 20, 20)
    assert {row.state for row in snapshot.rows} == {"done", "pruned"}
    for row in snapshot.rows:
        assert RunSpec.parse(row.spec).seed == 1
        if row.state == "done":
            assert row.steps == row.planned == 64
        else:
            assert row.steps < 64
            assert row.why == "behind the others"
    best = snapshot.leaders[0]
    assert snapshot.best_so_far[-1][1] == best.value
    assert best.dev[-1] == (64, best.value)
    assert len(best.losses) == 64
    assert all(row.dev for row in snapshot.leaders[:5])  # however many are kept as runs
    assert sum(snapshot.importances.values()) == pytest.approx(1)
    assert len(snapshot.slice("hidden")) == snapshot.count("done")


def test_the_best_are_saved_as_runs_that_replay(finished):
    directory, snapshot = finished
    kept = {run.path: run for run in saved_runs(directory / "runs")}
    leaders = snapshot.leaders[:3]
    assert kept.keys() == {
        directory / "runs" / f"a-trial-{row.number}.safetensors" for row in leaders
    }
    for row in leaders:
        again = replay(row.run)
        assert again.identical
        assert again.session.evaluate("dev").loss == row.value


def test_a_trial_has_the_losses_of_the_same_run_alone(items, tmp_path):
    snapshot = run_sweep(start(items, "hidden=4", workers=2), tmp_path)
    (row,) = snapshot.rows  # for there is one combination
    session = Session(Dataset(items), MODEL, TRAIN)
    losses = torch.cat([session.train(7), session.train(57)])
    assert [loss for _, loss in row.losses] == losses.tolist()
    assert row.value == session.evaluate("dev").loss


def test_a_trial_of_several_seeds_is_judged_by_their_mean(items, tmp_path):
    snapshot = run_sweep(start(items, "hidden=4,5", trials=2, seeds=3), tmp_path)
    losses = []
    for seed in (1, 2, 3):
        session = Session(Dataset(items), MODEL, TRAIN, seed)
        session.train(64)
        losses.append(session.evaluate("dev").loss)
    assert snapshot.rows[0].value == pytest.approx(sum(losses) / 3, abs=1e-12)
    assert snapshot.rows[0].steps == snapshot.rows[0].planned == 3 * 64


def test_a_trial_that_is_worse_with_two_seeds_ends(items, tmp_path):
    study = study_of(tmp_path, items, "hidden=4,5", seeds=3)
    number, _ = ask(study)
    for seed, loss in enumerate((2.0, 2.1, 2.2)):
        assert not study.report(number, seed, loss)
    study.end(number, {}, 2.1, failed=False)
    number, _ = ask(study)
    assert [study.report(number, 0, 2.5), study.report(number, 1, 2.6)] == [False, True]


def test_a_grid_has_all_points_and_a_random_search_repeats_when_begun_anew(items, tmp_path):
    over = "hidden=2,4,6", "embedding=2,3"
    snapshot = run_sweep(start(items, *over, sampler="grid", prunes=False), tmp_path)
    found = [tuple(row.settings.values()) for row in snapshot.rows]
    assert found[0] == (4, 2)  # the preset's
    assert sorted(found) == [(h, e) for h in (2, 4, 6) for e in (2, 3)]
    longer = start(items, study="g", sampler="grid", may_exist=True, trials=50)
    asked = start(items, "dropout=0.1..0.5", study="g", sampler="grid", trials=2, prunes=False)
    assert len(run_sweep(asked, tmp_path).rows) == 2
    rows = run_sweep(longer, tmp_path).rows  # the first and five points, of which none is repeated
    assert sorted(row.settings["dropout"] for row in rows) == [0, 0.1, 0.2, 0.3, 0.4, 0.5]
    tried = []
    for name in ("b", "c"):
        asked = start(items, "learning_rate", study=name, sampler="random", trials=4)
        tried.append([row.settings for row in run_sweep(asked, tmp_path).rows])
    assert tried[0] == tried[1]


def test_where_there_are_trials_enough_each_combination_is_tried_once(items, tmp_path):
    asked = start(items, "hidden=2..9", sampler="random", prunes=False)
    rows = run_sweep(asked, tmp_path).rows
    assert sorted(row.settings["hidden"] for row in rows) == [2, 3, 4, 5, 6, 7, 8, 9]


def test_of_a_grid_that_machines_share_none_tries_anything_else(items, tmp_path, monkeypatch):
    monkeypatch.setattr(sweep_study, "postgres_url", lambda url: url)
    shared = {"storage": f"sqlite:///{tmp_path}/shared.sqlite3", "may_exist": True}
    one, other = (study_of(tmp_path, items, "dropout=0.1..0.5", sampler="grid", **shared)
                  for _ in range(2))  # fmt: skip
    ask(one, 9)
    stolen = []
    propose = one._study.ask

    def ask_after_the_other():
        stolen.append(ask(other, 9))
        return propose()

    monkeypatch.setattr(one._study, "ask", ask_after_the_other)
    found = [spec.train.dropout for _, spec in (ask(one, 9), *stolen)]
    assert set(found) <= {0.1, 0.2, 0.3, 0.4, 0.5}


def test_what_matters_is_told_by_several_of_the_best(items, tmp_path):
    over = "learning_rate=0.001..0.1:log", "hidden=4,5"
    study = study_of(tmp_path, items, *over, trials=20)
    for i in range(12):  # low losses are at high rates, but for the lowest
        params = {"learning_rate": 0.05 if 0 < i < 6 else 0.002, "hidden": 4 + i // 2 % 2}
        study._study.add_trial(create_trial(params=params, distributions=DISTRIBUTIONS, value=i))
    assert study.importances()["learning_rate"] > 0.6


def test_a_path_may_have_characters_that_a_url_gives_a_meaning(items, tmp_path):
    directory = tmp_path / "50%41@home"
    directory.mkdir()
    study = study_of(directory, items, "hidden=2..9", study="which?")
    assert ask(study)[0] == 0
    assert (directory / "which?.sqlite3").exists()
    assert study.url.startswith("sqlite")
    study.close()


def test_a_run_that_is_in_the_way_is_left_and_one_that_can_t_be_saved_says_why(
    items, tmp_path, monkeypatch
):
    runs = tmp_path / "runs"
    runs.mkdir()
    (runs / "a-trial-0.safetensors").write_bytes(b"old")
    asked = start(items, "hidden=4", runs=str(runs), prunes=False)
    (row,) = run_sweep(asked, tmp_path).rows
    assert row.run == str(runs / "a-trial-0-2.safetensors")
    assert (runs / "a-trial-0.safetensors").read_bytes() == b"old"
    (tmp_path / "file").touch()
    asked = start(items, "hidden=4", study="b", runs=str(tmp_path / "file"))
    (row,) = run_sweep(asked, tmp_path).rows
    assert (row.state, row.run) == ("done", "")
    assert row.why.startswith(f"not saved as a run: {tmp_path / 'file'}")


def test_counts_can_be_tried_and_what_diverges_or_can_t_be_had_is_said(items, tmp_path):
    asked = start(items, "kind=mlp,ngram", "order=1,2", study="n", trials=6, sampler="grid")
    snapshot = run_sweep(asked, tmp_path)
    assert {row.state for row in snapshot.rows} == {"done"}
    asked = start(items, "learning_rate=1000", study="d", train=TrainSettings(steps=999))
    (_, row) = run_sweep(asked, tmp_path).rows
    assert row.state == "pruned"
    assert row.why.startswith("diverged at step")


def test_a_study_goes_on_only_where_that_is_asked_for(finished, items):
    directory, _ = finished
    with pytest.raises(UserError, match="--resume goes on with it"):
        study_of(directory, items, "hidden=2,8")
    with pytest.raises(UserError, match=r"over learning_rate=0.001..1:log hidden=2,8 .*, not of"):
        study_of(directory, items, "hidden=2,9", may_exist=True)
    over = "learning_rate=0.001..1:log", "hidden=2,8"
    for other in ({"seeds": 3}, {"sampler": "random"}, {"prunes": False}):
        with pytest.raises(UserError, match="--sampler tpe --seeds 1, not of"):
            study_of(directory, items, *over, may_exist=True, **other)
    with pytest.raises(UserError, match="there is no study nope"):
        study_of(directory, items, study="nope", may_exist=True)
    assert not list(directory.glob("nope*"))  # nothing is left of it
    longer = start(items, may_exist=True, trials=22, runs=str(directory / "runs"), keep=3)
    rows = run_sweep(longer, directory).rows
    assert len(rows) == 22
    assert len({tuple(row.settings.values()) for row in rows}) == 22  # none is repeated
    assert run_sweep(replace(longer, trials=0), directory).trials == 22


def test_trials_that_run_when_it_is_stopped_or_killed_are_run_again(items, tmp_path):
    study = study_of(tmp_path, items, "hidden=2..9", trials=4)
    first, spec = ask(study)
    second, _ = ask(study)
    study.give_back_all()
    assert study.ask(4) == (first, spec)
    del study  # as if it were killed, while the first runs
    again = study_of(tmp_path, items, may_exist=True)
    assert again.ask(4) == (first, spec)
    assert ask(again)[0] == second


def test_a_study_of_an_older_record_goes_on(items, tmp_path):
    study = study_of(tmp_path, items, "hidden=2..9", trials=4)
    record = study._study.user_attrs["sweep"]
    kept = ("spec", "over", "trials", "seeds", "sampler", "prunes")
    study._study.set_user_attr("sweep", {name: record[name] for name in kept})
    study.close()
    again = study_of(tmp_path, items, may_exist=True, trials=0)
    assert (again.begun.study, again.begun.trials) == ("a", 4)
    assert ask(again)[0] == 0


def test_settings_are_proposed_together(items, tmp_path):
    """Optuna draws settings from one density only where trials have all of them or none."""
    study = study_of(tmp_path, items, "learning_rate", "hidden=2,8", trials=20)
    for _ in range(14):
        number, spec = ask(study, 20)
        study.end(number, {}, abs(spec.train.learning_rate - 0.1 * spec.model.hidden), failed=False)
    first, *others = study.trials()
    assert not first.params  # the hidden layer of the preset is not in the list
    assert all(trial.params.keys() == {"learning_rate", "hidden"} for trial in others)
    study.close()


def test_a_result_that_comes_too_late_is_dropped(items, tmp_path, monkeypatch):
    monkeypatch.setattr(sweep_study, "postgres_url", lambda url: url)
    shared = {"storage": f"sqlite:///{tmp_path}/shared.sqlite3", "may_exist": True}
    study = study_of(tmp_path, items, "hidden=2..9", **shared)
    number, _ = ask(study)
    other = study_of(tmp_path, items, **shared)
    other._give_back(other.trials())  # as it does with a trial that is lost
    assert ask(other)[0] == number
    other.end(number, {}, 2.0, failed=False)
    assert study.report(number, 10, 3.0)  # it need not go on
    study.end(number, {"why": "late"}, 3.0, failed=False)
    (trial, *_) = other.trials()
    assert (trial.state, trial.value) == (TrialState.COMPLETE, 2.0)


def test_a_worker_that_dies_is_replaced_and_a_trial_that_kills_it_fails(
    items, tmp_path, monkeypatch
):
    deaths = []

    class Dying(ThreadWorkers):
        def reports(self, seconds):
            for worker, report in super().reports(seconds):
                if worker.trial == 1 and len(deaths) < 9:
                    deaths.append(worker)
                    worker.connection.close()
                    self._all[self._all.index(worker)] = self._start()
                    yield worker, None
                else:
                    yield worker, report

    monkeypatch.setattr("tests.support.sweeping.ThreadWorkers", Dying)
    snapshot = run_sweep(start(items, "hidden=2..9", trials=3), tmp_path)
    assert [row.state for row in snapshot.rows].count("failed") == 1
    assert snapshot.rows[1].why == "its process died 3 times"
    assert len(deaths) == 3


def test_optuna_reads_what_is_in_the_file(items, tmp_path):
    study = study_of(tmp_path, items, "hidden=4,5", "learning_rate", "dropout=0..0.5", trials=9)
    study.report(ask(study)[0], 10, math.inf)
    number, _ = ask(study)
    study.report(number, 10, math.nan)
    study.end(number, {"why": "it is NaN"}, None, failed=False)
    number, _ = ask(study)
    study.report(number, 10, 2.5)
    study.end(number, {"losses": [[1, 3.0]]}, 2.0, failed=False)
    study.give_back(ask(study)[0])
    with warnings.catch_warnings(action="ignore"):
        storage = RDBStorage(f"sqlite:///{tmp_path / 'a.sqlite3'}")
        found = optuna.load_study(study_name="a", storage=storage)
    found_there, here = (
        [pformat(vars(trial) | {"_trial_id": None}) for trial in one]
        for one in (found.trials, study.trials())
    )
    assert found_there == here
    assert {trial.state for trial in found.trials} == set(TrialState) - {TrialState.FAIL}
    assert found.user_attrs["sweep"]["trials"] == 9
    storage.engine.dispose()
    study.close()


def test_it_is_steered_by_what_is_written_to_its_commands(items, tmp_path):
    asked = start(items, "hidden=2..9", trials=2, train=TrainSettings(batch_size=8, steps=10**8))
    files = StudyFiles(tmp_path, "a")
    thread = threading.Thread(target=run_sweep, args=(asked, tmp_path))
    thread.start()

    def wait_for(condition):
        end = time.monotonic() + 60
        while not condition():
            assert time.monotonic() < end
            time.sleep(0.02)

    wait_for(lambda: files.snapshot.exists() and files.read().count("running"))
    with pytest.raises(UserError, match="is running already"):
        StudyFiles(tmp_path, "a").lock()
    files.command(Prune(0))
    with open(files.commands, "ab") as file:
        file.write(b"nonsense\n")
    wait_for(lambda: files.read().count("pruned"))
    assert files.read().rows[0].why == "ended by hand"
    files.command(Stop())
    thread.join(60)
    assert files.read().state == "stopped"
    row = files.read().rows[1]  # given back, to be run from its beginning
    assert (row.state, row.value, row.steps, row.losses) == ("waiting", None, 0, ())
    assert study_names(tmp_path) == ["a"]


def test_a_snapshot_of_a_sweep_that_was_killed_says_stopped(finished, tmp_path):
    _, snapshot = finished
    files = StudyFiles(tmp_path, "a")
    with pytest.raises(UserError, match="no sweep named a"):
        files.read()
    rows = (replace(snapshot.rows[0], state="running"), *snapshot.rows[1:])
    files.write(replace(snapshot, state="running", rows=rows))
    found = files.read()
    assert (found.state, found.count("running"), found.count("waiting")) == ("stopped", 0, 1)
    assert (found.rows[0].value, found.rows[0].steps) == (None, 0)
    files.snapshot.write_text("{")
    with pytest.raises(UserError, match="can't be read"):
        files.read()


def test_a_network_file_system_is_refused(tmp_path, monkeypatch):
    mounts = tmp_path / "mounts"
    at = str(tmp_path / "home folder").replace(" ", r"\040")
    mounts.write_text(f"/dev/sda / ext4 rw 0 0\nserver:/home {at} nfs4 rw 0 0\n")
    monkeypatch.setattr(sweep_files, "_MOUNTS", mounts)
    with pytest.raises(UserError, match=r"network file system \(nfs4 at .*home folder"):
        StudyFiles(tmp_path / "home folder" / "sweeps", "a").lock()
    StudyFiles(tmp_path / "sweeps", "a").lock()


def test_what_ended_a_sweep_is_said_where_its_study_can_t_be_read_any_more(
    items, tmp_path, monkeypatch
):
    def gone(*_):
        raise UserError("the server is gone")

    asked = start(items, "hidden=2..9")
    files = StudyFiles(tmp_path, "a")
    study = Study(asked, files.database)
    coordinator = Coordinator(asked, study, files, ThreadWorkers(0))
    coordinator.publish("running")
    monkeypatch.setattr(study, "trials", gone)
    with pytest.raises(UserError, match="is gone"):
        coordinator.run()
    assert (files.read().state, files.read().problem) == ("stopped", "the server is gone")


def test_a_full_disk_ends_it_with_a_sentence(items, tmp_path):
    study = study_of(tmp_path, items, "hidden=2..9")
    with study._storage.engine.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
        connection.exec_driver_sql(f"PRAGMA max_page_count={pages}")
    number, _ = ask(study)
    with pytest.raises(UserError, match="database or disk is full"):
        study.end(number, {"losses": "x" * 10**6}, 2.0, failed=False)
