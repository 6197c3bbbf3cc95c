"""The fake engine answers as the server does: one script of requests, asked of both."""

import pytest
from msgspec.structs import replace

from makemore_tui.core.datasets.dataset import Dataset
from makemore_tui.core.results import BigramsView
from makemore_tui.core.run_spec import RunSpec
from makemore_tui.core.session.session import Session
from makemore_tui.core.settings import ModelSettings, TrainSettings
from makemore_tui.core.worker.protocol import (
    Begin,
    CancelFinder,
    ChangeDataset,
    ChooseSide,
    DescribeDataset,
    Edit,
    EvaluateTest,
    FindLearningRate,
    Fork,
    Keep,
    LimitSpeed,
    LossView,
    NameRun,
    NamesView,
    OpenRun,
    Pause,
    Redo,
    Refresh,
    Restart,
    Resume,
    ReturnTo,
    Step,
    Undo,
)
from tests.support.fake_engine import FakeEngine, comparable
from tests.support.serving import Client
from tests.support.snapshots import plain

BRIEF = TrainSettings(steps=100)  # so that a run of a step is kept when it is left
ITEMS = "\n".join(f"{a}{b}{c}{a}" for a in "anders" for b in "iouj" for c in "ken")
VIEWS = (LossView(0.0, 40), BigramsView(0, 0, 5, 5, (0, 1)), NamesView(3))


def script(file, folder, other):
    """Requests in an order in which each depends on the ones before. Paused all along, so that the
    steps are the same whatever the speed."""
    return [
        Undo(),  # refused
        Redo(),  # refused
        Step(),
        Edit({"learning_rate": 0.05}),
        Step(),
        Edit({"steps": 2}),  # which have been taken
        Step(),  # a longer plan
        Undo(),
        Undo(),
        Edit({"hidden": 12}),
        Edit({"dropout": 0.1, "batch_size": 16}),
        Refresh(VIEWS),
        Undo(),
        Undo(),
        Redo(),
        Redo(),
        Redo(),  # refused
        Edit({"kind": "ngram", "order": 3}),
        Edit({"smoothing": 2.0}),
        Undo(),
        Undo(),
        Redo(),
        Undo(),
        Begin(RunSpec(str(file), False, ModelSettings(hidden=8), seed=3), "preset mine"),
        Step(),
        Undo(),
        Begin(RunSpec(str(other), seed=4), "restart as launched"),
        Undo(),
        LimitSpeed(1),
        LimitSpeed(None),
        Restart(1),
        Step(),
        Restart(5),
        Undo(),
        EvaluateTest(),
        ReturnTo(0),
        Step(),
        Undo(),
        ReturnTo(7),  # refused
        FindLearningRate(0.01, 1.0),
        CancelFinder(),
        DescribeDataset(str(other)),
        DescribeDataset("/nowhere"),  # refused
        ChangeDataset(str(other)),
        Step(),
        Undo(),
        NameRun("mine"),  # refused
        OpenRun(str(folder)),
        Undo(),
        OpenRun(str(folder)),
        Edit({"init": "lecture"}),
        Pause(),
    ]


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "items.txt"
    path.write_text(ITEMS)
    return path


@pytest.mark.parametrize("is_pair", [False, True])
def test_the_fake_engine_answers_as_the_server_does(file, tmp_path, is_pair):
    other = tmp_path / "other.txt"
    other.write_text(ITEMS.upper())
    dataset, folder = Dataset.load(str(file)), tmp_path / "saved"
    Session(dataset, ModelSettings(hidden=7), BRIEF).save(folder)
    server = Client(Session(dataset, ModelSettings(hidden=10), BRIEF), paused=True)
    replies = []
    fake = FakeEngine(plain(server.first))
    fake.saved_runs[str(folder)] = replace(server.first, model=ModelSettings(hidden=7))
    fake.start(replies.append)
    requests = pair_script(other, folder) if is_pair else script(file, folder, other)
    for i, request in enumerate(requests):
        real = server.ask(request)
        fake.send(request)
        assert comparable(replies[-1]) == comparable(real), f"{i}: {request}"
    server.end()


def pair_script(other, folder):
    """The same of a pair of runs."""
    return [
        Keep("a"),  # refused
        ChooseSide("a"),  # refused
        Step(),
        Edit({"dropout": 0.1}),
        Fork(),
        Fork(),  # refused
        ChangeDataset(str(other)),  # refused
        Refresh(VIEWS),
        Step(),
        Edit({"learning_rate": 0.05}),
        ChooseSide("b"),
        ChooseSide("a"),
        Step(),
        Edit({"weight_decay": 0.01}),
        Undo(),
        ChooseSide("b"),
        Edit({"hidden": 12}),
        Undo(),
        Redo(),
        Keep("b"),
        Step(),
        Undo(),  # the pair again
        Step(),
        Keep("a"),
        Undo(),
        Undo(),
        Undo(),
        Undo(),  # the fork
        Step(),
        Undo(),
        Fork(folder=str(folder)),
        Step(),
        Keep("b"),
        Restart(7),
        Fork(previous=0),
        Keep("a"),
        Fork(previous=0, from_start=True),
        Step(),
        Restart(9),
        Step(),
        Undo(),
        Undo(),
    ]


def test_training_goes_on_after_what_begins_a_run_unless_it_was_paused(file):
    session = Session(Dataset.load(str(file)), ModelSettings(hidden=10), BRIEF)
    server = Client(session, paused=True)
    replies = []
    fake = FakeEngine(plain(server.first))
    fake.start(replies.append)
    for request in (
        Step(),
        Resume(),
        Restart(2),
        Undo(),
        Pause(),
        Restart(3),
        Resume(),
        ReturnTo(0),
    ):
        real = server.ask(request)
        fake.send(request)
        assert replies[-1].state == real.state, request
    server.end()
