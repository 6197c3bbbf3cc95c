"""A change of the model's size in the middle of a run, and what it does to the dev loss."""

import torch

from ..analysis.evaluation import evaluate
from ..models.resize import shrinks
from ..results import Resizing
from ..settings import ModelSettings
from ..training.trainer import AnyTrainer

_MIN_JUDGED, _MAX_JUDGED = 1 << 10, 1 << 12  # training examples that decide what is dropped
_JUDGED_ACTIVATIONS = 1 << 21  # about so many activations of hidden units, between these two
_MIN_DEV_EXAMPLES = 1 << 11
_MAX_MULTIPLICATIONS = 1 << 29  # for the dev loss, beyond the least examples


def resize(trainer: AnyTrainer, new: ModelSettings, seed: int, label: str) -> Resizing | None:
    """Give a trainer an MLP of another size that computes the same, or as nearly as it can; to
    counts another order.

    seed: of what new parameters are drawn from. label: the change as a short label.

    Returns the change, with the dev loss before and after it where an MLP shrank; None of counts.
    """
    model, dataset = trainer.model, trainer.dataset
    if not new.model_kind.is_network:
        trainer.resize(new, torch.empty(0), torch.Generator())
        return None
    # How many examples of dev the loss is taken of.
    most = max(_MIN_DEV_EXAMPLES, _MAX_MULTIPLICATIONS // model.multiplications)
    before = evaluate(model, dataset, "dev", most) if shrinks(model.settings, new) else None
    split = dataset.split(trainer.settings.train_on)
    judged = max(_MIN_JUDGED, min(_JUDGED_ACTIVATIONS // model.settings.hidden, _MAX_JUDGED))
    n = min(judged, split.num_examples)
    positions = torch.arange(n) * split.num_examples // n + 1  # evenly spaced
    contexts = split.contexts_at(positions, model.context)  # (n, T)
    trainer.resize(new, contexts, torch.Generator().manual_seed(seed))
    if before is None:
        return Resizing(trainer.step, label)
    after = evaluate(trainer.model, dataset, "dev", most)
    return Resizing(trainer.step, label, before.loss, after.loss, after.share)
