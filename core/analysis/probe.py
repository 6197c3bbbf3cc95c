"""Probing a model with a text: how likely each character is, and what comes next."""

import math

import torch
from torch import Tensor

from ..constants import MAX_ITEM_LENGTH
from ..datasets.vocabulary import BOUNDARY, Vocabulary
from ..errors import UserError
from ..models.model import Model
from ..results import Candidate, Probe, ProbedCharacter, Unavailable
from .evaluation import log_probabilities_along
from .sampling import draw_next

_ALTERNATIVES = 3


def probe(
    model: Model,
    vocabulary: Vocabulary,
    text: str,
    max_following: int = 10,
    dev: float | None = None,
    draw_of: tuple[int, int] | None = None,
) -> Probe | Unavailable:
    """The surprisal of each character of a text as a whole item, and what may follow it.

    max_following: how many of the characters that may follow are listed, the likeliest first.
    dev: the mean loss of dev, to compare with; it is passed on. draw_of: a seed, and the number of
    a sample, whose next character is drawn as `sample` draws it. Unavailable if a character does
    not occur in the data, or the weights are not finite.
    """
    if len(text) > MAX_ITEM_LENGTH:
        return Unavailable(f"the text is longer than {MAX_ITEM_LENGTH:,} characters")
    try:
        ids = [*vocabulary.encode(text), BOUNDARY]
    except UserError as error:
        return Unavailable(str(error))
    log_probabilities = log_probabilities_along(model, ids)  # (L, V)
    if bool(log_probabilities.isnan().any()):
        return Unavailable("the weights are not finite")
    characters = []
    for character, row in zip(ids, log_probabilities, strict=True):
        others = [i for i in _likeliest(row, _ALTERNATIVES + 1) if i != character][:_ALTERNATIVES]
        ln_p, label = float(row[character]), vocabulary.label(character)
        exact = vocabulary.exact(character)
        likely = _candidates(others, row, vocabulary)
        characters.append(ProbedCharacter(label, math.exp(ln_p), 0.0 - ln_p, likely, exact))
    last = log_probabilities[-1]  # that of the boundary: what the model expects after the text
    return Probe(
        text=text,
        following=_candidates(_likeliest(last, max_following), last, vocabulary),
        characters=tuple(characters),
        mean=sum(one.surprisal for one in characters) / len(characters),
        dev=dev,
        next=draw_of and draw_next(model, vocabulary, text, *draw_of),
    )


def _likeliest(log_probabilities: Tensor, n: int) -> list[int]:
    """The ids of the n likeliest characters; equally likely ones by id."""
    order = torch.sort(log_probabilities, descending=True, stable=True).indices
    return order[: max(0, n)].tolist()


def _candidates(
    ids: list[int], log_probabilities: Tensor, vocabulary: Vocabulary
) -> tuple[Candidate, ...]:
    return tuple(Candidate(vocabulary.label(i), math.exp(log_probabilities[i])) for i in ids)
