"""Softmax of typed logits, in float32: as it is written, and with the largest subtracted first."""

import torch

from ..errors import UserError
from .stages import Stage, softmax_stages

MAX_LOGITS = 100


def softmax_by_hand(logits: list[float]) -> tuple[list[Stage], list[Stage]]:
    """The stages without and with the largest subtracted; above 88.7 the former overflows."""
    values = torch.tensor(logits, dtype=torch.float32)
    return softmax_stages(values, is_safe=False), softmax_stages(values)


def parse_logits(text: str) -> list[float]:
    """Logits from numbers with spaces or commas between; raises UserError if it has others."""
    words = text.replace(",", " ").split()
    try:
        logits = [float(word) for word in words]
    except ValueError:
        logits = []
    if not logits or len(logits) > MAX_LOGITS or not all(abs(one) < 1e30 for one in logits):
        raise UserError(f"logits are 1 to {MAX_LOGITS} numbers, such as 100 2 -3, not {text!r}")
    return logits
