"""A run for TensorBoard: its losses and learning rates by step, its edits, its settings."""

from dataclasses import asdict
from pathlib import Path

from ..errors import UserError
from ..session.session import Session
from .records import final_losses
from .timeline import edits_by_step, points


def write_events(session: Session, folder: Path) -> None:
    """Write an event file into a folder.

    Scalars: loss/minibatch (in a long run, means over equal stretches of steps), loss/dev,
    learning_rate, and final/train and final/dev, the metrics of the settings. Texts: the edits.

    Raises:
        UserError: TensorBoard isn't installed.
        OSError: the file can't be written.
    """
    try:
        from torch.utils.tensorboard import SummaryWriter
        from torch.utils.tensorboard.summary import hparams
    except ImportError:
        raise UserError(
            "TensorBoard is not installed; pip install 'makemore-tui[tensorboard]' brings it"
        ) from None
    settings = asdict(session.model_settings) | asdict(session.train_settings)
    final = {f"final/{split}": loss for split, loss in final_losses(session).items()}
    with SummaryWriter(str(folder)) as writer:
        for point in points(session):
            scalars = {
                "loss/minibatch": point.loss,
                "loss/dev": point.dev,
                "learning_rate": point.learning_rate,
            }
            for name, value in scalars.items():
                if value is not None:
                    writer.add_scalar(name, value, point.step)
        for step, of_step in edits_by_step(session):
            writer.add_text("edits", "; ".join(edit.label for edit in of_step), step)
        assert writer.file_writer is not None
        for summary in hparams(settings | {"seed": session.seed}, final):
            writer.file_writer.add_summary(summary)
        for name, value in final.items():
            writer.add_scalar(name, value, session.step)
