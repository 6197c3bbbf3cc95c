"""The embedding as a map: each character a point of the plane."""

import unicodedata

import torch
from torch import Tensor

from ..datasets.vocabulary import Vocabulary
from ..models.model import Model
from ..results import EmbeddingMap, Unavailable

_VOWELS = frozenset("aeiouæøœıаеиоуыэюяαεηιουω")  # accents are taken off first
_NO_VOWELS = frozenset("йў")  # which are no vowels with their accents


class EmbeddingMapper:
    """Draws the embedding of a model again and again, so that the points move and never jump.

    Two numbers a character are its coordinates. More are projected onto their two main directions,
    which are known up to a mirroring, and when their variances are near each other up to a turn:
    so each map is turned and mirrored to lie as near as it can to the map before.
    """

    def __init__(self, vocabulary: Vocabulary):
        self._labels = tuple(vocabulary.labels())
        self._vowels = [False, *map(is_vowel, vocabulary.characters)]
        self._before: Tensor | None = None

    def draw(self, model: Model) -> EmbeddingMap | Unavailable:
        """The map of a model's embedding, or why there is none."""
        C = model.tensors.get("C")
        if C is None:
            return Unavailable("this kind of model has no embedding; the MLP has one")
        if not bool(C.isfinite().all()):
            return Unavailable("the weights are not finite")
        points = self._points(C.double())  # (V, 2)
        self._before = points
        variances, all_variance = points.var(0), C.double().var(0).sum()
        shares = (variances / all_variance).tolist() if all_variance > 0 else [0.0, 0.0]
        return EmbeddingMap(
            labels=self._labels,
            points=[(x, y) for x, y in points.tolist()],
            vowels=self._vowels,
            dimensions=C.shape[1],
            shares=(shares[0], shares[1]),
        )

    def _points(self, C: Tensor) -> Tensor:
        """(V, D) to (V, 2)."""
        D = C.shape[1]
        if D == 1:
            return torch.cat([C, torch.zeros_like(C)], 1)
        if D == 2:
            return C
        points = main_directions(C)
        return points if self._before is None else points @ nearest_turn(points, self._before)


def main_directions(C: Tensor) -> Tensor:
    """Points (V, D) projected onto the two directions in which they vary most: (V, 2), centred.

    Principal component analysis (Pearson 1901), by the eigenvectors of the covariance, or of the
    points' products with one another where those are fewer.
    """
    centred = C - C.mean(0)
    V, D = C.shape
    if V < D:
        values, vectors = torch.linalg.eigh(centred @ centred.T)
        return (vectors * values.clamp(min=0).sqrt())[:, -2:].flip(1)
    _, vectors = torch.linalg.eigh(centred.T @ centred)  # eigenvalues ascend
    return centred @ vectors[:, -2:].flip(1)


def nearest_turn(points: Tensor, onto: Tensor) -> Tensor:
    """The turn or mirroring R (2, 2) that brings points nearest to others, both (V, 2).

    The orthogonal Procrustes problem: R = U V^T, where U S V^T = points^T onto (Schönemann 1966).
    """
    U, _, Vh = torch.linalg.svd(points.T @ (onto - onto.mean(0)))
    return U @ Vh


def is_vowel(character: str) -> bool:
    """Whether a letter is a vowel: a, e, i, o, u or one of the Cyrillic or Greek ones, accents and
    case apart."""
    lower = character.lower()
    return lower not in _NO_VOWELS and unicodedata.normalize("NFD", lower)[0] in _VOWELS
