"""The bigram table, or a window of it."""

from typing import Literal

from msgspec import Struct

BigramMode = Literal[
    "model",  # P(next | previous) by the model
    "counted",  # the same as counted
    "counts",  # N
    "difference",  # model minus counted
    "columns",  # N divided along the wrong dimension, so that columns sum to 1
    "weights",  # W of a neural bigram
    "log-counts",  # ln N
    "gradient",  # W.grad, of the loss of the training split
]

BigramOrder = Literal["id", "frequency"]


class BigramsView(Struct, frozen=True):
    """A window of the bigram table, and the pair at the cursor (row, column), with so many of its
    likeliest followers."""

    top: int
    left: int
    rows: int
    columns: int
    cursor: tuple[int, int]
    mode: BigramMode = "model"
    order: BigramOrder = "id"
    followers: int = 5


class Follower(Struct, frozen=True):
    """A character (id) that may follow another: P(it | other) by the model and by the counts, its
    count, and the weight of a neural bigram."""

    character: int
    probability: float
    counted: float
    count: int = 0
    weight: float | None = None


class PairFacts(Struct, frozen=True):
    """One pair of characters (ids): its count in the data, its probability by the model and by the
    counts, the rank of `following` among all that may follow by the model (1 is the likeliest), the
    likeliest followers by the model, and some items that contain the pair. weight, gradient: of a
    neural bigram."""

    previous: int
    following: int
    count: int
    probability: float
    rank: int
    counted: float = 0.0
    followers: tuple[Follower, ...] = ()
    words: tuple[str, ...] = ()
    weight: float | None = None
    gradient: float | None = None


class BigramTable(Struct, frozen=True):
    """A window of the bigram table: values[i][j] is of row top+i and column left+j.

    order: the character ids of rows and of columns; () is by id. divergences: KL(counted || model)
    of each row in the window, in nats; infinite if the model gives a counted pair probability 0.
    is_estimate: True if the model's row at the cursor is a mean over only some of its contexts.
    row_sums, column_sums: of the window's rows and columns along the whole table, where they say
    something: of counts, and of what is made of them by division."""

    top: int
    left: int
    values: list[list[float]]
    pair: PairFacts
    mode: BigramMode = "model"
    order: tuple[int, ...] = ()
    cursor: tuple[int, int] = (0, 0)
    divergences: list[float] = []
    is_estimate: bool = False
    row_sums: list[float] = []
    column_sums: list[float] = []
