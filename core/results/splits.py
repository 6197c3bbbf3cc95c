"""What a session's losses come from: contexts seen in training and not, and the penalty of a
neural bigram. Frozen and torch-free; losses are in nats a character."""

from msgspec import Struct


class ContextCoverage(Struct, frozen=True):
    """How many contexts of a length occur in training, and the losses on dev's examples whose
    context does (`seen`) and does not (`unseen`): of the present model, and of counts with the same
    context and the smoothing k that is best on dev. A loss of no examples is None.

    context: T. characters: V. train_contexts, dev_contexts: distinct ones. unseen_contexts: of
    dev's, those that never occur in training. examples: dev's, and of them those with such a
    context (`unseen_examples`). train_share, dev_share: of the splits' examples, that were used."""

    context: int
    characters: int
    train_on: str
    train_contexts: int
    dev_contexts: int
    unseen_contexts: int
    examples: int
    unseen_examples: int
    model_seen: float | None
    model_unseen: float | None
    counts_seen: float | None
    counts_unseen: float | None
    k: float
    train_share: float = 1.0
    dev_share: float = 1.0

    @property
    def possible(self) -> int:
        """V**T, the rows that a table of all contexts of this length would have."""
        return self.characters**self.context


class Regularization(Struct, frozen=True):
    """What weight decay does to a neural bigram: the penalty that it adds to the data loss, and the
    smoothing k whose table of counts the model resembles most, with the divergence from it in
    nats (None for a table that is too large to compare)."""

    penalty: float
    k: float | None = None
    divergence: float | None = None


class SplitDetails(Struct, frozen=True):
    """What the losses of the splits come from; `regularization` is None where the penalty is not a
    part of the loss."""

    coverage: ContextCoverage
    regularization: Regularization | None = None
