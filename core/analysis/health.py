"""How a training is doing: activations, gradients and updates, with a diagnosis.

Everything is computed on the same few training examples every time, so that results compare. The
measures are those of Karpathy's lecture on activations and gradients ("Building makemore, part 3").
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from statistics import fmean, median_high, variance
from typing import Any

import torch
from torch import Tensor

from ..constants import KNESER_NEY
from ..datasets.dataset import Dataset
from ..models.factory import make_model
from ..models.kneser_ney import clamped_note
from ..models.model import Model
from ..results import Baseline, Health, TensorHealth
from ..settings import ModelSettings, TrainSettings
from ..training.batches import Batches
from ..training.history import LossHistory
from ..training.trainer import AnyTrainer
from .baselines import NAMES
from .diagnosis import Facts, diagnosis, unusual

EXAMPLES = 512
BINS = 20
_SATURATED, _DEAD = 0.97, 0.99
_RECENT = 0.6  # the share of the steps since the last edit in which the loss falls or doesn't


def health(
    trainer: AnyTrainer,
    history: LossHistory,
    first_settings: tuple[ModelSettings, TrainSettings],
    last_edit: int = 0,
    train: float | None = None,
    dev: float | None = None,
    baselines: Sequence[Baseline] = (),
    is_diverged: bool = False,
) -> Health:
    """How a training is doing now.

    history: its minibatch losses. first_settings: those it began with. last_edit: the step of its
    newest edit. train, dev: the newest losses of the splits, if known. baselines: those known.
    is_diverged: True if its loss has exploded or is not finite.
    """
    model, settings = trainer.model, trainer.settings
    batch = _first_examples(trainer.dataset, settings.train_on, model.context)
    h = model.hidden_activations(batch.contexts)  # (N, H)
    tensors, update = _tensors(trainer, batch)
    facts = _facts(trainer, batch, h, tensors, first_settings, baselines)
    of_losses = _of_losses(history, last_edit, train, dev)
    facts = replace(facts, **of_losses, is_diverged=is_diverged)
    return Health(
        step=facts.step,
        examples=len(batch.contexts),
        first_loss=facts.first_loss,
        uniform=facts.uniform,
        **_activations(h, facts),
        tensors=tensors,
        usual_ratios=facts.usual_ratios,
        update=update,
        train=train,
        dev=dev,
        gap=None if train is None or dev is None else facts.gap,
        diagnosis=diagnosis(facts),
        unusual=unusual(facts),
        train_on=settings.train_on,
        note=clamped_note(model.clamped_orders),
    )


def _activations(h: Tensor | None, facts: Facts) -> dict[str, Any]:
    """What a health says of the activations (N, H): None without a hidden layer."""
    if h is None:
        return {"saturated": None, "dead": None, "histogram": None}
    histogram = torch.histc(h, BINS, -1, 1).int().tolist()
    return {"saturated": facts.saturated, "dead": facts.dead, "histogram": histogram}


def _of_losses(
    history: LossHistory, last_edit: int, train: float | None, dev: float | None
) -> dict[str, Any]:
    """The facts that depend on the run's losses so far."""
    steps, fall, error = recent_fall(history, last_edit)
    known = {name: loss for name, loss in (("train", train), ("dev", dev)) if loss is not None}
    return {"steps_since_edit": steps, "fall": fall, "fall_error": error, **known}


def comparable_baseline(
    model: ModelSettings, train: TrainSettings, baselines: Sequence[Baseline]
) -> Baseline | None:
    """The n-gram baseline to compare a model with: of its own order for counts, that of Kneser-Ney
    if they have that smoothing, else the bigram's.

    None if it is not among `baselines`, or the model learns from other examples than they do.
    """
    is_counts = not model.model_kind.is_network
    names = dict(enumerate(NAMES, start=1))
    name = names.get(model.order if is_counts else 2)
    if is_counts and train.smoothing_method == "kneser-ney":
        name = KNESER_NEY
    comparable = (one for one in baselines if one.name == name and train.train_on == "train")
    return next(comparable, None)


def recent_fall(history: LossHistory, last_edit: int) -> tuple[int, float, float]:
    """The steps since the last edit, how far the loss has fallen, and the fall's standard error.

    The fall is that of the mean minibatch loss from one half of the newest 60% of these steps to
    the other.
    """
    steps = history.steps - last_edit
    points = history.curve(last_edit + round((1 - _RECENT) * steps), 64).mean
    half = len(points) // 2
    if half < 2:
        return steps, 0.0, math.inf
    earlier, later = points[:half], points[-half:]
    error = math.sqrt((variance(earlier) + variance(later)) / half)
    return steps, fmean(earlier) - fmean(later), error


def _facts(
    trainer: AnyTrainer,
    batch: Batches,
    h: Tensor | None,
    tensors: Sequence[TensorHealth],
    first_settings: tuple[ModelSettings, TrainSettings],
    baselines: Sequence[Baseline],
) -> Facts:
    """The facts that don't depend on the run's losses so far; h: activations (N, H)."""
    model, settings = trainer.model, trainer.settings
    saturated = dead = 0.0 if model.is_finite else math.nan
    if h is not None and model.is_finite:
        saturated = float((h.abs() > _SATURATED).float().mean())
        dead = float((h.abs() > _DEAD).all(0).float().mean())
    matrices = [one for one in tensors if not one.name.startswith("b")]  # biases say little
    ratios = [one.ratio for one in matrices if one.ratio is not None]
    return Facts(
        step=trainer.step,
        uniform=math.log(model.vocabulary_size),
        first_loss=first_loss(trainer, first_settings),
        loss=_loss(model, batch) if model.is_finite else math.nan,
        saturated=saturated,
        dead=dead,
        ratio=median_high(ratios) if ratios else math.nan,
        is_counted=trainer.finished,
        is_decayed=settings.learning_rate_at(trainer.step) < settings.learning_rate / 2,
        is_held_out=settings.train_on != "all",
        baseline=comparable_baseline(model.settings, settings, baselines),
        model=model.settings,
        train_settings=settings,
    )


def first_loss(trainer: AnyTrainer, first_settings: tuple[ModelSettings, TrainSettings]) -> float:
    """The loss of the examples that are looked at with the weights that a run began with."""
    train_on = trainer.settings.train_on
    return _first_loss(trainer.dataset, *first_settings, trainer.seed, train_on)


@lru_cache(maxsize=1)
def _first_loss(
    dataset: Dataset, model: ModelSettings, train: TrainSettings, seed: int, train_on: str
) -> float:
    generator = torch.Generator().manual_seed(seed)
    first = make_model(model, dataset.vocabulary.size, generator)
    return _loss(first, _first_examples(dataset, train_on, first.context))


def _first_examples(dataset: Dataset, train_on: str, context: int) -> Batches:
    split = dataset.split(train_on)
    n = min(EXAMPLES, split.num_examples)
    contexts, targets = split.examples_at(torch.arange(1, n + 1), context)  # (N, T), (N,)
    places = (targets * n + torch.arange(n))[None]
    return Batches([n], contexts, places, torch.full((n,), 1 / n))


def _loss(model: Model, batch: Batches) -> float:
    """The mean NLL of a batch, in nats."""
    log_probabilities = torch.log_softmax(model.logits(batch.contexts), 1)  # (N, V)
    return float(batch.losses(log_probabilities.T.flatten().to(batch.weights.dtype))[0])


def _tensors(trainer: AnyTrainer, batch: Batches) -> tuple[tuple[TensorHealth, ...], str]:
    gradients, updates, is_of = trainer.gradients(batch), trainer.last_update(), "the last step"
    if not gradients:
        return (), "counts"
    if updates is None:
        rate, is_of = trainer.settings.learning_rate_at(trainer.step), "a step along the gradient"
        updates = {name: rate * gradient for name, gradient in gradients.items()}
    found = []
    for name, weights in trainer.model.tensors.items():
        of_update, of_weights = _std(updates[name]), _std(weights)
        ratio = of_update / of_weights if of_weights > 0 else 0.0
        log_ratio = math.log10(ratio) if 0 < ratio < math.inf else None
        found.append(TensorHealth(name, _std(gradients[name]), of_weights, log_ratio))
    return tuple(found), is_of


def _std(values: Tensor) -> float:
    return float(values.std(correction=0))  # 0 for a single number
