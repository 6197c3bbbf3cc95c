"""The server: undo, previous runs, divergence, saved runs."""

import math
from itertools import pairwise

import pytest
import torch

from makemore_tui.core.results import BigramsView
from makemore_tui.core.runs.catalog import saved_runs
from makemore_tui.core.session.replay import replay
from makemore_tui.core.session.session import Session
from makemore_tui.core.settings import TrainSettings
from makemore_tui.core.worker.autosave import Autosave
from makemore_tui.core.worker.protocol import (
    ChangeDataset,
    Edit,
    EvaluateTest,
    LossView,
    NameRun,
    NamesView,
    OpenRun,
    Pause,
    Redo,
    Refresh,
    Refused,
    Restart,
    Resume,
    ReturnTo,
    Step,
    Undo,
)
from tests.support.serving import MODEL, Client, play


def diverge(client):
    client.do(Edit({"learning_rate": 1000, "weight_decay": 100}))
    return client.until(lambda s: s.state != "training")


def diverge_paused(client):
    client.do(Edit({"learning_rate": 1000, "weight_decay": 100}))
    while client.look().divergence is None:
        client.do(Step())


# Undo


def test_undo_and_redo_are_answered_with_the_state_that_came_back(serve):
    client = serve()
    client.until(lambda s: s.step > 20)
    before = client.still()
    edited = client.do(Edit({"hidden": 15, "learning_rate": 0.02}))
    assert (edited.can_undo, edited.can_redo) == ("hidden 15, lr 0.02", None)
    assert edited.marks == ((before.step, "hidden 15, lr 0.02"),)
    client.do(Step())
    undone = client.do(Undo())
    assert (undone.can_undo, undone.can_redo, undone.marks) == (None, "hidden 15, lr 0.02", ())
    assert (undone.model, undone.train, undone.step) == (before.model, before.train, before.step)
    assert (undone.runs, undone.state, undone.resized) == (1, "paused", None)
    assert client.still().splits == before.splits
    redone = client.do(Redo())
    assert (redone.step, redone.model.hidden) == (before.step + 1, 15)
    assert redone.marks == edited.marks


@pytest.mark.parametrize("request_", [Undo(), Redo(), ReturnTo(0)])
def test_there_may_be_nothing_to_go_back_to(serve, request_):
    client = serve()
    before = client.still()
    refused = client.ask(request_)
    assert isinstance(refused, Refused)
    assert "there is no" in refused.why
    assert client.look().splits == before.splits


def test_undone_it_trains_on_as_it_did(serve, small):
    client = serve()
    client.until(lambda s: s.step > 20)
    client.do(Edit({"batch_size": 3}))
    client.until(lambda s: s.step > 60)
    undone = client.do(Undo())
    assert undone.state == "training"
    later = client.until(lambda s: s.step > undone.step + 50)
    assert later.marks == ()
    step = client.do(Pause()).step
    plain = Session(small, MODEL, TrainSettings(batch_size=8), seed=3)
    plain.train(step)
    for name, tensor in plain.model.tensors.items():
        assert torch.equal(client.session.model.tensors[name], tensor)


def test_the_curves_go_back_too(serve):
    client = serve()
    client.until(lambda s: s.step > 20)
    before = client.still()
    curve = client.look(LossView(0, 50)).loss
    client.do(Edit({"learning_rate": 0.5}))
    client.do(Resume())
    client.until(lambda s: s.step > before.step + 500 and s.splits.step > before.step)
    client.do(Pause())
    client.do(Undo())
    client.still()
    again = client.look(LossView(0, 50)).loss
    assert (again.steps, again.mean, again.total_steps) == (curve.steps, curve.mean, before.step)
    assert {step for step, _ in again.dev} == {step for step, _ in curve.dev}


@pytest.mark.parametrize("slices", range(2, 12, 2))
def test_an_evaluation_that_undo_overtakes_is_given_up(small, slices):
    """Every dev loss that is told after the undo is that of a run that was never edited."""
    session = Session(small, MODEL, TrainSettings(batch_size=8), seed=3)
    acts = [9, Edit({"learning_rate": 5.0}), slices, Refresh(()), Undo(), *[2, Refresh(())] * 9]
    snapshots = [reply for _, reply in play(session, *acts)]
    edited, later, undone = snapshots[:3]
    assert later.step > edited.step == undone.step
    told = [snapshot.splits for snapshot in snapshots[3:] if snapshot.splits]
    assert told
    for splits in told:
        plain = Session(small, MODEL, TrainSettings(batch_size=8), seed=3)
        plain.train(splits.step)
        assert splits.dev == plain.evaluate("dev").loss


def test_a_run_that_finished_is_finished_again_after_an_undo(serve):
    client = serve(steps=20)
    client.until(lambda s: s.state == "finished")
    client.do(Edit({"learning_rate": 0.01}))
    assert client.do(Undo()).state == "finished"
    client.do(Edit({"steps": 40}))
    client.do(Resume())
    client.until(lambda s: s.state == "finished" and s.step == 40)
    assert client.do(Undo()).step == 20
    assert client.look().state == "finished"


def test_a_run_that_finished_is_finished_again_after_a_way_back_from_another(serve):
    client = serve(steps=20)
    client.until(lambda s: s.state == "finished")
    assert client.do(Restart(9)).state == "training"
    undone = client.do(Undo())
    assert (undone.state, undone.step) == ("finished", 20)
    client.do(Redo())
    client.until(lambda s: s.state == "finished")
    assert client.do(ReturnTo(0)).step == 20
    client.do(Resume())
    client.until(lambda s: s.step > 20)


def test_a_previous_run_is_returned_to_paused(serve):
    client = serve(steps=500)
    client.until(lambda s: s.step > 5)
    client.do(Restart(9))
    client.until(lambda s: s.step > 5)
    back = client.do(ReturnTo(0))
    assert (back.state, back.seed) == ("paused", 3)
    assert client.look().step == back.step


def test_going_on_extends_the_plan_and_stretches_the_schedule(serve):
    client = serve(steps=20, schedule="linear")
    finished = client.until(lambda s: s.state == "finished")
    assert finished.learning_rate == pytest.approx(0.1 / 20)
    going_on = client.do(Resume())
    assert (going_on.train.steps, going_on.can_undo) == (40, "steps 40")
    assert going_on.learning_rate == pytest.approx(0.05)
    assert client.until(lambda s: s.state == "finished").step == 40
    stepped = client.do(Step())
    assert (stepped.step, stepped.state, stepped.train.steps) == (41, "paused", 80)
    undone = client.do(Undo())
    assert (undone.step, undone.train.steps) == (40, 40)


def test_undo_of_a_restart_is_no_new_run(serve):
    client = serve()
    step = client.do(Step()).step
    assert client.do(Restart(9)).can_undo == "seed 9"
    undone = client.do(Undo())
    assert (undone.step, undone.seed, undone.runs) == (step, 3, 2)


# Previous runs


def test_previous_runs_are_told_with_their_curves(serve):
    client = serve(steps=10_000)
    client.until(lambda s: s.step > 300)
    first = client.still()
    client.do(Restart(9))
    client.do(Resume())
    client.until(lambda s: s.step > 100)
    client.still()
    client.do(Edit({"init": "lecture"}))
    client.do(Resume())
    client.until(lambda s: s.step > 200)
    client.still()
    snapshot = client.look(LossView(0, 50))
    one, two = snapshot.previous
    assert one.name == f"init scaled, seed 3 → {one.best_dev:.2f}"
    assert two.name == f"init scaled → {two.best_dev:.2f}"
    assert (one.seed, one.steps, one.model, one.train) == (3, first.step, first.model, first.train)
    last_dev = client.session.timeline.previous_runs[0].dev_losses.last
    assert one.best_dev <= last_dev == first.splits.dev
    histories = [run.history for run in client.session.timeline.previous_runs]
    assert len(snapshot.loss.previous) == 2
    for points, history in zip(snapshot.loss.previous, histories, strict=True):
        assert 2 < len(points) <= 64
        curve = history.curve(0, 64, client.session.step)
        assert points == list(zip(curve.steps, curve.mean, strict=True))


def test_previous_runs_are_even_on_a_logarithmic_axis(serve):
    client = serve()
    client.until(lambda s: s.step > 3000)
    client.still()
    client.do(Restart(9))
    client.do(Resume())
    client.until(lambda s: s.step > 3000)
    (points,) = client.look(LossView(0, 800, log_steps=True)).loss.previous
    steps = [step for step, _ in points]
    assert steps == sorted(set(steps))
    assert 30 < len(steps) <= 64
    assert max(b / a for a, b in pairwise(steps)) < 4  # evenly spaced ones begin with 1 to 47


def test_a_range_of_steps_holds_only_those(serve):
    client = serve()
    client.until(lambda s: s.step > 300)
    client.still()
    loss = client.look(LossView(0, 50, steps=(100, 150))).loss
    assert loss.steps == [step + 0.5 for step in range(100, 150)]
    assert all(100 <= step <= 150 for step, _ in loss.dev)
    assert loss.total_steps == client.session.step


def test_returning_to_a_previous_run_is_no_new_run(serve):
    client = serve(steps=100)
    client.until(lambda s: s.step > 50)
    first = client.still()
    client.do(Restart(9))
    client.do(Step())
    returned = client.do(ReturnTo(0))
    assert (returned.seed, returned.step, returned.runs) == (3, first.step, 2)
    assert [one.seed for one in returned.previous] == [9]
    assert returned.can_undo.startswith("return to seed 3 → ")
    assert client.still().splits == first.splits
    assert client.do(Undo()).seed == 9


# Divergence


def test_divergence_stops_the_training_and_the_server_stays(serve):
    client = serve()
    diverged = diverge(client)
    assert diverged.state == "diverged"
    assert client.look(NamesView(3)).names.samples == ()
    everything = client.look(LossView(0, 9), BigramsView(0, 0, 3, 3, (0, 0)))
    assert everything.step == diverged.step


def test_diverged_weights_are_not_trained_on(serve):
    client = serve()
    diverge(client)
    refused = client.ask(Resume())
    assert isinstance(refused, Refused)
    assert "not finite; undo lr 1,000, decay 100" in refused.why


def test_divergence_is_told_with_its_step_and_the_edit_before_it(serve):
    client = serve()
    client.until(lambda s: s.step > 20)
    assert client.look().divergence is None
    edited = client.do(Edit({"learning_rate": 1000, "weight_decay": 100}))
    diverged = client.until(lambda s: s.state == "diverged")
    step, after = diverged.divergence.step, diverged.divergence.after
    assert edited.step < step < diverged.step
    assert after == (edited.marks[-1].step, "lr 1,000, decay 100")
    plain = Session(client.session.dataset, MODEL, TrainSettings(batch_size=8), 3)
    plain.train(after.step)
    plain.edit(learning_rate=1000, weight_decay=100)
    finite = plain.train(diverged.step - after.step).isfinite().tolist()
    assert finite.index(False) == step - after.step
    undone = client.do(Undo())
    assert (undone.divergence, undone.state) == (None, "paused")
    assert undone.step == after.step
    client.do(Resume())
    client.until(lambda s: s.step > undone.step + 100 and s.state == "training")


def test_a_run_that_diverges_by_itself_has_no_edit_to_take_back(serve):
    client = serve(learning_rate=1000, weight_decay=100)
    diverged = client.until(lambda s: s.state == "diverged")
    assert diverged.divergence.after is None
    assert diverged.can_undo is None
    refused = client.ask(Resume())
    assert "lower the learning rate, then restart" in refused.why
    client.do(Edit({"learning_rate": 0.1}))
    assert client.look().divergence.after is None


def test_a_run_that_diverges_on_its_last_step_has_diverged(serve, small):
    settings = TrainSettings(batch_size=8, learning_rate=1000, weight_decay=100)
    plain = Session(small, MODEL, settings, seed=3)
    plain.train(100)
    assert plain.diverged_at is not None
    client = serve(learning_rate=1000, weight_decay=100, steps=plain.diverged_at + 1)
    diverged = client.until(lambda s: s.state != "training")
    assert (diverged.state, diverged.step) == ("diverged", plain.diverged_at + 1)


def test_weights_that_are_not_finite_are_neither_stepped_nor_tested(serve):
    client = serve()
    before = diverge(client)
    for request in (Step(), Resume(), EvaluateTest()):
        refused = client.ask(request)
        assert isinstance(refused, Refused)
        assert "undo lr 1,000, decay 100" in refused.why
    assert (client.look().step, client.look().test_asked) == (before.step, 0)
    assert before.divergence.way_back == "lr 1,000, decay 100"


def test_where_undo_brings_no_finite_weights_it_is_not_offered(serve):
    client = serve(learning_rate=1000, weight_decay=100)
    client.until(lambda s: s.state != "training")
    now = client.do(Edit({"learning_rate": 0.1}))
    assert (now.can_undo, now.divergence.way_back) == ("lr 0.1", None)
    assert "lower the learning rate, then restart" in client.ask(Resume()).why


def test_names_that_can_not_be_drawn_are_none(serve):
    client = serve()
    client.do(Pause())
    client.session.model.tensors["b1"][:] = 9.0
    for value in (math.inf, math.nan):
        client.session.model.tensors["W2"][:] = value  # so that no logit is finite
        assert client.look(NamesView(4)).names.samples == ()
    client.session.model.tensors["W2"][:] = 3e38  # whose logits are finite in double precision
    assert len(client.look(NamesView(4)).names.samples) == 4


def test_redone_weights_that_are_not_finite_are_not_trained_on(serve):
    client = serve()
    client.do(Pause())
    diverge_paused(client)
    client.do(Undo())
    assert client.do(Redo()).state == "diverged"


def test_after_divergence_a_restart_trains_again(serve):
    client = serve()
    diverge(client)
    client.do(Edit({"learning_rate": 0.1, "weight_decay": 0.0}))
    assert client.do(Restart(3)).state == "training"
    client.until(lambda s: s.step > 20)
    assert client.look(NamesView(3)).names.samples


# Saved runs


def test_a_paused_run_is_saved_and_opens_again(serve_saving):
    client = serve_saving()
    client.until(lambda s: s.step > 10)
    client.do(Pause())
    now = client.until(lambda s: s.saving.step == s.step)
    assert Session.load(now.saving.folder).step == now.step


def test_a_run_is_named_and_opened_again_paused(serve_saving, tmp_path):
    client = serve_saving()
    client.until(lambda s: s.step > 10)
    client.still()  # so that nothing is saved again at once, which would end the note
    client.do(NameRun("mine"))
    named = client.until(lambda s: s.saving.note == "Saved as mine")
    assert (named.saving.folder, named.saving.named) == (
        str(tmp_path / "runs" / "mine.safetensors"),
        True,
    )
    client.do(Restart(9))
    client.do(Resume())
    client.until(lambda s: s.step > 10)
    opened = client.do(OpenRun(named.saving.folder))
    assert (opened.state, opened.step, opened.seed) == ("paused", named.step, named.seed)
    assert (opened.saving.folder, opened.saving.named) == (named.saving.folder, True)
    assert opened.can_undo == "run mine"
    assert client.do(Undo()).seed == 9


def test_what_can_not_be_opened_or_named_is_refused_and_changes_nothing(serve_saving, tmp_path):
    client = serve_saving()
    client.until(lambda s: s.step > 10)
    before = client.do(Pause())
    assert isinstance(client.ask(OpenRun(str(tmp_path / "none"))), Refused)
    assert isinstance(client.ask(NameRun("a/b")), Refused)
    named = client.do(NameRun("mine"))
    assert isinstance(client.ask(OpenRun(named.saving.folder)), Refused)
    assert (named.step, named.runs) == (before.step, before.runs)


def test_at_the_end_of_serving_the_run_is_saved(small, tmp_path):
    session = Session(small, MODEL, TrainSettings(batch_size=8, steps=10**9))
    client = Client(session, autosave=Autosave(tmp_path / "runs", 10**9))
    client.until(lambda s: s.step > 10)
    client.end()
    (run,) = saved_runs(tmp_path / "runs")
    assert run.steps == session.step


def test_a_run_made_by_hand_with_thirty_edits_replays_bit_for_bit(serve_saving):
    client = serve_saving()

    def train_on():
        last = client.look().step
        client.until(lambda s: s.step > last + 7)

    for i in range(10):  # whatever the step is at which an edit arrives
        client.do(Edit({"learning_rate": 0.1 / (i + 1), "batch_size": 4 + i}))
        train_on()
        client.do(Edit({"hidden": 8 + i, "embedding": 3 + i % 3}))
        train_on()
        client.do(Edit({"dropout": i / 20, "weight_decay": 0.01 * (i % 2)}))
        if i == 5:
            client.do(Undo())
            client.do(Redo())
    client.do(Pause())
    now = client.until(lambda s: s.saving.step == s.step)
    assert len(Session.load(now.saving.folder).journal) >= 30
    assert replay(now.saving.folder).identical


def test_where_nothing_is_saved_a_run_gets_no_name(serve):
    assert isinstance(serve().ask(NameRun("mine")), Refused)


def test_a_run_is_saved_before_another_takes_its_place(serve_saving, tmp_path):
    client = serve_saving()
    client.until(lambda s: s.step > 10)
    before = client.do(Pause())
    client.do(ChangeDataset("names"))
    client.until(lambda _: saved_runs(tmp_path / "runs"))
    assert [run.steps for run in saved_runs(tmp_path / "runs")] == [before.step]
