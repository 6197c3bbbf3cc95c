"""Random numbers that depend on their place alone: of stream i the number j, for many i at once."""

import torch
from torch import Tensor

from ..settings import check_seed

_GAMMA = -7046029254386353131  # 0x9E3779B97F4A7C15, 2**64 / the golden ratio, as int64
_FACTORS = (-4658895280553007687, -7723592293110705685)  # 0xBF58476D1CE4E5B9, 0x94D049BB133111EB


def stream_keys(seed: int, indices: Tensor, attempt: int = 0) -> Tensor:
    """The keys of the streams with some indices (n,): (n,) int64.

    A key depends on the seed, the stream's index and the attempt, and on nothing else. Raises
    UserError if the seed is not one of 64 bits.
    """
    check_seed(seed)
    origin = _mixed(_mixed(torch.tensor(seed)) + torch.tensor(attempt) * _GAMMA)
    return _mixed(origin + indices * _GAMMA)


def uniform_numbers(keys: Tensor, place: int) -> Tensor:
    """The number at one place of each stream, evenly from [0, 1): keys (n,) to (n,) float64."""
    bits = _shifted(_mixed(keys + torch.tensor(place + 1) * _GAMMA), 11)  # 53 of them
    return bits.double().mul_(2.0**-53)


def _mixed(numbers: Tensor) -> Tensor:
    """The mixing function of SplitMix64 (Steele, Lea & Flood 2014, "Fast splittable pseudorandom
    number generators"), int64 to int64; it maps no two numbers to one."""
    for shift, factor in zip((30, 27), _FACTORS, strict=True):
        numbers = (numbers ^ _shifted(numbers, shift)) * factor
    return numbers ^ _shifted(numbers, 31)


def _shifted(numbers: Tensor, bits: int) -> Tensor:
    """Shift to the right without copying the sign, as unsigned numbers are shifted."""
    return (numbers >> bits) & ((1 << (64 - bits)) - 1)
