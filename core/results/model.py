"""A model's embeddings and the health of its training."""

from msgspec import Struct


class Unavailable(Struct, frozen=True):
    """Why something can't be computed for this model or this text."""

    why: str


class EmbeddingMap(Struct, frozen=True):
    """The characters' embeddings, by id, as points of a plane: that of the first two principal
    components, if there are more dimensions. shares: of the variance, along each of its axes."""

    labels: tuple[str, ...]
    points: list[tuple[float, float]]
    vowels: list[bool]
    dimensions: int
    shares: tuple[float, float]
    boundary: int = 0


class TensorHealth(Struct, frozen=True):
    """A tensor's standard deviations, of gradient and weights; log10(update's / weights'), or None
    if either is 0."""

    name: str
    gradient: float
    weight: float
    ratio: float | None


class Diagnosis(Struct, frozen=True):
    """The rule that applies to a run: its name, its sentence, and what that means (`help`)."""

    name: str
    sentence: str
    help: str


class Health(Struct, frozen=True):
    """The health of a training run, measured on a fixed sample of the train split.

    first_loss: of the run's first weights. uniform: ln V. saturated: the share of activations with
    |a| > 0.97. dead: the share of hidden units with |a| > 0.99 for every example. histogram:
    activations from -1 to 1 in equal bins. All three are None without a hidden layer; the shares
    are NaN if an activation is. usual_ratios: the range of normal ratios. update: the step that
    they are of, in words. gap: the dev loss minus the train loss. unusual: what is not as it should
    be of "first loss", "gap", "saturated", "dead" and "ratio". train_on: what the examples are the
    first of. note: a sentence on how the model was made, if there is one to tell."""

    step: int
    examples: int
    first_loss: float
    uniform: float
    saturated: float | None
    dead: float | None
    histogram: list[int] | None
    tensors: tuple[TensorHealth, ...]
    usual_ratios: tuple[float, float]
    update: str
    train: float | None
    dev: float | None
    gap: float | None
    diagnosis: Diagnosis
    unusual: tuple[str, ...] = ()
    train_on: str = "train"
    note: str = ""
