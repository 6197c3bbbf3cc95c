"""Sampled names, and how likely a text is to the model. Surprisals are in nats."""

from typing import NamedTuple

from msgspec import Struct


class Sample(Struct, frozen=True):
    """A name that a model made. seen: True if it also occurs in the data."""

    text: str
    seen: bool


class SampledNames(Struct, frozen=True):
    """Names that a model made (and those that the other of a pair made of the same random numbers,
    `other`), and of the last `num_recent` ones the share that is not in the data
    (`new`), the share of different ones among them, and their mean length; data_length: the mean
    length of the data's items. Both are in characters."""

    samples: tuple[Sample, ...] = ()
    num_recent: int = 0
    new: float = 0.0
    distinct: float = 0.0
    mean_length: float = 0.0
    data_length: float = 0.0
    other: tuple[Sample, ...] = ()


class Candidate(Struct, frozen=True):
    """A character that may come next, and its probability."""

    label: str
    probability: float


class ProbedCharacter(Struct, frozen=True):
    """A character of a text: P(it | those before it), -ln of that, the likeliest others; and
    itself (its label is for a screen)."""

    label: str
    probability: float
    surprisal: float
    alternatives: tuple[Candidate, ...]
    text: str = ""


class DrawnPart(NamedTuple):
    """A character's interval of cumulative probabilities. label: for a screen."""

    label: str
    low: float
    high: float


class Draw(Struct, frozen=True):
    """The character that a random number from [0, 1) draws after a text: that in whose interval of
    cumulative probabilities, by id, the number is, from `low` on and below `high`.

    index: of the sample that it is a part of. label: for a screen. text: the character; "" for the
    boundary, which ends the item. around: the intervals of it and of the characters next to it."""

    index: int
    number: float
    low: float
    high: float
    label: str
    text: str
    around: tuple[DrawnPart, ...] = ()


class Probe(Struct, frozen=True):
    """How likely the model holds a text: the characters that may follow it, likeliest first; its
    own as a whole item, the last of them the boundary; their mean surprisal; and the dev loss.
    next: the character that would be drawn after it."""

    text: str
    following: tuple[Candidate, ...]
    characters: tuple[ProbedCharacter, ...]
    mean: float
    dev: float | None
    next: Draw | None = None
