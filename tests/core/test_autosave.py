"""Runs that are kept on disk while they are trained, and what stands in the way."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from makemore_tui.core.datasets.dataset import Dataset
from makemore_tui.core.errors import UserError
from makemore_tui.core.runs.catalog import saved_runs, stamp
from makemore_tui.core.runs.header import read_record, run_name
from makemore_tui.core.runs.locks import is_locked
from makemore_tui.core.session.replay import replay
from makemore_tui.core.session.session import Session
from makemore_tui.core.settings import ModelSettings, TrainSettings
from makemore_tui.core.worker import autosave as module
from makemore_tui.core.worker.autosave import Autosave

LONG = 10.0  # seconds, more than between two saves
BLINK = 0.0005  # seconds


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self):
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def begin(tmp_path):
    """Begins a session on a small dataset."""
    (tmp_path / "items.txt").write_text("\n".join(f"{a}{b}{a}" for a in "anders" for b in "iouj"))

    def begin(seed=1, **train):
        data = Dataset.load(str(tmp_path / "items.txt"))
        model = ModelSettings(hidden=4, embedding=2)
        return Session(data, model, TrainSettings(**train), seed=seed)

    return begin


@pytest.fixture
def keep(tmp_path, clock):
    """Makes what saves runs, below one directory."""
    made = []

    def keep(name="runs", most_bytes=10**9):
        made.append(Autosave(tmp_path / name, most_bytes, clock))
        return made[-1]

    yield keep
    for one in made:
        one._writer.shutdown()


@pytest.fixture
def save(clock):
    """Lets time pass, and does all the work that there is then."""

    def save(autosave, session):
        clock.now += LONG
        while autosave.advance(session, is_training=True):
            time.sleep(BLINK)  # for the thread that writes
        return autosave.facts

    return save


def test_nothing_is_saved_before_it_is_time(begin, keep, tmp_path):
    autosave, session = keep(), begin()
    session.train(5)
    assert not autosave.advance(session, is_training=True)
    assert not (tmp_path / "runs").exists()
    assert autosave.facts.folder == ""


def test_a_run_is_saved_to_a_file_of_its_own_and_again_as_it_goes_on(begin, keep, save):
    autosave, session = keep(), begin()
    session.train(5)
    facts = save(autosave, session)
    assert facts.step == 5
    assert not facts.named
    session.train(6)
    again = save(autosave, session)
    assert (again.folder, again.step) == (facts.folder, 11)
    assert Session.load(again.folder).step == 11
    assert len(saved_runs(Path(again.directory))) == 1


def test_a_run_that_has_not_moved_is_not_written_again(begin, keep, save):
    autosave, session = keep(), begin()
    session.train(5)
    facts = save(autosave, session)
    before = stamp(Path(facts.folder))
    save(autosave, session)
    assert stamp(Path(facts.folder)) == before


def test_where_training_has_stopped_it_is_saved_at_once(begin, keep):
    autosave, session = keep(), begin()
    session.train(5)
    assert not autosave.has_work(session, is_training=True)
    assert autosave.has_work(session, is_training=False)


def test_each_run_of_a_session_has_its_file_and_undo_leads_back_to_it(begin, keep, save):
    autosave, session = keep(), begin()
    session.train(5)
    first = save(autosave, session).folder
    session.train(2)
    autosave.leave(session)
    session.timeline.restart(2)
    autosave.begin(session)
    assert autosave.facts.folder == ""
    session.train(3)
    second = save(autosave, session).folder
    assert read_record(first).steps == 7
    assert read_record(second).steps == 3
    session.timeline.undo()
    autosave.begin(session)
    session.train(1)
    assert save(autosave, session).folder == first
    assert read_record(first).steps == 8


def test_a_run_that_has_just_begun_leaves_nothing_behind(begin, keep, save, tmp_path):
    autosave, session = keep(), begin()
    for seed in range(2, 6):
        session.train(2)
        autosave.leave(session)
        session.timeline.restart(seed)
        autosave.begin(session)
    session.train(1)
    save(autosave, session)
    assert len(saved_runs(tmp_path / "runs")) == 1


def test_at_the_end_all_is_saved_and_the_lock_is_free(begin, keep, save, tmp_path):
    autosave, session = keep(), begin()
    session.train(5)
    facts = save(autosave, session)
    assert is_locked_elsewhere(facts.folder)
    session.train(3)
    autosave.close(session)
    assert read_record(facts.folder).steps == 8
    assert not is_locked(Path(facts.folder))


def is_locked_elsewhere(folder):
    """Whether another process finds the run locked."""
    words = (
        "import sys; from pathlib import Path; from makemore_tui.core.runs.locks import is_locked"
    )
    program = f"{words}; sys.exit(not is_locked(Path(sys.argv[1])))"
    return subprocess.run([sys.executable, "-c", program, folder], check=False).returncode == 0


def test_a_resumed_run_goes_on_in_its_file_and_replays(begin, keep, save):
    autosave, session = keep(), begin()
    session.train(5)
    session.edit(hidden=6)
    session.train(4)
    folder = save(autosave, session).folder
    autosave.close(session)

    autosave, session = keep(), Session.load(folder)
    autosave.resume(session, Path(folder), named=False)
    session.train(3)
    session.edit(learning_rate=0.01)
    session.train(3)
    assert save(autosave, session).folder == folder
    autosave.close(session)
    assert replay(folder).identical
    assert read_record(folder).steps == 15


def test_a_run_that_another_has_open_is_gone_on_with_as_a_copy(begin, keep, save):
    autosave, session = keep(), begin()
    session.train(5)
    folder = save(autosave, session).folder
    other, copy = keep(), Session.load(folder)
    other.resume(copy, Path(folder), named=False)
    assert "open in another explorer, so this is a copy" in other.facts.note
    copy.train(2)
    facts = save(other, copy)
    assert facts.folder != folder
    assert (read_record(folder).steps, facts.step) == (5, 7)


def test_a_previous_run_that_another_has_changed_meanwhile_is_not_written_over(begin, keep, save):
    autosave, session = keep(), begin()
    session.train(5)
    folder = save(autosave, session).folder
    session.timeline.restart(2)
    autosave.begin(session)
    other, loaded = keep(), Session.load(folder)
    other.resume(loaded, Path(folder), named=False)
    loaded.train(10)
    save(other, loaded)
    other.close(loaded)
    session.timeline.undo()
    autosave.begin(session)
    assert "so this is a copy" in autosave.facts.note
    session.train(1)
    assert save(autosave, session).folder != folder
    assert read_record(folder).steps == 15


def test_a_name_makes_it_a_named_run_in_another_file(begin, keep, save, tmp_path):
    autosave, session = keep(), begin()
    session.train(5)
    before = save(autosave, session).folder
    session.train(2)
    autosave.name(session, "first")
    assert "Saving as first" in autosave.facts.note
    facts = save(autosave, session)
    assert (facts.named, facts.step, facts.note) == (True, 7, "Saved as first")
    assert facts.folder == str(tmp_path / "runs" / "first.safetensors")
    assert not os.path.exists(before)
    session.train(2)
    save(autosave, session)
    record = read_record(tmp_path / "runs" / "first")
    assert (record.named, record.steps) == (True, 9)


def test_another_name_for_a_named_run_leaves_the_first(begin, keep, save, tmp_path):
    autosave, session = keep(), begin()
    session.train(5)
    autosave.name(session, "first")
    session.train(1)
    autosave.name(session, "second")
    save(autosave, session)
    assert [run.name for run in saved_runs(tmp_path / "runs")] == ["second", "first"]


@pytest.mark.parametrize("name", ["", " ", "a/b", "..", ".hidden", "-x", "a\nb", "x" * 99, "a\\b"])
def test_what_can_not_be_a_name_is_refused(begin, keep, name):
    autosave, session = keep(), begin()
    session.train(1)
    with pytest.raises(UserError):
        autosave.name(session, name)


def test_a_name_that_is_taken_is_refused(begin, keep, save):
    autosave, session = keep(), begin()
    session.train(1)
    autosave.name(session, "first")
    other = begin(seed=2)
    with pytest.raises(UserError, match="there is already a run named 'first'"):
        autosave.name(other, "first")
    save(autosave, session)
    with pytest.raises(UserError, match="there is already a run named 'first'"):
        autosave.name(other, "first")
    assert read_record(autosave.facts.folder).seed == 1


def test_a_run_may_keep_the_name_that_it_has_by_itself(begin, keep, save):
    autosave, session = keep(), begin()
    session.train(5)
    folder = Path(save(autosave, session).folder)
    autosave.name(session, run_name(folder))
    facts = save(autosave, session)
    assert (facts.folder, facts.named) == (str(folder), True)
    assert read_record(folder).named


def test_a_name_that_can_not_be_written_is_tried_again(begin, keep, save, tmp_path):
    (tmp_path / "runs").write_text("in the way")
    autosave, session = keep(), begin()
    session.train(5)
    autosave.name(session, "first")
    assert save(autosave, session).problem
    (tmp_path / "runs").unlink()
    facts = save(autosave, session)
    assert (facts.problem, facts.note) == (None, "Saved as first")
    assert read_record(tmp_path / "runs" / "first").named


def test_a_directory_that_can_not_be_written_is_told_and_tried_again(begin, keep, save, tmp_path):
    (tmp_path / "runs").write_text("in the way")
    autosave, session = keep(), begin()
    session.train(5)
    facts = save(autosave, session)
    assert str(tmp_path / "runs") in (facts.problem or "")
    assert facts.folder == ""
    (tmp_path / "runs").unlink()
    session.train(1)
    facts = save(autosave, session)
    assert (facts.problem, facts.step) == (None, 6)


def test_a_full_disk_leaves_what_was_saved_and_is_tried_again(begin, keep, save, monkeypatch):
    autosave, session = keep(), begin()
    session.train(5)
    folder = save(autosave, session).folder
    with monkeypatch.context() as patch:

        def full(descriptor):
            raise OSError(28, "No space left on device")

        patch.setattr(os, "fsync", full)
        session.train(1)
        facts = save(autosave, session)
        assert "No space left on device" in (facts.problem or "")
        assert read_record(folder).steps == 5
    facts = save(autosave, session)
    assert (facts.problem, facts.step, facts.folder) == (None, 6, folder)


def test_a_file_that_is_removed_is_written_anew_and_that_is_told(begin, keep, save):
    autosave, session = keep(), begin()
    session.train(5)
    folder = save(autosave, session).folder
    os.unlink(folder)
    session.train(1)
    facts = save(autosave, session)
    assert "was removed" in facts.note
    assert (facts.folder, facts.problem) == (folder, None)
    assert Session.load(folder).step == 6
    assert is_locked_elsewhere(folder)


def test_a_run_that_diverges_keeps_its_last_finite_state_and_says_when(begin, keep, save):
    autosave, session = keep(), begin()
    session.train(5)
    folder = save(autosave, session).folder
    session.model.flat[0] = torch.nan
    session.train(2)
    assert save(autosave, session).problem is None
    record = read_record(folder)
    assert record.steps == 5
    assert record.diverged_at is not None


def diverge(session):
    session.edit(learning_rate=1000, weight_decay=100)
    while session.diverged_at is None:
        session.train(5)


def test_a_run_that_diverges_before_it_was_saved_is_saved_as_before_the_edit(begin, keep, save):
    autosave, session = keep(), begin()
    session.train(50)
    diverge(session)
    facts = save(autosave, session)
    record = read_record(facts.folder)
    assert (record.steps, record.diverged_at) == (50, session.diverged_at)
    loaded = Session.load(facts.folder)
    session.timeline.undo()
    assert torch.equal(loaded.train(20), session.train(20))


def test_what_was_done_since_it_was_saved_is_saved_before_the_edit_that_spoils_it(
    begin, keep, save
):
    autosave, session = keep(), begin()
    session.train(50)
    folder = save(autosave, session).folder
    session.train(40)
    session.edit(hidden=7)
    session.train(30)
    diverge(session)
    save(autosave, session)
    record = read_record(folder)
    assert (record.steps, len(record.journal)) == (120, 1)
    assert replay(folder).identical


def test_a_run_that_diverges_by_itself_at_once_is_saved_as_it_began(begin, keep, save):
    autosave, session = keep(), begin(learning_rate=1000, weight_decay=100)
    while session.diverged_at is None:
        session.train(5)
    facts = save(autosave, session)
    record = read_record(facts.folder)
    assert (record.steps, record.diverged_at) == (0, session.diverged_at)
    assert Session.load(facts.folder).train(3).isfinite().any()
    assert save(autosave, session).folder == facts.folder


def test_a_run_that_nobody_may_look_at_is_told_and_hinders_nothing(
    begin, keep, save, tmp_path, monkeypatch
):
    for seed in (1, 2):
        autosave, session = keep(), begin(seed)
        session.train(5)
        folder = Path(save(autosave, session).folder)
        autosave.close(session)
    lstat = Path.lstat

    def forbidden(path):
        if path == folder:
            raise PermissionError(13, "Permission denied", str(path))
        return lstat(path)

    monkeypatch.setattr(Path, "lstat", forbidden)
    autosave, session = keep(), begin(3)
    session.train(5)
    assert save(autosave, session).problem is None
    problems = {run.name: run.problem for run in saved_runs(tmp_path / "runs")}
    assert "Permission denied" in (problems.pop(run_name(folder)) or "")
    assert list(problems.values()) == [None, None]


def test_old_runs_without_a_name_make_room(begin, keep, save, tmp_path):
    for seed in range(1, 5):
        autosave, session = keep(most_bytes=30_000), begin(seed)
        session.train(5)
        save(autosave, session)
        if seed == 1:
            autosave.name(session, "named")
            save(autosave, session)
        autosave.close(session)
    left = saved_runs(tmp_path / "runs")
    assert "named" in [run.name for run in left]
    assert 2 <= len(left) < 4


def test_saving_does_not_move_the_path_of_training(begin, keep, save):
    autosave, session, alone = keep(), begin(), begin()
    for _ in range(5):
        session.train(7)
        save(autosave, session)
    alone.train(35)
    assert torch.equal(session.model.flat, alone.model.flat)


# What might be taken for another's change


def test_a_run_that_diverged_goes_on_in_its_file_once_that_is_undone(begin, keep, save):
    autosave, session = keep(), begin()
    session.train(5)
    folder = save(autosave, session).folder
    diverge(session)
    save(autosave, session)  # that it has diverged
    session.timeline.undo()
    autosave.begin(session)
    assert "copy" not in autosave.facts.note
    session.train(3)
    facts = save(autosave, session)
    assert (facts.folder, read_record(folder).steps) == (folder, 8)


def test_an_undo_while_the_run_is_being_written_leaves_it_in_its_file(begin, keep, save, clock):
    autosave, session = keep(), begin()
    session.train(5)
    folder = save(autosave, session).folder
    session.edit(learning_rate=0.01)
    session.train(5)
    clock.now += LONG
    autosave.advance(session, is_training=True)  # which begins to write
    before = stamp(Path(folder))
    while stamp(Path(folder)) == before:
        time.sleep(BLINK)  # until the thread has, and nobody has noticed
    session.timeline.undo()
    autosave.begin(session)
    assert save(autosave, session).folder == folder
    assert "copy" not in autosave.facts.note


def test_a_run_that_has_just_begun_is_kept_where_it_can_not_be_returned_to(begin, keep, tmp_path):
    autosave, session = keep(), begin()
    session.train(2)
    autosave.leave(session, is_last_chance=True)
    session.timeline.restart(2)
    autosave.begin(session)
    autosave.finish()
    assert [run.steps for run in saved_runs(tmp_path / "runs")] == [2]


def test_no_more_than_five_seconds_of_training_are_ever_unsaved(begin, keep, clock):
    autosave, session = keep(), begin()
    for _ in range(3):
        session.train(1)
        clock.now += 4.5
        assert autosave.has_work(session, is_training=True)
        while autosave.advance(session, is_training=True):
            time.sleep(BLINK)
        assert autosave.facts.step == session.step


@pytest.mark.parametrize("is_training", [True, False])
def test_training_never_waits_for_the_thread_that_writes(
    begin, keep, clock, monkeypatch, is_training
):
    autosave, session = keep(), begin()
    session.train(5)
    assert autosave.has_work(session, is_training=False)  # as after a pause
    waits = []
    monkeypatch.setattr(module, "wait", lambda writes, seconds=None: waits.append(seconds))
    clock.now += LONG
    assert autosave.advance(session, is_training)
    assert (waits == [0]) == is_training
    monkeypatch.undo()
    autosave.finish()
