"""How well a model predicts a split or an item: negative log-likelihoods, in nats."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from ..datasets.contexts import ContextTable, contexts_along
from ..datasets.dataset import Dataset
from ..models.model import Model
from .paired import ItemLosses

_MULTIPLICATIONS_PER_BLOCK = 1 << 26


@dataclass(frozen=True)
class Evaluation:
    """The loss of a split, in nats a character.

    seen, unseen: the loss of the items that also stand in train, and of those that don't; None for
    train itself, and where there are no such items. num_examples: how many examples were evaluated,
    of split_examples in the split. parts: of a network that is mixed with counts, what it and they
    have alone.
    """

    loss: float
    seen: float | None
    unseen: float | None
    num_examples: int
    split_examples: int
    parts: "MixtureParts | None" = None

    @property
    def network(self) -> "Evaluation":
        """That of the model without the counts that it may be mixed with."""
        return self.parts.network if self.parts else self

    @property
    def share(self) -> float:
        """The share of the split's examples that were evaluated."""
        return self.num_examples / self.split_examples


@dataclass(frozen=True)
class MixtureParts:
    """What a network and the counts that it is mixed with have alone; weight: of the counts."""

    network: Evaluation
    counts: Evaluation
    weight: float


class RunningEvaluation:
    """An evaluation that is done a block of examples at a time, between other work.

    The model is copied at the start, so the result is of the weights at that time.
    """

    def __init__(
        self,
        model: Model,
        dataset: Dataset,
        split: str,
        max_examples: int | None = None,
        by_example: bool = False,
    ):
        """Arguments as for `evaluate`. by_example: True to have `example_nll` and `item_losses`."""
        self._model, self._split = model.copy(), split
        self._split_examples = dataset.split(split).num_examples
        self._dataset, self._is_by_example = dataset, by_example
        self._example_nll: list[Tensor] = []
        tables = dataset.context_tables_in_parts(split, model.context, max_examples)
        self._blocks = self._evaluate(tables)
        self._nll = torch.zeros(2, dtype=torch.float64)  # of seen items, of unseen ones
        self._examples = torch.zeros(2, dtype=torch.float64)

    def advance(self) -> bool:
        """Evaluate one more block; False if none is left."""
        return next(self._blocks, False)

    def result(self) -> Evaluation:
        """The loss over the blocks evaluated so far."""
        return self._result(self._nll)

    def _result(self, nll_sums: Tensor, parts: MixtureParts | None = None) -> Evaluation:
        """The loss by the summed NLL of seen items and of others, (2,)."""
        num_examples, is_held_out = self._examples.sum(), self._split in ("dev", "test")
        seen, unseen = (
            nll / n if is_held_out and n else None
            for nll, n in zip(nll_sums.tolist(), self._examples.tolist(), strict=True)
        )
        loss = float(nll_sums.sum() / num_examples)
        return Evaluation(loss, seen, unseen, int(num_examples), self._split_examples, parts)

    def example_nll(self) -> Tensor:
        """The NLL of each example, in the order of the split, in nats: (N,) float64."""
        return torch.cat(self._example_nll)

    def item_losses(self) -> ItemLosses:
        """The losses of the items of which examples were evaluated, once all blocks are."""
        nll = self.example_nll()
        items = self._dataset.split(self._split).items_of_examples()[: len(nll)]
        lengths = items.bincount()
        of_items = torch.zeros(len(lengths), dtype=torch.float64).index_add_(0, items, nll)
        return ItemLosses(of_items, lengths.double())

    def _evaluate(self, tables: Iterator[ContextTable | None]) -> Iterator[bool]:
        """Add the NLL and the examples, of seen and unseen items, a block of contexts at a time."""
        for table in tables:
            if table is None:
                yield True
                continue
            nll_of_pairs = torch.empty_like(table.counts)
            pairs = table.contexts, table.rows, table.targets
            for some, nll in nll_by_block(self._model, *pairs):
                seen = table.seen_counts[some]
                weights = torch.stack([seen, table.counts[some] - seen])  # (2, P)
                self._nll += torch.where(weights > 0, weights * nll, 0.0).sum(1)
                self._examples += weights.sum(1)
                nll_of_pairs[some] = nll
                yield True
            if self._is_by_example:
                self._example_nll.append(nll_of_pairs[table.pairs])


def nll_by_block(
    model: Model, contexts: Tensor, rows: Tensor, targets: Tensor
) -> Iterator[tuple[slice, Tensor]]:
    """-ln P of targets (P,) after contexts, of some (M, T), in the rows (P,), which ascend.

    Yields which pairs of a row and a target a block has, and theirs: (n,) float64.
    """
    size = max(64, _MULTIPLICATIONS_PER_BLOCK // model.multiplications)
    for first in range(0, len(contexts), size):
        edges = torch.searchsorted(rows, torch.tensor([first, first + size]))
        some = slice(*edges.tolist())
        pairs = rows[some] - first, targets[some]
        yield some, -model.log_likelihoods(contexts[first : first + size], *pairs).double()


def evaluate(
    model: Model, dataset: Dataset, split: str = "dev", max_examples: int | None = None
) -> Evaluation:
    """The loss of a model on a split of a dataset.

    split: train, dev, test, all, or first-N for the first N items of the file.
    max_examples: of a larger split only about so many examples are evaluated. Raises UserError if
    there is no split of that name.
    """
    evaluation = RunningEvaluation(model, dataset, split, max_examples)
    while evaluation.advance():
        pass
    return evaluation.result()


def affordable_examples(
    model: Model, dataset: Dataset, split: str, multiplications: int
) -> int | None:
    """How many examples of a split can be evaluated with so many multiplications; None for all."""
    most_contexts = min(dataset.split(split).num_examples, model.vocabulary_size**model.context)
    if most_contexts * model.multiplications <= multiplications:
        return None
    return max(1, multiplications // model.multiplications)


def log_probabilities_along(model: Model, ids: list[int]) -> Tensor:
    """ln P(next) at each character of an item, given those before it: (L, V) float64."""
    contexts = contexts_along(ids, model.context)  # (L, T)
    return torch.log_softmax(model.logits(contexts).double(), 1)
