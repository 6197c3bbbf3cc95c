"""Dropout: each step trains without some of the hidden units (Srivastava et al. 2014).

Drawing a mask for every unit of every example would take as long as the rest of the step. So some
thousands of rows of a mask are drawn once, and each step takes a stretch of them; where it begins
depends on the step's number alone, so a run is the same however it is divided. After 4,096 steps
the masks come round again, in other company.
"""

import torch
from torch import Tensor

_ROWS = 4096


class Dropout:
    """Masks of hidden units: 0 for those left out, 1 / (1 - share) for the others."""

    def __init__(self, share: float, hidden: int, seed: int, like: Tensor):
        """share: how many units are left out, from 0 to less than 1; like: has the masks' dtype."""
        self.share = share
        self._seed, self._hidden, self._like = seed, hidden, like
        self._masks = like.new_empty(0, hidden)

    def mask(self, step: int, rows: int) -> Tensor:
        """The mask of a step, a row for each of its contexts: (rows, H)."""
        if len(self._masks) < rows + _ROWS:
            self._draw(rows + _ROWS)
        first = step * 2654435761 % 2**32 % _ROWS  # Knuth's multiplicative hash
        return self._masks[first : first + rows]

    def _draw(self, rows: int) -> None:
        # Not the generator of the initial weights, which begins with the run's seed itself.
        generator = torch.Generator().manual_seed(self._seed ^ 0x5EED)
        kept = torch.rand(rows, self._hidden, generator=generator) >= self.share
        self._masks = kept.to(self._like.dtype).div_(1 - self.share)
