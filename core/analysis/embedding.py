"""The embedding as a map: each character a point in the plane."""

import unicodedata

import torch
from torch import Tensor

from ..datasets.vocabulary import Vocabulary
from ..models.model import Model
from ..results import EmbeddingMap, Unavailable

_VOWELS = frozenset("aeiouæøœıаеиоуыэюяαεηιουω")  # without their accents
_NO_VOWELS = frozenset("йў")  # consonants, though they decompose into a vowel


class EmbeddingMapper:
    """Maps the embedding of a model again and again, so that points move smoothly.

    An embedding of two dimensions is drawn as it is, a larger one by its first two principal
    components.

    Principal components are determined up to their signs, and where their variances are near each
    other up to a rotation. So each map is rotated and reflected to be nearest to the one before.
    """

    def __init__(self, vocabulary: Vocabulary):
        self._labels = tuple(vocabulary.labels())
        self._vowels = [False, *map(is_vowel, vocabulary.characters)]
        self._before: Tensor | None = None

    def draw(self, model: Model) -> EmbeddingMap | Unavailable:
        """The map of a model's embedding, a point for each character, or why there is none."""
        C = model.tensors.get("C")
        if C is None:
            return Unavailable("this model has no embedding; the MLP has one")
        if not bool(C.isfinite().all()):
            return Unavailable("the weights are not finite")
        C = C.double()  # (V, D)
        if C.shape[1] <= 2:
            points = torch.nn.functional.pad(C, (0, 2 - C.shape[1]))  # (V, 2)
        else:
            points = principal_components(C)
            if self._before is not None:
                points = points @ nearest_rotation(points, self._before)
        self._before = points
        variances, all_variance = points.var(0), C.var(0).sum()
        shares = (variances / all_variance).tolist() if all_variance > 0 else [0.0, 0.0]
        return EmbeddingMap(
            labels=self._labels,
            points=[(x, y) for x, y in points.tolist()],
            vowels=self._vowels,
            dimensions=C.shape[1],
            shares=(shares[0], shares[1]),
        )


def principal_components(C: Tensor) -> Tensor:
    """The first two principal components of points (V, D): (V, 2), centred.

    Principal component analysis (Pearson 1901), by the eigenvectors of the covariance (D, D), or
    of the inner products (V, V) where that matrix is smaller.
    """
    centred = C - C.mean(0)
    V, D = C.shape
    if V < D:
        values, vectors = torch.linalg.eigh(centred @ centred.T)
        return (vectors * values.clamp(min=0).sqrt())[:, -2:].flip(1)
    _, vectors = torch.linalg.eigh(centred.T @ centred)  # eigenvalues ascend
    return centred @ vectors[:, -2:].flip(1)


def nearest_rotation(points: Tensor, onto: Tensor) -> Tensor:
    """The rotation or reflection R (2, 2) that brings points nearest to others, both (V, 2).

    The orthogonal Procrustes problem: R = U V^T, where U S V^T = points^T onto (Schönemann 1966).
    """
    U, _, Vh = torch.linalg.svd(points.T @ (onto - onto.mean(0)))
    return U @ Vh


def is_vowel(character: str) -> bool:
    """True for a, e, i, o, u and Cyrillic and Greek vowels, with any accent and in either case."""
    lower = character.lower()
    return lower not in _NO_VOWELS and unicodedata.normalize("NFD", lower)[0] in _VOWELS
