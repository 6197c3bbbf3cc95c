"""What there is to know of each kind of model without having one. Torch-free."""

import math

from msgspec import Struct, field


class ModelKind(Struct, frozen=True):
    """The facts of a kind of model.

    name: the value of the setting `kind`. label: in words.
    settings: names of the settings that matter to it. sizes: those of them that make up its size.
    resizable: sizes that can change while it trains.
    context_setting: the setting that decides how many characters it sees; None if it sees one.
    regularizer: the setting that holds it back from over-fitting.
    is_table: True if its weights are a table of pairs of characters.
    max_update_ratio: log10 of update to weight, beyond which steps are too large for its weights.
    learning_rates: for each optimizer the range in which a useful learning rate lies; empty where
    it has none, because it learns by counting, which ends by itself.
    """

    name: str
    label: str
    settings: tuple[str, ...]
    sizes: tuple[str, ...] = ()
    resizable: tuple[str, ...] = ()
    context_setting: str | None = None
    regularizer: str = "weight_decay"
    is_table: bool = False
    max_update_ratio: float = math.inf
    learning_rates: dict[str, tuple[float, float]] = field(default_factory=dict)

    @property
    def is_network(self) -> bool:
        """True if it is trained by gradient descent, False if it learns by counting."""
        return bool(self.learning_rates)


_TRAINING = (
    "learning_rate", "batch_size", "minibatches", "optimizer", "schedule", "steps", "weight_decay",
    "train_on", "mix", "mix_order",
)  # fmt: skip
_MLP_SIZES = ("context", "embedding", "hidden")

_MLP = ModelKind(
    name="mlp",
    label="MLP",
    settings=("kind", *_MLP_SIZES, "init", "direct", *_TRAINING, "dropout"),
    sizes=_MLP_SIZES,
    resizable=_MLP_SIZES,
    context_setting="context",
    max_update_ratio=-1.75,
    learning_rates={"sgd": (1e-3, 1.0), "adamw": (1e-5, 0.1)},
)
_NGRAM = ModelKind(
    name="ngram",
    label="counts",
    settings=("kind", "order", "batch_size", "smoothing_method", "smoothing", "train_on"),
    sizes=("order",),
    resizable=("order",),
    context_setting="order",
    regularizer="smoothing",
)
_NEURAL_BIGRAM = ModelKind(
    name="neural-bigram",
    label="neural bigram",
    settings=("kind", "init", *_TRAINING),
    is_table=True,
    learning_rates={"sgd": (0.1, 1000.0), "adamw": (1e-3, 10.0)},
)
MODEL_KINDS: dict[str, ModelKind] = {kind.name: kind for kind in (_MLP, _NGRAM, _NEURAL_BIGRAM)}
