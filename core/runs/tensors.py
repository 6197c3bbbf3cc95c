"""Tensors in the safetensors format, in which nothing can be run."""

from collections.abc import Mapping
from pathlib import Path

import safetensors
import safetensors.torch
from safetensors import SafetensorError, TensorSpec
from torch import Tensor

from ..errors import UserError


def serialized(tensors: Mapping[str, Tensor]) -> bytes:
    """The bytes of a file. (safetensors.torch.save would need NumPy.)"""
    tensors = {name: tensor.contiguous() for name, tensor in tensors.items()}
    specs = {
        name: TensorSpec(
            dtype=str(tensor.dtype).removeprefix("torch."),
            shape=list(tensor.shape),
            data_ptr=tensor.data_ptr(),
            data_len=tensor.nbytes,
        )
        for name, tensor in tensors.items()
    }
    return bytes(safetensors.serialize(specs))


def parsed(path: Path, raw: bytes) -> dict[str, Tensor]:
    """The tensors of a file.

    Raises:
        UserError: it is no such file.
    """
    try:
        return safetensors.torch.load(raw)
    except (SafetensorError, ValueError, KeyError, RuntimeError, TypeError, AttributeError):
        raise UserError(f"{path} is damaged: it is not a safetensors file") from None


def check_tensors(
    path: Path, tensors: Mapping[str, Tensor], expected: Mapping[str, Tensor]
) -> None:
    """See that a file holds tensors of the names, shapes and types expected.

    A list that is expected to be empty can be of any length.

    Raises:
        UserError: it doesn't.
    """
    for name, like in expected.items():
        found = tensors.get(name)
        if found is None or not _is_like(found, like):
            raise UserError(f"{path} is damaged: {name} is missing or has another shape or type")


def _is_like(found: Tensor, like: Tensor) -> bool:
    if found.dtype != like.dtype or found.ndim != like.ndim:
        return False
    if like.ndim == 1 and not len(like):
        return True
    return found.shape == like.shape
