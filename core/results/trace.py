"""An example that was followed through a model, as plain values for a screen. Torch-free."""

from msgspec import Struct


class TraceLine(Struct, frozen=True):
    """One step of the computation: its result's name, the code for it, its shape, some of its
    values, row by row, and what happens.

    rows: which rows of a matrix the values are of; none of a vector. norm: the square root of the
    sum of all squares. strongest: the places of the values farthest from 0, and those values.
    """

    name: str
    code: str
    shape: tuple[int, ...]
    values: tuple[float, ...]
    about: str
    rows: tuple[int, ...] = ()
    norm: float = 0.0
    strongest: tuple[tuple[tuple[int, ...], float], ...] = ()


class TracedExample(Struct, frozen=True):
    """An example of a word in signs for a screen, its ids, and P(the target | the context)."""

    context: str
    target: str
    probability: float
    loss: float
    ids: tuple[int, ...] = ()  # of the context and the target


class TraceDrawing(Struct, frozen=True):
    """An example of some words, followed through the model and, if asked for, back.

    text: what was followed, exactly. lengths: how many examples each word has. times: how often the
    context occurs in train; followers: what follows there, the commonest first; floor: the least
    mean loss that those occurrences can have. step: of the model. gradients: empty if none were
    asked for, or the model has none. loss_after: after a step on this example alone;
    loss_after_next: after the run's next step.
    """

    text: str
    lengths: tuple[int, ...]
    position: int
    examples: tuple[TracedExample, ...]
    times: int
    followers: tuple[tuple[str, int], ...]
    floor: float
    stages: tuple[TraceLine, ...]
    step: int = 0
    gradients: tuple[TraceLine, ...] = ()
    loss_after: float | None = None
    loss_after_next: float | None = None
    learning_rate: float = 0.0

    @property
    def example(self) -> TracedExample:
        return self.examples[self.position]


class SoftmaxDrawing(Struct, frozen=True):
    """Logits that were typed in, and their softmax in float32: as it is written, and with the
    largest subtracted first."""

    logits: tuple[float, ...]
    naive: tuple[TraceLine, ...]
    safe: tuple[TraceLine, ...]
