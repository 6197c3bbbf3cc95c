"""Probing a model with a text: how it takes each character, and what it thinks comes next."""

import math

import torch
from torch import Tensor

from ..constants import MAX_ITEM_LENGTH
from ..datasets.vocabulary import BOUNDARY, Vocabulary
from ..errors import UserError
from ..models.model import Model
from ..results import Candidate, Probe, ProbedCharacter, Unavailable
from ..text import shown
from .evaluation import log_probabilities_along

_ALTERNATIVES = 3


def probe(
    model: Model, vocabulary: Vocabulary, text: str, most: int, dev: float | None = None
) -> Probe | Unavailable:
    """What a model makes of a text, both as a whole item and as the beginning of one.

    most: of the characters that may follow, only so many are told, the likeliest first.
    dev: the mean loss of dev, to compare with.
    Unavailable where a character does not occur in the data, or the weights are not finite.
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
    # The boundary's row is what the model expects after the whole text.
    following = _likeliest(log_probabilities[-1], most)
    rows = zip(ids, log_probabilities, strict=True)
    characters = tuple(_probed(character, row, vocabulary) for character, row in rows)
    return Probe(
        text=shown(text),
        following=_candidates(following, log_probabilities[-1], vocabulary),
        characters=characters,
        mean=sum(one.surprisal for one in characters) / len(characters),
        dev=dev,
    )


def _probed(character: int, log_probabilities: Tensor, vocabulary: Vocabulary) -> ProbedCharacter:
    """One character, with the log probabilities (V,) of all that could have stood there."""
    likeliest = _likeliest(log_probabilities, _ALTERNATIVES + 1)
    others = [other for other in likeliest if other != character][:_ALTERNATIVES]
    ln_p = float(log_probabilities[character])
    return ProbedCharacter(
        label=vocabulary.label(character),
        probability=math.exp(ln_p),
        surprisal=0.0 - ln_p,
        alternatives=_candidates(others, log_probabilities, vocabulary),
    )


def _likeliest(log_probabilities: Tensor, most: int) -> list[int]:
    """The ids of the likeliest characters, at most so many; equally likely ones by id."""
    order = torch.sort(log_probabilities, descending=True, stable=True).indices
    return order[: max(0, most)].tolist()


def _candidates(
    ids: list[int], log_probabilities: Tensor, vocabulary: Vocabulary
) -> tuple[Candidate, ...]:
    return tuple(Candidate(vocabulary.label(i), math.exp(log_probabilities[i])) for i in ids)
