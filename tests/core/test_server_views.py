"""The server: losses of the splits, views, changes of size, the finder, counting."""

import math
from queue import SimpleQueue

import pytest
import torch

from makemore_tui.core.analysis.baselines import baseline_losses
from makemore_tui.core.analysis.coverage import context_coverage, loss_floor
from makemore_tui.core.analysis.regularization import regularization
from makemore_tui.core.datasets.dataset import Dataset
from makemore_tui.core.results import Baseline, BigramsView, Unavailable
from makemore_tui.core.session.session import Session
from makemore_tui.core.settings import ModelSettings
from makemore_tui.core.worker.protocol import (
    CancelFinder,
    DetailsView,
    Edit,
    EmbeddingView,
    EvaluateTest,
    FindLearningRate,
    HealthView,
    LossView,
    NamesView,
    Pause,
    ProbeView,
    Refused,
    Restart,
    Resume,
    Sampling,
    Step,
    TraceView,
)
from makemore_tui.core.worker.server import Server
from tests.support.serving import MODEL

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
    client.until(lambda s: s.step == 1)
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


def test_a_test_under_way_while_the_size_changes_is_of_the_new_model(names):
    server = Server(Session(names, MODEL), SimpleQueue(), lambda reply: None)
    for request in (Pause(), EvaluateTest(), Edit({"hidden": 5})):
        server.answer(request)
    while server.runner.evals._testing is not None:
        server.runner.advance()
    assert server.runner.evals.test is not None
    assert server.runner.evals.test.loss == server.runner.session.evaluate("test").loss


# Views


def test_only_the_views_that_are_asked_for_are_drawn(serve):
    client = serve()
    nothing = client.look()
    assert (nothing.loss, nothing.bigrams, nothing.names) == (None, None, None)
    assert nothing.is_refresh
    names = client.look(NamesView(4))
    assert (names.loss, names.bigrams) == (None, None)
    assert len(names.names.samples) == 4
    everything = client.look(LossView(0, 9), BigramsView(0, 0, 3, 3, (0, 0)), NamesView(1))
    assert None not in (everything.loss, everything.bigrams, everything.names)


def test_names_are_fresh_and_marked(serve, small_items):
    client = serve(model=ModelSettings(kind="ngram", order=5), batch_size=0)
    client.until(lambda s: s.state == "finished")
    names = client.look(NamesView(60)).names.samples
    assert {name.seen for name in names} == {True, False}
    assert all(name.seen == (name.text in small_items) for name in names)
    assert client.look(NamesView(60)).names.samples != names


def test_names_are_sampled_as_the_view_says(serve):
    client = serve()
    client.do(Pause())
    for sampling in (Sampling(0.0), Sampling(top_k=1)):
        names = client.look(NamesView(9, sampling)).names
        assert len({name.text for name in names.samples}) == 1
        assert names.distinct == pytest.approx(1 / 9)
    for temperature in (-1.0, math.nan):
        assert client.look(NamesView(9, Sampling(temperature))).names.samples == ()


def test_the_shares_are_those_of_the_last_500_names_of_a_run_sampled_alike(serve, small_items):
    client = serve(model=ModelSettings(kind="ngram", order=5), batch_size=0)
    client.until(lambda s: s.state == "finished")
    looks = [client.look(NamesView(150)).names for _ in range(4)]
    assert [one.num_recent for one in looks] == [150, 300, 450, 500]
    last = [name for one in looks for name in one.samples][-500:]
    found, texts = looks[-1], [name.text for name in last]
    assert found.new == pytest.approx(sum(text not in small_items for text in texts) / 500)
    assert found.distinct == len(set(texts)) / 500
    assert found.mean_length == pytest.approx(sum(map(len, texts)) / 500)
    assert found.data_length == pytest.approx(sum(map(len, small_items)) / len(small_items))
    assert client.look(NamesView(20, Sampling(0.8))).names.num_recent == 20
    client.do(Restart(2))
    assert client.look(NamesView(20, Sampling(0.8))).names.num_recent == 20


def test_how_names_are_sampled_never_changes_the_path_of_training(serve, small):
    client = serve()
    client.do(Pause())
    for i in range(20):
        client.look(NamesView(50, Sampling(0.2 * i, top_k=i + 1)))
        client.do(Step())
    model, train = client.session.first_settings
    alone = Session(small, model, train, client.session.seed)
    alone.train(client.session.step)
    for name, tensor in client.session.model.tensors.items():
        assert torch.equal(tensor, alone.model.tensors[name])


def test_names_are_the_exact_text(serve, write):
    dataset = Dataset(write("a\x1b[31mb\n" * 30))
    client = serve(dataset, ModelSettings(kind="ngram"), batch_size=0)
    client.until(lambda s: s.state == "finished")
    assert "a\x1b[31mb" in {name.text for name in client.look(NamesView(500)).names.samples}


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
    signs, text = (
        "\n" + small.vocabulary.characters,
        "\n".join(map(small.item, range(small.num_items))),
    )
    pair = signs[2] + signs[3]
    assert table.pair.count == sum(text.startswith(pair, i) for i in range(len(text)))


def test_the_bigram_table_follows_a_change_of_context(serve):
    client = serve()
    view = BigramsView(0, 0, 9, 9, (0, 0))
    client.look(view)
    client.do(Edit({"context": 5}))
    rows = client.look(view).bigrams.values
    assert [sum(row) for row in rows] == pytest.approx([1] * len(rows), rel=1e-5)


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
    assert probe.characters == client.session.probe("abc").characters
    assert (probe.dev, len(probe.following)) == (still.splits.dev, 2)


def test_a_trace_is_that_of_the_session_and_logits_have_their_softmax(serve):
    client = serve()
    client.until(lambda s: s.step > 30)
    still = client.still()
    drawn = client.look(TraceView("abc bca", 5, True)).trace
    trace = client.session.trace("abc bca", 5, True)
    assert (drawn.step, drawn.lengths, drawn.position) == (still.step, (4, 4), 5)
    assert [one.loss for one in drawn.examples] == [one.loss for one in trace.examples]
    assert [one.name for one in drawn.gradients] == [one.name for one in trace.gradients]
    assert (drawn.loss_after, drawn.loss_after_next) == (trace.loss_after, trace.loss_after_next)
    first = client.look(TraceView("", item=client.session.dataset.num_items)).trace
    assert first.text == client.session.dataset.item(0)
    softmax = client.look(TraceView("logits 100 2")).trace
    assert softmax.safe[-1].values == (1, pytest.approx(math.exp(-98), rel=1e-4))
    assert isinstance(client.look(TraceView("logits one")).trace, Unavailable)


def test_a_step_that_is_taken_leads_to_the_loss_that_was_foretold(serve):
    client = serve(optimizer="adamw", dropout=0.2)
    client.until(lambda s: s.step > 30)
    client.still()
    foretold = client.look(TraceView("abc", backward=True)).trace
    client.ask(Step())
    taken = client.look(TraceView("abc")).trace
    assert taken.step == foretold.step + 1
    assert taken.example.loss == pytest.approx(foretold.loss_after_next, rel=1e-12)


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
    views = (
        EmbeddingView(), ProbeView("abc"), HealthView(), DetailsView(),
        BigramsView(0, 0, 9, 9, (1, 1)),
    )  # fmt: skip
    for steps in range(0, 200, 25):
        client.until(lambda s, steps=steps: s.step > steps)
        client.look(*views)
    client.until(lambda s: len(s.baselines) == 7)
    step = client.still().step
    plain = Session(small, MODEL, client.session.train_settings, seed=3)
    plain.train(step)
    assert state_hash(client.session) == state_hash(plain)


def test_the_floor_follows_what_is_trained_on_and_the_context(serve, small):
    client = serve(train_on="first-6")
    client.do(Pause())
    assert client.look().baselines[-1].loss == loss_floor(small, "first-6", MODEL.context)
    longer = client.do(Edit({"context": 5, "train_on": "first-9"}))
    assert longer.baselines[-1].loss == loss_floor(small, "first-9", 5)


def test_a_large_training_set_has_no_floor(serve, names):
    client = serve(names)
    assert client.do(Pause()).baselines[-1].name != "floor"


def test_what_the_losses_come_from_is_that_of_the_newest_losses(serve, small):
    client = serve(model=ModelSettings(kind="neural-bigram"), weight_decay=0.1)
    step = client.still().step
    found = client.until(lambda s: s.splits and s.splits.step == step, DetailsView()).details
    model = client.session.model
    assert found.coverage == context_coverage(model, small)
    assert found.regularization == regularization(model, small, "train", 0.1)
    assert client.do(Edit({"weight_decay": 0.0})).step == step
    assert client.look(DetailsView()).details.regularization.penalty == 0


def test_baselines_come_by_themselves_even_while_paused(serve, small):
    client = serve()
    client.do(Pause())
    known = client.until(lambda s: len(s.baselines) == 7).baselines
    floor = Baseline("floor", loss_floor(small, "train", MODEL.context))
    assert known == (*baseline_losses(small), floor)
    client.do(Edit({"hidden": 11}))
    assert client.look().baselines == known


# Changes of size


def test_a_change_of_size_keeps_the_run_and_says_what_it_cost(serve):
    client = serve()
    client.until(lambda s: s.step > 50)
    still = client.still()
    assert still.resized is None
    shrunk = client.do(Edit({"hidden": 6}))
    assert (shrunk.step, shrunk.runs, shrunk.model.hidden) == (still.step, 1, 6)
    assert shrunk.parameters == client.session.model.num_parameters < still.parameters
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
        (ModelSettings(kind="ngram"), FindLearningRate(), "counts have no learning rate"),
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
    examples = small.split("train").num_examples
    assert (finished.state, finished.step) == ("finished", -(-examples // 50))
    refused = client.ask(Resume())
    assert isinstance(refused, Refused)
    assert "all examples have been counted" in refused.why
    assert client.do(Restart(3)).state == "training"


def test_a_step_after_the_count_changes_nothing(serve):
    client = serve(model=ModelSettings(kind="ngram"), batch_size=0)
    client.until(lambda s: s.state == "finished")
    assert client.do(Step()).step == 1


def test_a_saved_run_is_overlaid_and_the_target_has_its_step(serve, tmp_path):
    client = serve()
    client.until(lambda s: s.step > 100 and s.splits is not None)
    client.still()
    path = tmp_path / "kept.safetensors"
    client.session.save(path)
    best = client.session.dev_losses.best
    missing = str(tmp_path / "missing.safetensors")
    view = LossView(0, 50, window=20, target=best, overlays=(str(path), missing))
    loss = client.look(view).loss
    kept, unread = loss.overlays
    assert (kept.name, kept.best_dev) == ("kept", best)
    apart = loss.steps[-1] - loss.steps[-2]
    assert kept.points[-1][0] == pytest.approx(loss.steps[-1], abs=2 * apart)
    assert (unread.name, unread.points) == ("missing", [])
    assert loss.target_step == min(s for s, dev in client.session.dev_losses.points if dev <= best)
    assert client.look(LossView(0, 50, target=0.001)).loss.target_step is None
