"""The bigram table: what was counted, what a model makes of it, and the difference."""

import math
from typing import NamedTuple

import torch
from torch import Tensor

from .contexts import context_numbers
from .dataset import LONGEST_ITEM, Dataset, gather_contexts
from .messages import BigramMode, BigramsView, BigramTable, Follower, PairFacts
from .models import Model
from .plain_text import shown
from .vocabulary import BOUNDARY, Vocabulary

_CONTEXTS_AT_MOST = 2048
_FEWEST_CONTEXTS = 64  # of a character
_MOST_OF_TRAIN = 1 << 19
_TOKENS_AT_ONCE = 1 << 20
_FOLLOWERS = 5
_WORDS = 8
_MOST_SEARCHED = 1 << 22  # tokens, for words with the pair


def bigram_counts(dataset: Dataset) -> Tensor:
    """How often each character follows each in the whole data: (V, V) int32, [previous, next]."""
    size = dataset.vocabulary.size
    tokens = dataset.split("all").tokens
    counts = torch.zeros(size * size, dtype=torch.int32)
    for first in range(0, len(tokens) - 1, _TOKENS_AT_ONCE):
        some = tokens[first : first + _TOKENS_AT_ONCE + 1].int()
        pairs = some[:-1] * size + some[1:]
        counts += torch.bincount(pairs, minlength=size * size)
    return counts.view(size, size)


class BigramInsight:
    """P(next | previous) as a model sees it, whatever its context, beside that of the counts.

    A model with a longer context gives one distribution for each context that ends in a character;
    they are averaged over the training contexts, or over a fixed sample of them where there are
    many. The counts are of the whole data.
    """

    def __init__(self, dataset: Dataset, context: int, counts: Tensor | None = None):
        """counts: those of `bigram_counts`, where they are known already."""
        self.context = context
        self.counts: Tensor = bigram_counts(dataset) if counts is None else counts
        self._by_frequency = self.counts.sum(1).sort(descending=True, stable=True).indices
        self._dataset = dataset
        self._contexts = _sampled_contexts(dataset, context)
        self._words: tuple[tuple[int, int], tuple[str, ...]] | None = None

    def probabilities(self, model: Model, characters: Tensor) -> Tensor:
        """The model's rows of some characters, by id: (R,) to (R, V) float64."""
        chosen = [self._contexts[character] for character in characters.tolist()]
        logits = model.logits(torch.cat([one.contexts for one in chosen]))
        each = torch.softmax(logits.double(), 1)  # (M, V)
        each *= torch.cat([one.weights for one in chosen])[:, None]
        sizes = torch.tensor([len(one.weights) for one in chosen])
        row = torch.repeat_interleave(torch.arange(len(chosen)), sizes)  # (M,)
        return each.new_zeros(len(chosen), each.shape[1]).index_add_(0, row, each)

    def counted(self, characters: Tensor) -> Tensor:
        """The rows of some characters by the counts alone, N(a, b) / N(a): (R, V) float64.

        A row that was never counted is uniform.
        """
        counts = self.counts[characters].double()
        totals = counts.sum(1, keepdim=True)
        return torch.where(totals > 0, counts / totals, 1 / len(self.counts))

    def order(self, by: str) -> Tensor:
        """The ids of all characters by place: by id, or by frequency, the commonest first: (V,).

        A character occurs as often before another as behind one, so rows and columns have the same
        order.
        """
        if by == "frequency":
            return self._by_frequency
        return torch.arange(len(self.counts))

    def table(self, model: Model, view: BigramsView) -> BigramTable:
        """What a view asks for, cut to the table's size.

        The window is empty where the model's weights are no longer finite.
        """
        order, last = self.order(view.order), len(self.counts) - 1
        top, left = (max(0, min(place, last)) for place in (view.top, view.left))
        previous, following = (max(0, min(place, last)) for place in view.cursor)
        rows, columns = order[top : top + view.rows], order[left : left + view.columns]
        ids = torch.cat([rows, order[previous : previous + 1]])  # the cursor's row is the last
        modelled, counted = self.probabilities(model, ids), self.counted(ids)
        window = self._values(view.mode, modelled, counted, ids)[:-1, columns]
        is_finite = bool(modelled.isfinite().all())
        return BigramTable(
            top=top,
            left=left,
            values=window.tolist() if is_finite else [],
            pair=self._pair(ids[-1], order[following], modelled[-1], counted[-1]),
            mode=view.mode,
            order=tuple(order.tolist()),
            cursor=(previous, following),
            divergences=_divergences(counted, modelled)[:-1].tolist() if is_finite else [],
        )

    def words(self, previous: int, following: int) -> tuple[str, ...]:
        """Some items of the data in which a pair stands, safe to show: at most eight, no two alike.

        Of a large dataset only the first four million characters are searched.
        """
        if self._words is None or self._words[0] != (previous, following):
            found = self._find_words(previous, following)
            self._words = (previous, following), found
        return self._words[1]

    def _values(self, mode: BigramMode, modelled: Tensor, counted: Tensor, ids: Tensor) -> Tensor:
        """Rows of the table in one of its modes, (R, V)."""
        if mode == "counts":
            return self.counts[ids]
        if mode == "difference":
            return modelled - counted
        return counted if mode == "counted" else modelled

    def _pair(
        self, previous: Tensor, following: Tensor, modelled: Tensor, counted: Tensor
    ) -> PairFacts:
        """The facts of a pair, from its row by the model (V,) and by the counts (V,)."""
        likeliest = modelled.topk(min(_FOLLOWERS, len(modelled))).indices
        return PairFacts(
            previous=int(previous),
            following=int(following),
            count=int(self.counts[previous, following]),
            probability=float(modelled[following]),
            rank=int((modelled > modelled[following]).sum()) + 1,
            counted=float(counted[following]),
            followers=tuple(
                Follower(i, float(modelled[i]), float(counted[i])) for i in likeliest.tolist()
            ),
            words=self.words(int(previous), int(following)),
        )

    def _find_words(self, previous: int, following: int) -> tuple[str, ...]:
        if not self.counts[previous, following]:
            return ()
        found: dict[str, None] = {}  # keeps the order
        tokens = self._dataset.split("all").tokens
        for first in range(0, min(len(tokens) - 1, _MOST_SEARCHED), _TOKENS_AT_ONCE):
            some = tokens[first : first + _TOKENS_AT_ONCE + 1]
            hits = torch.nonzero((some[:-1] == previous) & (some[1:] == following))[:, 0]
            for place in hits[: 8 * _WORDS].tolist():
                found[_item_around(tokens, first + place, self._dataset.vocabulary)] = None
                if len(found) == _WORDS:
                    return tuple(found)
        return tuple(found)


class _Contexts(NamedTuple):
    """Distinct contexts (M, T), and of each the share (M,) of what they stand for."""

    contexts: Tensor
    weights: Tensor


def _sampled_contexts(dataset: Dataset, context: int) -> list[_Contexts]:
    """For each character, distinct training contexts that end in it.

    Of a character's occurrences, put in order of what stands before it, evenly spaced ones are
    taken (systematic sampling): each context is met about as often as it is common, and the
    distinct ones are few. The mean over as many random ones is five times as far off.
    """
    V, tokens = dataset.vocabulary.size, dataset.split("train").tokens
    each = max(_FEWEST_CONTEXTS, _CONTEXTS_AT_MOST // V)
    contexts = gather_contexts(tokens, torch.arange(1, min(len(tokens), _MOST_OF_TRAIN)), context)
    order = _reading_backwards(contexts, V)
    groups = torch.split(order, torch.bincount(contexts[:, -1], minlength=V).tolist())
    sampled = []
    for character, group in enumerate(groups):
        n = min(each, len(group))
        if n == 0:
            sampled.append(_Contexts(_lone(character, context), torch.ones(1)))
            continue
        chosen = contexts[group[(torch.arange(n) * len(group) + len(group) // 2) // n]]
        distinct, counts = torch.unique(chosen, dim=0, return_counts=True)
        sampled.append(_Contexts(distinct, counts / n))
    return sampled


def _reading_backwards(contexts: Tensor, V: int) -> Tensor:
    """The order of contexts (N, T) by their last character, then the one before, and so on: (N,).

    Characters too far back to fit into a 64-bit number are not looked at.
    """
    near = contexts[:, -int(62 / math.log2(V)) :]
    return context_numbers(near.flip(1), V).sort(stable=True).indices


def _lone(character: int, context: int) -> Tensor:
    """The context of a character that begins an item, for one that train never has: (1, T)."""
    lone = torch.zeros(1, context, dtype=torch.int64)
    lone[0, -1] = character
    return lone


def _divergences(counted: Tensor, modelled: Tensor) -> Tensor:
    """KL(counted || modelled) = sum of p ln(p / q) for each row, in nats: (R, V), (R, V) to (R,).

    (Kullback & Leibler 1951.) What was never counted adds nothing; what was, and has no chance,
    makes it infinite.
    """
    p, q = counted, modelled
    return torch.where(p > 0, p * (p / q).log(), 0.0).sum(1).clamp(min=0.0)


def _item_around(tokens: Tensor, place: int, vocabulary: Vocabulary) -> str:
    """The item of the character at a place, or of the one after it; safe to show."""
    begin = max(0, place - LONGEST_ITEM)
    before = torch.nonzero(tokens[begin : place + 1] == BOUNDARY)[-1]
    after = torch.nonzero(tokens[place + 1 : place + 2 + LONGEST_ITEM] == BOUNDARY)
    end = place + 1 + int(after[0]) if len(after) else len(tokens)
    return shown(vocabulary.decode(tokens[begin + int(before) : end].tolist()))
