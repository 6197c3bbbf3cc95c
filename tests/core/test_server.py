"""The server in a thread, asked as the explorer asks it, and on a clock that the test turns."""

import math
import time
from itertools import pairwise
from queue import SimpleQueue
from threading import Thread

import pytest
import torch

from makemore_tui.core.analysis.baselines import baseline_losses
from makemore_tui.core.datasets.dataset import Dataset
from makemore_tui.core.results import BigramsView, DatasetStats, Unavailable
from makemore_tui.core.runs.catalog import saved_runs
from makemore_tui.core.session.replay import replay
from makemore_tui.core.session.session import Session
from makemore_tui.core.settings import ModelSettings, TrainSettings
from makemore_tui.core.worker.autosave import Autosave
from makemore_tui.core.worker.protocol import (
    CancelFinder,
    ChangeDataset,
    DescribeDataset,
    Edit,
    EmbeddingView,
    EvaluateTest,
    FindLearningRate,
    HealthView,
    LossView,
    NameRun,
    NamesView,
    OpenRun,
    Pause,
    ProbeView,
    Redo,
    Refresh,
    Refused,
    Restart,
    Resume,
    ReturnTo,
    Snapshot,
    Step,
    Undo,
)
from makemore_tui.core.worker.server import Server

MODEL = ModelSettings(context=3, embedding=4, hidden=10)
PATIENCE = 60  # seconds, after which a test gives up


class Client:
    """Asks a server in a thread, and waits for states of it."""

    def __init__(self, session, **options):
        self.session = session
        self.inbox, self.replies = SimpleQueue(), SimpleQueue()
        server = Server(session, self.inbox, self.replies.put, **options)
        self.thread = Thread(target=server.run, daemon=True)
        self.thread.start()
        self.first = self.replies.get(timeout=PATIENCE)

    def ask(self, request):
        """Any reply."""
        self.inbox.put(request)
        return self.replies.get(timeout=PATIENCE)

    def do(self, request):
        """A reply that must be a snapshot."""
        reply = self.ask(request)
        assert isinstance(reply, Snapshot), reply
        return reply

    def look(self, *views):
        return self.do(Refresh(views))

    def until(self, condition, *views):
        """The first snapshot of which the condition holds."""
        give_up = time.monotonic() + PATIENCE
        snapshot = self.look(*views)
        while not condition(snapshot):
            assert time.monotonic() < give_up, f"never came: {snapshot}"
            snapshot = self.look(*views)
        return snapshot

    def still(self):
        """Pause, and wait until the losses shown are those of the step shown."""
        self.do(Pause())
        return self.until(lambda s: s.splits is not None and s.splits.step == s.step)

    def end(self):
        self.inbox.put(None)
        self.thread.join(PATIENCE)
        assert not self.thread.is_alive()


@pytest.fixture
def serve(small):
    """Starts a server over a session; all are ended after the test."""
    clients = []

    def start(dataset=small, model=MODEL, seed=3, **train):
        settings = TrainSettings(**{"batch_size": 8, **train})
        clients.append(Client(Session(dataset, model, settings, seed=seed)))
        return clients[-1]

    yield start
    for client in clients:
        client.end()


def diverge(client):
    client.do(Edit({"learning_rate": 1000, "weight_decay": 100}))
    return client.until(lambda s: s.state != "training")


def diverge_paused(client):
    client.do(Edit({"learning_rate": 1000, "weight_decay": 100}))
    while client.look().divergence is None:
        client.do(Step())


# Training between requests


def test_the_first_snapshot_comes_unasked_and_describes_the_run(serve, small):
    client = serve()
    first = client.first
    assert (first.state, first.step, first.seed, first.runs) == ("training", 0, 3, 1)
    assert (first.model, first.train.batch_size) == (MODEL, 8)
    assert first.parameters == client.session.model.parameters
    assert first.dataset.items == small.items
    assert list(first.dataset.labels) == small.vocabulary.labels()
    assert first.dataset.characters == small.vocabulary.size
    assert (first.splits, first.test, first.is_refresh) == (None, None, False)


def test_it_trains_while_nobody_asks(serve):
    client = serve()
    step = client.look().step
    client.until(lambda s: s.step > step + 100)


def test_served_training_takes_the_path_of_plain_training(serve, small):
    client = serve(optimizer="adamw", learning_rate=0.01)
    client.until(
        lambda s: s.step > 200, LossView(0, 50), NamesView(3), BigramsView(0, 0, 5, 5, (1, 1))
    )
    step = client.still().step
    plain = Session(small, MODEL, client.session.train_settings, seed=3)
    plain.train(step)
    for name, tensor in plain.model.tensors.items():
        assert torch.equal(client.session.model.tensors[name], tensor)


def test_paused_it_takes_no_step(serve):
    client = serve()
    paused = client.do(Pause())
    assert paused.state == "paused"
    assert {client.look().step for _ in range(50)} == {paused.step}


def test_a_step_is_one_step_and_a_pause(serve):
    client = serve()
    before = client.do(Pause()).step
    after = client.do(Step())
    assert (after.step, after.state) == (before + 1, "paused")
    assert client.look().step == before + 1


def test_a_step_while_training_pauses(serve):
    client = serve()
    stepped = client.do(Step())
    assert stepped.state == "paused"
    assert client.look().step == stepped.step


def test_resumed_it_trains_on(serve):
    client = serve()
    before = client.do(Pause()).step
    assert client.do(Resume()).state == "training"
    client.until(lambda s: s.step > before)


def test_it_finishes_at_the_planned_end_and_resumes_beyond(serve):
    client = serve(steps=50)
    finished = client.until(lambda s: s.state != "training")
    assert (finished.state, finished.step) == ("finished", 50)
    assert client.look().step == 50
    client.do(Resume())
    client.until(lambda s: s.step > 50 and s.state == "training")


def test_more_planned_steps_are_trained_after_an_edit_and_a_resume(serve):
    client = serve(steps=20)
    client.until(lambda s: s.state == "finished")
    client.do(Edit({"steps": 60}))
    client.do(Resume())
    assert client.until(lambda s: s.state != "training").step == 60


def test_steps_per_second_are_told_while_training_only(serve):
    client = serve()
    client.until(lambda s: s.steps_per_second > 0)
    assert client.do(Pause()).steps_per_second == 0


def test_it_ends_when_told_so(small):
    client = Client(Session(small, MODEL))
    client.end()


def test_paused_it_ends_too(small):
    client = Client(Session(small, MODEL))
    client.do(Pause())
    client.end()


# At rest


def test_it_rests_once_all_that_follows_a_pause_is_done(serve_saving):
    client = serve_saving()
    client.until(lambda s: s.step > 10)
    assert not client.look().is_resting
    client.do(Pause())
    resting = client.until(lambda s: s.is_resting)
    assert resting.splits.step == resting.step == resting.saving.step
    assert len(resting.baselines) == 5
    assert client.look() == resting
    assert not client.do(Resume()).is_resting


@pytest.mark.parametrize(
    "request_", [Edit({"smoothing": 0.1}), EvaluateTest(), FindLearningRate(), Step()]
)
def test_a_request_with_work_to_follow_ends_the_rest(serve, request_):
    client = serve()
    client.do(Pause())
    client.until(lambda s: s.is_resting)
    assert not client.do(request_).is_resting
    client.until(lambda s: s.is_resting)


def test_it_rests_when_it_has_finished(serve):
    assert serve(steps=20).until(lambda s: s.is_resting).state == "finished"


def test_it_does_not_rest_before_its_run_is_saved(small, tmp_path):
    (tmp_path / "runs").write_text("a file where the directory should be")
    autosave = Autosave(tmp_path / "runs", 10**9)
    client = Client(Session(small, MODEL, TrainSettings(batch_size=8)), autosave=autosave)
    client.until(lambda s: s.step > 10)
    client.do(Pause())
    client.until(lambda s: s.saving.problem is not None)
    assert not client.until(lambda s: s.splits and len(s.baselines) == 5).is_resting
    (tmp_path / "runs").unlink()
    assert client.until(lambda s: s.is_resting).saving.problem is None
    client.end()


def test_resting_it_takes_nothing_from_its_inbox_but_requests(small):
    """It waits for the next request without looking at the clock."""
    session = Session(small, MODEL, TrainSettings(batch_size=8, steps=20))
    reads = []

    def clock():
        reads.append(None)
        return time.perf_counter()

    client = Client(session, clock=clock)
    client.until(lambda s: s.is_resting)
    before = len(reads)
    assert client.look().is_resting
    after = len(reads)
    time.sleep(0.1)
    assert len(reads) == after
    assert after - before < 10
    client.end()


def test_a_snapshot_tells_how_often_undo_can_be_asked_for(serve):
    client = serve()
    assert client.look().undo_levels == 0
    client.do(Edit({"learning_rate": 0.02}))
    assert client.do(Edit({"learning_rate": 0.03})).undo_levels == 2
    assert client.do(Undo()).undo_levels == 1


# Edits


def test_an_edit_is_answered_with_the_settings_as_they_then_are(serve):
    client = serve()
    snapshot = client.do(Edit({"learning_rate": 0.03, "batch_size": 4}))
    assert (snapshot.train.learning_rate, snapshot.train.batch_size) == (0.03, 4)
    assert snapshot.learning_rate == 0.03
    assert (snapshot.runs, snapshot.is_refresh) == (1, False)


def test_the_rate_after_the_schedule_is_told(serve):
    client = serve(schedule="step", steps=20, learning_rate=0.5)
    finished = client.until(lambda s: s.state == "finished")
    assert finished.train.learning_rate == 0.5
    assert finished.learning_rate == pytest.approx(0.05)


def test_a_change_of_direct_connections_is_a_new_run_and_says_so(serve):
    client = serve()
    client.until(lambda s: s.step > 20 and s.splits is not None)
    client.do(Pause())
    snapshot = client.do(Edit({"direct": True}))
    assert snapshot.runs == 2
    assert (snapshot.runs, snapshot.step, snapshot.seed, snapshot.splits) == (2, 0, 3, None)
    assert snapshot.model.direct
    assert snapshot.parameters == client.session.model.parameters
    assert snapshot.state == "paused"


def test_a_new_run_begins_training_unless_it_was_paused(serve):
    client = serve(steps=10)
    client.until(lambda s: s.state == "finished")
    assert client.do(Edit({"direct": True})).state == "training"


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"hidden": 0}, "hidden must be a whole number"),
        ({"learning_rate": -1.0}, "learning_rate must be a number"),
        ({"size": 3}, "there is no setting 'size'"),
    ],
)
def test_a_refused_edit_is_answered_in_words_and_changes_nothing(serve, changes, sentence):
    client = serve()
    before = client.still()
    refused = client.ask(Edit(changes))
    assert isinstance(refused, Refused)
    assert sentence in refused.why
    after = client.look()
    assert (after.model, after.train, after.step) == (before.model, before.train, before.step)
    assert (after.state, after.runs, after.splits) == ("paused", 1, before.splits)


def test_a_restart_is_a_new_run_with_the_seed_asked_for(serve):
    client = serve()
    client.do(Step())
    snapshot = client.do(Restart(9))
    assert (snapshot.step, snapshot.seed, snapshot.runs) == (0, 9, 2)


# Splits


def test_split_losses_are_those_of_the_session(serve):
    client = serve()
    client.until(lambda s: s.step > 30)
    splits = client.still().splits
    dev, train = client.session.evaluate("dev"), client.session.evaluate("train")
    assert (splits.dev, splits.dev_seen, splits.dev_unseen) == (dev.loss, dev.seen, dev.unseen)
    assert (splits.train, splits.train_share) == (train.loss, 1)


def test_split_losses_follow_the_training(serve):
    client = serve()
    first = client.until(lambda s: s.splits is not None).splits
    later = client.until(lambda s: s.splits.step > first.step).splits
    assert later.dev != first.dev


def test_an_edit_of_smoothing_is_seen_in_the_losses_though_no_step_is_taken(serve):
    client = serve(model=ModelSettings(kind="ngram"), batch_size=0)
    before = client.still().splits
    client.do(Edit({"smoothing": 50}))
    after = client.until(lambda s: s.splits != before).splits
    assert after.step == before.step
    assert after.train == client.session.evaluate("train").loss > before.train


def test_the_train_loss_is_of_what_is_trained_on(serve):
    client = serve(train_on="first-6")
    splits = client.still().splits
    assert splits.train == client.session.evaluate("first-6").loss


def test_the_test_loss_is_only_told_on_request_with_how_often(serve):
    client = serve()
    still = client.still()
    assert still.test is None
    assert client.do(EvaluateTest()).test_asked == 1
    asked = client.until(lambda s: s.test is not None)
    assert asked.test.step == still.step
    assert asked.test.loss == client.session.evaluate("test").loss
    assert client.do(EvaluateTest()).test_asked == 2


def test_a_test_loss_goes_when_the_model_changes_without_a_step(serve):
    client = serve(model=ModelSettings(kind="ngram"), batch_size=0)
    client.still()
    client.do(EvaluateTest())
    client.until(lambda s: s.test is not None)
    assert client.do(Edit({"smoothing": 50.0})).test is None


def test_counting_ends_when_all_is_counted_whatever_the_plan(serve):
    client = serve(model=ModelSettings(kind="ngram"), batch_size=1, steps=1)
    client.until(lambda s: s.state == "finished")
    assert client.session.trainer.finished


def test_asks_are_counted_on_over_a_restart(serve):
    client = serve()
    client.do(EvaluateTest())
    assert client.do(Restart(3)).test is None
    assert client.do(EvaluateTest()).test_asked == 2


# Views


def test_only_the_views_that_are_asked_for_are_drawn(serve):
    client = serve()
    nothing = client.look()
    assert (nothing.loss, nothing.bigrams, nothing.names) == (None, None, None)
    assert nothing.is_refresh
    names = client.look(NamesView(4))
    assert (names.loss, names.bigrams) == (None, None)
    assert len(names.names) == 4
    everything = client.look(LossView(0, 9), BigramsView(0, 0, 3, 3, (0, 0)), NamesView(1))
    assert None not in (everything.loss, everything.bigrams, everything.names)


def test_names_are_fresh_and_marked(serve, small_items):
    client = serve(model=ModelSettings(kind="ngram", order=5), batch_size=0)
    client.until(lambda s: s.state == "finished")
    names = client.look(NamesView(60)).names
    assert {name.seen for name in names} == {True, False}
    assert all(name.seen == (name.text in small_items) for name in names)
    assert client.look(NamesView(60)).names != names


def test_names_are_safe_to_show(serve, write):
    dataset = Dataset(write("a\x1b[31mb\n" * 30))
    client = serve(dataset, ModelSettings(kind="ngram"), batch_size=0)
    client.until(lambda s: s.state == "finished")
    assert all(name.text.isprintable() for name in client.look(NamesView(20)).names)


@pytest.mark.parametrize("points", [2, 30])
def test_the_loss_curve_is_the_sessions_history_in_so_many_points(serve, points):
    client = serve()
    client.until(lambda s: s.step > 100 and s.splits is not None)
    step = client.still().step
    loss = client.look(LossView(0, points)).loss
    history = client.session.history.curve(0, points)
    assert loss.total_steps == step
    assert 1 <= len(loss.steps) <= points
    assert (loss.low, loss.mean, loss.high) == (history.low, history.mean, history.high)


def test_the_loss_curve_may_be_of_the_last_part_only(serve):
    client = serve()
    client.until(lambda s: s.step > 200)
    step = client.do(Pause()).step
    loss = client.look(LossView(0.9, 10_000)).loss
    assert loss.steps[0] == pytest.approx(0.9 * step, abs=1)
    assert all(point >= int(0.9 * step) for point, _ in loss.dev)


def test_the_newest_dev_loss_is_always_in_the_curve(serve):
    client = serve()
    for _ in range(3):
        client.do(Step())
        splits = client.still().splits
        dev = client.look(LossView(0, 2)).loss.dev
        assert dev[-1] == (splits.step, splits.dev)
        assert dev == sorted(dev)


def test_the_bigram_table_is_a_window_with_the_pair_under_the_cursor(serve, small):
    client = serve()
    client.do(Pause())
    table = client.look(BigramsView(1, 2, 3, 4, (2, 3))).bigrams
    assert (table.top, table.left) == (1, 2)
    assert [len(row) for row in table.values] == [4, 4, 4]
    assert table.pair.probability == pytest.approx(table.values[1][1])
    signs, text = "\n" + small.vocabulary.characters, "\n".join(map(small.item, range(small.items)))
    pair = signs[2] + signs[3]
    assert table.pair.count == sum(text.startswith(pair, i) for i in range(len(text)))


def test_the_bigram_table_follows_a_change_of_context(serve):
    client = serve()
    view = BigramsView(0, 0, 9, 9, (0, 0))
    client.look(view)
    client.do(Edit({"context": 5}))
    rows = client.look(view).bigrams.values
    assert [sum(row) for row in rows] == pytest.approx([1] * len(rows), rel=1e-5)


# Changes of size


def test_a_change_of_size_keeps_the_run_and_says_what_it_cost(serve):
    client = serve()
    client.until(lambda s: s.step > 50)
    still = client.still()
    assert still.resized is None
    shrunk = client.do(Edit({"hidden": 6}))
    assert (shrunk.step, shrunk.runs, shrunk.model.hidden) == (still.step, 1, 6)
    assert shrunk.parameters == client.session.model.parameters < still.parameters
    resized = shrunk.resized
    assert (resized.step, resized.label, resized.dev_share) == (still.step, "hidden 6", 1)
    assert resized.before == pytest.approx(still.splits.dev)
    assert resized.after == client.session.evaluate("dev").loss
    grown = client.do(Edit({"hidden": 12, "context": 4}))
    assert (grown.resized.label, grown.resized.before) == ("hidden 12, context 4", None)
    assert client.do(Resume()).state == "training"
    client.until(lambda s: s.step > still.step)


def test_losses_after_a_change_of_size_are_those_of_the_new_size(serve):
    client = serve()
    client.until(lambda s: s.step > 50)
    client.still()
    client.do(EvaluateTest())
    client.until(lambda s: s.test is not None)
    assert client.do(Edit({"hidden": 2})).test is None
    dev = client.session.evaluate("dev").loss
    assert client.until(lambda s: s.splits.dev == dev).splits.step == client.session.step


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


@pytest.mark.parametrize("slices", range(1, 6))
def test_an_evaluation_that_undo_overtakes_is_given_up(small, slices):
    """Every dev loss that is told after the undo is that of a run that was never edited."""
    session = Session(small, MODEL, TrainSettings(batch_size=8), seed=3)
    acts = [9, Edit({"learning_rate": 5.0}), slices, Refresh(()), Undo(), *[1, Refresh(())] * 9]
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
    client = serve()
    client.until(lambda s: s.step > 5)
    client.do(Restart(9))
    client.until(lambda s: s.step > 5)
    back = client.do(ReturnTo(0))
    assert (back.state, back.seed) == ("paused", 3)
    assert client.look().step == back.step


def test_a_run_that_goes_on_beyond_its_plan_does_so_after_an_undo(serve):
    client = serve(steps=20)
    client.until(lambda s: s.state == "finished")
    client.do(Resume())
    client.until(lambda s: s.step > 40)
    client.do(Edit({"learning_rate": 0.01}))
    step = client.do(Undo()).step
    assert client.until(lambda s: s.step > step).state == "training"


def test_undo_of_a_restart_is_no_new_run(serve):
    client = serve()
    step = client.do(Step()).step
    assert client.do(Restart(9)).can_undo == "seed 9"
    undone = client.do(Undo())
    assert (undone.step, undone.seed, undone.runs) == (step, 3, 2)


# Previous runs


def test_previous_runs_are_told_with_their_curves(serve):
    client = serve()
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
    assert one.best_dev <= one.last_dev == first.splits.dev
    histories = [run.state.history for run in client.session.previous_runs]
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
    client = serve()
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


def test_the_bigram_table_has_modes_and_orders(serve):
    client = serve(smoothing=2.5)
    client.do(Pause())
    counts = client.look(BigramsView(0, 0, 9, 9, (0, 0), "counts")).bigrams
    counted = client.look(BigramsView(0, 0, 9, 9, (0, 0), "counted", "frequency")).bigrams
    i, j = counted.order[1], counted.order[2]
    row = counts.values[i]
    assert counted.values[1][2] == pytest.approx(row[j] / sum(row))
    assert (counts.mode, counted.mode) == ("counts", "counted")
    assert counts.order == tuple(range(7)) != counted.order


def test_the_embedding_is_drawn_when_asked_for_and_turns_with_no_frame(serve):
    client = serve(model=ModelSettings(embedding=5, hidden=10))
    assert client.look().embedding is None
    client.do(Pause())
    first, again = client.look(EmbeddingView()).embedding, client.look(EmbeddingView()).embedding
    assert first.dimensions == 5
    for point, same in zip(first.points, again.points, strict=True):
        assert point == pytest.approx(same)


def test_a_view_that_cannot_be_had_is_answered_in_words(serve):
    client = serve(model=ModelSettings(kind="neural-bigram"))
    reply = client.look(EmbeddingView(), ProbeView("xyz"))
    assert isinstance(reply.embedding, Unavailable)
    assert isinstance(reply.probe, Unavailable)
    assert "no embedding" in reply.embedding.why
    assert "'x'" in reply.probe.why


def test_a_probe_is_of_the_model_as_it_is_beside_the_dev_loss(serve):
    client = serve()
    client.until(lambda s: s.step > 30)
    still = client.still()
    probe = client.look(ProbeView("abc", most=2)).probe
    word = client.session.surprisal("abc")
    assert [one.surprisal for one in probe.characters] == pytest.approx(word.surprisals)
    assert (probe.dev, len(probe.following)) == (still.splits.dev, 2)


def test_health_has_the_losses_of_the_splits(serve):
    client = serve(learning_rate=0.05)
    client.until(lambda s: s.step > 30)
    splits = client.still().splits
    health = client.look(HealthView()).health
    assert (health.train, health.dev) == (splits.train, splits.dev)
    assert health.step == splits.step
    assert [one.name for one in health.tensors] == list(client.session.model.tensors)
    assert client.look().health is None


def test_looking_at_everything_never_changes_the_path(serve, small, state_hash):
    client = serve(optimizer="adamw", learning_rate=0.01)
    views = EmbeddingView(), ProbeView("abc"), HealthView(), BigramsView(0, 0, 9, 9, (1, 1))
    client.until(lambda s: s.step > 200 and len(s.baselines) == 5, *views)
    step = client.still().step
    plain = Session(small, MODEL, client.session.train_settings, seed=3)
    plain.train(step)
    assert state_hash(client.session) == state_hash(plain)


def test_baselines_come_by_themselves_even_while_paused(serve, small):
    client = serve()
    client.do(Pause())
    known = client.until(lambda s: len(s.baselines) == 5).baselines
    assert known == baseline_losses(small)
    client.do(Edit({"hidden": 11}))
    assert client.look().baselines == known


# The learning-rate finder


def test_the_finder_pauses_and_tells_its_progress_and_its_result(serve, state_hash):
    client = serve(model=MODEL)
    client.until(lambda s: s.step > 20)
    started = client.do(FindLearningRate())
    assert (started.state, started.finder.finished) == ("paused", False)
    before = state_hash(client.session)
    progress = []
    found = client.until(lambda s: progress.append(s.finder.done) or s.finder.finished)
    assert progress == sorted(progress)
    assert found.finder.done == found.finder.steps == 1000
    assert (found.step, found.state) == (started.step, "paused")
    assert state_hash(client.session) == before
    assert client.look().finder == found.finder  # until it is cancelled
    assert client.do(CancelFinder()).finder is None


def test_a_finder_may_have_a_range_of_its_own(serve):
    finder = serve().do(FindLearningRate(0.01, 10)).finder
    assert (finder.low, finder.high) == (0.01, 10)


def test_a_finder_can_be_cancelled_on_its_way(serve):
    client = serve()
    client.do(FindLearningRate())
    assert client.do(CancelFinder()).finder is None
    assert client.do(Resume()).state == "training"


@pytest.mark.parametrize("change", [Edit({"hidden": 12}), Restart(9)])
def test_a_finder_ends_with_the_model_that_it_was_for(serve, change):
    client = serve()
    client.do(FindLearningRate())
    assert client.do(change).finder is None


def test_a_found_rate_can_be_taken(serve):
    client = serve()
    client.do(FindLearningRate(0.001, 100))
    found = client.until(lambda s: s.finder.finished).finder
    taken = client.do(Edit({"learning_rate": found.suggested}))
    assert taken.train.learning_rate == found.suggested
    assert taken.finder == found


def test_training_goes_on_while_rates_are_tried_if_it_is_told_to(serve):
    client = serve()
    step = client.do(FindLearningRate()).step
    client.do(Resume())
    client.until(lambda s: s.step > step and s.finder.finished)


@pytest.mark.parametrize(
    ("model", "request_", "sentence"),
    [
        (MODEL, FindLearningRate(1, 0.1), "low must be below high"),
        (MODEL, FindLearningRate(0, 1), "low must be a number"),
        (ModelSettings(kind="ngram"), FindLearningRate(), "counts has no learning rate"),
    ],
)
def test_a_search_that_cannot_be_is_refused_and_training_goes_on(serve, model, request_, sentence):
    client = serve(model=model)
    refused = client.ask(request_)
    assert isinstance(refused, Refused)
    assert sentence in refused.why
    after = client.look()
    assert (after.finder, after.state != "paused") == (None, True)


# Counting


def test_counting_finishes_when_every_example_is_counted(serve, small):
    client = serve(model=ModelSettings(kind="ngram"), batch_size=50)
    finished = client.until(lambda s: s.state != "training")
    examples = small.split("train").examples
    assert (finished.state, finished.step) == ("finished", -(-examples // 50))
    refused = client.ask(Resume())
    assert isinstance(refused, Refused)
    assert "every example has been counted" in refused.why
    assert client.do(Restart(3)).state == "training"


def test_a_step_after_the_count_changes_nothing(serve):
    client = serve(model=ModelSettings(kind="ngram"), batch_size=0)
    client.until(lambda s: s.state == "finished")
    assert client.do(Step()).step == 1


# Divergence


def test_divergence_stops_the_training_and_the_server_stays(serve):
    client = serve()
    diverged = diverge(client)
    assert diverged.state == "diverged"
    assert client.look(NamesView(3)).names == ()
    everything = client.look(LossView(0, 9), BigramsView(0, 0, 3, 3, (0, 0)))
    assert everything.step == diverged.step


def test_diverged_weights_are_not_trained_on(serve):
    client = serve()
    diverge(client)
    refused = client.ask(Resume())
    assert isinstance(refused, Refused)
    assert "not finite; undo takes back lr 1,000, decay 100" in refused.why


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
        assert "undo takes back lr 1,000, decay 100" in refused.why
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
    for value in (3e38, math.inf):  # of which the first is finite
        client.session.model.tensors["W2"][:] = value  # so that every logit is infinite
        client.session.model.tensors["b1"][:] = 9.0
        assert client.look(NamesView(4)).names == ()


def test_a_run_is_saved_before_another_takes_its_place(serve_saving, tmp_path):
    client = serve_saving()
    client.until(lambda s: s.step > 10)
    before = client.do(Pause())
    client.do(ChangeDataset("names"))
    client.until(lambda _: saved_runs(tmp_path / "runs"))
    assert [run.steps for run in saved_runs(tmp_path / "runs")] == [before.step]


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
    assert client.look(NamesView(3)).names


# On a clock of the test's own


class Script:
    """An inbox of requests, and between them numbers: how many slices of work to leave time for."""

    def __init__(self, *acts):
        self.acts = [*acts, None]

    def empty(self):
        if isinstance(self.acts[0], int) and self.acts[0] > 0:
            self.acts[0] -= 1
            return True
        return False

    def get(self):
        while isinstance(self.acts[0], int):
            del self.acts[0]
        return self.acts.pop(0)


class Clock:
    """A clock that goes a hundredth of a second further whenever it is read."""

    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        self.now += 0.01
        return self.now


def play(session, *acts):
    """The snapshots that answer a script's requests, each with the time."""
    replies, clock = [], Clock()
    inbox = Script(*acts)
    server = Server(session, inbox, lambda reply: replies.append((clock.now, reply)), clock)  # type: ignore[arg-type]
    server.run()
    return replies[1:]


def test_an_evaluation_that_a_restart_overtakes_is_given_up(small):
    session = Session(small, MODEL, TrainSettings(batch_size=8), seed=3)
    snapshots = [
        reply
        for _, reply in play(
            session, 2, Edit({"direct": True}), *[1, Refresh(())] * 3, Pause(), 9, Refresh(())
        )
    ]
    assert [snapshot.splits for snapshot in snapshots[:3]] == [None] * 3
    assert snapshots[3].splits.step == 1
    fresh = Session(small, session.model_settings, session.train_settings, seed=3)
    fresh.train(1)
    assert snapshots[3].splits.dev == fresh.evaluate("dev").loss


def test_evaluations_keep_their_distance(small):
    session = Session(small, MODEL, TrainSettings(batch_size=8), seed=3)
    snapshots = play(session, *[1, Refresh(())] * 200)
    times = {reply.splits.step: now for now, reply in reversed(snapshots) if reply.splits}
    begun = sorted(times.values())
    assert len(begun) > 3
    assert all(b - a >= 0.3 for a, b in pairwise(begun))


def test_an_edit_asks_for_an_evaluation_at_once(small):
    session = Session(small, ModelSettings(kind="ngram"), TrainSettings(batch_size=0), seed=3)
    (_, before), _, (_, after) = play(
        session, 9, Refresh(()), Edit({"smoothing": 9}), 9, Refresh(())
    )
    assert after.splits.step == before.splits.step
    assert after.splits.dev != before.splits.dev


# Order


def test_requests_are_answered_one_by_one_in_order(serve):
    client = serve()
    rates = [0.01, 0.02, 0.03, 0.04]
    for rate in rates:
        client.inbox.put(Edit({"learning_rate": rate}))
    replies = [client.replies.get(timeout=PATIENCE) for _ in rates]
    assert [reply.learning_rate for reply in replies] == rates
    assert client.replies.empty()


# Other data


def test_a_dataset_is_described_without_a_change_of_the_run(serve):
    client = serve()
    before = client.do(Pause())
    described = client.ask(DescribeDataset("surnames"))
    assert isinstance(described, DatasetStats)
    assert (described.name, described.characters) == ("surnames", 27)
    dataset = Dataset.load("surnames")
    assert (described.items, described.distinct) == (dataset.items, dataset.distinct)
    examples = tuple(dataset.split(name).examples for name in ("train", "dev", "test"))
    assert described.examples == examples
    after = client.look()
    assert (after.dataset, after.step, after.runs) == (before.dataset, before.step, before.runs)


def test_another_dataset_begins_a_new_run_with_the_same_settings(serve, tmp_path):
    file = tmp_path / "towns.txt"
    file.write_text("".join(f"{word}\n" for word in ("ulm", "köln", "essen", "bonn") * 10))
    client = serve(learning_rate=0.03)
    client.until(lambda s: s.step > 20)
    described = client.ask(DescribeDataset(str(file), unique=False))
    assert (described.items, described.distinct, described.shortest) == (40, 4, 3)
    file.unlink()  # what was described is what is taken
    taken = client.do(ChangeDataset(str(file), unique=False))
    assert (taken.dataset.name, taken.dataset.items, taken.runs) == ("towns.txt", 40, 2)
    assert (taken.model, taken.train.learning_rate, taken.seed) == (MODEL, 0.03, 3)
    drawn = client.until(lambda s: s.step > 20, BigramsView(0, 0, 5, 5, (0, 0)), NamesView(2))
    assert len(drawn.bigrams.values) == 5


def test_undo_goes_back_to_the_dataset_before_with_all_that_is_drawn_of_it(serve):
    client = serve()
    before = client.still()
    views = BigramsView(0, 0, 50, 50, (0, 0)), EmbeddingView(), LossView(from_share=0, points=50)
    drawn = client.look(*views)
    changed = client.do(ChangeDataset("words"))
    assert (changed.can_undo, changed.step, changed.splits) == ("data words", 0, None)
    other = client.look(*views)
    assert other.bigrams != drawn.bigrams
    undone = client.do(Undo())
    assert (undone.dataset, undone.step) == (before.dataset, before.step)
    again = client.until(lambda s: s.splits is not None, *views)
    assert (again.splits, again.loss.mean) == (before.splits, drawn.loss.mean)
    assert (again.bigrams, again.embedding.labels) == (drawn.bigrams, drawn.embedding.labels)
    redone = client.do(Redo())
    assert (redone.dataset, redone.can_undo) == (changed.dataset, "data words")
    wanted = baseline_losses(Dataset.load("words"))
    client.until(lambda s: s.baselines == wanted)


def test_a_test_under_way_while_the_size_changes_is_of_the_new_model(names):
    server = Server(Session(names, MODEL), SimpleQueue(), lambda reply: None)
    for request in (Pause(), EvaluateTest(), Edit({"hidden": 5})):
        server._answer(request)
    while server._evals._testing is not None:
        server._work()
    assert server._evals.test is not None
    assert server._evals.test.loss == server.session.evaluate("test").loss


@pytest.mark.parametrize("request_type", [DescribeDataset, ChangeDataset])
def test_a_bad_file_is_refused_and_changes_nothing(serve, tmp_path, request_type):
    client = serve()
    before = client.do(Pause())
    refused = client.ask(request_type(str(tmp_path / "none.txt")))
    assert isinstance(refused, Refused)
    assert "none.txt" in refused.why
    after = client.look()
    assert (after.dataset, after.runs, after.step) == (before.dataset, 1, before.step)


# Saved runs


@pytest.fixture
def serve_saving(small, tmp_path):
    """Serves a session whose runs are saved below a directory."""
    clients = []

    def serve_saving():
        session = Session(small, MODEL, TrainSettings(batch_size=8, steps=10**9))
        autosave = Autosave(tmp_path / "runs", 10**9)
        clients.append(Client(session, autosave=autosave))
        return clients[-1]

    yield serve_saving
    for client in clients:
        client.end()


def test_a_paused_run_is_saved_and_opens_again(serve_saving):
    client = serve_saving()
    client.until(lambda s: s.step > 10)
    client.do(Pause())
    now = client.until(lambda s: s.saving.step == s.step)
    assert Session.load(now.saving.folder).step == now.step


def test_a_run_is_named_and_opened_again_paused(serve_saving, tmp_path):
    client = serve_saving()
    client.until(lambda s: s.step > 10)
    client.do(Pause())
    client.do(NameRun("mine"))
    named = client.until(lambda s: s.saving.note == "saved as mine")
    assert (named.saving.folder, named.saving.named) == (str(tmp_path / "runs" / "mine"), True)
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
