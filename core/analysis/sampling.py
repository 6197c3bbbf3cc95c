"""Sampling: new items from a model, many at once."""

import math

import torch
from torch import Generator, Tensor

from ..datasets.contexts import distinct_contexts
from ..datasets.dataset import Dataset
from ..datasets.vocabulary import BOUNDARY, Vocabulary
from ..errors import UserError
from ..models.model import Model
from ..results import Sample

MAX_SAMPLES = 100_000
_ROUNDS = 50
_PER_BLOCK = 1 << 14


@torch.inference_mode()
def draw_texts(
    model: Model,
    vocabulary: Vocabulary,
    n: int,
    generator: Generator,
    temperature: float = 1.0,
    prefix: str = "",
    limit: int = 100,
) -> list[str]:
    """n texts that begin with `prefix` and go on a character at a time until a boundary.

    temperature: the logits are divided by it; 0 takes the likeliest character every time.
    limit: the maximum length in characters, the prefix included. Raises UserError if the
    temperature is out of range, or the prefix has a character that is not in the data.
    """
    if not 0 <= temperature <= 100:
        raise UserError(f"temperature must be a number from 0 to 100, not {temperature}")
    begun = vocabulary.encode(prefix)
    ids = torch.zeros(n, model.context + max(limit, len(begun)), dtype=torch.int64)  # (n, T+limit)
    ids[:, model.context : model.context + len(begun)] = torch.tensor(begun, dtype=torch.int64)
    alive = torch.arange(n)
    for place in range(model.context + len(begun), ids.shape[1]):
        if not len(alive):
            break
        contexts = ids[:, place - model.context : place].index_select(0, alive)  # (alive, T)
        drawn = _choose(model, contexts, temperature, generator)
        ids[alive, place] = drawn
        alive = alive[drawn != BOUNDARY]
    text = vocabulary.decode(ids[ids != BOUNDARY].tolist())
    ends = (ids != BOUNDARY).sum(1).cumsum(0).tolist()
    return [text[first:end] for first, end in zip([0, *ends], ends, strict=False)]


def sample(
    model: Model,
    dataset: Dataset,
    n: int,
    generator: Generator,
    temperature: float = 1.0,
    prefix: str = "",
    limit: int | None = None,
    new_only: bool = False,
) -> list[Sample]:
    """n items from a model, each marked as standing in the data or not.

    temperature, prefix: as for `draw_texts`. limit: the maximum length in characters; by default
    twice that of the data's longest item. new_only: leave out items that stand in the data, and
    repeat until there are n. Raises UserError if an argument is out of range, the prefix has a
    character that is not in the data, or the model yields too few new items.
    """
    if not 1 <= n <= MAX_SAMPLES:
        raise UserError(f"the number of samples must be from 1 to {MAX_SAMPLES:,}, not {n}")
    if limit is not None and limit < 1:
        raise UserError(f"limit must be a whole number from 1 up, not {limit}")
    limit = limit or max(2 * dataset.longest, len(prefix) + dataset.longest)

    def draw(count: int) -> list[Sample]:
        texts: list[str] = []
        while left := count - len(texts):
            options = min(left, _PER_BLOCK), generator, temperature, prefix, limit
            texts += draw_texts(model, dataset.vocabulary, *options)
        return list(map(Sample, texts, dataset.contains(texts)))

    if not new_only:
        return draw(n)
    found: list[Sample] = []
    for _ in range(_ROUNDS):
        found += [one for one in draw(max(n - len(found), 16)) if not one.seen and one.text]
        if len(found) >= n:
            return found[:n]
    advice = "the model repeats the data, so ask for fewer, a higher temperature or another prefix"
    raise UserError(f"only {len(found)} of {n} new names came of {_ROUNDS} rounds; {advice}")


def _choose(model: Model, contexts: Tensor, temperature: float, generator: Generator) -> Tensor:
    """A character for each context (B, T): (B,). Equal contexts share one row of logits."""
    distinct, which = distinct_contexts(contexts, model.vocabulary_size)
    logits = model.logits(contexts[distinct])  # (M, V)
    best = logits.amax(1, keepdim=True)
    if not bool((best < math.inf).all()):
        raise UserError("the model's weights are not finite, so there is nothing to sample from")
    if temperature == 0:
        return logits.argmax(1)[which]
    below_best = logits.double() - best
    cumulative = torch.softmax(below_best / temperature, 1).cumsum(1)  # (M, V)
    uniform = torch.rand(len(contexts), 1, dtype=torch.float64, generator=generator)
    cumulative = cumulative.index_select(0, which)  # (B, V)
    chosen = torch.searchsorted(cumulative, uniform * cumulative[:, -1:], right=True)[:, 0]
    return chosen.clamp_(max=logits.shape[1] - 1)
