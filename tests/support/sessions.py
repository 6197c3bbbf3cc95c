"""Sessions to undo in, and what tells one state of a session from another."""

import torch

from makemore_tui.core.session.timeline import previous_run_name
from makemore_tui.core.settings import ModelSettings, TrainSettings

MODEL = ModelSettings(context=3, embedding=4, hidden=10)
TRAIN = TrainSettings(learning_rate=0.1, batch_size=8, steps=100)
FAR_TOO_FAST = {"learning_rate": 1000, "weight_decay": 100}


def plain(state):
    """Tensors as lists, so that they can be compared, and are not changed by what follows."""
    return {name: v.tolist() if isinstance(v, torch.Tensor) else v for name, v in state.items()}


def what_it_is(session):
    """All that a person could tell one state from another by."""
    curve = session.history.curve(0, 1 << 14)
    return {
        "settings": (session.model_settings, session.train_settings, session.first_settings),
        "trained with": session.trainer.settings,
        "path": (session.seed, session.step, list(session.journal)),
        "losses": (curve.steps, curve.low, curve.mean, curve.high, session.history.steps),
        "dev": (list(session.dev_losses.points), session.dev_losses.best),
        "resized": session.resized,
        "diverged": session.diverged_at,
        "to train on": plain(session.trainer.state_dict()),
        "weights": {name: tensor.tolist() for name, tensor in session.model.tensors.items()},
        "previous": [
            (name, run.step, run.seed)
            for name, run in zip(
                previous_names(session), session.timeline.previous_runs, strict=True
            )
        ],
    }


def can_undo(session):
    """What `undo` would take back."""
    level = session.timeline.next_undo()
    return level.label if level else None


def can_redo(session):
    """What `redo` would do again."""
    return session.timeline.future[-1].label if session.timeline.future else None


def previous_names(session):
    """The previous runs' names, as the worker makes them."""
    present = session.model_settings, session.train_settings, session.seed
    return [previous_run_name(run, *present) for run in session.timeline.previous_runs]


def return_to(session, index):
    """Go on with a previous run."""
    session.timeline.switch_to(session.timeline.previous_run(index))


def assert_same_future(session, other, steps=30):
    """Both go the same way from here on: weights, batches, optimizer and dropout masks."""
    assert session.train(steps).tolist() == other.train(steps).tolist()
    for name, tensor in session.model.tensors.items():
        assert torch.equal(tensor, other.model.tensors[name]), name
