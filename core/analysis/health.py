"""How a training fares: activations, gradients and updates, with a diagnosis.

All of it is looked at on the same few examples every time, so that one look compares with another.
The measures are those of Karpathy's lecture on activations and gradients ("Building makemore, part
3").
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from statistics import fmean, variance

import torch
from torch import Tensor

from ..datasets.contexts import split_named
from ..datasets.dataset import gather_examples
from ..models.factory import make_model
from ..models.mlp import MLP
from ..models.model import Model
from ..models.neural_bigram import NeuralBigram
from ..models.ngram import NgramCounts
from ..results import Baseline, Health, TensorHealth
from ..session.session import Session
from ..settings import ModelSettings
from ..training.batches import Batches
from ..training.gradients import MLPStep, NeuralBigramStep
from ..training.trainer import GradientTrainer
from .baselines import NAMES
from .diagnosis import Facts, diagnosis

EXAMPLES = 512
BINS = 20
_SATURATED, _DEAD = 0.97, 0.99
_LAST_STEP, _NEXT_STEP = "the last step", "a step along the gradient"
_WINDOW = 0.6  # the share of the steps over which the loss falls or doesn't


class HealthCheck:
    """Looks at a session again and again. It keeps the examples, and the first loss, of a run."""

    def __init__(self):
        self._sample: tuple[tuple[str, int], Batches] | None = None
        self._first: tuple[tuple[ModelSettings, int, str], float] | None = None

    def look(
        self,
        session: Session,
        train: float | None,
        dev: float | None,
        baselines: Sequence[Baseline] = (),
    ) -> Health:
        """How a session fares now.

        train and dev: its newest losses, where they are known. baselines: what counting alone
        reaches, as far as that is known.
        """
        model, batch = session.model, self._batch(session)
        settings = session.train_settings
        steps, falling, error = _falling(session)
        h = model.hidden(batch.contexts) if isinstance(model, MLP) else None  # (N, H)
        tensors, update = _tensors(session, batch)
        facts = Facts(
            kind=model.settings.kind,
            step=session.step,
            uniform=math.log(model.vocabulary_size),
            first_loss=self._first_loss(session),
            loss=math.nan if session.diverged else _loss(model, batch),
            ratio=_middle_ratio(tensors),
            train=train,
            dev=dev,
            steps_since_edit=steps,
            falling=falling,
            falling_error=error,
            init=session.model_settings.init,
            weight_decay=settings.weight_decay,
            smoothing=settings.smoothing,
            counting=_counting(session, baselines),
            is_counted=session.trainer.finished,
            is_decayed=settings.learning_rate_at(session.step) < settings.learning_rate / 2,
            is_held_out=settings.train_on != "all",
        )
        if session.diverged:
            facts = replace(facts, saturated=math.nan, dead=math.nan)
        elif h is not None:
            saturated, dead = (h.abs() > _SATURATED).float(), (h.abs() > _DEAD).all(0).float()
            facts = replace(facts, saturated=float(saturated.mean()), dead=float(dead.mean()))
        return Health(
            step=facts.step,
            examples=len(batch.contexts),
            first_loss=facts.first_loss,
            uniform=facts.uniform,
            saturated=None if h is None else facts.saturated,
            dead=None if h is None else facts.dead,
            histogram=None if h is None else torch.histc(h, BINS, -1, 1).int().tolist(),
            tensors=tensors,
            usual_ratios=facts.usual_ratios,
            update=update,
            train=train,
            dev=dev,
            gap=facts.gap,
            diagnosis=diagnosis(facts),
        )

    def _batch(self, session: Session) -> Batches:
        key = session.train_settings.train_on, session.model.context
        if self._sample is None or self._sample[0] != key:
            self._sample = key, _first_examples(session, session.model.context)
        return self._sample[1]

    def _first_loss(self, session: Session) -> float:
        """The loss of the sample with the weights that the run began with: the seed gives them."""
        (settings, train), seed = session.first_settings, session.seed
        key = settings, seed, session.train_settings.train_on
        if self._first is None or self._first[0] != key:
            generator, V = torch.Generator().manual_seed(seed), session.dataset.vocabulary.size
            first = make_model(settings, V, generator, train.smoothing)
            self._first = key, _loss(first, _first_examples(session, first.context))
        return self._first[1]


def _counting(session: Session, baselines: Sequence[Baseline]) -> Baseline | None:
    """What counting reaches on the same examples: of pairs or, beside a table of counts, of its
    order; None where that isn't known."""
    order = session.model_settings.order if session.model_settings.kind == "ngram" else 2
    if session.train_settings.train_on != "train" or order > len(NAMES):
        return None
    return next((one for one in baselines if one.name == NAMES[order - 1]), None)


def _first_examples(session: Session, context: int) -> Batches:
    """The first examples of what is trained on, as one batch."""
    split = split_named(session.dataset, session.train_settings.train_on)
    positions = torch.arange(1, min(EXAMPLES, split.examples) + 1)
    contexts, targets = gather_examples(split.tokens, positions, context)  # (N, T), (N,)
    n = len(positions)
    places = (targets * n + torch.arange(n))[None]
    return Batches([n], contexts, places, torch.full((n,), 1 / n))


def _loss(model: Model, batch: Batches) -> float:
    """The mean NLL of a batch, in nats."""
    log_probabilities = torch.log_softmax(model.logits(batch.contexts), 1)  # (N, V)
    return float(batch.losses(log_probabilities.T.flatten().to(batch.weights.dtype))[0])


def _tensors(session: Session, batch: Batches) -> tuple[tuple[TensorHealth, ...], str]:
    """The health of each parameter tensor, and what its update is."""
    model, trainer = session.model, session.trainer
    if isinstance(model, NgramCounts) or not isinstance(trainer, GradientTrainer):
        return (), "counts"
    gradient = _gradient(model, batch)
    update, is_of = session.train_settings.learning_rate_at(session.step) * gradient, _NEXT_STEP
    if session.train_settings.optimizer == "adamw" and session.step:
        update, is_of = last_adamw_update(session, trainer), _LAST_STEP
    elif trainer.last_gradient is not None:
        rate = session.train_settings.learning_rate_at(session.step - 1)
        update, is_of = rate * trainer.last_gradient, _LAST_STEP
    gradients, updates = model.views(gradient), model.views(update)
    return tuple(
        TensorHealth(name, _std(gradients[name]), _std(weights), _ratio(updates[name], weights))
        for name, weights in model.tensors.items()
    ), is_of


def _gradient(model: MLP | NeuralBigram, batch: Batches) -> Tensor:
    """The gradient of the batch's loss, without weight decay: (parameters,)."""
    step = MLPStep(model) if isinstance(model, MLP) else NeuralBigramStep(model)
    with torch.inference_mode():
        (gradient,) = [one.clone() for one in step.gradients(step.prepare(batch))]
    return gradient


def last_adamw_update(session: Session, trainer: GradientTrainer) -> Tensor:
    """What AdamW's last step added to the parameters: (parameters,).

    Its moments tell it: w' = (1 - rate decay) w - rate m / (sqrt(v) + eps), both moments corrected
    for their bias (Kingma & Ba 2015, Loshchilov & Hutter 2019). Of a step before the newest edit of
    learning rate or weight decay, it is what it would have been with those of now.
    """
    settings, state, after = session.train_settings, trainer.state_dict(), trainer.model.flat
    rate, t = settings.learning_rate_at(session.step - 1), float(state["steps"])
    if t == 0:  # the optimizer is new
        return torch.zeros_like(after)
    decay = settings.weight_decay if isinstance(trainer.model, MLP) else 0.0
    mean, square = state["mean"] / (1 - 0.9**t), state["square"] / (1 - 0.999**t)
    before = (after + rate * mean / (square.sqrt() + 1e-8)) / (1 - rate * decay)
    return after - before


def _std(values: Tensor) -> float:
    """The standard deviation, of a single number 0."""
    return float(values.std(correction=0))


def _ratio(update: Tensor, weights: Tensor) -> float | None:
    of_update, of_weights = _std(update), _std(weights)
    is_ratio = of_update > 0 and of_weights > 0 and math.isfinite(of_update / of_weights)
    return math.log10(of_update / of_weights) if is_ratio else None


def _middle_ratio(tensors: tuple[TensorHealth, ...]) -> float | None:
    """The median of the weight matrices' ratios; biases begin near 0 and say little."""
    ratios = sorted(
        one.ratio for one in tensors if one.ratio is not None and not one.name.startswith("b")
    )
    return ratios[len(ratios) // 2] if ratios else None


def _falling(session: Session) -> tuple[int, float, float]:
    """How many steps have been taken since the newest edit, how far the minibatch loss fell within
    the last six tenths of them, from half to half, and the standard error of that."""
    begin = session.journal[-1].step if session.journal else 0
    steps = session.step - begin
    points = session.history.curve(begin + round((1 - _WINDOW) * steps), 64).mean
    half = len(points) // 2
    if half < 2:
        return steps, 0.0, math.inf
    earlier, later = points[:half], points[-half:]
    error = math.sqrt((variance(earlier) + variance(later)) / half)
    return steps, fmean(earlier) - fmean(later), error
