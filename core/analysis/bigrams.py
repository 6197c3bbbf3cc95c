"""The bigram table P(next | previous): as counted, as a model sees it, and the difference."""

from collections.abc import Callable, Mapping
from functools import cached_property, lru_cache
from typing import NamedTuple

import torch
from torch import Tensor

from ..constants import MAX_ITEM_LENGTH
from ..datasets.contexts import context_numbers
from ..datasets.dataset import Dataset
from ..datasets.stats import bigram_counts
from ..datasets.vocabulary import BOUNDARY
from ..models.mixture import Mixture
from ..models.model import Model
from ..models.neural_bigram import NeuralBigram
from ..results import BigramsView, BigramTable, Follower, PairFacts

_MULTIPLICATIONS = 60_000_000  # for the table of a model in training: some ten milliseconds
_AT_REST = 10  # times as many, once, while the model stays the same
_MIN_CONTEXTS = 64  # of a character
_MAX_TRAIN_EXAMPLES = 1 << 19
_NUMBERS_PER_BLOCK = 1 << 22
_TOKENS_PER_BLOCK = 1 << 20
_WORDS = 8
_MAX_TOKENS_SEARCHED = 1 << 22  # tokens, for words with the pair


class BigramAnalysis:
    """Compares P(next | previous) of a model, whatever its context, with that of the counts.

    A model with a longer context has one distribution for each context that ends in a character;
    they are averaged over the training contexts (of large data, the first half million). The counts
    are of the whole dataset.

    counts: (V, V) int32.
    """

    def __init__(
        self, dataset: Dataset, context: int, counts: Tensor | None = None, is_exact: bool = False
    ):
        """For models with a context of `context` characters.

        counts: those of `bigram_counts`, if known. is_exact: never estimate, however long it takes.
        """
        self.context: int = context
        self._is_exact = is_exact
        self.counts: Tensor = bigram_counts(dataset) if counts is None else counts
        self._by_frequency = self.counts.sum(1).sort(descending=True, stable=True).indices
        self._dataset = dataset
        self._ending = _contexts_by_ending(dataset, context)
        self._is_all = dataset.split("train").num_examples <= _MAX_TRAIN_EXAMPLES
        self._version: object = None
        self._trained: tuple[str, Tensor] | None = None  # a split, and its counts
        self._rows: dict[int, _Row] = {}  # of this version of the model
        self.words: Callable[[int, int], tuple[str, ...]] = lru_cache(1)(self._find_words)

    def probabilities(
        self, model: Model, characters: Tensor, max_contexts: int | None = None
    ) -> Tensor:
        """The model's rows of some characters, by id: (R,) to (R, V) float64.

        max_contexts: for a character with more distinct contexts, average over a fixed sample.
        """
        chosen = [self._ending[one].sample(max_contexts) for one in characters.tolist()]
        positions, weights = (torch.cat(parts) for parts in zip(*chosen, strict=True))  # (M,)
        sizes = torch.tensor([len(of_one) for of_one, _ in chosen])
        rows = torch.repeat_interleave(torch.arange(len(chosen)), sizes)  # (M,)
        size, train = self._dataset.vocabulary.size, self._dataset.split("train")
        table = torch.zeros(len(chosen), size, dtype=torch.float64)
        block = max(1, _NUMBERS_PER_BLOCK // max(size, self.context))
        for some in torch.arange(len(positions)).split(block):
            at = positions[some]
            contexts = train.contexts_at(at.clamp(min=1), self.context)  # (B, T)
            lone = at <= 0  # a character that train lacks is taken as the first of an item
            contexts[lone] = 0
            contexts[lone, -1] = -at[lone]
            each = torch.softmax(model.logits(contexts).double(), 1)
            table.index_add_(0, rows[some], each * weights[some, None])
        return table

    def counted(self, characters: Tensor) -> Tensor:
        """The rows of some characters by the counts, N(a, b) / N(a): (R,) to (R, V) float64.

        The row of a character that doesn't occur is uniform.
        """
        counts = self.counts[characters].double()
        totals = counts.sum(1, keepdim=True)
        return torch.where(totals > 0, counts / totals, 1 / len(self.counts))

    def order(self, by: str) -> Tensor:
        """All characters by id, or by frequency with the commonest first: (V,).

        A character occurs as often before another as after one, so rows and columns have the same
        order.
        """
        return self._by_frequency if by == "frequency" else torch.arange(len(self.counts))

    def table(
        self, model: Model, view: BigramsView, version: object = None, train_on: str = "train"
    ) -> BigramTable:
        """The window of a view, cut to the table's size.

        It is empty where the model's weights are not finite. What would take longer than some
        milliseconds is estimated, and the result says so. version: compares equal as long as the
        model's weights stay the same; then more contexts are averaged once, and the result is
        reused. None: unknown. train_on: the split of whose loss a gradient is. A view of weights is
        drawn as "model" if the model has none.
        """
        order, last = self.order(view.order), len(self.counts) - 1
        top, left = (max(0, min(place, last)) for place in (view.top, view.left))
        previous, following = (max(0, min(place, last)) for place in view.cursor)
        rows, columns = order[top : top + view.rows], order[left : left + view.columns]
        ids = torch.cat([rows, order[previous : previous + 1]])  # the cursor's row is the last
        known = self._known_rows(model, ids.tolist(), version)
        modelled, counted = torch.stack([row.values for row in known]), self.counted(ids)
        values = {"model": modelled, "counted": counted, "difference": modelled - counted}
        values |= self._of_counts(ids) | self._of_weights(model, ids, view.mode, train_on)
        mode = view.mode if view.mode in values else "model"
        is_finite, totals = bool(modelled.isfinite().all()), self._totals[columns]
        sums = {"counts": totals, "columns": totals / totals.clamp(min=1)}.get(mode)
        return BigramTable(
            top=top,
            left=left,
            values=values[mode][:-1, columns].tolist() if is_finite else [],
            pair=self._pair(
                view, int(ids[-1]), int(order[following]), {k: v[-1] for k, v in values.items()}
            ),
            mode=mode,
            order=tuple(order.tolist()),
            cursor=(previous, following),
            divergences=_divergences(counted, modelled)[:-1].tolist() if is_finite else [],
            is_estimate=not known[-1].is_exact,
            row_sums=[] if sums is None else values[mode][:-1].sum(1).tolist(),
            column_sums=[] if sums is None else sums.tolist(),
        )

    @cached_property
    def _totals(self) -> Tensor:
        """How often each character comes before another, and as often after one: (V,) float64."""
        return self.counts.sum(1).double()

    def _of_counts(self, ids: Tensor) -> dict[str, Tensor]:
        """The rows of N of some characters (R,), and of what is made of it, by mode: (R, V)."""
        counts = self.counts[ids].double()
        # As N / N.sum(1) divides without keepdim: the sum of row b, which is that of column b too.
        columns = counts / self._totals.clamp(min=1)
        return {"counts": counts, "log-counts": counts.log(), "columns": columns}

    def _of_weights(self, model: Model, ids: Tensor, mode: str, train_on: str) -> dict[str, Tensor]:
        """The rows of W of some characters (R,), and of its gradient if that is the mode, by mode:
        (R, V); none for another model than a neural bigram."""
        network = model.network if isinstance(model, Mixture) else model
        if not isinstance(network, NeuralBigram):
            return {}
        weights = network.tensors["W"][ids].double()
        if mode != "gradient":
            return {"weights": weights}
        gradient = self._gradient(ids, torch.softmax(weights, 1), train_on)
        return {"weights": weights, "gradient": gradient}

    def _gradient(self, ids: Tensor, modelled: Tensor, train_on: str) -> Tensor:
        """The rows of W.grad of some characters, of the mean NLL of a split: (R, V).

        A row is N(a) / N * (P(. | a) - N(a, .) / N(a)), with the split's counts.
        """
        if self._trained is None or self._trained[0] != train_on:
            self._trained = train_on, bigram_counts(self._dataset, train_on)
        rows = self._trained[1][ids].double()
        return (rows.sum(1, keepdim=True) * modelled - rows) / self._trained[1].sum()

    def _known_rows(self, model: Model, characters: list[int], version: object) -> "list[_Row]":
        """The model's rows of some characters, as exact as the time allows."""
        is_same = version is not None and version == self._version
        final = {one: row for one, row in self._rows.items() if row.is_final}
        self._version, self._rows = version, final if is_same else {}
        unknown = [one for one in dict.fromkeys(characters) if one not in self._rows]
        if unknown:
            most = _MULTIPLICATIONS * (_AT_REST if is_same else 1) // model.multiplications
            sizes = [len(self._ending[one].positions) for one in unknown]
            is_cheap = self._is_exact or sum(sizes) <= most
            each = max(sizes) if is_cheap else max(_MIN_CONTEXTS, most // len(unknown))
            values = self.probabilities(model, torch.tensor(unknown), each)
            for one, size, row in zip(unknown, sizes, values, strict=True):
                is_whole = size <= each
                self._rows[one] = _Row(row, self._is_all and is_whole, is_whole or is_same)
        return [self._rows[one] for one in characters]

    def _pair(
        self, view: BigramsView, previous: int, following: int, row: Mapping[str, Tensor]
    ) -> PairFacts:
        modelled, counted, counts = row["model"], row["counted"], row["counts"]
        weights, gradient = row.get("weights"), row.get("gradient")
        likeliest = modelled.topk(max(0, min(view.followers, len(modelled)))).indices
        return PairFacts(
            previous=previous,
            following=following,
            count=int(self.counts[previous, following]),
            probability=float(modelled[following]),
            rank=int((modelled > modelled[following]).sum()) + 1,
            counted=float(counted[following]),
            followers=tuple(
                Follower(i, float(modelled[i]), float(counted[i]), int(counts[i]), _at(weights, i))
                for i in likeliest.tolist()
            ),
            words=self.words(previous, following),
            weight=_at(weights, following),
            gradient=_at(gradient, following),
        )

    def _find_words(self, previous: int, following: int) -> tuple[str, ...]:
        """Up to eight distinct items with a pair in them.

        Only the first four million characters of a large dataset are searched.
        """
        if not self.counts[previous, following]:
            return ()
        found: dict[str, None] = {}  # keeps the order
        tokens, decode = self._dataset.split("all").tokens, self._dataset.vocabulary.decode
        for first in range(0, min(len(tokens) - 1, _MAX_TOKENS_SEARCHED), _TOKENS_PER_BLOCK):
            some = tokens[first : first + _TOKENS_PER_BLOCK + 1]
            hits = torch.nonzero((some[:-1] == previous) & (some[1:] == following))[:, 0]
            for place in (first + hits[: 8 * _WORDS]).tolist():
                found[decode(_item_around(tokens, place).tolist())] = None
                if len(found) == _WORDS:
                    return tuple(found)
        return tuple(found)


class _Row(NamedTuple):
    """A row of the table as a model sees it, (V,). is_final: more time would not improve it."""

    values: Tensor
    is_exact: bool
    is_final: bool


class _Ending(NamedTuple):
    """The distinct training contexts that end in a character, sorted from the end backwards.

    positions: (M,) int64, a position of each; of a character that train lacks, minus its id.
    counts: (M,) float64, how often each occurs.
    """

    positions: Tensor
    counts: Tensor

    def sample(self, most: int | None = None) -> tuple[Tensor, Tensor]:
        """The positions of some contexts, and the share that each stands for: (n,), (n,).

        All of them, or if there are more than `most`, those at evenly spaced occurrences
        (systematic sampling); the mean over as many random ones is five times as far off.
        """
        total, distinct = float(self.counts.sum()), len(self.positions)
        if most is None or distinct <= most:
            return self.positions, self.counts / total
        places = (torch.arange(most, dtype=torch.float64) + 0.5) * (total / most)
        chosen = torch.searchsorted(self.counts.cumsum(0), places).clamp_(max=distinct - 1)
        chosen, times = torch.unique_consecutive(chosen, return_counts=True)
        return self.positions[chosen], times.double() / most


def _contexts_by_ending(dataset: Dataset, context: int) -> list[_Ending]:
    """For each character, the distinct training contexts that end in it."""
    V, train = dataset.vocabulary.size, dataset.split("train")
    positions = torch.arange(1, min(train.num_examples, _MAX_TRAIN_EXAMPLES) + 1)
    contexts = train.contexts_at(positions, context)  # (N, T)
    numbers, order = context_numbers(contexts.flip(1), V).sort(stable=True)
    counts = torch.unique_consecutive(numbers, return_counts=True)[1]  # (M,)
    first = order[counts.cumsum(0) - counts]  # a position's index of each distinct one, (M,)
    sizes = torch.bincount(contexts[first, -1], minlength=V).tolist()
    of_each = zip(positions[first].split(sizes), counts.double().split(sizes), strict=True)
    return [
        _Ending(*found) if len(found[0]) else _Ending(torch.tensor([-id]), torch.ones(1).double())
        for id, found in enumerate(of_each)
    ]


def _at(values: Tensor | None, i: int) -> float | None:
    return None if values is None else float(values[i])


def _divergences(counted: Tensor, modelled: Tensor) -> Tensor:
    """KL(counted || modelled) = sum of p ln(p / q) for each row, in nats: (R, V), (R, V) to (R,).

    (Kullback & Leibler 1951.) A pair that was never counted adds nothing; one that was counted and
    has probability 0 in the model makes it infinite.
    """
    each = counted * (counted / modelled).log()
    return torch.where(counted > 0, each, 0.0).sum(1).clamp(min=0.0)


def _item_around(tokens: Tensor, place: int) -> Tensor:
    """The tokens of the item with the character at a place, or with the one after it."""
    begin = max(0, place - MAX_ITEM_LENGTH)
    before = torch.nonzero(tokens[begin : place + 1] == BOUNDARY)[-1]
    after = torch.nonzero(tokens[place + 1 : place + 2 + MAX_ITEM_LENGTH] == BOUNDARY)
    end = place + 1 + int(after[0]) if len(after) else len(tokens)
    return tokens[begin + int(before) : end]
