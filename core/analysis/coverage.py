"""What contexts of a length cover: how many occur in training, and what the others cost.

It is the argument for the embedding: counts know nothing of a context that they never met.
"""

import torch
from torch import Tensor

from ..datasets.contexts import context_numbers, distinct_contexts
from ..datasets.dataset import Dataset
from ..datasets.grams import places_of
from ..models.model import Model
from ..results import ContextCoverage
from .baselines import SMOOTHINGS
from .evaluation import nll_by_block

_MAX_EXAMPLES = 1 << 20  # of a split
MAX_FLOOR_EXAMPLES = 10_000  # of a training split whose floor is a baseline


class CoverageAnalysis:
    """Compares a model with counts on dev's examples, by whether training has their context.

    Of larger splits only the first million examples are used (items are shuffled). What doesn't
    depend on the model is worked out once.
    """

    def __init__(
        self, dataset: Dataset, context: int, train_on: str = "train", max_dev: int | None = None
    ):
        """For contexts of `context` characters, and dev's first `max_dev` examples.

        Raises UserError if there is no split of the name `train_on`.
        """
        self._settings = context, dataset.vocabulary.size, train_on
        train, dev = dataset.split(train_on), dataset.split("dev")
        V, n = dataset.vocabulary.size, min(train.num_examples, _MAX_EXAMPLES)
        m = min(dev.num_examples, max_dev or _MAX_EXAMPLES, _MAX_EXAMPLES)
        self._shares = n / train.num_examples, m / dev.num_examples
        of_train, train_targets = train.examples_at(torch.arange(1, n + 1), context)
        of_dev, dev_targets = dev.examples_at(torch.arange(1, m + 1), context)
        places, which = distinct_contexts(torch.cat([of_train, of_dev]), V)  # (D,), (n + m,)
        times = torch.bincount(which[:n], minlength=len(places))  # (D,): in training
        pairs, in_dev = torch.unique(which[n:] * V + dev_targets, return_counts=True)  # (P,)
        known = which[:n] * V + train_targets
        at, is_known = places_of(known, pairs)
        in_train = torch.bincount(at[is_known], minlength=len(pairs))  # (P,)
        contexts, self._rows = torch.unique_consecutive(pairs // V, return_inverse=True)  # (M,)
        self._contexts = torch.cat([of_train, of_dev])[places[contexts]]  # (M, T), of dev
        self._targets, self._in_dev = pairs % V, in_dev.double()
        self._train_contexts = int((times > 0).sum())
        self._is_seen = times[contexts] > 0  # (M,)
        totals = times[contexts].double()[self._rows]  # (P,)
        nll = [((totals + V * k) / (in_train + k)).log() for k in SMOOTHINGS]
        best = min(range(len(nll)), key=lambda i: float(nll[i] @ self._in_dev))
        self._k, self._by_counts = SMOOTHINGS[best], self._seen_and_unseen(nll[best])

    def of(self, model: Model) -> ContextCoverage:
        """The coverage, with the losses of a model that has this context."""
        pairs = self._contexts, self._rows, self._targets
        nll = torch.cat([nll for _, nll in nll_by_block(model, *pairs)])  # (P,), of each pair
        model_seen, model_unseen = self._seen_and_unseen(nll)
        counts_seen, counts_unseen = self._by_counts
        context, characters, train_on = self._settings
        return ContextCoverage(
            context=context,
            characters=characters,
            train_on=train_on,
            train_contexts=self._train_contexts,
            dev_contexts=len(self._contexts),
            unseen_contexts=int((~self._is_seen).sum()),
            examples=int(self._in_dev.sum()),
            unseen_examples=int(self._in_dev[~self._is_seen[self._rows]].sum()),
            model_seen=model_seen,
            model_unseen=model_unseen,
            counts_seen=counts_seen,
            counts_unseen=counts_unseen,
            k=self._k,
            train_share=self._shares[0],
            dev_share=self._shares[1],
        )

    def _seen_and_unseen(self, nll: Tensor) -> tuple[float | None, float | None]:
        """The mean loss over examples with a context that training has, and over the others."""
        is_seen = self._is_seen[self._rows]  # (P,)
        found = []
        for some in (is_seen, ~is_seen):
            weights = self._in_dev[some]
            found.append(float(nll[some] @ weights / weights.sum()) if len(weights) else None)
        return found[0], found[1]


def context_coverage(model: Model, dataset: Dataset, train_on: str = "train") -> ContextCoverage:
    """How many contexts of a model's length training has, and the losses on dev with and without.

    train_on: the split that the model learns from. Raises UserError if there is none of that name.
    """
    return CoverageAnalysis(dataset, model.context, train_on).of(model)


def loss_floor(dataset: Dataset, train_on: str, context: int) -> float:
    """The lowest loss that any model with this context can have on what it is trained on, in nats.

    A context that is followed by several characters can't predict each with certainty. The floor
    is the conditional entropy H(next | context) = mean of ln N(context) - ln N(context, next) over
    the examples: the loss of each context's exact distribution. (Cover & Thomas, Elements of
    Information Theory, ch. 2.) Raises UserError if there is no split of that name.
    """
    split, V = dataset.split(train_on), dataset.vocabulary.size
    contexts, targets = split.examples_at(torch.arange(1, split.num_examples + 1), context)
    pairs = torch.cat([contexts, targets[:, None]], 1)
    return _mean_log_count(context_numbers(contexts, V)) - _mean_log_count(
        context_numbers(pairs, V)
    )


def _mean_log_count(numbers: Tensor) -> float:
    """The mean over some numbers (N,) of the logarithm of how often each occurs."""
    counts = torch.unique(numbers, return_counts=True)[1].double()
    return float(counts @ counts.log()) / len(numbers)
