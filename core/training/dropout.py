"""Dropout: each step trains without some of the hidden units (Srivastava et al. 2014).

Drawing a mask for every unit of every example would take as long as the rest of the step. So a
table of mask rows is drawn once, and a step uses consecutive rows of it. The first of them depends
on the step's number alone, so a run's masks don't depend on how its steps are divided into calls.
"""

from functools import lru_cache

import torch
from torch import Tensor

VERSION = 2  # of how a step's rows are chosen, for new runs
_STARTS = 4096  # rows at which a step's mask can start


class Dropout:
    """Masks of hidden units: 0 for units left out, 1 / (1 - share) for the others."""

    def __init__(self, share: float, hidden: int, seed: int, like: Tensor, version: int = VERSION):
        """Masks for a hidden layer of `hidden` units.

        share: how many units are left out, from 0 to less than 1. like: a tensor of the masks'
        dtype. version: how a step's rows are chosen. Runs saved in format 2 used 1, under which
        the masks of steps five apart overlap but for 117 rows.
        """
        self.share = share
        self._seed, self._hidden, self._like, self._version = seed, hidden, like, version
        self._masks = like.new_empty(0, hidden)

    def mask(self, step: int, rows: int) -> Tensor:
        """The mask of a step, one row for each of its contexts: (rows, H)."""
        if len(self._masks) < rows + _STARTS:
            num_more = 1 << (rows - 1).bit_length()  # batches of about this size need no other
            self._masks = _table(
                _STARTS + num_more, self._hidden, self.share, self._seed, self._like.dtype
            )
        first = self.first_row(step)
        return self._masks[first : first + rows]

    def first_row(self, step: int) -> int:
        """Where in the table the mask of a step starts.

        Multiplicative hashing (Knuth, The Art of Computer Programming, vol. 3, section 6.4): the
        high bits of a multiple of 2**32 / the golden ratio keep the starts of near steps apart.
        """
        product = step * 2654435761 % 2**32
        return product % _STARTS if self._version == 1 else product * _STARTS // 2**32


@lru_cache(maxsize=2)  # of both runs of a pair; a fork, and what is undone, need no new one
def _table(rows: int, hidden: int, share: float, seed: int, dtype: torch.dtype) -> Tensor:
    """Mask rows, (rows, H), of which no number depends on how many there are."""
    # Another seed than that of the initial weights, which is the run's own.
    generator = torch.Generator().manual_seed(seed ^ 0x5EED)
    kept = torch.rand(rows, hidden, generator=generator) >= share
    return kept.to(dtype).div_(1 - share)
