"""A pair of runs in the worker: forked, chosen from, kept, undone, saved and opened."""

import math
import time
from pathlib import Path

import pytest
import torch

from makemore_tui.core.runs import checkpoint, header
from makemore_tui.core.runs.header import read_record
from makemore_tui.core.runs.record import record_of
from makemore_tui.core.session.session import Session
from makemore_tui.core.settings import TrainSettings
from makemore_tui.core.worker.autosave import Autosave
from makemore_tui.core.worker.protocol import (
    ChangeDataset,
    ChooseSide,
    Edit,
    Fork,
    Keep,
    NamesView,
    Pause,
    Refused,
    Restart,
    Resume,
    ReturnTo,
    Sampling,
    Saved,
    Step,
    TwinsView,
    Undo,
)
from makemore_tui.core.worker.server import Server
from tests.support.serving import MODEL, Client
from tests.support.sessions import FAR_TOO_FAST

LOOK = TwinsView(0.0, 50)


def forked(client, steps=40, **changes):
    """A pair that has stopped after some steps, of which B was edited."""
    client.do(Pause())
    pair = client.do(Fork())
    if changes:
        client.do(Edit(changes))
    client.do(Step(steps))
    return pair.step, client.until(lambda s: s.state != "training")


def level(client):
    """A paused pair whose newest difference is of the steps shown."""
    client.do(Pause())
    return client.until(
        lambda s: s.pair.difference and s.pair.difference.b_step == s.pair.b.step == s.pair.a.step
    )


def test_b_takes_the_edits_and_both_are_trained_and_compared(serve, names):
    client = serve(names)
    begun, _ = forked(client, 500, learning_rate=1.0)
    shot = level(client)
    a, b = shot.pair.a, shot.pair.b
    assert (shot.pair.side, shot.pair.forked_at) == ("b", begun)
    assert (a.train.learning_rate, b.train.learning_rate) == (0.1, 1.0)
    assert a.step == b.step == shot.step == begun + 500
    assert shot.train == b.train
    assert shot.pair.unpaired == ""
    found = shot.pair.difference
    assert found.a == pytest.approx(a.splits.dev)
    assert found.b == pytest.approx(b.splits.dev)
    assert found.difference == pytest.approx(b.splits.dev - a.splits.dev, rel=1e-9)
    assert found.items == 3218
    losses = client.look(LOOK).twins
    apart = [b - a for a, b in zip(losses.a, losses.b, strict=True)]  # nan before the fork
    assert losses.difference == pytest.approx(apart, rel=0, abs=0, nan_ok=True)
    assert losses.dev[-1] == found


def test_a_in_the_worker_goes_the_way_it_would_go_alone(serve, undisturbed):
    client = serve()
    forked(client, 300, hidden=20)
    assert torch.equal(client.session.model.flat, undisturbed(client.session).model.flat)


def test_either_side_can_be_chosen(serve):
    client = serve()
    forked(client, learning_rate=0.01)
    shot = client.do(ChooseSide("a"))
    assert (shot.pair.side, shot.train.learning_rate) == ("a", 0.1)
    shot = client.do(Edit({"learning_rate": 0.5}))
    assert (shot.pair.a.train.learning_rate, shot.pair.b.train.learning_rate) == (0.5, 0.01)
    shot = client.do(ChooseSide("b"))
    assert (shot.train.learning_rate, shot.can_undo) == (0.01, "lr 0.01")


def test_both_make_names_of_the_same_random_numbers(serve):
    client = serve()
    client.do(Pause())
    client.do(Fork())
    names = client.look(NamesView(8, Sampling())).names
    assert names.samples == names.other
    client.do(Edit({"learning_rate": 5.0}))
    client.do(Step(50))
    client.until(lambda s: s.state != "training")
    names = client.look(NamesView(8, Sampling())).names
    assert len(names.samples) == len(names.other) == 8
    assert names.samples != names.other


@pytest.mark.parametrize("side", ["a", "b"])
def test_the_other_becomes_a_previous_run_and_undo_brings_the_pair_back(serve, side):
    client = serve()
    forked(client, learning_rate=0.01)
    kept = client.do(Keep(side))
    assert kept.pair is None
    assert kept.train.learning_rate == (0.1 if side == "a" else 0.01)
    assert [one.train.learning_rate for one in kept.previous] == [0.01 if side == "a" else 0.1]
    assert kept.can_undo == f"keep {side.upper()}"
    client.do(Step(20))
    client.until(lambda s: s.state != "training")
    back = client.do(Undo())
    assert back.pair.a.step == back.pair.b.step == kept.step
    assert back.pair.b.train.learning_rate == 0.01
    assert (back.previous, back.can_redo) == ((), None)
    back = client.do(Undo())  # of B's edit
    assert (back.pair.b.train.learning_rate, back.can_undo) == (0.1, "fork")
    single = client.do(Undo())
    assert single.pair is None
    assert single.can_undo is None


def test_b_alone_diverges_and_a_goes_on(serve):
    client = serve()
    client.do(Fork())
    client.do(Edit(FAR_TOO_FAST))
    shot = client.until(lambda s: not s.pair.b.is_finite)
    later = client.until(lambda s: s.pair.a.step > shot.pair.a.step + 200)
    assert later.state == "training"
    assert later.divergence is not None  # of B, on which edits act
    assert later.pair.a.diverged_at is None
    back = client.do(Undo())  # and B catches up
    assert back.pair.b.is_finite
    client.do(Resume())
    client.until(lambda s: s.pair.b.step >= s.pair.a.step)
    assert level(client).pair.b.is_finite


def test_a_new_run_of_b_catches_up_with_a(serve):
    client = serve()
    forked(client, 200)
    shot = client.do(Restart(9))
    assert (shot.pair.b.step, shot.pair.b.seed) == (0, 9)
    client.do(Resume())
    client.until(lambda s: s.pair.b.step == s.pair.a.step)
    assert client.do(Pause()).pair.unpaired.startswith("A has seed 3 and B 9")
    assert level(client).pair.a.step > 200


def test_a_previous_run_is_compared_with_where_it_stands_or_from_step_0(serve):
    client = serve(steps=1000)
    client.do(Pause())
    client.do(Step(60))
    client.until(lambda s: s.state != "training")
    stood = client.do(Restart(5)).previous[0]
    shot = client.do(Fork(previous=0))
    assert (shot.pair.a.seed, shot.pair.b.seed, shot.pair.b.step) == (5, 3, stood.steps)
    client.do(Keep("a"))
    shot = client.do(Fork(previous=0, from_start=True))
    assert (shot.pair.a.step, shot.pair.b.step) == (0, 0)


def test_what_a_pair_refuses(serve, names):
    client = serve()
    assert client.ask(Keep("a")) == Refused("there is no other run beside this one")
    client.do(Fork())
    why = Refused("A and B are trained side by side; keep one of them first")
    assert client.ask(Fork()) == client.ask(ChangeDataset("names")) == why
    assert isinstance(client.ask(ReturnTo(0)), Refused)


# On disk


@pytest.fixture
def client(small, tmp_path):
    session = Session(small, MODEL, TrainSettings(batch_size=8, steps=10**9))
    autosave = Autosave(tmp_path / "runs", 10**9, lambda: 30 * time.perf_counter())
    client = Client(session, autosave=autosave)
    yield client
    if client.thread.is_alive():
        client.end()


def opened(path):
    """A server of a saved run, that doesn't run."""
    state, record = checkpoint.read_with_record(path)
    autosave, session = Autosave(path.parent, 10**9), Session.from_state(state)
    autosave.resume(session, path, record.named)
    server = Server(session, None, lambda reply: None, autosave=autosave, paused=True)  # type: ignore[arg-type]
    server.runner.pair.open(path, record.twin)
    return server.runner


def files(tmp_path):
    return sorted((tmp_path / "runs").glob("*.safetensors"))


def ended(client):
    """End the server; the file that it says its run is in."""
    client.end()
    replies = []
    while not client.replies.empty():
        replies.append(client.replies.get())
    (saved,) = [one for one in replies if isinstance(one, Saved)]
    return Path(saved.path)


def test_quitting_saves_the_pair_and_it_opens_as_a_pair(client, tmp_path):
    begun, _ = forked(client, learning_rate=0.01)
    shot = client.until(lambda s: s.pair.difference is not None)
    path = ended(client)
    assert len(files(tmp_path)) == 2
    runner = opened(path)
    pair = runner.pair.facts()
    assert pair is not None
    assert (pair.forked_at, pair.a.step, pair.b.step) == (begun, shot.step, shot.step)
    assert pair.b.train.learning_rate == 0.01
    assert pair.difference is None or math.isfinite(pair.difference.difference)
    for autosave, session in runner.pair.savers()[::-1]:
        session.train(5)
        autosave.close(session, is_last=autosave is runner.pair.savers()[0][0])
    assert len(files(tmp_path)) == 2  # each went on in its own file
    assert {checkpoint.read(file).step for file in files(tmp_path)} == {shot.step + 5}


def test_opening_a_pair_checks_each_record_once(client, monkeypatch):
    forked(client, learning_rate=0.01)
    path, checked = ended(client), []
    monkeypatch.setattr(
        header, "record_of", lambda raw, at: checked.append(at) or record_of(raw, at)
    )
    session, autosave = Session(client.session.dataset, MODEL), Autosave(path.parent, 10**9)
    server = Server(session, None, lambda reply: None, autosave=autosave, paused=True)  # type: ignore[arg-type]
    server.runner.open_run(path)
    assert server.runner.pair.twins is not None
    assert sorted(checked) == sorted(path.parent.glob("*.safetensors"))


def test_a_pair_whose_b_is_gone_opens_as_a_alone(client, tmp_path):
    forked(client, learning_rate=0.01)
    path = ended(client)
    twin = read_record(path).twin
    assert twin is not None
    (tmp_path / "runs" / twin.file).unlink()
    assert opened(path).pair.twins is None


@pytest.mark.parametrize("side", ["a", "b"])
def test_the_run_that_is_kept_goes_on_in_its_own_file(client, tmp_path, side):
    forked(client, learning_rate=0.01)
    client.do(Keep(side))
    client.do(Step(30))
    client.until(lambda s: s.state != "training")
    path = ended(client)
    assert len(files(tmp_path)) == 2
    steps = {file: checkpoint.read(file).step for file in files(tmp_path)}
    assert steps.pop(path) == max(checkpoint.read(path).step, *steps.values())
    assert checkpoint.read(path).train_settings.learning_rate == (0.1 if side == "a" else 0.01)
    assert all(read_record(file).twin is None for file in files(tmp_path))


def test_a_pair_is_saved_while_it_trains(client, tmp_path):
    client.do(Fork())
    client.do(Edit({"learning_rate": 0.01}))
    shot = client.until(lambda s: s.saving and s.saving.step > 0)
    assert shot.pair.side == "b"
    shot = client.until(lambda s: len(files(tmp_path)) == 2 and s.step > 0)
    a = next(file for file in files(tmp_path) if str(file) == shot.saving.folder)
    client.until(lambda s: read_record(a).twin is not None)  # so that file opens the pair


def test_a_pair_that_can_not_be_saved_trains_on_and_is_saved_later(client, tmp_path):
    runs, aside = tmp_path / "runs", tmp_path / "aside"
    client.do(Fork())
    client.do(Edit({"learning_rate": 0.01}))
    client.until(lambda s: len(files(tmp_path)) == 2)
    runs.rename(aside)
    runs.touch()  # in which nothing can be written, not even by root
    shot = client.until(lambda s: s.saving.problem)
    later = client.until(lambda s: s.pair.a.step > shot.pair.a.step and s.step > shot.step)
    runs.unlink()
    aside.rename(runs)
    client.until(lambda s: s.saving.problem is None)
    path = ended(client)
    pair = opened(path).pair.facts()
    assert pair is not None
    assert min(pair.a.step, pair.b.step) >= later.step


def test_a_pair_of_which_b_has_diverged_opens_as_a_pair_with_its_last_finite_weights(
    client, tmp_path
):
    client.do(Fork())
    client.do(Step(20))
    client.do(Edit(FAR_TOO_FAST))
    client.do(Resume())
    shot = client.until(lambda s: not s.pair.b.is_finite)
    client.until(lambda s: s.pair.a.step > shot.pair.a.step + 200)
    pair = opened(ended(client)).pair.facts()
    assert pair is not None
    assert pair.a.step > shot.pair.a.step + 200
    assert pair.b.is_finite
    assert pair.b.step < shot.pair.b.diverged_at
