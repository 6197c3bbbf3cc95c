"""A change of the model's size in the middle of a run, and what it does to the dev loss."""

import torch
from torch import Tensor

from ..analysis.evaluation import evaluate
from ..models.resize import shrinks
from ..results import Resizing
from ..settings import ModelSettings
from ..training.trainer import AnyTrainer

_JUDGED_EXAMPLES = 1 << 10, 1 << 12  # least and most training examples that decide what is dropped
_JUDGED_ACTIVATIONS = 1 << 21  # about so many activations of hidden units, between these two
_MIN_DEV_EXAMPLES = 1 << 11
_MAX_MULTIPLICATIONS = 1 << 29  # for the dev loss, beyond the least examples


def resize(trainer: AnyTrainer, new: ModelSettings, seed: int, label: str) -> Resizing:
    """Give a trainer an MLP of another size that computes the same, or as nearly as it can.

    seed: of what new parameters are drawn from. label: the change as a short label.

    Returns the change, with the dev loss before and after it where the model shrank.
    """
    model = trainer.model
    # How many examples of dev the loss is taken of.
    most = max(_MIN_DEV_EXAMPLES, _MAX_MULTIPLICATIONS // model.multiplications)
    loses = shrinks(model.settings, new)
    before = evaluate(model, trainer.dataset, "dev", most) if loses else None
    contexts = _judged_contexts(trainer)
    trainer.resize(new, contexts, torch.Generator().manual_seed(seed))
    if before is None:
        return Resizing(trainer.step, label)
    after = evaluate(trainer.model, trainer.dataset, "dev", most)
    return Resizing(trainer.step, label, before.loss, after.loss, after.share)


def _judged_contexts(trainer: AnyTrainer) -> Tensor:
    """The contexts (N, T) of some training examples, evenly spaced."""
    split = trainer.dataset.split(trainer.settings.train_on)
    least, most = _JUDGED_EXAMPLES
    wanted = max(least, min(_JUDGED_ACTIVATIONS // trainer.model.settings.hidden, most))
    n = min(wanted, split.num_examples)
    positions = torch.arange(n) * split.num_examples // n + 1
    return split.contexts_at(positions, trainer.model.context)
