"""How well a model predicts a split: mean negative log-likelihood in nats; and a single word."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from ..datasets.contexts import ContextTable, ContextTables, split_named
from ..datasets.vocabulary import BOUNDARY, Vocabulary
from ..models.model import Model

_MULTIPLICATIONS_AT_ONCE = 1 << 26


@dataclass(frozen=True)
class Evaluation:
    """The loss of a split, in nats a character.

    seen and unseen: the loss of the items that also stand in train, and of those that don't; None
    for train itself, and where there are no such items.
    examples: how many examples the loss is of; of: how many the split has.
    """

    loss: float
    seen: float | None
    unseen: float | None
    examples: int
    of: int


class RunningEvaluation:
    """An evaluation that can be taken a block at a time, between other work.

    The model is copied at the start, so the result is of one state of it.
    """

    def __init__(
        self, model: Model, tables: ContextTables, split: str, most_examples: int | None = None
    ):
        self._model = model.copy()
        self._split = split
        self._of = split_named(tables.dataset, split).examples
        self._blocks = self._all_blocks(tables.of(split, model.context, most_examples))
        self._nll = torch.zeros(2, dtype=torch.float64)  # of seen items, of unseen ones
        self._examples = torch.zeros(2, dtype=torch.float64)

    def advance(self) -> bool:
        """Evaluate one more block; False when there is none left."""
        block = next(self._blocks, None)
        if block is None:
            return False
        nll, examples = block
        self._nll += nll
        self._examples += examples
        return True

    def result(self) -> Evaluation:
        """The loss over the blocks evaluated so far."""
        loss = float(self._nll.sum() / self._examples.sum())
        seen, unseen = (self._nll / self._examples).tolist()
        is_held_out = self._split in ("dev", "test")
        any_seen, any_unseen = (self._examples > 0).tolist()
        return Evaluation(
            loss=loss,
            seen=seen if is_held_out and any_seen else None,
            unseen=unseen if is_held_out and any_unseen else None,
            examples=int(self._examples.sum()),
            of=self._of,
        )

    def _all_blocks(self, tables: Iterator[ContextTable]) -> Iterator[tuple[Tensor, Tensor]]:
        rows = max(64, _MULTIPLICATIONS_AT_ONCE // self._model.multiplications)
        for table in tables:
            for first in range(0, len(table.contexts), rows):
                yield self._block(table, first, first + rows)

    def _block(self, table: ContextTable, first: int, last: int) -> tuple[Tensor, Tensor]:
        """Summed NLL (2,) and examples (2,), of seen and unseen items, for some contexts."""
        logits = self._model.logits(table.contexts[first:last])  # (M, V)
        log_probabilities = torch.log_softmax(logits, 1)
        begin, end = torch.searchsorted(table.rows, torch.tensor([first, last])).tolist()
        nll = -log_probabilities[table.rows[begin:end] - first, table.targets[begin:end]].double()
        seen, counts = table.seen_counts[begin:end], table.counts[begin:end]  # (P,)
        weights = torch.stack([seen, counts - seen])  # (2, P)
        return torch.where(weights > 0, weights * nll, 0.0).sum(1), weights.sum(1)


def evaluate(
    model: Model, tables: ContextTables, split: str, most_examples: int | None = None
) -> Evaluation:
    """The loss of a split (train, dev, test, all, or first-N).

    most_examples: of a larger split only about so many are looked at.
    """
    evaluation = RunningEvaluation(model, tables, split, most_examples)
    while evaluation.advance():
        pass
    return evaluation.result()


@dataclass(frozen=True)
class WordSurprisal:
    """How likely a model holds each character of a word, the boundary after it being the last.

    probabilities: of each character, given those before it; surprisals: -ln of them, in nats.
    """

    word: str
    characters: list[str]
    probabilities: list[float]
    surprisals: list[float]

    @property
    def mean(self) -> float:
        """The mean surprisal, in nats."""
        return sum(self.surprisals) / len(self.surprisals)


def word_surprisal(model: Model, vocabulary: Vocabulary, word: str) -> WordSurprisal:
    """The probability and surprisal of each character of a word.

    Raises:
        UserError: the word has a character that does not occur in the data.
    """
    ids = [*vocabulary.encode(word), BOUNDARY]
    log_probabilities = log_probabilities_along(model, ids)  # (L, V)
    chosen = log_probabilities[torch.arange(len(ids)), torch.tensor(ids)]  # (L,)
    return WordSurprisal(
        word=word,
        characters=[vocabulary.label(i) for i in ids],
        probabilities=chosen.exp().tolist(),
        surprisals=[0.0 - value for value in chosen.tolist()],
    )


def log_probabilities_along(model: Model, ids: list[int]) -> Tensor:
    """ln P(next) at each character of an item, given those before it: (L, V) float64."""
    padded = torch.tensor([BOUNDARY] * model.context + ids)
    contexts = padded.unfold(0, model.context, 1)[: len(ids)]  # (L, T)
    return torch.log_softmax(model.logits(contexts).double(), 1)
