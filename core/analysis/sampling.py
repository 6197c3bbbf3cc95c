"""Sampling: new items from a model, many at once.

A sample depends on the seed and its index alone: its random numbers are a stream of its own, so
asking for more of them changes none, and two models draw the same index with the same numbers.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from ..datasets.contexts import contexts_along, distinct_contexts
from ..datasets.dataset import Dataset
from ..datasets.vocabulary import BOUNDARY, Vocabulary
from ..errors import UserError
from ..models.model import Model
from ..results import Draw, DrawnPart, Sample
from .random_streams import stream_keys, uniform_numbers

MAX_SAMPLES = 100_000
_MAX_ATTEMPTS = 200  # at a name that is not in the data
_PER_BLOCK = 1 << 14
_NEXT_TO_DRAWN = 4  # characters on either side of a drawn one


@torch.inference_mode()
def draw_texts(
    model: Model,
    vocabulary: Vocabulary,
    keys: Tensor,
    temperature: float = 1.0,
    prefix: str = "",
    limit: int = 100,
    top_k: int | None = None,
) -> list[str]:
    """A text for each key (n,), that begins with `prefix` and goes on until a boundary.

    keys: of the random numbers, see `stream_keys`; the character at place j takes number j.
    temperature: the logits are divided by it; 0 takes the likeliest character every time.
    limit: the maximum length in characters, the prefix included. top_k: draw from the likeliest
    that many characters; None for all. Raises UserError if the temperature or top_k is out of
    range, or the prefix has a character that is not in the data.
    """
    if not 0 <= temperature <= 100:
        raise UserError(f"temperature must be a number from 0 to 100, not {temperature}")
    if top_k is not None and top_k < 1:
        raise UserError(f"top-k must be a whole number from 1 up, not {top_k}")
    begun, model = vocabulary.encode(prefix), model.in_double_precision()
    T, n = model.context, len(keys)
    ids = torch.zeros(n, T + max(limit, len(begun)), dtype=torch.int64)  # (n, T+limit)
    ids[:, T : T + len(begun)] = torch.tensor(begun, dtype=torch.int64)
    alive = torch.arange(n)
    for place in range(len(begun), ids.shape[1] - T):
        if not len(alive):
            break
        contexts = ids[:, place : place + T].index_select(0, alive)  # (alive, T)
        uniform = uniform_numbers(keys.index_select(0, alive), place)
        drawn = _choose(model, contexts, uniform, temperature, top_k)
        ids[alive, place + T] = drawn
        alive = alive[drawn != BOUNDARY]
    text = vocabulary.decode(ids[ids != BOUNDARY].tolist())
    ends = (ids != BOUNDARY).sum(1).cumsum(0).tolist()
    return [text[first:end] for first, end in zip([0, *ends], ends, strict=False)]


@torch.inference_mode()
def draw_next(model: Model, vocabulary: Vocabulary, text: str, seed: int, index: int = 0) -> Draw:
    """The character that comes after a text where it begins sample `index` of a seed.

    One character after another, until the boundary, gives the same item as `sample` with the text
    as its prefix. Raises UserError as `draw_texts` does.
    """
    ids = vocabulary.encode(text)
    contexts = contexts_along([*ids, BOUNDARY], model.context)[-1:]  # (1, T)
    logits = model.in_double_precision().logits(contexts).double()  # (1, V)
    if not bool((logits.amax(1) < math.inf).all()):
        raise UserError("the model's weights are not finite, so there is nothing to sample from")
    cumulative = torch.softmax(logits - logits.amax(1, keepdim=True), 1).cumsum(1)
    uniform = uniform_numbers(stream_keys(seed, torch.tensor([index])), len(ids))
    chosen = int(_drawn(cumulative, uniform))
    edges = [0.0, *cumulative[0].tolist()]
    exact = "" if chosen == BOUNDARY else vocabulary.exact(chosen)
    first = max(0, min(chosen - _NEXT_TO_DRAWN, vocabulary.size - 2 * _NEXT_TO_DRAWN - 1))
    around = [
        DrawnPart(vocabulary.label(i), edges[i], edges[i + 1])
        for i in range(first, min(vocabulary.size, first + 2 * _NEXT_TO_DRAWN + 1))
    ]
    label, low, high = around[chosen - first]
    return Draw(index, float(uniform), low, high, label, exact, tuple(around))


def sample(
    model: Model,
    dataset: Dataset,
    n: int,
    seed: int,
    temperature: float = 1.0,
    prefix: str = "",
    limit: int | None = None,
    new_only: bool = False,
    top_k: int | None = None,
) -> list[Sample]:
    """n items from a model, each marked as standing in the data or not.

    seed: item i depends on it and on i alone, whatever n is. temperature, prefix, top_k: as for
    `draw_texts`. limit: the maximum length in characters; by default twice that of the data's
    longest item. new_only: draw again, with other numbers, each item that stands in the data or is
    empty. Raises UserError if an argument is out of range, the prefix has a character that is not
    in the data, or an item is not new after 200 attempts.
    """
    if not 1 <= n <= MAX_SAMPLES:
        raise UserError(f"the number of samples must be from 1 to {MAX_SAMPLES:,}, not {n}")
    if limit is not None and limit < 1:
        raise UserError(f"limit must be a whole number from 1 up, not {limit}")
    limit = limit or max(2 * dataset.longest, len(prefix) + dataset.longest)

    def draw(indices: Tensor, attempt: int = 0) -> list[Sample]:
        texts: list[str] = []
        for some in indices.split(_PER_BLOCK):
            keys = stream_keys(seed, some, attempt)
            texts += draw_texts(model, dataset.vocabulary, keys, temperature, prefix, limit, top_k)
        return list(map(Sample, texts, dataset.contains(texts)))

    found = draw(torch.arange(n))
    return _only_new(found, draw) if new_only else found


def _only_new(found: list[Sample], draw: Callable[[Tensor, int], list[Sample]]) -> list[Sample]:
    """Samples of which those that are not new are drawn again. draw: takes indices, attempt."""
    found = list(found)
    left = [i for i, one in enumerate(found) if one.seen or not one.text]
    for attempt in range(1, _MAX_ATTEMPTS):
        if not left:
            break
        again = dict(zip(left, draw(torch.tensor(left), attempt), strict=True))
        left = [i for i, one in again.items() if one.seen or not one.text]
        for i in again.keys() - set(left):
            found[i] = again[i]
    if left:
        raise UserError(
            f"{len(left)} of {len(found)} names are still in the data after {_MAX_ATTEMPTS} "
            "attempts; the model repeats the data, so ask for fewer, a higher temperature or "
            "another prefix"
        )
    return found


def _choose(
    model: Model, contexts: Tensor, uniform: Tensor, temperature: float, top_k: int | None
) -> Tensor:
    """A character for each context (B, T) by inverting the cumulative distribution at a number
    from [0, 1) (B,): (B,). Equal contexts share one row of logits."""
    distinct, which = distinct_contexts(contexts, model.vocabulary_size)
    logits = model.logits(contexts[distinct]).double()  # (M, V)
    best = logits.amax(1, keepdim=True)
    if not bool((best < math.inf).all()):
        raise UserError("the model's weights are not finite, so there is nothing to sample from")
    if temperature == 0:
        return logits.argmax(1)[which]
    if top_k is not None and top_k < logits.shape[1]:  # of equals, those with the smaller ids
        others = logits.argsort(stable=True, dim=1, descending=True)[:, top_k:]
        logits.scatter_(1, others, -math.inf)
    cumulative = torch.softmax((logits - best) / temperature, 1).cumsum(1)  # (M, V)
    return _drawn(cumulative.index_select(0, which), uniform)


def _drawn(cumulative: Tensor, uniform: Tensor) -> Tensor:
    """Where numbers from [0, 1) (B,) fall among cumulative probabilities (B, V): (B,)."""
    wanted = uniform[:, None] * cumulative[:, -1:]
    chosen = torch.searchsorted(cumulative, wanted, right=True)[:, 0]
    return chosen.clamp_(max=cumulative.shape[1] - 1)
