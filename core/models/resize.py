"""Resizing an MLP, and AdamW's moments with it, so that it computes the same as nearly as it can.

Growing is exact: each new parameter is multiplied by a zero, and one of the two factors is drawn as
in a new model, so that the other learns from the next step on (Net2Net: Chen et al. 2016).

- Hidden units get drawn incoming weights and zero outgoing ones.
- Embedding columns are drawn; their rows of W1 (and W3) are zero.
- Older positions get zero rows of W1 (and W3).

Shrinking loses something, so a few thousand training contexts decide what is removed, and the rest
is adapted. The dev losses below are of the built-in names: the default model (2.215) and the preset
"tuned" half-way (2.031).

- The mean contribution of the oldest positions is added to the biases: with 5 of 8 positions left,
  2.062; without that, 2.228.
- The embedding is projected onto the subspace that preserves the first layer best, the best
  approximation of C W1 of that rank: with 6 of 10 dimensions left, 2.472; with the six columns of
  largest effect, 2.614. A column just grown is removed without loss.
- Hidden units with the smallest effect (their spread over the contexts, times the norm of their row
  of W2) are removed, and the others are refitted by least squares: with half of 200 left, 2.290
  instead of 2.618.

AdamW's moments follow the parameters; those of new parameters are zero. Where the embedding changes
its basis, the mean gradient follows by the chain rule, and the mean square as if the gradients
along the old coordinates were uncorrelated: its factors are the squares of the mean's.
"""

import hashlib
from dataclasses import dataclass, replace

import torch
from torch import Generator, Tensor

from ..settings import SIZES, ModelSettings
from .mlp import MLP

_BY_POSITION = ("W1", "W3")  # have a row for each embedding dimension of each position
_MAX_FITTED = 1024  # hidden units; the time for least squares grows with their cube
_RIDGE = 1e-4  # of a unit's mean variance; bounds the weights of units that vary together
_MIN_SPREAD = 1e-3  # of an embedding direction, relative to the mean


def seed_of_edit(seed: int, step: int, number: int) -> int:
    """The seed for what an edit draws: the journal's entry `number`, at a step of a run's seed."""
    words = f"{seed} {step} {number}"
    return int.from_bytes(hashlib.sha256(words.encode()).digest()[:7], "big")


def resized(
    model: MLP,
    settings: ModelSettings,
    moments: dict[str, Tensor],
    contexts: Tensor,
    generator: Generator,
) -> tuple[MLP, dict[str, Tensor]]:
    """A model of other sizes (context, embedding, hidden) that computes the same, and its moments.

    model: has finite weights; it is not changed. settings: differ from its own in sizes.
    moments: AdamW's "mean" and "square", (num_parameters,), or empty.
    contexts: (N, T), of training examples, which decide what is removed; T is the old context.
    generator: what new parameters are drawn from.
    """
    smaller = {name: min(getattr(model.settings, name), getattr(settings, name)) for name in SIZES}
    between = replace(settings, **smaller)
    if between != model.settings:
        model, moments = _shrunk(model, between, moments, contexts)
    if between != settings:
        model, moments = _grown(model, settings, moments, generator)
    return model, moments


def shrinks(old: ModelSettings, new: ModelSettings) -> bool:
    """True if a model resized from old to new settings loses parameters."""
    return any(getattr(new, name) < getattr(old, name) for name in SIZES)


def _grown(
    model: MLP, settings: ModelSettings, moments: dict[str, Tensor], generator: Generator
) -> tuple[MLP, dict[str, Tensor]]:
    new = MLP(settings, model.vocabulary_size, generator).to(model.flat.dtype)
    new_moments = {name: torch.zeros_like(new.flat) for name in moments}
    vectors = [(model.flat, new.flat), *((moments[n], new_moments[n]) for n in moments)]
    for old_vector, new_vector in vectors:
        old, wide = _parts(model, old_vector), _parts(new, new_vector)
        T, D, H = old["W1"].shape
        wide["C"][:, :D] = old["C"]
        wide["W1"][:, :, :H] = 0  # where new inputs meet old outputs
        wide["W1"][-T:, :D, :H] = old["W1"]
        wide["b1"][:H] = old["b1"]
        wide["W2"].zero_()[:H] = old["W2"]
        wide["b2"].copy_(old["b2"])
        if "W3" in old:
            wide["W3"].zero_()[-T:, :D] = old["W3"]
    return new, new_moments


def _shrunk(
    model: MLP, settings: ModelSettings, moments: dict[str, Tensor], contexts: Tensor
) -> tuple[MLP, dict[str, Tensor]]:
    p = {name: part.clone() for name, part in _parts(model, model.flat).items()}
    cut = _Cut(model.settings.context - settings.context)
    if settings.embedding < model.settings.embedding:
        cut.basis, cut.dual = _directions(p, cut, contexts, settings.embedding)
    # The biases take over what the removed parts of the inputs contribute on average.
    lost = p["C"][contexts].mean(0)  # (T, D)
    stays = lost[cut.oldest :]
    stays -= stays if cut.basis is None or cut.dual is None else stays @ cut.basis @ cut.dual
    p["b1"] += torch.einsum("td,tdh->h", lost, p["W1"])
    if "W3" in p:
        p["b2"] += torch.einsum("td,tdv->v", lost, p["W3"])
    if settings.hidden < model.settings.hidden:
        cut.units = _remaining_units(p, cut, contexts, settings.hidden)
    new = MLP(settings, model.vocabulary_size).to(model.flat.dtype)
    new_moments = {name: torch.zeros_like(new.flat) for name in moments}
    remaining = [(new.flat, cut.of(p))]
    remaining += [(new_moments[n], cut.of(_parts(model, one), n)) for n, one in moments.items()]
    for vector, old in remaining:
        for name, part in _parts(new, vector).items():
            part.copy_(old[name])
    return new, new_moments


@dataclass
class _Cut:
    """What remains of a model.

    oldest: how many of the oldest positions are removed. basis (D, D'), dual (D', D): an embedding
    e becomes e @ basis, and stands for the old e @ basis @ dual; None keeps it as it is.
    units (H',): the hidden units that remain.
    """

    oldest: int
    basis: Tensor | None = None
    dual: Tensor | None = None
    units: Tensor | None = None

    def of(self, p: dict[str, Tensor], moment: str = "") -> dict[str, Tensor]:
        """The parameters that remain, or by the chain rule a moment of their gradients: "mean", or
        "square"."""
        stays = {name: part[self.oldest :] if part.ndim == 3 else part for name, part in p.items()}
        if self.basis is not None and self.dual is not None:
            to_embedding, to_weights = self.basis, self.dual  # (D, D'), (D', D)
            if moment:
                to_embedding, to_weights = self.dual.T, self.basis.T
            if moment == "square":
                to_embedding, to_weights = to_embedding.square(), to_weights.square()
            stays["C"] = stays["C"] @ to_embedding
            for name in stays.keys() & set(_BY_POSITION):
                stays[name] = to_weights @ stays[name]  # (T', D', H) or (T', D', V)
        if self.units is not None:
            stays["W1"] = stays["W1"][..., self.units]
            stays["b1"], stays["W2"] = stays["b1"][self.units], stays["W2"][self.units]
        return stays


def _directions(
    p: dict[str, Tensor], cut: _Cut, contexts: Tensor, count: int
) -> tuple[Tensor, Tensor]:
    """A basis (D, count) and its dual (count, D), whose product projects the embedding with the
    least squared change of the layers after it, each hidden unit weighted by its row of W2.

    With S the covariance of the embeddings and W the rows of W1 and W3 of every position side by
    side, these are the leading left singular vectors of S^(1/2) W (Eckart & Young 1936).
    """
    dtype = p["C"].dtype
    p = {name: part.double() for name, part in p.items()}  # whose squares never overflow
    C, W1 = p["C"], p["W1"] * _outgoing(p)
    rows = [W[cut.oldest :].transpose(0, 1).flatten(1) for W in (W1, p.get("W3")) if W is not None]
    W = torch.cat(rows, 1)  # (D, T*(H+V))
    counts = torch.bincount(contexts.flatten(), minlength=len(C)).double() + 1
    weights = counts / counts.sum()  # (V,)
    centred = C - weights @ C
    variances, axes = torch.linalg.eigh(centred.T @ (weights[:, None] * centred))
    spreads = variances.clamp(min=0).sqrt()  # (D,)
    mean_spread = spreads.square().mean().sqrt().clamp(min=1e-12)
    spreads += _MIN_SPREAD * mean_spread
    root, inverse_root = axes * spreads @ axes.T, axes / spreads @ axes.T  # (D, D)
    _, effects = torch.linalg.eigh(root @ W @ W.T @ root)
    leading = effects[:, -count:].flip(1)  # (D, count), the largest first
    basis, dual = inverse_root @ leading * mean_spread, leading.T @ root / mean_spread
    return basis.to(dtype), dual.to(dtype)


def _remaining_units(p: dict[str, Tensor], cut: _Cut, contexts: Tensor, count: int) -> Tensor:
    """Choose the `count` hidden units that remain, (count,), and refit their rows of W2, and b2, so
    that they replace the others as far as they can."""
    stays = cut.of(p)
    x = stays["C"][contexts[:, cut.oldest :]].flatten(1)  # (N, T'*D')
    h = torch.addmm(p["b1"][:, None], stays["W1"].flatten(0, 1).T, x.T).tanh_()  # (H, N)
    mean, W2 = h.mean(1), p["W2"].clone()
    h -= mean[:, None]
    effect = h.norm(dim=1) * _outgoing(p)  # (H,)
    units = effect.topk(count).indices.sort().values
    goes = torch.ones(len(effect), dtype=torch.bool).index_fill_(0, units, False)
    if len(effect) <= _MAX_FITTED:
        kept = h[units]  # (count, N)
        squares = (kept @ kept.T).double()
        squares.diagonal().add_(_RIDGE * squares.diagonal().mean() + 1e-12)
        products = (kept @ (h[goes].T @ W2[goes])).double()  # (count, V)
        factor, failed = torch.linalg.cholesky_ex(squares)
        if not failed:  # it may fail where units are almost alike
            p["W2"][units] += torch.cholesky_solve(products, factor).to(W2.dtype)
    p["b2"] += mean @ W2 - mean[units] @ p["W2"][units]
    return units


def _outgoing(p: dict[str, Tensor]) -> Tensor:
    """The norm of each row of W2 about its mean, which changes no probability: (H,)."""
    return (p["W2"] - p["W2"].mean(1, keepdim=True)).norm(dim=1)


def _parts(model: MLP, vector: Tensor) -> dict[str, Tensor]:
    """Views of a vector (num_parameters,), with W1 (T, D, H) and W3 (T, D, V) by position."""
    shape = model.settings.context, model.settings.embedding
    views = model.views(vector)
    return {n: v.unflatten(0, shape) if n in _BY_POSITION else v for n, v in views.items()}
