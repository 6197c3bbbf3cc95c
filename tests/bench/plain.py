"""Each job as the lectures write it: the baseline that the engine is compared with."""

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor

from makemore_tui.core.models.mlp import MLP


class PlainMLP:
    """The MLP trained by autograd: index the embedding, matmul, tanh, matmul, cross-entropy,
    backward, update."""

    def __init__(self, model: MLP, contexts: Tensor, targets: Tensor, optimizer: str = "sgd"):
        """A copy of a model's parameters; contexts (N, T) and targets (N,) to learn from."""
        p = {name: tensor.clone().contiguous() for name, tensor in model.tensors.items()}
        self.C: Tensor = p["C"]
        self.W1: Tensor = p["W1"]
        self.b1: Tensor = p["b1"]
        self.W2: Tensor = p["W2"]
        self.b2: Tensor = p["b2"]
        self.parameters: list[Tensor] = [self.C, self.W1, self.b1, self.W2, self.b2]
        for parameter in self.parameters:
            parameter.requires_grad = True
        self.contexts: Tensor = contexts
        self.targets: Tensor = targets
        self.losses: list[float] = []  # their common logarithms, which the lecture plots
        self._adamw = torch.optim.AdamW(self.parameters) if optimizer == "adamw" else None

    def train(self, steps: int, batch_size: int, rate: float) -> None:
        """Take some steps."""
        for _ in range(steps):
            self.step(torch.randint(0, len(self.contexts), (batch_size,)), rate)

    def step(self, examples: Tensor, rate: float) -> None:
        """One step on some examples (B,), by their places."""
        loss = F.cross_entropy(self.logits(self.contexts[examples]), self.targets[examples])
        for parameter in self.parameters:
            parameter.grad = None
        loss.backward()
        self._update(rate)
        self.losses.append(loss.log10().item())

    def logits(self, contexts: Tensor) -> Tensor:
        """Contexts (B, T) to logits (B, V)."""
        embedded = self.C[contexts]  # (B, T, D)
        h = torch.tanh(embedded.view(len(contexts), -1) @ self.W1 + self.b1)  # (B, H)
        return h @ self.W2 + self.b2

    def loss(self, contexts: Tensor, targets: Tensor) -> float:
        """The loss of a split, all of it at once."""
        with torch.no_grad():
            return F.cross_entropy(self.logits(contexts), targets).item()

    def sample(self, n: int, generator: torch.Generator) -> list[list[int]]:
        """n names as ids, one at a time, a character at a time."""
        names = []
        with torch.no_grad():
            for _ in range(n):
                names.append([])
                context = [0] * self.contexts.shape[1]
                while True:
                    p = F.softmax(self.logits(torch.tensor([context])), 1)
                    ix = int(torch.multinomial(p, 1, generator=generator).item())
                    if ix == 0:
                        break
                    context = [*context[1:], ix]
                    names[-1].append(ix)
        return names

    def _update(self, rate: float) -> None:
        if self._adamw:
            self._adamw.param_groups[0]["lr"] = rate
            self._adamw.step()
            return
        for parameter in self.parameters:
            assert parameter.grad is not None
            parameter.data += -rate * parameter.grad


def count_bigrams(items: list[str], size: int) -> Tensor:
    """The table of bigram counts (V, V), a pair at a time."""
    stoi = {character: i + 1 for i, character in enumerate(sorted(set("".join(items))))}
    stoi["."] = 0
    counts = torch.zeros((size, size), dtype=torch.int32)
    for item in items:
        characters = [".", *item, "."]
        for first, second in pairwise(characters):
            counts[stoi[first], stoi[second]] += 1
    return counts


def read_items(path: str) -> list[list[int]]:
    """A file's items, each a list of ids."""
    with open(path, encoding="utf-8") as file:
        items = file.read().splitlines()
    stoi = {character: i + 1 for i, character in enumerate(sorted(set("".join(items))))}
    return [[stoi[character] for character in item] for item in items]
