"""What weight decay does to a neural bigram: a penalty in the loss, which smooths its table."""

import math

import torch
from torch import Tensor

from ..datasets.dataset import Dataset
from ..datasets.stats import bigram_counts
from ..models.model import Model, Network
from ..results import Regularization

_EXPONENTS = (-4.0, 6.0)  # log10 of the k that are tried
_PER_DECADE = 4
_GOLDEN = (math.sqrt(5) - 1) / 2
_NARROWINGS = 24  # of an interval of two quarters of a decade: to 1e-5 of k
MAX_NUMBERS = 1 << 16  # of a table that is searched


def regularization(
    model: Model, dataset: Dataset, train_on: str, weight_decay: float
) -> Regularization | None:
    """The penalty of a neural bigram, decay * mean(W**2), and the smoothing that it amounts to.

    None for a model whose weight decay is not part of its loss. Raises UserError if there is no
    split of the name `train_on`.
    """
    if not isinstance(model, Network) or not model.decays_in_loss:
        return None
    penalty = weight_decay * float(model.flat.double().square().mean())
    if model.flat.numel() > MAX_NUMBERS or not model.is_finite:
        return Regularization(penalty)
    log_p = torch.log_softmax(model.tensors["W"].double(), 1)
    return Regularization(penalty, *nearest_smoothing(log_p, bigram_counts(dataset, train_on)))


def nearest_smoothing(log_probabilities: Tensor, counts: Tensor) -> tuple[float, float]:
    """The k whose table of counts is nearest to a table of ln P(next | previous), and how near.

    Near is the least mean of KL(smoothed counts || table) over the examples, in nats. The best of
    a grid of k, then golden-section search between its neighbours (Kiefer 1953).

    log_probabilities, counts: (V, V). k: from 0.0001 to 1,000,000.
    """
    counts = counts.double()
    shares = counts.sum(1) / counts.sum()

    def divergence(exponent: float) -> float:
        smooth = counts + 10**exponent
        smooth = smooth / smooth.sum(1, keepdim=True)
        return float(shares @ (smooth * (smooth.log() - log_probabilities)).sum(1))

    low, high = _EXPONENTS
    grid = [low + i / _PER_DECADE for i in range(round((high - low) * _PER_DECADE) + 1)]
    best = min(grid, key=divergence)
    low, high = max(low, best - 1 / _PER_DECADE), min(high, best + 1 / _PER_DECADE)
    for _ in range(_NARROWINGS):
        reach = _GOLDEN * (high - low)
        if divergence(high - reach) <= divergence(low + reach):
            high = low + reach
        else:
            low = high - reach
    return 10 ** ((low + high) / 2), max(0.0, divergence((low + high) / 2))
