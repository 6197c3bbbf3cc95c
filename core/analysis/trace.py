"""One example followed through a model, from the ids of its context to the loss, and back."""

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ..constants import MAX_ITEM_LENGTH, MAX_TRACED_WORDS
from ..datasets.contexts import Split, context_numbers, contexts_along
from ..datasets.dataset import Dataset
from ..datasets.vocabulary import BOUNDARY
from ..errors import UserError
from ..models.factory import AnyModel, AnyNetwork
from ..models.mixture import Mixture, unmixed
from ..models.ngram import NgramCounts
from ..settings import first_n
from ..training.trainer import AnyTrainer, GradientTrainer
from .stages import Stage, backward, forward, loss_stages, mixture_stages


@dataclass(frozen=True)
class Example:
    """A context and the character that follows it; probability: what the model gives to that."""

    context: str
    target: str
    context_ids: tuple[int, ...]
    target_id: int
    probability: float

    @property
    def loss(self) -> float:
        """-ln of the probability, in nats."""
        return -math.log(self.probability) if self.probability else math.inf


@dataclass(frozen=True)
class Trace:
    """What a model does with one example of a word, or of several.

    words: as they were given. lengths: how many examples each has, the boundary after it included.
    examples: of all words. position: of the one that is followed, from 0. stages: from ids to loss.
    probabilities: (V,) of the next character. times: how often the context occurs in the examples
    that are trained on; followers: (V,) what followed it there.
    gradients: of the loss, from the logits back to the parameters; empty without `backward`.
    loss_after: the loss of this example after a step of -learning_rate * gradient on it alone.
    loss_after_next: its loss after the run's next step, with that step's minibatch, learning rate,
    weight decay, dropout and optimizer; None if that isn't known.
    """

    words: tuple[str, ...]
    lengths: tuple[int, ...]
    position: int
    examples: tuple[Example, ...]
    stages: tuple[Stage, ...]
    probabilities: Tensor
    times: int
    followers: Tensor
    gradients: tuple[Stage, ...] = ()
    loss_after: float | None = None
    loss_after_next: float | None = None

    @property
    def word(self) -> str:
        """The words, with spaces between."""
        return " ".join(self.words)

    @property
    def example(self) -> Example:
        return self.examples[self.position]

    def commonest(self, most: int) -> list[tuple[int, int]]:
        """The ids of the characters that follow the context most often, and how often; of equally
        frequent ones the first by id first."""
        counts, ids = self.followers.sort(descending=True, stable=True)
        pairs = zip(ids[:most].tolist(), counts[:most].tolist(), strict=True)
        return [(i, count) for i, count in pairs if count]

    @property
    def floor(self) -> float:
        """The least mean loss that the occurrences of the context can have, in nats: the entropy of
        what followed it, 0 where that was always the same."""
        shares = self.followers[self.followers > 0].double() / max(1, self.times)
        return float(-(shares * shares.log()).sum()) + 0.0  # not -0

    @property
    def loss(self) -> float:
        """The loss of the example that is followed, in nats."""
        return self.example.loss

    @property
    def likelihood(self) -> float:
        """The product of p over the examples."""
        return math.prod(example.probability for example in self.examples)

    @property
    def log_likelihood(self) -> float:
        """The sum of ln p over the examples; e to its power is the likelihood."""
        return -sum(example.loss for example in self.examples)

    @property
    def nll(self) -> float:
        """The mean negative log-likelihood of the examples, in nats a character."""
        return -self.log_likelihood / len(self.examples)


class Tracer:
    """Traces of one dataset; what it knows of a context is looked up in a sorted table."""

    def __init__(self, dataset: Dataset, train_on: str = "train"):
        """train_on: the split whose contexts are counted."""
        self.dataset = dataset
        self.train_on = train_on
        self._split: Split = dataset.split(train_on)
        self._context = 0
        self._numbers, self._targets = torch.empty(0), torch.empty(0)

    def trace_of(
        self,
        trainer: AnyTrainer,
        text: str,
        position: int | None = None,
        backward: bool = False,
        mixture: Mixture | None = None,
    ) -> Trace:
        """As `trace`, of a model in training: with the dropout mask, the learning rate and, with
        `backward`, the outcome of its next step. mixture: of the model, if that is mixed."""
        is_network = isinstance(trainer, GradientTrainer)
        rate = trainer.settings.learning_rate_at(trainer.step)
        mask = trainer.next_mask() if is_network else None
        model = mixture or trainer.model
        found = self.trace(model, text, position, rate, backward, mask)
        if not backward or not is_network:
            return found
        after = trainer.model_after_next_step().in_double_precision()
        return replace(found, loss_after_next=_loss(mixture.of(after) if mixture else after, found))

    def trace(
        self,
        model: AnyModel | Mixture,
        text: str,
        position: int | None = None,
        learning_rate: float | None = None,
        backward: bool = False,
        mask: Tensor | None = None,
    ) -> Trace:
        """Follow one example of some words through a model.

        text: as `words_of` takes it. position: of the example, from 0, counted over all words; by
        default the last one before the first word's closing boundary. learning_rate: of the step
        whose loss is `loss_after`. backward: also the gradients. mask: a dropout mask (H,), to be
        shown. Raises UserError if a word has a character that is not in the data, there is no such
        position, the weights are not finite, or the model has no gradient.
        """
        words = self.words_of(text)
        ids = [[*self.dataset.vocabulary.encode(word), BOUNDARY] for word in words]
        targets = [i for one in ids for i in one]
        position = max(0, len(ids[0]) - 2) if position is None else position
        _check(model, text, position, len(targets))
        model = model.in_double_precision()
        contexts = torch.cat([contexts_along(one, model.context) for one in ids])  # (L, T)
        examples = self._examples(model, contexts, targets)
        alone, context = unmixed(model), contexts[position]
        stages = of_model = forward(alone, context[-alone.context :], mask)
        if isinstance(model, Mixture):
            stages = [*stages, *mixture_stages(model, context, stages[-1].values)]
        found = Trace(
            words,
            tuple(map(len, ids)),
            position,
            examples,
            (*stages, *loss_stages(stages[-1], targets[position])),
            stages[-1].values,
            *self._occurrences(context),
        )
        return _with_gradients(found, model, of_model, learning_rate) if backward else found

    def words_of(self, text: str) -> tuple[str, ...]:
        """The words of a text, between spaces; of data with spaces in it the text is one word.

        first-3: the first three of the file. Raises UserError if they are too many or too long.
        """
        first = first_n(text.strip())
        many = first and min(first, self.dataset.num_items)
        words = (text,) if " " in self.dataset.vocabulary else tuple(text.split()) or ("",)
        if (many or len(words)) > MAX_TRACED_WORDS:
            raise UserError(
                f"at most {MAX_TRACED_WORDS} words can be followed, not {many or len(words):,}; "
                "the loss of more is that of a split"
            )
        if many:
            return tuple(map(self.dataset.encoded.item, range(many)))
        if any(len(word) > MAX_ITEM_LENGTH for word in words):
            raise UserError(f"the word is longer than {MAX_ITEM_LENGTH:,} characters")
        return words

    def _examples(
        self, model: AnyModel | Mixture, contexts: Tensor, targets: list[int]
    ) -> tuple[Example, ...]:
        vocabulary = self.dataset.vocabulary
        p = torch.softmax(model.logits(contexts).double(), 1)  # (L, V)
        return tuple(
            Example(
                "".join(vocabulary.exact(one) for one in context),
                vocabulary.exact(target),
                tuple(context),
                target,
                float(row[target]),
            )
            for context, target, row in zip(contexts.tolist(), targets, p, strict=True)
        )

    def _occurrences(self, context: Tensor) -> tuple[int, Tensor]:
        """How often a context (T,) occurs among the examples, and what follows it there: (V,)."""
        V = self.dataset.vocabulary.size
        if self._context != len(context):
            self._context = len(context)
            positions = torch.arange(1, self._split.num_examples + 1)
            contexts, targets = self._split.examples_at(positions, len(context))
            self._numbers, order = torch.sort(_digits(contexts, V))
            self._targets = targets[order]
        number = _digits(context[None], V)
        first = int(torch.searchsorted(self._numbers, number))
        last = int(torch.searchsorted(self._numbers, number, right=True))
        return last - first, torch.bincount(self._targets[first:last], minlength=V)


def _check(model: AnyModel | Mixture, text: str, position: int, num_examples: int) -> None:
    if not 0 <= position < num_examples:
        raise UserError(
            f"position must be from 0 to {num_examples - 1} in {text!r}, which has "
            f"{num_examples} examples, not {position}"
        )
    if not model.is_finite:
        raise UserError("the weights are not finite")


def _digits(contexts: Tensor, size: int) -> Tensor:
    """As `context_numbers`, the same for any set of contexts as long as 62 bits hold a context."""
    if size ** contexts.shape[1] < 2**62:
        return context_numbers(contexts, size)
    numbers = torch.zeros(len(contexts), dtype=torch.int64)
    for column in contexts.unbind(1):  # a hash: modulo 2**64, with an odd factor
        numbers = numbers * 6364136223846793005 + column + 1442695040888963407
    return numbers


def _with_gradients(
    found: Trace, model: AnyModel | Mixture, stages: list[Stage], learning_rate: float | None
) -> Trace:
    """A trace with its gradients, and with the loss after a step on its example alone.

    stages: of the model, or of the network that a mixture has."""
    example, network = found.example, unmixed(model)
    if isinstance(network, NgramCounts):
        raise UserError("a table of counts has no gradient: it learns by counting")
    context = torch.tensor(example.context_ids[-network.context :])
    gradients = backward(network, context, example.target_id, stages)
    if learning_rate is None:
        return replace(found, gradients=gradients)
    values = {stage.name: stage.values for stage in gradients}
    changed = network.copy()
    for name, tensor in changed.tensors.items():
        tensor.sub_(values[f"d{name}"], alpha=learning_rate)
    after = model.of(changed) if isinstance(model, Mixture) else changed
    return replace(found, gradients=gradients, loss_after=_loss(after, found))


def _loss(model: AnyNetwork | Mixture, found: Trace) -> float:
    """The loss of the example that is followed, in nats, in the precision of the model."""
    example = found.example
    logits = model.logits(torch.tensor([example.context_ids]))
    return -float(torch.log_softmax(logits, 1)[0, example.target_id])
