"""A run's event files, read back by TensorBoard's own reader."""

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams import metadata

from makemore_tui.core.errors import UserError
from makemore_tui.core.export import files
from makemore_tui.core.export.files import write_export
from makemore_tui.core.session.session import Session
from makemore_tui.core.settings import ModelSettings, TrainSettings


@pytest.fixture(scope="module")
def session(small):
    session = Session(small, ModelSettings(hidden=5, embedding=2), TrainSettings(), seed=3)
    for _ in range(3):
        session.train(10)
        session.evaluate("dev")
    session.edit(learning_rate=0.05)
    session.edit(hidden=8)
    session.train(5)
    return session


@pytest.fixture(scope="module")
def read(session, tmp_path_factory):
    """What TensorBoard reads."""
    folder = tmp_path_factory.mktemp("events") / "run"
    assert write_export(session, "tensorboard", folder) == [folder]
    events = EventAccumulator(str(folder), {"scalars": 0, "tensors": 0})
    events.Reload()
    return events


def scalars(read, tag):
    return [(event.step, event.value) for event in read.Scalars(tag)]


def test_each_step_has_its_loss_and_learning_rate(session, read):
    losses = session.history.filled[1].tolist()
    assert scalars(read, "loss/minibatch") == list(enumerate(losses, start=1))
    rates = [0.1] * 30 + [0.05] * 5
    assert scalars(read, "learning_rate") == [
        (step, pytest.approx(rate)) for step, rate in enumerate(rates, start=1)
    ]


def test_dev_losses_stand_at_their_steps(session, read):
    found = scalars(read, "loss/dev")
    assert [step for step, _ in found] == [10, 20, 30]
    assert found == [(step, pytest.approx(loss)) for step, loss in session.dev_losses.points]
    ((step, loss),) = scalars(read, "final/dev")
    assert (step, len(session.dev_losses.points)) == (35, 3)
    assert loss == pytest.approx(session.evaluate("dev").loss)
    session.dev_losses.points.pop()


def test_edits_are_texts_and_settings_are_hyperparameters(read):
    (edit,) = read.Tensors("edits/text_summary")
    assert edit.step == 30
    assert edit.tensor_proto.string_val == ["learning_rate 0.1 → 0.05; hidden 5 → 8".encode()]
    content = read.SummaryMetadata(metadata.SESSION_START_INFO_TAG).plugin_data.content
    found = metadata.parse_session_start_info_plugin_data(content).hparams
    assert (found["hidden"].number_value, found["kind"].string_value) == (8, "mlp")
    assert found["seed"].number_value == 3


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_a_folder_that_cannot_be_filled_leaves_nothing(session, tmp_path, monkeypatch, error):
    def fails(session, folder):
        (folder / "some").write_text("partial")
        raise error

    monkeypatch.setattr(files, "write_events", fails)
    expected = UserError if isinstance(error, OSError) else KeyboardInterrupt
    with pytest.raises(expected):
        write_export(session, "tensorboard", tmp_path / "run")
    assert list(tmp_path.iterdir()) == []
