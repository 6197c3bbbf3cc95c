"""The server in a thread, asked as the explorer asks it: training, edits, rest and order."""

from itertools import pairwise

import pytest
import torch

from makemore_tui.core.analysis.baselines import baseline_losses
from makemore_tui.core.datasets.dataset import Dataset
from makemore_tui.core.errors import UserError
from makemore_tui.core.presets import PRESETS
from makemore_tui.core.results import BigramsView, DatasetStats
from makemore_tui.core.run_spec import RunSpec
from makemore_tui.core.session.session import Session
from makemore_tui.core.settings import ModelSettings, TrainSettings
from makemore_tui.core.worker.autosave import Autosave
from makemore_tui.core.worker.protocol import (
    Begin,
    ChangeDataset,
    DescribeDataset,
    Edit,
    EmbeddingView,
    EvaluateTest,
    FindLearningRate,
    HealthView,
    LimitSpeed,
    LossView,
    NamesView,
    Pause,
    ProbeView,
    Redo,
    Refresh,
    Refused,
    Restart,
    Resume,
    Step,
    Undo,
    Unsaved,
)
from makemore_tui.core.worker.server import Server
from makemore_tui.core.worker.views import Views
from tests.support.serving import MODEL, PATIENCE, Client, Clock, Script, play

# Training between requests


def test_the_first_snapshot_comes_unasked_and_describes_the_run(serve, small):
    client = serve()
    first = client.first
    assert (first.state, first.step, first.seed, first.runs) == ("training", 0, 3, 1)
    assert (first.model, first.train.batch_size) == (MODEL, 8)
    assert first.parameters == client.session.model.num_parameters
    assert first.dataset.items == small.num_items
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


def test_so_many_steps_are_taken_and_then_a_pause(serve):
    client = serve()
    before = client.do(Pause()).step
    assert client.do(Step(700)).state == "training"
    assert client.until(lambda s: s.state == "paused").step == before + 700
    client.do(Resume())
    client.until(lambda s: s.step > before + 1400)


def test_steps_that_are_asked_for_end_at_the_planned_end(serve):
    client = serve(steps=50)
    client.do(Step(60))
    assert client.until(lambda s: s.state != "training").step == 50
    assert client.do(Step(20)).train.steps == 100  # a finished run gets a longer plan
    assert client.until(lambda s: s.state == "paused").step == 70


def test_a_new_run_takes_none_of_the_steps_that_were_asked_of_the_one_before(serve):
    client = serve()
    client.do(LimitSpeed(1))
    client.do(Step(10**6))
    assert client.do(Restart(4)).state == "paused"


def test_a_run_begins_as_a_spec_says_and_is_undone(serve):
    client = serve(steps=1000)
    before = client.until(lambda s: s.step > 10)
    client.do(Pause())
    data, preset = before.dataset, PRESETS["fast"]
    spec = RunSpec(data.source, data.unique, preset.model, preset.train, 7)
    begun = client.do(Begin(spec, "preset fast"))
    assert (begun.step, begun.seed, begun.state) == (0, 7, "paused")
    assert (begun.model, begun.train) == (preset.model, preset.train)
    assert (begun.can_undo, begun.runs, len(begun.previous)) == ("preset fast", 2, 1)
    assert client.session.dataset is client.session.timeline.past[-1].state.dataset
    undone = client.do(Undo())
    assert (undone.model, undone.train, undone.seed) == (before.model, before.train, before.seed)


def test_a_run_may_begin_on_another_dataset(serve, tmp_path):
    client = serve()
    (tmp_path / "other.txt").write_text("anna\notto\nhannah\nbob\n" * 9)
    spec = RunSpec(str(tmp_path / "other.txt"), seed=2)
    assert client.do(Begin(spec, "restart as launched")).dataset.name == "other.txt"
    refused = client.ask(Begin(RunSpec("/nowhere"), "restart as launched"))
    assert isinstance(refused, Refused)


# At a limited speed


def test_a_limit_of_the_speed_changes_nothing_of_what_is_trained(serve, small):
    client = serve(optimizer="adamw", learning_rate=0.01)
    client.do(LimitSpeed(900))
    client.until(lambda s: s.step > 50, LossView(0, 50))
    assert client.do(LimitSpeed(None)).speed_limit is None
    client.until(lambda s: s.step > 300)
    step = client.still().step
    plain = Session(small, MODEL, client.session.train_settings, seed=3)
    plain.train(step)
    for name, tensor in plain.model.tensors.items():
        assert torch.equal(client.session.model.tensors[name], tensor)


def test_between_two_steps_requests_are_answered_and_it_does_not_rest(serve):
    client = serve()
    client.do(Pause())
    client.do(LimitSpeed(1))
    client.do(Resume())
    first = client.until(lambda s: s.speed_limit == 1)
    looks = [client.look() for _ in range(200)]
    assert max(look.step for look in looks) - first.step < 200
    assert not any(look.is_resting for look in looks)
    assert client.do(Pause()).speed_limit == 1


def test_resumed_it_trains_on(serve):
    client = serve()
    before = client.do(Pause()).step
    assert client.do(Resume()).state == "training"
    client.until(lambda s: s.step > before)


def test_it_finishes_at_the_planned_end_and_goes_on_for_as_long_again(serve):
    client = serve(steps=50)
    finished = client.until(lambda s: s.state != "training")
    assert (finished.state, finished.step) == ("finished", 50)
    assert client.look().step == 50
    assert client.do(Resume()).state == "training"
    assert client.until(lambda s: s.state == "finished").step == 100


def test_more_planned_steps_are_trained_after_an_edit_and_a_resume(serve):
    client = serve(steps=20)
    client.until(lambda s: s.state == "finished")
    client.do(Edit({"steps": 60}))
    client.do(Resume())
    assert client.until(lambda s: s.state != "training").step == 60


def test_all_is_counted_again_where_finished_counts_get_other_examples(serve, small):
    client = serve(model=ModelSettings(kind="ngram"), batch_size=0)
    client.until(lambda s: s.state == "finished")
    client.do(Edit({"train_on": "all"}))
    assert client.until(lambda s: s.state == "finished").step == 2
    assert client.session.trainer.num_counted == small.split("all").num_examples


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
    assert len(resting.baselines) == 7
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
    client.until(lambda s: s.saving is not None and s.saving.problem is not None)
    assert not client.until(lambda s: s.splits and len(s.baselines) == 7).is_resting
    (tmp_path / "runs").unlink()
    assert client.until(lambda s: s.is_resting and s.saving.problem is None)
    client.end()


def test_resting_it_takes_nothing_from_its_inbox_but_requests(small):
    """It waits for the next request without looking at the clock."""
    session = Session(small, MODEL, TrainSettings(batch_size=8, steps=20))
    waits, replies, clock = [], [], Clock()

    class Inbox(Script):
        def get(self, timeout=None):
            waits.append((timeout, clock.now))
            return super().get(timeout)

    inbox = Inbox(2000, Refresh(()), Refresh(()))
    Server(session, inbox, replies.append, clock).run()  # type: ignore[arg-type]
    assert [reply.is_resting for reply in replies[1:]] == [True, True]
    (_, before), (_, after) = waits[:2]
    assert [timeout for timeout, _ in waits] == [None] * 3
    assert after - before < 0.1  # ten looks at the clock


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
    assert snapshot.parameters == client.session.model.num_parameters
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


# Order


def test_requests_are_answered_one_by_one_in_order(serve):
    client = serve()
    rates = [0.01, 0.02, 0.03, 0.04]
    for rate in rates:
        client.inbox.put(Edit({"learning_rate": rate}))
    replies = [client.replies.get(timeout=PATIENCE) for _ in rates]
    assert [reply.learning_rate for reply in replies] == rates
    assert client.replies.empty()


# What fails


VIEWS = (
    LossView(0, 9),
    BigramsView(0, 0, 3, 3, (0, 0)),
    NamesView(1),
    EmbeddingView(),
    ProbeView("abc"),
    HealthView(),
)


def fail(error):
    def failing(*args, **options):
        raise error

    return failing


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: type(view).__name__)
def test_a_view_that_can_not_be_drawn_is_left_out_and_the_server_stays(serve, monkeypatch, view):
    draw = Views.draw

    def draw_others(views, wanted, *others):
        if wanted == view:
            raise UserError("there is nothing to draw")
        return draw(views, wanted, *others)

    client = serve()
    client.do(Pause())
    assert None not in drawn_of(client.look(*VIEWS))
    monkeypatch.setattr(Views, "draw", draw_others)
    assert drawn_of(client.look(*VIEWS)).count(None) == 1
    assert client.do(Step()).step > 0


def drawn_of(snapshot):
    return [
        snapshot.loss,
        snapshot.bigrams,
        snapshot.names,
        snapshot.embedding,
        snapshot.probe,
        snapshot.health,
    ]


def test_what_the_system_refuses_is_answered_in_words(serve, monkeypatch):
    client = serve()
    client.do(Pause())
    error = PermissionError(13, "Permission denied", "/runs/mine")
    monkeypatch.setattr(Dataset, "load", fail(error))
    refused = client.ask(DescribeDataset("names"))
    assert refused == Refused("/runs/mine can't be used: Permission denied")
    assert client.do(Step()).step > 0


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (UserError("the disk is full"), "the disk is full"),
        (OSError(28, "No space left on device"), "a file can't be used: No space left on device"),
    ],
)
def test_a_run_that_can_not_be_saved_at_the_end_is_told_of(
    small, tmp_path, monkeypatch, error, sentence
):
    autosave = Autosave(tmp_path / "runs", 10**9)
    client = Client(Session(small, MODEL, TrainSettings(batch_size=8)), autosave=autosave)
    monkeypatch.setattr(autosave, "close", fail(error))
    client.end()
    assert client.replies.get(timeout=PATIENCE) == Unsaved(sentence)


# On a clock of the test's own


def test_an_evaluation_that_a_restart_overtakes_is_given_up(small):
    session = Session(small, MODEL, TrainSettings(batch_size=8), seed=3)
    snapshots = [
        reply
        for _, reply in play(
            session, 4, Edit({"direct": True}), *[2, Refresh(())] * 3, Pause(), 9, Refresh(())
        )
    ]
    assert [snapshot.splits for snapshot in snapshots[:3]] == [None] * 3
    assert snapshots[3].splits.step == 1
    fresh = Session(small, session.model_settings, session.train_settings, seed=3)
    fresh.train(1)
    assert snapshots[3].splits.dev == fresh.evaluate("dev").loss


def test_evaluations_keep_their_distance(small):
    session = Session(small, MODEL, TrainSettings(batch_size=8), seed=3)
    snapshots = play(session, *[2, Refresh(())] * 200)
    times = {reply.splits.step: now for now, reply in reversed(snapshots) if reply.splits}
    begun = sorted(times.values())
    assert len(begun) > 3
    assert all(b - a >= 0.3 for a, b in pairwise(begun))


def test_requests_are_answered_between_the_parts_of_counting(write, small_items):
    settings = TrainSettings(batch_size=0, steps=1, smoothing_method="kneser-ney")
    dataset = Dataset(write("\n".join(small_items)))
    session = Session(dataset, ModelSettings(kind="ngram", order=6), settings)
    replies = [reply for _, reply in play(session, *[1, Refresh(())] * 30)]
    assert [reply.step for reply in replies[:7]] == [0] * 7
    assert replies[-1].step == 1


def test_an_edit_asks_for_an_evaluation_at_once(small):
    session = Session(small, ModelSettings(kind="ngram"), TrainSettings(batch_size=0), seed=3)
    (_, before), _, (_, after) = play(
        session, 18, Refresh(()), Edit({"smoothing": 9}), 18, Refresh(())
    )
    assert after.splits.step == before.splits.step
    assert after.splits.dev != before.splits.dev


# Other data


def test_a_dataset_is_described_without_a_change_of_the_run(serve):
    client = serve()
    before = client.do(Pause())
    described = client.ask(DescribeDataset("surnames"))
    assert isinstance(described, DatasetStats)
    assert (described.name, described.vocabulary) == ("surnames", 27)
    dataset = Dataset.load("surnames")
    assert (described.items, described.distinct) == (dataset.num_items, dataset.distinct)
    examples = {name: dataset.split(name).num_examples for name in ("train", "dev", "test")}
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


@pytest.mark.parametrize("request_type", [DescribeDataset, ChangeDataset])
def test_a_bad_file_is_refused_and_changes_nothing(serve, tmp_path, request_type):
    client = serve()
    before = client.do(Pause())
    refused = client.ask(request_type(str(tmp_path / "none.txt")))
    assert isinstance(refused, Refused)
    assert "none.txt" in refused.why
    after = client.look()
    assert (after.dataset, after.runs, after.step) == (before.dataset, 1, before.step)
