"""An example that was followed through a model, as plain values for a screen. Torch-free."""

from msgspec import Struct


class TraceLine(Struct, frozen=True):
    """One step of the computation: its result's name, the code for it, its shape, some of its
    values, row by row, and what happens."""

    name: str
    code: str
    shape: tuple[int, ...]
    values: tuple[float, ...]
    about: str


class TracedExample(Struct, frozen=True):
    """An example of a word, in signs for a screen, and P(the target | the context)."""

    context: str
    target: str
    probability: float
    loss: float


class TraceDrawing(Struct, frozen=True):
    """An example of a word, followed through the model and, if asked for, back.

    times: how often its context occurs in train; followers: what follows there, the commonest
    first. gradients: empty if none were asked for, or the model has none. loss_after: after a step
    on this example alone.
    """

    word: str
    position: int
    examples: tuple[TracedExample, ...]
    times: int
    followers: tuple[tuple[str, int], ...]
    stages: tuple[TraceLine, ...]
    nll: float
    gradients: tuple[TraceLine, ...] = ()
    loss_after: float | None = None
    learning_rate: float = 0.0
